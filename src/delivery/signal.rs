//! What others tell a lane while it works: what has been accepted, held or ordered since it last looked.
//!
//! A lane holds rows in memory from its claim until each request begins. Whatever changes such a row is told here at
//! once, and is looked at again immediately before the request.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use crate::article::Version;
use crate::ledger::{Attempted, StoryId};

/// News that are remembered one by one. What was claimed before the oldest of them is looked up again.
const REMEMBERED: usize = 256;

/// A lane's ear.
#[derive(Default)]
pub struct Signal {
    told: Mutex<Told>,
    notify: Notify,
    /// It stands in the list of those that dispatch is to wake.
    listed: AtomicBool,
}

#[derive(Debug, Default)]
struct Told {
    /// The last of them: a story, and the version that there is now; none where all of it has to be looked up again.
    last: VecDeque<(StoryId, Option<Version>)>,
    /// How many there were in all.
    count: u64,
    /// How many of them the lane has seen.
    seen: u64,
    withdrawal: bool,
}

/// How many news there were when a lane last looked, or asked the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct AsOf(u64);

/// What a look found.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    pub as_of: AsOf,
    /// There were news since the last look.
    pub news: bool,
    /// A withdrawal was among them.
    pub withdrawal: bool,
}

impl Signal {
    /// There is this version of `story` now; without a version, all that is known of it may be wrong.
    pub fn tell(&self, story: StoryId, version: Option<Version>, withdrawal: bool) {
        let mut told = self.lock();
        told.count += 1;
        told.withdrawal |= withdrawal;
        if told.last.len() == REMEMBERED {
            told.last.pop_front();
        }
        told.last.push_back((story, version));
        drop(told);
        self.notify.notify_one();
    }

    /// The lane is to look again, for a reason that is no story's.
    pub fn nudge(&self) {
        self.lock().count += 1;
        self.notify.notify_one();
    }

    /// A withdrawal waits that could not be sent: the lane's next start is for it.
    pub fn keep_withdrawal(&self) {
        self.lock().withdrawal = true;
    }

    pub fn look(&self) -> Look {
        let mut told = self.lock();
        let news = told.count > told.seen;
        told.seen = told.count;
        Look { as_of: AsOf(told.count), news, withdrawal: std::mem::take(&mut told.withdrawal) }
    }

    /// Whether there are news that the lane has not seen.
    pub fn has_news(&self) -> bool {
        let told = self.lock();
        told.count > told.seen
    }

    pub fn has_withdrawal(&self) -> bool {
        self.lock().withdrawal
    }

    /// Whether a row that was asked for at `as_of` may be out of date.
    pub fn outdates(&self, row: &Attempted, as_of: AsOf) -> bool {
        if planted!(StaleInHand) {
            return false;
        }
        let told = self.lock();
        let since = usize::try_from(told.count - as_of.0).unwrap_or(usize::MAX);
        if since > told.last.len() {
            return true;
        }
        let newer = |(story, version): &(StoryId, Option<Version>)| {
            *story == row.story && version.is_none_or(|version| version > row.version)
        };
        told.last.iter().rev().take(since).any(newer)
    }

    pub fn notified(&self) -> Notified<'_> {
        self.notify.notified()
    }

    /// Whether it has to be put on the list of those that dispatch is to wake.
    pub fn list(&self) -> bool {
        !self.listed.swap(true, Ordering::AcqRel)
    }

    /// It has been taken off that list.
    pub fn unlist(&self) {
        self.listed.store(false, Ordering::Release);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::article::Action;
    use crate::ledger::Attempted;

    fn row(story: i64, version: u64) -> Attempted {
        Attempted::for_tests(story, Version::try_from(version).unwrap(), Action::Publish)
    }

    #[test]
    fn a_row_is_outdated_by_a_newer_version_by_a_hold_and_by_too_many_news() {
        let signal = Signal::default();
        let as_of = signal.look().as_of;
        let (one, two) = (row(1, 2), row(2, 1));
        signal.tell(one.story, Some(Version::FIRST), false);
        assert!(!signal.outdates(&one, as_of), "an older version does not");
        signal.tell(one.story, Some(Version::try_from(3).unwrap()), false);
        assert!(signal.outdates(&one, as_of));
        assert!(!signal.outdates(&two, as_of));
        let later = signal.look().as_of;
        assert!(!signal.outdates(&one, later), "what was claimed since is as new as can be");
        signal.tell(one.story, None, false);
        assert!(signal.outdates(&one, later));
        for _ in 0..REMEMBERED {
            signal.tell(row(3, 1).story, Some(Version::FIRST), false);
        }
        assert!(signal.outdates(&two, later), "nobody remembers what was told before those");
    }

    #[test]
    fn a_withdrawal_is_told_once() {
        let signal = Signal::default();
        signal.tell(row(1, 1).story, None, true);
        assert!(signal.has_withdrawal() && signal.has_news());
        assert!(signal.look().withdrawal);
        assert!(!signal.look().withdrawal && !signal.has_news());
    }
}
