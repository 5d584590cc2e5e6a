//! What operators see of a ledger: lists in pages, one story with all that is known of it, and how big it all is.
//!
//! Nothing here changes anything. A list is read in pages, each of which goes on where a [`Cursor`] says, so that one
//! of millions costs no more than what is shown of it.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::Serialize;

use super::state::{End, PastEnd, Row};
use super::{ArticleId, Halt, LaneState, QuarantineKind, StoryId};
use crate::article::{Action, Article, Guid, Version};

/// Which deliveries to list.
#[derive(Debug, Clone, Default)]
pub struct DeliveryFilter {
    /// Of this partner, or this destination (`partner/destination`).
    pub partner: Option<String>,
    pub story: Option<String>,
    /// `waiting`, `held`, `attempting`, or an end's name.
    pub state: Option<String>,
    /// Of versions that were accepted at this time or later.
    pub since: Option<Timestamp>,
    /// Where to go on.
    pub after: Option<Cursor>,
    pub limit: usize,
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryPage {
    pub deliveries: Vec<DeliveryRecord>,
    /// Where to go on, if there is more.
    pub next: Option<Cursor>,
}

/// A place in a list of deliveries. It stays good while the list changes: what is there throughout is shown once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    pub(in crate::ledger) order: Listing,
    /// The sort keys of the last delivery that was shown.
    pub(in crate::ledger) keys: [i64; 3],
}

/// In which order deliveries are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ledger) enum Listing {
    /// By the time at which their versions were accepted, the newest first.
    Newest,
    /// The destinations of one story.
    Story,
    /// Lane by lane, in the order in which they go.
    Lanes,
    /// Those that an operator has to look at, the last first.
    InTrouble,
}

impl Listing {
    const ALL: [(Self, &'static str); 4] =
        [(Self::Newest, "n"), (Self::Story, "s"), (Self::Lanes, "l"), (Self::InTrouble, "t")];
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = Listing::ALL.iter().find(|(order, _)| *order == self.order).map_or("", |(_, word)| word);
        let [first, second, third] = self.keys;
        write!(f, "{word}.{first}.{second}.{third}")
    }
}

impl FromStr for Cursor {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = || {
            let mut parts = text.split('.');
            let word = parts.next()?;
            let (order, _) = Listing::ALL.into_iter().find(|(_, known)| *known == word)?;
            let keys = [parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?];
            parts.next().is_none().then_some(Self { order, keys })
        };
        read().ok_or_else(|| format!("{text:?} is no place in a list; copy it from the end of the page before"))
    }
}

/// A delivery as an operator sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeliveryRecord {
    /// `partner/destination`
    pub destination: String,
    pub story: String,
    pub headline: String,
    pub version: u64,
    pub action: String,
    /// `waiting`, `held`, `attempting`, `delivered`, `superseded`, `cancelled`, `expired` or `refused`.
    pub state: String,
    pub attempts: u32,
    pub confirmed: Option<u64>,
    pub possible: Option<u64>,
    pub accepted: Timestamp,
    /// When it ended, or until when it is held; none while an operator holds it.
    pub at: Option<Timestamp>,
    /// Why it is where it is.
    pub reason: Option<String>,
}

/// The words that [`DeliveryFilter::state`] knows.
pub fn states() -> impl Iterator<Item = &'static str> {
    ["waiting", "held", "attempting"].into_iter().chain(End::ALL.iter().map(|end| end.as_str()))
}

/// A story with all of its versions.
#[derive(Debug, Clone)]
pub struct StoryView {
    pub id: StoryId,
    pub guid: Guid,
    pub newest: Version,
    /// Why an operator holds it.
    pub on_hold: Option<String>,
    /// When those who have it must have it no longer.
    pub rights_until: Option<Timestamp>,
    /// The lowest first. None where they were kept for long enough, and only the story's name is left.
    pub versions: Vec<VersionView>,
    /// The newest of them.
    pub article: Option<Article>,
}

/// A version of a story.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VersionView {
    pub version: Version,
    pub action: Action,
    pub accepted: Timestamp,
    /// Where it came from.
    pub source: String,
}

/// One destination, and what it is owed of a story.
#[derive(Debug, Clone)]
pub struct DoorView {
    /// `partner/destination`
    pub destination: String,
    pub lane: LaneView,
    /// None where it is owed nothing.
    pub row: Option<Row>,
    /// The ends of versions that left the row, the lowest first.
    pub past: Vec<PastEnd>,
    /// Attempts that did not deliver, the first first.
    pub attempts: Vec<AttemptView>,
    /// How many go before it, of those that are ready.
    pub before: Before,
}

/// A lane as the ledger has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LaneView {
    pub state: LaneState,
    /// What an operator ordered.
    pub halt: Option<Halt>,
}

/// How many deliveries go before one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Before {
    pub number: u64,
    /// There are more than were counted.
    pub or_more: bool,
}

/// An attempt that did not deliver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AttemptView {
    pub version: Version,
    pub attempt: u32,
    pub began: Timestamp,
    pub ended: Timestamp,
    /// `refused`, `deferred` or `unknown`.
    pub outcome: String,
    /// The answer's status, where there was one.
    pub status: Option<u16>,
    pub detail: String,
}

/// An attempt that did not deliver, with where and what it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FailedAttempt {
    pub destination: String,
    pub story: String,
    #[serde(flatten)]
    pub attempt: AttemptView,
}

/// What operators ordered, and still holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standings {
    /// Stories on hold, with why.
    pub stories: Vec<(String, String)>,
    /// Destinations that are halted.
    pub destinations: Vec<(String, Halt)>,
}

/// How big a ledger is, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LedgerStats {
    /// The file, in bytes.
    pub file: u64,
    /// The write-ahead log beside it, in bytes.
    pub wal: u64,
    /// Of the file: pages that are free for what comes, in bytes.
    pub free: u64,
    /// Every page was read, and nothing is reckoned.
    pub exact: bool,
    /// The largest first.
    pub tables: Vec<TableStats>,
    pub states: StateStats,
    /// The oldest of what stands first in its lane: its destination, and when it was accepted.
    pub oldest: Option<Oldest>,
    /// The destinations for which most waits, the longest backlog first.
    pub backlogs: Vec<Backlog>,
    pub retention: RetentionStats,
}

/// A table with its indexes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableStats {
    pub name: String,
    pub rows: u64,
    /// The rows are reckoned from a sample.
    pub about: bool,
    /// With its indexes. Reckoned, unless every page was read.
    pub bytes: u64,
}

/// Deliveries that are not at a good end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct StateStats {
    pub waiting: u64,
    pub held: u64,
    pub attempting: u64,
    pub refused: u64,
    pub expired: u64,
}

/// A delivery that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Oldest {
    pub destination: String,
    pub story: String,
    pub accepted: Timestamp,
}

/// What waits for one destination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Backlog {
    pub destination: String,
    pub waiting: u64,
    pub held: u64,
    /// The lane's last trouble, or its halt.
    pub why: Option<String>,
}

/// What the ledger keeps, and from when: retention counts from these.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct RetentionStats {
    /// When the oldest article was accepted that is still there.
    pub oldest_article: Option<Timestamp>,
    /// When the oldest failed attempt ended.
    pub oldest_attempt: Option<Timestamp>,
    /// When the oldest quarantine entry came that is done with or discarded.
    pub oldest_quarantined: Option<Timestamp>,
}

/// What waits in a ledger, each counted up to a bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerSurvey {
    /// The file, in bytes.
    pub file: u64,
    /// The write-ahead log beside it, in bytes.
    pub wal: u64,
    pub lanes: Vec<LaneSurvey>,
    /// Destinations that have not acknowledged a withdrawal; each with all of them.
    pub withdrawals: Vec<WithdrawalSurvey>,
    /// Of late.
    pub refused: u64,
    /// Of late.
    pub expired: u64,
    /// Entries that wait for an operator.
    pub quarantine: Vec<(QuarantineKind, u64)>,
}

/// How a destination is, and what waits for it, each counted up to a bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneSurvey {
    /// `partner/destination`
    pub destination: String,
    pub lane: LaneView,
    /// Its partner was paused by the configuration when the program last started.
    pub paused: bool,
    /// Ready to go.
    pub waiting: u64,
    pub held: u64,
    /// Under way.
    pub attempting: u64,
    /// Since when the oldest of those in front is due; none where nothing is.
    pub oldest: Option<Timestamp>,
}

impl LaneSurvey {
    /// Whether it is sent nothing but withdrawals, by order or by the configuration.
    pub fn is_halted(&self) -> bool {
        self.paused || self.lane.halt.is_some()
    }
}

/// Withdrawals that a destination has not acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WithdrawalSurvey {
    /// `partner/destination`
    pub destination: String,
    pub outstanding: u64,
    /// When the oldest of them was accepted.
    pub oldest: Timestamp,
}

/// A story in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StoryFound {
    pub guid: String,
    pub headline: String,
    pub version: u64,
    pub action: String,
    pub accepted: Timestamp,
}

/// Places in the ledger's lists, each the last row of one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Marks {
    pub article: i64,
    pub attempt: i64,
    pub order: i64,
    pub quarantine: i64,
}

/// An article that was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedView {
    pub id: ArticleId,
    pub story: String,
    pub version: u64,
    pub action: Action,
    pub headline: String,
    pub source: String,
    pub at: Timestamp,
}

/// What became of the deliveries of an article.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ends {
    /// Of a withdrawal, those alone that had the story or may have had it.
    pub doors: u64,
    /// Not at their end.
    pub open: u64,
    pub delivered: u64,
    pub refused: u64,
    pub expired: u64,
    /// When the last of them ended.
    pub last: Option<Timestamp>,
}

/// A door in trouble.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneTrouble {
    /// `partner/destination`
    pub destination: String,
    pub why: String,
}
