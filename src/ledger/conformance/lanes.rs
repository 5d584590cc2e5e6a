//! Lanes: what a start has to know of each.

use jiff::Timestamp;

use super::{Scene, Specimen};
use crate::article::Action::{Kill, Publish};
use crate::ledger::{LaneDue, LaneState, Registration};

async fn lane(scene: &Scene, lane: usize) -> LaneDue {
    scene.ledger().lanes(vec![scene.to[lane]]).await.unwrap().remove(0)
}

pub async fn a_destination_keeps_its_id(specimen: Box<dyn Specimen>) {
    let mut scene = Scene::new(specimen, 2).await;
    scene.specimen.restart();
    let more = scene.register(3, scene.at(1)).await;
    assert_eq!(more[..2], scene.to);
    assert!(!scene.to.contains(&more[2]));
    let lanes = scene.ledger().lanes(vec![more[2], more[0]]).await.unwrap();
    assert_eq!(lanes.iter().map(|lane| lane.destination).collect::<Vec<_>>(), [more[2], more[0]]);
}

pub async fn a_lanes_state_is_there_after_a_crash(specimen: Box<dyn Specimen>) {
    let mut scene = Scene::new(specimen, 2).await;
    let state = LaneState {
        failures: 7,
        retry_at: Some(scene.at(600)),
        suspended: Some("410".into()),
        trouble: Some("no route to host".into()),
    };
    scene.settle_lane(0, state.clone()).await;
    scene.specimen.crash();
    assert_eq!(lane(&scene, 0).await.state, state);
    assert_eq!(lane(&scene, 1).await.state, LaneState::default());
    scene.ledger().record(scene.to[0], Vec::new(), None).await.unwrap();
    assert_eq!(lane(&scene, 0).await.state, state, "what is not told does not change");
    scene.settle_lane(0, LaneState::default()).await;
    scene.specimen.restart();
    assert_eq!(lane(&scene, 0).await.state, LaneState::default());
}

pub async fn a_lane_knows_when_it_is_due(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 1).await;
    assert_eq!((lane(&scene, 0).await.due, lane(&scene, 0).await.withdrawal), (None, false));
    let mut later = scene.offer("later", 1, Publish, 0);
    later.article.embargo = Some(scene.at(500));
    scene.take(later).await;
    assert_eq!(lane(&scene, 0).await.due, Some(scene.at(500)));
    scene.accept("a", 1, Publish, 1).await;
    let now = lane(&scene, 0).await;
    assert_eq!((now.due.is_some_and(|due| due <= scene.at(0)), now.withdrawal), (true, false));
    scene.sent(0, 2).await;
    assert_eq!(lane(&scene, 0).await.due, Some(scene.at(500)));
    scene.accept("a", 2, Kill, 3).await;
    let kill = lane(&scene, 0).await;
    assert_eq!((kill.due.is_some_and(|due| due <= scene.at(0)), kill.withdrawal), (true, true));
}

pub async fn the_end_of_a_pause_is_noted(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 1).await;
    let mut seen: Vec<Option<Timestamp>> = Vec::new();
    for (second, paused) in [(1, true), (2, true), (3, false), (4, false), (5, true), (6, false)] {
        let registration = Registration { name: "p0/main".into(), paused };
        scene.ledger().register(vec![registration], scene.at(second)).await.unwrap();
        seen.push(lane(&scene, 0).await.resumed);
    }
    let at = |second| Some(scene.at(second));
    assert_eq!(seen, [None, None, at(3), at(3), at(3), at(6)]);
}
