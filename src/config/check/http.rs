//! Rules about HTTP endpoints.

use std::collections::BTreeSet;

use http::{HeaderName, HeaderValue, header};
use url::Url;

use super::Checks;
use crate::config::place::KeyPath;
use crate::config::{Auth, HttpPush, Oauth, PushMethod, PushUrl, RemoteId, Secret, UrlField};

const SCHEMES: [&str; 2] = ["https", "http"];

/// Of a user or a password in an address.
const INSTEAD: &str = "use auth = { basic = { user, password } }";

impl Checks<'_, '_> {
    pub(super) fn http_push(&mut self, path: &KeyPath, push: &HttpPush) {
        let url = self.url(&path.key("url"), push.url.fixed(), &SCHEMES, INSTEAD);
        self.requests(path, push, url.as_ref());
        self.timeouts(path, [push.connect_timeout, push.write_timeout, push.answer_timeout]);
        self.not_zero(&path.key("connection_max_age"), push.connection_max_age);
        self.signatures(path, push);
        if let Some(auth) = &push.auth {
            self.auth(&path.key("auth"), auth);
            if let Auth::Oauth(oauth) = auth {
                self.leads_out(path, "auth.oauth.token_url", &oauth.token_url, &push.allow_addresses);
            }
        }
        self.fixed_headers(&path.key("headers"), push);
        self.redirects(&path.key("redirects"), push);
    }

    /// The requests for a first version, for later ones, and for kills.
    fn requests(&mut self, path: &KeyPath, push: &HttpPush, url: Option<&Url>) {
        if push.url.names(UrlField::RemoteId) {
            let message = "a new story has no remote_id yet; name it in the url of update or kill";
            self.error(&path.key("url"), message);
        }
        match push.method {
            PushMethod::Post | PushMethod::Put => {}
            PushMethod::Patch | PushMethod::Delete => {
                self.error(&path.key("method"), "a new story is sent by \"POST\" or by \"PUT\"; write one of them");
            }
        }
        self.statuses(&path.key("success"), &push.success, &[]);
        if push.update.is_some() && push.remote_id.is_none() && !self.report.is_broken(&path.key("remote_id")) {
            let message = "whether the partner has a story is known by its remote_id; add it, or write fields into url \
                           and method = \"PUT\" for every version";
            self.error(&path.key("update"), message);
        }
        // What says that there is nothing left to take down (RFC 9110 §15.5.5, §15.5.11).
        const NOT_THERE: [u16; 2] = [404, 410];
        for (key, variant, also) in [("update", &push.update, &[][..]), ("kill", &push.kill, &NOT_THERE)] {
            let Some(variant) = variant else { continue };
            let at = path.key(key);
            if variant.method.is_none() && variant.url.is_none() && variant.success.is_empty() {
                self.error(&at, "nothing is another here; write method or url, or remove it");
            }
            if key == "update" && variant.method == Some(PushMethod::Delete) {
                self.error(&at.key("method"), "\"DELETE\" has no body for the new version; write another");
            }
            self.statuses(&at.key("success"), &variant.success, also);
            if let Some(own) = &variant.url {
                self.variant_url(&at.key("url"), own, push, url);
            }
        }
        match &push.remote_id {
            Some(RemoteId::Header(name)) if HeaderName::from_bytes(name.as_bytes()).is_err() => {
                let message = format!("{name:?} is not a header's name; use letters, digits and \"-\"");
                self.error(&path.below("remote_id.header"), message);
            }
            Some(RemoteId::Json(pointer)) if !pointer.starts_with('/') => {
                self.error(
                    &path.below("remote_id.json"),
                    "a JSON pointer begins with \"/\"; write for example \"/id\"",
                );
            }
            Some(RemoteId::Header(_) | RemoteId::Json(_)) | None => {}
        }
    }

    fn variant_url(&mut self, path: &KeyPath, own: &PushUrl, push: &HttpPush, url: Option<&Url>) {
        let found = self.url(path, own.fixed(), &SCHEMES, INSTEAD);
        if let (Some(found), Some(url)) = (found, url)
            && found.origin() != url.origin()
        {
            self.error(
                path,
                "this is another host than that of the destination's url; make a destination of its own of it",
            );
        }
        if own.names(UrlField::RemoteId) && push.remote_id.is_none() {
            let message =
                "nothing says what remote_id is; add remote_id = { header = \"location\" } or { json = \"/id\" }";
            self.error(path, message);
        }
    }

    /// Statuses that say that all is well: 200 to 299, and those of `also`.
    fn statuses(&mut self, path: &KeyPath, statuses: &BTreeSet<u16>, also: &[u16]) {
        if let Some(odd) = statuses.iter().find(|status| !(200..300).contains(*status) && !also.contains(status)) {
            let also = if also.is_empty() { "" } else { ", or 404 and 410 for what is not there any more" };
            self.error(path, format!("{odd} does not say that it was taken; write statuses from 200 to 299{also}"));
        }
    }

    fn fixed_headers(&mut self, path: &KeyPath, push: &HttpPush) {
        let auth = push.auth.as_ref().and_then(Auth::header);
        let body = push.body_signature.as_ref().and_then(|body| body.scheme().header);
        for (name, value) in &push.headers {
            let at = path.key(name);
            match HeaderName::from_bytes(name.as_bytes()) {
                Err(_) => {
                    self.report.key(&at, format!("{name:?} is not a header's name; use letters, digits and \"-\""));
                }
                Ok(known) if is_ours(&known) => {
                    self.report.key(&at, format!("newswired writes the header {name:?} itself; use another"));
                }
                Ok(known) if known == header::AUTHORIZATION || auth.is_some_and(|auth| known == *auth) => {
                    self.report.key(&at, format!("the header {name:?} is written by auth; remove it here"));
                }
                Ok(known) if body.is_some_and(|body| known == *body) => {
                    self.report.key(&at, format!("the header {name:?} is written by body_signature; remove it here"));
                }
                Ok(_) => {}
            }
            if HeaderValue::from_str(value).is_err() {
                self.error(&at, "the value holds a character that no header can carry; write one line of text");
            }
        }
    }

    fn redirects(&mut self, path: &KeyPath, push: &HttpPush) {
        for host in &push.redirects {
            let is_host = Url::parse(&format!("https://{host}/"))
                .is_ok_and(|url| url.path() == "/" && url.username().is_empty() && url.query().is_none());
            if !is_host || host.contains('/') {
                let item = self.item(path, host);
                self.error(
                    &item,
                    format!("{host:?} is no host; write for example \"other.example\" or \"other.example:8443\""),
                );
            }
        }
    }

    fn auth(&mut self, path: &KeyPath, auth: &Auth) {
        match auth {
            Auth::Bearer(token) => {
                let path = path.key("bearer");
                let value = self.secret(&path, token);
                self.fits_a_header(&path, value.as_ref());
            }
            Auth::Basic { user, password } => {
                // RFC 7617 §2: a user-id with a colon cannot be told from its password.
                if user.contains(':') {
                    self.error(&path.below("basic.user"), "the user holds a colon, which HTTP forbids; use another");
                }
                self.secret(&path.below("basic.password"), password);
            }
            Auth::Header { name, value } => {
                let at = path.below("header.name");
                match HeaderName::from_bytes(name.as_bytes()) {
                    Err(_) => {
                        self.error(&at, format!("{name:?} is not a header's name; use letters, digits and \"-\""))
                    }
                    Ok(known) if is_ours(&known) => {
                        self.error(&at, format!("newswired writes the header {name:?} itself; use another"));
                    }
                    Ok(_) => {}
                }
                let at = path.below("header.value");
                let value = self.secret(&at, value);
                self.fits_a_header(&at, value.as_ref());
            }
            Auth::Query { name, value } => {
                self.not_blank(&path.below("query.name"), name);
                self.secret(&path.below("query.value"), value);
            }
            Auth::Oauth(oauth) => self.oauth(&path.key("oauth"), oauth),
        }
    }

    fn oauth(&mut self, path: &KeyPath, oauth: &Oauth) {
        self.url(&path.key("token_url"), &oauth.token_url, &SCHEMES, "use client_id and client_secret");
        self.not_blank(&path.key("client_id"), &oauth.client_id);
        self.secret(&path.key("client_secret"), &oauth.client_secret);
        for (key, text) in [("scope", &oauth.scope), ("audience", &oauth.audience)] {
            if let Some(text) = text {
                self.not_blank(&path.key(key), text);
            }
        }
        self.certificates(&path.key("ca_file"), oauth.ca_file.as_deref());
    }

    fn fits_a_header(&mut self, path: &KeyPath, secret: Option<&Secret>) {
        if secret.is_some_and(|secret| HeaderValue::from_str(secret.expose()).is_err()) {
            self.error(path, "the secret holds a character that no header can carry; it must be one line of text");
        }
    }
}

/// The headers that a push writes itself, or that belong to the connection (RFC 9110 §7.6.1).
pub(super) fn is_ours(name: &HeaderName) -> bool {
    const OURS: [&str; 19] = [
        "connection",
        "content-digest",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "host",
        "idempotency-key",
        "keep-alive",
        "proxy-connection",
        "signature",
        "signature-input",
        "te",
        "traceparent",
        "tracestate",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
    ];
    let name = name.as_str();
    OURS.contains(&name) || name.starts_with("webhook-") || name.starts_with("newswire-")
}
