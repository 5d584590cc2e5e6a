//! Accepting: once, durably, on each destination's terms.

use std::time::Duration;

use jiff::Timestamp;

use super::scene::{delivered, guid};
use super::{Scene, Specimen};
use crate::article::Action::{Kill, Publish, Update};
use crate::article::Article;
use crate::ledger::state::Versions;
use crate::ledger::{Acceptance, Accepted, Attempted, Order, Owed};
use crate::telemetry::{TraceContext, TraceId};

pub async fn an_article_is_accepted_once(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 3).await;
    match scene.ledger().accept(scene.offer("a", 1, Publish, 0)).await.unwrap() {
        Accepted::Fresh { deliveries: 3, touched, .. } => assert_eq!(touched, scene.to),
        other => panic!("{other:?}"),
    }
    let again = scene.ledger().accept(scene.offer("a", 1, Publish, 9)).await.unwrap();
    assert!(matches!(again, Accepted::Repeat { deliveries: 3, .. }), "{again:?}");
    let mut other = scene.offer("a", 1, Publish, 9);
    other.article.headline = "something else".into();
    let conflict = scene.ledger().accept(other).await.unwrap();
    assert!(matches!(conflict, Accepted::Conflict), "{conflict:?}");
    assert_eq!(scene.specimen.articles(), [("urn:x:a".to_owned(), 1)]);
    assert_eq!(scene.sent(0, 10).await, ["a 1"]);
    let later = scene.ledger().accept(scene.offer("a", 1, Publish, 11)).await.unwrap();
    assert!(matches!(later, Accepted::Repeat { .. }), "{later:?}");
    assert_eq!(scene.sent(0, 12).await, [""; 0]);
}

pub async fn what_was_answered_is_there_after_a_crash(specimen: Box<dyn Specimen>) {
    let mut scene = Scene::new(specimen, 2).await;
    for number in 0..5 {
        scene.accept(&format!("s{number}"), 1, Publish, number).await;
        scene.specimen.crash();
        assert_eq!(scene.specimen.deliveries().len(), 2 * usize::try_from(number + 1).unwrap());
        let again = scene.ledger().accept(scene.offer(&format!("s{number}"), 1, Publish, 9)).await.unwrap();
        assert!(matches!(again, Accepted::Repeat { deliveries: 2, .. }), "{again:?}");
    }
    assert_eq!(scene.sent(0, 10).await, ["s0 1", "s1 1", "s2 1", "s3 1", "s4 1"]);
}

pub async fn a_late_version_is_kept_and_goes_nowhere(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 1).await;
    scene.accept("a", 2, Update, 0).await;
    assert_eq!(scene.accept("a", 1, Publish, 1).await, 0);
    let again = scene.ledger().accept(scene.offer("a", 1, Publish, 2)).await.unwrap();
    assert!(matches!(again, Accepted::Repeat { deliveries: 0, .. }), "{again:?}");
    assert_eq!(scene.accept("a", 3, Update, 3).await, 1);
    assert_eq!(scene.sent(0, 4).await, ["a 3"]);
    assert_eq!(scene.ends(0, "a"), ["2 superseded"]);
    let mut kept = scene.specimen.articles();
    kept.sort();
    assert_eq!(kept, [1, 2, 3].map(|version| ("urn:x:a".to_owned(), version)));
}

pub async fn a_newer_version_takes_the_place_whatever_lies_between(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 1).await;
    scene.accept("a", 1, Publish, 0).await;
    scene.accept("a", 7, Update, 1).await;
    assert_eq!(scene.accept("a", 3, Update, 2).await, 0, "it is lower than what is there");
    assert_eq!(scene.sent(0, 3).await, ["a 7"]);
    scene.accept("a", 40, Update, 4).await;
    assert_eq!(scene.sent(0, 5).await, ["a 40"]);
    assert_eq!(scene.ends(0, "a"), ["1 superseded", "7 delivered"]);
    assert_eq!(scene.stands(0, "a"), "delivered 40");
}

pub async fn an_article_for_nobody_is_kept(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 1).await;
    assert_eq!(scene.accept_for(&[], "a", 1, Publish, 0).await, 0);
    let again = scene.ledger().accept(scene.offer("a", 1, Publish, 1)).await.unwrap();
    assert!(matches!(again, Accepted::Repeat { deliveries: 0, .. }), "{again:?}");
    assert_eq!(scene.accept("a", 2, Update, 2).await, 1);
    assert_eq!(scene.sent(0, 3).await, ["a 2"]);
}

pub async fn who_may_have_it_early_has_it_early(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 2).await;
    let mut offer = scene.offer("a", 1, Publish, 0);
    offer.article.embargo = Some(scene.at(3_600));
    offer.routed[1].early = Duration::from_secs(600);
    scene.take(offer).await;
    let next = |lane| scene.claimed(scene.asks(lane, 2_999));
    assert_eq!((next(0).await.next, next(1).await.next), (Some(scene.at(3_600)), Some(scene.at(3_000))));
    assert_eq!(scene.claim(0, 3_000).await.len(), 0);
    let early = scene.only(1, 3_000).await;
    assert_eq!(early.embargo, Some(scene.at(3_000)), "what is looked at once more before the request");
    assert_eq!(scene.only(0, 3_600).await.embargo, Some(scene.at(3_600)));
}

fn every(scene: &Scene, version: u64, second: i64) -> Acceptance {
    let mut offer = scene.offer("a", version, if version == 1 { Publish } else { Update }, second);
    offer.routed[0].versions = Versions::Every;
    offer
}

pub async fn who_takes_every_version_gets_them_in_order(specimen: Box<dyn Specimen>) {
    let mut scene = Scene::new(specimen, 2).await;
    for version in 1..=3 {
        scene.take(every(&scene, version, 0)).await;
    }
    let first = scene.only(0, 1).await;
    assert_eq!((first.version.get(), scene.claim(0, 1).await.len()), (1, 0), "one at a time");
    assert!(scene.settle(0, first, delivered(), 1).await, "the next has its turn");
    scene.specimen.restart();
    scene.take(every(&scene, 4, 2)).await;
    assert_eq!(scene.sent(0, 3).await, ["a 2", "a 3", "a 4"]);
    assert_eq!(scene.ends(0, "a"), ["1 delivered", "2 delivered", "3 delivered"]);
    assert_eq!(scene.sent(1, 3).await, ["a 4"]);
    assert_eq!(scene.ends(1, "a"), ["1 superseded", "2 superseded", "3 superseded"]);
}

pub async fn what_queues_goes_on_queueing_when_the_contract_changes(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 1).await;
    scene.take(every(&scene, 1, 0)).await;
    scene.take(every(&scene, 2, 0)).await;
    scene.accept("a", 3, Update, 0).await;
    assert_eq!(scene.sent(0, 1).await, ["a 1", "a 2", "a 3"]);
    scene.accept("a", 4, Update, 2).await;
    scene.accept("a", 5, Update, 2).await;
    assert_eq!(scene.sent(0, 3).await, ["a 5"], "and what came after the change is by the new one");
}

pub async fn a_version_without_a_time_is_of_the_time_of_its_acceptance(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 1).await;
    let made: Timestamp = "2026-11-24T10:15:00Z".parse().unwrap();
    let article = Article { versioned: Some(made), ..scene.article("a", 1, Publish) };
    scene.take(Acceptance { article, ..scene.offer("a", 1, Publish, 0) }).await;
    let row = scene.only(0, 1).await;
    assert_eq!(scene.ledger().article(row.article).await.unwrap().versioned, Some(made));
    scene.settle(0, row, delivered(), 1).await;
    // A kill seldom says when it was made.
    scene.take(Acceptance { routed: vec![Owed::plainly(scene.to[0])], ..scene.offer("a", 2, Kill, 7) }).await;
    let row = scene.only(0, 8).await;
    for _ in 0..2 {
        let told = scene.ledger().article(row.article).await.unwrap();
        assert_eq!(told.versioned, Some(scene.at(7)), "the same at every reading");
    }
}

/// The attempts that are announced in the commit that accepts an article for all lanes, each of which has a place for it.
async fn announced(scene: &Scene, mut offer: Acceptance) -> Vec<Attempted> {
    offer.routed.iter_mut().for_each(|owed| owed.at_once = true);
    match scene.ledger().accept(offer).await.unwrap() {
        Accepted::Fresh { announced, .. } => announced.into_iter().map(|(_, row)| row).collect(),
        other @ (Accepted::Repeat { .. } | Accepted::Conflict) => panic!("{other:?}"),
    }
}

pub async fn what_a_lane_has_a_place_for_is_announced_at_once(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 2).await;
    let mut offer = scene.offer("a", 1, Publish, 0);
    offer.routed[0].at_once = true;
    let Accepted::Fresh { deliveries: 2, touched, announced, .. } = scene.ledger().accept(offer).await.unwrap() else {
        panic!("it is new");
    };
    assert_eq!(touched, [scene.to[1]], "only the other has to claim it");
    let [(destination, row)] = &announced[..] else { panic!("{announced:?}") };
    assert_eq!((*destination, row.sequence, row.attempt), (scene.to[0], 1, 1));
    assert_eq!(scene.names(std::slice::from_ref(row)).await, ["a 1"]);
    assert_eq!([0, 1].map(|lane| scene.stands(lane, "a")), ["attempting 1", "waiting 1"]);
    assert_eq!(scene.claim(0, 1).await.len(), 0, "it is not given twice");

    // A version that comes meanwhile waits for its end.
    let newer = scene.offer("a", 2, Update, 2);
    assert_eq!(self::announced(&scene, newer).await.len(), 1, "only where nothing is under way");
    scene.settle(0, row.clone(), delivered(), 3).await;
    assert_eq!(scene.sent(0, 4).await, ["a 2"]);
    let third = self::announced(&scene, scene.offer("a", 3, Update, 5)).await;
    assert_eq!(third.iter().map(|row| row.sequence).collect::<Vec<_>>(), [3], "it goes on in the numbers of its lane");
}

pub async fn a_kill_is_announced_at_once_to_whom_has_the_story(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 70).await;
    scene.accept_for(&(0..69).collect::<Vec<_>>(), "a", 1, Publish, 0).await;
    scene.accept("b", 1, Publish, 1).await;
    for lane in 0..70 {
        for row in scene.claim(lane, 2).await {
            // One is still under way, and another story everywhere.
            if lane > 0 && scene.names(std::slice::from_ref(&row)).await == ["a 1"] {
                scene.settle(lane, row, delivered(), 3).await;
            }
        }
    }
    let mut offer = scene.offer("a", 2, Kill, 4);
    offer.routed.iter_mut().for_each(|owed| owed.at_once = true);
    let Accepted::Fresh { deliveries: 69, touched, announced, .. } = scene.ledger().accept(offer).await.unwrap() else {
        panic!("it is new");
    };
    assert_eq!(touched, [scene.to[0]], "only that has to look for it");
    let lanes: Vec<_> = announced.iter().map(|(lane, _)| *lane).collect();
    assert_eq!(lanes, scene.to[1..69], "who never had the story needs no withdrawal");
    // The numbers of many stand in one row of the file, and of these in several.
    assert!(announced.iter().all(|(_, row)| (row.sequence, row.attempt) == (3, 1)), "{announced:?}");
    assert_eq!(scene.stands(1, "a"), "attempting 2");
    for (lane, row) in announced {
        let lane = scene.to.iter().position(|id| *id == lane).unwrap();
        scene.settle(lane, row, delivered(), 5).await;
    }
    scene.accept("c", 1, Publish, 6).await;
    assert_eq!(scene.only(68, 7).await.sequence, 4, "and each goes on in its own");
}

pub async fn what_may_not_leave_yet_is_not_announced_at_once(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 1).await;
    let mut embargoed = scene.offer("a", 1, Publish, 0);
    embargoed.article.embargo = Some(scene.at(9));
    assert_eq!(announced(&scene, embargoed).await.len(), 0);
    let mut late = scene.offer("b", 1, Publish, 0);
    late.article.expires = Some(scene.at(0));
    assert_eq!(announced(&scene, late).await.len(), 0);
    assert_eq!(announced(&scene, scene.offer("c", 1, Publish, 0)).await.len(), 1);
    scene.order(Order::Hold { story: guid("c") }, 1).await;
    assert_eq!(announced(&scene, scene.offer("c", 2, Update, 2)).await.len(), 0);
}

pub async fn what_was_announced_at_once_may_have_arrived_at_a_crash(specimen: Box<dyn Specimen>) {
    let mut scene = Scene::new(specimen, 1).await;
    assert_eq!(announced(&scene, scene.offer("a", 1, Publish, 0)).await.len(), 1);
    scene.specimen.crash();
    scene.accept("a", 2, Kill, 1).await;
    assert_eq!(scene.sent(0, 2).await, ["a 2"]);
}

pub async fn where_in_a_trace_an_article_was_accepted_is_kept(specimen: Box<dyn Specimen>) {
    let mut scene = Scene::new(specimen, 1).await;
    let state: [&[u8]; 1] = [b"vendor=1"];
    let parent = TraceContext::new(TraceId::random(), true).traceparent();
    let first = TraceContext::read([parent.as_bytes()], state);
    let second = Some(TraceContext::new(TraceId::random(), false));
    scene.take(Acceptance { trace: first.clone(), ..scene.offer("a", 1, Publish, 0) }).await;
    scene.take(Acceptance { trace: second.clone(), ..scene.offer("b", 1, Publish, 1) }).await;
    scene.accept("c", 1, Publish, 2).await;
    // What is accepted again stays where it was.
    let again = scene.ledger().accept(Acceptance { trace: second.clone(), ..scene.offer("a", 1, Publish, 3) }).await;
    assert!(matches!(again, Ok(Accepted::Repeat { .. })), "{again:?}");
    scene.specimen.crash();
    let mut kept = Vec::new();
    for row in scene.claim(0, 4).await {
        assert_eq!((row.announced, row.is_repeat), (scene.at(4), false));
        kept.push(scene.ledger().trace(row.article).await.unwrap());
    }
    assert!(first.is_some());
    assert_eq!(kept, [first, second, None]);
}
