//! What the ledger is relieved of: what expired ends, and what was kept for long enough goes, a little at a time.

use super::scene::{DEFERRED, WITHDRAW_FOR, guid, refused};
use super::{Scene, Specimen};
use crate::article::Action::{Kill, Publish, Update};
use crate::ledger::state::Versions;
use crate::ledger::{
    Acceptance, ArticleId, Order, QuarantineEntry, QuarantineKind, QuarantineState, Rights, Target, Tidied, Tidy,
};

/// What is not to be removed stays for good.
fn tidy(scene: &Scene, second: i64) -> Tidy {
    Tidy {
        now: scene.at(second),
        stories_before: scene.at(-1),
        attempts_before: scene.at(-1),
        quarantine_before: scene.at(-1),
        after: ArticleId::default(),
        limit: 100,
    }
}

async fn step(scene: &Scene, tidy: Tidy) -> Tidied {
    scene.ledger().tidy(tidy).await.unwrap()
}

/// Removes stories in steps until there is nothing to do at once.
async fn remove(scene: &Scene, before: i64, limit: usize) -> (usize, usize) {
    let (mut after, mut steps, mut stories) = (ArticleId::default(), 0, 0);
    loop {
        let tidied = step(scene, Tidy { stories_before: scene.at(before), after, limit, ..tidy(scene, before) }).await;
        (after, steps, stories) = (tidied.reached, steps + 1, stories + tidied.stories);
        if !tidied.more {
            return (steps, stories);
        }
        assert!(steps < 1_000, "it has no end");
    }
}

fn kept(scene: &Scene) -> Vec<String> {
    let mut kept: Vec<_> = scene
        .specimen
        .articles()
        .into_iter()
        .map(|(guid, version)| format!("{} {version}", super::scene::name_of(&guid)))
        .collect();
    kept.sort();
    kept
}

pub async fn what_expired_ends_though_no_lane_looks(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 1).await;
    scene.accept("killed", 1, Publish, 0).await;
    scene.sent(0, 1).await;
    let expiring = |name: &str, version: u64, embargo: Option<i64>, expires: i64| {
        let mut offer = scene.offer(name, version, Publish, 2);
        (offer.article.embargo, offer.article.expires) = (embargo.map(|at| scene.at(at)), Some(scene.at(expires)));
        offer.routed[0].versions = Versions::Every;
        offer
    };
    for offer in [
        expiring("ready", 1, None, 100),
        expiring("held", 1, Some(500), 100),
        expiring("queue", 1, None, 100),
        expiring("queue", 2, None, 200),
        expiring("later", 1, None, 101),
    ] {
        scene.take(offer).await;
    }
    scene.accept("killed", 2, Kill, 2).await;
    let first = step(&scene, Tidy { limit: 2, ..tidy(&scene, 100) }).await;
    assert_eq!((first.expired, first.more), (2, true));
    let second = step(&scene, tidy(&scene, 100)).await;
    assert_eq!((second.expired, second.more), (1, false));
    let stands = ["ready", "held", "queue", "later", "killed"].map(|name| scene.stands(0, name));
    assert_eq!(stands, ["expired 1", "expired 1", "waiting 2", "waiting 1", "waiting 2"]);
    assert_eq!(
        (scene.why(0, "held").as_str(), scene.ends(0, "queue")),
        ("the article's own time was over", vec!["1 expired".into()])
    );
    let over = 2 + i64::try_from(WITHDRAW_FOR.as_secs()).unwrap();
    step(&scene, tidy(&scene, over)).await;
    assert!(scene.why(0, "killed").contains("withdraw_for"), "{}", scene.why(0, "killed"));
}

pub async fn what_ended_long_ago_goes_in_steps(specimen: Box<dyn Specimen>) {
    let mut scene = Scene::new(specimen, 2).await;
    for number in 0..10 {
        scene.accept(&format!("s{number}"), 1, Publish, number).await;
    }
    scene.accept("s3", 2, Update, 10).await;
    for lane in [0, 1] {
        scene.sent(lane, 20).await;
    }
    assert_eq!(remove(&scene, 20, 100).await.1, 0, "they ended just then");
    assert_eq!(kept(&scene).len(), 11);
    let (steps, stories) = remove(&scene, 21, 4).await;
    assert!(steps >= 5, "a step is as small as was asked for: {steps}");
    assert_eq!(stories, 10);
    assert_eq!(kept(&scene), [""; 0]);
    scene.specimen.restart();
    assert_eq!((scene.specimen.deliveries(), scene.specimen.past()), (Vec::new(), Vec::new()));
}

pub async fn what_is_offered_again_after_it_was_removed_goes_nowhere(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 1).await;
    scene.accept("a", 2, Publish, 0).await;
    scene.sent(0, 1).await;
    assert_eq!(remove(&scene, 2, 100).await.1, 1);
    assert_eq!(scene.accept("a", 2, Publish, 10).await, 0);
    assert_eq!(scene.accept("a", 1, Publish, 10).await, 0);
    assert_eq!(scene.sent(0, 11).await, [""; 0]);
    assert_eq!(scene.accept("a", 3, Update, 12).await, 1);
    assert_eq!(scene.sent(0, 13).await, ["a 3"]);
}

pub async fn nothing_goes_that_is_still_owed_or_lent_or_held(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 2).await;
    let mut embargoed = scene.offer("embargoed", 1, Publish, 0);
    embargoed.article.embargo = Some(scene.at(9_999));
    scene.take(embargoed).await;
    scene.accept("waits", 1, Publish, 0).await;
    for name in ["under-way", "halted", "done"] {
        scene.accept_for(&[1], name, 1, Publish, 0).await;
    }
    let rights = Rights::Until(scene.at(9_999));
    scene.take(Acceptance { rights, ..scene.offer("lent", 1, Publish, 0) }).await;
    for row in scene.claim(1, 1).await {
        let name = scene.names(std::slice::from_ref(&row)).await.remove(0);
        if name != "under-way 1" {
            scene.settle(1, row, refused(), 2).await;
        }
    }
    for row in scene.claim(0, 1).await {
        let name = scene.names(std::slice::from_ref(&row)).await.remove(0);
        scene.settle(0, row, if name == "waits 1" { DEFERRED } else { refused() }, 2).await;
    }
    scene.order(Order::Hold { story: guid("halted") }, 3).await;
    // An old story with a new version is not old.
    scene.accept_for(&[], "fresh", 1, Publish, 0).await;
    scene.accept_for(&[], "fresh", 2, Update, 500).await;
    assert_eq!(remove(&scene, 500, 2).await.1, 1);
    assert_eq!(kept(&scene), ["embargoed 1", "fresh 1", "fresh 2", "halted 1", "lent 1", "under-way 1", "waits 1"]);
    scene.order(Order::Release { story: guid("halted") }, 501).await;
    assert_eq!(remove(&scene, 501, 2).await.1, 2, "what is released and what is no longer fresh");
}

pub async fn attempts_and_orders_go_by_their_own_time(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 1).await;
    scene.accept("a", 1, Publish, 0).await;
    for second in [10, 20, 30] {
        let row = scene.only(0, second).await;
        scene.settle(0, row, DEFERRED, second).await;
    }
    let resume = |second| scene.place(Order::Resume { to: Target::new("p0") }, second);
    let (old, open, new) = (resume(10).await, resume(10).await, resume(40).await);
    for id in [old, new] {
        scene.ledger().carry_out(id, scene.at(50)).await.unwrap();
    }
    let tidied = step(&scene, Tidy { attempts_before: scene.at(30), ..tidy(&scene, 60) }).await;
    assert_eq!((tidied.attempts, tidied.more), (3, false), "two attempts and an order");
    assert_eq!(scene.specimen.attempts().len(), 1);
    assert_eq!([old, open, new].map(|id| scene.specimen.order(id).is_some()), [false, true, true]);
    let few = step(&scene, Tidy { attempts_before: scene.at(60), limit: 1, ..tidy(&scene, 60) }).await;
    assert!(few.more, "a step is as small as was asked for");
    assert!(scene.specimen.order(open).is_some(), "what nobody has taken up stays");
}

pub async fn only_what_is_done_with_leaves_quarantine(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 0).await;
    let mut ids = Vec::new();
    for at in 0..4_u8 {
        let entry = QuarantineEntry {
            kind: QuarantineKind::Input,
            source: "http".into(),
            content_type: None,
            guid: None,
            reason: "no".into(),
            bytes: vec![at],
            at: scene.at(i64::from(at)),
        };
        ids.push(scene.ledger().quarantine(entry).await.unwrap().id);
    }
    for (id, state) in [(0, QuarantineState::Discarded), (1, QuarantineState::Retry), (3, QuarantineState::Discarded)] {
        assert!(scene.specimen.rule(ids[id], state));
    }
    let tidied = step(&scene, Tidy { quarantine_before: scene.at(3), ..tidy(&scene, 100) }).await;
    assert_eq!(tidied.quarantined, 1);
    let left: Vec<_> = scene.specimen.quarantined().into_iter().map(|(id, ..)| id).collect();
    assert_eq!(left, ids[1..]);
}
