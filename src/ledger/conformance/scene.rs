//! A ledger with a few destinations, and short words for what tests say to it and read from it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::oneshot;

use super::{Delivery, Specimen};
use crate::article::{Action, Article, Guid, Version, WireId};
use crate::ledger::state::{Row, Settled, Stage};
use crate::ledger::{
    Acceptance, Accepted, Arrived, Attempted, Claim, Claimed, DestinationId, LaneState, Ledger, LedgerError, NewOrder,
    Order, OrderId, Owed, Recorder, Registration, Report, Rights, Waiting,
};

/// How long requests may be in the network here.
pub const IN_NETWORK: Duration = Duration::from_secs(60);

/// How long withdrawals are tried here.
pub const WITHDRAW_FOR: Duration = Duration::from_secs(86_400);

/// A specimen with destinations `p0/main`, `p1/main`, …
pub struct Scene {
    pub specimen: Box<dyn Specimen>,
    pub to: Vec<DestinationId>,
    begin: Timestamp,
}

impl Scene {
    pub async fn new(specimen: Box<dyn Specimen>, destinations: usize) -> Self {
        // A ledger need not keep more than microseconds. What settles a crash is the machine's clock, so the tests' own
        // begins with it.
        let now = Timestamp::now().as_microsecond();
        let begin = Timestamp::from_microsecond(now).expect("it is a time already");
        let mut scene = Self { specimen, to: Vec::new(), begin };
        scene.to = scene.register(destinations, begin).await;
        scene
    }

    /// Says which destinations there are.
    pub async fn register(&self, destinations: usize, now: Timestamp) -> Vec<DestinationId> {
        let names = (0..destinations).map(|at| Registration { name: format!("p{at}/main"), paused: false });
        self.ledger().register(names.collect(), now).await.unwrap()
    }

    pub fn ledger(&self) -> &dyn Ledger {
        self.specimen.ledger()
    }

    /// So many seconds after the scene's beginning.
    pub fn at(&self, second: i64) -> Timestamp {
        self.begin + SignedDuration::from_secs(second)
    }

    pub fn article(&self, name: &str, version: u64, action: Action) -> Article {
        Article::bare(WireId::new("hpnf"), guid(name), Version::try_from(version).unwrap(), action)
    }

    /// An article for all destinations on ordinary terms.
    pub fn offer(&self, name: &str, version: u64, action: Action, second: i64) -> Acceptance {
        Acceptance {
            article: self.article(name, version, action),
            source: "test".into(),
            routed: self.to.iter().copied().map(Owed::plainly).collect(),
            rights: Rights::Lasting,
            withdraw_for: WITHDRAW_FOR,
            trace: None,
            now: self.at(second),
        }
    }

    /// Accepts what the ledger has not had before; returns how many deliveries that makes.
    pub async fn take(&self, acceptance: Acceptance) -> usize {
        match self.ledger().accept(acceptance).await.unwrap() {
            Accepted::Fresh { deliveries, touched, .. } => {
                // Where a version is not for a destination any more, its lane is told so, too.
                assert!(touched.len() >= deliveries);
                deliveries
            }
            other @ (Accepted::Repeat { .. } | Accepted::Conflict) => panic!("{other:?}"),
        }
    }

    pub async fn accept(&self, name: &str, version: u64, action: Action, second: i64) -> usize {
        self.take(self.offer(name, version, action, second)).await
    }

    /// The same, for some destinations alone.
    pub async fn accept_for(&self, lanes: &[usize], name: &str, version: u64, action: Action, second: i64) -> usize {
        let routed = lanes.iter().map(|lane| Owed::plainly(self.to[*lane])).collect();
        self.take(Acceptance { routed, ..self.offer(name, version, action, second) }).await
    }

    /// What a lane asks for that may send everything.
    pub fn asks(&self, lane: usize, second: i64) -> Claim {
        Claim {
            destination: self.to[lane],
            limit: 64,
            withdrawals_only: false,
            urgent: false,
            give_up_before: Timestamp::UNIX_EPOCH,
            now: self.at(second),
        }
    }

    pub async fn claimed(&self, claim: Claim) -> Claimed {
        self.ledger().claim(claim).await.unwrap()
    }

    pub async fn claim(&self, lane: usize, second: i64) -> Vec<Attempted> {
        self.claimed(self.asks(lane, second)).await.rows
    }

    /// The one row that a lane is given.
    pub async fn only(&self, lane: usize, second: i64) -> Attempted {
        let mut rows = self.claim(lane, second).await;
        assert_eq!(rows.len(), 1, "{rows:?}");
        rows.remove(0)
    }

    /// `name version` of each row.
    pub async fn names(&self, rows: &[Attempted]) -> Vec<String> {
        let mut names = Vec::new();
        for row in rows {
            let article = self.ledger().article(row.article).await.unwrap();
            assert_eq!((article.version, article.action), (row.version, row.action));
            names.push(format!("{} {}", name_of(article.guid.as_str()), row.version));
        }
        names
    }

    pub fn report(&self, attempted: Attempted, settled: Settled, second: i64) -> Report {
        Report {
            attempted,
            settled,
            began: self.at(second),
            ended: self.at(second),
            status: None,
            detail: String::new(),
            remote: None,
            in_network: IN_NETWORK,
        }
    }

    /// Records how an attempt ended, as lanes do; returns whether a row waits again.
    pub async fn settle(&self, lane: usize, attempted: Attempted, settled: Settled, second: i64) -> bool {
        if let Settled::Delivered { .. } = settled {
            let told = self.arrived(lane, &attempted, second).expect("nobody else waits for the writer");
            return told.await.unwrap().unwrap().any;
        }
        let report = self.report(attempted, settled, second);
        self.ledger().record(self.to[lane], vec![report], None).await.unwrap().any
    }

    /// Hands over that an attempt was delivered, if there is a place for it; what the ledger tells of it later.
    pub fn arrived(
        &self,
        lane: usize,
        attempted: &Attempted,
        second: i64,
    ) -> Option<oneshot::Receiver<Result<Waiting, LedgerError>>> {
        let arrived = Arrived {
            story: attempted.story,
            version: attempted.version,
            at: self.at(second),
            reason: "200".into(),
            in_network: IN_NETWORK,
        };
        let (recorder, told) = Once::new();
        self.ledger().arrived(self.to[lane], arrived, recorder).ok().map(|()| told)
    }

    pub async fn settle_lane(&self, lane: usize, state: LaneState) {
        self.ledger().record(self.to[lane], Vec::new(), Some(state)).await.unwrap();
    }

    /// Sends what there is for a lane, to a door that takes everything: `name version` in the order of the lane.
    pub async fn sent(&self, lane: usize, second: i64) -> Vec<String> {
        let mut sent = Vec::new();
        loop {
            let rows = self.claim(lane, second).await;
            if rows.is_empty() {
                return sent;
            }
            sent.extend(self.names(&rows).await);
            for row in rows {
                self.settle(lane, row, delivered(), second).await;
            }
        }
    }

    pub async fn place(&self, order: Order, second: i64) -> OrderId {
        let by = "anna".to_owned();
        self.ledger().place(NewOrder { order, by, reason: None, at: self.at(second) }).await.unwrap()
    }

    /// Places an order and carries it out; returns what came of it.
    pub async fn order(&self, order: Order, second: i64) -> String {
        let id = self.place(order, second).await;
        let carried = self.ledger().carry_out(id, self.at(second)).await.unwrap();
        let record = self.specimen.order(id).unwrap();
        assert!(
            record.result.as_deref().is_some_and(|result| result == carried.result),
            "{record:?} is not {carried:?}"
        );
        carried.result
    }

    pub fn find(&self, lane: usize, name: &str) -> Option<Row> {
        let found = |one: &Delivery| one.destination == self.to[lane] && one.story == guid(name).as_str();
        self.specimen.deliveries().into_iter().find(found).map(|found| found.row)
    }

    pub fn row(&self, lane: usize, name: &str) -> Row {
        self.find(lane, name).unwrap_or_else(|| panic!("destination {lane} is owed nothing of {name}"))
    }

    /// Where a delivery stands, and with which version: `waiting 2`.
    pub fn stands(&self, lane: usize, name: &str) -> String {
        self.find(lane, name).map_or("nothing".to_owned(), |row| format!("{} {}", row.stage.word(), row.wanted.version))
    }

    /// Why a delivery ended.
    pub fn why(&self, lane: usize, name: &str) -> String {
        match self.row(lane, name).stage {
            Stage::Ended { reason, .. } => reason,
            other @ (Stage::Ready | Stage::Held { .. } | Stage::Attempting { .. }) => panic!("{other:?}"),
        }
    }

    /// The ends of versions that left their delivery, in the order of versions: `1 superseded`.
    pub fn ends(&self, lane: usize, name: &str) -> Vec<String> {
        let mut past = self.specimen.past();
        past.retain(|one| one.destination == self.to[lane] && one.story == guid(name).as_str());
        past.sort_by_key(|one| one.end.version);
        past.into_iter().map(|one| format!("{} {}", one.end.version, one.end.end.as_str())).collect()
    }
}

/// Hands on what it is told, once.
struct Once(Mutex<Option<oneshot::Sender<Result<Waiting, LedgerError>>>>);

impl Once {
    fn new() -> (Arc<Self>, oneshot::Receiver<Result<Waiting, LedgerError>>) {
        let (tell, told) = oneshot::channel();
        (Arc::new(Self(Mutex::new(Some(tell)))), told)
    }
}

impl Recorder for Once {
    fn recorded(&self, what: Result<Waiting, LedgerError>) {
        let tell = self.0.lock().unwrap().take().expect("it is told once");
        // A test that has seen enough has gone.
        let _ = tell.send(what);
    }
}

pub fn guid(name: &str) -> Guid {
    format!("urn:x:{name}").parse().unwrap()
}

/// The short name in a guid.
pub fn name_of(guid: &str) -> &str {
    guid.rsplit(':').next().unwrap_or(guid)
}

pub fn delivered() -> Settled {
    Settled::Delivered { reason: "200".into() }
}

pub fn refused() -> Settled {
    Settled::Refused { reason: "422".into(), hold: None }
}

pub const DEFERRED: Settled = Settled::Deferred { hold: None };
pub const UNKNOWN: Settled = Settled::Unknown { hold: None };
