//! What one configuration says otherwise than another, and what a running daemon has to do for it.
//!
//! `newswired check --diff` shows it, and a reload goes by the same: what is announced is what is done. Pure functions of
//! two [`Tree`]s. What is not listed here as something that can be changed while the daemon works waits for its next start.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};

use super::place::KeyPath;
use super::show::named;
use super::tree::Tree;

/// One key, and what it says before and after.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// The way to it, as TOML writes it: `partners.coast-times.destinations.main.http.url`.
    pub key: String,
    /// None: nobody said anything.
    pub before: Option<Value>,
    pub after: Option<Value>,
}

/// Something that articles or operators come in by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Port {
    Amqp,
    Http,
    Spool,
    Admin,
}

impl Port {
    pub const ALL: [Self; 4] = [Self::Amqp, Self::Http, Self::Spool, Self::Admin];
}

/// What it takes to go from one configuration to another.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Plan {
    pub differences: Vec<Difference>,
    /// Destinations, `partner/destination`.
    pub added: BTreeSet<String>,
    pub removed: BTreeSet<String>,
    /// Their doors are built anew: the next attempt goes by the new settings.
    pub reopened: BTreeSet<String>,
    /// So are all doors, since what they share has changed.
    pub all_reopened: bool,
    /// What is owed to whom, what attribution asks, and how documents are written.
    pub terms: bool,
    pub ports: BTreeSet<Port>,
    /// Who is told of events, and of which.
    pub events: bool,
    /// How long the ledger keeps what is done.
    pub keep: bool,
    pub log_level: bool,
    /// Keys whose new values wait for the daemon's next start.
    pub at_next_start: Vec<String>,
}

/// What of a destination its lane goes by, and not its door.
const OF_THE_LANE: [&str; 6] = ["format", "rate", "burst", "backoff", "give_up_after", "test_items"];

/// What of `[delivery]` all doors go by.
const OF_ALL_DOORS: [&str; 8] = [
    "concurrency",
    "connections",
    "allow_addresses",
    "proxy",
    "connection_max_age",
    "connect_timeout",
    "write_timeout",
    "answer_timeout",
];

impl Plan {
    /// From `before` to `after`.
    pub fn between(before: &Tree, after: &Tree) -> Self {
        let mut plan = Self::default();
        let media = takes_media(&before.0);
        let mut found = Vec::new();
        compare(&KeyPath::default(), Some(&before.0), Some(&after.0), &mut found);
        for (path, before, after) in found {
            plan.note(&path, before, after, media);
            plan.differences.push(Difference { key: named(&path), before: before.cloned(), after: after.cloned() });
        }
        plan
    }

    /// Nothing has changed.
    pub fn is_empty(&self) -> bool {
        self.differences.is_empty()
    }

    fn note(&mut self, path: &KeyPath, before: Option<&Value>, after: Option<&Value>, media: bool) {
        let parts: Vec<&str> = path.parts().iter().map(AsRef::as_ref).collect();
        match parts.as_slice() {
            ["partners", partner] => {
                self.terms = true;
                let names = |table: Option<&Value>| -> Vec<String> {
                    let doors = table.and_then(|table| table.get("destinations")).and_then(Value::as_object);
                    doors.into_iter().flat_map(Map::keys).map(|door| format!("{partner}/{door}")).collect()
                };
                self.removed.extend(names(before));
                self.added.extend(names(after));
            }
            ["partners", partner, "destinations", door] => {
                self.terms = true;
                let name = format!("{partner}/{door}");
                let set = if before.is_none() { &mut self.added } else { &mut self.removed };
                set.insert(name);
            }
            ["partners", _, "destinations", _, "versions", ..] => self.terms = true,
            ["partners", _, "destinations", _, key, ..] if OF_THE_LANE.contains(key) => {}
            ["partners", partner, "destinations", door, ..] => drop(self.reopened.insert(format!("{partner}/{door}"))),
            ["partners" | "wires" | "policies" | "profiles" | "subject_descendants", ..] => self.terms = true,
            ["intake", "wire" | "article_limit"] => self.terms = true,
            ["intake", "amqp", ..] => drop(self.ports.insert(Port::Amqp)),
            ["intake", "http", ..] => drop(self.ports.insert(Port::Http)),
            ["intake", "spool", ..] => drop(self.ports.insert(Port::Spool)),
            ["events", ..] => self.events = true,
            ["admin", ..] => drop(self.ports.insert(Port::Admin)),
            ["delivery", key, ..] if OF_ALL_DOORS.contains(key) => self.all_reopened = true,
            ["delivery", "backoff" | "retry_after_limit" | "give_up_after", ..] => {}
            ["ledger", "keep_deliveries" | "keep_attempts" | "keep_quarantine"] => self.keep = true,
            ["log", "level"] => self.log_level = true,
            ["reload", "on_change"] => {}
            // A store that nobody needed so far is opened when somebody does.
            ["media", ..] if !media => {}
            _ => self.at_next_start.push(named(path)),
        }
    }

    /// What is done now, in a line.
    pub fn summary(&self) -> String {
        let doors = |number: usize, what: &str| match number {
            0 => None,
            1 => Some(format!("1 destination {what}")),
            number => Some(format!("{number} destinations {what}")),
        };
        let ports = self.ports.iter().map(|port| format!("{port} opened anew")).collect::<Vec<_>>();
        let said = [
            doors(self.added.len(), "added"),
            doors(self.removed.len(), "removed"),
            if self.all_reopened {
                Some("all doors opened anew".to_owned())
            } else {
                doors(self.reopened.len(), "opened anew")
            },
            (!ports.is_empty()).then(|| ports.join(", ")),
            (!self.at_next_start.is_empty()).then(|| format!("at the next start: {}", self.at_next_start.join(", "))),
        ];
        let said: Vec<String> = said.into_iter().flatten().collect();
        match (self.differences.len(), said.is_empty()) {
            (0, _) => "nothing has changed".to_owned(),
            (1, true) => "1 key changed".to_owned(),
            (changes, true) => format!("{changes} keys changed"),
            (1, false) => format!("1 key changed; {}", said.join("; ")),
            (changes, false) => format!("{changes} keys changed; {}", said.join("; ")),
        }
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Amqp => "the AMQP intake",
            Self::Http => "the HTTP intake",
            Self::Spool => "the spool",
            Self::Admin => "the admin port",
        })
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.before, &self.after) {
            (None, Some(Value::Object(_))) => write!(f, "{}: new", self.key),
            (Some(Value::Object(_)), None) => write!(f, "{}: gone", self.key),
            (before, after) => {
                let said = |value: &Option<Value>| value.as_ref().map_or_else(|| "(left out)".to_owned(), short);
                write!(f, "{}: {} → {}", self.key, said(before), said(after))
            }
        }
    }
}

/// A value on a line of its own.
fn short(value: &Value) -> String {
    const LONGEST: usize = 80;
    let text = value.to_string();
    if text.chars().count() <= LONGEST {
        return text;
    }
    let start: String = text.chars().take(LONGEST - 1).collect();
    format!("{start}…")
}

/// Tables whose parts are told one by one, also where the whole table is new or gone.
fn is_told_in_parts(path: &KeyPath) -> bool {
    match path.parts() {
        [] => true,
        [one] => **one != *"subject_descendants",
        [intake, _] => **intake == *"intake",
        _ => false,
    }
}

type Found<'a> = (KeyPath, Option<&'a Value>, Option<&'a Value>);

fn compare<'a>(path: &KeyPath, before: Option<&'a Value>, after: Option<&'a Value>, found: &mut Vec<Found<'a>>) {
    if before == after {
        return;
    }
    let table = |value: Option<&'a Value>| value.and_then(Value::as_object);
    let both = before.is_some_and(Value::is_object) && after.is_some_and(Value::is_object);
    let one = before.or(after).is_some_and(Value::is_object) && (before.is_none() || after.is_none());
    if both || (one && is_told_in_parts(path)) {
        let (before, after) = (table(before), table(after));
        let keys = before.into_iter().chain(after).flat_map(Map::keys).collect::<BTreeSet<_>>();
        for key in keys {
            let at = |table: Option<&'a Map<String, Value>>| table.and_then(|table| table.get(key));
            compare(&path.key(key), at(before), at(after), found);
        }
    } else {
        found.push((path.clone(), before, after));
    }
}

/// Whether some destination takes files of media, so that the store of them is open.
fn takes_media(said: &Value) -> bool {
    let partners = said.get("partners").and_then(Value::as_object);
    let doors = partners
        .into_iter()
        .flat_map(Map::values)
        .filter_map(|partner| partner.get("destinations").and_then(Value::as_object))
        .flat_map(Map::values);
    doors
        .filter_map(Value::as_object)
        .flat_map(Map::values)
        .any(|table| table.get("media").is_some() || table.pointer("/file/sidecars").is_some())
}

#[cfg(test)]
mod tests;
