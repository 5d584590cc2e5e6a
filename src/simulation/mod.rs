//! The simulation: the real decisions, on the real ledger, with a clock, randomness, newsroom, operators and doors that
//! a schedule drives. A schedule is drawn from a seed; the same seed gives the same run, event for event.
//!
//! ```text
//!   schedule ──▶ newsroom, operators, deaths, faults ──▶ intake ─ ledger ─ upkeep ─ dispatch ─ lanes ──▶ doors
//!                                                              │  every commit                      │ every request
//!                                                              └────────────▶ the book ◀────────────┘
//! ```
//!
//! The book ([`book`]) is an oracle of its own: it knows what was committed and what arrived, and objects. What it must be
//! able to notice is listed in [`planted`]. Not simulated are bytes: what an article looks like, and HTTP.
//!
//! `tests/simulate` runs any number of schedules, or one seed with all that happened in it.

mod book;
pub mod planted;
mod process;
mod schedule;
mod world;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use self::book::RowSeen;
use self::planted::Bug;
use self::schedule::{Mood, Offer, OrderStep, Schedule, Step, UNKIND, What};
use self::world::World;
use crate::article::{Article, Guid, Version, WireId};
use crate::clock::Clock;
use crate::ledger::simulated::Disk;
use crate::ledger::{NewOrder, Order, Replay, ReplayFrom, Target};

/// When kills must have reached doors that an operator has halted for all else: faults have stopped long before.
const KILLS_SETTLE: Duration = Duration::from_secs(95);

/// When everything has settled: after the last embargo, the last rights, and the slowest backoff.
const SETTLED: Duration = Duration::from_secs(200);

/// A run that the book objects to.
struct Failure {
    schedule: Schedule,
    violations: Vec<String>,
    trace: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {} fails:", self.schedule.seed)?;
        self.violations.iter().take(5).try_for_each(|one| writeln!(f, "  {one}"))?;
        writeln!(f, "with these {} steps:", self.schedule.steps.len())?;
        self.schedule
            .steps
            .iter()
            .try_for_each(|step| writeln!(f, "  {:>8.3} s  {:?}", step.at.as_secs_f64(), step.what))?;
        writeln!(f, "it went like this:")?;
        self.trace.iter().try_for_each(|line| writeln!(f, "  {line}"))
    }
}

/// What came of a run.
struct Run {
    violations: Vec<String>,
    trace: Vec<String>,
    fingerprint: u64,
}

fn run(schedule: &Schedule, bug: Option<Bug>, tell: bool) -> Run {
    planted::with(bug, || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.expect("a runtime can be made").block_on(play(schedule, tell))
    })
}

async fn play(schedule: &Schedule, tell: bool) -> Run {
    let begun = tokio::time::Instant::now();
    let world = World::new(schedule.seed, begun, tell);
    let disk = Disk::new();
    let mut stage =
        Stage { world, disk, process: JoinSet::new(), stop: CancellationToken::new(), variant: 0, incarnation: 0 };
    let mut newsroom = JoinSet::new();
    stage.start();
    for Step { at, what } in &schedule.steps {
        stage.until(begun + *at).await;
        let elapsed = stage.world.elapsed();
        match what {
            What::Offer(offer) => {
                newsroom.spawn(hand_in(Arc::clone(&stage.world), offer.clone()));
            }
            What::Die { after } => stage.die(*after).await,
            What::Restart { variant } => stage.restart(*variant).await,
            What::Ledger { skip, fault } => stage.world.set_fault(*skip, *fault),
            What::Mood { door, mood } => {
                stage.world.set_mood(*door, *mood);
                let mut state = stage.world.lock();
                state.book.strict[*door] |= *mood == Mood::Strict;
                state.book.tell(elapsed, || format!("door {door} is {mood:?}"));
            }
            What::Order(order) => stage.order(order),
            What::ClockBack(by) => {
                stage.world.clock_back(*by);
                let mut state = stage.world.lock();
                state.book.disturb(elapsed, "the clock goes back");
                state.book.calm(elapsed + *by + Duration::from_secs(4));
            }
        }
    }
    stage.until(begun + UNKIND).await;
    stage.world.be_kind();
    stage.world.lock().book.tell(UNKIND, || "from here on nothing goes wrong".to_owned());
    stage.until(begun + KILLS_SETTLE).await;
    stage.world.lock().book.check_kills_at_halted_doors(KILLS_SETTLE);
    for story in 0..schedule::STORIES {
        stage.order(&OrderStep::Release(story));
    }
    // By itself, so that nothing else wakes the lanes.
    stage.until(begun + KILLS_SETTLE + Duration::from_secs(10)).await;
    for door in 0..schedule::DOORS {
        stage.order(&OrderStep::Resume(door));
    }
    if stage.variant == schedule::PAUSED_VARIANT {
        stage.restart(0).await;
    }
    stage.until(begun + SETTLED).await;
    let rows = stage.rows();
    while newsroom.try_join_next().is_some() {}
    if !newsroom.is_empty() {
        stage.world.lock().book.violations.push(format!("{} articles are still not acknowledged", newsroom.len()));
    }
    // The inbox has the world's clock, and so the two would keep each other for good.
    stage.world.lock().inbox = None;
    let mut state = stage.world.lock();
    state.book.check_end(&rows, SETTLED);
    Run { violations: state.book.violations.clone(), trace: state.book.trace(), fingerprint: state.book.fingerprint() }
}

/// The program, and what can be done to it from outside.
struct Stage {
    world: Arc<World>,
    disk: Disk,
    process: JoinSet<()>,
    stop: CancellationToken,
    variant: usize,
    incarnation: u32,
}

impl Stage {
    fn start(&mut self) {
        self.incarnation += 1;
        self.stop = CancellationToken::new();
        let (world, disk, stop) = (Arc::clone(&self.world), self.disk.clone(), self.stop.clone());
        self.process.spawn(process::live(world, disk, self.variant, self.incarnation, stop));
    }

    /// Lets time pass. A process that dies by itself meanwhile is followed by another.
    async fn until(&mut self, at: tokio::time::Instant) {
        loop {
            tokio::select! {
                biased;
                () = self.world.died.notified() => self.die(Duration::from_millis(700)).await,
                Some(Err(why)) = self.process.join_next() => std::panic::resume_unwind(why.into_panic()),
                () = tokio::time::sleep_until(at) => return,
            }
        }
    }

    async fn die(&mut self, after: Duration) {
        {
            let mut state = self.world.lock();
            state.inbox = None;
            state.book.disturb(self.world.elapsed(), "the process dies");
        }
        self.process.shutdown().await;
        tokio::time::sleep(after).await;
        self.start();
    }

    /// A stop that waits for what is under way, and a start with another variant.
    async fn restart(&mut self, variant: usize) {
        self.world.lock().book.disturb(self.world.elapsed(), "the process is stopped");
        self.stop.cancel();
        let ended = tokio::time::timeout(Duration::from_secs(20), self.process.join_next()).await;
        self.world.lock().inbox = None;
        if ended.is_err() {
            self.process.shutdown().await;
        }
        self.variant = variant;
        self.start();
    }

    fn order(&self, order: &OrderStep) {
        let to = |door: &usize| Target::new(&format!("p{door}"));
        let order = match order {
            OrderStep::Hold(story) => Order::Hold { story: guid(*story) },
            OrderStep::Release(story) => Order::Release { story: guid(*story) },
            OrderStep::Cancel { story, door, even_kills } => {
                Order::Cancel { story: guid(*story), to: door.as_ref().map(to), even_kills: *even_kills }
            }
            OrderStep::Suspend { door, even_kills } => Order::Suspend { to: to(door), even_kills: *even_kills },
            OrderStep::Resume(door) => Order::Resume { to: to(door) },
            OrderStep::Resend { story, door } => Order::Resend { story: guid(*story), to: to(door) },
            OrderStep::ReplaySince { door, since } => {
                let from = ReplayFrom::Since(self.world.at(*since));
                Order::Replay(Replay { to: to(door), from, until: None, filter: None, rate: 1 })
            }
            OrderStep::ReplayFrom { door, sequence } => {
                let from = ReplayFrom::Sequence(*sequence);
                Order::Replay(Replay { to: to(door), from, until: None, filter: None, rate: 1 })
            }
        };
        self.disk.place(&NewOrder { order, by: "operator".to_owned(), reason: None, at: self.world.now() });
    }

    /// What the ledger holds, read by an onlooker.
    fn rows(&self) -> Vec<RowSeen> {
        let names = "SELECT destination.name, story.guid";
        let last = |text: String| text.rsplit(':').next().and_then(|number| number.parse().ok()).unwrap_or(usize::MAX);
        let door =
            |name: String| name.trim_start_matches('p').split('/').next().unwrap_or_default().parse().unwrap_or(0);
        let versions = |table: &str| -> Vec<(usize, usize, u64)> {
            self.disk.with(|db| {
                let sql = format!(
                    "{names}, version FROM {table} JOIN story ON story.id = story JOIN destination ON destination.id = destination"
                );
                let mut statement = db.prepare(&sql).expect("the table is there");
                let rows = statement.query_map([], |row| Ok((door(row.get(0)?), last(row.get(1)?), row.get(2)?)));
                rows.expect("it can be read").collect::<Result<_, _>>().expect("it can be read")
            })
        };
        let (later, past) = (versions("later"), versions("past"));
        let of = |all: &[(usize, usize, u64)], door, story| -> Vec<u64> {
            all.iter().filter(|one| (one.0, one.1) == (door, story)).map(|one| one.2).collect()
        };
        self.disk.with(|db| {
            let sql = format!(
                "{names}, version, stage, ended FROM delivery JOIN story ON story.id = story \
                 JOIN destination ON destination.id = destination"
            );
            let mut statement = db.prepare(&sql).expect("the table is there");
            let rows = statement.query_map([], |row| {
                let (door, story) = (door(row.get(0)?), last(row.get(1)?));
                Ok(RowSeen {
                    door,
                    story,
                    version: row.get(2)?,
                    stage: row.get(3)?,
                    ended: row.get(4)?,
                    later: of(&later, door, story),
                    past: of(&past, door, story),
                })
            });
            rows.expect("it can be read").collect::<Result<_, _>>().expect("it can be read")
        })
    }
}

fn guid(story: usize) -> Guid {
    format!("urn:sim:{story}").parse().expect("it is a URI")
}

/// The newsroom offers an article until it is acknowledged, as a queue does.
async fn hand_in(world: Arc<World>, offer: Offer) {
    let mut article = Article::bare(
        WireId::new("hpnf"),
        guid(offer.story),
        Version::try_from(offer.version).expect("versions begin at 1"),
        offer.action,
    );
    article.headline = format!("Story {} in version {}, variant {}", offer.story, offer.version, offer.variant);
    article.sections = vec![format!("section-{}", offer.section)];
    article.embargo = offer.embargo.map(|at| world.at(at));
    article.expires = offer.expires.map(|at| world.at(at));
    article.rights_until = offer.rights_until.map(|at| world.at(at));
    loop {
        let inbox = world.lock().inbox.clone();
        if let Some(inbox) = inbox
            && inbox.accept(article.clone(), "newsroom".to_owned()).await.is_ok()
        {
            let at = world.elapsed();
            return world.lock().book.acknowledged(offer.story, offer.version, at);
        }
        let pause = Duration::from_millis(100) + world.span(Duration::from_millis(500));
        tokio::time::sleep(pause).await;
    }
}

/// Takes steps away as long as it still fails.
fn minimal(mut schedule: Schedule, bug: Option<Bug>) -> Schedule {
    let mut size = schedule.steps.len().div_ceil(2);
    while size > 0 {
        let mut at = 0;
        while at < schedule.steps.len() {
            let mut shorter = schedule.clone();
            shorter.steps.drain(at..(at + size).min(shorter.steps.len()));
            if run(&shorter, bug, false).violations.is_empty() {
                at += size;
            } else {
                schedule = shorter;
            }
        }
        size /= 2;
    }
    schedule
}

fn failure(seed: u64, bug: Option<Bug>) -> Option<Failure> {
    let schedule = Schedule::draw(seed);
    if run(&schedule, bug, false).violations.is_empty() {
        return None;
    }
    let schedule = minimal(schedule, bug);
    let Run { violations, trace, .. } = run(&schedule, bug, true);
    Some(Failure { schedule, violations, trace })
}

/// Runs seeds on all cores until one fails, or `enough` says so. Returns how many, and the failure.
fn runs(from: u64, bug: Option<Bug>, enough: impl Fn(u64) -> bool + Sync) -> (u64, Option<Failure>) {
    let next = AtomicU64::new(from);
    let found = std::sync::Mutex::new(None);
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if enough(seed - from) || found.lock().expect("nobody panics with it").is_some() {
                        return;
                    }
                    let failed = std::panic::catch_unwind(|| failure(seed, bug)).unwrap_or_else(|_| {
                        panic!("seed {seed} panics");
                    });
                    if let Some(failure) = failed {
                        *found.lock().expect("nobody panics with it") = Some(failure);
                    }
                }
            });
        }
    });
    let ran = next.load(Ordering::Relaxed) - from;
    (ran, found.into_inner().expect("nobody panics with it"))
}

#[test]
fn the_same_seed_gives_the_same_run() {
    for seed in 0..20 {
        let schedule = Schedule::draw(seed);
        let (one, other) = (run(&schedule, None, true), run(&schedule, None, true));
        assert_eq!(one.trace, other.trace, "seed {seed}");
        assert_eq!(one.fingerprint, other.fingerprint, "seed {seed}");
    }
}

#[test]
fn schedules_of_faults_break_no_promise() {
    let (_, failure) = runs(0, None, |ran| ran >= 10_000);
    assert!(failure.is_none(), "{}", failure.map(|failure| failure.to_string()).unwrap_or_default());
}

/// The oracle can object: with a rule broken, one of a thousand schedules shows it.
#[test]
fn every_planted_bug_is_found() {
    let missed: Vec<_> = Bug::ALL
        .into_iter()
        .filter(|bug| {
            let (ran, failure) = runs(0, Some(*bug), |ran| ran >= 1_000);
            if let Some(failure) = &failure {
                println!("{bug:?}: within {ran} schedules: {}", failure.violations[0]);
            }
            failure.is_none()
        })
        .collect();
    assert!(missed.is_empty(), "not found within a thousand schedules: {missed:?}");
}

/// What `tests/simulate` runs: `SEEDS` schedules or `MINUTES`, from seed `FROM` on, or `SEED` alone with its story.
#[test]
#[ignore = "runs for as long as it is told; use tests/simulate"]
fn as_many_as_asked() {
    let asked = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    if let Some(seed) = asked("SEED") {
        let run = run(&Schedule::draw(seed), None, true);
        run.trace.iter().for_each(|line| println!("{line}"));
        assert!(run.violations.is_empty(), "{}", run.violations.join("\n"));
        return;
    }
    let began = Instant::now();
    let minutes = asked("MINUTES").map(|minutes| Duration::from_secs(60 * minutes));
    let seeds = asked("SEEDS").unwrap_or(if minutes.is_some() { u64::MAX } else { 10_000 });
    let enough = |ran| ran >= seeds || minutes.is_some_and(|minutes| began.elapsed() >= minutes);
    let (ran, failure) = runs(asked("FROM").unwrap_or(0), None, enough);
    println!("{ran} schedules in {:.0} s", began.elapsed().as_secs_f64());
    assert!(failure.is_none(), "{}", failure.map(|failure| failure.to_string()).unwrap_or_default());
}
