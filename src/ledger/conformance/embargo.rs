//! Promise 5, as far as it is the ledger's: what is embargoed is given to no lane before its time.

use super::scene::{UNKNOWN, delivered};
use super::{Scene, Specimen};
use crate::article::Action::{Publish, Update};
use crate::ledger::Acceptance;
use crate::ledger::state::{Settled, Versions};

fn embargoed(scene: &Scene, version: u64, embargo: Option<i64>, second: i64) -> Acceptance {
    let mut offer = scene.offer("a", version, if version == 1 { Publish } else { Update }, second);
    offer.article.embargo = embargo.map(|second| scene.at(second));
    offer
}

pub async fn what_is_embargoed_is_held_until_then(specimen: Box<dyn Specimen>) {
    let mut scene = Scene::new(specimen, 1).await;
    assert_eq!(scene.take(embargoed(&scene, 1, Some(100), 0)).await, 1);
    scene.specimen.restart();
    let early = scene.claimed(scene.asks(0, 99)).await;
    assert_eq!((early.rows.len(), early.next, early.more), (0, Some(scene.at(100)), false));
    assert_eq!(scene.stands(0, "a"), "held 1");
    assert_eq!(scene.sent(0, 100).await, ["a 1"]);
}

pub async fn a_later_version_moves_it(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 1).await;
    scene.take(embargoed(&scene, 1, Some(100), 0)).await;
    scene.take(embargoed(&scene, 2, Some(200), 1)).await;
    assert_eq!(scene.claim(0, 150).await.len(), 0);
    scene.take(embargoed(&scene, 3, Some(170), 160)).await;
    assert_eq!(scene.sent(0, 170).await, ["a 3"]);
}

pub async fn a_later_version_lifts_it(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 1).await;
    scene.take(embargoed(&scene, 1, Some(100), 0)).await;
    scene.take(embargoed(&scene, 2, None, 1)).await;
    assert_eq!(scene.sent(0, 2).await, ["a 2"]);
}

pub async fn a_later_version_adds_one(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 2).await;
    scene.take(embargoed(&scene, 1, None, 0)).await;
    let under_way = scene.only(1, 1).await;
    scene.take(embargoed(&scene, 2, Some(100), 2)).await;
    assert_eq!(scene.claim(0, 99).await.len(), 0, "what waits, waits for it");
    assert!(scene.settle(1, under_way, delivered(), 3).await);
    assert_eq!(scene.claim(1, 99).await.len(), 0, "and so does what follows an attempt");
    for lane in [0, 1] {
        assert_eq!(scene.sent(lane, 100).await, ["a 2"]);
    }
}

pub async fn what_queues_waits_for_the_newest_ones_embargo(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 1).await;
    let every = |mut offer: Acceptance| {
        offer.routed[0].versions = Versions::Every;
        offer
    };
    scene.take(every(embargoed(&scene, 1, None, 0))).await;
    scene.take(every(embargoed(&scene, 2, Some(100), 1))).await;
    assert_eq!(scene.claim(0, 99).await.len(), 0);
    scene.take(every(embargoed(&scene, 3, Some(50), 2))).await;
    assert_eq!(scene.sent(0, 50).await, ["a 1", "a 2", "a 3"]);
}

pub async fn another_try_does_not_come_before_it(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 2).await;
    scene.take(embargoed(&scene, 1, None, 0)).await;
    let rows = [scene.only(0, 1).await, scene.only(1, 1).await];
    scene.take(embargoed(&scene, 2, Some(100), 2)).await;
    for (lane, (row, settled)) in
        rows.into_iter().zip([UNKNOWN, Settled::Deferred { hold: Some(scene.at(10)) }]).enumerate()
    {
        scene.settle(lane, row, settled, 3).await;
        assert_eq!(scene.claimed(scene.asks(lane, 99)).await.next, Some(scene.at(100)));
    }
}
