//! Simulated links: doors that behave as real ones do, for a lane with more to send than they take, on a clock of their
//! own.
//!
//! Each link has bounds for what is in flight, what arrives and how soon. That they mean something is shown by lanes that
//! are naive on purpose ([`Naive`]): each breaks the bounds of a link that is there for it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt;
use std::time::Duration;

use jiff::Timestamp;

use super::{Gate, Growth, Pace, Policy, Tried};
use crate::ledger::LaneState;
use crate::transport::Class;

const MS: u64 = 1_000;
const SECOND: u64 = 1_000 * MS;

const POLICY: Policy = Policy {
    concurrency: 32,
    first: Duration::from_secs(1),
    ceiling: Duration::from_secs(600),
    retry_after_limit: Duration::from_secs(3600),
};

/// What a lane leaves out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Naive {
    /// Nothing: this is the lane that there is.
    No,
    NeverShrinks,
    NeverGrows,
    /// 429 is an answer like any other.
    IgnoresRefusals,
    /// All answers are quick.
    IgnoresSlowness,
    /// After trouble it is where it was before.
    RecoversAtOnce,
}

/// How a door answers what it gets, in microseconds of its clock.
trait Link {
    /// What becomes of a request that arrives at `now` while `others` are in flight: after how long, and the outcome.
    fn answer(&mut self, now: u64, others: usize, random: &mut fastrand::Rng) -> (u64, Class);
}

impl<F: FnMut(u64, usize, &mut fastrand::Rng) -> (u64, Class)> Link for F {
    fn answer(&mut self, now: u64, others: usize, random: &mut fastrand::Rng) -> (u64, Class) {
        self(now, others, random)
    }
}

/// What a lane and a link made of each other. Means are of the second half.
struct Seen {
    /// The mean of requests in flight, and the most that there ever were.
    in_flight: f64,
    peak: usize,
    /// Delivered in a second.
    per_second: f64,
    /// All requests, and the part of them that was not delivered.
    sent: u64,
    failed: f64,
    /// The mean of how long an answer took, in milliseconds.
    took: f64,
    /// When a level was found first, in seconds: by level.
    reached: Vec<f64>,
    /// The level at the end of each second.
    levels: Vec<usize>,
}

impl Seen {
    /// When this level was found first, in seconds.
    fn reached(&self, level: usize) -> f64 {
        self.reached.get(level).copied().unwrap_or(f64::INFINITY)
    }

    /// Requests that were not delivered.
    fn failures(&self) -> u64 {
        (self.failed * self.sent as f64).round() as u64
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { in_flight, peak, per_second, failed, took, .. } = self;
        let failed = failed * 100.0;
        write!(
            f,
            "{in_flight:5.1} in flight, {peak:2} at most; {per_second:8.1}/s in {took:6.1} ms; {failed:4.1} % failed; "
        )?;
        let best = self.reached.len() - 1;
        write!(f, "{best:2} found after {:.1} s", self.reached(best))
    }
}

enum Event {
    /// The lane looks whether it may begin more.
    Look,
    Answer {
        began: u64,
        class: Class,
    },
}

/// Lets a lane send to `link` for so long.
fn play(link: &mut dyn Link, naive: Naive, seconds: u64, seed: u64) -> Seen {
    let (mut random, growth) = (fastrand::Rng::with_seed(seed), Growth::default());
    let mut pace = Pace::new(POLICY.into(), LaneState::default(), None, None);
    let mut heap = BinaryHeap::new();
    let mut events: Vec<Option<Event>> = Vec::new();
    let at = |heap: &mut BinaryHeap<_>, events: &mut Vec<_>, when: u64, event| {
        heap.push(Reverse((when, events.len())));
        events.push(Some(event));
    };
    at(&mut heap, &mut events, 0, Event::Look);
    let (end, half) = (seconds * SECOND, seconds * SECOND / 2);
    let (mut in_flight, mut most, mut looks_at) = (0_usize, 1, 0);
    let (mut last, mut area, mut delivered, mut all, mut failed, mut took) = (0, 0, 0_u64, 0_u64, 0_u64, 0);
    let mut seen = Seen {
        in_flight: 0.0,
        peak: 0,
        per_second: 0.0,
        sent: 0,
        failed: 0.0,
        took: 0.0,
        reached: vec![0.0; 2],
        levels: Vec::new(),
    };
    while let Some(Reverse((now, number))) = heap.pop() {
        if now >= end {
            break;
        }
        while (seen.levels.len() as u64 + 1) * SECOND <= now {
            seen.levels.push(pace.level());
        }
        area += in_flight as u64 * (now.max(half) - last.max(half));
        last = now;
        match events[number].take() {
            Some(Event::Answer { began, class }) => {
                all += 1;
                if class == Class::Delivered {
                    delivered += u64::from(now > half);
                } else {
                    failed += 1;
                }
                took += if now > half { now - began } else { 0 };
                let class = if naive == Naive::IgnoresRefusals { Class::Delivered } else { class };
                let began = if naive == Naive::IgnoresSlowness { now } else { began };
                let tried = Tried { began: time(began), ended: time(now), under_way: in_flight };
                pace.ended(class, "as the link has it", tried, &mut random, &growth);
                in_flight -= 1;
            }
            Some(Event::Look) => looks_at = 0,
            None => {}
        }
        most = most.max(pace.level());
        while seen.reached.len() <= pace.level() {
            seen.reached.push(now as f64 / SECOND as f64);
        }
        let allowed = match naive {
            Naive::No | Naive::IgnoresRefusals | Naive::IgnoresSlowness => pace.allowed(),
            Naive::NeverShrinks => most,
            Naive::NeverGrows => 1,
            Naive::RecoversAtOnce if pace.state().failures == 0 => most,
            Naive::RecoversAtOnce => pace.allowed(),
        };
        match pace.gate(time(now)) {
            Gate::Open => {
                while in_flight < allowed {
                    let (after, class) = link.answer(now, in_flight, &mut random);
                    at(&mut heap, &mut events, now + after.max(1), Event::Answer { began: now, class });
                    in_flight += 1;
                    seen.peak = seen.peak.max(in_flight);
                }
            }
            Gate::Until(until) => {
                let until = micros(until);
                if looks_at != until {
                    looks_at = until;
                    at(&mut heap, &mut events, until.max(now + 1), Event::Look);
                }
            }
            Gate::Paced(_) | Gate::Withdrawals | Gate::Shut => unreachable!("no link is gone, and none has a contract"),
        }
    }
    let answered = delivered.max(1);
    seen.in_flight = area as f64 / (end - half) as f64;
    seen.per_second = delivered as f64 * SECOND as f64 / (end - half) as f64;
    seen.sent = all;
    seen.failed = failed as f64 / all.max(1) as f64;
    seen.took = took as f64 / answered as f64 / MS as f64;
    seen
}

const START: i64 = 1_800_000_000;

fn time(micros: u64) -> Timestamp {
    Timestamp::from_second(START).unwrap() + Duration::from_micros(micros)
}

/// Rounded up, so that what was to be at a time is at it.
fn micros(at: Timestamp) -> u64 {
    let since = Duration::try_from(at.duration_since(time(0))).unwrap_or_default();
    u64::try_from(since.as_nanos().div_ceil(1_000)).unwrap()
}

fn lost() -> Class {
    Class::Unknown { retry_after: None }
}

fn refused() -> Class {
    Class::Deferred { retry_after: None, maybe_document: false }
}

/// So many servers behind one queue: an answer takes as long as ever until all of them are busy, and longer in
/// proportion beyond.
struct Servers(Vec<u64>);

impl Servers {
    fn new(number: usize) -> Self {
        Self(vec![0; number])
    }

    /// How long it takes, the time in the queue included.
    fn take(&mut self, now: u64, work: u64) -> u64 {
        let free = self.0.iter_mut().min().expect("there is a server");
        *free = now.max(*free) + work;
        *free - now
    }
}

/// A token bucket at the door: so many a second, and a burst.
struct Allows {
    every: u64,
    burst: u64,
    full_at: u64,
}

impl Allows {
    fn per_second(number: u64, burst: u64) -> Self {
        Self { every: SECOND / number, burst, full_at: 0 }
    }

    fn take(&mut self, now: u64) -> bool {
        let full_at = self.full_at.max(now) + self.every;
        let there = full_at <= now + self.burst * self.every;
        if there {
            self.full_at = full_at;
        }
        there
    }
}

/// Around `mean`: half of it to one and a half.
fn jittery(mean: u64, random: &mut fastrand::Rng) -> u64 {
    mean / 2 + random.u64(0..=mean)
}

/// Mostly near `typical`, now and then many times that, as on a long way with losses.
fn long_tailed(typical: u64, random: &mut fastrand::Rng) -> u64 {
    let unit = 1.0 - random.f64();
    // Pareto with index 2, whose smallest is 0.7 of its median.
    (0.7 * typical as f64 / unit.sqrt()) as u64
}

/// A door, and what a lane is to make of it.
struct Case {
    name: &'static str,
    link: fn() -> Box<dyn Link>,
    seconds: u64,
    /// Whether it is as it should be.
    holds: fn(&Seen) -> bool,
    /// The lanes that are not as they should be here.
    broken_by: &'static [Naive],
}

fn link(answer: impl FnMut(u64, usize, &mut fastrand::Rng) -> (u64, Class) + 'static) -> Box<dyn Link> {
    Box::new(answer)
}

/// The ceiling is 32 everywhere.
const CASES: [Case; 16] = [
    Case {
        name: "constant, 300 µs",
        link: || link(|_, _, _| (300, Class::Delivered)),
        seconds: 1,
        holds: |seen| seen.in_flight > 30.0 && seen.reached(32) < 0.05,
        broken_by: &[Naive::NeverGrows],
    },
    Case {
        name: "constant, 50 ms",
        link: || link(|_, _, _| (50 * MS, Class::Delivered)),
        seconds: 60,
        holds: |seen| seen.in_flight > 31.0 && seen.reached(32) < 1.5,
        broken_by: &[Naive::NeverGrows],
    },
    Case {
        name: "jittery, 50 to 150 ms",
        link: || link(|_, _, random| (jittery(100 * MS, random), Class::Delivered)),
        seconds: 60,
        holds: |seen| seen.in_flight > 30.0 && seen.reached(32) < 5.0,
        broken_by: &[Naive::NeverGrows],
    },
    Case {
        name: "long-tailed, 70 ms and more",
        link: || link(|_, _, random| (long_tailed(100 * MS, random), Class::Delivered)),
        seconds: 60,
        holds: |seen| seen.in_flight > 28.0 && seen.reached(32) < 15.0,
        broken_by: &[Naive::NeverGrows],
    },
    Case {
        name: "a knee at 8, 50 ms",
        link: || {
            let mut servers = Servers::new(8);
            link(move |now, _, _| (servers.take(now, 50 * MS), Class::Delivered))
        },
        seconds: 60,
        holds: |seen| seen.in_flight < 16.0 && seen.took < 100.0 && seen.per_second > 155.0 && seen.reached(8) < 1.5,
        broken_by: &[Naive::NeverGrows, Naive::NeverShrinks, Naive::IgnoresSlowness],
    },
    Case {
        name: "a knee at 8, 50 to 150 ms",
        link: || {
            let mut servers = Servers::new(8);
            link(move |now, _, random| (servers.take(now, jittery(100 * MS, random)), Class::Delivered))
        },
        seconds: 120,
        holds: |seen| seen.in_flight < 18.0 && seen.per_second > 74.0 && seen.reached(8) < 4.0,
        broken_by: &[Naive::NeverGrows, Naive::NeverShrinks, Naive::IgnoresSlowness],
    },
    Case {
        name: "a knee at 8, 200 ms, after half a minute 50 ms",
        link: || {
            let mut servers = Servers::new(8);
            link(move |now, _, _| {
                let work = if now < 30 * SECOND { 200 * MS } else { 50 * MS };
                (servers.take(now, work), Class::Delivered)
            })
        },
        seconds: 240,
        holds: |seen| seen.in_flight < 16.0 && seen.per_second > 150.0,
        broken_by: &[Naive::NeverGrows, Naive::NeverShrinks, Naive::IgnoresSlowness],
    },
    Case {
        name: "a knee at 1, 100 ms",
        link: || {
            let mut server = Servers::new(1);
            link(move |now, _, _| (server.take(now, 100 * MS), Class::Delivered))
        },
        seconds: 120,
        holds: |seen| seen.in_flight < 1.5 && seen.peak <= 2 && seen.per_second > 9.5,
        broken_by: &[Naive::NeverShrinks, Naive::IgnoresSlowness],
    },
    Case {
        name: "429 above 8 in flight, 50 ms",
        link: || link(|_, others, _| if others < 8 { (50 * MS, Class::Delivered) } else { (5 * MS, refused()) }),
        seconds: 120,
        holds: |seen| seen.in_flight > 7.0 && seen.in_flight < 8.1 && seen.failed < 0.005 && seen.per_second > 144.0,
        broken_by: &[Naive::NeverGrows, Naive::NeverShrinks, Naive::IgnoresRefusals, Naive::RecoversAtOnce],
    },
    Case {
        name: "429 above 100/s, 50 ms",
        link: || {
            let mut allows = Allows::per_second(100, 20);
            link(move |now, _, _| if allows.take(now) { (50 * MS, Class::Delivered) } else { (5 * MS, refused()) })
        },
        seconds: 120,
        holds: |seen| seen.in_flight < 8.0 && seen.failed < 0.02 && seen.per_second > 80.0,
        broken_by: &[Naive::NeverGrows, Naive::NeverShrinks, Naive::IgnoresRefusals, Naive::RecoversAtOnce],
    },
    Case {
        name: "429 above 5/s, 50 ms",
        link: || {
            let mut allows = Allows::per_second(5, 5);
            link(move |now, _, _| if allows.take(now) { (50 * MS, Class::Delivered) } else { (5 * MS, refused()) })
        },
        seconds: 120,
        holds: |seen| seen.in_flight < 1.0 && seen.failed < 0.33 && seen.per_second > 4.0,
        broken_by: &[Naive::IgnoresRefusals],
    },
    Case {
        name: "one bad of three: 1 s, not 50 ms",
        link: || link(|_, _, random| (if random.u8(0..3) == 0 { SECOND } else { 50 * MS }, Class::Delivered)),
        seconds: 60,
        holds: |seen| seen.in_flight > 28.0 && seen.reached(32) < 30.0,
        broken_by: &[Naive::NeverGrows],
    },
    Case {
        name: "one bad of three: 503",
        link: || {
            link(|_, _, random| if random.u8(0..3) == 0 { (5 * MS, refused()) } else { (50 * MS, Class::Delivered) })
        },
        seconds: 240,
        holds: |seen| seen.peak <= 8 && seen.sent < 240 * 6 && seen.per_second > 0.5,
        broken_by: &[Naive::IgnoresRefusals],
    },
    Case {
        name: "a slow death: 8 servers, 5 % slower each second",
        link: || {
            let mut servers = Servers::new(8);
            link(move |now, _, _| {
                let dying = now.saturating_sub(30 * SECOND) as f64 / SECOND as f64;
                let took = servers.take(now, (50.0 * MS as f64 * 1.05_f64.powf(dying)) as u64);
                if took < 30 * SECOND { (took, Class::Delivered) } else { (30 * SECOND, lost()) }
            })
        },
        seconds: 180,
        holds: |seen| {
            seen.in_flight < 6.0
                && seen.peak <= 32
                && seen.levels[29] >= 8
                && seen.levels[150..].iter().all(|level| *level <= 4)
        },
        broken_by: &[Naive::NeverGrows, Naive::NeverShrinks, Naive::IgnoresSlowness],
    },
    Case {
        name: "deaf for two minutes, then well: 50 ms",
        link: || link(|now, _, _| if now < 120 * SECOND { (10 * SECOND, lost()) } else { (50 * MS, Class::Delivered) }),
        seconds: 360,
        holds: |seen| {
            seen.levels[119] == 1 && seen.failures() <= 12 && seen.reached(2) > 120.0 && seen.reached(32) < 260.0
        },
        broken_by: &[Naive::NeverGrows, Naive::IgnoresRefusals],
    },
    Case {
        name: "a knee at 4, after a minute at 16, 50 ms",
        link: || {
            let mut servers = Servers::new(4);
            link(move |now, _, _| {
                if now > 60 * SECOND {
                    servers.0.resize(16, 0);
                }
                (servers.take(now, 50 * MS), Class::Delivered)
            })
        },
        seconds: 180,
        holds: |seen| {
            seen.levels[30..59].iter().all(|level| *level <= 8)
                && seen.reached(16) < 100.0
                && seen.in_flight < 31.0
                && seen.per_second > 300.0
        },
        broken_by: &[Naive::NeverGrows, Naive::NeverShrinks, Naive::IgnoresSlowness],
    },
];

#[test]
fn each_link_is_used_as_it_can_be() {
    for case in &CASES {
        for seed in 0..10 {
            let seen = play(&mut *(case.link)(), Naive::No, case.seconds, seed);
            assert!((case.holds)(&seen), "{}, seed {seed}: {seen}; {:?}", case.name, seen.levels);
        }
    }
}

/// The bounds above can be broken.
#[test]
fn what_is_naive_is_found_out() {
    for case in &CASES {
        for naive in case.broken_by {
            let seen = play(&mut *(case.link)(), *naive, case.seconds, 0);
            assert!(!(case.holds)(&seen), "{}, {naive:?}: {seen}", case.name);
        }
    }
}

/// For people; what it has to be is in the cases.
#[test]
fn the_figures() {
    let line = |case: &Case| {
        let seen = play(&mut *(case.link)(), Naive::No, case.seconds, 1);
        format!("{:48} {seen}", case.name)
    };
    let table: Vec<_> = CASES.iter().map(line).collect();
    insta::assert_snapshot!(table.join("\n"), @r#"
    constant, 300 µs                                  31.7 in flight, 32 at most; 105838.0/s in    0.3 ms;  0.0 % failed; 32 found after 0.0 s
    constant, 50 ms                                   31.7 in flight, 32 at most;    633.3/s in   50.0 ms;  0.0 % failed; 32 found after 0.9 s
    jittery, 50 to 150 ms                             31.5 in flight, 32 at most;    314.4/s in  100.3 ms;  0.0 % failed; 32 found after 2.0 s
    long-tailed, 70 ms and more                       31.4 in flight, 32 at most;    224.7/s in  140.0 ms;  0.0 % failed; 32 found after 2.3 s
    a knee at 8, 50 ms                                13.6 in flight, 32 at most;    159.4/s in   85.2 ms;  0.0 % failed; 32 found after 1.0 s
    a knee at 8, 50 to 150 ms                         11.1 in flight, 32 at most;     79.4/s in  140.4 ms;  0.0 % failed; 32 found after 2.2 s
    a knee at 8, 200 ms, after half a minute 50 ms    13.6 in flight, 32 at most;    159.6/s in   85.1 ms;  0.0 % failed; 32 found after 4.0 s
    a knee at 1, 100 ms                                1.1 in flight,  2 at most;     10.0/s in  109.3 ms;  0.0 % failed;  2 found after 0.8 s
    429 above 8 in flight, 50 ms                       7.5 in flight, 16 at most;    149.9/s in   50.0 ms;  0.1 % failed; 16 found after 0.8 s
    429 above 100/s, 50 ms                             4.5 in flight, 16 at most;     89.7/s in   50.0 ms;  0.4 % failed; 16 found after 0.8 s
    429 above 5/s, 50 ms                               0.3 in flight,  1 at most;      4.9/s in   51.5 ms; 23.4 % failed;  1 found after 0.0 s
    one bad of three: 1 s, not 50 ms                  31.1 in flight, 32 at most;     85.1/s in  365.4 ms;  0.0 % failed; 32 found after 6.0 s
    one bad of three: 503                              0.1 in flight,  2 at most;      1.8/s in   52.6 ms; 33.9 % failed;  2 found after 2.4 s
    a slow death: 8 servers, 5 % slower each second    1.0 in flight, 32 at most;      0.4/s in 2432.0 ms;  0.0 % failed; 32 found after 1.0 s
    deaf for two minutes, then well: 50 ms            31.7 in flight, 32 at most;    634.8/s in   50.0 ms;  0.0 % failed; 32 found after 154.2 s
    a knee at 4, after a minute at 16, 50 ms          27.4 in flight, 31 at most;    319.2/s in   85.7 ms;  0.0 % failed; 31 found after 152.1 s
    "#);
}
