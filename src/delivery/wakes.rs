//! How lanes are told from outside that something changed for them: by intake, by operators' orders, by the clock.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use tokio::sync::Notify;

use super::lane::Lane;
use crate::article::Version;
use crate::ledger::{DestinationId, Halt, StoryId};

/// All lanes, for whoever has news for them. A lane is told at once, and stands at most once in the list of those that
/// dispatch is to start, whatever the number of news.
#[derive(Clone, Default)]
pub struct Wakes(Arc<Shared>);

#[derive(Default)]
struct Shared {
    lanes: BTreeMap<DestinationId, Arc<Lane>>,
    woken: Mutex<Vec<DestinationId>>,
    notify: Notify,
}

impl Wakes {
    pub fn new(lanes: &[Arc<Lane>]) -> Self {
        let lanes = lanes.iter().map(|lane| (lane.id, Arc::clone(lane))).collect();
        Self(Arc::new(Shared { lanes, ..Shared::default() }))
    }

    /// These lanes have a new version of `story`.
    pub fn news(&self, lanes: &[DestinationId], story: StoryId, version: Version, withdrawal: bool) {
        self.tell(lanes, story, Some(version), withdrawal);
    }

    /// An order changed what these lanes have of `story`.
    pub fn changed(&self, lanes: &[DestinationId], story: StoryId, withdrawal: bool) {
        self.tell(lanes, story, None, withdrawal);
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

    fn tell(&self, lanes: &[DestinationId], story: StoryId, version: Option<Version>, withdrawal: bool) {
        for id in lanes {
            // One that is not configured any more has nobody to tell.
            let Some(lane) = self.0.lanes.get(id) else { continue };
            lane.signal.tell(story, version, withdrawal);
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
        woken
    }

    /// Returns when there may be something to take.
    pub(super) async fn told(&self) {
        self.0.notify.notified().await;
    }
}
