//! What is told: each thing that happens once, in the order of the commits, through crashes, and to each receiver from its
//! own place on. Nothing where nobody is to be told.

use std::time::Duration;

use super::scene::{DEFERRED, UNKNOWN, delivered, name_of, refused};
use super::{Scene, Specimen};
use crate::article::Action::{Kill, Publish, Update};
use crate::ledger::state::Versions;
use crate::ledger::{
    EventId, EventKind, EventPage, EventRecord, Happened, LaneState, Order, Owed, QuarantineEntry, QuarantineKind,
    Target, Telling, Tend, Tidy,
};

/// How long a destination is in trouble here before that is told.
const TROUBLE_AFTER: i64 = 60;

/// More than any test has.
const ALL: usize = 100_000;

impl Scene {
    /// Has these told of these.
    pub async fn tell(&self, receivers: &[&str], kinds: &[EventKind], second: i64) {
        let receivers = receivers.iter().map(|name| (*name).to_owned()).collect();
        let kinds = kinds.iter().copied().collect();
        let telling = Telling { receivers, kinds, destinations: self.to.clone(), now: self.at(second) };
        self.ledger().tell(telling).await.unwrap();
    }

    /// Has the receiver `desk` told of everything.
    pub async fn tell_all(&self, second: i64) {
        self.tell(&["desk"], &EventKind::ALL, second).await;
    }

    pub async fn tend(&self, second: i64) {
        let trouble_after = Duration::from_secs(TROUBLE_AFTER.unsigned_abs());
        while self.ledger().tend(Tend { now: self.at(second), trouble_after }).await.unwrap() {}
    }

    pub async fn page(&self, receiver: &str) -> EventPage {
        self.ledger().events(receiver, ALL).await.unwrap()
    }

    /// What lies before `desk`.
    pub async fn events(&self) -> Vec<EventRecord> {
        self.page("desk").await.events
    }

    /// The same in short, and takes it.
    async fn told(&self) -> Vec<String> {
        let events = self.events().await;
        if let Some(last) = events.last() {
            self.ledger().taken("desk", last.id).await.unwrap();
        }
        events.iter().map(|event| self.short(event)).collect()
    }

    /// `kind story version destination second …`
    fn short(&self, EventRecord { at, what, .. }: &EventRecord) -> String {
        let mut words = vec![what.kind().as_str().to_owned()];
        words.extend(what.of().map(|of| format!("{} {}", name_of(of.story.as_str()), of.version)));
        words.extend(what.at().map(|at| at.destination.clone()));
        let second = |at: &jiff::Timestamp| at.duration_since(self.at(0)).as_secs();
        words.push(format!("at {}", second(at)));
        match what {
            Happened::Delivered(arrival) => words.extend(arrival.attempts.map(|number| format!("after {number}"))),
            Happened::Refused(_) | Happened::Expired(_) | Happened::Quarantined(_) => {}
            Happened::KillComplete(end) | Happened::KillIncomplete(end) => {
                words.push(format!("{} and not {}", end.acknowledged, end.not_acknowledged));
                words.extend(end.last_at.map(|at| format!("until {}", second(&at))));
            }
            Happened::PartnerInTrouble(trouble) => {
                words.push(format!("since {}", second(&trouble.since)));
                words.extend(trouble.suspended.then(|| "suspended".to_owned()));
            }
            Happened::PartnerRecovered(recovery) => words.push(format!("since {}", second(&recovery.since))),
        }
        words.join(" ")
    }

    async fn try_once(&self, lane: usize, settled: crate::ledger::state::Settled, second: i64) {
        let row = self.only(lane, second).await;
        self.settle(lane, row, settled, second).await;
    }
}

const NOTHING: [&str; 0] = [];

pub async fn an_arrival_is_told_once(specimen: Box<dyn Specimen>) {
    let mut scene = Scene::new(specimen, 2).await;
    scene.tell_all(0).await;
    scene.accept("a", 1, Publish, 1).await;
    scene.try_once(0, DEFERRED, 2).await;
    scene.try_once(0, delivered(), 3).await;
    scene.try_once(1, delivered(), 4).await;
    assert_eq!(scene.told().await, ["delivered a 1 p0/main at 3 after 2", "delivered a 1 p1/main at 4 after 1"]);
    // It is sent again, and arrives again.
    let to = Target::new("p0");
    scene.order(Order::Resend { story: super::scene::guid("a"), to }, 5).await;
    scene.try_once(0, delivered(), 6).await;
    assert_eq!(scene.told().await, NOTHING);
    scene.accept("a", 2, Update, 7).await;
    scene.specimen.crash();
    scene.tell_all(8).await;
    scene.try_once(0, delivered(), 9).await;
    assert_eq!(scene.told().await, ["delivered a 2 p0/main at 9 after 1"]);
}

/// A version arrives when a newer one waits already, and when it has to be sent once more.
pub async fn an_arrival_is_told_whatever_follows_it(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 1).await;
    scene.tell_all(0).await;
    scene.accept("a", 1, Publish, 1).await;
    let first = scene.only(0, 2).await;
    scene.accept("a", 2, Update, 3).await;
    scene.settle(0, first, delivered(), 4).await;
    assert_eq!(scene.told().await, ["delivered a 1 p0/main at 2"]);
    let second = scene.only(0, 5).await;
    scene.accept("a", 3, Update, 6).await;
    scene.settle(0, second, UNKNOWN, 7).await;
    scene.try_once(0, delivered(), 8).await;
    assert_eq!(scene.stands(0, "a"), "held 3", "an older request may still arrive");
    assert_eq!(scene.told().await, ["delivered a 3 p0/main at 8 after 1"]);
    scene.try_once(0, delivered(), 500).await;
    assert_eq!((scene.stands(0, "a"), scene.told().await.len()), ("delivered 3".to_owned(), 0));
}

pub async fn a_refusal_is_told_and_that_of_a_kill_once(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 1).await;
    scene.tell_all(0).await;
    scene.accept("a", 1, Publish, 1).await;
    scene.try_once(0, refused(), 2).await;
    assert_eq!(scene.told().await, ["refused a 1 p0/main at 2"]);
    // The refused version leaves its row for the newer one; that is no news.
    scene.accept("a", 2, Update, 3).await;
    scene.try_once(0, delivered(), 4).await;
    assert_eq!(scene.told().await, ["delivered a 2 p0/main at 4 after 1"]);
    scene.accept("a", 3, Kill, 5).await;
    for second in 6..9 {
        scene.try_once(0, refused(), second).await;
    }
    assert_eq!(scene.told().await, ["refused a 3 p0/main at 6"]);
}

pub async fn what_is_given_up_is_told_once(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 1).await;
    scene.tell_all(0).await;
    let expiring = |name: &str, version, second| {
        let mut offer = scene.offer(name, version, if version == 1 { Publish } else { Update }, second);
        offer.article.expires = Some(scene.at(10));
        offer
    };
    for name in ["a", "b"] {
        scene.take(expiring(name, 1, 1)).await;
    }
    let b = scene.claim(0, 2).await.remove(1);
    scene.tend(3).await;
    scene.settle(0, b, DEFERRED, 9).await;
    assert_eq!(scene.told().await, NOTHING);
    let never = scene.at(-1);
    let tidy = Tidy {
        now: scene.at(11),
        stories_before: never,
        attempts_before: never,
        quarantine_before: never,
        after: Default::default(),
        limit: 9,
    };
    scene.ledger().tidy(tidy).await.unwrap();
    assert_eq!(scene.told().await, ["expired b 1 p0/main at 11"], "the other is under way");
    // A newer version takes the row; what left it is no news.
    scene.accept("b", 2, Update, 12).await;
    assert_eq!((scene.ends(0, "b"), scene.told().await.len()), (vec!["1 expired".to_owned()], 0));

    // One that others wait behind leaves its row when it ends.
    let every = |mut offer: crate::ledger::Acceptance| {
        offer.routed = vec![Owed { versions: Versions::Every, ..Owed::plainly(scene.to[0]) }];
        offer
    };
    scene.take(every(expiring("c", 1, 5))).await;
    scene.take(every(scene.offer("c", 2, Update, 6))).await;
    scene.claim(0, 13).await;
    assert_eq!(
        (scene.ends(0, "c"), scene.told().await),
        (vec!["1 expired".to_owned()], vec!["expired c 1 p0/main at 13".to_owned()])
    );
}

pub async fn a_kill_is_complete_when_all_have_acknowledged_it(specimen: Box<dyn Specimen>) {
    let mut scene = Scene::new(specimen, 4).await;
    scene.tell_all(0).await;
    scene.accept("a", 1, Publish, 1).await;
    scene.try_once(0, delivered(), 2).await;
    scene.try_once(1, UNKNOWN, 2).await;
    // Where it was never sent, nobody has to acknowledge anything.
    scene.try_once(2, refused(), 2).await;
    scene.accept("a", 2, Kill, 3).await;
    scene.told().await;
    scene.tend(4).await;
    scene.try_once(0, delivered(), 5).await;
    scene.tend(6).await;
    assert_eq!(scene.told().await, ["delivered a 2 p0/main at 5 after 1"]);
    scene.specimen.crash();
    scene.tell_all(7).await;
    scene.tend(7).await;
    let last = scene.only(1, 8).await;
    // It arrives, and goes once more after the request that may still be in the network.
    scene.settle(1, last, delivered(), 9).await;
    scene.tend(10).await;
    assert_eq!(scene.told().await, ["delivered a 2 p1/main at 8 after 1"]);
    scene.try_once(1, delivered(), 500).await;
    scene.tend(501).await;
    scene.tend(502).await;
    assert_eq!(scene.told().await, ["kill_complete a 2 at 501 2 and not 0 until 500"]);
    // An operator has it sent to one of them once more.
    scene.order(Order::Resend { story: super::scene::guid("a"), to: Target::new("p0") }, 600).await;
    scene.tend(601).await;
    assert_eq!(scene.told().await, NOTHING);
    scene.try_once(0, delivered(), 602).await;
    scene.tend(603).await;
    assert_eq!(scene.told().await, ["kill_complete a 2 at 603 2 and not 0 until 602"]);
}

pub async fn a_kill_that_is_given_up_somewhere_is_told_as_such(specimen: Box<dyn Specimen>) {
    let mut scene = Scene::new(specimen, 2).await;
    scene.tell_all(0).await;
    scene.accept("a", 1, Publish, 1).await;
    for lane in 0..2 {
        scene.try_once(lane, delivered(), 2).await;
    }
    scene.accept("a", 2, Kill, 3).await;
    scene.try_once(0, delivered(), 4).await;
    scene.told().await;
    let much_later = 3 + i64::try_from(super::scene::WITHDRAW_FOR.as_secs()).unwrap();
    assert!(scene.claim(1, much_later).await.is_empty());
    // The process dies before anybody has looked.
    scene.specimen.crash();
    scene.tell_all(much_later).await;
    scene.tend(much_later + 1).await;
    let expected = [
        format!("expired a 2 p1/main at {much_later}"),
        format!("kill_incomplete a 2 at {} 1 and not 1 until 4", much_later + 1),
    ];
    assert_eq!(scene.told().await, expected);

    // What comes late, or is published again, is no withdrawal that anybody waits for; one for nobody is complete.
    scene.accept("b", 2, Publish, 5).await;
    scene.accept("b", 1, Kill, 6).await;
    scene.accept("b", 3, Kill, 7).await;
    scene.accept("b", 4, Publish, 8).await;
    scene.accept("c", 1, Kill, 9).await;
    scene.tend(much_later + 2).await;
    assert_eq!(scene.told().await, [format!("kill_complete c 1 at {} 0 and not 0", much_later + 2)]);
}

pub async fn trouble_is_told_when_it_lasts(specimen: Box<dyn Specimen>) {
    let mut scene = Scene::new(specimen, 3).await;
    scene.tell_all(0).await;
    let failing = |failures| LaneState { failures, trouble: Some("no route".into()), ..LaneState::default() };
    scene.settle_lane(0, failing(1)).await;
    scene.settle_lane(1, failing(1)).await;
    scene.tend(10).await;
    // One is well for a moment: it is in trouble for as long again.
    scene.settle_lane(1, failing(0)).await;
    scene.settle_lane(1, failing(1)).await;
    scene.settle_lane(2, LaneState { suspended: Some("410".into()), ..failing(1) }).await;
    scene.tend(40).await;
    assert_eq!(scene.told().await, ["partner_in_trouble p2/main at 40 since 40 suspended"]);
    scene.specimen.crash();
    scene.tell_all(41).await;
    scene.settle_lane(0, failing(7)).await;
    scene.tend(70).await;
    scene.tend(71).await;
    assert_eq!(scene.told().await, ["partner_in_trouble p0/main at 70 since 10"]);
    scene.tend(100).await;
    assert_eq!(scene.told().await, ["partner_in_trouble p1/main at 100 since 40"]);
    for lane in 0..3 {
        scene.settle_lane(lane, failing(0)).await;
    }
    scene.settle_lane(1, failing(1)).await;
    scene.tend(110).await;
    let well = |lane, since| format!("partner_recovered p{lane}/main at 110 since {since}");
    assert_eq!(scene.told().await, [well(0, 10), well(1, 40), well(2, 40)]);
    scene.tend(169).await;
    assert_eq!(scene.told().await, NOTHING);
    scene.tend(170).await;
    assert_eq!(scene.told().await, ["partner_in_trouble p1/main at 170 since 110"]);
}

/// Nobody wrote down when it began, and a destination that is configured no more is nobody's.
pub async fn trouble_of_before_is_told_too(specimen: Box<dyn Specimen>) {
    let mut scene = Scene::new(specimen, 2).await;
    for lane in 0..2 {
        scene.settle_lane(lane, LaneState { failures: 1, ..LaneState::default() }).await;
    }
    scene.accept("a", 1, Publish, 1).await;
    scene.try_once(0, delivered(), 2).await;
    scene.accept("a", 2, Kill, 3).await;
    scene.to.pop();
    scene.tell_all(5).await;
    for second in [10, 70, 71] {
        scene.tend(second).await;
    }
    assert_eq!(scene.told().await, ["partner_in_trouble p0/main at 70 since 10"]);
    // A withdrawal that was outstanding then has its end told as well.
    scene.try_once(0, delivered(), 80).await;
    scene.tend(81).await;
    let told = ["delivered a 2 p0/main at 80 after 1", "kill_complete a 2 at 81 1 and not 0 until 80"];
    assert_eq!(scene.told().await, told);
}

pub async fn what_is_set_aside_is_told_once(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 0).await;
    scene.tell_all(0).await;
    let entry = |kind, second| QuarantineEntry {
        kind,
        source: "amqp".into(),
        content_type: None,
        guid: Some("urn:x:\"a\"".into()),
        reason: "not JSON".into(),
        bytes: b"{".to_vec(),
        at: scene.at(second),
    };
    for (kind, second) in [(QuarantineKind::Input, 1), (QuarantineKind::Input, 2), (QuarantineKind::Conflict, 3)] {
        let _ = scene.ledger().quarantine(entry(kind, second)).await.unwrap();
    }
    let events = scene.events().await;
    let [Happened::Quarantined(first), Happened::Quarantined(second)] = [&events[0].what, &events[1].what] else {
        panic!("{events:?}")
    };
    assert_eq!(events.len(), 2, "the same bytes once more are no news");
    assert_eq!((first.what, second.what), (QuarantineKind::Input, QuarantineKind::Conflict));
    assert_eq!((first.story.as_deref(), first.detail.as_str()), (Some("urn:x:\"a\""), "not JSON"));
}

pub async fn each_receiver_has_its_own_place(specimen: Box<dyn Specimen>) {
    let mut scene = Scene::new(specimen, 1).await;
    scene.tell(&["desk", "cms"], &[EventKind::Delivered], 0).await;
    let numbers = |page: &EventPage| page.events.iter().map(|event| event.id.0).collect::<Vec<_>>();
    for (story, second) in [("a", 1), ("b", 2), ("c", 3)] {
        scene.accept(story, 1, Publish, second).await;
        scene.try_once(0, delivered(), second).await;
    }
    let all = scene.page("desk").await;
    let [a, b, c] = all.events.iter().map(|event| event.id).collect::<Vec<_>>()[..] else { panic!("{all:?}") };
    assert!(a < b && b < c && all.newest == c && all.reached < a);
    scene.ledger().taken("desk", b).await.unwrap();
    // A place never goes back.
    scene.ledger().taken("desk", a).await.unwrap();
    scene.tend(4).await;
    scene.specimen.crash();
    scene.tell(&["cms", "desk", "new"], &[EventKind::Delivered], 5).await;
    assert_eq!(numbers(&scene.page("desk").await), [c.0]);
    assert_eq!(numbers(&scene.page("cms").await), [a.0, b.0, c.0]);
    assert_eq!(numbers(&scene.page("new").await), [0; 0], "it is told what happens from now on");
    assert_eq!(numbers(&scene.page("nobody").await), [0; 0]);
    for receiver in ["cms", "desk"] {
        scene.ledger().taken(receiver, c).await.unwrap();
    }
    scene.tend(6).await;
    scene.accept("d", 1, Publish, 7).await;
    scene.try_once(0, delivered(), 7).await;
    assert_eq!(numbers(&scene.page("desk").await), [c.0 + 1], "no number is given twice");
    // One that is named no more keeps nothing back, and begins anew when it comes again.
    scene.tell(&["desk"], &[EventKind::Delivered], 8).await;
    scene.ledger().taken("desk", EventId(c.0 + 1)).await.unwrap();
    scene.tell(&["desk", "cms"], &[EventKind::Delivered], 9).await;
    assert_eq!(numbers(&scene.page("cms").await), [0; 0]);
}

pub async fn nothing_is_written_that_nobody_takes(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 1).await;
    let everything = async |second: i64| {
        let name = format!("s{second}");
        scene.accept(&name, 1, Publish, second).await;
        scene.try_once(0, delivered(), second).await;
        scene.accept(&name, 2, Update, second).await;
        scene.try_once(0, refused(), second).await;
        scene.accept(&name, 3, Kill, second).await;
        scene.try_once(0, delivered(), second).await;
        scene.settle_lane(0, LaneState { failures: 1, ..LaneState::default() }).await;
        scene.tend(second).await;
        scene.tend(second + TROUBLE_AFTER).await;
        scene.settle_lane(0, LaneState::default()).await;
        scene.tend(second + TROUBLE_AFTER).await;
    };
    everything(100).await;
    scene.tell(&["desk"], &[EventKind::Refused], 200).await;
    everything(300).await;
    assert_eq!(scene.told().await, ["refused s300 2 p0/main at 300"]);
    scene.tell(&["desk"], &[EventKind::KillComplete, EventKind::PartnerRecovered], 500).await;
    everything(600).await;
    let told = scene.told().await;
    assert!(told.contains(&"kill_complete s600 3 at 600 1 and not 0 until 600".to_owned()), "{told:?}");
    assert!(!told.iter().any(|one| one.starts_with("delivered") || one.starts_with("refused")), "{told:?}");
    scene.tell(&[], &[], 700).await;
    everything(800).await;
    scene.tell_all(900).await;
    assert_eq!(scene.page("desk").await.newest, EventId::default());
}
