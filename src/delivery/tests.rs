//! Lanes and dispatch against a real ledger and doors that the test controls.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::dispatch::Dispatch;
use super::lane::{Lane, Settings, Shared};
use super::pace::{Growth, Limit, Pace, Policy};
use super::renditions::{Editions, Renditions};
use super::signal::Press;
use super::wakes::{Places, Wakes};
use crate::article::{Action, Article, Urgency, Version};
use crate::attribution::sample;
use crate::clock::SystemClock;
use crate::config::{Edition, Format};
use crate::current::Current;
use crate::ledger::{
    Acceptance, Accepted, Attempted, Claim, DestinationId, Halt, Health, LaneState, Ledger, Owed, Recorder,
    Registration, Rights, SqliteLedger, SqliteOptions, SqliteReader, Waiting,
};
use crate::telemetry::{CommitMetrics, Metrics};
use crate::transport::{Class, Outcome, Parcel, Transport, is_at_once};

/// A request that a door got: story, version, action.
type Got = (String, u64, Action);

/// A status that stands for no answer, until it is another.
const NONE_YET: u16 = 0;

/// A status that stands for a defect of ours.
const BREAKS: u16 = 1;

/// A door that takes its time, and answers as it is told.
struct Door {
    delay: Duration,
    status: Arc<AtomicU16>,
    got: Arc<Mutex<Vec<Got>>>,
}

impl Transport for Door {
    fn send<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Outcome> {
        async move {
            assert_eq!(is_at_once(), parcel.action.withdraws(), "a withdrawal alone waits for no turn to connect");
            let name = parcel.story.as_str().rsplit(':').next().unwrap_or_default().to_owned();
            self.got.lock().unwrap().push((name, parcel.version.get(), parcel.action));
            tokio::time::sleep(self.delay).await;
            while self.status.load(Ordering::SeqCst) == NONE_YET {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            let status = self.status.load(Ordering::SeqCst);
            assert_ne!(status, BREAKS, "a door that breaks");
            let class = match status {
                410 => Class::Gone,
                422 => Class::Refused,
                503 => Class::Deferred { retry_after: None, maybe_document: false },
                _ => Class::Delivered,
            };
            Outcome { class, status: Some(status), detail: format!("answered {status}"), remote: None }
        }
        .boxed()
    }

    fn in_network(&self) -> Duration {
        Duration::from_secs(60)
    }
}

/// A ledger, lanes on it, and a dispatch that runs.
struct Scene {
    dir: tempfile::TempDir,
    ledger: Arc<dyn Ledger>,
    ids: Vec<DestinationId>,
    wakes: Wakes,
    got: Vec<Arc<Mutex<Vec<Got>>>>,
    /// What all doors answer.
    status: Arc<AtomicU16>,
    /// What lanes are told of the ledger.
    health: watch::Sender<Health>,
    stop: CancellationToken,
    running: tokio::task::JoinHandle<()>,
}

/// How the doors of a scene behave.
#[derive(Clone, Copy)]
struct Doors {
    number: usize,
    concurrency: usize,
    delay: Duration,
    status: u16,
}

impl Scene {
    /// `waiting` is how many commands may wait for the ledger.
    async fn new(doors: Doors, waiting: usize) -> Self {
        Self::with_backoff(doors, waiting, Duration::from_millis(50)).await
    }

    /// The first wait at a door in trouble is a random time of up to `first`.
    async fn with_backoff(doors: Doors, waiting: usize, first: Duration) -> Self {
        Self::with(doors, waiting, first, None).await
    }

    /// A contract allows one delivery in every `interval`.
    async fn with_contract(doors: Doors, interval: Duration) -> Self {
        let limit = Limit { interval, burst: 1, period: interval };
        Self::with(doors, 64, Duration::from_millis(50), Some(limit)).await
    }

    async fn with(doors: Doors, waiting: usize, first: Duration, limit: Option<Limit>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ledger.sqlite");
        let options = SqliteOptions {
            path: &path,
            batch: 64,
            waiting,
            in_network: Duration::from_secs(60),
            commits: CommitMetrics::default(),
        };
        let (ledger, _) = SqliteLedger::open(&options).unwrap();
        let ledger: Arc<dyn Ledger> = Arc::new(ledger);
        let names: Vec<String> = (0..doors.number).map(|number| format!("p{number}/main")).collect();
        let registrations = names.iter().map(|name| Registration { name: name.clone(), paused: false });
        let ids = ledger.register(registrations.collect(), Timestamp::now()).await.unwrap();
        let metrics = Arc::new(Metrics::new());
        let wires = BTreeMap::from([(sample::article().wire, Arc::new(sample::own(sample::wire())))]);
        let renditions = Arc::new(Renditions::new(Arc::clone(&ledger), wires, 8 << 20, Arc::clone(&metrics)));
        let got: Vec<_> = names.iter().map(|_| Arc::default()).collect();
        let status = Arc::new(AtomicU16::new(doors.status));
        let policy = Policy {
            concurrency: doors.concurrency,
            first,
            ceiling: first * 20,
            retry_after_limit: Duration::from_secs(1),
        };
        let lane = |(at, name): (usize, String)| Lane {
            id: ids[at],
            name,
            settings: Current::new(Settings {
                edition: Editions::default().number(Edition::plain(Format::Json)),
                door: Arc::new(Door { delay: doors.delay, status: Arc::clone(&status), got: Arc::clone(&got[at]) }),
                give_up_after: Duration::from_secs(3600),
            }),
            pace: Pace::new(policy.into(), LaneState::default(), None, None).within(limit, Timestamp::now()).into(),
            signal: Default::default(),
            rest: Mutex::default(),
            beat: Arc::default(),
            series: Default::default(),
            woken: Default::default(),
        };
        let lanes: Vec<_> = names.into_iter().enumerate().map(lane).map(Arc::new).collect();
        let (wakes, stop) = (Wakes::new(&lanes), CancellationToken::new());
        let clock = Arc::new(SystemClock);
        let (random, growth, (tell, health)) = (Mutex::default(), Growth::default(), watch::channel(Health::Good));
        let ledger_for_lanes = Arc::clone(&ledger);
        let shared = Shared {
            ledger: ledger_for_lanes,
            documents: renditions,
            metrics,
            clock,
            random,
            growth,
            health,
            tracer: None,
        };
        let dispatch = Dispatch::new(lanes, shared, wakes.clone());
        let running = tokio::spawn(dispatch.run(Vec::new(), stop.clone(), Duration::from_secs(5)));
        Self { dir, ledger, ids, wakes, got, status, health: tell, stop, running }
    }

    async fn accept(&self, name: &str, version: u64, action: Action) {
        let mut article = sample::article();
        article.version = Version::try_from(version).unwrap();
        article.action = action;
        self.accept_as(name, article).await;
    }

    /// A story that may not leave for a day.
    async fn accept_for_later(&self, name: &str) {
        let mut article = sample::article();
        article.embargo = Some(Timestamp::now() + Duration::from_secs(86_400));
        self.accept_as(name, article).await;
    }

    async fn accept_as(&self, name: &str, mut article: Article) {
        article.guid = format!("urn:x:{name}").parse().unwrap();
        let press = Press::of(&article);
        let version = article.version;
        let mut acceptance = self.acceptance(article);
        let places = self.wakes.places(&mut acceptance);
        match self.ledger.accept(acceptance).await.unwrap() {
            Accepted::Fresh { story, touched, announced, .. } => {
                self.wakes.hand(places, announced);
                self.wakes.news(&touched, story, version, press);
            }
            other => panic!("{name} version {version}: {other:?}"),
        }
    }

    /// Commits an article for the lane of the only door, which has a place for it and has not been handed it yet.
    async fn announce(&self, name: &str) -> (Places, Vec<(DestinationId, Attempted)>) {
        self.announce_as(name, Article { version: Version::FIRST, ..sample::article() }).await
    }

    /// The same for a story's kill.
    async fn announce_kill(&self, name: &str) -> (Places, Vec<(DestinationId, Attempted)>) {
        let version = Version::try_from(2).unwrap();
        self.announce_as(name, Article { version, action: Action::Kill, ..sample::article() }).await
    }

    async fn announce_as(&self, name: &str, article: Article) -> (Places, Vec<(DestinationId, Attempted)>) {
        let article = Article { guid: format!("urn:x:{name}").parse().unwrap(), ..article };
        let mut acceptance = self.acceptance(article);
        let places = self.wakes.places(&mut acceptance);
        match self.ledger.accept(acceptance).await.unwrap() {
            Accepted::Fresh { touched, announced, .. } if touched.is_empty() && announced.len() == 1 => {
                (places, announced)
            }
            other => panic!("{name}: {other:?}"),
        }
    }

    fn acceptance(&self, article: Article) -> Acceptance {
        Acceptance {
            article,
            source: "test".into(),
            routed: self.ids.iter().copied().map(Owed::plainly).collect(),
            rights: Rights::Lasting,
            withdraw_for: Duration::from_secs(86_400),
            trace: None,
            now: Timestamp::now(),
        }
    }

    fn got(&self, door: usize) -> Vec<Got> {
        self.got[door].lock().unwrap().clone()
    }

    fn counts(&self) -> Vec<(String, u64)> {
        SqliteReader::open(&self.dir.path().join("ledger.sqlite")).unwrap().counts().unwrap()
    }

    async fn stop(self) {
        self.stop.cancel();
        self.running.await.unwrap();
    }
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Lanes queue for the ledger with several things at once. A lane that waited for one of them alone would keep the
/// others' places in that queue, and all lanes would stand still for good.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_that_takes_one_command_at_a_time_stops_no_lane() {
    let doors = Doors { number: 20, concurrency: 4, delay: Duration::ZERO, status: 200 };
    let scene = Scene::new(doors, 1).await;
    for story in 0..40 {
        scene.accept(&format!("s{story}"), 1, Action::Publish).await;
    }
    let all = [("delivered".to_owned(), 40 * 20)];
    until("everything is delivered", || scene.counts() == all).await;
    assert!((0..20).all(|door| scene.got(door).len() == 40), "and once each");
    // Less than the drain takes that waits for a lane in vain.
    let stopped = tokio::time::timeout(Duration::from_secs(4), scene.stop()).await;
    assert!(stopped.is_ok(), "a lane waits for an outcome that it did not hand over");
}

/// What it sent may have arrived, so it is sent again, and the other lanes go on meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lane_that_breaks_off_is_taken_up_again() {
    let doors = Doors { number: 2, concurrency: 1, delay: Duration::ZERO, status: BREAKS };
    let scene = Scene::new(doors, 64).await;
    scene.accept("one", 1, Action::Publish).await;
    until("both have tried", || scene.got(0).len() + scene.got(1).len() == 2).await;
    until("neither is at it", || scene.counts() == [("waiting".to_owned(), 2)]).await;
    scene.status.store(200, Ordering::SeqCst);
    until("both have it", || scene.counts() == [("delivered".to_owned(), 2)]).await;
    assert_eq!((scene.got(0).len(), scene.got(1).len()), (2, 2));
    scene.accept("two", 1, Action::Publish).await;
    until("both have the next", || scene.counts() == [("delivered".to_owned(), 4)]).await;
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_withdrawal_goes_before_what_is_in_hand_and_needs_no_slot() {
    let doors = Doors { number: 1, concurrency: 1, delay: Duration::from_millis(100), status: 200 };
    let scene = Scene::new(doors, 64).await;
    scene.accept("wrong", 1, Action::Publish).await;
    until("the story is under way", || scene.got(0).len() == 1).await;
    for story in 0..30 {
        scene.accept(&format!("s{story}"), 1, Action::Publish).await;
    }
    until("others are under way", || scene.got(0).len() >= 3).await;
    let before = scene.got(0).len();
    scene.accept("wrong", 2, Action::Kill).await;
    until("the kill is sent", || scene.got(0).iter().any(|(_, _, action)| *action == Action::Kill)).await;
    let place = scene.got(0).iter().position(|(_, _, action)| *action == Action::Kill).unwrap();
    assert!(place <= before + 1, "the kill was request {place}, and {before} had gone when it came");
    scene.stop().await;
}

/// Claims of other lanes at full work that stand in line for the ledger.
const OTHERS: u64 = 5_000;

/// Keeps them there; the number is of those that were answered.
fn others_ask(scene: &Scene) -> (tokio::task::JoinSet<()>, Arc<AtomicU64>) {
    let answered = Arc::new(AtomicU64::new(0));
    let mut others = tokio::task::JoinSet::new();
    for _ in 0..OTHERS {
        let (ledger, destination, answered) = (Arc::clone(&scene.ledger), scene.ids[1], Arc::clone(&answered));
        others.spawn(async move {
            loop {
                let now = Timestamp::now();
                let give_up_before = Timestamp::MIN;
                let claim =
                    Claim { destination, limit: 1, withdrawals_only: false, urgent: false, give_up_before, now };
                if ledger.claim(claim).await.is_ok() {
                    answered.fetch_add(1, Ordering::SeqCst);
                }
            }
        });
    }
    (others, answered)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_withdrawal_does_not_stand_in_line_with_other_lanes() {
    let doors = Doors { number: 2, concurrency: 1, delay: Duration::ZERO, status: 200 };
    let scene = Scene::new(doors, 64).await;
    scene.accept("wrong", 1, Action::Publish).await;
    until("it is with both", || scene.counts() == [("delivered".to_owned(), 2)]).await;
    let (mut others, answered) = others_ask(&scene);
    until("all of them have had a turn", || answered.load(Ordering::SeqCst) > OTHERS).await;
    let before = answered.load(Ordering::SeqCst);
    // Its lane stands in line too, for another story, when the kill comes.
    scene.accept("other", 1, Action::Publish).await;
    scene.accept("wrong", 2, Action::Kill).await;
    until("the kill is sent", || scene.got(0).iter().any(|(_, _, action)| *action == Action::Kill)).await;
    let meanwhile = answered.load(Ordering::SeqCst) - before;
    assert!(meanwhile < OTHERS, "{meanwhile} others had their turn meanwhile, of {OTHERS} that stood in line");
    others.shutdown().await;
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_urgent_story_does_not_stand_in_line_with_what_is_not() {
    let doors = Doors { number: 2, concurrency: 1, delay: Duration::ZERO, status: 200 };
    let scene = Scene::new(doors, 64).await;
    let (mut others, answered) = others_ask(&scene);
    until("all of them have had a turn", || answered.load(Ordering::SeqCst) > OTHERS).await;
    let before = answered.load(Ordering::SeqCst);
    // Its lane has had nothing to do before, so it has to be claimed.
    scene.accept_as("flash", Article { urgency: Urgency::try_from(1).unwrap(), ..sample::article() }).await;
    until("the flash is sent", || !scene.got(0).is_empty()).await;
    let meanwhile = answered.load(Ordering::SeqCst) - before;
    assert!(meanwhile < OTHERS, "{meanwhile} others had their turn meanwhile, of {OTHERS} that stood in line");
    others.shutdown().await;
    scene.stop().await;
}

/// It goes before what its lane had claimed, too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_urgent_story_goes_before_what_is_in_hand() {
    let doors = Doors { number: 1, concurrency: 2, delay: Duration::ZERO, status: NONE_YET };
    let scene = Scene::new(doors, 64).await;
    for story in 0..30 {
        scene.accept(&format!("s{story}"), 1, Action::Publish).await;
    }
    until("one is under way", || scene.got(0).len() == 1).await;
    let in_hand = || scene.counts().iter().any(|(state, number)| state == "attempting" && *number > 2);
    until("others are in hand", in_hand).await;
    scene.accept_as("flash", Article { urgency: Urgency::try_from(1).unwrap(), ..sample::article() }).await;
    scene.status.store(200, Ordering::SeqCst);
    until("everything is delivered", || scene.counts() == [("delivered".to_owned(), 31)]).await;
    let place = scene.got(0).iter().position(|(name, ..)| name == "flash").unwrap();
    assert!(place < 8, "it was request {place}");
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_that_comes_during_an_attempt_follows_it() {
    for concurrency in [1, 4] {
        let doors = Doors { number: 1, concurrency, delay: Duration::from_millis(100), status: 200 };
        let scene = Scene::new(doors, 64).await;
        scene.accept("one", 1, Action::Publish).await;
        until("the first version is under way", || scene.got(0).len() == 1).await;
        scene.accept("one", 2, Action::Update).await;
        until("the second is delivered", || scene.counts() == [("delivered".to_owned(), 1)]).await;
        assert_eq!(scene.got(0).len(), 2);
        scene.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_in_hand_is_not_sent_after_a_newer_version_came() {
    let doors = Doors { number: 1, concurrency: 2, delay: Duration::from_millis(40), status: 200 };
    let scene = Scene::new(doors, 64).await;
    for story in 0..40 {
        scene.accept(&format!("s{story}"), 1, Action::Publish).await;
    }
    // The lane holds a window of them by now; the last is far from its turn.
    scene.accept("s39", 2, Action::Update).await;
    until("everything is delivered", || scene.counts() == [("delivered".to_owned(), 40)]).await;
    let versions: Vec<u64> =
        scene.got(0).into_iter().filter(|(name, ..)| name == "s39").map(|(_, version, _)| version).collect();
    assert_eq!(versions, [2]);
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_door_that_is_gone_is_sent_withdrawals_alone() {
    let doors = Doors { number: 1, concurrency: 1, delay: Duration::ZERO, status: 410 };
    let scene = Scene::new(doors, 64).await;
    scene.accept("one", 1, Action::Publish).await;
    until("the door is asked", || scene.got(0).len() == 1).await;
    scene.accept("two", 1, Action::Publish).await;
    // 410 says that the document did not arrive, so a kill of it is owed only where the ledger thinks that it may have.
    scene.accept("one", 2, Action::Kill).await;
    scene.accept("three", 1, Action::Publish).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(scene.got(0).len(), 1, "{:?}", scene.got(0));
    assert_eq!(scene.counts(), [("waiting".to_owned(), 2), ("cancelled".to_owned(), 1)]);
    scene.stop().await;
}

/// Whether the door refuses it or is in trouble, and whatever else the lane holds for a later time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_is_tried_again_and_again_at_a_door_that_is_suspended() {
    for status in [422, 503] {
        let doors = Doors { number: 1, concurrency: 1, delay: Duration::ZERO, status: 200 };
        let scene = Scene::new(doors, 64).await;
        scene.accept("wrong", 1, Action::Publish).await;
        until("it has the story", || scene.counts() == [("delivered".to_owned(), 1)]).await;
        scene.accept_for_later("later").await;
        let halt = Halt { even_kills: false, why: "suspend".to_owned() };
        scene.wakes.halt(vec![(scene.ids[0], Some(halt))], Timestamp::now());
        scene.status.store(status, Ordering::SeqCst);
        scene.accept("waits", 1, Action::Publish).await;
        scene.accept("wrong", 2, Action::Kill).await;
        until("the kill is tried again and again", || scene.got(0).len() >= 5).await;
        let sent = scene.got(0);
        assert!(sent[1..].iter().all(|(name, ..)| name == "wrong"), "{sent:?}");
        scene.status.store(200, Ordering::SeqCst);
        let all = [("waiting".to_owned(), 1), ("held".to_owned(), 1), ("delivered".to_owned(), 1)];
        until("it is taken", || scene.counts() == all).await;
        scene.stop().await;
    }
}

/// Its backoff is the door's, whatever else comes meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_is_not_tried_again_because_another_story_came() {
    for suspended in [false, true] {
        let doors = Doors { number: 1, concurrency: 1, delay: Duration::ZERO, status: 200 };
        let scene = Scene::with_backoff(doors, 64, Duration::from_secs(1_000_000)).await;
        scene.accept("wrong", 1, Action::Publish).await;
        until("it has the story", || scene.counts() == [("delivered".to_owned(), 1)]).await;
        if suspended {
            let halt = Halt { even_kills: false, why: "suspend".to_owned() };
            scene.wakes.halt(vec![(scene.ids[0], Some(halt))], Timestamp::now());
        }
        scene.status.store(503, Ordering::SeqCst);
        scene.accept("wrong", 2, Action::Kill).await;
        until("the kill is tried", || scene.counts() == [("waiting".to_owned(), 1)] && scene.got(0).len() == 2).await;
        for story in 0..10 {
            scene.accept(&format!("s{story}"), 1, Action::Publish).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(scene.got(0).len(), 2, "{:?}", scene.got(0));
        scene.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_begins_while_the_ledger_cannot_write() {
    let doors = Doors { number: 2, concurrency: 2, delay: Duration::from_millis(20), status: 200 };
    let scene = Scene::new(doors, 64).await;
    for story in 0..40 {
        scene.accept(&format!("s{story}"), 1, Action::Publish).await;
    }
    until("some are under way", || scene.got(0).len() > 4 && scene.got(1).len() > 4).await;
    scene.health.send_replace(Health::Failing("full".to_owned()));
    // Those under way come to their end, and what came of them is kept.
    let delivered = || scene.counts().into_iter().find(|(state, _)| state == "delivered").map(|(_, number)| number);
    until("nothing is under way", || delivered() == Some((scene.got(0).len() + scene.got(1).len()) as u64)).await;
    let sent = || [scene.got(0).len(), scene.got(1).len()];
    let before = sent();
    scene.accept("s0", 2, Action::Kill).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(sent(), before);
    assert!(before.iter().all(|sent| *sent < 40), "something waited: {before:?}");

    scene.health.send_replace(Health::Good);
    until("it goes on by itself", || scene.counts() == [("delivered".to_owned(), 80)]).await;
    assert!((0..2).all(|door| scene.got(door).len() == 41), "and sends each once, and the kill");
    scene.stop().await;
}

/// What waits for a contract's next turn is not announced, so it can be superseded; and a kill waits for no turn.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_contract_keeps_stories_in_the_ledger_and_holds_up_no_kill() {
    let doors = Doors { number: 1, concurrency: 4, delay: Duration::ZERO, status: 200 };
    let scene = Scene::with_contract(doors, Duration::from_secs(3_600)).await;
    scene.accept("wrong", 1, Action::Publish).await;
    until("the first is delivered", || scene.counts() == [("delivered".to_owned(), 1)]).await;
    for story in 0..10 {
        scene.accept(&format!("s{story}"), 1, Action::Publish).await;
    }
    scene.accept("s3", 2, Action::Update).await;
    scene.accept("wrong", 2, Action::Kill).await;
    let all = [("waiting".to_owned(), 10), ("delivered".to_owned(), 1)];
    until("the kill is delivered, and nothing else is in hand", || scene.counts() == all && scene.got(0).len() == 2)
        .await;
    assert_eq!(scene.got(0)[1], ("wrong".to_owned(), 2, Action::Kill));
    scene.stop().await;
}

/// By the door's backoff, however long the contract's next turn is away.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_that_failed_does_not_wait_for_a_contracts_turn() {
    for status in [422, 503] {
        let doors = Doors { number: 1, concurrency: 1, delay: Duration::ZERO, status: 200 };
        let scene = Scene::with_contract(doors, Duration::from_secs(3_600)).await;
        scene.accept("wrong", 1, Action::Publish).await;
        until("it has the story", || scene.counts() == [("delivered".to_owned(), 1)]).await;
        scene.status.store(status, Ordering::SeqCst);
        scene.accept("waits", 1, Action::Publish).await;
        scene.accept("wrong", 2, Action::Kill).await;
        until("the kill is tried again and again", || scene.got(0).len() >= 5).await;
        let sent = scene.got(0);
        assert!(sent[1..].iter().all(|(name, ..)| name == "wrong"), "{sent:?}");
        scene.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_contracts_turns_come_by_themselves() {
    let doors = Doors { number: 2, concurrency: 4, delay: Duration::from_millis(70), status: 200 };
    let (began, interval) = (Instant::now(), Duration::from_millis(30));
    let scene = Scene::with_contract(doors, interval).await;
    for story in 0..20 {
        scene.accept(&format!("s{story}"), 1, Action::Publish).await;
    }
    until("everything is delivered", || scene.counts() == [("delivered".to_owned(), 40)]).await;
    assert!(began.elapsed() >= interval * 19, "no more than one in {interval:?}: {:?}", began.elapsed());
    assert!((0..2).all(|door| scene.got(door).len() == 20), "and once each");
    scene.stop().await;
}

/// A turn that comes while another request hangs is not lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_contracts_turn_does_not_wait_for_the_answer_before_it() {
    let doors = Doors { number: 1, concurrency: 4, delay: Duration::ZERO, status: 200 };
    let scene = Scene::with_contract(doors, Duration::from_millis(50)).await;
    for story in 0..30 {
        scene.accept(&format!("s{story}"), 1, Action::Publish).await;
    }
    until("the door has been found to take two at once", || scene.got(0).len() >= 12).await;
    scene.status.store(NONE_YET, Ordering::SeqCst);
    let delivered =
        || scene.counts().into_iter().find(|(state, _)| state == "delivered").map_or(0, |(_, number)| number);
    until("two are under way", || scene.got(0).len() as u64 == delivered() + 2).await;
    scene.status.store(200, Ordering::SeqCst);
    until("everything is delivered", || scene.counts() == [("delivered".to_owned(), 30)]).await;
    scene.stop().await;
}

/// A door that is well, whose lane has had something to do and waits.
async fn at_rest() -> Scene {
    at_rest_with_backoff(Duration::from_millis(50)).await
}

async fn at_rest_with_backoff(first: Duration) -> Scene {
    let doors = Doors { number: 1, concurrency: 1, delay: Duration::ZERO, status: 200 };
    let scene = Scene::with_backoff(doors, 64, first).await;
    scene.accept("first", 1, Action::Publish).await;
    until("the first is delivered", || scene.counts() == [("delivered".to_owned(), 1)]).await;
    let places = || scene.wakes.places(&mut scene.acceptance(sample::article())).len();
    until("the lane has a place", || places() == 1).await;
    scene
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_article_goes_straight_into_a_lane_that_has_nothing_else_to_send() {
    let scene = at_rest().await;
    let (places, announced) = scene.announce("second").await;
    assert_eq!(scene.counts(), [("attempting".to_owned(), 1), ("delivered".to_owned(), 1)]);
    let more: Vec<_> = (0..9).map(|_| scene.wakes.places(&mut scene.acceptance(sample::article()))).collect();
    let left = more.iter().filter(|places| places.len() == 1).count();
    assert_eq!(left, 1, "a door that takes one at a time has two places, of which that one's is kept");
    drop(more);
    scene.wakes.hand(places, announced);
    until("it is delivered", || scene.counts() == [("delivered".to_owned(), 2)]).await;
    assert_eq!(scene.got(0).len(), 2);
    scene.stop().await;
}

/// Its end may be written after it went to rest, and only the ledger sees then that something waits again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lane_at_rest_is_woken_by_what_the_ledger_says_of_its_last_end() {
    let scene = at_rest().await;
    let article = Article { guid: "urn:x:second".parse().unwrap(), ..sample::article() };
    let _ = scene.ledger.accept(scene.acceptance(article)).await.unwrap();
    assert_eq!(scene.counts(), [("waiting".to_owned(), 1), ("delivered".to_owned(), 1)], "nobody told the lane");
    scene.wakes.lane(scene.ids[0]).unwrap().recorded(Ok(Waiting { any: true, withdrawal: None }));
    until("it is delivered", || scene.counts() == [("delivered".to_owned(), 2)]).await;
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_place_is_free_again_when_its_article_was_not_accepted() {
    let scene = at_rest().await;
    for _ in 0..3 {
        let places = scene.wakes.places(&mut scene.acceptance(sample::article()));
        assert_eq!(places.len(), 1);
    }
    let kill = Article { action: Action::Kill, ..sample::article() };
    for _ in 0..3 {
        assert_eq!(scene.wakes.places(&mut scene.acceptance(kill.clone())).len(), 1);
    }
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_withdrawal_goes_straight_into_a_lane_whatever_else_waits_there() {
    let doors = Doors { number: 1, concurrency: 1, delay: Duration::from_millis(50), status: 200 };
    let scene = Scene::new(doors, 64).await;
    scene.accept("wrong", 1, Action::Publish).await;
    until("the story is there", || scene.counts() == [("delivered".to_owned(), 1)]).await;
    for story in 0..60 {
        scene.accept(&format!("s{story}"), 1, Action::Publish).await;
    }
    until("others are under way, and more in hand", || scene.got(0).len() >= 4).await;
    assert_eq!(scene.wakes.places(&mut scene.acceptance(sample::article())).len(), 0, "a story has its turn");
    let (places, announced) = scene.announce_kill("wrong").await;
    let before = scene.got(0).len();
    scene.wakes.hand(places, announced);
    let is_kill = |got: &Got| *got == ("wrong".to_owned(), 2, Action::Kill);
    until("the kill is sent", || scene.got(0).iter().any(is_kill)).await;
    let place = scene.got(0).iter().position(is_kill).unwrap();
    assert!(place <= before + 1, "the kill was request {place}, and {before} had gone when it came");
    until("all is delivered", || scene.counts() == [("delivered".to_owned(), 61)]).await;
    assert_eq!(scene.got(0).iter().filter(|got| is_kill(got)).count(), 1);
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_withdrawal_that_was_announced_to_a_lane_that_is_halted_waits_in_the_ledger() {
    let scene = at_rest().await;
    let (places, announced) = scene.announce_kill("first").await;
    let halt = Halt { even_kills: true, why: "suspend".to_owned() };
    scene.wakes.halt(vec![(scene.ids[0], Some(halt))], Timestamp::now());
    scene.wakes.hand(places, announced);
    until("it waits", || scene.counts() == [("waiting".to_owned(), 1)]).await;
    assert_eq!(scene.got(0).len(), 1);
    let halt = Halt { even_kills: false, why: "suspend".to_owned() };
    scene.wakes.halt(vec![(scene.ids[0], Some(halt))], Timestamp::now());
    until("it is delivered", || scene.counts() == [("delivered".to_owned(), 1)]).await;
    assert_eq!(scene.got(0)[1..], [("first".to_owned(), 2, Action::Kill)]);
    scene.stop().await;
}

/// What a lane has in hand when it breaks off may break it again, so it is not begun anew at once; a kill is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_withdrawal_that_is_handed_to_a_lane_that_broke_off_meanwhile_is_looked_for_at_once() {
    let scene = at_rest().await;
    let (places, announced) = scene.announce_kill("first").await;
    scene.status.store(BREAKS, Ordering::SeqCst);
    scene.accept("second", 1, Action::Publish).await;
    until("the lane has broken off", || scene.counts().iter().any(|(state, _)| state == "waiting")).await;
    scene.status.store(200, Ordering::SeqCst);
    let began = Instant::now();
    scene.wakes.hand(places, announced);
    until("the kill is sent", || scene.got(0).iter().any(|(_, _, action)| *action == Action::Kill)).await;
    assert!(began.elapsed() < Duration::from_secs(4), "it took {:?}", began.elapsed());
    until("all is delivered", || scene.counts() == [("delivered".to_owned(), 2)]).await;
    let kills = scene.got(0).iter().filter(|(_, _, action)| *action == Action::Kill).count();
    assert_eq!(kills, 1, "what is given back late is another attempt's");
    scene.stop().await;
}

/// Two acceptances may be told in another order than they were committed in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_announced_is_not_sent_after_a_newer_version_came() {
    let scene = at_rest().await;
    let (places, announced) = scene.announce("second").await;
    scene.accept("second", 2, Action::Update).await;
    scene.wakes.hand(places, announced);
    until("it is delivered", || scene.counts() == [("delivered".to_owned(), 2)]).await;
    assert_eq!(scene.got(0)[1..], [("second".to_owned(), 2, Action::Update)]);
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_announced_to_a_lane_that_is_halted_waits_in_the_ledger() {
    let scene = at_rest().await;
    let (places, announced) = scene.announce("second").await;
    let halt = Halt { even_kills: false, why: "suspend".to_owned() };
    scene.wakes.halt(vec![(scene.ids[0], Some(halt))], Timestamp::now());
    scene.wakes.hand(places, announced);
    let waits = [("waiting".to_owned(), 1), ("delivered".to_owned(), 1)];
    until("it waits", || scene.counts() == waits).await;
    assert_eq!(scene.got(0).len(), 1);
    scene.wakes.halt(vec![(scene.ids[0], None)], Timestamp::now());
    until("it is delivered", || scene.counts() == [("delivered".to_owned(), 2)]).await;
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_announced_to_a_door_that_fails_meanwhile_waits_in_the_ledger() {
    let scene = at_rest_with_backoff(Duration::from_secs(1_000_000)).await;
    let (places, announced) = scene.announce("second").await;
    scene.status.store(503, Ordering::SeqCst);
    scene.accept("third", 1, Action::Publish).await;
    until("the door is in trouble", || scene.got(0).len() == 2).await;
    let state =
        |state: &str| scene.counts().into_iter().find(|(name, _)| name == state).map_or(0, |(_, number)| number);
    until("its lane has gone to rest", || state("attempting") == 1).await;
    scene.wakes.hand(places, announced);
    until("both wait", || state("waiting") == 2).await;
    assert_eq!(scene.got(0).len(), 2);
    scene.stop().await;
}

#[test]
fn what_is_in_hand_is_in_the_order_of_its_lane() {
    let signal = super::signal::Signal::default();
    let row = |rank, story| {
        let row = Attempted { rank, ..Attempted::for_tests(story, Version::FIRST, Action::Publish) };
        super::signal::InHand { row, as_of: signal.look().as_of }
    };
    let mut window = [row(5, 1), row(7, 2), row(7, 3), row(-3, 4), row(6, 5)].into();
    super::lane::in_order(&mut window);
    let stories: Vec<_> = window.iter().map(|in_hand| in_hand.row.story).collect();
    let expected = [4, 1, 5, 2, 3].map(|story| row(0, story).row.story);
    assert_eq!(stories, expected, "and those of one rank as they came");
}

/// One thread, so that nothing runs between the last line and the stop.
#[tokio::test]
async fn what_was_announced_last_before_a_stop_waits_in_the_ledger() {
    let scene = at_rest().await;
    let (places, announced) = scene.announce("second").await;
    scene.wakes.hand(places, announced);
    let ledger = scene.dir.path().join("ledger.sqlite");
    scene.stop.cancel();
    scene.running.await.unwrap();
    let counts = SqliteReader::open(&ledger).unwrap().counts().unwrap();
    assert_eq!(counts, [("waiting".to_owned(), 1), ("delivered".to_owned(), 1)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_begins_nothing_more() {
    let doors = Doors { number: 1, concurrency: 1, delay: Duration::from_millis(50), status: 200 };
    let scene = Scene::new(doors, 64).await;
    for story in 0..60 {
        scene.accept(&format!("s{story}"), 1, Action::Publish).await;
    }
    until("one is under way, and others are in hand", || scene.got(0).len() > 3).await;
    let (got, ledger) = (Arc::clone(&scene.got[0]), scene.dir.path().join("ledger.sqlite"));
    scene.stop.cancel();
    let before = got.lock().unwrap().len();
    scene.running.await.unwrap();
    let sent = got.lock().unwrap().len();
    assert!(sent <= before + 1, "{before} were sent at the stop, and {sent} at its end");
    let (waiting, delivered) = (60 - sent as u64, sent as u64);
    let all = [("waiting".to_owned(), waiting), ("delivered".to_owned(), delivered)];
    until("what was in hand waits, too", || SqliteReader::open(&ledger).unwrap().counts().unwrap() == all).await;
}
