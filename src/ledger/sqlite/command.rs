//! What the writer is asked to do, how it is done inside a transaction, and how the one who asked is told.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::oneshot;

use super::commands::{self, Taken};
use super::db::Db;
use super::queue::Line;
use super::writer::Committed;
use crate::article::Guid;
use crate::ledger::events::{EventId, Telling, Tend};
use crate::ledger::orders::{CarriedOut, NewOrder, OrderId, OrderState, ReplayStep, Woken};
use crate::ledger::records::{
    Acceptance, Accepted, Arrived, Attempted, Claim, Claimed, LaneState, QuarantineEntry, Quarantined, Recorder,
    Registration, Report, Tidied, Tidy, Waiting,
};
use crate::ledger::{DestinationId, LedgerError, Receipt};

type Answer<T> = oneshot::Sender<Result<T, LedgerError>>;

/// What the writer is asked to do, and whom it tells when it is on the disk.
pub enum Command {
    Register(Vec<Registration>, Timestamp, Answer<Vec<DestinationId>>),
    Accept(Box<Acceptance>, Vec<u8>, Answer<Accepted>),
    Quarantine(Box<QuarantineEntry>, Answer<Quarantined>),
    Claim(Claim, Answer<Claimed>),
    Record(DestinationId, Vec<Report>, Option<LaneState>, Answer<Waiting>),
    Arrived(DestinationId, Arrived, Told),
    Release(DestinationId, Vec<Attempted>, Timestamp, Answer<Waiting>),
    Abandon(DestinationId, Duration, Timestamp, Answer<()>),
    Retried(i64, Option<String>, Answer<()>),
    Place(Box<NewOrder>, Answer<OrderId>),
    CarryOut(OrderId, Timestamp, Answer<CarriedOut>),
    EndOrder(OrderId, Result<String, String>, Timestamp, Answer<()>),
    Replay(Box<ReplayStep>, Answer<Vec<Woken>>),
    Tidy(Tidy, Answer<Tidied>),
    Tell(Box<Telling>, Answer<()>),
    Taken(String, EventId, Answer<()>),
    Tend(Tend, Answer<bool>),
}

/// A recorder that is told once, whatever becomes of the command: that it will not be done, where the command goes with
/// the ledger.
pub struct Told(Option<Arc<dyn Recorder>>);

impl Told {
    pub fn new(recorder: Arc<dyn Recorder>) -> Self {
        Self(Some(recorder))
    }

    fn send(mut self, what: Result<Waiting, LedgerError>) {
        self.tell(what);
    }

    fn tell(&mut self, what: Result<Waiting, LedgerError>) {
        if let Some(recorder) = self.0.take() {
            recorder.recorded(what);
        }
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        self.tell(Err(LedgerError::Closed));
    }
}

/// What a command came to, before its commit.
pub enum Done {
    Registered(Vec<DestinationId>),
    Accepted(Taken),
    Quarantined(i64),
    Claimed(Claimed),
    Settled(Waiting),
    Placed(OrderId),
    CarriedOut(CarriedOut),
    Replayed(Vec<Woken>),
    Tidied(Tidied),
    Tended(bool),
    Nothing,
}

/// What has to be written before a command, of what was delivered before it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heeds<'a> {
    /// What it does is of other rows.
    Nothing,
    /// What its commit has taken up. What waits still can come later, as if it had been told later.
    Taken,
    /// Whatever waits of this story, too.
    OfStory(&'a Guid),
    /// Whatever waits of this lane, too.
    OfLane(DestinationId),
    /// Whatever waits, too.
    All,
}

impl Command {
    /// The line that it stands in until the writer takes it.
    pub fn line(&self) -> Line {
        match self {
            Self::Accept(acceptance, ..) if acceptance.article.action.withdraws() => Line::Withdrawals,
            Self::Claim(claim, _) if claim.withdrawals_only => Line::Withdrawals,
            Self::Claim(claim, _) if claim.urgent => Line::Urgent,
            Self::Register(..)
            | Self::Accept(..)
            | Self::Quarantine(..)
            | Self::Retried(..)
            | Self::Place(..)
            | Self::CarryOut(..)
            | Self::EndOrder(..)
            | Self::Replay(..)
            | Self::Tidy(..)
            | Self::Tell(..)
            | Self::Taken(..)
            | Self::Tend(..) => Line::Intake,
            Self::Claim(..) | Self::Record(..) | Self::Release(..) | Self::Abandon(..) => Line::Lanes,
            Self::Arrived(..) => Line::Ends,
        }
    }

    /// What was plainly delivered, which a commit writes together.
    pub fn arrived(&self) -> Option<(DestinationId, &Arrived)> {
        match self {
            Self::Arrived(destination, arrived, _) => Some((*destination, arrived)),
            Self::Register(..)
            | Self::Accept(..)
            | Self::Quarantine(..)
            | Self::Claim(..)
            | Self::Record(..)
            | Self::Release(..)
            | Self::Abandon(..)
            | Self::Retried(..)
            | Self::Place(..)
            | Self::CarryOut(..)
            | Self::EndOrder(..)
            | Self::Replay(..)
            | Self::Tidy(..)
            | Self::Tell(..)
            | Self::Taken(..)
            | Self::Tend(..) => None,
        }
    }

    pub fn heeds(&self) -> Heeds<'_> {
        match self {
            // What just arrived there is what a withdrawal takes down.
            Self::Claim(claim, _) if claim.withdrawals_only => Heeds::OfLane(claim.destination),
            Self::Claim(..) | Self::Record(..) | Self::Arrived(..) | Self::Release(..) => Heeds::Nothing,
            // It goes at once to who has the story, and does not wait until it is written who has others.
            Self::Accept(acceptance, ..) if acceptance.article.action.withdraws() => {
                Heeds::OfStory(&acceptance.article.guid)
            }
            // What broke off without an end may have arrived; and an operator's order means what has arrived before it.
            Self::Abandon(..) | Self::CarryOut(..) => Heeds::All,
            Self::Register(..)
            | Self::Accept(..)
            | Self::Quarantine(..)
            | Self::Retried(..)
            | Self::Place(..)
            | Self::EndOrder(..)
            | Self::Replay(..)
            | Self::Tidy(..)
            | Self::Tell(..)
            | Self::Taken(..)
            | Self::Tend(..) => Heeds::Taken,
        }
    }

    pub fn apply(&self, db: &Db<'_>) -> rusqlite::Result<Done> {
        match self {
            Self::Register(destinations, now, _) => commands::register(db, destinations, *now).map(Done::Registered),
            Self::Accept(acceptance, content, _) => commands::accept(db, acceptance, content).map(Done::Accepted),
            Self::Quarantine(entry, _) => commands::quarantine(db, entry).map(Done::Quarantined),
            Self::Claim(claim, _) => commands::claim(db, claim).map(Done::Claimed),
            Self::Record(destination, reports, lane, _) => {
                commands::record(db, *destination, reports, lane.as_ref()).map(Done::Settled)
            }
            Self::Arrived(destination, arrived, _) => commands::arrived(db, *destination, arrived).map(Done::Settled),
            Self::Release(destination, attempted, now, _) => {
                commands::release(db, *destination, attempted, *now).map(Done::Settled)
            }
            Self::Abandon(destination, in_network, now, _) => {
                commands::recover(db, Some(*destination), *now, *in_network).map(|_| Done::Nothing)
            }
            Self::Retried(id, refused, _) => {
                let to = if refused.is_some() { "waiting" } else { "done" };
                commands::move_quarantine(db, *id, &["retry"], to, refused.as_deref()).map(|_| Done::Nothing)
            }
            Self::Place(order, _) => commands::place_order(db, order).map(Done::Placed),
            Self::CarryOut(id, now, _) => commands::carry_out(db, *id, *now).map(Done::CarriedOut),
            Self::EndOrder(id, result, now, _) => {
                let (state, result) = match result {
                    Ok(done) => (OrderState::Done, done),
                    Err(why) => (OrderState::Refused, why),
                };
                commands::close_order(db, *id, state, result, *now).map(|_| Done::Nothing)
            }
            Self::Replay(step, _) => commands::replay(db, step).map(Done::Replayed),
            Self::Tidy(tidy, _) => commands::tidy(db, tidy).map(Done::Tidied),
            Self::Tell(telling, _) => commands::tell(db, telling).map(|()| Done::Nothing),
            Self::Taken(receiver, up_to, _) => commands::taken(db, receiver, *up_to).map(|()| Done::Nothing),
            Self::Tend(tend, _) => commands::tend(db, tend).map(Done::Tended),
        }
    }

    /// Tells the caller. One that has gone away does not need to know.
    pub fn answer(self, done: Done, _committed: &Committed) {
        match (self, done) {
            (Self::Register(.., answer), Done::Registered(ids)) => drop(answer.send(Ok(ids))),
            (Self::Accept(_, _, answer), Done::Accepted(taken)) => {
                let accepted = match taken {
                    Taken::Fresh { story, deliveries, touched, announced } => {
                        Accepted::Fresh { receipt: Receipt(()), story, deliveries, touched, announced }
                    }
                    Taken::Repeat { deliveries } => Accepted::Repeat { receipt: Receipt(()), deliveries },
                    Taken::Conflict => Accepted::Conflict,
                };
                drop(answer.send(Ok(accepted)));
            }
            (Self::Quarantine(_, answer), Done::Quarantined(id)) => {
                drop(answer.send(Ok(Quarantined { id, receipt: Receipt(()) })));
            }
            (Self::Claim(_, answer), Done::Claimed(claimed)) => drop(answer.send(Ok(claimed))),
            (Self::Record(.., answer) | Self::Release(.., answer), Done::Settled(waits)) => {
                drop(answer.send(Ok(waits)));
            }
            (Self::Arrived(.., told), Done::Settled(waits)) => told.send(Ok(waits)),
            (Self::Place(_, answer), Done::Placed(id)) => drop(answer.send(Ok(id))),
            (Self::CarryOut(.., answer), Done::CarriedOut(carried)) => drop(answer.send(Ok(carried))),
            (Self::Replay(_, answer), Done::Replayed(woken)) => drop(answer.send(Ok(woken))),
            (Self::Tidy(_, answer), Done::Tidied(tidied)) => drop(answer.send(Ok(tidied))),
            (Self::Tend(_, answer), Done::Tended(more)) => drop(answer.send(Ok(more))),
            (
                Self::Abandon(.., answer)
                | Self::Retried(.., answer)
                | Self::EndOrder(.., answer)
                | Self::Tell(_, answer)
                | Self::Taken(.., answer),
                Done::Nothing,
            ) => {
                drop(answer.send(Ok(())));
            }
            (command, _) => command.fail(LedgerError::Damaged("a command got another's answer".to_owned())),
        }
    }

    pub fn fail(self, why: LedgerError) {
        match self {
            Self::Register(.., answer) => drop(answer.send(Err(why))),
            Self::Accept(_, _, answer) => drop(answer.send(Err(why))),
            Self::Quarantine(_, answer) => drop(answer.send(Err(why))),
            Self::Claim(_, answer) => drop(answer.send(Err(why))),
            Self::Record(.., answer) | Self::Release(.., answer) => drop(answer.send(Err(why))),
            Self::Arrived(.., told) => told.send(Err(why)),
            Self::Place(_, answer) => drop(answer.send(Err(why))),
            Self::CarryOut(.., answer) => drop(answer.send(Err(why))),
            Self::Replay(_, answer) => drop(answer.send(Err(why))),
            Self::Tidy(_, answer) => drop(answer.send(Err(why))),
            Self::Tend(_, answer) => drop(answer.send(Err(why))),
            Self::Abandon(.., answer)
            | Self::Retried(.., answer)
            | Self::EndOrder(.., answer)
            | Self::Tell(_, answer)
            | Self::Taken(.., answer) => {
                drop(answer.send(Err(why)));
            }
        }
    }

    /// While the disk fails, a request is refused so that its source keeps what it has; what already happened at a
    /// partner is kept here until it can be written down.
    pub fn refuse_or_keep(self, why: &str) -> Option<Self> {
        match self {
            Self::Record(..) | Self::Arrived(..) | Self::Release(..) | Self::Abandon(..) => Some(self),
            Self::Register(..)
            | Self::Accept(..)
            | Self::Quarantine(..)
            | Self::Claim(..)
            | Self::Retried(..)
            | Self::Place(..)
            | Self::CarryOut(..)
            | Self::EndOrder(..)
            | Self::Replay(..)
            | Self::Tidy(..)
            | Self::Tell(..)
            | Self::Taken(..)
            | Self::Tend(..) => {
                self.fail(LedgerError::Unavailable(why.to_owned()));
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, PoisonError};

    use super::*;

    #[derive(Default)]
    struct Heard(Mutex<Vec<Result<Waiting, LedgerError>>>);

    impl Recorder for Heard {
        fn recorded(&self, what: Result<Waiting, LedgerError>) {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(what);
        }
    }

    /// What a recorder hears.
    fn heard(told: impl FnOnce(Told)) -> Vec<Result<Waiting, LedgerError>> {
        let recorder = Arc::new(Heard::default());
        told(Told::new(Arc::clone(&recorder) as _));
        std::mem::take(&mut *recorder.0.lock().unwrap())
    }

    #[test]
    fn a_recorder_is_told_once_and_so_is_that_its_command_went_undone() {
        let again = Waiting { any: true, withdrawal: None };
        assert!(matches!(heard(|told| told.send(Ok(again)))[..], [Ok(waiting)] if waiting == again));
        assert!(matches!(heard(|told| told.send(Err(LedgerError::Closed)))[..], [Err(LedgerError::Closed)]));
        assert!(matches!(heard(drop)[..], [Err(LedgerError::Closed)]), "a lane would wait for it for good");
    }
}
