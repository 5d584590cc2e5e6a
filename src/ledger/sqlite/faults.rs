//! What becomes of a SQLite ledger when its file is torn, damaged, or held by another process. A full or failing disk
//! under a whole daemon is in `tests/disk.rs`.

use std::path::Path;
use std::time::Duration;

use super::tests::options;
use super::tests::specimen::{self, path_in};
use super::*;
use crate::article::Action;
use crate::ledger::conformance::Scene;
use crate::ledger::conformance::scene::{DEFERRED, delivered, guid};
use crate::ledger::{Accepted, ArticleId, Ledger, Order, Tidy, Waiting};

/// The header of a WAL, and what a frame of it takes (SQLite's file format, §4.1).
const WAL_HEADER: usize = 32;
const FRAME: usize = 24 + 4096;

/// All that a file holds, as far as a test can tell one commit from the next.
fn contents(path: &Path) -> Vec<String> {
    let db = schema::open_to_read(path).unwrap();
    let mut all = Vec::new();
    for (table, columns) in [
        ("article", "story, version"),
        ("delivery", "story, destination, version, stage, attempts, confirmed, sequence"),
        ("past", "story, destination, version, ended"),
        ("attempt", "story, version, outcome"),
        ("sequence", "block, hex(last)"),
    ] {
        let sql = format!("SELECT '{table} ' || concat_ws(' ', {columns}) FROM {table} ORDER BY 1");
        let mut rows = db.prepare(&sql).unwrap();
        all.extend(rows.query_map([], |row| row.get::<_, String>(0)).unwrap().map(Result::unwrap));
    }
    all
}

/// Where the frames of a WAL end that count: their number stands in the header of the index beside it (§4.5 there).
fn end_of_wal(path: &Path) -> usize {
    let mut index = path.as_os_str().to_owned();
    index.push("-shm");
    let header = std::fs::read(index).unwrap();
    let frames = u32::from_ne_bytes(header[16..20].try_into().unwrap());
    WAL_HEADER + usize::try_from(frames).unwrap() * FRAME
}

/// A killed ledger's file, and what its WAL made of that.
struct Killed {
    dir: tempfile::TempDir,
    /// What it held before its WAL began.
    before: Vec<String>,
    wal: Vec<u8>,
    /// Where each commit ends in it, and what the file held then.
    commits: Vec<(usize, Vec<String>)>,
}

impl Killed {
    /// The WAL is copied into the file after `moved` stories, whereupon SQLite begins it anew over what it held.
    async fn after_some_commits(moved: usize) -> Self {
        let specimen = specimen::fresh();
        let path = specimen.path();
        let mut scene = Scene::new(Box::new(specimen), 2).await;
        // Everything up to here is in the file, and the WAL is empty.
        scene.specimen.restart();
        let (mut before, mut commits) = (contents(&path), Vec::new());
        for number in 0..8 {
            if number == moved {
                let moving = schema::open(&path).unwrap();
                moving.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())).unwrap();
                before = contents(&path);
                commits.clear();
            }
            scene.accept(&format!("s{number}"), 1, Action::Publish, 0).await;
            commits.push((end_of_wal(&path), contents(&path)));
            let rows = scene.claim(0, 1).await;
            commits.push((end_of_wal(&path), contents(&path)));
            for row in rows {
                let settled = if number % 3 == 0 { DEFERRED } else { delivered() };
                scene.settle(0, row, settled, 2).await;
                commits.push((end_of_wal(&path), contents(&path)));
            }
        }
        let dir = specimen::as_killed(&path);
        let wal = std::fs::read(writer::wal_path(&path_in(&dir))).unwrap();
        assert!(commits.is_sorted_by(|(one, _), (next, _)| one < next) && commits.len() > 5);
        Self { dir, before, wal, commits }
    }

    /// What is there of it when the WAL is this.
    fn with_wal(&self, wal: &[u8]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        std::fs::copy(path_in(&self.dir), path_in(&dir)).unwrap();
        std::fs::write(writer::wal_path(&path_in(&dir)), wal).unwrap();
        dir
    }

    /// What the last commit made of it that ends at this byte or before.
    fn until(&self, end: usize) -> &[String] {
        self.commits.iter().rev().find(|(commit, _)| *commit <= end).map_or(&self.before, |(_, there)| there)
    }

    /// A byte of what counts of the WAL, behind its header.
    fn any_byte(&self, random: &mut fastrand::Rng) -> usize {
        random.usize(WAL_HEADER..self.commits.last().expect("there are some").0)
    }
}

/// It opens, and goes on: what survived is known, what did not is taken once more.
async fn goes_on(dir: tempfile::TempDir, survived: &[String]) {
    let articles = survived.iter().filter(|line| line.starts_with("article")).count();
    let scene = Scene::new(Box::new(specimen::open_in(dir)), 2).await;
    let (last, next) = (articles.checked_sub(1), articles);
    for (number, kept) in last.map(|last| (last, true)).into_iter().chain([(next, false)]) {
        let accepted = scene.ledger().accept(scene.offer(&format!("s{number}"), 1, Action::Publish, 0)).await.unwrap();
        assert_eq!(matches!(accepted, Accepted::Repeat { .. }), kept, "{accepted:?} of story {number}");
    }
}

/// A disk that keeps less of the WAL's end than it said loses the commits of what it lost, and no others.
#[tokio::test]
async fn what_was_committed_before_a_torn_tail_is_there() {
    for moved in [0, 3] {
        let killed = Killed::after_some_commits(moved).await;
        let mut random = fastrand::Rng::with_seed(20_261_126);
        let mut ends: Vec<usize> = killed.commits.iter().flat_map(|(end, _)| [*end, end - 1]).collect();
        ends.extend((0..40).map(|_| killed.any_byte(&mut random)));
        for (at, end) in ends.into_iter().enumerate() {
            // What is lost is gone, or zeros, or something else; its first byte is certainly another.
            let mut torn = killed.wal[..end].to_vec();
            if at % 3 > 0 {
                torn.extend(killed.wal.get(end).map(|byte| !byte));
                let rest = torn.len()..killed.wal.len();
                torn.extend(rest.map(|_| if at % 3 == 1 { 0 } else { random.u8(..) }));
            }
            let dir = killed.with_wal(&torn);
            let there = contents(&path_in(&dir));
            assert_eq!(there, killed.until(end), "cut at {end}");
            if at % 8 == 0 {
                goes_on(dir, &there).await;
            }
        }
    }
}

/// A byte that changed ends the WAL before the frame that it is in.
#[tokio::test]
async fn what_was_committed_before_a_changed_byte_is_there() {
    let killed = Killed::after_some_commits(0).await;
    let mut random = fastrand::Rng::with_seed(7);
    let frame_of = |byte: usize| WAL_HEADER + (byte - WAL_HEADER) / FRAME * FRAME;
    for at in 0..60 {
        let byte = killed.any_byte(&mut random);
        let mut changed = killed.wal.clone();
        changed[byte] ^= 1 << random.u8(0..8);
        let dir = killed.with_wal(&changed);
        let there = contents(&path_in(&dir));
        assert_eq!(there, killed.until(frame_of(byte)), "byte {byte}");
        if at % 8 == 0 {
            goes_on(dir, &there).await;
        }
    }
}

/// Without its header a WAL is none: what is in the file is there.
#[tokio::test]
async fn a_wal_without_a_header_is_none() {
    let killed = Killed::after_some_commits(0).await;
    for byte in 0..WAL_HEADER {
        let mut changed = killed.wal.clone();
        changed[byte] ^= 0x10;
        let dir = killed.with_wal(&changed);
        assert_eq!(contents(&path_in(&dir)), killed.before, "byte {byte}");
        if byte % 8 == 0 {
            goes_on(dir, &killed.before).await;
        }
    }
}

/// Every page of the file, damaged in turn: the ledger says so, with the file's name and what to do, at its start or as
/// soon as it meets the page; then it takes nothing and gives nothing any more.
#[tokio::test]
async fn a_damaged_page_is_told_with_what_to_do() {
    const PAGE: usize = 4096;
    let specimen = specimen::fresh();
    let path = specimen.path();
    let mut scene = Scene::new(Box::new(specimen), 2).await;
    for number in 0..4 {
        scene.accept(&format!("s{number}"), 1, Action::Publish, 0).await;
    }
    scene.sent(0, 1).await;
    scene.claim(1, 1).await;
    // What was announced is settled by the first start; its end moves all into the file.
    scene.specimen.restart();
    scene.specimen.restart();
    let whole = std::fs::read(&path).unwrap();
    let one = async |page: usize, filling: u8| {
        let mut damaged = whole.clone();
        damaged[page * PAGE..(page + 1) * PAGE].fill(filling);
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(path_in(&dir), &damaged).unwrap();
        let told = |why: &str| {
            let path = path_in(&dir).display().to_string();
            assert!(why.contains(&path) && why.contains(".recover"), "page {page}: {why}");
        };
        match SqliteLedger::open(&options(&path_in(&dir))) {
            Err(LedgerError::Unusable(why)) => {
                told(&why);
                Met::AtStart
            }
            Err(other) => panic!("page {page}: {other:?}"),
            Ok((ledger, _)) => match meets_damage(&ledger, &scene).await {
                Some(why) => {
                    told(&why);
                    stops(&ledger, &scene).await;
                    Met::Later
                }
                None => Met::Never,
            },
        }
    };
    let all = (0..whole.len() / PAGE).flat_map(|page| [one(page, 0), one(page, 0xFF)]);
    let met = futures_util::future::join_all(all).await;
    let number = |which| met.iter().filter(|one| **one == which).count();
    let (at_start, later) = (number(Met::AtStart), number(Met::Later));
    assert!(at_start >= 4 && later >= 10, "{at_start} at the start, {later} later, {} never", number(Met::Never));
}

/// When a damaged page was met.
#[derive(Debug, PartialEq, Eq)]
enum Met {
    AtStart,
    Later,
    /// Nothing had to be read from it.
    Never,
}

/// Does all that a ledger does, until it meets damage: what it says of that.
async fn meets_damage(ledger: &SqliteLedger, scene: &Scene) -> Option<String> {
    let said = |why: LedgerError| match why {
        LedgerError::Unavailable(why) => why,
        LedgerError::Closed | LedgerError::Unusable(_) | LedgerError::Damaged(_) => panic!("{why:?}"),
    };
    let mut health = ledger.health();
    for (name, version) in [("new", 1), ("s0", 2)] {
        if let Err(why) = ledger.accept(scene.offer(name, version, Action::Update, 5)).await {
            return Some(said(why));
        }
    }
    for lane in [0, 1] {
        let rows = match ledger.claim(scene.asks(lane, 6)).await {
            Ok(claimed) => claimed.rows,
            Err(why) => return Some(said(why)),
        };
        let reports = rows.into_iter().map(|row| scene.report(row, DEFERRED, 7)).collect();
        // What happened already is not refused, but kept until the file is whole.
        tokio::select! {
            recorded = ledger.record(scene.to[lane], reports, None) => drop(recorded.unwrap()),
            failing = health.wait_for(|health| *health != Health::Good) => match &*failing.unwrap() {
                Health::Failing(why) => return Some(why.clone()),
                Health::Good => panic!("it was waited for"),
            },
        }
    }
    let tidy = Tidy {
        now: scene.at(99),
        stories_before: scene.at(99),
        attempts_before: scene.at(99),
        quarantine_before: scene.at(99),
        after: ArticleId::default(),
        limit: 100,
    };
    ledger.tidy(tidy).await.err().map(said)
}

/// It takes nothing and gives nothing, and says so.
async fn stops(ledger: &SqliteLedger, scene: &Scene) {
    let offer = ledger.accept(scene.offer("s1", 2, Action::Update, 8));
    let (accepted, claimed) = tokio::join!(offer, ledger.claim(scene.asks(0, 8)));
    assert!(matches!(accepted, Err(LedgerError::Unavailable(_))), "{accepted:?}");
    assert!(matches!(claimed, Err(LedgerError::Unavailable(_))), "{claimed:?}");
    assert!(matches!(&*ledger.health().borrow(), Health::Failing(_)), "it does not say so");
}

/// SQLite says of a device that could not be read for a moment what it says of a damaged file. When it can be read again
/// the ledger goes on by itself, with what it kept.
#[tokio::test]
async fn a_file_that_is_whole_again_is_gone_on_with() {
    let specimen = specimen::fresh();
    let path = specimen.path();
    let mut scene = Scene::new(Box::new(specimen), 1).await;
    for number in 0..40 {
        scene.accept(&format!("s{number}"), 1, Action::Publish, 0).await;
    }
    scene.specimen.restart();
    let rows = scene.claim(0, 1).await;
    let whole = std::fs::read(&path).unwrap();
    // The file's head stays, so that it can be opened.
    let mut damaged = whole.clone();
    damaged[4096..].fill(0xFF);
    std::fs::write(&path, &damaged).unwrap();
    let met = scene.ledger().article(rows[0].article).await.unwrap_err();
    assert!(matches!(&met, LedgerError::Unavailable(why) if why.contains(".recover")), "{met:?}");
    // What a reader meets stops the writer, though that could write.
    std::fs::write(&path, &whole).unwrap();
    let refused = scene.ledger().accept(scene.offer("new", 1, Action::Publish, 2)).await.unwrap_err();
    assert!(matches!(refused, LedgerError::Unavailable(_)), "{refused:?}");
    std::fs::write(&path, &damaged).unwrap();
    // It is read again meanwhile, and is not taken for whole.
    let mut health = scene.ledger().health();
    let good = health.wait_for(|health| *health == Health::Good);
    assert!(tokio::time::timeout(Duration::from_millis(1_500), good).await.is_err(), "it is damaged still");
    let reports = rows.into_iter().map(|row| scene.report(row, delivered(), 2)).collect();
    let mend = async {
        std::fs::write(&path, &whole).unwrap();
        health.wait_for(|health| *health == Health::Good).await.unwrap();
    };
    let (recorded, ()) = tokio::join!(scene.ledger().record(scene.to[0], reports, None), mend);
    assert!(!recorded.unwrap().any);
    assert_eq!([scene.stands(0, "s0"), scene.stands(0, "s39")], ["delivered 1", "delivered 1"]);
}

/// While another process holds the file, what already happened is kept and what is asked is refused; then it goes on.
#[tokio::test]
async fn outcomes_outlive_a_ledger_that_cannot_write() {
    let specimen = specimen::fresh();
    let path = specimen.path();
    let scene = Scene::new(Box::new(specimen), 1).await;
    for name in ["sent", "handed-over", "given-back"] {
        scene.accept(name, 1, Action::Publish, 0).await;
    }
    let mut rows = scene.claim(0, 1).await;
    let other = schema::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut health = scene.ledger().health();
    let report = scene.report(rows.remove(0), delivered(), 2);
    let recorded = scene.ledger().record(scene.to[0], vec![report], None);
    let mut told = scene.arrived(0, &rows.remove(0), 2).unwrap();
    let released = scene.ledger().release(scene.to[0], rows, scene.at(2));
    let asked = async {
        let failing = health.wait_for(|health| matches!(health, Health::Failing(_))).await.unwrap().clone();
        assert!(matches!(&failing, Health::Failing(why) if why.contains(&path.display().to_string())), "{failing:?}");
        let claim = scene.ledger().claim(scene.asks(0, 3));
        let (claimed, accepted) = tokio::join!(claim, scene.ledger().accept(scene.offer("new", 1, Action::Publish, 3)));
        let [claimed, accepted] = [claimed.unwrap_err(), accepted.unwrap_err()];
        assert!(matches!(claimed, LedgerError::Unavailable(_)), "{claimed:?}");
        assert!(matches!(accepted, LedgerError::Unavailable(_)), "{accepted:?}");
        assert!(told.try_recv().is_err(), "it is not on the disk");
        other.execute_batch("ROLLBACK").unwrap();
    };
    let (recorded, released, ()) = tokio::join!(recorded, released, asked);
    assert_eq!((recorded.unwrap().any, released.unwrap().any), (false, true));
    assert_eq!(told.await.unwrap().unwrap(), Waiting::default());
    assert_eq!(*scene.ledger().health().borrow(), Health::Good);
    let stand = ["sent", "handed-over", "given-back"].map(|name| scene.stands(0, name));
    assert_eq!(stand, ["delivered 1", "delivered 1", "waiting 1"]);
    scene.accept("new", 1, Action::Publish, 4).await;
}

/// Who hands over an outcome and goes on is told, too, when it cannot be written, and when there is no place for it.
#[tokio::test]
async fn who_does_not_wait_is_told_all_the_same() {
    let specimen = specimen::fresh();
    let path = specimen.path();
    let scene = Scene::new(Box::new(specimen), 1).await;
    scene.accept("a", 1, Action::Publish, 0).await;
    let row = scene.only(0, 1).await;
    let trigger = "CREATE TRIGGER bad BEFORE UPDATE ON delivery BEGIN SELECT RAISE(ABORT, 'bad'); END";
    schema::open(&path).unwrap().execute_batch(trigger).unwrap();
    let told = scene.arrived(0, &row, 2).unwrap().await.unwrap();
    assert!(matches!(told, Err(LedgerError::Damaged(_))), "{told:?}");
    schema::open(&path).unwrap().execute_batch("DROP TRIGGER bad").unwrap();

    let other = schema::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut handed_over = Vec::new();
    while let Some(told) = scene.arrived(0, &row, 3) {
        handed_over.push(told);
        assert!(handed_over.len() < 100_000, "its line has no end");
    }
    other.execute_batch("ROLLBACK").unwrap();
    for told in handed_over {
        assert_eq!(told.await.unwrap().unwrap(), Waiting::default());
    }
    assert_eq!(scene.stands(0, "a"), "delivered 1");
}

/// A lane that broke off has settled what it had announced, but not what it had handed over before.
#[tokio::test]
async fn what_was_handed_over_is_written_before_a_lane_is_abandoned() {
    let specimen = specimen::fresh();
    let path = specimen.path();
    let scene = Scene::new(Box::new(specimen), 1).await;
    for name in ["sent", "under-way"] {
        scene.accept(name, 1, Action::Publish, 0).await;
    }
    let rows = scene.claim(0, 1).await;
    // Both are in one commit, since the first waits for the file.
    let other = schema::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let told = scene.arrived(0, &rows[0], 2).unwrap();
    let abandoned = scene.ledger().abandon(scene.to[0], Duration::from_secs(60), scene.at(3));
    let let_go = async {
        tokio::task::yield_now().await;
        other.execute_batch("ROLLBACK").unwrap();
    };
    let (told, abandoned, ()) = tokio::join!(told, abandoned, let_go);
    abandoned.unwrap();
    assert_eq!(told.unwrap().unwrap(), Waiting::default());
    assert_eq!([scene.stands(0, "sent"), scene.stands(0, "under-way")], ["delivered 1", "waiting 1"]);
}

/// A command that cannot be applied is refused alone; those of its commit are not.
#[tokio::test]
async fn one_bad_command_is_refused_alone() {
    let specimen = specimen::fresh();
    let path = specimen.path();
    let scene = Scene::new(Box::new(specimen), 1).await;
    let trigger =
        "CREATE TRIGGER bad BEFORE INSERT ON story WHEN new.guid = 'urn:x:bad' BEGIN SELECT RAISE(ABORT, 'bad'); END";
    schema::open(&path).unwrap().execute_batch(trigger).unwrap();
    let offer = |name: &str| scene.ledger().accept(scene.offer(name, 1, Action::Publish, 0));
    let (one, bad, two) = tokio::join!(offer("one"), offer("bad"), offer("two"));
    assert!(matches!(bad, Err(LedgerError::Damaged(_))), "{bad:?}");
    assert!(one.is_ok() && two.is_ok(), "{one:?} {two:?}");
    assert_eq!(*scene.ledger().health().borrow(), Health::Good);
    assert_eq!(scene.sent(0, 1).await, ["one 1", "two 1"]);
}

/// Lanes hand in what has arrived while an order fails again and again: none of that fails with it.
#[tokio::test]
async fn what_has_arrived_does_not_fail_with_a_bad_order() {
    let specimen = specimen::fresh();
    let path = specimen.path();
    let scene = Scene::new(Box::new(specimen), 1).await;
    let number = 200;
    for story in 0..number {
        scene.accept(&format!("s{story}"), 1, Action::Publish, 0).await;
    }
    let mut rows = Vec::new();
    while rows.len() < number {
        rows.extend(scene.claim(0, 1).await);
    }
    let order = scene.place(Order::Hold { story: guid("s0") }, 2).await;
    let trigger = "CREATE TRIGGER bad BEFORE UPDATE ON operator_order BEGIN SELECT RAISE(ABORT, 'bad'); END";
    schema::open(&path).unwrap().execute_batch(trigger).unwrap();
    let arrive = async {
        let mut told = Vec::new();
        for row in &rows {
            told.push(scene.arrived(0, row, 3).unwrap());
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
        told
    };
    let fail = async {
        for _ in 0..10 {
            let failed = scene.ledger().carry_out(order, scene.at(4)).await;
            assert!(matches!(failed, Err(LedgerError::Damaged(_))), "{failed:?}");
        }
    };
    let (told, ()) = tokio::join!(arrive, fail);
    for told in told {
        assert_eq!(told.await.unwrap().unwrap(), Waiting::default());
    }
    assert!((0..number).all(|story| scene.stands(0, &format!("s{story}")) == "delivered 1"));
}
