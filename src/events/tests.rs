//! One receiver's course, with a clock that the tests drive: what it is told, in which order, and how often.

use std::collections::VecDeque;
use std::path::Path;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use serde_json::Value;
use tokio::task::JoinSet;

use super::*;
use crate::article::{Action, Article, Version, WireId};
use crate::config::{Environment, Secrets, load_from};
use crate::ledger::simulated::{Disk, StepWriter};
use crate::ledger::state::Settled;
use crate::ledger::{Acceptance, Claim, Owed, QuarantineEntry, QuarantineKind, Registration, Report, Rights};
use crate::telemetry::ReceiverLabel;
use crate::transport::{Class, Notice, Outcome};

const IN_NETWORK: Duration = Duration::from_secs(60);

/// The tests' clock goes with the runtime's, which is stopped.
struct Begun(tokio::time::Instant);

impl Clock for Begun {
    fn now(&self) -> Timestamp {
        Timestamp::constant(1_800_000_000, 0) + self.0.elapsed()
    }
}

type Judge = dyn Fn(&Value) -> Outcome + Send + Sync;

/// A system of the newsroom's: what it was sent, and its answers.
#[derive(Clone, Default)]
struct Desk {
    sent: Arc<Mutex<Vec<Notice>>>,
    /// Answers out of the ordinary, the next one first.
    answers: Arc<Mutex<VecDeque<Outcome>>>,
    judge: Option<Arc<Judge>>,
    /// It answers nothing at all.
    hangs: bool,
}

impl Messenger for Desk {
    fn tell<'a>(&'a self, notice: &'a Notice) -> BoxFuture<'a, Outcome> {
        self.sent.lock().unwrap().push(notice.clone());
        let body: Value = serde_json::from_slice(&notice.body).unwrap();
        let outcome = self.answers.lock().unwrap().pop_front();
        let judged = || self.judge.as_ref().map_or_else(|| outcome_of(Class::Delivered), |judge| judge(&body));
        let outcome = outcome.unwrap_or_else(judged);
        let hangs = self.hangs;
        async move {
            if hangs {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
            outcome
        }
        .boxed()
    }
}

impl Desk {
    fn notices(&self) -> Vec<Notice> {
        self.sent.lock().unwrap().clone()
    }

    /// The reasons of the events that it was sent, request by request.
    fn requests(&self) -> Vec<Vec<String>> {
        let detail = |event: &Value| event["data"]["detail"].as_str().unwrap_or_default().to_owned();
        self.notices().iter().map(|notice| events(&notice.body).iter().map(detail).collect()).collect()
    }
}

fn outcome_of(class: Class) -> Outcome {
    Outcome { class, status: None, detail: "as the test has it".to_owned(), remote: None }
}

fn events(body: &Bytes) -> Vec<Value> {
    let body: Value = serde_json::from_slice(body).unwrap();
    body["events"].as_array().cloned().unwrap_or_else(|| vec![body])
}

/// A ledger in memory, and what outlives the process that tells.
struct Scene {
    disk: Disk,
    config: Config,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
    tasks: JoinSet<()>,
    ledger: Arc<dyn Ledger>,
}

const MAIN: &str = "[wires.hpnf]\nname = \"Harbor Press\"\nshort_name = \"HPNF\"\nrequire = []\n\
    [wires.other]\nname = \"Other\"\nshort_name = \"O\"\nrequire = []\n[intake]\nwire = \"hpnf\"\n[intake.spool]\ndir = \"spool\"\n";

const PARTNER: &str = "name = \"P\"\n[destinations.main]\nformat = \"json\"\n[destinations.main.http]\nurl = \"https://PARTNER.example/\"\n";

/// A receiver by HTTP is `http`, with more keys.
fn receiver(name: &str, more: &str) -> String {
    format!("[events.receivers.{name}]\n{more}\n[events.receivers.{name}.http]\nurl = \"https://desk.example/\"\n")
}

fn config(receivers: &str) -> Config {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("partners.d")).unwrap();
    for partner in ["coast", "bay"] {
        let text = PARTNER.replace("PARTNER", partner);
        std::fs::write(dir.path().join(format!("partners.d/{partner}.toml")), text).unwrap();
    }
    let main = dir.path().join("newswired.toml");
    std::fs::write(&main, format!("{MAIN}{receivers}")).unwrap();
    load_from(Path::new(&main), &Environment::default(), Secrets::Read).unwrap_or_else(|why| panic!("{why}"))
}

impl Scene {
    async fn new(receivers: &str, desks: &[(&str, &Desk)]) -> Self {
        let clock = Arc::new(Begun(tokio::time::Instant::now()));
        let disk = Disk::new();
        let (ledger, writer) = disk.open(clock.now(), IN_NETWORK);
        let mut scene = Self {
            disk,
            config: config(receivers),
            clock,
            metrics: Arc::new(Metrics::new()),
            stop: CancellationToken::new(),
            tasks: JoinSet::new(),
            ledger: Arc::new(ledger),
        };
        scene.begin(writer, desks).await;
        scene
    }

    async fn begin(&mut self, writer: StepWriter, desks: &[(&str, &Desk)]) {
        self.tasks.spawn(write(writer));
        let names: Vec<String> = self.config.destinations().collect();
        let registrations = names.iter().map(|name| Registration { name: name.clone(), paused: false });
        let ids = self.ledger.register(registrations.collect(), self.clock.now()).await.unwrap();
        let ids = names.into_iter().zip(ids).collect();
        let desks: HashMap<String, Desk> =
            desks.iter().map(|(name, desk)| ((*name).to_owned(), (*desk).clone())).collect();
        let door = |name: &str, _: &_| Ok(Box::new(desks[name].clone()) as Box<dyn Messenger>);
        let told =
            Events::open_with(&self.config, door, Looks::default(), &self.ledger, &ids, &self.metrics, &self.clock)
                .await
                .unwrap();
        self.tasks.spawn(Arc::new(told).run(self.stop.clone()));
    }

    /// The process dies, and another begins.
    async fn die(&mut self, desks: &[(&str, &Desk)]) {
        self.tasks.shutdown().await;
        let (ledger, writer) = self.disk.open(self.clock.now(), IN_NETWORK);
        self.ledger = Arc::new(ledger);
        self.begin(writer, desks).await;
    }

    /// Something happens: its reason is its number.
    async fn happens(&self, numbers: std::ops::Range<u32>) {
        for number in numbers {
            let entry = QuarantineEntry {
                kind: QuarantineKind::Input,
                source: "spool".into(),
                content_type: None,
                guid: None,
                reason: number.to_string(),
                bytes: number.to_string().into_bytes(),
                at: self.clock.now(),
            };
            let _ = self.ledger.quarantine(entry).await.unwrap();
        }
    }

    /// A story is sent to all, who take it.
    async fn story(&self, wire: &str, guid: &str) {
        let names: Vec<String> = self.config.destinations().collect();
        let registrations = names.iter().map(|name| Registration { name: name.clone(), paused: false });
        let ids = self.ledger.register(registrations.collect(), self.clock.now()).await.unwrap();
        let mut article = Article::bare(WireId::new(wire), guid.parse().unwrap(), Version::FIRST, Action::Publish);
        article.headline = format!("Headline of {guid}");
        let now = self.clock.now();
        let acceptance = Acceptance {
            article,
            source: "test".into(),
            routed: ids.iter().copied().map(Owed::plainly).collect(),
            rights: Rights::Lasting,
            withdraw_for: IN_NETWORK,
            trace: None,
            now,
        };
        self.ledger.accept(acceptance).await.unwrap();
        for destination in ids {
            let give_up_before = Timestamp::UNIX_EPOCH;
            let claim = Claim { destination, limit: 9, withdrawals_only: false, urgent: false, give_up_before, now };
            for attempted in self.ledger.claim(claim).await.unwrap().rows {
                let settled = Settled::Delivered { reason: "answered 200 OK".into() };
                let (status, detail, remote) = (Some(200), String::new(), None);
                let report = Report {
                    attempted,
                    settled,
                    began: now,
                    ended: now,
                    status,
                    detail,
                    remote,
                    in_network: IN_NETWORK,
                };
                self.ledger.record(destination, vec![report], None).await.unwrap();
            }
        }
    }

    fn dropped(&self, receiver: &str) -> u64 {
        self.metrics.events_dropped.get_or_create(&ReceiverLabel { receiver: receiver.to_owned() }).get()
    }

    /// Lets so much time go by.
    async fn wait(&self, span: Duration) {
        tokio::time::sleep(span).await;
    }
}

async fn write(mut writer: StepWriter) {
    while writer.gather(8).await {
        tokio::time::sleep(Duration::from_millis(1)).await;
        writer.commit();
    }
}

const SOON: Duration = Duration::from_secs(2);

#[tokio::test(start_paused = true)]
async fn each_is_told_what_it_takes_in_requests_of_its_own_size() {
    let (desk, cms, coast, other) = (Desk::default(), Desk::default(), Desk::default(), Desk::default());
    let receivers = [
        receiver("desk", "batch = 3"),
        receiver("cms", "kinds = [\"delivered\"]\nbatch = 1"),
        receiver("coast", "kinds = [\"delivered\"]\npartners = [\"coast\"]"),
        receiver("other", "kinds = [\"delivered\"]\nwires = [\"other\"]"),
    ];
    let desks = [("desk", &desk), ("cms", &cms), ("coast", &coast), ("other", &other)];
    let scene = Scene::new(&receivers.concat(), &desks).await;
    scene.happens(0..7).await;
    scene.story("hpnf", "urn:x:a").await;
    scene.story("other", "urn:x:b").await;
    scene.wait(SOON).await;
    let sizes: Vec<usize> = desk.requests().iter().map(Vec::len).collect();
    assert!(sizes.iter().all(|size| *size <= 3) && sizes.iter().sum::<usize>() == 11, "{sizes:?}");
    let all = desk.requests().concat();
    assert_eq!(all[..7], ["0", "1", "2", "3", "4", "5", "6"], "in the order of what happened");
    let of = |desk: &Desk| -> Vec<String> {
        let word = |event: &Value| {
            format!("{} {}", event["data"]["story"].as_str().unwrap(), event["data"]["destination"].as_str().unwrap())
        };
        desk.notices().iter().flat_map(|notice| events(&notice.body)).map(|event| word(&event)).collect()
    };
    let everywhere = ["urn:x:a bay/main", "urn:x:a coast/main", "urn:x:b bay/main", "urn:x:b coast/main"];
    assert_eq!(of(&cms), everywhere);
    assert_eq!(of(&coast), ["urn:x:a coast/main", "urn:x:b coast/main"]);
    assert_eq!(of(&other), ["urn:x:b bay/main", "urn:x:b coast/main"]);
    assert!(
        cms.notices().iter().all(|notice| events(&notice.body)[0]["id"] == notice.id.as_str()),
        "alone, it has its event's id"
    );
}

/// What receivers read is changed only with a word to them.
#[tokio::test(start_paused = true)]
async fn an_event_looks_like_this() {
    let desk = Desk::default();
    let scene =
        Scene::new(&receiver("desk", "kinds = [\"delivered\"]\npartners = [\"coast\"]"), &[("desk", &desk)]).await;
    scene.story("hpnf", "urn:x:ferry").await;
    scene.wait(SOON).await;
    let body: Value = serde_json::from_slice(&desk.notices()[0].body).unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(&body).unwrap(), @r#"
    {
      "events": [
        {
          "data": {
            "accepted_at": "2027-01-15T08:00:00.003Z",
            "action": "publish",
            "attempts": 1,
            "destination": "coast/main",
            "detail": "answered 200 OK",
            "headline": "Headline of urn:x:ferry",
            "partner": "coast",
            "story": "urn:x:ferry",
            "version": 1,
            "wire": "hpnf"
          },
          "id": "evt_f358f9ba0ba5879cc0e6aaa966cbf2e4",
          "timestamp": "2027-01-15T08:00:00.003Z",
          "type": "delivered"
        }
      ]
    }
    "#);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_taken_is_sent_again_as_it_was_and_later_when_asked() {
    let desk = Desk::default();
    let after = |secs| Class::Deferred { retry_after: Some(Duration::from_secs(secs)), maybe_document: false };
    desk.answers.lock().unwrap().extend([outcome_of(Class::Unknown { retry_after: None }), outcome_of(after(50))]);
    let scene = Scene::new(&receiver("desk", "batch = 100"), &[("desk", &desk)]).await;
    scene.happens(0..2).await;
    scene.wait(Duration::from_secs(20)).await;
    assert_eq!(desk.notices().len(), 2, "it asked for more time");
    scene.happens(2..3).await;
    scene.wait(Duration::from_secs(60)).await;
    let sent = desk.notices();
    let ids: Vec<Value> = sent.iter().map(|notice| events(&notice.body)[0]["id"].clone()).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert_eq!((sent[0].id.as_str(), &sent[0].body), (sent[1].id.as_str(), &sent[1].body));
    assert_eq!(sent.iter().map(|notice| notice.attempt).collect::<Vec<_>>()[..3], [1, 2, 3]);
    let taken: Vec<String> = desk.requests()[2..].concat();
    assert_eq!(taken, ["0", "1", "2"], "each once, in order");
}

#[tokio::test(start_paused = true)]
async fn one_that_is_refused_keeps_the_others_back_for_a_while() {
    let poison = |event: &Value| event["data"]["detail"] == "5";
    let judge = move |body: &Value| {
        let bad = body["events"].as_array().unwrap().iter().any(poison);
        outcome_of(if bad { Class::Refused } else { Class::Delivered })
    };
    let desk = Desk { judge: Some(Arc::new(judge)), ..Desk::default() };
    let scene = Scene::new(&receiver("desk", "batch = 8"), &[("desk", &desk)]).await;
    scene.happens(0..9).await;
    scene.wait(Duration::from_secs(300)).await;
    let taken = || -> Vec<String> {
        desk.requests().into_iter().filter(|request| !request.contains(&"5".to_owned())).flatten().collect()
    };
    assert_eq!(taken(), ["0", "1", "2", "3", "4"]);
    assert_eq!((desk.requests().last().unwrap().clone(), scene.dropped("desk")), (vec!["5".to_owned()], 0));
    scene.wait(Duration::from_secs(1_200)).await;
    assert_eq!(taken(), ["0", "1", "2", "3", "4", "6", "7", "8"]);
    assert_eq!(scene.dropped("desk"), 1);
}

#[tokio::test(start_paused = true)]
async fn the_oldest_are_dropped_beyond_what_is_kept() {
    let desk = Desk { judge: Some(Arc::new(|_: &Value| outcome_of(Class::Gone))), ..Desk::default() };
    let receivers = format!("[events]\nmost = 1_000\n{}", receiver("desk", "batch = 1000"));
    let mut scene = Scene::new(&receivers, &[("desk", &desk)]).await;
    scene.happens(0..1_000).await;
    scene.wait(Duration::from_secs(60)).await;
    assert_eq!(scene.dropped("desk"), 0);
    scene.happens(1_000..1_600).await;
    scene.wait(Duration::from_secs(60)).await;
    let dropped = u32::try_from(scene.dropped("desk")).unwrap();
    assert!((600..=610).contains(&dropped), "{dropped}");
    let back = Desk::default();
    scene.die(&[("desk", &back)]).await;
    scene.wait(Duration::from_secs(60)).await;
    let expected: Vec<String> = (dropped..1_600).map(|number| number.to_string()).collect();
    assert_eq!(back.requests().concat(), expected);
    let rows = scene.disk.with(|db| db.query_row("SELECT count(*) FROM event", [], |row| row.get::<_, u32>(0)));
    assert_eq!(rows, Ok(1), "what it has taken is let go of");
}

#[tokio::test(start_paused = true)]
async fn what_was_under_way_at_a_death_is_sent_once_more() {
    let hanging = Desk { hangs: true, ..Desk::default() };
    let mut scene = Scene::new(&receiver("desk", "batch = 2"), &[("desk", &hanging)]).await;
    scene.happens(0..5).await;
    scene.wait(SOON).await;
    let before = hanging.notices();
    assert_eq!(before.len(), 1, "the next waits for its answer");
    let desk = Desk::default();
    scene.die(&[("desk", &desk)]).await;
    scene.wait(SOON).await;
    let after = desk.notices();
    assert_eq!((before[0].id.as_str(), &before[0].body), (after[0].id.as_str(), &after[0].body));
    assert_eq!(desk.requests().concat(), ["0", "1", "2", "3", "4"]);
}

#[tokio::test(start_paused = true)]
async fn a_stop_waits_for_what_is_under_way_no_longer_than_a_drain() {
    let hanging = Desk { hangs: true, ..Desk::default() };
    let mut scene = Scene::new(&receiver("desk", ""), &[("desk", &hanging)]).await;
    scene.happens(0..1).await;
    scene.wait(SOON).await;
    let begun = tokio::time::Instant::now();
    scene.stop.cancel();
    // The writer's task goes on for as long as there is a ledger.
    scene.tasks.join_next().await.unwrap().unwrap();
    let drain = scene.config.delivery.drain.get();
    assert!((drain..drain + SOON).contains(&begun.elapsed()), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn an_exchange_gets_each_event_as_a_message() {
    let desk = Desk::default();
    desk.answers
        .lock()
        .unwrap()
        .extend([outcome_of(Class::Delivered), outcome_of(Class::Unknown { retry_after: None })]);
    let receivers =
        "[events.receivers.desk]\n[events.receivers.desk.amqp]\nurl = \"amqps://mq.example/\"\nexchange = \"news\"\n";
    let scene = Scene::new(receivers, &[("desk", &desk)]).await;
    scene.happens(0..3).await;
    scene.wait(Duration::from_secs(10)).await;
    assert_eq!(desk.requests(), [["0"], ["1"], ["1"], ["2"]]);
    let kinds: Vec<&str> = desk.notices().iter().map(|notice| notice.kind).collect();
    assert_eq!(kinds, ["quarantined"; 4]);
    assert_eq!(desk.notices()[1].id, desk.notices()[2].id);
}
