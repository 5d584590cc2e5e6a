//! The last hour of one destination, or of the intake, minute by minute: what a glance at it shows.
//!
//! In memory alone, and only where something happened: a destination at rest costs a few words (promise 8). What is true
//! after a restart stands in the ledger.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

/// Minutes that are kept.
pub const MINUTES: usize = 60;

/// How much the last attempt weighs in the latency that is shown.
const WEIGHT: f64 = 0.2;

/// What happened, and when.
#[derive(Debug, Default)]
pub struct Beat(Mutex<Option<Box<Hour>>>);

/// An hour.
#[derive(Debug, Clone)]
pub struct Hour {
    /// The minute, since 1970, that the last place stands for.
    newest: i64,
    /// From the first in which something happened: most destinations have a few articles an hour. There is always one.
    minutes: VecDeque<Minute>,
    /// In seconds, recent attempts counting most.
    latency: f64,
    failure: Option<Failure>,
}

/// What happened in a minute.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Minute {
    pub good: u32,
    pub failed: u32,
}

/// The last thing that went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub at: Timestamp,
    pub why: String,
}

/// What a glance shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Glance {
    /// The last hour, oldest minute first; the last is the one that is not over.
    pub minutes: [Minute; MINUTES],
    /// The last minute that is over, and what there is of this one, as a rate of good ones a minute.
    pub per_minute: f64,
    /// None where nothing was tried.
    pub latency: Option<Duration>,
    pub failure: Option<Failure>,
}

impl Beat {
    /// Something went well.
    pub fn good(&self, now: Timestamp, took: Duration) {
        drop(self.note(now, Some(took), |minute| &mut minute.good));
    }

    /// Something went wrong.
    pub fn failed(&self, now: Timestamp, why: &str) {
        let mut held = self.note(now, None, |minute| &mut minute.failed);
        if let Some(hour) = held.as_mut() {
            hour.failure = Some(Failure { at: now, why: why.to_owned() });
        }
    }

    fn note(
        &self,
        now: Timestamp,
        took: Option<Duration>,
        what: impl Fn(&mut Minute) -> &mut u32,
    ) -> MutexGuard<'_, Option<Box<Hour>>> {
        let mut held = self.held();
        let minute = minute_of(now);
        let hour = held.get_or_insert_with(|| Box::new(Hour::beginning(minute)));
        hour.turn_to(minute);
        if let Some(this) = hour.minutes.back_mut() {
            let count = what(this);
            *count = count.saturating_add(1);
        }
        if let Some(took) = took {
            let took = took.as_secs_f64();
            hour.latency = if hour.latency == 0.0 { took } else { hour.latency + WEIGHT * (took - hour.latency) };
        }
        held
    }

    /// What there was in the last hour, if there was anything.
    pub fn glance(&self, now: Timestamp) -> Option<Glance> {
        let mut held = self.held();
        let hour = held.as_mut()?;
        hour.turn_to(minute_of(now));
        let minutes = hour.all();
        let [.., last, this] = minutes;
        let seconds = now.as_second().rem_euclid(60);
        let per_minute =
            f64::from(last.good + this.good) * 60.0 / (60.0 + f64::from(i32::try_from(seconds).unwrap_or(0)));
        Some(Glance {
            minutes,
            per_minute,
            latency: (hour.latency > 0.0).then(|| Duration::from_secs_f64(hour.latency)),
            failure: hour.failure.clone(),
        })
    }

    fn held(&self) -> MutexGuard<'_, Option<Box<Hour>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hour {
    fn beginning(minute: i64) -> Self {
        Self { newest: minute, minutes: [Minute::default()].into(), latency: 0.0, failure: None }
    }

    /// Makes `minute` the last one. A clock that was set back counts on in the minute that it had reached.
    fn turn_to(&mut self, minute: i64) {
        let past = usize::try_from(minute - self.newest).unwrap_or(0).min(MINUTES);
        if past > 0 {
            let (over, all) = ((self.minutes.len() + past).saturating_sub(MINUTES), self.minutes.len());
            let first = (over..all).find(|at| self.minutes[*at] != Minute::default());
            match first {
                Some(first) => {
                    self.minutes.drain(..first);
                    self.minutes.extend([Minute::default(); MINUTES].iter().take(past));
                }
                // With the room for one, since there may be ten thousand of these.
                None => self.minutes = [Minute::default()].into(),
            }
            self.newest = minute;
        }
    }

    /// All of its minutes, oldest first.
    fn all(&self) -> [Minute; MINUTES] {
        let mut all = [Minute::default(); MINUTES];
        for (place, minute) in all.iter_mut().rev().zip(self.minutes.iter().rev()) {
            *place = *minute;
        }
        all
    }
}

fn minute_of(now: Timestamp) -> i64 {
    now.as_second().div_euclid(60)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(minute: i64, second: i64) -> Timestamp {
        Timestamp::from_second(1_795_000_020 + 60 * minute + second).unwrap()
    }

    #[test]
    fn an_hour_is_kept_and_no_more() {
        let beat = Beat::default();
        assert_eq!(beat.glance(at(0, 0)), None);
        for minute in 0..90 {
            for _ in 0..=minute {
                beat.good(at(minute, 7), Duration::from_millis(50));
            }
        }
        let glance = beat.glance(at(89, 30)).unwrap();
        let good: Vec<u32> = glance.minutes.iter().map(|minute| minute.good).collect();
        assert_eq!(good, (31..=90).collect::<Vec<u32>>());
        assert_eq!(glance.per_minute, f64::from(89 + 90) * 60.0 / 90.0);
        assert_eq!(beat.glance(at(90, 0)).unwrap().minutes[59], Minute::default());
        let later = beat.glance(at(600, 0)).unwrap();
        assert!(later.minutes.iter().all(|minute| *minute == Minute::default()));
        assert_eq!(later.per_minute, 0.0);
    }

    proptest! {
        /// Against an hour that keeps every minute's place.
        #[test]
        fn what_it_shows_is_what_happened(steps in prop::collection::vec((0..90_i64, 0..3_usize), 1..40)) {
            let (beat, mut happened, mut minute) = (Beat::default(), Vec::new(), 0);
            beat.good(at(0, 0), Duration::ZERO);
            happened.push(0);
            for (pause, number) in steps {
                minute += pause;
                for _ in 0..number {
                    beat.good(at(minute, 0), Duration::ZERO);
                    happened.push(minute);
                }
                let shown: Vec<u32> = beat.glance(at(minute, 0)).unwrap().minutes.iter().map(|minute| minute.good).collect();
                let count = |of: i64| u32::try_from(happened.iter().filter(|at| **at == of).count()).unwrap();
                prop_assert_eq!(shown, (minute - 59..=minute).map(count).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn the_last_failure_and_a_latency_that_follows_are_told() {
        let beat = Beat::default();
        beat.failed(at(0, 0), "answered 503");
        beat.failed(at(1, 0), "answered 401");
        assert_eq!(beat.glance(at(1, 0)).unwrap().latency, None);
        for _ in 0..40 {
            beat.good(at(1, 0), Duration::from_millis(200));
        }
        let glance = beat.glance(at(1, 0)).unwrap();
        assert_eq!(glance.failure, Some(Failure { at: at(1, 0), why: "answered 401".to_owned() }));
        assert_eq!(glance.minutes[58..], [Minute { good: 0, failed: 1 }, Minute { good: 40, failed: 1 }]);
        assert!((glance.latency.unwrap().as_secs_f64() - 0.2).abs() < 1e-9);
    }

    #[test]
    fn a_clock_that_is_set_back_takes_nothing_away() {
        let beat = Beat::default();
        beat.good(at(10, 0), Duration::from_millis(1));
        beat.good(at(3, 0), Duration::from_millis(1));
        assert_eq!(beat.glance(at(4, 0)).unwrap().minutes[59].good, 2);
    }
}
