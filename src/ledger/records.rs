//! What goes into a ledger and comes out of it.

use std::time::Duration;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

pub use super::state::Stage;
use super::state::{Settled, Versions};
use super::{ArticleId, DestinationId, Halt, LedgerError, Receipt, StoryId};
use crate::article::{Action, Article, Version};
use crate::telemetry::TraceContext;

/// An article that intake decoded and routed.
#[derive(Debug, Clone)]
pub struct Acceptance {
    pub article: Article,
    /// Where it came from: `amqp`, `http`, `spool`, with what tells it from others.
    pub source: String,
    /// Who is entitled to it now.
    pub routed: Vec<Owed>,
    /// Until when it may be kept by those who have it.
    pub rights: Rights,
    /// How long it is tried, where it is a withdrawal.
    pub withdraw_for: Duration,
    /// Where in a trace it is accepted, if it is traced.
    pub trace: Option<TraceContext>,
    pub now: Timestamp,
}

/// A destination that an article is for, with what its contract says of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owed {
    pub destination: DestinationId,
    /// How long before the embargo's end it may have the story.
    pub early: Duration,
    pub versions: Versions,
    /// Its lane has a place for it, and nothing that would go before it: where it may leave now, the commit that accepts
    /// it announces it, too.
    pub at_once: bool,
}

impl Owed {
    /// On ordinary terms.
    pub fn plainly(destination: DestinationId) -> Self {
        Self { destination, early: Duration::ZERO, versions: Versions::Newest, at_once: false }
    }
}

/// Until when a story may be kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Rights {
    /// For good.
    #[default]
    Lasting,
    /// For this long after the story's first acceptance.
    For(Duration),
    Until(Timestamp),
}

/// A story whose time with its republishers is over.
#[derive(Debug, Clone)]
pub struct Lapsed {
    pub story: StoryId,
    /// Its newest version.
    pub article: Article,
    pub until: Timestamp,
}

/// What the ledger is relieved of in one step.
#[derive(Debug, Clone, Copy)]
pub struct Tidy {
    pub now: Timestamp,
    /// Stories go whose deliveries all ended before this.
    pub stories_before: Timestamp,
    /// Attempts and carried-out orders go that ended before this.
    pub attempts_before: Timestamp,
    /// Quarantine entries go that came before this.
    pub quarantine_before: Timestamp,
    /// Where the last step came to, among articles.
    pub after: ArticleId,
    /// Rows of each kind, at most.
    pub limit: usize,
}

/// What a step came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tidied {
    /// Waiting deliveries that ended because their time was over.
    pub expired: usize,
    pub stories: usize,
    /// Attempts and orders.
    pub attempts: usize,
    pub quarantined: usize,
    /// Where the next step begins.
    pub reached: ArticleId,
    /// There may be more to do at once.
    pub more: bool,
}

/// What became of an article.
#[derive(Debug)]
pub enum Accepted {
    /// Taken, with its deliveries.
    Fresh {
        receipt: Receipt,
        story: StoryId,
        deliveries: usize,
        /// The lanes that have something new to claim.
        touched: Vec<DestinationId>,
        /// What lanes have that had a place for it.
        announced: Vec<(DestinationId, Attempted)>,
    },
    /// The ledger already had exactly this. Nothing changed.
    Repeat { receipt: Receipt, deliveries: usize },
    /// The ledger already had this guid and version with other content; the first one stands. Nothing changed, and
    /// nothing was kept of this one.
    Conflict,
}

/// Input that could not be accepted, or a document that could not be proved.
#[derive(Debug, Clone)]
pub struct QuarantineEntry {
    pub kind: QuarantineKind,
    pub source: String,
    pub content_type: Option<String>,
    /// What it claims to be, as far as it could be read.
    pub guid: Option<String>,
    pub reason: String,
    pub bytes: Vec<u8>,
    pub at: Timestamp,
}

/// What was set aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum QuarantineKind {
    /// Bytes that are no article.
    Input,
    /// A (guid, version) that the ledger already had with other content.
    Conflict,
    /// A document in which a required element could not be proved.
    Rendition,
}

impl QuarantineKind {
    pub const ALL: [Self; 3] = [Self::Input, Self::Conflict, Self::Rendition];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Conflict => "conflict",
            Self::Rendition => "rendition",
        }
    }
}

/// Where a quarantine entry stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum QuarantineState {
    Waiting,
    /// An operator asked for another try; a running daemon takes it up within a second.
    Retry,
    /// The other try was accepted.
    Done,
    Discarded,
}

impl QuarantineState {
    pub const ALL: [Self; 4] = [Self::Waiting, Self::Retry, Self::Done, Self::Discarded];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Retry => "retry",
            Self::Done => "done",
            Self::Discarded => "discarded",
        }
    }
}

/// Something was set aside, durably.
#[derive(Debug)]
pub struct Quarantined {
    pub id: i64,
    pub receipt: Receipt,
}

/// A destination as the configuration has it.
#[derive(Debug, Clone)]
pub struct Registration {
    /// `partner/destination`
    pub name: String,
    /// Its partner is sent nothing for the time being.
    pub paused: bool,
}

/// A lane asks for work.
#[derive(Debug, Clone)]
pub struct Claim {
    pub destination: DestinationId,
    /// How many rows at most.
    pub limit: usize,
    /// Only withdrawals: the lane is waiting for its door, which a kill does not.
    pub withdrawals_only: bool,
    /// The lane was told of an urgent story.
    pub urgent: bool,
    /// What was accepted before this is given up.
    pub give_up_before: Timestamp,
    pub now: Timestamp,
}

/// A lane's window.
#[derive(Debug, Default)]
pub struct Claimed {
    pub rows: Vec<Attempted>,
    /// How many rows ended because their time was over.
    pub expired: usize,
    /// There may be more that is due.
    pub more: bool,
    /// When the first held row is due.
    pub next: Option<Timestamp>,
}

/// An announced attempt.
#[derive(Debug, Clone)]
pub struct Attempted {
    pub story: StoryId,
    pub version: Version,
    pub article: ArticleId,
    pub action: Action,
    /// Its place in the lane: lower goes first.
    pub rank: i64,
    /// 1 for the first.
    pub attempt: u32,
    pub embargo: Option<Timestamp>,
    pub expires: Option<Timestamp>,
    pub accepted: Timestamp,
    /// When it was announced.
    pub announced: Timestamp,
    /// This version arrived there before, and goes once more.
    pub is_repeat: bool,
    /// Its number in the destination's sequence.
    pub sequence: u64,
    /// What an earlier attempt of the story at this destination left for the next.
    pub remote: Option<String>,
}

#[cfg(test)]
impl Attempted {
    /// A first attempt; what is not said is whatever it is.
    pub fn for_tests(story: i64, version: Version, action: Action) -> Self {
        Self {
            story: StoryId(story),
            version,
            article: ArticleId(1),
            action,
            rank: 0,
            attempt: 1,
            embargo: None,
            expires: None,
            accepted: Timestamp::UNIX_EPOCH,
            announced: Timestamp::UNIX_EPOCH,
            is_repeat: false,
            sequence: 1,
            remote: None,
        }
    }
}

/// How an attempt ended.
#[derive(Debug, Clone)]
pub struct Report {
    pub attempted: Attempted,
    pub settled: Settled,
    pub began: Timestamp,
    pub ended: Timestamp,
    /// The answer's status, where there was one.
    pub status: Option<u16>,
    /// In a sentence, for the operator.
    pub detail: String,
    /// What the next attempt of the story at this destination has to know; `None` changes nothing.
    pub remote: Option<String>,
    /// How long a request of unknown outcome may still be in the network.
    pub in_network: Duration,
}

/// An attempt that was delivered, and left nothing to remember: how nearly all attempts end.
#[derive(Debug)]
pub struct Arrived {
    pub story: StoryId,
    pub version: Version,
    pub at: Timestamp,
    /// In a sentence, for the operator.
    pub reason: String,
    /// How long a request of unknown outcome may still be in the network.
    pub in_network: Duration,
}

/// Who is told that what it handed over is on the disk, and does not wait for that.
pub trait Recorder: Send + Sync + 'static {
    /// Told once for each. It is called between two commits, so it does no more than to leave word.
    fn recorded(&self, what: Result<Waiting, LedgerError>);
}

/// What waits again of rows whose attempts ended, or were never made: the same version, or a newer one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Waiting {
    pub any: bool,
    /// From when on a withdrawal among them may be tried.
    pub withdrawal: Option<Timestamp>,
}

/// A lane's durable state: what a restart must not forget.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LaneState {
    /// Tries that failed since the last that did not.
    pub failures: u32,
    /// No try before this time.
    pub retry_at: Option<Timestamp>,
    /// The door said that it is gone (410): an operator has to look.
    pub suspended: Option<String>,
    /// The last trouble, in a sentence.
    pub trouble: Option<String>,
}

impl LaneState {
    /// That of a door that takes what it is sent.
    pub const WELL: Self = Self { failures: 0, retry_at: None, suspended: None, trouble: None };
}

/// A lane as a start finds it.
#[derive(Debug, Clone)]
pub struct LaneDue {
    pub destination: DestinationId,
    pub state: LaneState,
    /// When it next has something to do: long past for at once; none for not.
    pub due: Option<Timestamp>,
    /// A withdrawal is ready: it does not wait for the door's backoff.
    pub withdrawal: bool,
    /// What an operator ordered.
    pub halt: Option<Halt>,
    /// When its partner's last pause ended. What it was owed meanwhile is not given up for its age.
    pub resumed: Option<Timestamp>,
}

impl Stage {
    /// The word for it in lists.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Ready => "waiting",
            Self::Held { .. } => "held",
            Self::Attempting { .. } => "attempting",
            Self::Ended { end, .. } => end.as_str(),
        }
    }
}
