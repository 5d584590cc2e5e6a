//! Dispatch: one heap of lanes by the time they next have something to do.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::Timestamp;
use tokio::task::{Id, JoinSet};
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
}

impl Dispatch {
    /// `wakes` is what those lanes are told through.
    pub fn new(lanes: Vec<Arc<Lane>>, shared: Shared, wakes: Wakes) -> Self {
        let index = lanes.iter().enumerate().map(|(at, lane)| (lane.id, at)).collect();
        Self { lanes, index, shared: Arc::new(shared), wakes }
    }

    /// Runs until `stop`, then waits at most `drain` for what is under way. `due` is when each lane first has something
    /// to do.
    pub async fn run(mut self, due: Vec<Due>, stop: CancellationToken, drain: Duration) {
        let mut agenda = Agenda { heap: BinaryHeap::new(), next: vec![None; self.lanes.len()] };
        let mut start: Vec<(usize, bool)> = Vec::new();
        for Due { lane, at, withdrawal } in due {
            match self.index.get(&lane) {
                Some(lane) if withdrawal => start.push((*lane, true)),
                Some(lane) => agenda.add(*lane, at),
                None => {}
            }
        }
        let stops = Arc::new(Stops::default());
        let mut working: JoinSet<(usize, Option<Timestamp>)> = JoinSet::new();
        let mut tasks: HashMap<Id, usize> = HashMap::new();
        let mut is_working = vec![false; self.lanes.len()];
        let mut health = self.shared.health.clone();
        while !stop.is_cancelled() {
            for (lane, due) in self.wakes.take_added() {
                let at = self.add(lane);
                agenda.next.push(None);
                is_working.push(false);
                match due {
                    Some(Due { withdrawal: true, .. }) => start.push((at, true)),
                    Some(due) => agenda.add(at, due.at),
                    None => {}
                }
            }
            for id in self.wakes.take() {
                // One that works is told by its own signal.
                if let Some(lane) = self.index.get(&id).copied().filter(|lane| !is_working[*lane]) {
                    start.push((lane, self.lanes[lane].signal.has_withdrawal()));
                }
            }
            let now = self.shared.clock.now();
            while let Some(lane) = agenda.due(now) {
                // A time that a lane asked for while its door takes nothing else is a withdrawal's.
                let withdrawal = matches!(self.lanes[lane].pace().gate(now), Gate::Withdrawals | Gate::Paced(_));
                start.push((lane, withdrawal || self.lanes[lane].signal.has_withdrawal()));
            }
            for (lane, withdrawal) in start.drain(..) {
                if is_working[lane] {
                    continue;
                }
                // A door in trouble is not asked before its time, nor one before its contract's, but for a withdrawal.
                let gate = self.lanes[lane].pace().gate(now);
                match gate {
                    Gate::Open => {}
                    // What was handed in while it was well is given back by the lane.
                    Gate::Until(_) | Gate::Paced(_) | Gate::Withdrawals | Gate::Shut
                        if self.lanes[lane].signal.has_handed() => {}
                    Gate::Until(_) | Gate::Paced(_) | Gate::Withdrawals if withdrawal => {}
                    Gate::Until(until) | Gate::Paced(until) => {
                        agenda.add(lane, until);
                        continue;
                    }
                    Gate::Withdrawals | Gate::Shut => continue,
                }
                is_working[lane] = true;
                let (work, shared, stops) =
                    (Arc::clone(&self.lanes[lane]), Arc::clone(&self.shared), Arc::clone(&stops));
                let task = working.spawn(async move { (lane, work.work(&shared, withdrawal, &stops).await) });
                tasks.insert(task.id(), lane);
            }
            let next = agenda.heap.peek().map(|Reverse((at, _))| until(*at, now));
            tokio::select! {
                // In this order, so that the same events have the same consequences in the same order.
                biased;
                () = stop.cancelled() => {}
                // Many end at once, and each look at all the rest costs as much as an end.
                Some(ended) = working.join_next_with_id() => {
                    let now = self.shared.clock.now();
                    let mut next = Some(ended);
                    while let Some(ended) = next {
                        let (task, again) = match ended {
                            Ok((task, (_, again))) => (task, again),
                            Err(why) => {
                                tracing::error!(reason = %why, "a lane's work broke off; it is taken up again");
                                if let Some(lane) = tasks.get(&why.id()) {
                                    self.abandon(*lane, now).await;
                                }
                                (why.id(), now.checked_add(BROKEN).ok())
                            }
                        };
                        if let Some(lane) = tasks.remove(&task) {
                            is_working[lane] = false;
                            if let Some(at) = again {
                                agenda.add(lane, at);
                            }
                            // What came in between its last look and its end.
                            if self.lanes[lane].signal.has_news() {
                                start.push((lane, self.lanes[lane].signal.has_withdrawal()));
                            }
                        }
                        next = working.try_join_next_with_id();
                    }
                }
                () = self.wakes.told() => {}
                // Lanes that work hold on to what they have in hand until the ledger writes again.
                Ok(()) = health.changed() => {
                    self.nudge(&is_working);
                }
                () = tokio::time::sleep(next.unwrap_or(IDLE)), if next.is_some() => {}
            }
        }
        stops.stop.store(true, Ordering::Release);
        self.nudge(&is_working);
        if tokio::time::timeout(drain, ended(&mut working)).await.is_err() {
            tracing::warn!(
                lanes = working.len(),
                "attempts still under way at the end of the drain; they count as unknown"
            );
            stops.abandon.store(true, Ordering::Release);
            self.nudge(&is_working);
            if tokio::time::timeout(LAST_RECORDS, ended(&mut working)).await.is_err() {
                working.shutdown().await;
            }
        }
        if tokio::time::timeout(LAST_RECORDS, self.give_back()).await.is_err() {
            tracing::warn!("not all that was announced last could be given back; it counts as unknown");
        }
    }

    /// Has one lane more. Returns its place.
    fn add(&mut self, lane: Arc<Lane>) -> usize {
        let at = self.lanes.len();
        self.index.insert(lane.id, at);
        self.lanes.push(lane);
        at
    }

    /// Has every lane look again that works.
    fn nudge(&self, is_working: &[bool]) {
        let at_work = self.lanes.iter().zip(is_working).filter(|(_, works)| **works);
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

    /// What a lane that broke off had announced is settled as unknown, or it would stay announced until a restart.
    async fn abandon(&self, lane: usize, now: Timestamp) {
        let lane = &self.lanes[lane];
        lane.signal.clear();
        if let Err(why) = self.shared.ledger.abandon(lane.id, lane.settings.get().door.in_network(), now).await {
            tracing::error!(destination = %lane.name, reason = %why, "attempts not settled");
        }
    }
}

async fn ended(working: &mut JoinSet<(usize, Option<Timestamp>)>) {
    while working.join_next().await.is_some() {}
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
