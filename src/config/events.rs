//! The newsroom's own systems that are told what became of its articles: `[events]`.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AmqpPush, Door, HttpPush, PartnerId, Span};
use crate::article::WireId;

/// Who is told of what happens, and how long it is kept for them. Without a receiver nothing of it is written.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Events {
    /// How long a destination takes nothing before receivers are told that it is in trouble. That it is gone for good (410)
    /// is told at once.
    pub trouble_after: Span,
    /// Events that are kept for a receiver that does not take them. Beyond that the oldest are dropped.
    #[schemars(range(min = 1_000, max = 100_000_000))]
    pub most: u64,
    /// The systems that are told, by name.
    pub receivers: BTreeMap<String, Receiver>,
}

impl Default for Events {
    fn default() -> Self {
        Self { trouble_after: Span::from_secs(900), most: 1_000_000, receivers: BTreeMap::new() }
    }
}

/// A system that is told. It has one of the two tables that say where it is.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Receiver {
    /// What it is told of. None named: everything.
    #[serde(default)]
    pub kinds: BTreeSet<EventKind>,
    /// Whose destinations it is told of. None named: everybody's. What is of no one destination is told in any case.
    #[serde(default)]
    pub partners: BTreeSet<PartnerId>,
    /// Of which wires' stories it is told. None named: of all. What is of no story is told in any case.
    #[serde(default)]
    pub wires: BTreeSet<WireId>,
    /// The most events in one request by HTTP. By AMQP each is a message of its own. Default: 100.
    #[serde(default = "batch")]
    #[schemars(range(min = 1, max = 1_000))]
    pub batch: u16,
    /// The endpoint that events are pushed to; with the keys of a destination's.
    #[serde(default)]
    pub http: Option<Box<HttpPush>>,
    /// The exchange that events are published to; with the keys of a destination's, but for `routing_key`: that is the kind
    /// of the event.
    #[serde(default)]
    pub amqp: Option<Box<AmqpPush>>,
}

/// What a receiver may be told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// A version of a story arrived at a destination for the first time.
    Delivered,
    /// A partner refused one, or it could not be sent.
    Refused,
    /// One was given up, since its time was over.
    Expired,
    /// Everybody who had a story, or may have had it, has acknowledged its withdrawal.
    KillComplete,
    /// A withdrawal is tried nowhere any more, and not everybody has acknowledged it.
    KillIncomplete,
    /// A destination takes nothing, for longer than `trouble_after`.
    PartnerInTrouble,
    /// One of those takes deliveries again.
    PartnerRecovered,
    /// What arrived could not be accepted, or a document could not be proved.
    Quarantined,
}

impl EventKind {
    pub const ALL: [Self; 8] = [
        Self::Delivered,
        Self::Refused,
        Self::Expired,
        Self::KillComplete,
        Self::KillIncomplete,
        Self::PartnerInTrouble,
        Self::PartnerRecovered,
        Self::Quarantined,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Refused => "refused",
            Self::Expired => "expired",
            Self::KillComplete => "kill_complete",
            Self::KillIncomplete => "kill_incomplete",
            Self::PartnerInTrouble => "partner_in_trouble",
            Self::PartnerRecovered => "partner_recovered",
            Self::Quarantined => "quarantined",
        }
    }
}

impl Receiver {
    /// The way to it. A receiver of a configuration that was checked has one.
    pub fn door(&self) -> Option<Door<'_>> {
        match (&self.http, &self.amqp) {
            (Some(push), None) => Some(Door::Http(push)),
            (None, Some(push)) => Some(Door::Amqp(push)),
            (None, None) | (Some(_), Some(_)) => None,
        }
    }

    /// What it is told of.
    pub fn takes(&self) -> BTreeSet<EventKind> {
        if self.kinds.is_empty() { EventKind::ALL.into() } else { self.kinds.clone() }
    }
}

fn batch() -> u16 {
    100
}
