//! What is SQLite's own: its file, its migrations, its lock. What it shares with every kind of ledger is the conformance
//! suite's.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use jiff::Timestamp;

use super::*;
use crate::article::Action;
use crate::ledger::conformance::Scene;
use crate::ledger::{Ledger, NewOrder, Order, OrderState, Registration, Replay, ReplayFrom, Target};

pub mod fixture;
mod plain;
pub mod specimen;
mod upgrade;

crate::ledger::conformance::on_every_topic!(super::specimen::fresh);

pub fn options(path: &Path) -> SqliteOptions<'_> {
    let in_network = Duration::from_secs(60);
    SqliteOptions { path, batch: 64, waiting: 128, in_network, commits: CommitMetrics::default() }
}

#[test]
fn a_second_daemon_is_kept_off() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.sqlite");
    let (_first, _) = SqliteLedger::open(&options(&path)).unwrap();
    let why = SqliteLedger::open(&options(&path)).err().unwrap().to_string();
    assert!(why.contains("another newswired runs on the ledger"), "{why}");
}

/// A start after a crash reads all of it. Whoever writes without a pause leaves nobody else a moment to cut it back.
#[tokio::test(flavor = "multi_thread")]
async fn a_wal_stays_small_though_commits_never_pause() {
    let fixture = fixture::fixture(1).await;
    let wal = writer::wal_path(&specimen::path_in(&fixture.dir));
    let largest = AtomicU64::new(0);
    let busy = (0..8).map(|writer| {
        let (fixture, wal, largest) = (&fixture, &wal, &largest);
        async move {
            for story in 0..40 {
                let mut article = fixture::article(&format!("urn:x:{writer}-{story}"), 1, Action::Publish);
                article.headline = "x".repeat(512 << 10);
                let _ = fixture.accept(article).await;
                largest.fetch_max(std::fs::metadata(wal).unwrap().len(), Ordering::Relaxed);
            }
        }
    });
    futures_util::future::join_all(busy).await;
    // The headline is written twice: 320 MB in all.
    let largest = largest.into_inner();
    assert!((32 << 20..128 << 20).contains(&largest), "it had {largest} bytes");
}

/// What an operator is told at a start, of attempts whose outcome nobody knows.
#[tokio::test]
async fn what_was_announced_at_a_crash_is_counted() {
    let specimen = specimen::fresh();
    let path = specimen.path();
    let scene = Scene::new(Box::new(specimen), 3).await;
    scene.accept("a", 1, Action::Publish, 0).await;
    for lane in [0, 1] {
        assert_eq!(scene.claim(lane, 1).await.len(), 1);
    }
    let left = specimen::as_killed(&path);
    let (ledger, _) = SqliteLedger::open(&options(&specimen::path_in(&left))).unwrap();
    assert_eq!(ledger.recovered(), 2);
}

#[tokio::test]
async fn a_hold_is_taken_up_however_many_replays_work() {
    let fixture = fixture::fixture(1).await;
    let _ = fixture.accept(fixture::article("urn:x:a", 1, Action::Publish)).await;
    let now = Timestamp::now();
    let place = |order: Order| NewOrder { order, by: "anna".into(), reason: None, at: now };
    for _ in 0..3 {
        let replay = Replay {
            to: Target::new("partner-0"),
            from: ReplayFrom::Since(Timestamp::UNIX_EPOCH),
            until: None,
            filter: None,
            rate: 1,
        };
        let id = fixture.ledger.place(place(Order::Replay(replay))).await.unwrap();
        let _ = fixture.ledger.carry_out(id, now).await.unwrap();
    }
    let hold = fixture.ledger.place(place(Order::Hold { story: "urn:x:a".parse().unwrap() })).await.unwrap();
    let open = fixture.ledger.open_orders(2).await.unwrap();
    assert_eq!((open[0].0.id, open[0].0.state), (hold, OrderState::Waiting));
    assert_eq!(open[1].0.state, OrderState::Working);
}

#[tokio::test]
async fn an_order_that_comes_while_all_is_quiet_is_seen_by_the_next_look() {
    let fixture = fixture::fixture(1).await;
    let fixture::Fixture { ledger, dir, .. } = &fixture;
    let wal = std::fs::File::options().write(true).open(writer::wal_path(&dir.path().join("ledger.sqlite"))).unwrap();
    // Nothing was written for long.
    wal.set_modified(SystemTime::now() - Duration::from_secs(3_600)).unwrap();
    // The first look opens a connection, and what root opens is root's anew, which the file's times tell.
    for _ in 0..2 {
        assert!(ledger.open_orders(9).await.unwrap().is_empty());
    }
    assert!(ledger.quiet.was_seen(&ledger.quiet.now()), "the next look asks the file system alone");
    let order = Order::Suspend { to: Target::new("partner-0"), even_kills: false };
    let order = NewOrder { order, by: "anna".into(), reason: None, at: Timestamp::now() };
    let id = fixture.reader().place(&order).unwrap();
    let seen = ledger.open_orders(9).await.unwrap();
    assert_eq!(seen.into_iter().map(|(record, _)| record.id).collect::<Vec<_>>(), [id]);
}
