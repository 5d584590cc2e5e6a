//! The ledger: the durable truth about stories, articles, deliveries, lanes, attempts and quarantine.
//!
//! It keeps promise 1 (accept once): an article and all of its deliveries are one commit, and only a commit can make
//! a [`Receipt`], without which no source can be acknowledged. It keeps promises 2 and 3 together with [`state`],
//! where the fate of a delivery is decided by pure functions that every kind of ledger shares. It keeps promise 8:
//! nothing here loads a backlog; a lane is given a small window of rows at a time, and opening scans nothing.
//!
//! The ledger does not know how a document looks, what a partner's contract says, or how a request is sent.

pub mod state;

#[cfg(test)]
mod conformance;
pub mod content;
mod events;
mod orders;
mod records;
mod sqlite;
mod views;

#[cfg(test)]
pub(crate) use sqlite::simulated;
#[cfg(test)]
pub(crate) use sqlite::tests::fixture;

pub use events::{
    Arrival, Door, EventId, EventKind, EventPage, EventRecord, Expiry, Happened, KillEnd, Recovery, Refusal, SetAside,
    StoryVersion, Telling, Tend, Trouble,
};
pub use orders::{
    Candidate, Candidates, CarriedOut, Halt, NewOrder, Order, OrderId, OrderRecord, OrderState, Replay, ReplayFrom,
    ReplayStep, Replayed, Target, Woken,
};
pub use records::{
    Acceptance, Accepted, Arrived, Attempted, Claim, Claimed, LaneDue, LaneState, Lapsed, Owed, QuarantineEntry,
    QuarantineKind, QuarantineState, Quarantined, Recorder, Registration, Report, Rights, Stage, Tidied, Tidy, Waiting,
};
pub use sqlite::{
    Closing, Contents, CopyError, CopyStep, Held, QuarantineSummary, Restored, SqliteLedger, SqliteOptions,
    SqliteReader, back_up, restore,
};
pub use views::{
    AcceptedView, AttemptView, Backlog, Before, Cursor, DeliveryFilter, DeliveryPage, DeliveryRecord, DoorView, Ends,
    FailedAttempt, LaneSurvey, LaneTrouble, LaneView, LedgerStats, LedgerSurvey, Marks, Oldest, RetentionStats,
    Standings, StateStats, StoryFound, StoryView, TableStats, VersionView, WithdrawalSurvey, states,
};

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use tokio::sync::watch;

use crate::article::Article;
use crate::telemetry::TraceContext;

/// A destination's row in the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DestinationId(pub(in crate::ledger) i64);

/// A story's row in the ledger.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StoryId(pub(in crate::ledger) i64);

/// An article's row in the ledger. They grow with the time of acceptance.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ArticleId(pub(in crate::ledger) i64);

impl DestinationId {
    /// For tables that stand outside the ledger.
    pub fn get(self) -> i64 {
        self.0
    }
}

impl fmt::Display for ArticleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Proof that something was committed. Its field is private to this module's children: no other code can make one, and
/// a source's acknowledgement asks for one (promise 1).
#[derive(Debug)]
#[must_use = "a receipt is there to acknowledge a source with"]
pub struct Receipt(());

/// What the caller of a ledger has to decide upon.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LedgerError {
    /// The disk is full, failing, locked or damaged, as is said. Nothing of the request was kept; it may be made again
    /// later.
    #[error("the ledger cannot be used at the moment: {0}")]
    Unavailable(String),
    /// The daemon is stopping.
    #[error("the ledger is closed")]
    Closed,
    /// The file is not what this version expects.
    #[error("{0}")]
    Unusable(String),
    /// A row could not be read back: a defect of this program or of the disk.
    #[error("the ledger holds what it should not: {0}")]
    Damaged(String),
}

/// Whether the ledger can write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    Good,
    /// With the reason. While it lasts nothing is accepted and nothing is delivered.
    Failing(String),
}

/// Where the truth is kept. Every method that changes something returns after the commit.
pub trait Ledger: Send + Sync + 'static {
    /// The ids of destinations, made where they are new. A pause that is over is noted with its time.
    fn register(
        &self,
        destinations: Vec<Registration>,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Vec<DestinationId>, LedgerError>>;

    /// Takes responsibility for an article and all of its deliveries. The same (guid, version) again is a no-op.
    fn accept(&self, acceptance: Acceptance) -> BoxFuture<'_, Result<Accepted, LedgerError>>;

    /// Keeps what could not be accepted, whole.
    fn quarantine(&self, entry: QuarantineEntry) -> BoxFuture<'_, Result<Quarantined, LedgerError>>;

    /// Gives a lane its next rows, most pressing first, each announced as attempted before the caller sees it. Rows
    /// whose time is over end here.
    fn claim(&self, claim: Claim) -> BoxFuture<'_, Result<Claimed, LedgerError>>;

    /// Records how attempts ended, and the lane's state where it changed. Returns what of them waits again: the same
    /// version for another try, or a newer one that came meanwhile.
    fn record(
        &self,
        destination: DestinationId,
        reports: Vec<Report>,
        lane: Option<LaneState>,
    ) -> BoxFuture<'_, Result<Waiting, LedgerError>>;

    /// Records the plainest of ends for a lane that goes on meanwhile: `recorder` is told after the commit, as the caller of
    /// [`Ledger::record`] is.
    ///
    /// # Errors
    /// It is given back where it would have to wait for its place in the writer's line; `recorder` is told nothing then.
    fn arrived(&self, destination: DestinationId, arrived: Arrived, recorder: Arc<dyn Recorder>)
    -> Result<(), Arrived>;

    /// Gives back rows that were claimed and never sent. Returns what of them waits again.
    fn release(
        &self,
        destination: DestinationId,
        rows: Vec<Attempted>,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Waiting, LedgerError>>;

    /// A lane broke off: whatever it had announced may have arrived, within `in_network` from now.
    fn abandon(
        &self,
        destination: DestinationId,
        in_network: Duration,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<(), LedgerError>>;

    /// An article's content.
    fn article(&self, id: ArticleId) -> BoxFuture<'_, Result<Arc<Article>, LedgerError>>;

    /// Where in a trace an article was accepted, if it is traced.
    fn trace(&self, id: ArticleId) -> BoxFuture<'_, Result<Option<TraceContext>, LedgerError>>;

    /// The state of each lane, and when it next has something to do: at once, at a time, or not.
    fn lanes(&self, destinations: Vec<DestinationId>) -> BoxFuture<'_, Result<Vec<LaneDue>, LedgerError>>;

    /// Quarantined input that an operator asked to have tried again, at most `limit`.
    fn retries(&self, limit: usize) -> BoxFuture<'_, Result<Vec<(i64, QuarantineEntry)>, LedgerError>>;

    /// Ends a retry: the entry is done with, or goes back to waiting with a new reason.
    fn retried(&self, id: i64, refused: Option<String>) -> BoxFuture<'_, Result<(), LedgerError>>;

    /// Writes an operator's order down.
    fn place(&self, order: NewOrder) -> BoxFuture<'_, Result<OrderId, LedgerError>>;

    /// Orders that are not at their end, the oldest first, with the last article that each looked at.
    fn open_orders(&self, limit: usize) -> BoxFuture<'_, Result<Vec<(OrderRecord, ArticleId)>, LedgerError>>;

    /// Does what an order says, or begins to; what it changed is for whoever holds rows and lanes in memory. One that
    /// was taken up before changes nothing.
    fn carry_out(&self, id: OrderId, now: Timestamp) -> BoxFuture<'_, Result<CarriedOut, LedgerError>>;

    /// Ends an order with what came of it, or with why it cannot be done.
    fn end_order(
        &self,
        id: OrderId,
        result: Result<String, String>,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<(), LedgerError>>;

    /// The stories that a replay looks at next, in the order of their acceptance.
    fn candidates(&self, next: Candidates) -> BoxFuture<'_, Result<Vec<Candidate>, LedgerError>>;

    /// Goes a few stories further in a replay. Returns the lanes that have something new, by story.
    fn replay(&self, step: ReplayStep) -> BoxFuture<'_, Result<Vec<Woken>, LedgerError>>;

    /// Stories that those who have them must have no longer, at most `limit`.
    fn lapsed(&self, now: Timestamp, limit: usize) -> BoxFuture<'_, Result<Vec<Lapsed>, LedgerError>>;

    /// Ends what waits and has expired, and removes what was kept for long enough, in a small step.
    fn tidy(&self, tidy: Tidy) -> BoxFuture<'_, Result<Tidied, LedgerError>>;

    /// Says who is told of what happens. Until it is called again, or the process ends, each commit writes the events of
    /// what it changes.
    fn tell(&self, telling: Telling) -> BoxFuture<'_, Result<(), LedgerError>>;

    /// What lies before a receiver, at most `limit` events.
    fn events(&self, receiver: &str, limit: usize) -> BoxFuture<'_, Result<EventPage, LedgerError>>;

    /// A receiver has taken all events up to this one, or they were not for it.
    fn taken(&self, receiver: &str, up_to: EventId) -> BoxFuture<'_, Result<(), LedgerError>>;

    /// Looks for what only time or several changes together tell, and lets go of what every receiver has taken. `true`:
    /// there is more to do at once.
    fn tend(&self, tend: Tend) -> BoxFuture<'_, Result<bool, LedgerError>>;

    /// Follows whether the ledger can write.
    fn health(&self) -> watch::Receiver<Health>;
}
