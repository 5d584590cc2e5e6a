//! Promise 4: a kill reaches exactly those who have a story or may have it, ahead of everything.

use super::scene::{DEFERRED, IN_NETWORK, UNKNOWN, WITHDRAW_FOR, delivered, refused};
use super::{Scene, Specimen};
use crate::article::Action::{Kill, Publish, Update, Withhold};
use crate::ledger::Claim;
use crate::ledger::state::{Settled, Versions};

pub async fn a_kill_goes_to_those_who_may_have_the_story(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 6).await;
    scene.accept("a", 1, Publish, 0).await;
    for (lane, settled) in [delivered(), UNKNOWN, DEFERRED, refused()].into_iter().enumerate() {
        let row = scene.only(lane, 1).await;
        scene.settle(lane, row, settled, 2).await;
    }
    scene.only(4, 1).await;
    scene.accept("b", 1, Publish, 3).await;
    assert_eq!(scene.accept("a", 2, Kill, 4).await, 3);
    for lane in [0, 1] {
        let rows = scene.claim(lane, 5).await;
        assert_eq!(scene.names(&rows).await, ["a 2", "b 1"]);
    }
    for lane in [2, 3, 5] {
        assert_eq!(scene.sent(lane, 5).await, ["b 1"]);
        assert_eq!(scene.stands(lane, "a"), "cancelled 2");
        assert_eq!(scene.why(lane, "a"), "the story was never sent here");
    }
    let ends = [0, 2, 3, 5].map(|lane| scene.ends(lane, "a").join(", "));
    assert_eq!(ends, ["1 delivered", "1 cancelled", "1 refused", "1 cancelled"]);
    assert_eq!(scene.stands(4, "a"), "attempting 2");
}

pub async fn a_kill_during_an_attempt_follows_it_where_it_may_have_arrived(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 5).await;
    scene.accept("a", 1, Publish, 0).await;
    let mut rows = Vec::new();
    for lane in 0..5 {
        rows.push(scene.only(lane, 1).await);
    }
    assert_eq!(scene.accept("a", 2, Kill, 2).await, 5);
    scene.ledger().release(scene.to[4], vec![rows.remove(4)], scene.at(3)).await.unwrap();
    let mut waits = Vec::new();
    for (lane, (row, settled)) in rows.into_iter().zip([delivered(), UNKNOWN, DEFERRED, refused()]).enumerate() {
        waits.push(scene.settle(lane, row, settled, 3).await);
    }
    assert_eq!(waits, [true, true, false, false]);
    let stands = [0, 1, 2, 3, 4].map(|lane| scene.stands(lane, "a"));
    assert_eq!(stands, ["waiting 2", "waiting 2", "cancelled 2", "cancelled 2", "cancelled 2"]);
}

/// Nobody has waited for the end, and the kill does not wait for it either.
pub async fn a_kill_finds_what_was_handed_over_before_it(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 1).await;
    scene.accept("a", 1, Publish, 0).await;
    let row = scene.only(0, 1).await;
    let told = scene.arrived(0, &row, 2).unwrap();
    assert_eq!(scene.accept("a", 2, Kill, 3).await, 1);
    let rows = scene.claim(0, 4).await;
    assert_eq!(scene.names(&rows).await, ["a 2"], "it goes at once");
    assert!(!told.await.unwrap().unwrap().any, "what arrived had its end before");
    assert_eq!(scene.ends(0, "a"), ["1 delivered"]);
}

/// The door has answered, and its lane asks for the kill before that is written.
pub async fn a_lane_that_asks_for_kills_finds_what_it_handed_over_before(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 2).await;
    for name in ["a", "b"] {
        scene.accept(name, 1, Publish, 0).await;
    }
    let (rows, other) = (scene.claim(0, 1).await, scene.claim(1, 1).await);
    scene.accept("a", 2, Kill, 2).await;
    let told = [(0, &rows[0]), (0, &rows[1]), (1, &other[1])].map(|(lane, row)| scene.arrived(lane, row, 3).unwrap());
    let rows = scene.claimed(Claim { withdrawals_only: true, ..scene.asks(0, 3) }).await.rows;
    assert_eq!(scene.names(&rows).await, ["a 2"], "it goes at once");
    for told in told {
        told.await.unwrap().unwrap();
    }
    assert_eq!((scene.ends(0, "a"), scene.stands(0, "b")), (vec!["1 delivered".into()], "delivered 1".into()));
}

pub async fn a_kill_during_an_attempt_follows_it_through_a_crash(specimen: Box<dyn Specimen>) {
    let mut scene = Scene::new(specimen, 2).await;
    scene.accept("a", 1, Publish, 0).await;
    scene.only(0, 1).await;
    scene.specimen.crash();
    assert_eq!(scene.accept("a", 2, Kill, 2).await, 1, "it may be there");
    scene.accept("b", 1, Publish, 3).await;
    scene.only(1, 4).await;
    scene.accept("b", 2, Kill, 5).await;
    scene.specimen.crash();
    assert_eq!([scene.stands(0, "a"), scene.stands(1, "b")], ["waiting 2", "waiting 2"]);
    assert_eq!([scene.stands(1, "a"), scene.stands(0, "b")], ["cancelled 2", "cancelled 2"]);
}

pub async fn a_kill_of_an_unknown_story_is_kept(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 1).await;
    assert_eq!(scene.accept("a", 3, Kill, 0).await, 0);
    for version in [1, 2] {
        assert_eq!(scene.accept("a", version, Publish, 1).await, 0, "it is withdrawn already");
    }
    assert_eq!(scene.claim(0, 2).await.len(), 0);
    assert_eq!(scene.accept("a", 4, Publish, 3).await, 1);
    assert_eq!(scene.sent(0, 4).await, ["a 4"]);
}

pub async fn what_comes_late_after_a_kill_goes_nowhere(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 1).await;
    scene.accept("a", 1, Publish, 0).await;
    scene.sent(0, 1).await;
    scene.accept("a", 3, Kill, 2).await;
    assert_eq!(scene.accept("a", 2, Update, 3).await, 0);
    assert_eq!(scene.sent(0, 4).await, ["a 3"]);
    assert_eq!(scene.ends(0, "a"), ["1 delivered"]);
}

pub async fn a_later_version_after_a_kill_goes_out_and_can_be_killed(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 2).await;
    scene.accept_for(&[0], "a", 1, Publish, 0).await;
    scene.sent(0, 1).await;
    scene.accept("a", 2, Kill, 2).await;
    assert_eq!(scene.sent(0, 3).await, ["a 2"]);
    assert_eq!(scene.accept("a", 3, Publish, 4).await, 2);
    assert_eq!(scene.sent(0, 5).await, ["a 3"]);
    assert_eq!(scene.accept("a", 4, Kill, 6).await, 1, "the other was not sent it yet");
    assert_eq!((scene.sent(0, 7).await, scene.sent(1, 7).await), (vec!["a 4".to_owned()], Vec::new()));
    assert_eq!(scene.ends(0, "a"), ["1 delivered", "2 delivered", "3 delivered"]);
    assert_eq!(scene.ends(1, "a"), ["3 cancelled"]);
}

pub async fn a_kill_is_not_for_who_is_new(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 2).await;
    scene.accept_for(&[0], "a", 1, Publish, 0).await;
    scene.sent(0, 1).await;
    assert_eq!(scene.accept("a", 2, Kill, 2).await, 1);
    assert_eq!(scene.stands(1, "a"), "nothing");
}

pub async fn a_kill_waits_for_no_embargo(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 1).await;
    scene.accept("a", 1, Publish, 0).await;
    scene.sent(0, 1).await;
    let mut moved = scene.offer("a", 2, Update, 2);
    moved.article.embargo = Some(scene.at(1_000));
    scene.take(moved).await;
    let mut kill = scene.offer("a", 3, Kill, 3);
    kill.article.embargo = Some(scene.at(1_000));
    kill.article.expires = Some(scene.at(3));
    scene.take(kill).await;
    assert_eq!(scene.sent(0, 4).await, ["a 3"]);
    assert_eq!(scene.ends(0, "a"), ["1 delivered", "2 superseded"]);
}

pub async fn a_kill_is_tried_for_as_long_as_the_wire_says(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 2).await;
    scene.accept("a", 1, Publish, 0).await;
    for lane in [0, 1] {
        scene.sent(lane, 1).await;
    }
    scene.accept("a", 2, Kill, 2).await;
    let over = 2 + i64::try_from(WITHDRAW_FOR.as_secs()).unwrap();
    assert_eq!(scene.only(0, over - 1).await.expires, Some(scene.at(over)));
    let late = scene.claimed(scene.asks(1, over)).await;
    assert_eq!((late.rows.len(), late.expired), (0, 1));
    assert_eq!(scene.stands(1, "a"), "expired 2");
    assert!(scene.why(1, "a").contains("withdraw_for"), "{}", scene.why(1, "a"));
}

pub async fn a_refused_kill_is_tried_again(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 1).await;
    scene.accept("a", 1, Publish, 0).await;
    scene.sent(0, 1).await;
    scene.accept("a", 2, Kill, 2).await;
    let kill = scene.only(0, 3).await;
    let again = Settled::Refused { reason: "422".into(), hold: Some(scene.at(60)) };
    assert!(scene.settle(0, kill, again, 4).await);
    assert_eq!(scene.claim(0, 59).await.len(), 0);
    assert_eq!(scene.only(0, 60).await.attempt, 2);
    assert_eq!(scene.specimen.attempts(), ["refused"]);
}

pub async fn what_queues_is_cancelled_by_a_kill(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 1).await;
    for version in 1..=3 {
        let mut offer = scene.offer("a", version, Update, 0);
        offer.routed[0].versions = Versions::Every;
        scene.take(offer).await;
    }
    let row = scene.only(0, 1).await;
    scene.accept("a", 4, Kill, 2).await;
    assert_eq!(scene.ends(0, "a"), ["2 cancelled", "3 cancelled"]);
    scene.settle(0, row, delivered(), 3).await;
    assert_eq!(scene.sent(0, 4).await, ["a 4"]);
}

pub async fn what_follows_a_kill_for_nobody_has_its_turn(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 1).await;
    scene.accept("a", 1, Publish, 0).await;
    let row = scene.only(0, 1).await;
    scene.accept("a", 2, Kill, 2).await;
    let mut offer = scene.offer("a", 3, Publish, 3);
    offer.routed[0].versions = Versions::Every;
    scene.take(offer).await;
    assert!(scene.settle(0, row, DEFERRED, 4).await);
    assert_eq!(scene.sent(0, 5).await, ["a 3"]);
    assert_eq!(scene.ends(0, "a"), ["1 superseded", "2 cancelled"]);
}

pub async fn to_withhold_is_to_withdraw(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 2).await;
    scene.accept("a", 1, Publish, 0).await;
    scene.sent(0, 1).await;
    scene.accept("b", 1, Publish, 2).await;
    assert_eq!(scene.accept("a", 2, Withhold, 3).await, 1);
    assert_eq!(scene.sent(0, 4).await, ["a 2", "b 1"]);
    assert_eq!(scene.stands(1, "a"), "cancelled 2");
    // What is under way when its lane breaks off is withdrawn too.
    scene.only(1, 5).await;
    scene.ledger().abandon(scene.to[1], IN_NETWORK, scene.at(6)).await.unwrap();
    assert_eq!(scene.accept("b", 2, Withhold, 7).await, 2);
}
