//! How many requests a door is sent at once: found from its answers, within a ceiling.
//!
//! Answers are judged in windows, against how long an answer usually takes when the door has little to do. A window of
//! which four in five took much longer takes a quarter of the slots away; one that came as fast as ever, with all
//! slots in use, adds slots: at first it doubles them, later it adds one. A refusal or a lost answer leaves one slot, and
//! the level at which that happened is approached with patience.
//!
//! Chosen among those that are known: Vector's adaptive concurrency and Netflix's Gradient2 compare with a moving mean of
//! what came before, which a door that slows down bit by bit takes along. TCP Vegas, and Netflix's limit of that name,
//! compare with the quickest answer, which of a jittery door is far from usual. linkerd balances and breaks, and finds no
//! concurrency. So the yardstick here is a median, taken only where the load is light: with one slot, or in a window now
//! and then that uses half of them (as BBR takes the round trip). The queue that we ourselves make does not get into it.
//! A window is judged by a count, so one bad server of three behind a balancer does not decide; and an answer costs a few
//! integer operations.

use jiff::Timestamp;

use super::growth::Growth;

/// Answers in the smallest window. So many tell a door that got slow from one slow answer, the first of a connection
/// above all; few enough that a door with a ceiling of 4 is there after 20 answers.
const WINDOW: u16 = 8;

/// Answers of a window whose median is taken, the first ones.
const SAMPLES: usize = 16;

/// Microseconds that an answer may take beyond the usual at any door. A queue of that length is in nobody's way, and a
/// machine of ours at full load is no quicker.
const SLACK: u32 = 20_000;

/// Windows between two that take the usual time anew. One in 32 with half of the slots costs less than 2 % of them.
const LIGHT_EVERY: u8 = 32;

/// Windows before a level at which the door was slow is tried again. Nothing is lost by it but time.
const PATIENCE: u16 = 8;

/// Windows before a level at which the door refused is tried again: the fewest, and the most. To try costs a refusal and
/// the pause after it, so the wait doubles with each one, and is halved when what was too much is not any more; at a door
/// that answers in 50 ms the longest is some 25 s.
const REFUSED_PATIENCE: (u16, u16) = (2, 256);

/// How a request came to its end, for the control of concurrency.
#[derive(Debug, Clone, Copy)]
pub struct Tried {
    pub began: Timestamp,
    pub ended: Timestamp,
    /// Requests under way at its end, with itself.
    pub under_way: usize,
}

/// How many requests may be under way, found from answers.
#[derive(Debug, Clone)]
pub struct Adaptive {
    /// The most that there may be; at least 1.
    ceiling: u16,
    /// Slots found, 1 to `ceiling`.
    level: u16,
    /// Microseconds that an answer takes when the door has little to do; none before the first window.
    usual: Option<u32>,
    /// The level that was too much when it was last tried.
    bar: Option<u16>,
    /// Windows until the bar is tried.
    wait: u16,
    /// What that was after the last refusal.
    refused_wait: u16,
    /// It is on its way up for the first time, or after trouble.
    doubling: bool,
    /// This window takes the usual time anew.
    light: bool,
    /// Windows until the next such one.
    until_light: u8,
    window: Window,
}

/// Answers to requests that began since a time, so that all of them met the level of now.
#[derive(Debug, Clone)]
struct Window {
    since: Timestamp,
    answers: u16,
    slow: u16,
    /// Answers that came while all slots were in use.
    full: u16,
    /// Microseconds of the first ones.
    samples: [u32; SAMPLES],
}

impl Window {
    fn new(since: Timestamp) -> Self {
        Self { since, answers: 0, slow: 0, full: 0, samples: [0; SAMPLES] }
    }

    /// The lower median of its samples.
    fn median(&mut self) -> u32 {
        let samples = self.samples.len().min(usize::from(self.answers));
        let samples = &mut self.samples[..samples];
        match samples.len().checked_sub(1) {
            Some(last) => *samples.select_nth_unstable(last / 2).1,
            None => 0,
        }
    }
}

impl Adaptive {
    /// Begins with one slot. A ceiling of 0 is one of 1.
    pub fn new(ceiling: usize) -> Self {
        Self {
            ceiling: u16::try_from(ceiling).unwrap_or(u16::MAX).max(1),
            level: 1,
            usual: None,
            bar: None,
            wait: 0,
            refused_wait: REFUSED_PATIENCE.0,
            doubling: true,
            light: false,
            until_light: LIGHT_EVERY,
            window: Window::new(Timestamp::MIN),
        }
    }

    /// How many requests may be under way now.
    pub fn allowed(&self) -> usize {
        usize::from(if self.light { self.level.div_ceil(2) } else { self.level })
    }

    /// How many have been found good; what is allowed is half of it for a moment now and then.
    pub fn level(&self) -> usize {
        usize::from(self.level)
    }

    pub fn ceiling(&self) -> usize {
        usize::from(self.ceiling)
    }

    /// The door answered, and was not in trouble.
    pub fn answered(&mut self, tried: Tried, growth: &Growth) {
        let Tried { began, ended, under_way } = tried;
        if ended < self.window.since {
            // The clock went back.
            self.window = Window::new(ended);
        }
        if self.ceiling == 1 || began < self.window.since {
            return;
        }
        let took = micros(began, ended);
        let slow = self.usual.is_some_and(|usual| took > usual.saturating_add(SLACK.max(usual / 2)));
        let full = under_way >= self.allowed();
        let window = &mut self.window;
        if let Some(sample) = window.samples.get_mut(usize::from(window.answers)) {
            *sample = took;
        }
        window.answers += 1;
        window.slow += u16::from(slow);
        window.full += u16::from(full);
        if usize::from(window.answers) >= (2 * self.allowed()).max(usize::from(WINDOW)) {
            self.judge(ended, growth);
        }
    }

    /// The door refused or lost a request when `under_way` of them were. What is left is one slot.
    pub fn too_much(&mut self, under_way: usize) {
        // A single request is not too much of anything; the door had trouble of its own.
        let level = u16::try_from(under_way).unwrap_or(u16::MAX).min(self.level);
        if level > 1 {
            self.refused_wait = (2 * self.refused_wait).min(REFUSED_PATIENCE.1);
            (self.bar, self.wait) = (Some(level), self.refused_wait);
        }
        self.probe();
    }

    /// Begins with one slot again, for a door that nothing is known of now.
    pub fn probe(&mut self) {
        self.level = 1;
        self.doubling = true;
        self.light = false;
        self.window = Window::new(self.window.since);
    }

    fn judge(&mut self, now: Timestamp, growth: &Growth) {
        let mut window = std::mem::replace(&mut self.window, Window::new(now));
        let light = std::mem::take(&mut self.light);
        if light || self.level == 1 {
            let median = window.median();
            self.usual = Some(match self.usual {
                // Half of the way, for a median of a few answers is none of many; all of it where the door got quicker by
                // more than chance does, since until then its queue is taken for its work.
                Some(usual) if median >= usual / 4 * 3 => usual.midpoint(median),
                Some(_) | None => median,
            });
        }
        if light {
            return;
        }
        let full = 2 * window.full >= window.answers;
        if 5 * u32::from(window.slow) >= 4 * u32::from(window.answers) {
            self.doubling = false;
            if full && self.level > 1 {
                (self.bar, self.wait) = (Some(self.level), PATIENCE);
            }
            self.level = (self.level - self.level.div_ceil(4)).max(1);
        } else if full {
            self.grow(now, growth);
        }
        self.until_light -= 1;
        if self.until_light == 0 {
            self.until_light = LIGHT_EVERY;
            self.light = self.level > 1;
        }
    }

    fn grow(&mut self, now: Timestamp, growth: &Growth) {
        if self.bar.is_some_and(|bar| self.level >= bar) {
            // It was not too much this time.
            self.bar = None;
            self.refused_wait = (self.refused_wait / 2).max(REFUSED_PATIENCE.0);
        }
        let mut wanted = if self.doubling { self.level.saturating_mul(2) } else { self.level.saturating_add(1) };
        if let Some(bar) = self.bar {
            let near = (bar - bar.div_ceil(4)).max(1);
            if self.level >= near {
                self.doubling = false;
                wanted = self.level + 1;
            } else {
                wanted = wanted.min(near);
            }
            if wanted >= bar && self.wait > 0 {
                self.wait -= 1;
                return;
            }
        }
        let more = wanted.min(self.ceiling) - self.level;
        if more > 0 {
            self.level += growth.take(more, now);
        }
    }
}

/// A time before its begin, after a clock that went back, is none.
fn micros(from: Timestamp, to: Timestamp) -> u32 {
    let took = to.duration_since(from);
    let micros = took.as_secs().saturating_mul(1_000_000).saturating_add(i64::from(took.subsec_micros()));
    u32::try_from(micros.max(0)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(1_800_000_000_000 + millis).unwrap()
    }

    /// A lane that has more to send than the door takes, `slots` answers at a time in 10 ms each: how many answers it
    /// takes until `level` is found.
    fn answers_until(level: usize, ceiling: usize, used: impl Fn(usize) -> usize) -> Option<usize> {
        let (mut found, growth) = (Adaptive::new(ceiling), Growth::default());
        let mut answers = 0;
        for round in 0..1_000 {
            let under_way = used(found.allowed());
            for _ in 0..under_way {
                answers += 1;
                found.answered(Tried { began: at(round * 10), ended: at(round * 10 + 10), under_way }, &growth);
                if found.level() >= level {
                    return Some(answers);
                }
            }
        }
        None
    }

    #[test]
    fn a_door_that_is_as_fast_as_ever_has_its_ceiling_after_some_tens_of_answers() {
        let answers = [4, 8, 16, 32].map(|ceiling| answers_until(ceiling, ceiling, |allowed| allowed));
        assert_eq!(answers, [Some(16), Some(24), Some(40), Some(72)]);
    }

    #[test]
    fn what_is_not_used_does_not_grow() {
        assert_eq!(answers_until(3, 32, |allowed| allowed.min(1)), None, "one at a time needs no third slot");
    }

    #[test]
    fn answers_to_what_began_before_a_change_are_not_counted() {
        let (mut found, growth) = (Adaptive::new(8), Growth::default());
        for _ in 0..WINDOW {
            found.answered(Tried { began: at(0), ended: at(10), under_way: 1 }, &growth);
        }
        assert_eq!(found.level(), 2);
        for _ in 0..100 {
            found.answered(Tried { began: at(9), ended: at(900), under_way: 2 }, &growth);
        }
        assert_eq!(found.level(), 2, "neither good nor bad");
    }

    /// What takes a millisecond may take many when we are busy ourselves.
    #[test]
    fn a_short_queue_takes_nothing_away_and_a_long_one_does() {
        let level_after = |took: i64| {
            let (mut found, growth) = (Adaptive::new(4), Growth::default());
            for round in 0..40 {
                let took = if round < 20 { 1 } else { took };
                let under_way = found.allowed();
                for _ in 0..under_way {
                    let began = at(round * 1_000);
                    let ended = began + Duration::from_millis(took.unsigned_abs());
                    found.answered(Tried { began, ended, under_way }, &growth);
                }
            }
            found.level()
        };
        assert_eq!((level_after(1), level_after(20)), (4, 4));
        assert!(level_after(22) < 4);
    }

    #[test]
    fn a_clock_that_goes_back_does_not_stop_it() {
        let (mut found, growth) = (Adaptive::new(8), Growth::default());
        for answer in 0..i64::from(WINDOW) {
            let began = 3_600_000 + answer;
            found.answered(Tried { began: at(began), ended: at(began + 1), under_way: 1 }, &growth);
        }
        assert_eq!(found.level(), 2);
        for answer in 0..=i64::from(WINDOW) {
            found.answered(Tried { began: at(answer), ended: at(answer + 1), under_way: 2 }, &growth);
        }
        assert_eq!(found.level(), 4);
    }

    proptest! {
        /// Whatever a door does, and whatever clock tells of it.
        #[test]
        fn at_least_one_and_never_more_than_the_ceiling(
            ceiling in 0_usize..300,
            ends in prop::collection::vec((0_i64..100_000, -10_i64..5_000, 1_usize..400, 0_u8..20), 0..600),
        ) {
            let (mut found, growth) = (Adaptive::new(ceiling), Growth::default());
            for (began, took, under_way, what) in ends {
                match what {
                    0 => found.too_much(under_way),
                    1 => found.probe(),
                    _ => found.answered(Tried { began: at(began), ended: at(began + took), under_way }, &growth),
                }
                prop_assert!((1..=ceiling.max(1)).contains(&found.allowed()) && found.allowed() <= found.level());
                prop_assert!(found.level() <= ceiling.max(1));
            }
        }

        /// However far it had come.
        #[test]
        fn a_refusal_leaves_one(rounds in 1_i64..200, under_way in 1_usize..40) {
            let (mut found, growth) = (Adaptive::new(32), Growth::default());
            for round in 0..rounds {
                let under_way = found.allowed();
                for _ in 0..under_way {
                    found.answered(Tried { began: at(round), ended: at(round + 1), under_way }, &growth);
                }
            }
            found.too_much(under_way);
            prop_assert_eq!((found.level(), found.allowed()), (1, 1));
        }
    }
}
