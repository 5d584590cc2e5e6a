//! Promises 1 and 2 on disks that are full, read-only, failing, or lose their process in the middle of a write.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use newswired::ledger::{DeliveryFilter, SqliteReader};
use newswired::sink::{Sink, SinkOptions, Stats};
use support::disk::{FailingDisk, SmallDisk};
use support::{Partner, SECRET, Scene, TOKEN, article, get, publish, sink, until, url};

const SOON: Duration = Duration::from_secs(30);
const LONG: Duration = Duration::from_secs(120);

/// What was sent when the daemon died has soon settled, and is sent again.
const SHORT: &str = "write_timeout = \"1s\"\nanswer_timeout = \"2s\"";

async fn not_ready(scene: &Scene) -> Option<String> {
    match get(scene.admin, "/readyz").await {
        Some((503, why)) => Some(why),
        Some(_) | None => None,
    }
}

async fn is_ready(scene: &Scene) -> bool {
    matches!(get(scene.admin, "/readyz").await, Some((200, _)))
}

/// Publishes stories until the intake refuses one; returns how many it took.
async fn until_refused(scene: &Scene, name: &str) -> u64 {
    let mut taken = 0;
    until(SOON, "the intake answers 503", async || {
        let (status, _) = scene.post("application/json", &article(&format!("{name}-{taken}"), 1, "publish")).await;
        taken += u64::from(status == 202);
        status == 503
    })
    .await;
    taken
}

/// While the ledger fails: it says why, takes nothing, and begins no request.
async fn nothing_is_taken_or_sent(scene: &Scene, partner: &Sink, reason: &str) {
    until(SOON, "it is not ready", async || not_ready(scene).await.is_some()).await;
    let why = not_ready(scene).await.expect("it stays so");
    assert!(
        why.contains("nothing is taken or sent") && why.contains("ledger.sqlite") && why.contains(reason),
        "{reason:?} is not in {why}"
    );
    // A request that had begun before that ends well within the first of these, which take a quarter of a second each.
    let mut received = None;
    for _ in 0..8 {
        let (status, _) = scene.post("application/json", &article("refused", 1, "publish")).await;
        assert_eq!(status, 503);
        assert_eq!(*received.get_or_insert(partner.stats().received), partner.stats().received, "it sends");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_stops_intake_and_delivery_until_there_is_room() {
    let Some(disk) = SmallDisk::mount() else {
        eprintln!("skipped: this user may not mount a small file system");
        return;
    };
    let slow = sink(SinkOptions { delay: Duration::from_millis(100), ..SinkOptions::default() }).await;
    let partners = [Partner { id: "own", format: "json", url: url(&slow), more: "" }];
    let mut scene = Scene::new(&partners, "concurrency = 2", "");
    let ledger = disk.path().join("ledger.sqlite");
    scene.replace_in_config(&scene.ledger().display().to_string(), &ledger.display().to_string());
    scene.start().await;
    let mut taken = 0;
    for _ in 0..2 {
        for story in 0..30 {
            let body = article(&format!("before-{taken}-{story}"), 1, "publish");
            assert_eq!(scene.post("application/json", &body).await.0, 202);
        }
        taken += 30;
        disk.fill();
        // The WAL has some room left in pages it has already.
        taken += until_refused(&scene, &format!("full-{taken}")).await;
        nothing_is_taken_or_sent(&scene, &slow, "full").await;
        let sent = slow.stats().stories;
        assert!(sent < taken, "something waited while the disk was full");

        disk.make_room();
        until(SOON, "it is ready again by itself", async || is_ready(&scene).await).await;
        until(SOON, "everything accepted has arrived", async || slow.stats().stories == taken).await;
    }
    assert_eq!(scene.terminate().await, Some(0));
    assert_eq!(slow.stats().repeats, 0, "what was known is written down");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_disk_or_file_is_told_at_the_start() {
    let Some(disk) = SmallDisk::mount() else {
        eprintln!("skipped: this user may not mount a small file system");
        return;
    };
    let partner = sink(SinkOptions::default()).await;
    let partners = [Partner { id: "own", format: "json", url: url(&partner), more: "" }];
    let mut scene = Scene::new(&partners, "", "");
    let ledger = disk.path().join("ledger.sqlite");
    scene.replace_in_config(&scene.ledger().display().to_string(), &ledger.display().to_string());
    scene.start_and_publish(&article("before", 1, "publish")).await;
    until(SOON, "an article arrives", async || partner.stats().stories == 1).await;
    scene.kill();

    disk.make_writable(false);
    assert_eq!(scene.try_to_start().await.expect_err("it does not start").code(), Some(69));
    let said = scene.log();
    assert!(said.contains(&ledger.display().to_string()) && said.contains("Read-only file system"), "{said}");
    disk.make_writable(true);
    let protected = disk.protect(&ledger);
    assert_eq!(scene.try_to_start().await.expect_err("it does not start").code(), Some(69));
    let said = scene.log();
    assert!(said.contains(&format!("the ledger {} can only be read; make the file", ledger.display())), "{said}");
    drop(protected);
    scene.start_and_publish(&article("after", 1, "publish")).await;
    until(SOON, "and goes on when it can write", async || partner.stats().stories == 2).await;
    assert_eq!(scene.terminate().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_disk_stops_intake_and_delivery_until_it_works() {
    let slow = sink(SinkOptions { delay: Duration::from_millis(100), ..SinkOptions::default() }).await;
    let partners = [Partner { id: "own", format: "json", url: url(&slow), more: "" }];
    let mut scene = Scene::new(&partners, "concurrency = 2", "");
    let disk = FailingDisk::under(&mut scene);
    scene.start().await;
    let mut taken = 0;
    // An error of the device at a write, at the sync after it, a file system that the system made read-only, no room, and
    // a device that is gone.
    let faults = [
        ("write 5", "I/O error"),
        ("sync 5", "I/O error"),
        ("write 30", "I/O error"),
        ("write 28", "full"),
        ("write 5\nsync 5\nread 5", "goes on"),
    ];
    for (at, (fault, reason)) in faults.into_iter().enumerate() {
        for story in 0..20 {
            let body = article(&format!("fault-{at}-{story}"), 1, "publish");
            assert_eq!(scene.post("application/json", &body).await.0, 202);
        }
        taken += 20;
        let before = slow.stats().received;
        until(SOON, "some of them go", async || slow.stats().received > before + 3).await;
        disk.does(fault);
        nothing_is_taken_or_sent(&scene, &slow, reason).await;
        assert!(slow.stats().stories < taken, "something waited while the disk failed");
        disk.does("");
        until(SOON, "it is ready again by itself", async || is_ready(&scene).await).await;
        until(SOON, "everything accepted has arrived", async || slow.stats().stories == taken).await;
    }
    assert_eq!(scene.terminate().await, Some(0));
    assert_eq!((slow.stats().repeats, slow.stats().received), (0, taken), "outcomes that were known were kept");
    let counts = SqliteReader::open(&scene.ledger()).and_then(|reader| reader.counts()).expect("the ledger is there");
    assert_eq!(counts, [("delivered".to_owned(), taken)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_on_a_failing_disk_ends_and_a_start_goes_on() {
    let slow = sink(SinkOptions { delay: Duration::from_millis(100), ..SinkOptions::default() }).await;
    let partners = [Partner { id: "own", format: "json", url: url(&slow), more: SHORT }];
    let mut scene = Scene::new(&partners, "concurrency = 2\ndrain = \"1s\"", "");
    let disk = FailingDisk::under(&mut scene);
    scene.start().await;
    for story in 0..20 {
        assert_eq!(scene.post("application/json", &article(&format!("s{story}"), 1, "publish")).await.0, 202);
    }
    until(SOON, "some of them go", async || slow.stats().received > 3).await;
    disk.does("write 5");
    until(SOON, "it is not ready", async || not_ready(&scene).await.is_some()).await;
    assert_eq!(scene.terminate().await, Some(0), "{}", scene.log());
    disk.does("");
    scene.start().await;
    until(SOON, "everything accepted has arrived", async || slow.stats().stories == 20).await;
    until(SOON, "and is written down", async || {
        let counts = SqliteReader::open(&scene.ledger()).and_then(|reader| reader.counts()).expect("it can be read");
        counts == [("delivered".to_owned(), 20)]
    })
    .await;
    assert_eq!((slow.stats().versions_back, scene.terminate().await), (0, Some(0)));
}

/// A newsroom that publishes whenever it can, and keeps what was answered 202.
struct Newsroom {
    acknowledged: Arc<Mutex<BTreeMap<String, u64>>>,
    task: tokio::task::JoinHandle<()>,
    stop: Arc<std::sync::atomic::AtomicBool>,
}

/// The stories' second versions: a third of them are updated, another third killed.
fn second_action(story: u64) -> Option<&'static str> {
    [None, Some("update"), Some("kill")][usize::try_from(story % 3).expect("it is below three")]
}

impl Newsroom {
    fn opens(port: u16) -> Self {
        let (acknowledged, stop): (Arc<Mutex<BTreeMap<String, u64>>>, Arc<std::sync::atomic::AtomicBool>) =
            (Arc::default(), Arc::default());
        let (book, stopped) = (Arc::clone(&acknowledged), Arc::clone(&stop));
        let task = tokio::spawn(async move {
            for story in 0.. {
                let name = format!("story-{story}");
                for (version, action) in [(1, Some("publish")), (2, second_action(story))] {
                    let Some(action) = action else { continue };
                    // Again and again until it is taken, as any source does.
                    while !matches!(
                        publish(port, TOKEN, "application/json", &article(&name, version, action)).await,
                        Some((202 | 200, _))
                    ) {
                        if stopped.load(std::sync::atomic::Ordering::Acquire) {
                            return;
                        }
                        tokio::time::sleep(Duration::from_millis(2)).await;
                    }
                    book.lock().expect("nobody panics with it").insert(format!("urn:test:{name}"), version);
                }
                tokio::time::sleep(Duration::from_millis(3)).await;
            }
        });
        Self { acknowledged, task, stop }
    }

    fn acknowledged(&self) -> BTreeMap<String, u64> {
        self.acknowledged.lock().expect("nobody panics with it").clone()
    }

    async fn closes(self) -> BTreeMap<String, u64> {
        self.stop.store(true, std::sync::atomic::Ordering::Release);
        self.task.abort();
        let _ = self.task.await;
        Arc::try_unwrap(self.acknowledged).expect("its task is over").into_inner().expect("nobody panics with it")
    }
}

/// Of each partner, story and version: the message ids and bodies that came.
type Book = BTreeMap<(usize, String, u64), BTreeSet<(String, Vec<u8>)>>;

/// Partners that keep what they were sent under which message id.
struct Partners {
    sinks: Vec<Sink>,
    received: Arc<Mutex<Book>>,
}

const IDS: [&str; 3] = ["p0", "p1", "p2"];

impl Partners {
    async fn open() -> Self {
        let (mut sinks, received) = (Vec::new(), Arc::<Mutex<Book>>::default());
        for at in 0..IDS.len() {
            let secret = Some(newswired::config::Secret::new(SECRET));
            let options = SinkOptions { secret, ..SinkOptions::default() };
            let (sink, mut incoming) = Sink::start(options).await.expect("a sink can be started");
            let book = Arc::clone(&received);
            tokio::spawn(async move {
                while let Some(one) = incoming.recv().await {
                    let key = (at, one.story, one.version);
                    let what = (one.message_id, one.body.to_vec());
                    book.lock().expect("nobody panics with it").entry(key).or_default().insert(what);
                }
            });
            sinks.push(sink);
        }
        Self { sinks, received }
    }

    fn settings(&self) -> Vec<Partner> {
        let partner = |(id, sink)| Partner { id, format: "json", url: url(sink), more: SHORT };
        IDS.into_iter().zip(&self.sinks).map(partner).collect()
    }
}

/// Everything acknowledged is in a killed daemon's ledger, for everyone, and each version once.
fn holds_all(scene: &Scene, acknowledged: &BTreeMap<String, u64>) {
    let reader = SqliteReader::open(&scene.ledger()).expect("the ledger can be read");
    let filter = DeliveryFilter { limit: 1_000_000, ..DeliveryFilter::default() };
    let mut versions: BTreeMap<(String, String), Vec<u64>> = BTreeMap::new();
    let mut under_way = BTreeSet::new();
    for one in reader.deliveries(&filter).expect("deliveries can be listed") {
        let key = (one.destination, one.story);
        if one.state == "attempting" {
            under_way.insert(key.clone());
        }
        versions.entry(key).or_default().push(one.version);
    }
    for (destination, story, version, _) in reader.past().expect("the past can be listed") {
        versions.entry((destination, story)).or_default().push(version);
    }
    for (key, versions) in &mut versions {
        versions.sort_unstable();
        assert!(versions.is_sorted_by(|one, next| one < next), "{key:?} has a version twice: {versions:?}");
    }
    for (story, version) in acknowledged {
        for id in IDS {
            let key = (format!("{id}/main"), story.clone());
            let there = versions.get(&key).unwrap_or_else(|| panic!("{key:?} is lost"));
            // An older version's end is known when its attempt is.
            let unknown = (1..=*version).filter(|version| !there.contains(version)).count();
            assert!(there.last() >= Some(version), "{key:?} has {there:?}, not {version}");
            assert!(unknown <= usize::from(under_way.contains(&key)), "{key:?} has lost one of {there:?}");
        }
    }
}

/// At the end everyone has the newest version of everything, under one message id and as the same bytes.
async fn everything_arrives(scene: &Scene, partners: &Partners, acknowledged: &BTreeMap<String, u64>) {
    let reader = SqliteReader::open(&scene.ledger()).expect("the ledger can be read");
    until(LONG, "every delivery has its end", async || {
        let counts = reader.counts().expect("the ledger can be counted");
        counts.iter().all(|(state, _)| ["delivered", "cancelled"].contains(&state.as_str()))
    })
    .await;
    for (id, sink) in IDS.iter().zip(&partners.sinks) {
        let (held, stats) = (sink.stories(), sink.stats());
        for (story, version) in acknowledged {
            let number: u64 = story.rsplit('-').next().and_then(|number| number.parse().ok()).expect("it has a number");
            match held.get(story) {
                Some(has) => assert!(has >= version, "{id} has version {has} of {story}, not {version}"),
                None => assert_eq!(second_action(number), Some("kill"), "{id} has nothing of {story}"),
            }
        }
        let wrong = Stats { versions_back: 0, bad_signature: 0, bad_digest: 0, incomplete: 0, ..stats.clone() };
        assert_eq!(wrong, stats, "{id}");
    }
    for (key, sent) in partners.received.lock().expect("nobody panics with it").iter() {
        assert_eq!(sent.len(), 1, "{key:?} was sent as different messages");
    }
}

/// `NEWSWIRED_KILLS` says how many; 200 take half a minute.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_doubled_by_kills_at_any_moment() {
    let kills: u64 = std::env::var("NEWSWIRED_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(12);
    let partners = Partners::open().await;
    let mut scene = Scene::new(&partners.settings(), "", "");
    let newsroom = Newsroom::opens(scene.http);
    let mut random = fastrand::Rng::with_seed(20_261_126);
    for _ in 0..kills {
        scene.start().await;
        tokio::time::sleep(Duration::from_micros(random.u64(0..150_000))).await;
        scene.kill();
        holds_all(&scene, &newsroom.acknowledged());
    }
    scene.start().await;
    let acknowledged = newsroom.closes().await;
    everything_arrives(&scene, &partners, &acknowledged).await;
    holds_all(&scene, &acknowledged);
    assert_eq!(scene.terminate().await, Some(0));
    let requests: u64 = partners.sinks.iter().map(|sink| sink.stats().received).sum();
    let repeats: u64 = partners.sinks.iter().map(|sink| sink.stats().repeats).sum();
    println!("{kills} kills, {} stories, {requests} requests, {repeats} repeats", acknowledged.len());
    assert!(acknowledged.len() as u64 > kills, "it published all the time");
}

/// Killed in the middle of a write to the ledger: what was half written is nothing, and the rest is whole.
#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_a_kill_tears_was_none() {
    let partners = Partners::open().await;
    let mut scene = Scene::new(&partners.settings(), "", "");
    let disk = FailingDisk::under(&mut scene);
    let newsroom = Newsroom::opens(scene.http);
    let mut random = fastrand::Rng::with_seed(7);
    let mut torn = 0;
    for _ in 0..8 {
        disk.does(&format!("tear {}", random.u32(1..400)));
        if scene.try_to_start().await.is_ok() {
            scene.ended().await;
        }
        torn += 1;
        disk.does("");
        holds_all(&scene, &newsroom.acknowledged());
    }
    scene.start().await;
    let acknowledged = newsroom.closes().await;
    everything_arrives(&scene, &partners, &acknowledged).await;
    holds_all(&scene, &acknowledged);
    assert_eq!((torn, scene.terminate().await), (8, Some(0)));
}
