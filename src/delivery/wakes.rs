//! How lanes are told from outside that something changed for them: by intake, by operators' orders, by the clock.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};

use jiff::Timestamp;
use tokio::sync::Notify;

use super::dispatch::Due;
use super::lane::{Lane, Settings};
use super::renditions::{MOST_AHEAD, Numbered};
use super::signal::{AsOf, Press};
use crate::article::Version;
use crate::ledger::{Acceptance, Attempted, DestinationId, Halt, StoryId};
use crate::transport::Transport;

/// How many lanes are handed an article before dispatch is told: it starts those while others are handed it.
const HANDED: usize = 256;

/// All lanes, for whoever has news for them. A lane is told at once, and stands at most once in the list of those that
/// dispatch is to start, whatever the number of news.
#[derive(Clone, Default)]
pub struct Wakes(Arc<Shared>);

#[derive(Default)]
struct Shared {
    /// One that is not configured any more stays, shut: what is under way there ends in it, and it goes on where its
    /// destination comes back.
    lanes: RwLock<BTreeMap<DestinationId, Arc<Lane>>>,
    /// Those that dispatch has not seen yet, with what they first have to do.
    added: Mutex<Vec<(Arc<Lane>, Option<Due>)>>,
    woken: Arc<Woken>,
    /// Dispatch has looked what there is.
    looked: Notify,
}

/// The lanes that dispatch is to start. Each lane has it, too, for what only the ledger tells it while it rests.
#[derive(Default)]
pub struct Woken {
    lanes: Mutex<Vec<DestinationId>>,
    notify: Notify,
}

impl Woken {
    /// Dispatch is to start a lane, if it rests.
    pub fn wake(&self, lane: &Lane) {
        self.list(lane);
        self.notify.notify_one();
    }

    fn list(&self, lane: &Lane) {
        if lane.signal.list() {
            self.lanes.lock().unwrap_or_else(PoisonError::into_inner).push(lane.id);
        }
    }
}

impl Wakes {
    pub fn new(lanes: &[Arc<Lane>]) -> Self {
        let wakes = Self::default();
        wakes.know(lanes);
        wakes
    }

    fn know(&self, lanes: &[Arc<Lane>]) {
        let mut all = self.0.lanes.write().unwrap_or_else(PoisonError::into_inner);
        for lane in lanes {
            // There is one of these for as long as there are lanes.
            lane.woken.get_or_init(|| Arc::clone(&self.0.woken));
            all.insert(lane.id, Arc::clone(lane));
        }
    }

    /// There are more lanes. `due` is when each first has something to do, where it has.
    pub fn add(&self, lanes: Vec<Arc<Lane>>, due: Vec<Due>) {
        let mut due: BTreeMap<_, _> = due.into_iter().map(|due| (due.lane, due)).collect();
        self.know(&lanes);
        let added = lanes.into_iter().map(|lane| {
            let due = due.remove(&lane.id);
            (lane, due)
        });
        self.0.added.lock().unwrap_or_else(PoisonError::into_inner).extend(added);
        self.0.woken.notify.notify_one();
    }

    /// The lane of a destination, whether it is configured still or not.
    pub fn lane(&self, id: DestinationId) -> Option<Arc<Lane>> {
        self.lanes().get(&id).cloned()
    }

    /// Every lane that there ever was.
    pub fn all(&self) -> Vec<Arc<Lane>> {
        self.lanes().values().cloned().collect()
    }

    /// A lane goes by other settings, and is to look at what it has.
    pub fn adopted(&self, lane: &Lane) {
        lane.signal.nudge();
        self.0.woken.wake(lane);
    }

    /// A destination is not configured any more: nothing is begun there, and what it is owed stays in the ledger.
    pub fn retire(&self, lane: &Lane, door: Arc<dyn Transport>, now: Timestamp) {
        lane.pace().retire(now);
        let Settings { edition, give_up_after, .. } = &*lane.settings.get();
        lane.settings.set(Settings { edition: edition.clone(), door, give_up_after: *give_up_after });
        self.adopted(lane);
    }

    /// Reserves a place for an article in every lane that has one, and nothing that would go before it.
    pub fn places(&self, acceptance: &mut Acceptance) -> Places {
        let mut places = Places::default();
        let withdraws = acceptance.article.action.withdraws();
        let lanes = self.lanes();
        let routed = acceptance.routed.len();
        for owed in &mut acceptance.routed {
            let Some(lane) = lanes.get(&owed.destination) else { continue };
            let signal = &lane.signal;
            let reserved = if withdraws { signal.reserve_for_withdrawal() } else { signal.reserve() };
            let Some(as_of) = reserved else { continue };
            owed.at_once = true;
            if places.kept.is_empty() {
                // Where one has a place, most have.
                places.kept.reserve(routed);
            }
            if places.editions.len() < MOST_AHEAD {
                let edition = &lane.settings.get().edition;
                if !places.editions.contains(edition) {
                    places.editions.push(edition.clone());
                }
            }
            places.kept.insert(owed.destination, Place { lane: Arc::clone(lane), as_of, withdraws });
        }
        places
    }

    /// Hands what the ledger has announced to the lanes that kept a place for it.
    pub fn hand(&self, mut places: Places, announced: Vec<(DestinationId, Attempted)>) {
        for (number, (destination, row)) in announced.into_iter().enumerate() {
            // It was announced because there is a place for it.
            let Some(Place { lane, as_of, .. }) = places.kept.remove(&destination) else { continue };
            lane.signal.hand(row, as_of);
            self.0.woken.list(&lane);
            if number % HANDED == HANDED - 1 {
                self.0.woken.notify.notify_one();
            }
        }
        self.0.woken.notify.notify_one();
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
            let Some(lane) = self.lane(id) else { continue };
            let is_halted = lane.pace().order(halt, now);
            // One that nothing was sent to may have withdrawals that can go now.
            if is_halted {
                lane.signal.keep_withdrawal();
            }
            if !planted!(ResumeWakesNobody) {
                lane.signal.nudge();
                self.0.woken.list(&lane);
            }
        }
        self.0.woken.notify.notify_one();
    }

    fn tell(&self, lanes: &[DestinationId], story: StoryId, version: Option<Version>, press: Press) {
        let all = self.lanes();
        for id in lanes {
            // One that was not configured when the program started, or since, has nobody to tell.
            let Some(lane) = all.get(id) else { continue };
            lane.signal.tell(story, version, press);
            self.0.woken.list(lane);
        }
        self.0.woken.notify.notify_one();
    }

    /// The lanes that were told something since the last time.
    pub(super) fn take(&self) -> Vec<DestinationId> {
        let woken = std::mem::take(&mut *self.0.woken.lanes.lock().unwrap_or_else(PoisonError::into_inner));
        let lanes = self.lanes();
        for lane in woken.iter().filter_map(|id| lanes.get(id)) {
            lane.signal.unlist();
        }
        drop(lanes);
        // Nearly always nobody waits for it, and then it costs nothing.
        self.0.looked.notify_waiters();
        woken
    }

    /// The lanes that were added since the last time.
    pub(super) fn take_added(&self) -> Vec<(Arc<Lane>, Option<Due>)> {
        std::mem::take(&mut *self.0.added.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn lanes(&self) -> RwLockReadGuard<'_, BTreeMap<DestinationId, Arc<Lane>>> {
        self.0.lanes.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns when dispatch has looked what there is: never, where it is not at work.
    pub async fn looked(&self) {
        let looked = self.0.looked.notified();
        tokio::pin!(looked);
        looked.as_mut().enable();
        self.0.woken.notify.notify_one();
        looked.await;
    }

    /// Returns when there may be something to take.
    pub(super) async fn told(&self) {
        self.0.woken.notify.notified().await;
    }
}

/// Places that are kept for an article while it is accepted. Those that it does not take are free again when this goes.
#[derive(Default)]
#[must_use]
pub struct Places {
    kept: HashMap<DestinationId, Place>,
    editions: Vec<Numbered>,
}

struct Place {
    lane: Arc<Lane>,
    /// What the lane had been told when the place was reserved.
    as_of: AsOf,
    withdraws: bool,
}

impl Places {
    /// What lanes that have one will ask for, as far as it is made ahead.
    pub fn editions(&self) -> Vec<Numbered> {
        self.editions.clone()
    }

    /// How many lanes have one.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.kept.len()
    }
}

impl Drop for Places {
    fn drop(&mut self) {
        for place in self.kept.values() {
            place.lane.signal.give_back(place.withdraws);
        }
    }
}
