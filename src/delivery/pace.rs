//! A lane's pace: how many requests may be under way, and when to try again. Pure: clock and randomness are passed in.
//!
//! A door's failure moves the lane: the next try waits, with exponential backoff and full jitter, and is one probe.
//! A success after trouble is followed slowly, doubling what may be under way.

use std::time::Duration;

use jiff::Timestamp;

use crate::ledger::{Halt, LaneState};
use crate::transport::Class;

/// What a destination's configuration says about its pace.
#[derive(Debug, Clone, Copy)]
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
    policy: Policy,
    state: LaneState,
    allowed: usize,
    /// When the last failure was noticed: attempts begun before it are of the same trouble.
    noticed: Option<Timestamp>,
    /// What an operator ordered.
    halt: Option<Halt>,
    /// When the last halt ended: ages count from there at the earliest.
    resumed: Option<Timestamp>,
}

/// What a door may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    Open,
    /// Nothing but withdrawals, until that time.
    Until(Timestamp),
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
    pub fn new(policy: Policy, mut state: LaneState, halt: Option<Halt>, resumed: Option<Timestamp>) -> Self {
        let in_trouble = state.suspended.take().is_some() || state.failures > 0;
        let allowed = if in_trouble { 1 } else { policy.concurrency };
        Self { policy, state, allowed, noticed: None, halt, resumed }
    }

    /// An operator halts the lane, or lets it go on; then a door in trouble is tried at once.
    pub fn order(&mut self, halt: Option<Halt>, now: Timestamp) {
        if halt.is_none() {
            self.allowed = if self.state == LaneState::default() { self.allowed } else { 1 };
            self.state = LaneState::default();
            self.resumed = Some(now);
            self.noticed = Some(now);
        }
        self.halt = halt;
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
        &self.state
    }

    /// How many requests may be under way now.
    pub fn allowed(&self) -> usize {
        self.allowed
    }

    /// What the door may be sent now.
    pub fn gate(&self, now: Timestamp) -> Gate {
        match (&self.halt, &self.state.suspended) {
            (Some(Halt { even_kills: true, .. }), _) => Gate::Shut,
            (Some(_), _) if planted!(HaltStopsKills) => Gate::Shut,
            (Some(_), _) | (None, Some(_)) => Gate::Withdrawals,
            (None, None) => self.state.retry_at.filter(|at| *at > now).map_or(Gate::Open, Gate::Until),
        }
    }

    /// No try before this time, but for a withdrawal's first.
    pub fn retry_at(&self) -> Option<Timestamp> {
        self.state.retry_at
    }

    /// An attempt ended. `true` when the lane's durable state has changed.
    pub fn ended(
        &mut self,
        class: Class,
        detail: &str,
        began: Timestamp,
        now: Timestamp,
        random: &mut fastrand::Rng,
    ) -> bool {
        let retry_after = match class {
            Class::Delivered | Class::Refused => {
                self.allowed = (self.allowed * 2).clamp(1, self.policy.concurrency);
                if self.state == LaneState::default() {
                    return false;
                }
                // A late success of before the trouble says nothing about the door now.
                if self.noticed.is_some_and(|noticed| began < noticed) {
                    return false;
                }
                self.allowed = self.policy.concurrency.min(2);
                self.state = LaneState::default();
                return true;
            }
            Class::Gone => {
                // Begun before an operator looked.
                if self.noticed.is_some_and(|noticed| began < noticed) {
                    return false;
                }
                let why = format!("{detail}; nothing but withdrawals is sent here until an operator resumes it");
                self.state.suspended = Some(why.clone());
                self.state.trouble = Some(why);
                self.state.failures = self.state.failures.saturating_add(1);
                self.state.retry_at = later(now, backoff(&self.policy, self.state.failures, random));
                self.noticed = Some(now);
                self.allowed = 1;
                return true;
            }
            Class::Deferred { retry_after, .. } | Class::Unknown { retry_after } => retry_after,
        };
        self.allowed = 1;
        let asked = retry_after.map(|after| after.min(self.policy.retry_after_limit));
        if self.noticed.is_none_or(|noticed| began >= noticed) {
            self.state.failures = self.state.failures.saturating_add(1);
            self.state.trouble = Some(detail.to_owned());
            self.noticed = Some(now);
            let wait = backoff(&self.policy, self.state.failures, random).max(asked.unwrap_or_default());
            self.state.retry_at = later(now, wait);
        } else if let Some(asked) = asked {
            self.state.retry_at = self.state.retry_at.max(later(now, asked));
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

    #[test]
    fn a_burst_of_failures_is_one_step() {
        let mut random = fastrand::Rng::with_seed(7);
        let mut pace = Pace::new(POLICY, LaneState::default(), None, None);
        assert_eq!(pace.allowed(), 8);
        assert!(pace.ended(deferred(None), "refused", at(0), at(1), &mut random));
        for _ in 0..7 {
            assert!(!pace.ended(deferred(None), "refused", at(0), at(1), &mut random));
        }
        assert_eq!((pace.state().failures, pace.allowed()), (1, 1));
    }

    #[test]
    fn retry_after_is_honoured_up_to_its_limit() {
        let mut random = fastrand::Rng::with_seed(7);
        let mut pace = Pace::new(POLICY, LaneState::default(), None, None);
        pace.ended(deferred(Some(120)), "429", at(0), at(1), &mut random);
        assert_eq!(pace.gate(at(1)), Gate::Until(at(121)));
        pace.ended(deferred(Some(31_536_000_000)), "429", at(200), at(201), &mut random);
        assert_eq!(pace.gate(at(201)), Gate::Until(at(201 + 3600)));
    }

    #[test]
    fn recovery_begins_slowly() {
        let mut random = fastrand::Rng::with_seed(7);
        let mut pace = Pace::new(POLICY, LaneState::default(), None, None);
        pace.ended(Class::Unknown { retry_after: None }, "no answer", at(0), at(1), &mut random);
        assert!(pace.ended(Class::Delivered, "200", at(9), at(10), &mut random));
        let mut allowed = vec![pace.allowed()];
        for second in 11..14 {
            pace.ended(Class::Delivered, "200", at(second), at(second), &mut random);
            allowed.push(pace.allowed());
        }
        assert_eq!(allowed, [2, 4, 8, 8]);
        assert_eq!(pace.state(), &LaneState::default());
    }

    #[test]
    fn a_door_that_is_gone_waits_for_a_start_or_for_a_success() {
        let mut random = fastrand::Rng::with_seed(7);
        let mut pace = Pace::new(POLICY, LaneState::default(), None, None);
        assert!(pace.ended(Class::Gone, "answered 410 Gone", at(0), at(1), &mut random));
        assert_eq!(pace.gate(at(9999)), Gate::Withdrawals);
        let started = Pace::new(POLICY, pace.state().clone(), None, None);
        assert_eq!((started.gate(at(9999)), started.allowed()), (Gate::Open, 1), "a start tries once");
        let mut resumed = pace.clone();
        resumed.order(None, at(2));
        assert_eq!((resumed.gate(at(2)), resumed.allowed()), (Gate::Open, 1), "and so does an operator's word");
        assert!(!pace.ended(Class::Delivered, "200", at(0), at(2), &mut random), "begun before it said so");
        assert!(pace.ended(Class::Delivered, "200", at(2), at(3), &mut random), "a withdrawal that was taken");
        assert_eq!(pace.gate(at(3)), Gate::Open);
    }

    #[test]
    fn what_was_owed_during_a_halt_is_not_given_up_for_its_age() {
        let mut pace = Pace::new(POLICY, LaneState::default(), None, None);
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
