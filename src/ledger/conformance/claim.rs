//! A lane asks for work: what it is given, in which order, and what ends instead.

use super::{Scene, Specimen};
use crate::article::Action::{Correct, Kill, Publish, Update};
use crate::article::Urgency;
use crate::ledger::Claim;
use crate::ledger::state::Settled;

pub async fn kills_come_first_then_corrections_then_the_urgent_then_the_old(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 1).await;
    for name in ["wrong", "slip"] {
        scene.accept(name, 1, Publish, 0).await;
    }
    scene.sent(0, 1).await;
    scene.accept("old", 1, Publish, 2).await;
    scene.accept("new", 1, Publish, 3).await;
    let mut flash = scene.offer("flash", 1, Publish, 4);
    flash.article.urgency = Urgency::try_from(1).unwrap();
    scene.take(flash).await;
    scene.accept("slip", 2, Correct, 5).await;
    scene.accept("wrong", 2, Kill, 6).await;
    assert_eq!(scene.sent(0, 7).await, ["wrong 2", "slip 2", "flash 1", "old 1", "new 1"]);
}

pub async fn a_window_is_as_large_as_was_asked_for(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 1).await;
    for number in 0..5 {
        scene.accept(&format!("s{number}"), 1, Publish, number).await;
    }
    let mut windows = Vec::new();
    for _ in 0..3 {
        let claimed = scene.claimed(Claim { limit: 2, ..scene.asks(0, 9) }).await;
        windows.push((scene.names(&claimed.rows).await, claimed.more));
    }
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    assert_eq!(
        windows,
        [(names(&["s0 1", "s1 1"]), true), (names(&["s2 1", "s3 1"]), true), (names(&["s4 1"]), false)]
    );
}

pub async fn nothing_is_given_twice_and_nothing_to_another_lane(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 2).await;
    scene.accept_for(&[0], "a", 1, Publish, 0).await;
    let row = scene.only(0, 1).await;
    assert_eq!((row.attempt, row.accepted, row.remote), (1, scene.at(0), None));
    assert_eq!(scene.claim(0, 2).await.len(), 0, "it is under way");
    assert_eq!(scene.claim(1, 2).await.len(), 0, "it is not that lane's");
    scene.accept("a", 2, Update, 3).await;
    assert_eq!(scene.claim(0, 4).await.len(), 0, "while one version is under way no other is");
    assert_eq!(scene.stands(0, "a"), "attempting 2");
}

pub async fn what_has_expired_ends_instead(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 1).await;
    for (name, expires) in [("stale", 100), ("good", 101)] {
        let mut offer = scene.offer(name, 1, Publish, 0);
        offer.article.expires = Some(scene.at(expires));
        scene.take(offer).await;
    }
    let claimed = scene.claimed(scene.asks(0, 100)).await;
    assert_eq!((scene.names(&claimed.rows).await, claimed.expired), (vec!["good 1".to_owned()], 1));
    assert_eq!(claimed.rows[0].expires, Some(scene.at(101)));
    assert_eq!(scene.stands(0, "stale"), "expired 1");
    assert_eq!(scene.why(0, "stale"), "the article's own time was over");
}

pub async fn what_is_too_old_is_given_up_and_a_kill_is_not(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 1).await;
    scene.accept("wrong", 1, Publish, 0).await;
    scene.sent(0, 1).await;
    scene.accept("wrong", 2, Kill, 2).await;
    scene.accept("old", 1, Publish, 3).await;
    scene.accept("young", 1, Publish, 10).await;
    let claimed = scene.claimed(Claim { give_up_before: scene.at(10), ..scene.asks(0, 11) }).await;
    assert_eq!((scene.names(&claimed.rows).await.join(", "), claimed.expired), ("wrong 2, young 1".to_owned(), 1));
    assert_eq!(scene.stands(0, "old"), "expired 1");
    assert!(scene.why(0, "old").contains("give_up_after"), "{}", scene.why(0, "old"));
}

pub async fn the_age_of_what_was_embargoed_begins_with_the_embargos_end(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 1).await;
    let mut offer = scene.offer("a", 1, Publish, 0);
    offer.article.embargo = Some(scene.at(1_000));
    scene.take(offer).await;
    let claim = Claim { give_up_before: scene.at(999), ..scene.asks(0, 1_001) };
    assert_eq!(scene.claimed(claim).await.rows.len(), 1);
}

pub async fn a_lane_in_trouble_gets_withdrawals_alone(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 1).await;
    scene.accept("wrong", 1, Publish, 0).await;
    scene.sent(0, 1).await;
    scene.accept("other", 1, Publish, 2).await;
    let mut held = scene.offer("held", 1, Publish, 2);
    held.article.embargo = Some(scene.at(500));
    scene.take(held).await;
    let withdrawals = |second| Claim { withdrawals_only: true, ..scene.asks(0, second) };
    let nothing = scene.claimed(withdrawals(3)).await;
    assert_eq!((nothing.rows.len(), nothing.next), (0, Some(scene.at(500))));
    scene.accept("wrong", 2, Kill, 4).await;
    let mut kill = scene.claimed(withdrawals(5)).await.rows;
    assert_eq!(scene.names(&kill).await, ["wrong 2"]);
    // A kill that waits for another try is one still.
    let again = Settled::Refused { reason: "422".into(), hold: Some(scene.at(65)) };
    scene.settle(0, kill.remove(0), again, 5).await;
    assert_eq!(scene.claimed(withdrawals(64)).await.rows.len(), 0);
    assert_eq!(scene.claimed(withdrawals(65)).await.rows.len(), 1);
    assert_eq!(scene.sent(0, 65).await, ["other 1"]);
}
