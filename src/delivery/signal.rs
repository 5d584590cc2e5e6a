//! What others tell a lane: what has been accepted, held or ordered since it last looked.
//!
//! A lane holds rows in memory from its claim until each request begins. Whatever changes such a row is told here at
//! once, and is looked at again immediately before the request.
//!
//! A lane that has nothing else to send says how many rows it has places for. An acceptance takes such a place before its
//! commit, which then announces the row as a claim would, and hands it in here: one commit less on its way, and for the
//! ledger one row less to write. A withdrawal has such a place wherever a lane's door is well, whatever else waits there.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use crate::article::{Article, Version};
use crate::ledger::{Attempted, StoryId, Waiting};

/// News that are remembered one by one. What was claimed before the oldest of them is looked up again. Rows are in hand
/// for a few news at most where a door is well; and ten thousand lanes remember as many each.
const REMEMBERED: usize = 64;

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
    /// Something may be due that no claim has seen.
    due: bool,
    withdrawal: bool,
    urgent: bool,
    /// How many rows the lane would take beyond those that it has.
    room: usize,
    /// How many of those places are kept for articles that are being accepted.
    reserved: u32,
    /// Whether it would send a withdrawal now, whatever else it has.
    takes_withdrawal: bool,
    /// How many of those that are being accepted count on that.
    reserved_for_withdrawals: u32,
    /// What it had in hand was settled by somebody else, since it broke off or there is no more time, and it has not looked
    /// since.
    cleared: bool,
    /// Rows that an acceptance has announced, and the lane has not seen.
    handed: Vec<InHand>,
}

/// A row that is announced, and what its lane had been told when it was asked for.
#[derive(Debug, Clone)]
pub struct InHand {
    pub row: Attempted,
    pub as_of: AsOf,
}

/// How much it presses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Press {
    /// A story must come down.
    Withdrawal,
    /// It goes before what is not urgent, in all lanes.
    Urgent,
    Usual,
}

impl Press {
    /// IPTC's scale begins with flashes, and has 4 for what is ordinary at most agencies.
    const URGENT: u8 = 3;

    pub fn of(article: &Article) -> Self {
        if article.action.withdraws() {
            Self::Withdrawal
        } else if article.urgency.get() <= Self::URGENT {
            Self::Urgent
        } else {
            Self::Usual
        }
    }
}

/// How many news there were when a lane last looked, or asked the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct AsOf(u64);

/// What a look found.
#[derive(Debug)]
pub struct Look {
    pub as_of: AsOf,
    /// Something may be due since the last look that no claim has seen.
    pub due: bool,
    /// A withdrawal was among them.
    pub withdrawal: bool,
    /// An urgent story was.
    pub urgent: bool,
    /// What was handed in since.
    pub handed: Vec<InHand>,
}

impl Signal {
    /// There is this version of `story` now; without a version, all that is known of it may be wrong.
    pub fn tell(&self, story: StoryId, version: Option<Version>, press: Press) {
        let mut told = self.lock();
        told.remember(story, version);
        told.due = true;
        told.withdrawal |= press == Press::Withdrawal;
        told.urgent |= press == Press::Urgent;
        // What comes now is to wait behind it.
        told.room = 0;
        told.takes_withdrawal &= press != Press::Withdrawal;
        drop(told);
        self.notify.notify_one();
    }

    /// The lane is to look again, for a reason that is no story's.
    pub fn nudge(&self) {
        let mut told = self.lock();
        told.count += 1;
        told.due = true;
        told.has_no_room();
        drop(told);
        self.notify.notify_one();
    }

    /// A withdrawal waits that could not be sent: the lane's next start is for it.
    pub fn keep_withdrawal(&self) {
        self.lock().withdrawal = true;
    }

    pub fn look(&self) -> Look {
        let mut told = self.lock();
        told.seen = told.count;
        told.cleared = false;
        Look {
            as_of: AsOf(told.count),
            due: std::mem::take(&mut told.due),
            withdrawal: std::mem::take(&mut told.withdrawal),
            urgent: std::mem::take(&mut told.urgent),
            handed: std::mem::take(&mut told.handed),
        }
    }

    /// An outcome that the lane did not wait for is on the disk, or will not be, and this of it waits again. `true`: the lane
    /// has something to do, whether it rests or not.
    pub fn written(&self, Waiting { any, withdrawal }: Waiting) -> bool {
        // Nearly always nothing does.
        if !any || planted!(WaitsUnseen) {
            return false;
        }
        let mut told = self.lock();
        told.due = true;
        told.withdrawal |= withdrawal.is_some();
        drop(told);
        self.notify.notify_one();
        true
    }

    /// The lane would take this many rows beyond those that it has looked at, and send a withdrawal now, or not.
    pub fn has_room(&self, room: usize, takes_withdrawal: bool) {
        let mut told = self.lock();
        told.room = room;
        told.takes_withdrawal = takes_withdrawal;
    }

    /// The lane has nothing in hand. What it was told is of no use any more.
    pub fn rests(&self) {
        let mut told = self.lock();
        if told.reserved == 0 && told.reserved_for_withdrawals == 0 && told.handed.is_empty() {
            told.last = VecDeque::new();
        }
    }

    /// Keeps a place for a row, if there is one left.
    pub fn reserve(&self) -> Option<AsOf> {
        let mut told = self.lock();
        // What the lane has not looked at yet would go before it.
        let left = !told.due && told.room > told.reserved as usize + told.handed.len();
        left.then(|| {
            told.reserved += 1;
            AsOf(told.count)
        })
    }

    /// The same for a withdrawal, which waits behind no other story, and has a slot of its own.
    pub fn reserve_for_withdrawal(&self) -> Option<AsOf> {
        let mut told = self.lock();
        // One that the lane has not looked for would go before it.
        let takes = told.takes_withdrawal && !told.withdrawal;
        takes.then(|| {
            told.reserved_for_withdrawals += 1;
            AsOf(told.count)
        })
    }

    /// A place that was kept is not needed.
    pub fn give_back(&self, withdraws: bool) {
        self.lock().is_kept_no_longer(withdraws);
    }

    /// Puts a row into the place that was kept for it at `as_of`.
    pub fn hand(&self, row: Attempted, as_of: AsOf) {
        let mut told = self.lock();
        told.remember(row.story, Some(row.version));
        told.is_kept_no_longer(row.action.withdraws());
        if row.action.withdraws() {
            // It may wait in the ledger by now, and no lane that broke off is started for another reason at once.
            told.withdrawal |= told.cleared;
            // Others wait for the lane to look.
            told.takes_withdrawal = false;
        }
        told.handed.push(InHand { row, as_of });
        drop(told);
        self.notify.notify_one();
    }

    /// Whether there are rows that the lane has not seen.
    pub fn has_handed(&self) -> bool {
        !self.lock().handed.is_empty()
    }

    /// Those rows, for whoever settles them in the lane's place. What is on its way here will be out of date.
    pub fn clear(&self) -> Vec<InHand> {
        let mut told = self.lock();
        told.has_no_room();
        told.cleared = true;
        told.count += 1;
        told.last.clear();
        std::mem::take(&mut told.handed)
    }

    /// Whether there are news that the lane has not seen.
    pub fn has_news(&self) -> bool {
        let told = self.lock();
        told.due || told.count > told.seen
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
        told.last.iter().rev().take(since).any(|news| is_newer(news, row))
    }

    /// Whether the lane remembers to have been told of a newer version, or that all may be wrong that is known of the story.
    pub fn knows_newer(&self, row: &Attempted) -> bool {
        self.lock().last.iter().any(|news| is_newer(news, row))
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

fn is_newer((story, version): &(StoryId, Option<Version>), than: &Attempted) -> bool {
    *story == than.story && version.is_none_or(|version| version > than.version)
}

impl Told {
    fn is_kept_no_longer(&mut self, withdraws: bool) {
        let reserved = if withdraws { &mut self.reserved_for_withdrawals } else { &mut self.reserved };
        *reserved = reserved.saturating_sub(1);
    }

    fn has_no_room(&mut self) {
        self.room = 0;
        self.takes_withdrawal = false;
    }

    fn remember(&mut self, story: StoryId, version: Option<Version>) {
        self.count += 1;
        if self.last.len() == REMEMBERED {
            self.last.pop_front();
        }
        self.last.push_back((story, version));
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

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
        signal.tell(one.story, Some(Version::FIRST), Press::Usual);
        assert!(!signal.outdates(&one, as_of), "an older version does not");
        signal.tell(one.story, Some(Version::try_from(3).unwrap()), Press::Usual);
        assert!(signal.outdates(&one, as_of) && signal.knows_newer(&one));
        assert!(!signal.outdates(&two, as_of) && !signal.knows_newer(&two));
        let later = signal.look().as_of;
        assert!(!signal.outdates(&one, later), "what was claimed since is as new as can be");
        assert!(!signal.knows_newer(&row(1, 3)));
        signal.tell(one.story, None, Press::Usual);
        assert!(signal.outdates(&one, later));
        for _ in 0..REMEMBERED {
            signal.tell(row(3, 1).story, Some(Version::FIRST), Press::Usual);
        }
        assert!(signal.outdates(&two, later), "nobody remembers what was told before those");
    }

    /// Whether a lane that waits would be woken now.
    fn is_woken(signal: &Signal) -> bool {
        signal.notified().now_or_never().is_some()
    }

    #[test]
    fn a_lane_is_woken_for_outcomes_only_when_something_waits_again() {
        let signal = Signal::default();
        assert!(!signal.written(Waiting::default()));
        assert!(!is_woken(&signal) && !signal.has_news(), "it has better to do");
        let again = Waiting { any: true, withdrawal: Some(jiff::Timestamp::UNIX_EPOCH) };
        assert!(signal.written(again));
        assert!(is_woken(&signal), "it has to look");
        assert!(signal.has_news(), "and where it has looked for the last time, dispatch sees that it does so again");
        assert_eq!(signal.reserve().map(drop), None, "what waits goes first");
        let look = signal.look();
        assert!(look.due && look.withdrawal && !signal.has_news());
    }

    #[test]
    fn a_withdrawal_has_a_place_where_it_would_be_sent_now() {
        let signal = Signal::default();
        let kill = |story| Attempted { action: Action::Kill, ..row(story, 2) };
        assert_eq!(signal.reserve_for_withdrawal(), None, "the lane has not said that it would");
        signal.has_room(0, true);
        assert_eq!(signal.reserve(), None, "that is no place for a story");
        signal.tell(row(1, 1).story, Some(Version::FIRST), Press::Usual);
        let [one, two] = [signal.reserve_for_withdrawal().unwrap(), signal.reserve_for_withdrawal().unwrap()];
        signal.hand(kill(2), one);
        assert!(!signal.has_withdrawal(), "the lane has it");
        assert_eq!(signal.reserve_for_withdrawal(), None, "others wait for the lane to look");
        signal.hand(kill(3), two);
        assert_eq!(signal.look().handed.len(), 2);

        type NoMore = fn(&Signal);
        let told: [(NoMore, bool); 3] =
            [(Signal::nudge, false), (|signal| drop(signal.clear()), true), (Signal::keep_withdrawal, true)];
        for (no_more, looks) in told {
            signal.has_room(1, true);
            let kept = signal.reserve_for_withdrawal().unwrap();
            signal.reserve().map(|_| signal.give_back(false)).expect("a story's place is another");
            no_more(&signal);
            assert_eq!(signal.reserve_for_withdrawal(), None);
            signal.hand(kill(4), kept);
            assert_eq!(signal.has_withdrawal(), looks, "what has nothing in hand any more is to look");
            signal.look();
        }
    }

    #[test]
    fn a_withdrawal_is_told_once() {
        let signal = Signal::default();
        signal.tell(row(1, 1).story, None, Press::Withdrawal);
        assert!(signal.has_withdrawal() && signal.has_news());
        assert!(signal.look().withdrawal);
        assert!(!signal.look().withdrawal && !signal.has_news());
    }
}
