//! The rights clock: when those who have a story must have it no longer.

use std::time::Duration;

use super::{Scene, Specimen};
use crate::article::Action::{Kill, Publish, Update};
use crate::ledger::{Acceptance, Rights};

const DAY: i64 = 86_400;

async fn lent(scene: &Scene, name: &str, version: u64, rights: Rights, second: i64) {
    let action = if version == 1 { Publish } else { Update };
    scene.take(Acceptance { rights, ..scene.offer(name, version, action, second) }).await;
}

/// `name version since` of what has lapsed.
async fn lapsed(scene: &Scene, second: i64, limit: usize) -> Vec<String> {
    let lapsed = scene.ledger().lapsed(scene.at(second), limit).await.unwrap();
    lapsed
        .into_iter()
        .map(|one| {
            let since = one.until.duration_since(scene.at(0)).as_secs();
            format!("{} {} {since}", super::scene::name_of(one.article.guid.as_str()), one.article.version)
        })
        .collect()
}

pub async fn a_story_lapses_when_its_time_is_over(specimen: Box<dyn Specimen>) {
    let mut scene = Scene::new(specimen, 1).await;
    lent(&scene, "lent", 1, Rights::Until(scene.at(100)), 0).await;
    lent(&scene, "given", 1, Rights::Lasting, 0).await;
    assert_eq!(lapsed(&scene, 99, 9).await, [""; 0]);
    scene.specimen.crash();
    assert_eq!(lapsed(&scene, 100, 9).await, ["lent 1 100"]);
    assert_eq!(lapsed(&scene, 9_999, 9).await, ["lent 1 100"], "until it is withdrawn");
}

pub async fn a_later_version_moves_the_date(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 1).await;
    lent(&scene, "a", 1, Rights::Until(scene.at(100)), 0).await;
    lent(&scene, "a", 2, Rights::Until(scene.at(200)), 50).await;
    assert_eq!(lapsed(&scene, 199, 9).await, [""; 0]);
    lent(&scene, "a", 3, Rights::Until(scene.at(150)), 60).await;
    assert_eq!(lapsed(&scene, 150, 9).await, ["a 3 150"], "to an earlier one, too");
    lent(&scene, "a", 4, Rights::Lasting, 70).await;
    assert_eq!(lapsed(&scene, 9_999, 9).await, [""; 0], "or away");
}

pub async fn a_wires_own_span_begins_with_the_first_acceptance(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 1).await;
    let week = Rights::For(Duration::from_secs(7 * 86_400));
    lent(&scene, "a", 1, week, 0).await;
    lent(&scene, "a", 2, week, 6 * DAY).await;
    assert_eq!(lapsed(&scene, 7 * DAY - 1, 9).await, [""; 0]);
    assert_eq!(lapsed(&scene, 7 * DAY, 9).await, [format!("a 2 {}", 7 * DAY)]);
}

pub async fn a_late_version_moves_nothing(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 1).await;
    lent(&scene, "a", 2, Rights::Until(scene.at(100)), 0).await;
    lent(&scene, "a", 1, Rights::Until(scene.at(900)), 1).await;
    assert_eq!(lapsed(&scene, 100, 9).await, ["a 2 100"]);
}

pub async fn a_withdrawn_story_does_not_lapse(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 1).await;
    lent(&scene, "a", 1, Rights::Until(scene.at(100)), 0).await;
    scene.take(Acceptance { rights: Rights::Until(scene.at(100)), ..scene.offer("a", 2, Kill, 100) }).await;
    assert_eq!(lapsed(&scene, 9_999, 9).await, [""; 0]);
    lent(&scene, "a", 3, Rights::Until(scene.at(300)), 200).await;
    assert_eq!(lapsed(&scene, 300, 9).await, ["a 3 300"], "a later version lends it again");
}

pub async fn those_that_lapsed_first_come_first(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 1).await;
    for (name, until) in [("c", 300), ("a", 100), ("b", 200), ("d", 400)] {
        lent(&scene, name, 1, Rights::Until(scene.at(until)), 0).await;
    }
    assert_eq!(lapsed(&scene, 300, 9).await, ["a 1 100", "b 1 200", "c 1 300"]);
    assert_eq!(lapsed(&scene, 300, 2).await, ["a 1 100", "b 1 200"]);
}
