//! Rules about the way to a door.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

use super::Checks;
use crate::config::place::KeyPath;
use crate::config::{AddressBlock, ClientCertificate, Proxy, ProxyProtocol, Unreachable, Way, reachable};

impl Checks<'_, '_> {
    /// `path` is the door's.
    pub(super) fn way(&mut self, path: &KeyPath, way: &Way<'_>) {
        self.certificates(&path.key("ca_file"), way.ca_file);
        if let Some(shown) = way.client_certificate {
            self.own_certificate(&path.key("client_certificate"), shown);
        }
        self.needs_tls(path, way);
        if let Some(proxy) = way.proxy {
            self.proxy(&path.key("proxy"), proxy);
        }
        if let Some(key) = way.key {
            self.leads_out(path, key, &way.url, way.allow_addresses);
        }
    }

    /// That certificate and key can be used, and belong together.
    pub(super) fn own_certificate(&mut self, path: &KeyPath, shown: &ClientCertificate) {
        if let Err(why) = shown.chain() {
            self.error(&path.key("file"), why);
            return;
        }
        let key = path.key("key");
        if let Some(secret) = self.secret(&key, &shown.key)
            && let Err(why) = shown.credentials(&secret)
        {
            self.error(&key, why);
        }
    }

    /// What is asked of TLS is asked of nobody where there is none.
    fn needs_tls(&mut self, path: &KeyPath, way: &Way<'_>) {
        if !Url::parse(&way.url).is_ok_and(|url| url.scheme() == "http") {
            return;
        }
        let secure = if path.last() == Some("amqp") { "amqps" } else { "https" };
        for (key, asked) in [("client_certificate", way.client_certificate.is_some()), ("pin", !way.pin.is_empty())] {
            if asked {
                let message = format!("the url is without TLS, so nobody looks at this; write {secure}://…");
                self.error(&path.key(key), message);
            }
        }
    }

    pub(super) fn proxy(&mut self, path: &KeyPath, proxy: &Proxy) {
        let Proxy::Server(server) = proxy else { return };
        for (given, missing, other) in [
            (server.user.is_some(), server.password.is_none(), "password"),
            (server.password.is_some(), server.user.is_none(), "user"),
        ] {
            if given && missing && !self.report.is_broken(&path.key(other)) {
                self.error(path, format!("user and password go together; add {other} = …"));
            }
        }
        let user = server.user.as_deref().unwrap_or_default();
        match server.url.speaks {
            // RFC 7617 §2: a user-id with a colon cannot be told from its password.
            ProxyProtocol::Http if user.contains(':') => {
                self.error(&path.key("user"), "the user holds a colon, which HTTP forbids; use another");
            }
            // RFC 1929 §2.
            ProxyProtocol::Socks5 if user.len() > 255 => {
                self.error(&path.key("user"), "the user is longer than 255 bytes; SOCKS carries no longer one");
            }
            ProxyProtocol::Http | ProxyProtocol::Socks5 => {}
        }
        if let Some(password) = &server.password
            && let Some(password) = self.secret(&path.key("password"), password)
            && server.url.speaks == ProxyProtocol::Socks5
            && password.expose().len() > 255
        {
            let message = "the password is longer than 255 bytes; SOCKS carries no longer one";
            self.error(&path.key("password"), message);
        }
    }

    /// An address in the url at `key` is looked at here, so that nobody has to wait for a delivery to hear of it. Where a name
    /// leads is known when a connection is made.
    pub(super) fn leads_out(&mut self, path: &KeyPath, key: &str, url: &str, allow_addresses: &[AddressBlock]) {
        let Ok(url) = Url::parse(url) else { return };
        // What could not be read may have allowed it.
        let lists = [path.key("allow_addresses"), KeyPath::new(["delivery", "allow_addresses"])];
        if lists.iter().any(|list| self.report.is_broken(list)) {
            return;
        }
        let addresses: Vec<IpAddr> = match url.host() {
            Some(Host::Ipv4(address)) => vec![address.into()],
            Some(Host::Ipv6(address)) => vec![address.into()],
            // RFC 6761 §6.3: this machine, in either family.
            Some(Host::Domain(name)) if is_localhost(name) => {
                vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]
            }
            Some(Host::Domain(_)) | None => return,
        };
        let allowed = || self.config.delivery.allow_addresses.iter().chain(allow_addresses);
        let refused: Vec<Unreachable> =
            addresses.iter().filter_map(|address| reachable(*address, allowed()).err()).collect();
        if refused.len() < addresses.len() {
            return;
        }
        let all = refused.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        let line = Unreachable::line(&refused);
        let message = format!("{all}; if that is meant, add {line} here, or to [delivery] for all destinations");
        self.error(&path.below(key), message);
    }
}

pub(super) fn is_localhost(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    name == "localhost" || name.ends_with(".localhost")
}
