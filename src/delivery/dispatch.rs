//! Dispatch: one heap of lanes by the time they next have something to do.

use std::any::Any;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::FutureExt;
use jiff::Timestamp;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use super::lane::{Lane, Shared, Stops};
use super::pace::Gate;
use super::wakes::Wakes;
use crate::ledger::DestinationId;

/// A lane that has something to do.
#[derive(Debug, Clone, Copy)]
pub struct Due {
    pub lane: DestinationId,
    pub at: Timestamp,
    /// A withdrawal is ready for it, which does not wait for the door's backoff.
    pub withdrawal: bool,
}

/// Gives lanes their turn.
pub struct Dispatch {
    lanes: Vec<Arc<Lane>>,
    index: HashMap<DestinationId, usize>,
    shared: Arc<Shared>,
    wakes: Wakes,
    agenda: Agenda,
    /// Lanes whose turn it is, and whether a withdrawal is what they are to look for.
    turn: Vec<(usize, bool)>,
    /// Lanes at work, and which those are.
    working: JoinSet<Worked>,
    is_working: Vec<bool>,
    /// Lanes whose work broke off. They begin again when that time has come, and before it only for a withdrawal, whatever else
    /// comes: what broke one may break it again, and has been sent each time.
    broken: BTreeMap<usize, Timestamp>,
    stops: Arc<Stops>,
}

/// A lane's place, and how its work ended.
type Worked = (usize, End);

enum End {
    /// When it wants to go on.
    Rests(Option<Timestamp>),
    BrokeOff,
}

impl Dispatch {
    /// `wakes` is what those lanes are told through.
    pub fn new(lanes: Vec<Arc<Lane>>, shared: Shared, wakes: Wakes) -> Self {
        let index = lanes.iter().enumerate().map(|(at, lane)| (lane.id, at)).collect();
        Self {
            agenda: Agenda { heap: BinaryHeap::new(), next: vec![None; lanes.len()] },
            is_working: vec![false; lanes.len()],
            index,
            lanes,
            shared: Arc::new(shared),
            wakes,
            turn: Vec::new(),
            working: JoinSet::new(),
            broken: BTreeMap::new(),
            stops: Arc::default(),
        }
    }

    /// Runs until `stop`, then waits at most `drain` for what is under way. `due` is when each lane first has something
    /// to do.
    pub async fn run(mut self, due: Vec<Due>, stop: CancellationToken, drain: Duration) {
        due.into_iter().for_each(|due| self.enter(due));
        let mut health = self.shared.health.clone();
        while !stop.is_cancelled() {
            let now = self.shared.clock.now();
            self.hear();
            self.look_at_the_clock(now);
            self.start(now);
            let next = self.agenda.heap.peek().map(|Reverse((at, _))| until(*at, now));
            tokio::select! {
                // In this order, so that the same events have the same consequences in the same order.
                biased;
                () = stop.cancelled() => {}
                Some(worked) = self.working.join_next() => self.ended(worked),
                () = self.wakes.told() => {}
                // Lanes that work hold on to what they have in hand until the ledger writes again.
                Ok(()) = health.changed() => self.nudge(),
                () = tokio::time::sleep(next.unwrap_or(IDLE)), if next.is_some() => {}
            }
        }
        self.stop(drain).await;
    }

    fn enter(&mut self, Due { lane, at, withdrawal }: Due) {
        match self.index.get(&lane) {
            Some(lane) if withdrawal => self.turn.push((*lane, true)),
            Some(lane) => self.agenda.add(*lane, at),
            None => {}
        }
    }

    /// Takes in what came from outside: lanes that there were not, and those that were told something.
    fn hear(&mut self) {
        for (lane, due) in self.wakes.take_added() {
            self.index.insert(lane.id, self.lanes.len());
            self.lanes.push(lane);
            self.agenda.next.push(None);
            self.is_working.push(false);
            due.into_iter().for_each(|due| self.enter(due));
        }
        for id in self.wakes.take() {
            // One that works is told by its own signal.
            if let Some(lane) = self.index.get(&id).copied().filter(|lane| !self.is_working[*lane]) {
                self.turn.push((lane, self.lanes[lane].signal.has_withdrawal()));
            }
        }
    }

    fn look_at_the_clock(&mut self, now: Timestamp) {
        while let Some(lane) = self.agenda.due(now) {
            // A time that a lane asked for while its door takes nothing else is a withdrawal's.
            let withdrawal = matches!(self.lanes[lane].pace().gate(now), Gate::Withdrawals | Gate::Paced(_));
            self.turn.push((lane, withdrawal || self.lanes[lane].signal.has_withdrawal()));
        }
    }

    /// Has those work whose turn it is.
    fn start(&mut self, now: Timestamp) {
        for (at, withdrawal) in self.turn.drain(..) {
            if self.is_working[at] {
                continue;
            }
            if let Some(until) = self.broken.get(&at).filter(|until| **until > now && !withdrawal) {
                self.agenda.add(at, *until);
                continue;
            }
            // A withdrawal may be what it had in hand, and waits neither for the door's backoff nor for anything new.
            let withdrawal = self.broken.remove(&at).is_some() || withdrawal;
            let lane = &self.lanes[at];
            // A door in trouble is not asked before its time, nor one before its contract's, but for a withdrawal.
            let gate = lane.pace().gate(now);
            match gate {
                Gate::Open => {}
                // What was handed in while it was well is given back by the lane, or sent, if it is a withdrawal.
                Gate::Until(_) | Gate::Paced(_) | Gate::Withdrawals | Gate::Shut if lane.signal.has_handed() => {}
                Gate::Until(_) | Gate::Paced(_) | Gate::Withdrawals if withdrawal => {}
                Gate::Until(until) | Gate::Paced(until) => {
                    self.agenda.add(at, until);
                    continue;
                }
                Gate::Withdrawals | Gate::Shut => continue,
            }
            self.is_working[at] = true;
            let (lane, shared, stops) = (Arc::clone(lane), Arc::clone(&self.shared), Arc::clone(&self.stops));
            self.working.spawn(async move {
                // What is left of one that broke off is gone with this line: it may hold the place that an abandonment needs.
                let worked = AssertUnwindSafe(lane.work(&shared, withdrawal, &stops)).catch_unwind().await;
                match worked {
                    Ok(again) => (at, End::Rests(again)),
                    Err(why) => {
                        let (destination, reason) = (&lane.name, said(why));
                        tracing::error!(%destination, reason, "a lane's work broke off; it is taken up again");
                        abandon(&lane, &shared).await;
                        (at, End::BrokeOff)
                    }
                }
            });
        }
    }

    /// One lane has come to the end of its work, and more of them may have: many end at once, and each look at all the rest
    /// costs as much as an end.
    fn ended(&mut self, worked: Result<Worked, JoinError>) {
        let now = self.shared.clock.now();
        let mut next = Some(worked);
        while let Some(worked) = next {
            // There is no error but of a runtime that ends: a lane's own are caught.
            if let Ok((lane, end)) = worked {
                let again = match end {
                    End::Rests(again) => again,
                    End::BrokeOff => {
                        let until = now.checked_add(BROKEN).unwrap_or(Timestamp::MAX);
                        self.broken.insert(lane, until);
                        Some(until)
                    }
                };
                self.is_working[lane] = false;
                if let Some(at) = again {
                    self.agenda.add(lane, at);
                }
                // What came in between its last look and its end.
                if self.lanes[lane].signal.has_news() {
                    self.turn.push((lane, self.lanes[lane].signal.has_withdrawal()));
                }
            }
            next = self.working.try_join_next();
        }
    }

    /// Nothing more is begun; what is under way may end.
    async fn stop(mut self, drain: Duration) {
        self.stops.stop.store(true, Ordering::Release);
        self.nudge();
        if tokio::time::timeout(drain, all_end(&mut self.working)).await.is_err() {
            tracing::warn!(
                lanes = self.working.len(),
                "attempts still under way at the end of the drain; they count as unknown"
            );
            self.stops.abandon.store(true, Ordering::Release);
            self.nudge();
            if tokio::time::timeout(LAST_RECORDS, all_end(&mut self.working)).await.is_err() {
                self.working.shutdown().await;
            }
        }
        if tokio::time::timeout(LAST_RECORDS, self.give_back()).await.is_err() {
            tracing::warn!("not all that was announced last could be given back; it counts as unknown");
        }
    }

    /// Has every lane look again that works.
    fn nudge(&self) {
        let at_work = self.lanes.iter().zip(&self.is_working).filter(|(_, works)| **works);
        at_work.for_each(|(lane, _)| lane.signal.nudge());
    }

    /// What was handed in to lanes that did not come to work any more was not sent.
    async fn give_back(&self) {
        for lane in &self.lanes {
            let rows: Vec<_> = lane.signal.clear().into_iter().map(|in_hand| in_hand.row).collect();
            if rows.is_empty() {
                continue;
            }
            if let Err(why) = self.shared.ledger.release(lane.id, rows, self.shared.clock.now()).await {
                tracing::error!(destination = %lane.name, reason = %why, "announced rows not given back");
            }
        }
    }
}

/// What a lane that broke off had announced is settled as unknown, or it would stay announced until a restart.
async fn abandon(lane: &Lane, shared: &Shared) {
    let handed = lane.signal.clear();
    // It has not been looked at, so it broke nothing, and does not wait with what may have.
    if handed.iter().any(|in_hand| in_hand.row.action.withdraws()) {
        lane.signal.keep_withdrawal();
    }
    let in_network = lane.settings.get().door.in_network();
    if let Err(why) = shared.ledger.abandon(lane.id, in_network, shared.clock.now()).await {
        tracing::error!(destination = %lane.name, reason = %why, "attempts not settled");
    }
}

async fn all_end(working: &mut JoinSet<Worked>) {
    while working.join_next().await.is_some() {}
}

/// What a panic said.
fn said(why: Box<dyn Any + Send>) -> String {
    match why.downcast::<String>() {
        Ok(text) => *text,
        Err(why) => why.downcast_ref::<&str>().copied().unwrap_or("it does not say why").to_owned(),
    }
}

/// When each lane next has something to do; a lane stands in it once.
struct Agenda {
    heap: BinaryHeap<Reverse<(Timestamp, usize)>>,
    next: Vec<Option<Timestamp>>,
}

impl Agenda {
    /// A lane that is there for an earlier time already stays as it is: it will say itself when it wants to go on.
    fn add(&mut self, lane: usize, at: Timestamp) {
        if self.next[lane].is_none_or(|next| at < next) {
            self.next[lane] = Some(at);
            self.heap.push(Reverse((at, lane)));
        }
    }

    /// Takes out a lane whose time has come.
    fn due(&mut self, now: Timestamp) -> Option<usize> {
        while let Some(Reverse((at, lane))) = self.heap.peek().copied() {
            if at > now {
                return None;
            }
            self.heap.pop();
            // What an earlier time took the place of is passed over.
            if self.next[lane] == Some(at) {
                self.next[lane] = None;
                return Some(lane);
            }
        }
        None
    }
}

/// How long dispatch sleeps when nothing is due; it is woken before that by whatever comes.
const IDLE: Duration = Duration::from_secs(3600);

/// How long outcomes that are known may take to be recorded when the drain is over.
const LAST_RECORDS: Duration = Duration::from_secs(5);

/// A lane whose work broke off by a defect is taken up again after this, not at once.
const BROKEN: Duration = Duration::from_secs(5);

fn until(at: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO).min(IDLE)
}
