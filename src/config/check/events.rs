//! Rules about the systems that are told what happens.

use super::Checks;
use crate::config::place::KeyPath;
use crate::config::suggest::mend;
use crate::config::{Component, Door, HttpPush, Receiver};

impl Checks<'_, '_> {
    pub(super) fn events(&mut self) {
        let config = self.config;
        let path = KeyPath::new(["events"]);
        self.not_zero(&path.key("trouble_after"), Some(config.events.trouble_after));
        self.in_bounds(&path.key("most"), config.events.most);
        for (name, receiver) in &config.events.receivers {
            let path = path.key("receivers").key(name);
            self.id(&path, "receiver's name");
            self.receiver(&path, receiver);
        }
    }

    fn receiver(&mut self, path: &KeyPath, receiver: &Receiver) {
        self.known_wires(&path.key("wires"), receiver.wires.iter().map(|wire| wire.as_str()));
        let config = self.config;
        let partners: Vec<&str> = config.partners.keys().map(|partner| partner.as_str()).collect();
        for id in receiver.partners.iter().map(|partner| partner.as_str()) {
            if !partners.contains(&id) && !self.report.is_broken(&KeyPath::new(["partners", id])) {
                let item = self.item(&path.key("partners"), id);
                self.error(&item, format!("unknown partner {id:?}; {}", mend(id, &partners)));
            }
        }
        self.in_bounds(&path.key("batch"), receiver.batch.into());
        let tables = ["http", "amqp"].map(|table| path.key(table));
        match (receiver.http.is_some(), receiver.amqp.is_some()) {
            (true, true) => {
                let message = "the receiver has both [….http] and [….amqp]; keep one, or make two receivers of them";
                self.report.key(&tables[1], message);
            }
            (false, false) if !tables.iter().any(|table| self.report.is_broken(table)) => {
                self.error(path, "the receiver is nowhere; add one of the sections [….http], [….amqp]");
            }
            (true, false) | (false, true) | (false, false) => {}
        }
        if let Some(push) = &receiver.http {
            let at = path.key("http");
            self.http_push(&at, push);
            self.way(&at, &Door::Http(push).way());
            self.of_no_story(&at, push);
        }
        if let Some(push) = &receiver.amqp {
            let at = path.key("amqp");
            self.queue(&at, push);
            self.way(&at, &Door::Amqp(push).way());
        }
        for (key, why) in [
            ("http.update", "an event has one request; remove it"),
            ("http.kill", "an event has one request; remove it"),
            ("http.remote_id", "nothing is kept of an answer to events; remove it"),
            ("http.media", "no files go with events; remove it"),
            ("http.trace_context", "events belong to no trace; remove it"),
            ("amqp.trace_context", "events belong to no trace; remove it"),
            ("amqp.routing_key", "the routing key of an event is its kind; remove it, and bind queues by that"),
        ] {
            let at = path.below(key);
            if at.parts().iter().try_fold(self.tree, |node, part| node.get(part.as_ref())).is_some() {
                self.report.key(&at, why);
            }
        }
    }

    /// A request that is about events has nothing that is one story's.
    fn of_no_story(&mut self, path: &KeyPath, push: &HttpPush) {
        if push.url.has_fields() {
            self.error(&path.key("url"), "events have no such fields; write the address as it is");
        }
        for component in push.message_signature.iter().flat_map(|signature| &signature.components) {
            if let Component::Field(field) = component
                && field.as_str().starts_with("newswire-")
                && field != "newswire-attempt"
            {
                let message = format!("events come without the header {field:?}; leave it out of the signature");
                self.error(&path.below("message_signature.components"), message);
            }
        }
    }
}
