//! Rules about the intakes and the daemon itself.

use tracing_subscriber::EnvFilter;

use super::Checks;
use crate::config::place::KeyPath;
use crate::config::suggest::closest;
use crate::config::{Admin, Amqp, ClientCertificate, Listen, Secret};

const LEVELS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "off"];

impl Checks<'_, '_> {
    pub(super) fn service(&mut self) {
        self.intake();
        self.delivery();
        let config = self.config;
        self.in_bounds(&KeyPath::new(["ledger", "batch"]), u64::try_from(config.ledger.batch).unwrap_or(u64::MAX));
        self.admin(&KeyPath::new(["admin"]), &config.admin);
        self.log_level(&config.log.level);
        if let Some(http) = &config.intake.http
            && http.listen == config.admin.listen
            && http.listen.get().port() != 0
        {
            let message =
                format!("[intake.http] and [admin] both listen on {}; give one of them another port", http.listen);
            self.error(&KeyPath::new(["intake", "http", "listen"]), message);
        }
    }

    fn intake(&mut self) {
        let config = self.config;
        let intake = &config.intake;
        let path = KeyPath::new(["intake"]);
        let sections = ["amqp", "http", "spool"].map(|section| path.key(section));
        let opened = intake.amqp.is_some() || intake.http.is_some() || intake.spool.is_some();
        if !opened && !sections.iter().any(|section| self.report.is_broken(section)) {
            self.error(
                &path,
                "articles have no way in; add one or more of the sections [intake.amqp], [intake.http], [intake.spool]",
            );
        }
        if intake.article_limit.get() == 0 {
            self.error(&path.key("article_limit"), "no article is that small; write a larger size");
        }
        let wire = path.key("wire");
        match &intake.wire {
            Some(id) => self.known_wires(&wire, [id.as_str()]),
            None if config.wires.len() > 1 && !self.report.is_broken(&wire) => {
                let names: Vec<String> = config.wires.keys().map(|id| format!("{:?}", id.as_str())).collect();
                self.error(
                    &wire,
                    format!(
                        "there are several wires, and [intake] does not say which one an article without a wire is \
                         for; add wire = one of {}",
                        names.join(", ")
                    ),
                );
            }
            None => {}
        }
        if let Some(amqp) = &intake.amqp {
            self.amqp(&path.key("amqp"), amqp);
        }
        if let Some(http) = &intake.http {
            let path = path.key("http");
            self.listen(&path, http.listen, http.allow_remote, http.tls.as_deref());
            self.secret(&path.key("token"), &http.token);
            self.not_zero(&path.key("read_timeout"), Some(http.read_timeout));
        }
        if let Some(spool) = &intake.spool {
            self.not_zero(&path.below("spool.poll"), Some(spool.poll));
            self.not_blank(&path.below("spool.dir"), &spool.dir.to_string_lossy());
        }
    }

    fn amqp(&mut self, path: &KeyPath, amqp: &Amqp) {
        let urls = path.key("urls");
        if amqp.urls.is_empty() && !self.report.is_broken(&urls) {
            self.error(&urls, "the list is empty; write the broker's address, \"amqp://host:5672/vhost\"");
        }
        for (index, url) in amqp.urls.iter().enumerate() {
            self.url(&urls.key(index.to_string()), url, &["amqps", "amqp"], "use the keys user and password");
        }
        for (given, missing, other) in [
            (amqp.user.is_some(), amqp.password.is_none(), "password"),
            (amqp.password.is_some(), amqp.user.is_none(), "user"),
        ] {
            if given && missing && !self.report.is_broken(&path.key(other)) {
                self.error(path, format!("user and password go together; add {other} = …"));
            }
        }
        if let Some(password) = &amqp.password {
            self.secret(&path.key("password"), password);
        }
        self.certificates(&path.key("ca_file"), amqp.ca_file.as_deref());
        self.in_bounds(&path.key("prefetch"), amqp.prefetch.into());
        self.heartbeat(&path.key("heartbeat"), amqp.heartbeat);
        // AMQP 0-9-1 §4.2.5.3: a name is a short string.
        for (key, name) in [("exchange", &amqp.exchange), ("queue", &amqp.queue), ("routing_key", &amqp.routing_key)] {
            if name.len() > 255 {
                self.error(&path.key(key), "the name is longer than 255 bytes; AMQP carries no longer one");
            }
        }
        self.not_blank(&path.key("exchange"), &amqp.exchange);
        self.not_blank(&path.key("queue"), &amqp.queue);
    }

    fn delivery(&mut self) {
        let path = KeyPath::new(["delivery"]);
        let config = self.config;
        let delivery = &config.delivery;
        self.in_bounds(&path.key("concurrency"), delivery.concurrency.into());
        self.connections(&path.key("connections"), delivery.connections);
        self.proxy(&path.key("proxy"), &delivery.proxy);
        self.backoff(&path.key("backoff"), &delivery.backoff);
        for (key, span) in [
            ("connection_max_age", delivery.connection_max_age),
            ("connect_timeout", delivery.connect_timeout),
            ("write_timeout", delivery.write_timeout),
            ("answer_timeout", delivery.answer_timeout),
            ("give_up_after", delivery.give_up_after),
        ] {
            self.not_zero(&path.key(key), Some(span));
        }
    }

    /// Each destination has one connection before any has two.
    fn connections(&mut self, path: &KeyPath, connections: Option<u32>) {
        let Some(connections) = connections else { return };
        self.in_bounds(path, connections.into());
        let destinations: usize = self.config.partners.values().map(|partner| partner.destinations.len()).sum();
        if u64::from(connections) < destinations as u64 {
            let message = format!(
                "there are {destinations} destinations, and each needs a connection of its own; write {destinations} \
                 or more, or remove the key"
            );
            self.error(path, message);
        }
    }

    fn admin(&mut self, path: &KeyPath, admin: &Admin) {
        self.listen(path, admin.listen, admin.allow_remote, admin.tls.as_deref());
        let path = path.key("tokens");
        let mut known: Vec<(KeyPath, Secret)> = Vec::new();
        if let Some(http) = &self.config.intake.http
            && let Some(token) = self.environment.and_then(|environment| http.token.resolve_in(environment).ok())
        {
            known.push((KeyPath::new(["intake", "http", "token"]), token));
        }
        for (name, token) in &admin.tokens {
            let path = path.key(name);
            if !is_holder(name) {
                self.error(
                    &path,
                    format!("{name:?} is no name for a token's holder; write one of letters, digits, \"-\", \"_\", \".\" and \"@\""),
                );
            }
            let Some(token) = self.secret(&path, token) else { continue };
            if let Some((twin, _)) = known.iter().find(|(_, other)| other.expose() == token.expose()) {
                let twin = twin.clone();
                self.error(&path, format!("this is the same token as {twin}; give each one of its own"));
            }
            known.push((path, token));
        }
    }

    fn listen(&mut self, path: &KeyPath, listen: Listen, allow_remote: bool, tls: Option<&ClientCertificate>) {
        if let Some(own) = tls {
            self.own_certificate(&path.key("tls"), own);
        }
        if !listen.get().ip().is_loopback() && !allow_remote && tls.is_none() {
            let message = format!(
                "{listen} is open to other machines and has no TLS; give it a certificate with tls = {{ file = …, key = \
                 … }}, listen on 127.0.0.1 behind a proxy, or add allow_remote = true"
            );
            self.error(&path.key("listen"), message);
        }
    }

    fn log_level(&mut self, level: &str) {
        let path = KeyPath::new(["log", "level"]);
        let mend = "write error, warn, info, debug or trace, or a filter such as \"info,newswired::intake=debug\"";
        if level.trim().is_empty() {
            self.error(&path, format!("the level is empty; {mend}"));
            return;
        }
        // The filter's own parser takes any word for the name of a program's part, so `inof` would silence everything.
        for word in level
            .split(',')
            .map(str::trim)
            .filter(|word| !word.contains('=') && !LEVELS.contains(&word.to_lowercase().as_str()))
        {
            if let Some(meant) = closest(word, LEVELS) {
                self.error(&path, format!("unknown level {word:?}; did you mean {meant:?}?"));
                return;
            }
        }
        if let Err(why) = EnvFilter::builder().parse(level) {
            self.error(&path, format!("{level:?} is not a filter ({why}); {mend}"));
        }
    }
}

/// It stands beside orders, in lists and in the log.
fn is_holder(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.chars().all(|c| c.is_alphanumeric() || "._-@".contains(c))
}
