//! A schedule: what happens to the program in one run, drawn from a seed before it begins.

use std::time::Duration;

use crate::article::Action;

/// The partners of a simulated configuration; what each is for stands in [`super::process::CONFIG`].
pub const DOORS: usize = 4;

/// The most stories of a schedule: more than a lane has slots, so that some wait in hand.
pub const STORIES: usize = 5;

/// The door whose contract gives it early copies, by this much.
pub const EARLY_DOOR: usize = 1;
pub const EARLY: Duration = Duration::from_secs(20);

/// The door that takes every version.
pub const EVERY_DOOR: usize = 2;

/// The door that takes one section; which, is the configuration's to say. Its contract has a rate: so many at once, and
/// then one in every such span.
pub const SECTION_DOOR: usize = 3;
pub const RATE_BURST: usize = 2;
pub const RATE_INTERVAL: Duration = Duration::from_secs(5);

/// The variant of the configuration in which the first partner is paused.
pub const PAUSED_VARIANT: usize = 2;

/// How long the world is unkind.
pub const UNKIND: Duration = Duration::from_secs(60);

#[derive(Debug, Clone)]
pub struct Schedule {
    pub seed: u64,
    /// In the order of their times.
    pub steps: Vec<Step>,
}

#[derive(Debug, Clone)]
pub struct Step {
    pub at: Duration,
    pub what: What,
}

/// What happens.
#[derive(Debug, Clone)]
pub enum What {
    /// The newsroom publishes, and offers it until it is acknowledged.
    Offer(Offer),
    /// The process dies, and another starts `after` that.
    Die {
        after: Duration,
    },
    /// It is stopped and started with another variant of its configuration.
    Restart {
        variant: usize,
    },
    /// The next commit, or the one after `skip` others, meets this.
    Ledger {
        skip: u32,
        fault: Fault,
    },
    /// A door changes.
    Mood {
        door: usize,
        mood: Mood,
    },
    Order(OrderStep),
    /// The machine's clock goes back.
    ClockBack(Duration),
}

/// An article of a story.
#[derive(Debug, Clone, PartialEq)]
pub struct Offer {
    pub story: usize,
    pub version: u64,
    pub action: Action,
    /// The section that it is of: 0 and 1.
    pub section: usize,
    /// All counted from the schedule's begin.
    pub embargo: Option<Duration>,
    pub expires: Option<Duration>,
    pub rights_until: Option<Duration>,
    /// Tells articles of equal version with different content apart.
    pub variant: u8,
}

#[derive(Debug, Clone, Copy)]
pub enum Fault {
    DieBefore,
    /// The work is done and taken back, then the process dies.
    DieWithin,
    /// It is committed, and nobody is told.
    DieAfter,
    /// Nothing can be written for so long.
    Down(Duration),
}

/// How a door behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    Well,
    /// Well, but it takes seconds.
    Slow,
    /// Nobody listens.
    Closed,
    /// Requests arrive, answers do not.
    Lossy,
    /// Requests are lost, and nobody says so.
    Deaf,
    /// Requests arrive long after their senders gave up.
    Late,
    /// 500: it may be stored, or not.
    Failing,
    /// 429 with a time.
    Busy,
    /// 422, whatever it is.
    Strict,
    /// 410.
    Gone,
    /// Each request arrives twice.
    Twice,
}

impl Mood {
    const UNWELL: [Self; 10] = [
        Self::Slow,
        Self::Closed,
        Self::Lossy,
        Self::Deaf,
        Self::Late,
        Self::Failing,
        Self::Busy,
        Self::Strict,
        Self::Gone,
        Self::Twice,
    ];
}

/// What an operator orders.
#[derive(Debug, Clone)]
pub enum OrderStep {
    Hold(usize),
    Release(usize),
    Cancel { story: usize, door: Option<usize>, even_kills: bool },
    Suspend { door: usize, even_kills: bool },
    Resume(usize),
    Resend { story: usize, door: usize },
    ReplaySince { door: usize, since: Duration },
    ReplayFrom { door: usize, sequence: u64 },
}

impl Schedule {
    pub fn draw(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut steps = Vec::new();
        // Few, mostly: the fewer, the sooner a schedule comes to races of one story's versions.
        let few = random.usize(1..=STORIES).min(random.usize(1..=STORIES));
        // Now and then all of them are due at once, at a door that is slow: then rows wait in a lane's hand.
        let burst = (random.u8(0..4) == 0).then(|| Duration::from_millis(random.u64(1_000..20_000)));
        let stories = if burst.is_some() { STORIES } else { few };
        for story in 0..stories {
            offers(story, burst, &mut random, &mut steps);
        }
        if let Some(at) = burst {
            let what = What::Mood { door: random.usize(1..DOORS), mood: Mood::Slow };
            steps.push(Step { at: at - Duration::from_millis(500), what });
        }
        // Half of the runs leave one thing alone or another, so that each fault is also seen by itself.
        let (deaths, ledger, moods, orders) = (random.bool(), random.bool(), random.u8(0..4) > 0, random.bool());
        if deaths {
            for _ in 0..random.usize(0..4) {
                let after = Duration::from_millis(random.u64(1..3_000));
                let what = match random.u8(0..3) {
                    0 => What::Restart { variant: random.usize(0..3) },
                    _ => What::Die { after },
                };
                steps.push(Step { at: some_time(&mut random), what });
            }
        }
        if ledger {
            for _ in 0..random.usize(0..4) {
                let fault = match random.u8(0..4) {
                    0 => Fault::DieBefore,
                    1 => Fault::DieWithin,
                    2 => Fault::DieAfter,
                    _ => Fault::Down(Duration::from_millis(random.u64(1..5_000))),
                };
                let what = What::Ledger { skip: random.u32(0..4), fault };
                steps.push(Step { at: some_time(&mut random), what });
            }
        }
        if moods {
            for _ in 0..random.usize(1..8) {
                // The first door is well all the time: what happens to others must not be felt there.
                let door = random.usize(1..DOORS);
                let mood = if random.u8(0..4) == 0 {
                    Mood::Well
                } else {
                    *random.choice(&Mood::UNWELL).unwrap_or(&Mood::Slow)
                };
                steps.push(Step { at: some_time(&mut random), what: What::Mood { door, mood } });
            }
        }
        if orders {
            for _ in 0..random.usize(1..5) {
                let (story, door) = (random.usize(0..stories), random.usize(0..DOORS));
                let order = match random.u8(0..9) {
                    0 | 1 => OrderStep::Hold(story),
                    2 => OrderStep::Release(story),
                    3 => OrderStep::Cancel {
                        story,
                        door: random.bool().then_some(door),
                        even_kills: random.u8(0..4) == 0,
                    },
                    4 => OrderStep::Suspend { door, even_kills: random.u8(0..4) == 0 },
                    5 => OrderStep::Resume(door),
                    6 => OrderStep::Resend { story, door },
                    7 => OrderStep::ReplaySince { door, since: some_time(&mut random) },
                    _ => OrderStep::ReplayFrom { door, sequence: random.u64(1..5) },
                };
                steps.push(Step { at: some_time(&mut random), what: What::Order(order) });
            }
        }
        if random.u8(0..10) == 0 {
            let back = Duration::from_millis(random.u64(1..5_000));
            steps.push(Step { at: some_time(&mut random), what: What::ClockBack(back) });
        }
        steps.sort_by_key(|step| step.at);
        Self { seed, steps }
    }
}

/// A story's versions: mostly in order, some late, repeated, in conflict, with gaps.
fn offers(story: usize, burst: Option<Duration>, random: &mut fastrand::Rng, steps: &mut Vec<Step>) {
    let mut version = 0;
    let mut at = match burst {
        Some(burst) => burst + Duration::from_millis(random.u64(0..100)),
        None => Duration::from_millis(random.u64(0..20_000)),
    };
    let versions = random.usize(1..=5);
    let mut embargo = match burst {
        Some(burst) => Some(burst + Duration::from_millis(500)),
        None => (random.u8(0..4) == 0).then(|| at + Duration::from_millis(random.u64(1..40_000))),
    };
    for number in 0..versions {
        if at > UNKIND {
            break;
        }
        version += random.u64(1..=2);
        let action = match (number, random.u8(0..6)) {
            (0, 1..) => Action::Publish,
            (_, 0) => *random.choice(&[Action::Kill, Action::Kill, Action::Withhold]).unwrap_or(&Action::Kill),
            (_, 1 | 2) => Action::Correct,
            (_, _) => Action::Update,
        };
        if random.u8(0..5) == 0 {
            embargo = random.bool().then(|| at + Duration::from_millis(random.u64(1..40_000)));
        }
        let withdraws = action.withdraws();
        let base = embargo.unwrap_or(at);
        let offer = Offer {
            story,
            version,
            action,
            section: usize::from(random.u8(0..4) == 0),
            embargo: embargo.filter(|_| !withdraws),
            expires: (!withdraws && random.u8(0..6) == 0).then(|| base + Duration::from_millis(random.u64(1..20_000))),
            rights_until: (!withdraws && random.u8(0..6) == 0)
                .then(|| base + Duration::from_millis(random.u64(10_000..60_000))),
            variant: 0,
        };
        if random.u8(0..6) == 0 {
            // Once more, later; now and then with other content.
            let other = Offer { variant: u8::from(random.bool()), ..offer.clone() };
            let later = at + Duration::from_millis(random.u64(0..20_000));
            steps.push(Step { at: later, what: What::Offer(other) });
        }
        // Some overtake each other.
        let jitter = if random.u8(0..4) == 0 { random.u64(0..15_000) } else { 0 };
        steps.push(Step { at: at + Duration::from_millis(jitter), what: What::Offer(offer) });
        // Often close together: that is where races are.
        let gap = if random.bool() { random.u64(0..500) } else { random.u64(500..15_000) };
        at += Duration::from_millis(gap);
    }
}

fn some_time(random: &mut fastrand::Rng) -> Duration {
    Duration::from_millis(random.u64(0..UNKIND.as_millis() as u64))
}
