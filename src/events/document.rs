//! What is sent: events as JSON, and their ids.
//!
//! An event's id is made of what the ledger keeps of it, so it is the same whenever the event is sent, and another's is
//! another: also after a copy of the ledger was brought back, in which numbers are given once more.

use bytes::Bytes;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::ledger::{EventRecord, Happened};
use crate::transport::Notice;

/// Several events, in their order: the body of one request.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Events<'a> {
    events: Vec<Event<'a>>,
}

/// Something that happened: an item of a request, or a message of its own.
#[derive(Debug, Serialize, JsonSchema)]
struct Event<'a> {
    /// The same whenever it is sent: `evt_` and 32 hexadecimal digits.
    id: String,
    /// When it happened.
    #[schemars(with = "String", extend("format" = "date-time"))]
    timestamp: Timestamp,
    #[serde(flatten)]
    what: &'a Happened,
}

impl<'a> From<&'a EventRecord> for Event<'a> {
    fn from(record: &'a EventRecord) -> Self {
        Self { id: id(record), timestamp: record.at, what: &record.what }
    }
}

/// The JSON Schema (2020-12) of what one request carries.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Events<'_>).to_value()
}

/// One event as a message of its own.
pub fn one(record: &EventRecord, attempt: u32) -> Result<Notice, serde_json::Error> {
    let body = Bytes::from(serde_json::to_vec(&Event::from(record))?);
    Ok(Notice { id: id(record), kind: record.what.kind().as_str(), body, attempt })
}

/// All of them as one request. Its id is that of the event where there is one, and otherwise theirs together.
pub fn together(records: &[&EventRecord], attempt: u32) -> Result<Notice, serde_json::Error> {
    let events: Vec<Event<'_>> = records.iter().map(|record| Event::from(*record)).collect();
    let id = match &events[..] {
        [one] => one.id.clone(),
        several => named("evts_", &several.iter().map(|event| event.id.as_str()).collect::<Vec<_>>().concat()),
    };
    let body = Bytes::from(serde_json::to_vec(&Events { events })?);
    Ok(Notice { id, kind: "events", body, attempt })
}

fn id(EventRecord { id, at, what }: &EventRecord) -> String {
    let of = what.of().map(|of| format!("{} {}", of.story, of.version)).unwrap_or_default();
    let to = what.at().map(|at| at.destination.as_str()).unwrap_or_default();
    // The unit separator stands in no name and in no URI.
    named("evt_", &format!("{id}\u{1f}{}\u{1f}{}\u{1f}{of}\u{1f}{to}", at.as_microsecond(), what.kind().as_str()))
}

fn named(prefix: &str, text: &str) -> String {
    let digest = Sha256::digest(text);
    digest.iter().take(16).fold(prefix.to_owned(), |name, byte| name + &format!("{byte:02x}"))
}
