use std::time::Duration;

use super::*;
use crate::article::{Action, Version};
use crate::ledger::sqlite::tests::fixture::{self, Fixture};
use crate::ledger::sqlite::tests::specimen;
use crate::ledger::state::Stage;
use crate::ledger::{SqliteLedger, SqliteReader};

fn quiet(_: CopyStep) {}

fn now() -> Timestamp {
    Timestamp::now()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

async fn accept(fixture: &Fixture, name: &str, version: u64, action: Action) {
    let mut article = fixture::article(&format!("urn:x:{name}"), version, action);
    article.headline = "x".repeat(256 << 10);
    let _ = fixture.accept(article).await;
}

/// Ends a ledger and gives what it leaves.
async fn closed(fixture: Fixture) -> tempfile::TempDir {
    let Fixture { ledger, dir, .. } = fixture;
    drop(ledger);
    let path = specimen::path_in(&dir);
    // Its threads end by themselves: the writer lets go of the lock, and whoever closes the file last takes the WAL away.
    tokio::task::spawn_blocking(move || {
        drop(lock(&path).unwrap());
        let deadline = std::time::Instant::now() + Duration::from_secs(60);
        while writer::wal_path(&path).exists() {
            assert!(std::time::Instant::now() < deadline, "the file is not closed");
            std::thread::sleep(Duration::from_millis(5));
        }
    })
    .await
    .unwrap();
    dir
}

/// Commits go on between any two pages that are copied, and none of them is in the copy in part.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_is_one_moment_of_a_ledger_that_is_written_meanwhile() {
    let fixture = fixture::fixture(3).await;
    for story in 0..20 {
        accept(&fixture, &format!("before-{story}"), 1, Action::Publish).await;
    }
    let out = tempfile::tempdir().unwrap();
    let to = out.path().join("copy");
    let (fixture, to) = (std::sync::Arc::new(fixture), to.clone());
    let (busy, at, copy) = (std::sync::Arc::clone(&fixture), specimen::path_in(&fixture.dir), to.clone());
    let (contents, commits) = tokio::task::spawn_blocking(move || {
        let (handle, mut commits) = (tokio::runtime::Handle::current(), 0);
        let mut meanwhile = |step| {
            if let CopyStep::Copying { done, of } = step {
                assert!(done <= of, "{done} of {of}");
                handle.block_on(accept(&busy, &format!("during-{commits}"), 1, Action::Publish));
                commits += 1;
            }
        };
        let contents = back_up(&at, &copy, &mut meanwhile).unwrap();
        (contents, commits)
    })
    .await
    .unwrap();
    assert!(commits > 3, "nothing was committed while it was copied");
    assert_eq!((contents.stories, contents.articles, contents.deliveries, contents.waiting), (20, 20, 60, 60));
    assert_eq!(mode(&to), 0o600);
    let copy = Connection::open(&to).unwrap();
    let broken: i64 = copy.query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |row| row.get(0)).unwrap();
    assert_eq!(broken, 0);
    let names: Vec<_> = fs::read_dir(out.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["copy"], "nothing else is left");
    let all = fixture.ledger.read(|db| db.query_row("SELECT count(*) FROM story", [], |row| row.get::<_, i64>(0)));
    assert_eq!(all.await.unwrap(), 20 + commits, "and nothing that was committed meanwhile is lost");
}

#[tokio::test]
async fn what_is_there_is_never_written_over() {
    let fixture = fixture::fixture(1).await;
    let ledger = specimen::path_in(&fixture.dir);
    let to = fixture.dir.path().join("copy");
    fs::write(&to, "mine").unwrap();
    assert!(matches!(back_up(&ledger, &to, &mut quiet), Err(CopyError::Exists(_))));
    assert_eq!(fs::read(&to).unwrap(), b"mine");
    let nowhere = fixture.dir.path().join("none/copy");
    let why = back_up(&ledger, &nowhere, &mut quiet).unwrap_err().to_string();
    assert!(why.contains("cannot write into") && why.contains("/none: No such file"), "{why}");
    let why = back_up(&nowhere, &fixture.dir.path().join("b"), &mut quiet).unwrap_err().to_string();
    assert!(why.contains("there is no ledger at"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_waits_for_nobody_and_keeps_what_was_there() {
    let fixture = fixture::fixture(2).await;
    accept(&fixture, "a", 1, Action::Publish).await;
    let ledger = specimen::path_in(&fixture.dir);
    let out = tempfile::tempdir().unwrap();
    let copy = out.path().join("copy");
    back_up(&ledger, &copy, &mut quiet).unwrap();
    accept(&fixture, "b", 1, Action::Publish).await;
    let why = restore(&copy, &ledger, true, now(), &mut quiet).unwrap_err().to_string();
    assert!(why.contains("another newswired runs on the ledger"), "{why}");

    let dir = closed(fixture).await;
    assert!(matches!(restore(&copy, &ledger, false, now(), &mut quiet), Err(CopyError::Occupied(_))));
    let restored = restore(&copy, &ledger, true, "2026-11-26T14:30:00Z".parse().unwrap(), &mut quiet).unwrap();
    let aside = restored.aside.unwrap();
    assert_eq!(aside, dir.path().join("ledger.sqlite.before-20261126T143000Z"));
    assert_eq!(mode(&ledger), 0o640);
    let stories = |path: &Path| held_in(&schema::open_to_read(path).unwrap(), path).unwrap().stories;
    assert_eq!((stories(&ledger), stories(&aside), stories(&copy)), (1, 2, 1));
    let again = restore(&copy, &ledger, true, "2026-11-26T14:30:00Z".parse().unwrap(), &mut quiet).unwrap();
    assert_eq!(again.aside.unwrap(), dir.path().join("ledger.sqlite.before-20261126T143000Z-2"));

    let elsewhere = dir.path().join("new/ledger.sqlite");
    let restored = restore(&copy, &elsewhere, false, now(), &mut quiet).unwrap();
    assert_eq!((restored.aside, stories(&elsewhere)), (None, 1));
}

/// The log of a ledger that crashed is part of it, and no part of what comes to its place.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_a_crash_left_goes_aside_with_its_ledger() {
    let fixture = fixture::fixture(1).await;
    let ledger = specimen::path_in(&fixture.dir);
    let out = tempfile::tempdir().unwrap();
    let copy = out.path().join("copy");
    back_up(&ledger, &copy, &mut quiet).unwrap();
    accept(&fixture, "a", 1, Action::Publish).await;
    let left = specimen::as_killed(&ledger);
    let ledger = specimen::path_in(&left);
    assert!(fs::metadata(writer::wal_path(&ledger)).unwrap().len() > 0);
    let aside = restore(&copy, &ledger, true, now(), &mut quiet).unwrap().aside.unwrap();
    let stories = |path: &Path| held_in(&schema::open(path).unwrap(), path).unwrap().stories;
    assert_eq!((stories(&aside), stories(&ledger)), (1, 0));

    // One that cannot be read keeps its log.
    fs::write(&ledger, vec![7; 8192]).unwrap();
    fs::write(writer::wal_path(&ledger), "log").unwrap();
    let aside = restore(&copy, &ledger, true, now(), &mut quiet).unwrap().aside.unwrap();
    assert_eq!(fs::read(writer::wal_path(&aside)).unwrap(), b"log");
    assert_eq!(fs::read(&aside).unwrap(), vec![7; 8192]);
    assert_eq!(stories(&ledger), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_cannot_be_used_changes_nothing() {
    let fixture = fixture::fixture(40).await;
    for story in 0..40 {
        let _ = fixture.accept(fixture::article(&format!("urn:x:{story}"), 1, Action::Publish)).await;
    }
    let ledger = specimen::path_in(&fixture.dir);
    let dir = closed(fixture).await;
    let before = fs::read(&ledger).unwrap();
    let copy = dir.path().join("copy");
    let refused = |why: &str| {
        let told = restore(&copy, &ledger, true, now(), &mut quiet).unwrap_err().to_string();
        assert!(told.contains(why), "{told}");
        assert!(fs::read(&ledger).unwrap() == before, "{why}: the ledger has changed");
    };
    refused("copy cannot be used: there is no such file");
    fs::write(&copy, "no ledger at all").unwrap();
    refused("damaged or cannot be read");
    let make = |sql: &str| {
        fs::remove_file(&copy).unwrap();
        back_up(&ledger, &copy, &mut quiet).unwrap();
        Connection::open(&copy).unwrap().execute_batch(sql).unwrap();
    };
    make("PRAGMA user_version = 0");
    refused("is no ledger of newswired");
    make("DROP TABLE quarantine");
    refused("is no ledger of newswired");
    make("PRAGMA user_version = 99");
    refused("was written by a newer newswired (its schema is 99");
    // A row that its index does not know is damage that no count shows.
    make(
        "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, ' AND expires IS NOT NULL', '') WHERE name = 'delivery_expiring'",
    );
    refused("it is damaged");
}

/// Promise 4 over a restore: what waited in the copy may have been sent since, so a kill goes there.
#[tokio::test(flavor = "multi_thread")]
async fn a_kill_after_a_restore_reaches_who_may_have_got_the_story_since() {
    let fixture = fixture::fixture(1).await;
    for name in ["waits", "under-way"] {
        let _ = fixture.accept(fixture::article(&format!("urn:x:{name}"), 1, Action::Publish)).await;
    }
    let mut embargoed = fixture::article("urn:x:embargoed", 1, Action::Publish);
    embargoed.embargo = Some(now() + Duration::from_secs(3600));
    let _ = fixture.accept(embargoed).await;
    let ledger = specimen::path_in(&fixture.dir);
    let db = schema::open(&ledger).unwrap();
    db.execute(
        "UPDATE delivery SET stage = 3, attempting = 1, since = 0 WHERE story = (SELECT id FROM story WHERE guid = 'urn:x:under-way')",
        [],
    )
    .unwrap();
    drop(db);
    let out = tempfile::tempdir().unwrap();
    let copy = out.path().join("copy");
    let contents = back_up(&ledger, &copy, &mut quiet).unwrap();
    assert_eq!((contents.waiting, contents.attempting), (2, 1));

    let elsewhere = out.path().join("ledger.sqlite");
    let restored = restore(&copy, &elsewhere, false, now(), &mut quiet).unwrap();
    assert_eq!((restored.in_doubt, restored.contents), (1, contents));
    let (ledger, _) = SqliteLedger::open(&crate::ledger::sqlite::tests::options(&elsewhere)).unwrap();
    assert_eq!(ledger.recovered(), 1);
    let fixture = Fixture { ledger, destinations: fixture.destinations.clone(), dir: out };
    for name in ["waits", "under-way", "embargoed"] {
        let _ = fixture.accept(fixture::article(&format!("urn:x:{name}"), 2, Action::Kill)).await;
    }
    let reader = SqliteReader::open(&specimen::path_in(&fixture.dir)).unwrap();
    let row = |name: &str| {
        let story = reader.story(&format!("urn:x:{name}").parse().unwrap()).unwrap().unwrap();
        reader.doors_of(story.id).unwrap().pop().unwrap().row.unwrap()
    };
    for name in ["waits", "under-way"] {
        let row = row(name);
        assert_eq!((row.wanted.action, row.possible), (Action::Kill, Some(Version::FIRST)), "{name}");
        assert!(!matches!(row.stage, Stage::Ended { .. }), "{name} is owed its kill");
    }
    assert!(matches!(row("embargoed").stage, Stage::Ended { .. }), "nobody can have it");
}
