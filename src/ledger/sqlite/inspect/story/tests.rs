use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;

use super::*;
use crate::article::{Action, Version};
use crate::ledger::sqlite::tests::fixture::{article, delivered, fixture};
use crate::ledger::sqlite::tests::options;
use crate::ledger::state::Settled;
use crate::ledger::{
    Closing, DeliveryFilter, Ledger, NewOrder, Order, QuarantineEntry, QuarantineKind, SqliteLedger, SqliteOptions,
};

fn guid(text: &str) -> Guid {
    text.parse().unwrap()
}

#[tokio::test]
async fn a_story_is_told_with_every_version_and_every_end() {
    let fixture = fixture(2).await;
    let _ = fixture.accept(article("urn:x:a", 1, Action::Publish)).await;
    let row = fixture.claim(0).await.rows.remove(0);
    fixture.settle(0, row, Settled::Deferred { hold: None }).await;
    let row = fixture.claim(0).await.rows.remove(0);
    fixture.settle(0, row, delivered()).await;
    let _ = fixture.accept(article("urn:x:a", 2, Action::Update)).await;
    let reader = fixture.reader();
    let story = reader.story(&guid("urn:x:a")).unwrap().unwrap();
    assert_eq!(story.versions.iter().map(|one| one.version.get()).collect::<Vec<_>>(), [1, 2]);
    assert_eq!((story.newest.get(), story.article.unwrap().version.get()), (2, 2));
    assert!(reader.story(&guid("urn:x:none")).unwrap().is_none());

    let door = reader.doors(story.id, &Target::new("partner-0")).unwrap().remove(0);
    assert_eq!(door.past.iter().map(|past| (past.version.get(), past.end)).collect::<Vec<_>>(), [(1, End::Delivered)]);
    let failed: Vec<_> =
        door.attempts.iter().map(|one| (one.version.get(), one.attempt, one.outcome.as_str())).collect();
    assert_eq!(failed, [(1, 1, "deferred")]);
    let row = door.row.unwrap();
    assert_eq!((row.wanted.version.get(), row.confirmed.map(Version::get)), (2, Some(1)));
    let names: Vec<_> = reader.doors_of(story.id).unwrap().into_iter().map(|door| door.destination).collect();
    assert_eq!(names, ["partner-0/main", "partner-1/main"]);
}

#[tokio::test]
async fn those_before_one_in_its_lane_are_counted() {
    let fixture = fixture(1).await;
    for story in 0..5 {
        let _ = fixture.accept(article(&format!("urn:x:{story}"), 1, Action::Publish)).await;
    }
    let reader = fixture.reader();
    for (story, before) in [("urn:x:0", 0), ("urn:x:4", 4)] {
        let story = reader.story(&guid(story)).unwrap().unwrap();
        let doors = reader.doors(story.id, &Target::new("partner-0/main")).unwrap();
        assert_eq!(doors[0].before, Before { number: before, or_more: false });
    }
}

#[tokio::test]
async fn a_hold_an_order_and_what_is_set_aside_are_found() {
    let fixture = fixture(2).await;
    let _ = fixture.accept(article("urn:x:a", 1, Action::Publish)).await;
    let now = Timestamp::now();
    let order = Order::Hold { story: guid("urn:x:a") };
    let new = NewOrder { order, by: "anna".to_owned(), reason: Some("a court order".to_owned()), at: now };
    let reader = fixture.reader();
    let id = reader.place(&new).unwrap();
    let _ = fixture.ledger.carry_out(id, now).await.unwrap();
    let why = "hold urn:x:a by anna: a court order".to_owned();
    assert_eq!(reader.story(&guid("urn:x:a")).unwrap().unwrap().on_hold, Some(why.clone()));
    assert_eq!(reader.standings().unwrap().stories, [("urn:x:a".to_owned(), why)]);
    let held = reader.deliveries(&DeliveryFilter { limit: 1, ..DeliveryFilter::default() }).unwrap().remove(0);
    assert_eq!(
        (held.state.as_str(), held.at, held.reason),
        ("held", None, Some("hold urn:x:a by anna: a court order".to_owned()))
    );
    let about = |story: &str| reader.orders_about(&guid(story), &Target::new("partner-1"), 9).unwrap().len();
    assert_eq!((about("urn:x:a"), about("urn:x:b")), (1, 0));

    let entry = QuarantineEntry {
        kind: QuarantineKind::Conflict,
        source: "http".to_owned(),
        content_type: None,
        guid: Some("urn:x:b".to_owned()),
        reason: "no headline".to_owned(),
        bytes: Vec::new(),
        at: now,
    };
    let id = fixture.ledger.quarantine(entry).await.unwrap().id;
    assert_eq!(reader.set_aside(&guid("urn:x:b")).unwrap(), [(id, "no headline".to_owned())]);
    assert_eq!(reader.set_aside(&guid("urn:x:a")).unwrap(), []);
}

#[tokio::test]
async fn whether_a_daemon_runs_is_known_by_its_lock() {
    let fixture = fixture(1).await;
    let reader = fixture.reader();
    assert!(reader.is_served());
    drop(fixture.ledger);
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    while reader.is_served() {
        assert!(std::time::Instant::now() < deadline, "the lock is let go of with the ledger");
        tokio::task::yield_now().await;
    }
}

/// Whoever looks whether a daemon runs holds its lock for a moment.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_look_keeps_no_daemon_from_starting() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.sqlite");
    let options = SqliteOptions { batch: 1, waiting: 1, in_network: Duration::from_secs(1), ..options(&path) };
    let close = |(ledger, closing): (SqliteLedger, Closing)| {
        drop(ledger);
        closing.wait();
    };
    close(SqliteLedger::open(&options).unwrap());
    let started = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let reader = SqliteReader::open(&path).unwrap();
            while !started.load(Ordering::SeqCst) {
                reader.is_served();
            }
        });
        let opened: Vec<_> = (0..20).map(|_| SqliteLedger::open(&options).map(close)).collect();
        started.store(true, Ordering::SeqCst);
        opened.into_iter().for_each(|opened| opened.unwrap());
    });
}
