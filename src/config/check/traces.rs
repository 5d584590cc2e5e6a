//! Rules about traces.

use http::{HeaderName, HeaderValue};

use super::Checks;
use super::http::is_ours;
use crate::config::Traces;
use crate::config::place::KeyPath;

impl Checks<'_, '_> {
    pub(super) fn traces(&mut self) {
        let config = self.config;
        let Some(traces) = &config.traces else { return };
        let path = KeyPath::new(["traces"]);
        let instead = "use secret_headers = { authorization = … }";
        if self.url(&path.key("url"), &traces.url, &["https", "http"], instead).is_some() {
            self.leads_out(&path, "url", &traces.url, &traces.allow_addresses);
        }
        self.trace_headers(&path, traces);
        self.certificates(&path.key("ca_file"), traces.ca_file.as_deref());
        if let Some(proxy) = &traces.proxy {
            self.proxy(&path.key("proxy"), proxy);
        }
        self.not_blank(&path.key("service"), &traces.service);
        self.in_bounds(&path.key("queue"), traces.queue.into());
        self.in_bounds(&path.key("batch"), traces.batch.into());
        self.not_zero(&path.key("delay"), Some(traces.delay));
        self.not_zero(&path.key("timeout"), Some(traces.timeout));
    }

    fn trace_headers(&mut self, path: &KeyPath, traces: &Traces) {
        let plain = path.key("headers");
        let secret = path.key("secret_headers");
        for (name, value) in &traces.headers {
            self.trace_header(&plain.key(name), name);
            if HeaderValue::from_str(value).is_err() {
                let message = "the value holds a character that no header can carry; write one line of text";
                self.error(&plain.key(name), message);
            }
        }
        for (name, value) in &traces.secret_headers {
            self.trace_header(&secret.key(name), name);
            if traces.headers.keys().any(|plain| plain.eq_ignore_ascii_case(name)) {
                self.report.key(&secret.key(name), format!("{name:?} stands in headers, too; write it once"));
            }
            self.secret(&secret.key(name), value);
        }
    }

    fn trace_header(&mut self, path: &KeyPath, name: &str) {
        match HeaderName::from_bytes(name.as_bytes()) {
            Err(_) => {
                self.report.key(path, format!("{name:?} is not a header's name; use letters, digits and \"-\""));
            }
            Ok(known) if is_ours(&known) => {
                self.report.key(path, format!("newswired writes the header {name:?} itself; use another"));
            }
            Ok(_) => {}
        }
    }
}
