//! How fast all lanes together may grow.
//!
//! When an outage of ours ends, all doors recover at once. Each lane by itself would double what it sends, and a new slot
//! is a new connection with its handshake: for thousands of lanes in the same second that is a stampede, from us and on
//! the network between. So every slot beyond a lane's first comes out of one budget. A lane that gets nothing now asks
//! again after its next window of answers; it is slower for it, and never without its first slot.

use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;

/// The budget's period, in milliseconds.
const PERIOD: i64 = 100;

/// Slots that all lanes together may add in a period: a thousand a second, which as TLS handshakes is about what one
/// core can do. 2,000 lanes that grow from one slot to the usual four take six seconds.
const SLOTS: u64 = 100;

/// Slots that one lane may add at once, so that a few large ones do not keep the budget from all others.
const ONE_LANE: u16 = 25;

/// Bits of the number that count what was given out; the rest is the period.
const COUNT_BITS: u32 = 16;

/// The budget. Lock-free, since lanes come to it from all threads; only whoever has had a full window does.
#[derive(Debug, Default)]
pub struct Growth(AtomicU64);

impl Growth {
    /// Up to `wanted` slots; as many as there still are in the period of `now`.
    pub fn take(&self, wanted: u16, now: Timestamp) -> u16 {
        // The year 1970 is long past; a clock that says otherwise gets the budget of one period.
        let period = u64::try_from(now.as_millisecond() / PERIOD).unwrap_or(0);
        let mut given = 0;
        // The closure never returns `None`, so this never fails.
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |state| {
            let (last, used) = (state >> COUNT_BITS, state & ((1 << COUNT_BITS) - 1));
            // A thread that was late at the period's turn belongs to the new one; a clock that went back begins anew.
            let late = period < last && last - period <= 1;
            let (period, used) = if period == last || late { (last, used) } else { (period, 0) };
            let left = u16::try_from(SLOTS.saturating_sub(used)).unwrap_or(u16::MAX);
            given = wanted.min(ONE_LANE).min(left);
            Some(period << COUNT_BITS | (used + u64::from(given)))
        });
        given
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever lanes ask for, and in whatever order.
        #[test]
        fn no_period_gives_more_than_its_slots(asks in prop::collection::vec((0_i64..2_000, 0_u16..300), 0..400)) {
            let growth = Growth::default();
            let mut asks = asks;
            asks.sort_by_key(|(at, _)| *at);
            let mut given = [0_u64; 20];
            for (at, wanted) in asks {
                let got = growth.take(wanted, Timestamp::from_millisecond(1_800_000_000_000 + at).unwrap());
                prop_assert!(got <= wanted);
                given[usize::try_from(at / PERIOD).unwrap()] += u64::from(got);
            }
            prop_assert!(given.iter().all(|given| *given <= SLOTS), "{given:?}");
        }
    }

    #[test]
    fn a_large_lane_leaves_some_for_others() {
        let growth = Growth::default();
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        assert_eq!((growth.take(200, now), growth.take(3, now)), (ONE_LANE, 3));
    }

    #[test]
    fn threads_share_it() {
        let growth = Growth::default();
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let given: u64 = std::thread::scope(|scope| {
            let ask = || (0..500).map(|_| u64::from(growth.take(1, now))).sum::<u64>();
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(ask)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(given, SLOTS);
    }

    #[test]
    fn a_clock_that_goes_back_stops_nobody() {
        let growth = Growth::default();
        let at = |second: i64| Timestamp::from_second(1_800_000_000 + second).unwrap();
        let all =
            |now| std::iter::repeat_with(|| u64::from(growth.take(10, now))).take_while(|got| *got > 0).sum::<u64>();
        assert_eq!(all(at(3_600)), SLOTS);
        assert_eq!(all(at(0)), SLOTS);
        assert_eq!(all(at(0)), 0);
    }
}
