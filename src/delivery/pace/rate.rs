//! A contract's rate: so many deliveries in a time, and how many of them may come at once.
//!
//! A token bucket, kept as the one time at which it would be full again (the generic cell rate algorithm, ITU-T I.371), so
//! it needs no timer and nothing to refill. It begins with one token, and so a restart gives no burst. Withdrawals go
//! past it (promise 4) and are counted: what follows them waits the longer, but never longer than a period of the rate.

use std::time::Duration;

use jiff::Timestamp;

/// What a contract says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Between two deliveries, when they come as fast as they may; longer than nothing.
    pub interval: Duration,
    /// How many may come at once after a pause; at least 1.
    pub burst: u32,
    /// The most by which withdrawals put off what follows them.
    pub period: Duration,
}

/// What is left of it.
#[derive(Debug, Clone)]
pub struct Bucket {
    limit: Limit,
    full_at: Timestamp,
}

impl Bucket {
    /// With one token.
    pub fn new(limit: Limit, now: Timestamp) -> Self {
        let missing = limit.interval.saturating_mul(limit.burst.saturating_sub(1));
        Self { limit, full_at: after(now, missing) }
    }

    pub fn limit(&self) -> Limit {
        self.limit
    }

    /// How many may begin now.
    pub fn tokens(&mut self, now: Timestamp) -> usize {
        let missing = self.missing(now).as_nanos().div_ceil(self.limit.interval.as_nanos().max(1));
        usize::try_from(u128::from(self.limit.burst).saturating_sub(missing)).unwrap_or(usize::MAX)
    }

    /// When the next may begin; none where that is now.
    pub fn next(&mut self, now: Timestamp) -> Option<Timestamp> {
        let most = self.limit.interval.saturating_mul(self.limit.burst.saturating_sub(1));
        let wait = self.missing(now).saturating_sub(most);
        (!wait.is_zero()).then(|| after(now, wait))
    }

    /// Takes one; `false` where there is none.
    pub fn take(&mut self, now: Timestamp) -> bool {
        let there = self.next(now).is_none();
        if there {
            self.full_at = after(now, self.missing(now) + self.limit.interval);
        }
        there
    }

    /// Counts one that does not wait.
    pub fn count(&mut self, now: Timestamp) {
        self.full_at = after(now, self.missing(now).saturating_add(self.limit.interval));
    }

    /// One that was taken did not begin after all.
    pub fn give_back(&mut self) {
        self.full_at = self.full_at.checked_sub(self.limit.interval).unwrap_or(Timestamp::MIN);
    }

    /// How long it takes until it is full. A clock that goes back does not make it longer than it can get.
    fn missing(&mut self, now: Timestamp) -> Duration {
        self.full_at = self.full_at.min(after(now, self.most_missing()));
        Duration::try_from(self.full_at.duration_since(now)).unwrap_or_default()
    }

    fn most_missing(&self) -> Duration {
        self.limit.interval.saturating_mul(self.limit.burst).saturating_add(self.limit.period)
    }
}

/// A time beyond the calendar ends with it.
fn after(now: Timestamp, wait: Duration) -> Timestamp {
    now.checked_add(wait).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap() + Duration::from_millis(millis)
    }

    fn limit(per_second: u32, burst: u32) -> Limit {
        let period = Duration::from_secs(1);
        Limit { interval: period / per_second, burst, period }
    }

    proptest! {
        /// In any span of time there are no more than the burst and what the rate gives in it.
        #[test]
        fn no_span_has_more_than_the_contract(
            per_second in 1_u32..200,
            burst in 1_u32..20,
            pauses in prop::collection::vec(0_u64..400, 1..20),
        ) {
            let limit = limit(per_second, burst);
            let mut bucket = Bucket::new(limit, at(0));
            let (mut now, mut taken) = (0, Vec::new());
            for pause in pauses {
                now += pause;
                while bucket.tokens(at(now)) > 0 {
                    prop_assert!(bucket.next(at(now)).is_none() && bucket.take(at(now)));
                    taken.push(at(now));
                }
                prop_assert!(bucket.next(at(now)).is_some() && !bucket.take(at(now)));
            }
            for (first, from) in taken.iter().enumerate() {
                for (last, to) in taken.iter().enumerate().skip(first) {
                    let span = Duration::try_from(to.duration_since(*from)).unwrap();
                    let most = u128::from(burst) + span.as_nanos() / limit.interval.as_nanos();
                    prop_assert!((last - first + 1) as u128 <= most);
                }
            }
        }

        /// Who comes whenever there is one gets all that the rate gives.
        #[test]
        fn the_next_is_there_when_it_says_and_not_before(per_second in 1_u32..200, burst in 1_u32..20, number in 1_u32..60) {
            let limit = limit(per_second, burst);
            let mut bucket = Bucket::new(limit, at(0));
            let mut now = at(0);
            for taken in 0..number {
                if let Some(next) = bucket.next(now) {
                    prop_assert!(!bucket.take(next - Duration::from_nanos(1)));
                    now = next;
                }
                prop_assert_eq!(now, at(0) + limit.interval * taken);
                prop_assert!(bucket.take(now));
            }
        }
    }

    #[test]
    fn it_begins_with_one_and_fills_up_to_its_burst() {
        let mut bucket = Bucket::new(limit(10, 5), at(0));
        let tokens = [0, 99, 100, 399, 400, 60_000].map(|millis| bucket.tokens(at(millis)));
        assert_eq!(tokens, [1, 1, 2, 4, 5, 5]);
    }

    #[test]
    fn withdrawals_are_counted_within_bounds() {
        let mut bucket = Bucket::new(limit(10, 1), at(0));
        bucket.count(at(0));
        bucket.count(at(0));
        assert_eq!(bucket.next(at(0)), Some(at(200)));
        for _ in 0..1_000 {
            bucket.count(at(0));
        }
        assert_eq!(bucket.next(at(0)), Some(at(1_100)), "a period of the rate and one interval");
        assert_eq!(bucket.next(at(1_100)), None, "and then it is over");
    }

    #[test]
    fn a_clock_that_goes_back_costs_no_more_than_a_period() {
        let mut bucket = Bucket::new(limit(10, 1), at(3_600_000));
        assert!(bucket.take(at(3_600_000)));
        assert!(bucket.next(at(0)) <= Some(at(1_100)));
        assert_eq!(bucket.next(at(1_100)), None);
    }
}
