//! What comes of an attempt: for the lane at once, for the ledger, and for whoever counts.
//!
//! What nearly all come to, that the wanted version was delivered, is handed to the ledger and not waited for, so that it
//! can gather such ends; everything else is waited for, since something may wait again.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use tracing::field::display;

use super::lane::{Lane, Shared};
use super::pace::{Tried, backoff};
use super::traced::Came;
use crate::ledger::state::Settled;
use crate::ledger::{Arrived, Attempted, LedgerError, Recorder, Report, Waiting};
use crate::telemetry::{Ending, LaneGauge, Series};
use crate::transport::{Class, Outcome, Parcel};

/// An attempt that came to its end.
pub struct Done {
    pub attempted: Attempted,
    pub began: Timestamp,
    /// When the version was made; of an article that does not say it, when it was accepted.
    pub published: Option<Timestamp>,
    /// How long its requests may still be in the network, where their outcome is unknown.
    pub in_network: Duration,
    pub result: Sent,
}

/// What waits again, and whether what was tried was a withdrawal.
pub type Recorded<'a> = BoxFuture<'a, Result<(Waiting, bool), LedgerError>>;

/// How it ended.
pub enum Sent {
    Answered(Outcome),
    /// Its time was over before the request.
    Expired,
    /// A file that goes with it is not there, which says nothing of the door.
    NotYet(String),
    /// It was not tried: not its turn any more, or the ledger could not give the article.
    NotTried,
}

impl Sent {
    /// As a trace has it; nothing where nothing happened.
    pub fn came(&self) -> Option<Came<'_>> {
        match self {
            Self::Answered(Outcome { class, status, detail, .. }) => {
                let failed = (*class != Class::Delivered).then_some(detail.as_str());
                Some(Came { outcome: ending(*class).as_str(), status: *status, failed })
            }
            Self::Expired => {
                Some(Came { outcome: "expired", status: None, failed: Some("the article's own time was over") })
            }
            Self::NotYet(why) => Some(Came { outcome: "deferred", status: None, failed: Some(why) }),
            Self::NotTried => None,
        }
    }
}

impl Recorder for Lane {
    fn recorded(&self, what: Result<Waiting, LedgerError>) {
        let waiting = what.unwrap_or_else(|why| {
            self.not_recorded(&why);
            Waiting::default()
        });
        if self.signal.written(waiting)
            && let Some(woken) = self.woken.get()
        {
            woken.wake(self);
        }
    }
}

impl Lane {
    /// Draws the consequences of an attempt: for the lane at once, for the ledger in the future that is returned, if it has
    /// to be waited for. `others` are still under way.
    pub fn ended<'a>(self: &Arc<Self>, shared: &'a Shared, done: Done, others: usize) -> Option<Recorded<'a>> {
        let Done { attempted, began, published, in_network, result } = done;
        let now = shared.clock.now();
        let tried = attempted.action.withdraws();
        let recorded = move |recorded: Result<_, _>| recorded.map(|waiting| (waiting, tried));
        let (outcome, left) = match result {
            Sent::NotTried => {
                self.pace().token_back();
                return Some(self.given_back(shared, vec![attempted], now));
            }
            Sent::Expired => {
                let reason = "the article's own time was over".to_owned();
                let outcome = Outcome::refused_here(reason.clone());
                let report = report(attempted, Settled::Expired { reason }, outcome, (began, now), in_network);
                return Some(shared.ledger.record(self.id, vec![report], None).map(recorded).boxed());
            }
            Sent::NotYet(why) => {
                self.pace().token_back();
                let class = Class::Deferred { retry_after: None, maybe_document: true };
                (Outcome { class, status: None, detail: format!("not sent: {why}"), remote: None }, false)
            }
            // A refusal that never left the house says nothing about the door.
            Sent::Answered(outcome) => {
                let left = outcome.status.is_some() || outcome.class != Class::Refused;
                (outcome, left)
            }
        };
        self.count(shared, &outcome, &attempted, published, (began, now));
        let mut random = shared.random.lock().unwrap_or_else(PoisonError::into_inner);
        let (changed, state, found) = {
            let mut pace = self.pace();
            let before = pace.level();
            let tried = Tried { began, ended: now, under_way: others + 1 };
            let changed = left && pace.ended(outcome.class, &outcome.detail, tried, &mut random, &shared.growth);
            (changed, pace.state().clone(), Some(pace.level()).filter(|level| *level != before))
        };
        if let Some(level) = found {
            self.series(shared).set(LaneGauge::Concurrency, i64::try_from(level).unwrap_or(i64::MAX));
        }
        if changed {
            let series = self.series(shared);
            series.set(LaneGauge::Failures, i64::from(state.failures));
            series.set(LaneGauge::Suspended, i64::from(state.suspended.is_some()));
            if let Some(why) = &state.suspended {
                tracing::error!(destination = %self.name, reason = why, "suspended");
            }
        }
        // What came of a withdrawal's try, what the lane or the story has to remember, and what a newer version has to go
        // after, is waited for.
        let nothing_follows = || !changed && !tried && !self.signal.knows_newer(&attempted);
        let is_plain = outcome.class == Class::Delivered && outcome.remote.is_none() && nothing_follows();
        if is_plain && self.arrived(shared, &attempted, &outcome, now, in_network) {
            return None;
        }
        let hold = now.checked_add(backoff(self.pace().policy(), attempted.attempt, &mut random)).ok();
        let settled = match outcome.class {
            Class::Delivered => Settled::Delivered { reason: outcome.detail.clone() },
            Class::Refused => Settled::Refused { reason: outcome.detail.clone(), hold },
            Class::Deferred { maybe_document: true, .. } => Settled::Deferred { hold },
            Class::Deferred { .. } | Class::Gone => Settled::Deferred { hold: None },
            Class::Unknown { .. } => Settled::Unknown { hold },
        };
        let report = report(attempted, settled, outcome, (began, now), in_network);
        Some(shared.ledger.record(self.id, vec![report], changed.then_some(state)).map(recorded).boxed())
    }

    /// Hands the ledger that an attempt was delivered, and goes on. `false` where the ledger has no place for it now.
    fn arrived(
        self: &Arc<Self>,
        shared: &Shared,
        attempted: &Attempted,
        outcome: &Outcome,
        now: Timestamp,
        in_network: Duration,
    ) -> bool {
        let arrived = Arrived {
            story: attempted.story,
            version: attempted.version,
            at: now,
            reason: outcome.detail.clone(),
            in_network,
        };
        shared.ledger.arrived(self.id, arrived, Arc::clone(self) as _).is_ok()
    }

    pub fn not_recorded(&self, why: &LedgerError) {
        tracing::error!(destination = %self.name, reason = %why, "outcome not recorded");
    }

    fn series(&self, shared: &Shared) -> &Series {
        self.series.get_or_init(|| shared.metrics.destinations.of(&self.name))
    }

    fn count(
        &self,
        shared: &Shared,
        outcome: &Outcome,
        attempted: &Attempted,
        published: Option<Timestamp>,
        (began, now): (Timestamp, Timestamp),
    ) {
        self.series(shared).count(ending(outcome.class));
        shared.metrics.attempt_seconds.observe(seconds(began, now));
        if outcome.class == Class::Delivered {
            shared.metrics.flow.confirmed.inc();
            let not_before = |at: Timestamp| attempted.embargo.map_or(at, |embargo| embargo.max(at));
            shared.metrics.arrival_seconds.observe(seconds(not_before(attempted.accepted), now));
            // The ledger gives an article that does not say it the time of its acceptance, in microseconds.
            let says = |at: &Timestamp| at.as_microsecond() != attempted.accepted.as_microsecond();
            if let Some(published) = published.filter(says) {
                shared.metrics.publication_seconds.observe(seconds(not_before(published), now));
            }
            self.beat.good(now, Duration::try_from(now.duration_since(began)).unwrap_or_default());
        } else {
            self.beat.failed(now, &outcome.detail);
        }
    }
}

fn report(
    attempted: Attempted,
    settled: Settled,
    outcome: Outcome,
    (began, ended): (Timestamp, Timestamp),
    in_network: Duration,
) -> Report {
    let Outcome { class: _, status, detail, remote } = outcome;
    Report { attempted, settled, began, ended, status, detail, remote, in_network }
}

fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64().max(0.0)
}

fn ending(class: Class) -> Ending {
    match class {
        Class::Delivered => Ending::Delivered,
        Class::Refused => Ending::Refused,
        Class::Deferred { .. } => Ending::Deferred,
        Class::Unknown { .. } => Ending::Unknown,
        Class::Gone => Ending::Gone,
    }
}

pub fn log(destination: &str, parcel: &Parcel, outcome: &Outcome, began: Timestamp, now: Timestamp) {
    let elapsed_ms = now.duration_since(began).as_millis();
    let (story, version, attempt) = (&parcel.story, parcel.version, parcel.attempt);
    let trace_id = parcel.trace.as_ref().map(|trace| display(trace.trace));
    let kind = ending(outcome.class).as_str();
    if outcome.class == Class::Delivered && parcel.action.withdraws() {
        tracing::info!(%story, destination, %version, attempt, outcome = kind, elapsed_ms, trace_id, "withdrawal delivered");
    } else if outcome.class == Class::Delivered {
        // The ledger tells who has what. A line for each would cost as much as a tenth of all that a delivery takes.
        tracing::debug!(%story, destination, %version, attempt, outcome = kind, elapsed_ms, trace_id, "attempt");
    } else {
        tracing::warn!(%story, destination, %version, attempt, outcome = kind, elapsed_ms, trace_id, detail = %outcome.detail, "attempt");
    }
}
