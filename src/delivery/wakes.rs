//! How lanes are told from outside that something changed for them: by intake, by operators' orders, by the clock.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use tokio::sync::Notify;

use super::lane::Lane;
use super::signal::{AsOf, Press};
use crate::article::Version;
use crate::ledger::{Acceptance, Attempted, DestinationId, Halt, StoryId};

/// All lanes, for whoever has news for them. A lane is told at once, and stands at most once in the list of those that
/// dispatch is to start, whatever the number of news.
#[derive(Clone, Default)]
pub struct Wakes(Arc<Shared>);

#[derive(Default)]
struct Shared {
    lanes: BTreeMap<DestinationId, Arc<Lane>>,
    woken: Mutex<Vec<DestinationId>>,
    notify: Notify,
    /// Dispatch has looked what there is.
    looked: Notify,
}

impl Wakes {
    pub fn new(lanes: &[Arc<Lane>]) -> Self {
        let lanes = lanes.iter().map(|lane| (lane.id, Arc::clone(lane))).collect();
        Self(Arc::new(Shared { lanes, ..Shared::default() }))
    }

    /// Reserves a place for an article in every lane that has one, and nothing that would go before it. A withdrawal
    /// has a way of its own.
    pub fn places(&self, acceptance: &mut Acceptance) -> Places {
        let mut places = Places::default();
        if acceptance.article.action.withdraws() {
            return places;
        }
        for owed in &mut acceptance.routed {
            let Some(lane) = self.0.lanes.get(&owed.destination) else { continue };
            let Some(as_of) = lane.signal.reserve() else { continue };
            owed.at_once = true;
            places.0.insert(owed.destination, Place { lane: Arc::clone(lane), as_of });
        }
        places
    }

    /// Hands what the ledger has announced to the lanes that kept a place for it.
    pub fn hand(&self, mut places: Places, announced: Vec<(DestinationId, Attempted)>) {
        for (destination, row) in announced {
            // It was announced because there is a place for it.
            let Some(Place { lane, as_of }) = places.0.remove(&destination) else { continue };
            lane.signal.hand(row, as_of);
            self.list(&lane);
        }
        self.0.notify.notify_one();
    }

    /// These lanes have a new version of `story`.
    pub fn news(&self, lanes: &[DestinationId], story: StoryId, version: Version, press: Press) {
        self.tell(lanes, story, Some(version), press);
    }

    /// An order changed what these lanes have of `story`.
    pub fn changed(&self, lanes: &[DestinationId], story: StoryId, withdrawal: bool) {
        self.tell(lanes, story, None, if withdrawal { Press::Withdrawal } else { Press::Usual });
    }

    /// An operator halts these lanes, or lets them go on.
    pub fn halt(&self, lanes: Vec<(DestinationId, Option<Halt>)>, now: Timestamp) {
        for (id, halt) in lanes {
            let Some(lane) = self.0.lanes.get(&id) else { continue };
            let halt = halt.or_else(|| lane.paused.clone());
            // One that nothing was sent to may have withdrawals that can go now.
            if halt.as_ref().is_some_and(|halt| !halt.even_kills) {
                lane.signal.keep_withdrawal();
            }
            lane.pace().order(halt, now);
            if !planted!(ResumeWakesNobody) {
                lane.signal.nudge();
                self.list(lane);
            }
        }
        self.0.notify.notify_one();
    }

    fn tell(&self, lanes: &[DestinationId], story: StoryId, version: Option<Version>, press: Press) {
        for id in lanes {
            // One that is not configured any more has nobody to tell.
            let Some(lane) = self.0.lanes.get(id) else { continue };
            lane.signal.tell(story, version, press);
            self.list(lane);
        }
        self.0.notify.notify_one();
    }

    fn list(&self, lane: &Lane) {
        if lane.signal.list() {
            self.0.woken.lock().unwrap_or_else(PoisonError::into_inner).push(lane.id);
        }
    }

    /// The lanes that were told something since the last time.
    pub(super) fn take(&self) -> Vec<DestinationId> {
        let woken = std::mem::take(&mut *self.0.woken.lock().unwrap_or_else(PoisonError::into_inner));
        for lane in woken.iter().filter_map(|id| self.0.lanes.get(id)) {
            lane.signal.unlist();
        }
        // Nearly always nobody waits for it, and then it costs nothing.
        self.0.looked.notify_waiters();
        woken
    }

    /// Returns when dispatch has looked what there is: never, where it is not at work.
    pub async fn looked(&self) {
        let looked = self.0.looked.notified();
        tokio::pin!(looked);
        looked.as_mut().enable();
        self.0.notify.notify_one();
        looked.await;
    }

    /// Returns when there may be something to take.
    pub(super) async fn told(&self) {
        self.0.notify.notified().await;
    }
}

/// Places that are kept for an article while it is accepted. Those that it does not take are free again when this goes.
#[derive(Default)]
#[must_use]
pub struct Places(HashMap<DestinationId, Place>);

struct Place {
    lane: Arc<Lane>,
    /// What the lane had been told when the place was reserved.
    as_of: AsOf,
}

impl Places {
    /// How many lanes have one.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl Drop for Places {
    fn drop(&mut self) {
        for place in self.0.values() {
            place.lane.signal.give_back();
        }
    }
}
