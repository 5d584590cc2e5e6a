use std::time::Duration;

use jiff::Timestamp;

use super::*;
use crate::article::{Action, Article, Body};
use crate::ledger::state::Settled;
use crate::ledger::{
    Acceptance, Accepted, Attempted, Claim, Claimed, DeliveryFilter, DestinationId, Ledger, Owed, QuarantineEntry,
    QuarantineKind, QuarantineState, Registration, Report, Rights,
};

fn article(guid: &str, version: u64, action: Action) -> Article {
    serde_json::from_value(serde_json::json!({
        "wire": "hpnf", "guid": guid, "version": version, "action": action, "urgency": 5,
        "headline": format!("{guid} {version}"), "body": Body::default(),
    }))
    .unwrap()
}

fn options(path: &Path) -> SqliteOptions<'_> {
    SqliteOptions { path, batch: 64, waiting: 128, in_network: Duration::from_secs(60) }
}

struct Fixture {
    ledger: SqliteLedger,
    destinations: Vec<DestinationId>,
    dir: tempfile::TempDir,
}

async fn fixture(destinations: usize) -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, _) = SqliteLedger::open(&options(&dir.path().join("ledger.sqlite"))).unwrap();
    let names = (0..destinations).map(|n| Registration { name: format!("partner-{n}/main"), paused: false });
    let destinations = ledger.register(names.collect(), Timestamp::now()).await.unwrap();
    Fixture { ledger, destinations, dir }
}

impl Fixture {
    async fn accept(&self, article: Article) -> Accepted {
        let routed = self.destinations.iter().copied().map(Owed::plainly).collect();
        let (rights, withdraw_for, now) = (Rights::Lasting, Duration::from_secs(86_400), Timestamp::now());
        let acceptance = Acceptance { article, source: "test".into(), routed, rights, withdraw_for, now };
        self.ledger.accept(acceptance).await.unwrap()
    }

    async fn claim(&self, at: usize) -> Claimed {
        let claim = Claim {
            destination: self.destinations[at],
            limit: 64,
            withdrawals_only: false,
            give_up_before: Timestamp::UNIX_EPOCH,
            now: Timestamp::now(),
        };
        self.ledger.claim(claim).await.unwrap()
    }

    async fn settle(&self, at: usize, attempted: Attempted, settled: Settled) {
        let now = Timestamp::now();
        let report = Report {
            attempted,
            settled,
            began: now,
            ended: now,
            status: None,
            detail: String::new(),
            remote: None,
            in_network: Duration::from_secs(60),
        };
        self.ledger.record(self.destinations[at], vec![report], None).await.unwrap();
    }

    fn states(&self) -> Vec<(String, u64, String)> {
        let reader = SqliteReader::open(&self.dir.path().join("ledger.sqlite")).unwrap();
        let filter = DeliveryFilter { limit: 1000, ..DeliveryFilter::default() };
        let mut all: Vec<_> = reader
            .deliveries(&filter)
            .unwrap()
            .into_iter()
            .map(|delivery| (delivery.destination, delivery.version, delivery.state))
            .collect();
        all.sort();
        all
    }
}

fn delivered() -> Settled {
    Settled::Delivered { reason: "200".into() }
}

#[tokio::test]
async fn a_version_without_a_time_is_of_the_time_of_its_acceptance() {
    let fixture = fixture(1).await;
    let made: Timestamp = "2026-11-24T10:15:00Z".parse().unwrap();
    let before = Timestamp::now();
    let _ = fixture.accept(Article { versioned: Some(made), ..article("urn:x:a", 1, Action::Publish) }).await;
    let _ = fixture.accept(article("urn:x:b", 1, Action::Kill)).await;
    let claimed = fixture.claim(0).await;
    let told = fixture.ledger.article(claimed.rows[0].article).await.unwrap();
    assert_eq!(told.versioned, Some(made));
    let _ = fixture.accept(article("urn:x:c", 1, Action::Publish)).await;
    let claimed = fixture.claim(0).await;
    let first = fixture.ledger.article(claimed.rows[0].article).await.unwrap().versioned.unwrap();
    assert!(first.as_microsecond() >= before.as_microsecond(), "{first} is not before {before}");
    let again = fixture.ledger.article(claimed.rows[0].article).await.unwrap().versioned;
    assert_eq!(again, Some(first), "the same at every reading");
}

#[tokio::test]
async fn an_article_is_accepted_once() {
    let fixture = fixture(3).await;
    let first = fixture.accept(article("urn:x:a", 1, Action::Publish)).await;
    assert!(matches!(first, Accepted::Fresh { deliveries: 3, .. }), "{first:?}");
    let again = fixture.accept(article("urn:x:a", 1, Action::Publish)).await;
    assert!(matches!(again, Accepted::Repeat { deliveries: 3, .. }), "{again:?}");
    let mut other = article("urn:x:a", 1, Action::Publish);
    other.headline = "something else".into();
    assert!(matches!(fixture.accept(other).await, Accepted::Conflict));
    assert_eq!(fixture.claim(0).await.rows.len(), 1);
    assert_eq!(fixture.claim(0).await.rows.len(), 0, "an announced row is not given twice");
}

#[tokio::test]
async fn a_late_version_goes_nowhere_and_a_newer_one_takes_the_place() {
    let fixture = fixture(1).await;
    let _ = fixture.accept(article("urn:x:a", 2, Action::Update)).await;
    let late = fixture.accept(article("urn:x:a", 1, Action::Publish)).await;
    assert!(matches!(late, Accepted::Fresh { deliveries: 0, .. }), "{late:?}");
    let _ = fixture.accept(article("urn:x:a", 3, Action::Update)).await;
    let rows = fixture.claim(0).await.rows;
    assert_eq!(rows.iter().map(|row| row.version.get()).collect::<Vec<_>>(), [3]);
    let reader = SqliteReader::open(&fixture.dir.path().join("ledger.sqlite")).unwrap();
    assert_eq!(
        reader.past().unwrap(),
        [("partner-0/main".to_owned(), "urn:x:a".to_owned(), 2, "superseded".to_owned())]
    );
}

#[tokio::test]
async fn a_kill_goes_to_those_who_may_have_the_story_and_first() {
    let fixture = fixture(3).await;
    let _ = fixture.accept(article("urn:x:a", 1, Action::Publish)).await;
    let has = fixture.claim(0).await.rows.remove(0);
    fixture.settle(0, has, delivered()).await;
    let may_have = fixture.claim(1).await.rows.remove(0);
    fixture.settle(1, may_have, Settled::Unknown { hold: None }).await;
    let _ = fixture.accept(article("urn:x:b", 1, Action::Publish)).await;
    let killed = fixture.accept(article("urn:x:a", 2, Action::Kill)).await;
    assert!(matches!(killed, Accepted::Fresh { deliveries: 2, .. }), "{killed:?}");
    for lane in [0, 1] {
        let rows = fixture.claim(lane).await.rows;
        let order: Vec<_> = rows.iter().map(|row| row.action).collect();
        assert_eq!(order, [Action::Kill, Action::Publish]);
    }
    let rows = fixture.claim(2).await.rows;
    assert_eq!(rows.iter().map(|row| row.action).collect::<Vec<_>>(), [Action::Publish]);
}

#[tokio::test]
async fn what_was_announced_when_the_daemon_died_may_have_arrived() {
    let Fixture { ledger, destinations, dir } = fixture(1).await;
    let path = dir.path().join("ledger.sqlite");
    let now = Timestamp::now();
    let _ = ledger
        .accept(Acceptance {
            article: article("urn:x:a", 1, Action::Publish),
            source: "test".into(),
            routed: destinations.iter().copied().map(Owed::plainly).collect(),
            rights: Rights::Lasting,
            withdraw_for: Duration::ZERO,
            now,
        })
        .await
        .unwrap();
    let claim = Claim {
        destination: destinations[0],
        limit: 1,
        withdrawals_only: false,
        give_up_before: Timestamp::UNIX_EPOCH,
        now: Timestamp::now(),
    };
    let _ = ledger.claim(claim).await.unwrap();
    drop(ledger);
    let (ledger, _) = loop {
        // The first one's writer lets go of the lock when its channel has run dry.
        match SqliteLedger::open(&options(&path)) {
            Ok(opened) => break opened,
            Err(_) => tokio::task::yield_now().await,
        }
    };
    assert_eq!(ledger.recovered(), 1);
    let reader = SqliteReader::open(&path).unwrap();
    let list = reader.deliveries(&DeliveryFilter { limit: 9, ..DeliveryFilter::default() }).unwrap();
    assert_eq!((list[0].state.as_str(), list[0].possible, list[0].attempts), ("waiting", Some(1), 1));
}

#[tokio::test]
async fn what_an_attempt_left_is_there_for_every_later_one() {
    let fixture = fixture(1).await;
    let _ = fixture.accept(article("urn:x:a", 1, Action::Publish)).await;
    let report = |attempted: Attempted, settled: Settled, remote: Option<&str>| Report {
        attempted,
        settled,
        began: Timestamp::now(),
        ended: Timestamp::now(),
        status: None,
        detail: String::new(),
        remote: remote.map(str::to_owned),
        in_network: Duration::from_secs(60),
    };
    let mut seen = Vec::new();
    for (version, settled, remote) in [
        (1, Settled::Unknown { hold: None }, Some("42 unfinished")),
        (1, delivered(), None),
        (2, delivered(), Some("42")),
        (3, Settled::Refused { reason: "422".into(), hold: None }, None),
        (4, delivered(), None),
    ] {
        let _ = fixture.accept(article("urn:x:a", version, Action::Update)).await;
        let row = fixture.claim(0).await.rows.remove(0);
        seen.push(row.remote.clone());
        let reports = vec![report(row, settled, remote)];
        fixture.ledger.record(fixture.destinations[0], reports, None).await.unwrap();
    }
    let left = |text: &str| Some(text.to_owned());
    assert_eq!(seen, [None, left("42 unfinished"), left("42 unfinished"), left("42"), left("42")]);
}

/// A ledger of the version before is brought up to date, with what it holds.
#[tokio::test]
async fn an_older_ledger_is_migrated() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.sqlite");
    let old = Connection::open(&path).unwrap();
    old.execute_batch(include_str!("migrations/0001.sql")).unwrap();
    old.execute_batch(
        "PRAGMA user_version = 1;
         INSERT INTO story VALUES (1, 'urn:x:a', 'hpnf', 1);
         INSERT INTO destination (id, name, paused) VALUES (1, 'partner-0/main', 0);
         INSERT INTO article VALUES (1, 1, 1, 'publish', 'h', 'test', 0, x'', x'');
         INSERT INTO delivery (story, destination, version, article, action, rank, accepted, stage, attempts)
         VALUES (1, 1, 1, 1, 'publish', 1, 0, 1, 0);",
    )
    .unwrap();
    drop(old);
    let (ledger, _) = SqliteLedger::open(&options(&path)).unwrap();
    let registration = Registration { name: "partner-0/main".into(), paused: false };
    let destinations = ledger.register(vec![registration], Timestamp::now()).await.unwrap();
    let claim = Claim {
        destination: destinations[0],
        limit: 9,
        withdrawals_only: false,
        give_up_before: Timestamp::UNIX_EPOCH,
        now: Timestamp::now(),
    };
    let rows = ledger.claim(claim).await.unwrap().rows;
    assert_eq!(rows.iter().map(|row| (row.version.get(), row.remote.clone())).collect::<Vec<_>>(), [(1, None)]);
}

#[tokio::test]
async fn a_second_daemon_is_kept_off() {
    let fixture = fixture(1).await;
    let second = SqliteLedger::open(&options(&fixture.dir.path().join("ledger.sqlite")));
    let why = second.err().unwrap().to_string();
    assert!(why.contains("another newswired runs on the ledger"), "{why}");
}

#[tokio::test]
async fn an_embargoed_version_is_held_and_an_expired_one_ends() {
    let fixture = fixture(1).await;
    let mut early = article("urn:x:early", 1, Action::Publish);
    early.embargo = Some(Timestamp::now() + Duration::from_secs(3600));
    let mut stale = article("urn:x:stale", 1, Action::Publish);
    stale.expires = Some(Timestamp::now() - Duration::from_secs(1));
    let _ = fixture.accept(early.clone()).await;
    let _ = fixture.accept(stale).await;
    let claimed = fixture.claim(0).await;
    assert!(claimed.rows.is_empty());
    assert_eq!(claimed.expired, 1);
    assert_eq!(claimed.next.map(|at| at.as_microsecond()), early.embargo.map(|at| at.as_microsecond()));
    let states: Vec<_> = fixture.states().into_iter().map(|(_, _, state)| state).collect();
    assert_eq!(states, ["expired", "held"]);
}

#[tokio::test]
async fn the_same_bytes_are_set_aside_once_and_retried_on_request() {
    let fixture = fixture(1).await;
    let entry = QuarantineEntry {
        kind: QuarantineKind::Input,
        source: "amqp".into(),
        content_type: Some("application/json".into()),
        guid: None,
        reason: "not JSON".into(),
        bytes: b"{".to_vec(),
        at: Timestamp::now(),
    };
    let first = fixture.ledger.quarantine(entry.clone()).await.unwrap().id;
    let second = fixture.ledger.quarantine(entry.clone()).await.unwrap().id;
    assert_eq!(first, second);
    let reader = SqliteReader::open(&fixture.dir.path().join("ledger.sqlite")).unwrap();
    assert!(reader.order(first, QuarantineState::Retry).unwrap());
    let retries = fixture.ledger.retries(10).await.unwrap();
    assert_eq!(retries.len(), 1);
    assert_eq!(retries[0].1.bytes, b"{");
    fixture.ledger.retried(first, None).await.unwrap();
    assert!(fixture.ledger.retries(10).await.unwrap().is_empty());
    assert!(!reader.order(first, QuarantineState::Discarded).unwrap(), "what is done is not discarded");
}
