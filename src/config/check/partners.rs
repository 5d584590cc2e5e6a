//! Rules about partners and their doors.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::Checks;
use crate::config::place::KeyPath;
use crate::config::{Backoff, Destination, Door, Format, Partner, Span, Subscription};
use crate::parts::in_parts;

impl Checks<'_, '_> {
    pub(super) fn partners(&mut self) {
        let Self { config, tree, environment, secrets: _, ref report } = *self;
        let partners: Vec<_> = config.partners.iter().collect();
        let checked = in_parts(&partners, |part| {
            let mut report = report.of_a_part();
            let mut checks = Checks { config, tree, environment, secrets: BTreeMap::new(), report: &mut report };
            for (id, partner) in part {
                let path = KeyPath::new(["partners", id.as_str()]);
                checks.id(&path, "partner id");
                checks.partner(&path, partner);
            }
            report.errors
        });
        self.report.errors.extend(checked.into_iter().flatten());
        self.one_door();
    }

    fn partner(&mut self, path: &KeyPath, partner: &Partner) {
        self.not_blank(&path.key("name"), &partner.name);
        let entitlement = &partner.entitlement;
        self.known_wires(&path.below("entitlement.wires"), entitlement.wires.iter().map(|wire| wire.as_str()));
        if let (Some(from), Some(until)) = (entitlement.from, entitlement.until)
            && until <= from
        {
            self.error(&path.below("entitlement.until"), "the contract ends before it begins; put until after from");
        }
        self.says_where_and_how(path, partner);
        self.not_zero(&path.below("entitlement.embargo_early"), entitlement.embargo_early);
        for (name, subscription) in &partner.subscriptions {
            let path = path.key("subscriptions").key(name);
            self.id(&path, "subscription name");
            self.subscription(&path, subscription);
        }
        self.changes(&path.key("attribution"), &partner.attribution);
        let doors = path.key("destinations");
        if partner.destinations.is_empty() && !self.report.is_broken(&doors) {
            self.error(&doors, "the partner has no destination; add a section [destinations.NAME]");
        }
        for (name, destination) in &partner.destinations {
            let path = doors.key(name);
            self.id(&path, "destination name");
            self.destination(&path, destination);
            self.may_shorten(&path.key("format"), partner, destination.format.as_str());
        }
        self.no_door_twice(&doors, &partner.destinations);
    }

    pub(super) fn subscription(&mut self, path: &KeyPath, subscription: &Subscription) {
        self.known_wires(&path.key("wires"), subscription.wires.iter().map(|wire| wire.as_str()));
        if let Some(urgency) = subscription.urgency_up_to {
            self.in_bounds(&path.key("urgency_up_to"), urgency.into());
        }
        if let Some(exclude) = &subscription.exclude {
            self.subscription(&path.key("exclude"), exclude);
        }
    }

    fn destination(&mut self, path: &KeyPath, destination: &Destination) {
        self.format_name(&path.key("format"), &destination.format);
        if let Some(concurrency) = destination.concurrency {
            self.in_bounds(&path.key("concurrency"), concurrency.into());
        }
        if let Some(burst) = destination.burst {
            self.in_bounds(&path.key("burst"), burst.into());
            if destination.rate.is_none() && !self.report.is_broken(&path.key("rate")) {
                let message = "there is no rate for the burst to be within; add rate = \"10/s\", or remove it";
                self.error(&path.key("burst"), message);
            }
        }
        if let Some(backoff) = &destination.backoff {
            self.backoff(&path.key("backoff"), &backoff.over(self.config.delivery.backoff));
        }
        self.not_zero(&path.key("give_up_after"), destination.give_up_after);
        let format = self.config.format_profile(&destination.format).map(|profile| profile.format);
        let door = destination.door();
        match door {
            Some(Door::Http(push)) => self.http_push(&path.key("http"), push),
            Some(Door::WordPress(site)) => self.wordpress(&path.key("wordpress"), site),
            Some(Door::Directory(directory)) => self.directory(&path.key("directory"), directory),
            Some(Door::Sftp(sftp)) => self.sftp(&path.key("sftp"), sftp),
            Some(Door::WebDav(webdav)) => self.webdav(&path.key("webdav"), webdav),
            Some(Door::S3(s3)) => self.s3(&path.key("s3"), s3),
            Some(Door::Ftp(ftp)) => self.ftp(&path.key("ftp"), ftp),
            Some(Door::Mail(mail)) => self.mail(path, destination, mail),
            Some(Door::Amqp(push)) => self.queue(&path.key("amqp"), push),
            // Told by `one_door`.
            None => {}
        }
        if let Some(door) = door {
            self.way(&path.key(door.table()), &door.way());
        }
        self.media(path, destination, format);
        match (door, format) {
            (Some(Door::WordPress(_)), Some(format)) if format != Format::WordPress => {
                self.error(&path.key("format"), "WordPress takes no such document; write format = \"wordpress\"");
            }
            (Some(Door::WordPress(_)) | None, _) => {}
            (Some(other), Some(Format::WordPress)) => {
                let message = format!(
                    "the format \"wordpress\" is for a site's own interface; write a section [….wordpress] instead of \
                     [….{}], or take another format",
                    other.table()
                );
                self.error(&path.key("format"), message);
            }
            (Some(_), _) => {}
        }
    }

    /// A destination leads to one place. Its text is looked at, since one that lacks something else is not read at all.
    fn one_door(&mut self) {
        let partners = self.tree.get("partners").and_then(Value::as_object);
        for (id, partner) in partners.into_iter().flatten() {
            let destinations = partner.get("destinations").and_then(Value::as_object);
            for (name, destination) in destinations.into_iter().flatten() {
                let path = || KeyPath::new(["partners", id, "destinations", name]);
                let Some(table) = destination.as_object() else { continue };
                let mut doors = Door::TABLES.into_iter().filter(|name| table.contains_key(*name));
                match (doors.next(), doors.next()) {
                    (Some(_), None) => {}
                    (Some(one), Some(other)) => {
                        let message = format!(
                            "the destination has both [….{one}] and [….{other}]; keep one, or make two destinations of them"
                        );
                        self.report.key(&path().key(other), message);
                    }
                    (None, _) => {
                        let tables = Door::TABLES.map(|name| format!("[….{name}]")).join(", ");
                        self.error(&path(), format!("the destination leads nowhere; add one of the sections {tables}"));
                    }
                }
            }
        }
    }

    pub(super) fn backoff(&mut self, path: &KeyPath, backoff: &Backoff) {
        self.not_zero(&path.key("first"), Some(backoff.first));
        if backoff.first > backoff.ceiling {
            let message = format!(
                "first ({}) is longer than ceiling ({}); shorten first or raise ceiling",
                backoff.first, backoff.ceiling
            );
            self.error(&path.key("first"), message);
        }
    }

    /// To connect, to write, to answer.
    pub(super) fn timeouts(&mut self, path: &KeyPath, timeouts: [Option<Span>; 3]) {
        for (key, timeout) in ["connect_timeout", "write_timeout", "answer_timeout"].into_iter().zip(timeouts) {
            self.not_zero(&path.key(key), timeout);
        }
    }

    /// Two doors with one address and one format would bring every story twice; two that make files with one name would
    /// write over each other's.
    fn no_door_twice(&mut self, doors: &KeyPath, destinations: &BTreeMap<String, Arc<Destination>>) {
        let mut seen: BTreeMap<(String, &str), &str> = BTreeMap::new();
        for (name, destination) in destinations {
            let Some(door) = destination.door() else { continue };
            let (key, address) = door.address();
            let (what, rule, mend) = match door.file() {
                None => (destination.format.as_str(), "send the same format to the same address", "remove one"),
                Some(file) => (
                    file.name.as_str(),
                    "write files of the same names to the same folder",
                    "give one of them another file.name or another folder, or remove it",
                ),
            };
            if let Some(first) = seen.insert((address, what), name) {
                let message = format!("the destinations {first:?} and {name:?} {rule}; {mend}");
                self.error(&doors.key(name).key(door.table()).key(key), message);
            }
        }
    }
}
