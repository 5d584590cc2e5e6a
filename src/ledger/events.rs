//! What a ledger tells the newsroom's own systems of, and how far each of them has come.
//!
//! An event is written in the commit that makes what it tells of true, so none is lost and none is made up. Receivers read
//! them in the order of those commits, each at its own pace: the ledger keeps the last that a receiver has taken, and lets
//! go of what all have. It does not know how an event is written or sent.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::{DestinationId, QuarantineKind};
use crate::article::{Action, Guid, Version, WireId};
pub use crate::config::EventKind;

/// An event's number. They grow in the order of the commits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventId(pub(in crate::ledger) i64);

impl EventId {
    /// How many events lie between an earlier one and this.
    pub fn since(self, earlier: Self) -> u64 {
        u64::try_from(self.0 - earlier.0).unwrap_or_default()
    }

    /// The one so many before it.
    #[must_use]
    pub fn before(self, number: u64) -> Self {
        Self(self.0.saturating_sub_unsigned(number))
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Who is told, and of what. From then on the ledger writes these events and no others; a receiver that is new is told
/// what happens from now on, and one that is named no more is forgotten.
#[derive(Debug, Clone)]
pub struct Telling {
    pub receivers: Vec<String>,
    /// What any of them takes.
    pub kinds: BTreeSet<EventKind>,
    /// The destinations of the configuration: the trouble of others is nobody's any more.
    pub destinations: Vec<DestinationId>,
    pub now: Timestamp,
}

/// What is looked at for events that no single change makes: a withdrawal's end at all destinations, and trouble that
/// lasts.
#[derive(Debug, Clone, Copy)]
pub struct Tend {
    pub now: Timestamp,
    /// How long a destination is in trouble before that is told.
    pub trouble_after: Duration,
}

/// What lies before a receiver.
#[derive(Debug, Clone, PartialEq)]
pub struct EventPage {
    /// The last event that it has taken, or that was not for it.
    pub reached: EventId,
    /// The last that there is.
    pub newest: EventId,
    /// The next ones, of all kinds.
    pub events: Vec<EventRecord>,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct EventRecord {
    pub id: EventId,
    pub at: Timestamp,
    pub what: Happened,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "type", content = "data", rename_all = "snake_case")]
pub enum Happened {
    /// A version of a story arrived at a destination for the first time: the partner confirmed it.
    Delivered(Arrival),
    /// A partner refused a version of a story, or it could not be sent; nothing more is tried, and it waits for an operator.
    /// A withdrawal goes on being tried, and is told once.
    Refused(Refusal),
    /// A version of a story was given up at a destination, since its time was over.
    Expired(Expiry),
    /// Every destination that had a story, or may have had it, has acknowledged its withdrawal.
    KillComplete(KillEnd),
    /// A withdrawal is tried nowhere any more, and not every destination that may have the story has acknowledged it.
    KillIncomplete(KillEnd),
    /// A destination takes nothing for longer than is configured, or said that it is gone for good (410).
    PartnerInTrouble(Trouble),
    /// A destination that was told of as in trouble takes deliveries again, or an operator has it tried again.
    PartnerRecovered(Recovery),
    /// What arrived could not be accepted, or a document could not be proved. It is kept whole, and waits for an operator.
    Quarantined(SetAside),
}

/// A version of a story.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct StoryVersion {
    /// The story's guid.
    #[schemars(with = "String")]
    pub story: Guid,
    #[schemars(with = "u64")]
    pub version: Version,
    pub wire: WireId,
    /// `null` where the version was kept for long enough and is gone.
    pub action: Option<Action>,
    pub headline: Option<String>,
    /// When the version was accepted from the newsroom.
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub accepted_at: Option<Timestamp>,
}

/// A destination: one door of a partner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Door {
    /// The partner's id.
    pub partner: String,
    /// `partner/destination`
    pub destination: String,
}

impl Door {
    /// Of the name `partner/destination`.
    pub fn named(destination: String) -> Self {
        let partner = destination.split('/').next().unwrap_or_default().to_owned();
        Self { partner, destination }
    }
}

/// What arrived, and where.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Arrival {
    #[serde(flatten)]
    pub of: StoryVersion,
    #[serde(flatten)]
    pub at: Door,
    /// How many attempts it took; `null` where a newer version was waiting already.
    pub attempts: Option<u32>,
    /// What the partner's server said, in a sentence.
    pub detail: Option<String>,
}

/// What was refused, where, and why.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Refusal {
    #[serde(flatten)]
    pub of: StoryVersion,
    #[serde(flatten)]
    pub at: Door,
    /// 1 for the first.
    pub attempt: Option<u32>,
    /// The answer's status; `null` where there was none.
    pub status: Option<u16>,
    /// Why, in a sentence.
    pub detail: Option<String>,
}

/// What was given up, where, and why.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Expiry {
    #[serde(flatten)]
    pub of: StoryVersion,
    #[serde(flatten)]
    pub at: Door,
    /// Why, in a sentence.
    pub detail: Option<String>,
}

/// A withdrawal, and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct KillEnd {
    #[serde(flatten)]
    pub of: StoryVersion,
    /// Destinations that have acknowledged the withdrawal.
    pub acknowledged: u64,
    /// Destinations that may have the story and have not: the withdrawal expired or was cancelled there.
    pub not_acknowledged: u64,
    /// When the first destination acknowledged it.
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub first_at: Option<Timestamp>,
    /// When the last one did.
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub last_at: Option<Timestamp>,
}

/// Who is in trouble, since when, and why.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Trouble {
    #[serde(flatten)]
    pub at: Door,
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub since: Timestamp,
    /// It said that it is gone for good (410): it is sent nothing but withdrawals until an operator resumes it.
    pub suspended: bool,
    /// Tries that failed since the last that did not.
    pub failures: u32,
    /// The last trouble, in a sentence.
    pub detail: Option<String>,
}

/// Who is well again.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Recovery {
    #[serde(flatten)]
    pub at: Door,
    /// Since when it was in trouble.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub since: Timestamp,
}

/// What was set aside, and why.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SetAside {
    /// Its number, by which `newswired quarantine show` has it.
    pub quarantine: i64,
    /// What was set aside: bytes that are no article, a version that was there already with other content, or a document
    /// in which a required element could not be proved.
    pub what: QuarantineKind,
    /// The guid that it claims to have, as far as that could be read.
    pub story: Option<String>,
    /// Where it came from.
    pub source: String,
    /// Why, in a sentence.
    pub detail: String,
}

impl Happened {
    pub fn kind(&self) -> EventKind {
        match self {
            Self::Delivered(_) => EventKind::Delivered,
            Self::Refused(_) => EventKind::Refused,
            Self::Expired(_) => EventKind::Expired,
            Self::KillComplete(_) => EventKind::KillComplete,
            Self::KillIncomplete(_) => EventKind::KillIncomplete,
            Self::PartnerInTrouble(_) => EventKind::PartnerInTrouble,
            Self::PartnerRecovered(_) => EventKind::PartnerRecovered,
            Self::Quarantined(_) => EventKind::Quarantined,
        }
    }

    /// The version of a story that it is about, if it is.
    pub fn of(&self) -> Option<&StoryVersion> {
        match self {
            Self::Delivered(Arrival { of, .. })
            | Self::Refused(Refusal { of, .. })
            | Self::Expired(Expiry { of, .. })
            | Self::KillComplete(KillEnd { of, .. })
            | Self::KillIncomplete(KillEnd { of, .. }) => Some(of),
            Self::PartnerInTrouble(_) | Self::PartnerRecovered(_) | Self::Quarantined(_) => None,
        }
    }

    /// The one destination that it is about, if it is.
    pub fn at(&self) -> Option<&Door> {
        match self {
            Self::Delivered(Arrival { at, .. })
            | Self::Refused(Refusal { at, .. })
            | Self::Expired(Expiry { at, .. })
            | Self::PartnerInTrouble(Trouble { at, .. })
            | Self::PartnerRecovered(Recovery { at, .. }) => Some(at),
            Self::KillComplete(_) | Self::KillIncomplete(_) | Self::Quarantined(_) => None,
        }
    }
}
