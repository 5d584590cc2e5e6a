//! Rules about HTTP endpoints.

use http::{HeaderName, HeaderValue};

use super::Checks;
use crate::config::place::KeyPath;
use crate::config::{Auth, HttpPush, Secret};

impl Checks<'_, '_> {
    pub(super) fn http_push(&mut self, path: &KeyPath, push: &HttpPush) {
        self.url(&path.key("url"), &push.url, &["https", "http"], "use auth = { basic = { user, password } }");
        self.timeouts(path, [push.connect_timeout, push.write_timeout, push.answer_timeout]);
        self.not_zero(&path.key("connection_max_age"), push.connection_max_age);
        self.signatures(path, push);
        if let Some(auth) = &push.auth {
            self.auth(&path.key("auth"), auth);
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
        }
    }

    fn fits_a_header(&mut self, path: &KeyPath, secret: Option<&Secret>) {
        if secret.is_some_and(|secret| HeaderValue::from_str(secret.expose()).is_err()) {
            self.error(path, "the secret holds a character that no header can carry; it must be one line of text");
        }
    }
}

/// The headers that a push writes itself, or that belong to the connection (RFC 9110 §7.6.1).
pub(super) fn is_ours(name: &HeaderName) -> bool {
    const OURS: [&str; 14] = [
        "connection",
        "content-digest",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "host",
        "idempotency-key",
        "signature",
        "signature-input",
        "te",
        "transfer-encoding",
        "upgrade",
        "user-agent",
    ];
    let name = name.as_str();
    OURS.contains(&name) || name.starts_with("webhook-") || name.starts_with("newswire-")
}
