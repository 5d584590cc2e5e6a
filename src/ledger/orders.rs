//! What operators order. An order is durable: it is written to the ledger first, takes effect in a running daemon, or
//! when one starts, and stays listed with what came of it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ArticleId, DestinationId, Owed, StoryId};
use crate::article::{Article, Guid};

/// What an operator orders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "order", rename_all = "lowercase")]
pub enum Order {
    /// Nothing of the story leaves any more, but withdrawals.
    Hold { story: Guid },
    /// A held story goes on.
    Release { story: Guid },
    /// What waits of a story ends.
    Cancel {
        story: Guid,
        to: Option<Target>,
        #[serde(default)]
        even_kills: bool,
    },
    /// Nothing is sent there but withdrawals; with `even_kills` nothing at all.
    Suspend {
        to: Target,
        #[serde(default)]
        even_kills: bool,
    },
    /// A suspension ends, whether an operator or the door itself was its cause.
    Resume { to: Target },
    /// The story's version goes once more, whatever came of it.
    Resend { story: Guid, to: Target },
    /// The newest version of each story goes that was missed.
    Replay(Replay),
    /// The configuration is loaded again.
    Reload,
}

/// What is sent once more, and how fast.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replay {
    pub to: Target,
    pub from: ReplayFrom,
    /// Stories whose newest version was accepted before this.
    pub until: Option<Timestamp>,
    /// A subscription's keys as in a partner's file, which the stories match.
    pub filter: Option<String>,
    /// Stories a second, at most.
    #[serde(default = "usual_rate")]
    pub rate: u32,
}

fn usual_rate() -> u32 {
    Replay::USUAL_RATE
}

impl Replay {
    /// How many stories a second go where nobody says otherwise.
    pub const USUAL_RATE: u32 = 100;
}

/// Where a replay begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReplayFrom {
    /// With stories whose newest version was accepted at this time or later, as far as the partner has not confirmed it.
    Since(Timestamp),
    /// With what carried this number of the destination's sequence or a later one, confirmed or not.
    Sequence(u64),
}

/// A partner, with all its destinations, or one destination (`partner/destination`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Target(String);

impl Target {
    pub fn new(name: &str) -> Self {
        Self(name.to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the destination of this name (`partner/destination`) is meant.
    pub fn covers(&self, destination: &str) -> bool {
        destination.strip_prefix(&self.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Order {
    /// The story that it is about, if it is about one.
    pub fn story(&self) -> Option<&Guid> {
        match self {
            Self::Hold { story }
            | Self::Release { story }
            | Self::Cancel { story, .. }
            | Self::Resend { story, .. } => Some(story),
            Self::Suspend { .. } | Self::Resume { .. } | Self::Replay(_) | Self::Reload => None,
        }
    }

    /// The destinations that it is about; none where it is about all of them.
    pub fn to(&self) -> Option<&Target> {
        match self {
            Self::Hold { .. } | Self::Release { .. } | Self::Reload => None,
            Self::Cancel { to, .. } => to.as_ref(),
            Self::Suspend { to, .. } | Self::Resume { to } | Self::Resend { to, .. } => Some(to),
            Self::Replay(replay) => Some(&replay.to),
        }
    }

    /// Whether it has to do with what these destinations are owed of a story.
    pub fn concerns(&self, story: &Guid, at: &Target) -> bool {
        *self != Self::Reload
            && self.story().is_none_or(|about| about == story)
            && self.to().is_none_or(|to| to.covers(at.as_str()) || at.covers(to.as_str()))
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hold { story } => write!(f, "hold {story}"),
            Self::Release { story } => write!(f, "release {story}"),
            Self::Cancel { story, to, even_kills } => {
                write!(f, "cancel {story}")?;
                if let Some(to) = to {
                    write!(f, " to {to}")?;
                }
                f.write_str(if *even_kills { ", even kills" } else { "" })
            }
            Self::Suspend { to, even_kills } => {
                write!(f, "suspend {to}{}", if *even_kills { ", even kills" } else { "" })
            }
            Self::Resume { to } => write!(f, "resume {to}"),
            Self::Resend { story, to } => write!(f, "resend {story} to {to}"),
            Self::Reload => f.write_str("reload"),
            Self::Replay(replay) => {
                write!(f, "replay to {} ", replay.to)?;
                match replay.from {
                    ReplayFrom::Since(since) => write!(f, "since {since}")?,
                    ReplayFrom::Sequence(number) => write!(f, "from sequence {number}")?,
                }
                if let Some(until) = replay.until {
                    write!(f, " until {until}")?;
                }
                if let Some(filter) = &replay.filter {
                    write!(f, " where {}", filter.trim())?;
                }
                write!(f, " at {}/s", replay.rate)
            }
        }
    }
}

/// An order's row in the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct OrderId(pub(in crate::ledger) i64);

impl OrderId {
    /// By the number that lists show.
    pub fn new(number: i64) -> Self {
        Self(number)
    }
}

impl fmt::Display for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OrderState {
    /// No daemon has taken it up yet.
    Waiting,
    /// It works in steps.
    Working,
    Done,
    /// It cannot be done; the result says why.
    Refused,
    /// An operator stopped it before it was through.
    Stopped,
}

impl OrderState {
    pub const ALL: [Self; 5] = [Self::Waiting, Self::Working, Self::Done, Self::Refused, Self::Stopped];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Working => "working",
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Stopped => "stopped",
        }
    }

    /// Whether nothing more will come of it.
    pub fn is_final(self) -> bool {
        match self {
            Self::Waiting | Self::Working => false,
            Self::Done | Self::Refused | Self::Stopped => true,
        }
    }
}

/// An order as it stands in the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OrderRecord {
    pub id: OrderId,
    pub order: Order,
    pub at: Timestamp,
    /// Who ordered it: the system user, as far as it is known.
    pub by: String,
    /// Why, in the operator's words.
    pub reason: Option<String>,
    pub state: OrderState,
    /// When it took effect, or began to.
    pub taken: Option<Timestamp>,
    /// What came of it.
    pub result: Option<String>,
}

/// An order on its way into the ledger.
#[derive(Debug, Clone)]
pub struct NewOrder {
    pub order: Order,
    pub by: String,
    pub reason: Option<String>,
    pub at: Timestamp,
}

/// What an order changed, for those who hold rows and lanes in memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CarriedOut {
    /// The story whose rows changed, and the lanes that have them.
    pub story: Option<StoryId>,
    pub touched: Vec<DestinationId>,
    /// Whether a withdrawal is among what waits now.
    pub withdrawal: bool,
    /// Lanes that are halted now, or go on.
    pub lanes: Vec<(DestinationId, Option<Halt>)>,
    /// What came of it, for the operator.
    pub result: String,
}

/// An operator wants nothing sent to a destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Halt {
    /// Withdrawals are not sent either.
    pub even_kills: bool,
    /// Who wants it and why, in a sentence.
    pub why: String,
}

/// A few stories further in a replay.
#[derive(Debug, Clone)]
pub struct ReplayStep {
    pub order: OrderId,
    /// What is sent once more, or for the first time.
    pub stories: Vec<Replayed>,
    /// When it was ordered: what had its end since then stays as it is.
    pub ordered: Timestamp,
    /// The last article that was looked at.
    pub reached: ArticleId,
    /// It is the last step.
    pub done: bool,
    pub now: Timestamp,
}

/// A story that a replay sends.
#[derive(Debug, Clone)]
pub struct Replayed {
    pub story: StoryId,
    /// Its newest version.
    pub id: ArticleId,
    pub article: Arc<Article>,
    /// How long it is tried, where it is a withdrawal.
    pub withdraw_for: Duration,
    /// The destinations that get it, with their terms.
    pub to: Vec<Owed>,
    /// Also where it is confirmed.
    pub even_confirmed: bool,
}

/// A story that a replay looks at: its newest version.
#[derive(Debug, Clone)]
pub struct Candidate {
    pub story: StoryId,
    pub id: ArticleId,
    pub article: Arc<Article>,
}

/// Which stories a replay looks at next.
#[derive(Debug, Clone)]
pub struct Candidates {
    pub from: ReplayFrom,
    pub until: Timestamp,
    /// Of whose sequence a number is meant.
    pub destination: DestinationId,
    /// The last article that was looked at.
    pub after: ArticleId,
    pub limit: usize,
}

/// Lanes that have something new of a story.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Woken {
    pub story: StoryId,
    pub lanes: Vec<DestinationId>,
}
