//! Rules about a partner's AMQP broker.

use super::Checks;
use crate::config::place::KeyPath;
use crate::config::{AmqpPush, Span};

impl Checks<'_, '_> {
    pub(super) fn queue(&mut self, path: &KeyPath, push: &AmqpPush) {
        let at = path.key("url");
        if let Some(url) = self.url(&at, &push.url, &["amqps", "amqp"], "use the keys user and password")
            && (url.query().is_some() || url.fragment().is_some() || url.path().trim_matches('/').contains('/'))
        {
            let message =
                "this is more than a host and a virtual host; write for example \"amqps://mq.paper.example/wire\"";
            self.error(&at, message);
        }
        match (&push.user, &push.password) {
            (Some(user), Some(password)) => {
                self.not_blank(&path.key("user"), user);
                self.secret(&path.key("password"), password);
            }
            (Some(_), None) if !self.report.is_broken(&path.key("password")) => {
                self.error(&path.key("user"), "there is no password for it; add password = …");
            }
            (None, Some(_)) if !self.report.is_broken(&path.key("user")) => {
                self.error(&path.key("password"), "there is no user that it is of; add user = …");
            }
            (Some(_) | None, Some(_) | None) => {}
        }
        // AMQP 0-9-1 §4.2.5.3: a name is a short string.
        if push.exchange.len() > 255 {
            self.error(&path.key("exchange"), "the name is longer than 255 bytes; AMQP carries no longer one");
        }
        self.heartbeat(&path.key("heartbeat"), push.heartbeat);
        self.timeouts(path, [push.connect_timeout, push.write_timeout, push.answer_timeout]);
        self.not_zero(&path.key("connection_max_age"), push.connection_max_age);
    }

    /// AMQP 0-9-1 §4.2.7: the heartbeat is a whole number of seconds in 16 bits, and 0 turns it off.
    pub(super) fn heartbeat(&mut self, path: &KeyPath, heartbeat: Span) {
        let heartbeat = heartbeat.get();
        if !(1..=u64::from(u16::MAX)).contains(&heartbeat.as_secs()) || heartbeat.subsec_nanos() != 0 {
            self.error(path, "AMQP counts it in whole seconds; write 1s to 65535s");
        }
    }
}
