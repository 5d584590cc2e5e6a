//! Attempts: how they end, how they are given back, and what is known of them after a crash.

use super::scene::{DEFERRED, UNKNOWN, delivered, refused};
use super::{Scene, Specimen};
use crate::article::Action::{Publish, Update};
use crate::article::Version;
use crate::ledger::Report;
use crate::ledger::state::{End, Settled, Stage};

pub async fn what_was_delivered_is_at_its_end(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 1).await;
    scene.accept("a", 1, Publish, 0).await;
    let row = scene.only(0, 1).await;
    assert!(!scene.settle(0, row, delivered(), 2).await);
    let row = scene.row(0, "a");
    let end = Stage::Ended { end: End::Delivered, at: scene.at(2), reason: "200".into() };
    assert_eq!((row.stage, row.confirmed, row.possible), (end, Some(Version::FIRST), None));
    assert_eq!(scene.claim(0, 3).await.len(), 0);
    assert_eq!(scene.specimen.attempts(), [""; 0], "the delivery tells of it");
}

pub async fn what_was_deferred_waits_again(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 1).await;
    scene.accept("a", 1, Publish, 0).await;
    let first = scene.only(0, 1).await;
    assert!(scene.settle(0, first, DEFERRED, 2).await);
    let second = scene.only(0, 2).await;
    assert_eq!(second.attempt, 2);
    let hold = Settled::Deferred { hold: Some(scene.at(100)) };
    assert!(scene.settle(0, second, hold, 3).await);
    let waits = scene.claimed(scene.asks(0, 99)).await;
    assert_eq!((waits.rows.len(), waits.next), (0, Some(scene.at(100))));
    assert!(!scene.row(0, "a").may_have_it(), "it certainly did not arrive");
    assert_eq!(scene.only(0, 100).await.attempt, 3);
    assert_eq!(scene.specimen.attempts(), ["deferred", "deferred"]);
}

pub async fn what_was_refused_waits_for_an_operator(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 1).await;
    scene.accept("a", 1, Publish, 0).await;
    let row = scene.only(0, 1).await;
    assert!(!scene.settle(0, row, refused(), 2).await);
    assert_eq!((scene.stands(0, "a"), scene.why(0, "a")), ("refused 1".to_owned(), "422".to_owned()));
    assert_eq!(scene.claim(0, 999_999).await.len(), 0);
    assert_eq!(scene.specimen.attempts(), ["refused"]);
}

pub async fn what_is_of_unknown_outcome_is_sent_again(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 1).await;
    scene.accept("a", 1, Publish, 0).await;
    let row = scene.only(0, 1).await;
    let hold = Settled::Unknown { hold: Some(scene.at(30)) };
    assert!(scene.settle(0, row, hold, 2).await);
    assert_eq!(scene.row(0, "a").possible, Some(Version::FIRST));
    assert_eq!(scene.claim(0, 29).await.len(), 0);
    let again = scene.only(0, 30).await;
    assert_eq!((again.version.get(), again.attempt), (1, 2));
    assert_eq!(scene.specimen.attempts(), ["unknown"]);
}

pub async fn a_version_that_came_meanwhile_follows(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 4).await;
    scene.accept("a", 1, Publish, 0).await;
    let mut rows = Vec::new();
    for lane in 0..4 {
        rows.push(scene.only(lane, 1).await);
    }
    scene.accept("a", 2, Update, 2).await;
    for (lane, (row, settled)) in rows.into_iter().zip([delivered(), refused(), DEFERRED, UNKNOWN]).enumerate() {
        assert!(scene.settle(lane, row, settled, 3).await);
        let next = scene.only(lane, 3).await;
        assert_eq!((next.version.get(), next.attempt), (2, 1));
    }
    let ends: Vec<_> = (0..4).flat_map(|lane| scene.ends(lane, "a")).collect();
    assert_eq!(ends, ["1 delivered", "1 refused", "1 superseded", "1 superseded"]);
}

pub async fn the_newest_is_sent_again_when_an_older_one_may_still_arrive(specimen: Box<dyn Specimen>) {
    let mut scene = Scene::new(specimen, 1).await;
    scene.accept("a", 1, Publish, 0).await;
    let old = scene.only(0, 1).await;
    scene.settle(0, old, UNKNOWN, 3).await;
    scene.accept("a", 2, Update, 3).await;
    let new = scene.only(0, 4).await;
    assert!(scene.settle(0, new, delivered(), 5).await, "it waits to be sent once more");
    scene.specimen.restart();
    assert_eq!(scene.claimed(scene.asks(0, 62)).await.next, Some(scene.at(63)));
    let again = scene.only(0, 63).await;
    assert_eq!((again.version.get(), again.attempt), (2, 2));
    assert!(!scene.settle(0, again, delivered(), 64).await);
    assert_eq!(scene.stands(0, "a"), "delivered 2");
}

pub async fn a_report_of_what_is_not_under_way_changes_nothing(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 2).await;
    scene.accept_for(&[0], "a", 1, Publish, 0).await;
    let row = scene.only(0, 1).await;
    scene.settle(0, row.clone(), DEFERRED, 2).await;
    let before = scene.specimen.deliveries();
    scene.settle(0, row.clone(), delivered(), 3).await;
    scene.settle(1, row.clone(), delivered(), 3).await;
    scene.ledger().release(scene.to[0], vec![row], scene.at(3)).await.unwrap();
    assert_eq!(scene.specimen.deliveries(), before);
}

pub async fn what_is_given_back_was_no_attempt(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 1).await;
    scene.accept("a", 1, Publish, 0).await;
    let row = scene.only(0, 1).await;
    let number = row.sequence;
    assert!(scene.ledger().release(scene.to[0], vec![row], scene.at(2)).await.unwrap().any);
    let row = scene.only(0, 2).await;
    assert_eq!((row.attempt, row.sequence), (1, number));
    scene.accept("a", 2, Update, 3).await;
    assert!(scene.ledger().release(scene.to[0], vec![row], scene.at(4)).await.unwrap().any);
    assert_eq!(scene.ends(0, "a"), ["1 superseded"]);
    let row = scene.only(0, 5).await;
    assert_eq!((row.version.get(), row.attempt, row.sequence), (2, 1, number), "nothing of it had left");
    assert_eq!((scene.row(0, "a").confirmed, scene.row(0, "a").possible), (None, None));
}

/// What had been handed to the lane is given back when that is settled already, and attempted again.
pub async fn what_a_lane_that_broke_off_gives_back_is_not_its_next_attempt(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 1).await;
    scene.accept("a", 1, Publish, 0).await;
    let row = scene.only(0, 1).await;
    scene.ledger().abandon(scene.to[0], super::scene::IN_NETWORK, scene.at(2)).await.unwrap();
    let again = scene.only(0, 63).await;
    assert!(!scene.ledger().release(scene.to[0], vec![row], scene.at(64)).await.unwrap().any, "nothing waits");
    assert_eq!(scene.stands(0, "a"), "attempting 1");
    assert!(scene.ledger().release(scene.to[0], vec![again], scene.at(65)).await.unwrap().any);
}

pub async fn a_lane_that_broke_off_may_have_sent_what_it_had(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 2).await;
    scene.accept("a", 1, Publish, 0).await;
    scene.accept("b", 1, Publish, 1).await;
    for lane in [0, 1] {
        scene.claim(lane, 2).await;
    }
    scene.ledger().abandon(scene.to[0], super::scene::IN_NETWORK, scene.at(3)).await.unwrap();
    assert_eq!(scene.stands(1, "a"), "attempting 1", "that lane goes on");
    let row = scene.row(0, "b");
    assert_eq!((row.possible, row.settles), (Some(Version::FIRST), Some(scene.at(63))));
    let again = scene.claim(0, 4).await;
    assert_eq!(scene.names(&again).await, ["a 1", "b 1"]);
    assert!(again.iter().all(|row| row.attempt == 2));
}

pub async fn what_was_announced_at_a_crash_may_have_arrived(specimen: Box<dyn Specimen>) {
    let mut scene = Scene::new(specimen, 2).await;
    scene.accept("a", 1, Publish, 0).await;
    scene.only(0, 1).await;
    for _ in 0..2 {
        scene.specimen.crash();
        let row = scene.row(0, "a");
        assert_eq!((row.stage, row.possible, row.attempts), (Stage::Ready, Some(Version::FIRST), 1));
        assert_eq!(scene.row(1, "a").possible, None, "what was not announced did not leave");
    }
    // A version after it is sent again when the old request can no longer be in the network.
    scene.accept("a", 2, Update, 2).await;
    let new = scene.only(0, 3).await;
    assert!(scene.settle(0, new, delivered(), 4).await);
    assert_eq!(scene.stands(0, "a"), "held 2");
}

pub async fn what_was_recorded_before_a_crash_stays(specimen: Box<dyn Specimen>) {
    let mut scene = Scene::new(specimen, 1).await;
    for name in ["a", "b", "c", "d"] {
        scene.accept(name, 1, Publish, 0).await;
    }
    let rows = scene.claim(0, 1).await;
    let settled = [delivered(), refused(), DEFERRED, UNKNOWN];
    let reports: Vec<Report> =
        rows.into_iter().zip(settled).map(|(row, settled)| scene.report(row, settled, 2)).collect();
    assert!(scene.ledger().record(scene.to[0], reports, None).await.unwrap().any);
    let before = scene.specimen.deliveries();
    scene.specimen.crash();
    assert_eq!(scene.specimen.deliveries(), before);
    assert_eq!(scene.specimen.attempts(), ["refused", "deferred", "unknown"]);
}

pub async fn what_an_attempt_left_is_there_for_every_later_one(specimen: Box<dyn Specimen>) {
    let mut scene = Scene::new(specimen, 1).await;
    let mut seen = Vec::new();
    for (at, (version, settled, remote)) in [
        (1, UNKNOWN, Some("42 unfinished")),
        (1, delivered(), None),
        (2, delivered(), Some("42")),
        (3, refused(), None),
        (4, delivered(), None),
    ]
    .into_iter()
    .enumerate()
    {
        let second = i64::try_from(at).unwrap() * 100;
        // The first version is there for its second try already.
        let _ = scene.ledger().accept(scene.offer("a", version, Update, second)).await.unwrap();
        let row = scene.only(0, second).await;
        seen.push(row.remote.clone());
        let report = Report { remote: remote.map(str::to_owned), ..scene.report(row, settled, second) };
        scene.ledger().record(scene.to[0], vec![report], None).await.unwrap();
        scene.specimen.crash();
    }
    let left = |text: &str| Some(text.to_owned());
    assert_eq!(seen, [None, left("42 unfinished"), left("42 unfinished"), left("42"), left("42")]);
}
