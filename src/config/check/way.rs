//! Rules about the way to a door.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

use super::Checks;
use crate::config::place::KeyPath;
use crate::config::{Unreachable, Way, reachable};

impl Checks<'_, '_> {
    /// `path` is the door's.
    pub(super) fn way(&mut self, path: &KeyPath, way: &Way<'_>) {
        self.certificates(&path.key("ca_file"), way.ca_file);
        self.leads_out(path, way);
    }

    /// An address in the url is looked at here, so that nobody has to wait for a delivery to hear of it. Where a name
    /// leads is known when a connection is made.
    fn leads_out(&mut self, path: &KeyPath, way: &Way<'_>) {
        let Ok(url) = Url::parse(way.url) else { return };
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
        let allowed = || self.config.delivery.allow_addresses.iter().chain(way.allow_addresses);
        let refused: Vec<Unreachable> =
            addresses.iter().filter_map(|address| reachable(*address, allowed()).err()).collect();
        if refused.len() < addresses.len() {
            return;
        }
        let all = refused.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        let line = Unreachable::line(&refused);
        let message = format!("{all}; if that is meant, add {line} here, or to [delivery] for all destinations");
        self.error(&path.key("url"), message);
    }
}

fn is_localhost(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    name == "localhost" || name.ends_with(".localhost")
}
