//! A lane's pace: how many requests may be under way, and when to try again. Pure: clock and randomness are passed in.
//!
//! A door's failure moves the lane: the next try waits, with exponential backoff and full jitter, and is one probe.
//! How many requests may be under way is found from the answers ([`Adaptive`]), from one on, at first and after trouble;
//! all lanes together grow no faster than [`Growth`] lets them. A contract's rate ([`Bucket`]) closes the gate between two
//! deliveries, for all but withdrawals.
//!
//! None of this knows what a request is, or waits for anything: a lane asks what it may do now, and says how it ended.

mod adaptive;
#[cfg(test)]
mod fleet;
mod growth;
#[cfg(test)]
mod links;
mod rate;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

pub use self::adaptive::{Adaptive, Tried};
pub use self::growth::Growth;
pub use self::rate::{Bucket, Limit};
use crate::ledger::{Halt, LaneState};
use crate::transport::Class;

/// The most rows in hand that a well door is worth below its ceiling. What comes while fewer are in hand goes straight to its
/// lane, and a claim takes so many at once; either is cheaper than to claim a row or two at a time (docs/performance.md).
const HAND: usize = 16;

/// What a destination's configuration says about its pace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// The most requests under way at once.
    pub concurrency: usize,
    pub first: Duration,
    pub ceiling: Duration,
    /// The longest `Retry-After` that is honoured.
    pub retry_after_limit: Duration,
}

/// A lane's pace.
#[derive(Debug, Clone)]
pub struct Pace {
    /// Neighbours have one and the same.
    policy: Arc<Policy>,
    /// None: the door is well.
    // Boxed as what follows is, since few lanes have them and there may be ten thousand lanes.
    state: Option<Box<LaneState>>,
    found: Adaptive,
    /// What a contract leaves of its rate; none where it has none.
    bucket: Option<Box<Bucket>>,
    /// When the last failure was noticed: attempts begun before it are of the same trouble.
    noticed: Option<Timestamp>,
    /// What an operator ordered.
    ordered: Option<Box<Halt>>,
    /// What the configuration says, which holds where no order does.
    paused: Option<Box<Halt>>,
    /// When the last halt ended: ages count from there at the earliest.
    resumed: Option<Timestamp>,
}

/// What a door may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    Open,
    /// Nothing but withdrawals, until that time: the door is in trouble.
    Until(Timestamp),
    /// Nothing but withdrawals, until that time: its contract's next turn. The door is well.
    Paced(Timestamp),
    /// Nothing but withdrawals, until an operator looks.
    Withdrawals,
    /// Nothing at all.
    Shut,
}

/// Try number `n`, from 1, waits a random time between nothing and `first` × 2ⁿ⁻¹, at most `ceiling`.
pub fn backoff(policy: &Policy, n: u32, random: &mut fastrand::Rng) -> Duration {
    let doubled = policy.first.saturating_mul(1_u32.checked_shl(n.saturating_sub(1)).unwrap_or(u32::MAX));
    doubled.min(policy.ceiling).mul_f64(random.f64())
}

impl Pace {
    /// Goes on where the ledger says that the lane was. A suspended one is given another try: whoever started the
    /// program has looked.
    pub fn new(policy: Arc<Policy>, state: LaneState, ordered: Option<Halt>, resumed: Option<Timestamp>) -> Self {
        let state = LaneState { suspended: None, ..state };
        let (found, ordered) = (Adaptive::new(policy.concurrency), ordered.map(Box::new));
        let state = (state != LaneState::WELL).then(|| state.into());
        Self { policy, state, found, bucket: None, noticed: None, ordered, paused: None, resumed }
    }

    /// With what the configuration says where no order does.
    pub fn paused(self, paused: Option<Halt>) -> Self {
        Self { paused: paused.map(Box::new), ..self }
    }

    /// Whether that is what it goes by already.
    pub fn goes_by(&self, policy: &Policy, limit: Option<Limit>, paused: Option<&Halt>) -> bool {
        *self.policy == *policy && self.limit() == limit && self.paused.as_deref() == paused
    }

    /// The rate that its contract has, if it has one.
    fn limit(&self) -> Option<Limit> {
        self.bucket.as_ref().map(|bucket| bucket.limit())
    }

    /// Goes by another configuration from `now` on. What was found out of the door stays, as far as it is the same door.
    pub fn adopt(&mut self, policy: Arc<Policy>, limit: Option<Limit>, paused: Option<Halt>, now: Timestamp) {
        if policy.concurrency != self.policy.concurrency {
            self.found = Adaptive::new(policy.concurrency);
        }
        self.policy = policy;
        if self.limit() != limit {
            self.bucket = limit.map(|limit| Bucket::new(limit, now).into());
        }
        if self.paused.is_some() && paused.is_none() && self.ordered.is_none() {
            self.resumed = Some(now);
        }
        self.paused = paused.map(Box::new);
    }

    /// The door is another one, or is called another way: whoever changed that has looked. It is tried at once, by one
    /// request, and its trouble is over when that arrives.
    pub fn reopen(&mut self, now: Timestamp) {
        if let Some(mut state) = self.state.take() {
            state.suspended = None;
            state.retry_at = None;
            state.failures = state.failures.min(1);
            self.state = (*state != LaneState::WELL).then_some(state);
        }
        self.found = Adaptive::new(self.policy.concurrency);
        // What is still under way was answered by the old one.
        self.noticed = Some(now);
    }

    /// With the rate that a contract has, if it has one, from `now` on.
    pub fn within(self, limit: Option<Limit>, now: Timestamp) -> Self {
        Self { bucket: limit.map(|limit| Bucket::new(limit, now).into()), ..self }
    }

    /// The configuration does not know the door any more.
    pub fn retire(&mut self, now: Timestamp) {
        let why = "it is not configured any more".to_owned();
        self.paused = Some(Halt { even_kills: true, why }.into());
        self.noticed = Some(now);
    }

    /// An operator halts the lane, or lets it go on; then a door in trouble is tried at once. `true` where withdrawals go
    /// all the same, and nothing else does.
    pub fn order(&mut self, ordered: Option<Halt>, now: Timestamp) -> bool {
        if ordered.is_none() && self.paused.is_none() {
            if self.state.take().is_some() {
                self.found.probe();
            }
            self.resumed = Some(now);
            self.noticed = Some(now);
        }
        self.ordered = ordered.map(Box::new);
        self.halt().is_some_and(|halt| !halt.even_kills)
    }

    /// What keeps it from being sent everything, if an operator or the configuration does. A door that is not configured
    /// any more is sent nothing, whatever was ordered.
    fn halt(&self) -> Option<&Halt> {
        let gone = self.paused.as_deref().filter(|paused| paused.even_kills);
        gone.or(self.ordered.as_deref()).or(self.paused.as_deref())
    }

    /// What was accepted before this is given up, where that is so after `age`. What came before the end of a halt is
    /// given up by its age from there.
    pub fn give_up_before(&self, age: Duration, now: Timestamp) -> Timestamp {
        let oldest = now.checked_sub(age).unwrap_or(Timestamp::MIN);
        if self.resumed > Some(oldest) { Timestamp::MIN } else { oldest }
    }

    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// What the ledger should remember.
    pub fn state(&self) -> &LaneState {
        self.state.as_deref().unwrap_or(&LaneState::WELL)
    }

    /// How many requests may be under way now.
    pub fn allowed(&self) -> usize {
        self.found.allowed()
    }

    /// How many the door has been found to take at once, for people to see.
    pub fn level(&self) -> usize {
        self.found.level()
    }

    /// Rows that a lane asks for at a time; it asks when it holds fewer. Enough to keep its slots busy while it asks, and
    /// one for a probe. Few enough that ten thousand busy lanes are a matter of megabytes, that what is superseded
    /// meanwhile is rarely in hand, and that a start after a crash, which has to settle all of them, is short. A door that
    /// is well is worth a few at any level, twice those of its ceiling: what makes it slow may be that we are busy, and then
    /// each claim counts.
    pub fn reach(&self) -> usize {
        let of = |slots: usize| (2 * slots).saturating_sub(1);
        let least = if self.state().failures > 0 { 1 } else { HAND.min(2 * of(self.found.ceiling())) };
        of(self.allowed()).max(least)
    }

    /// How many may begin now by the contract's rate; none where it has no rate.
    pub fn tokens(&mut self, now: Timestamp) -> Option<usize> {
        self.bucket.as_mut().map(|bucket| bucket.tokens(now))
    }

    /// Whether a request may begin by the contract's rate, which then has one less. A withdrawal always may.
    pub fn takes_token(&mut self, withdraws: bool, now: Timestamp) -> bool {
        match &mut self.bucket {
            None => true,
            Some(_) if planted!(ContractIgnored) => true,
            Some(bucket) if withdraws => {
                bucket.count(now);
                true
            }
            Some(bucket) => bucket.take(now),
        }
    }

    /// What was taken last, for a request that did not begin after all, is there again.
    pub fn token_back(&mut self) {
        if let Some(bucket) = &mut self.bucket {
            bucket.give_back();
        }
    }

    /// What the door may be sent now.
    pub fn gate(&mut self, now: Timestamp) -> Gate {
        match (self.halt(), &self.state().suspended) {
            (Some(Halt { even_kills: true, .. }), _) => Gate::Shut,
            (Some(_), _) if planted!(HaltStopsKills) => Gate::Shut,
            (Some(_), _) | (None, Some(_)) => Gate::Withdrawals,
            (None, None) => match self.retry_at().filter(|at| *at > now) {
                Some(at) => Gate::Until(at),
                None => {
                    let turn = self.bucket.as_mut().and_then(|bucket| bucket.next(now));
                    turn.map_or(Gate::Open, Gate::Paced)
                }
            },
        }
    }

    /// No try before this time, but for a withdrawal's first.
    pub fn retry_at(&self) -> Option<Timestamp> {
        self.state().retry_at
    }

    /// An attempt ended. `true` when the lane's durable state has changed.
    pub fn ended(
        &mut self,
        class: Class,
        detail: &str,
        tried: Tried,
        random: &mut fastrand::Rng,
        growth: &Growth,
    ) -> bool {
        let Tried { began, ended: now, under_way } = tried;
        // A clock that went back has noticed nothing yet.
        self.noticed = self.noticed.min(Some(now));
        // What began before the last trouble was noticed is of the same, and its late success says nothing about the door
        // now. So it is with what began before an operator looked.
        let late = self.noticed.is_some_and(|noticed| began < noticed);
        let retry_after = match class {
            Class::Delivered | Class::Refused => {
                if late {
                    return false;
                }
                self.found.answered(tried, growth);
                return self.state.take().is_some();
            }
            Class::Gone => {
                if late {
                    return false;
                }
                let why = format!("{detail}; nothing but withdrawals is sent here until an operator resumes it");
                let state = self.state.get_or_insert_default();
                state.suspended = Some(why.clone());
                state.trouble = Some(why);
                state.failures = state.failures.saturating_add(1);
                state.retry_at = later(now, backoff(&self.policy, state.failures, random));
                self.noticed = Some(now);
                self.found.probe();
                return true;
            }
            Class::Deferred { retry_after, .. } | Class::Unknown { retry_after } => retry_after,
        };
        // Whoever was told the same time does not come at the same time.
        let asked = retry_after
            .map(|after| after.min(self.policy.retry_after_limit).saturating_add(backoff(&self.policy, 1, random)));
        if !late {
            let state = self.state.get_or_insert_default();
            state.failures = state.failures.saturating_add(1);
            state.trouble = Some(detail.to_owned());
            self.noticed = Some(now);
            self.found.too_much(under_way);
            let wait = backoff(&self.policy, state.failures, random).max(asked.unwrap_or_default());
            state.retry_at = later(now, wait);
        } else if let Some(asked) = asked {
            let state = self.state.get_or_insert_default();
            state.retry_at = state.retry_at.max(later(now, asked));
        } else {
            return false;
        }
        true
    }
}

/// `now` and `wait`; a wait beyond the calendar ends with it.
fn later(now: Timestamp, wait: Duration) -> Option<Timestamp> {
    Some(now.checked_add(wait).unwrap_or(Timestamp::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const POLICY: Policy = Policy {
        concurrency: 8,
        first: Duration::from_secs(1),
        ceiling: Duration::from_secs(600),
        retry_after_limit: Duration::from_secs(3600),
    };

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn deferred(retry_after: Option<u64>) -> Class {
        Class::Deferred { retry_after: retry_after.map(Duration::from_secs), maybe_document: false }
    }

    /// The end of an attempt that began and ended at these seconds, alone or with others.
    fn tried(began: i64, ended: i64, under_way: usize) -> Tried {
        Tried { began: at(began), ended: at(ended), under_way }
    }

    fn pace() -> Pace {
        Pace::new(POLICY.into(), LaneState::default(), None, None)
    }

    #[test]
    fn a_burst_of_failures_is_one_step() {
        let (mut random, growth) = (fastrand::Rng::with_seed(7), Growth::default());
        let mut pace = pace();
        assert_eq!((pace.allowed(), pace.reach()), (1, HAND), "a door that is well is worth a few rows at any level");
        assert!(pace.ended(deferred(None), "refused", tried(0, 1, 8), &mut random, &growth));
        for _ in 0..7 {
            assert!(!pace.ended(deferred(None), "refused", tried(0, 1, 8), &mut random, &growth));
        }
        assert_eq!((pace.state().failures, pace.allowed(), pace.reach()), (1, 1, 1), "a probe is one");
    }

    #[test]
    fn retry_after_is_honoured_up_to_its_limit_and_by_none_at_the_same_time() {
        let (mut random, growth) = (fastrand::Rng::with_seed(7), Growth::default());
        let mut asked = |after, second| {
            let mut pace = pace();
            pace.ended(deferred(Some(after)), "429", tried(second - 1, second, 1), &mut random, &growth);
            let Gate::Until(until) = pace.gate(at(second)) else { panic!("it is to wait") };
            until
        };
        let first = asked(120, 1);
        assert!((at(121)..at(122)).contains(&first), "{first}");
        assert_ne!(first, asked(120, 1));
        assert!((at(201 + 3_600)..at(202 + 3_600)).contains(&asked(31_536_000_000, 201)));
    }

    #[test]
    fn recovery_begins_slowly() {
        let (mut random, growth) = (fastrand::Rng::with_seed(7), Growth::default());
        let mut pace = pace();
        pace.ended(Class::Unknown { retry_after: None }, "no answer", tried(0, 1, 1), &mut random, &growth);
        assert!(pace.ended(Class::Delivered, "200", tried(9, 10, 1), &mut random, &growth));
        assert_eq!(pace.state(), &LaneState::default());
        let mut allowed = vec![pace.allowed()];
        for second in 10..60 {
            let under_way = pace.allowed();
            pace.ended(Class::Delivered, "200", tried(second, second + 1, under_way), &mut random, &growth);
            if allowed.last() != Some(&pace.allowed()) {
                allowed.push(pace.allowed());
            }
        }
        assert_eq!(allowed, [1, 2, 4, 8], "the ceiling, and no more");
    }

    #[test]
    fn a_contract_closes_the_gate_for_all_but_withdrawals() {
        let second = Duration::from_secs(1);
        let mut pace = pace().within(Some(Limit { interval: second, burst: 1, period: second }), at(0));
        assert_eq!((pace.gate(at(0)), pace.tokens(at(0))), (Gate::Open, Some(1)));
        assert!(pace.takes_token(false, at(0)));
        assert_eq!((pace.gate(at(0)), pace.tokens(at(0))), (Gate::Paced(at(1)), Some(0)));
        assert!(!pace.takes_token(false, at(0)));
        assert!(pace.takes_token(true, at(0)), "one that comes down waits for nothing");
        assert_eq!(pace.gate(at(0)), Gate::Paced(at(2)), "but it counts");
        assert_eq!(pace.retry_at(), None, "the door is in no trouble by it");
        pace.token_back();
        assert_eq!(pace.gate(at(1)), Gate::Open);
    }

    #[test]
    fn a_clock_that_goes_back_does_not_hide_what_the_door_answers() {
        let (mut random, growth) = (fastrand::Rng::with_seed(7), Growth::default());
        let mut pace = pace();
        pace.ended(deferred(None), "refused", tried(3_600, 3_601, 1), &mut random, &growth);
        assert!(!pace.ended(Class::Delivered, "200", tried(0, 1, 1), &mut random, &growth), "it may have begun before");
        assert!(pace.ended(Class::Delivered, "200", tried(1, 2, 1), &mut random, &growth));
    }

    #[test]
    fn a_door_that_is_gone_waits_for_a_start_or_for_a_success() {
        let (mut random, growth) = (fastrand::Rng::with_seed(7), Growth::default());
        let mut pace = pace();
        assert!(pace.ended(Class::Gone, "answered 410 Gone", tried(0, 1, 1), &mut random, &growth));
        assert_eq!(pace.gate(at(9999)), Gate::Withdrawals);
        let mut started = Pace::new(POLICY.into(), pace.state().clone(), None, None);
        assert_eq!((started.gate(at(9999)), started.allowed()), (Gate::Open, 1), "a start tries once");
        let mut resumed = pace.clone();
        resumed.order(None, at(2));
        assert_eq!((resumed.gate(at(2)), resumed.allowed()), (Gate::Open, 1), "and so does an operator's word");
        assert!(!pace.ended(Class::Delivered, "200", tried(0, 2, 1), &mut random, &growth), "begun before it said so");
        assert!(
            pace.ended(Class::Delivered, "200", tried(2, 3, 1), &mut random, &growth),
            "a withdrawal that was taken"
        );
        assert_eq!(pace.gate(at(3)), Gate::Open);
    }

    #[test]
    fn what_was_owed_during_a_halt_is_not_given_up_for_its_age() {
        let mut pace = pace();
        let age = Duration::from_secs(100);
        assert_eq!(pace.give_up_before(age, at(500)), at(400));
        pace.order(Some(Halt { even_kills: true, why: "suspend by anna".to_owned() }), at(500));
        assert_eq!(pace.gate(at(500)), Gate::Shut);
        pace.order(None, at(1000));
        assert_eq!(pace.give_up_before(age, at(1099)), Timestamp::MIN);
        assert_eq!(pace.give_up_before(age, at(1101)), at(1001));
    }

    proptest! {
        #[test]
        fn no_wait_is_longer_than_the_ceiling(n in 0..u32::MAX, seed: u64) {
            let wait = backoff(&POLICY, n, &mut fastrand::Rng::with_seed(seed));
            prop_assert!(wait <= POLICY.ceiling);
            prop_assert!(n > 10 || wait <= POLICY.first * 2_u32.pow(n.saturating_sub(1)));
        }
    }
}
