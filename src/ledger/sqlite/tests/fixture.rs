//! A ledger in a file, for tests of what operators read of it.

use std::time::Duration;

use jiff::Timestamp;

use super::options;
use crate::article::{Action, Article, Body};
use crate::ledger::state::Settled;
use crate::ledger::{
    Acceptance, Accepted, Attempted, Claim, Claimed, DestinationId, Ledger, Owed, Registration, Report, Rights,
    SqliteLedger, SqliteReader,
};

pub fn article(guid: &str, version: u64, action: Action) -> Article {
    serde_json::from_value(serde_json::json!({
        "wire": "hpnf", "guid": guid, "version": version, "action": action, "urgency": 5,
        "headline": format!("{guid} {version}"), "body": Body::default(),
    }))
    .unwrap()
}

pub struct Fixture {
    pub ledger: SqliteLedger,
    pub destinations: Vec<DestinationId>,
    pub dir: tempfile::TempDir,
}

pub async fn fixture(destinations: usize) -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, _) = SqliteLedger::open(&options(&dir.path().join("ledger.sqlite"))).unwrap();
    let names = (0..destinations).map(|n| Registration { name: format!("partner-{n}/main"), paused: false });
    let destinations = ledger.register(names.collect(), Timestamp::now()).await.unwrap();
    Fixture { ledger, destinations, dir }
}

impl Fixture {
    pub async fn accept(&self, article: Article) -> Accepted {
        let routed = self.destinations.iter().copied().map(Owed::plainly).collect();
        let (rights, withdraw_for, now) = (Rights::Lasting, Duration::from_secs(86_400), Timestamp::now());
        let source = "test".into();
        let acceptance = Acceptance { article, source, routed, rights, withdraw_for, trace: None, now };
        self.ledger.accept(acceptance).await.unwrap()
    }

    pub async fn claim(&self, at: usize) -> Claimed {
        let claim = Claim {
            destination: self.destinations[at],
            limit: 64,
            withdrawals_only: false,
            urgent: false,
            give_up_before: Timestamp::UNIX_EPOCH,
            now: Timestamp::now(),
        };
        self.ledger.claim(claim).await.unwrap()
    }

    pub async fn settle(&self, at: usize, attempted: Attempted, settled: Settled) {
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

    pub fn reader(&self) -> SqliteReader {
        SqliteReader::open(&self.dir.path().join("ledger.sqlite")).unwrap()
    }
}

pub fn delivered() -> Settled {
    Settled::Delivered { reason: "200".into() }
}
