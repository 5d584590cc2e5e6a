//! Versions of a story that is not for a destination any more.

use super::scene::UNKNOWN;
use super::{Scene, Specimen};
use crate::article::Action::{Correct, Kill, Publish, Update};

/// A story that lane 0 has, 1 may have, and 2 waits for.
async fn scene(specimen: Box<dyn Specimen>) -> Scene {
    let scene = Scene::new(specimen, 3).await;
    scene.accept("a", 1, Publish, 0).await;
    scene.sent(0, 1).await;
    let row = scene.only(1, 1).await;
    scene.settle(1, row, UNKNOWN, 2).await;
    scene
}

pub async fn an_update_is_not_for_them(specimen: Box<dyn Specimen>) {
    let scene = scene(specimen).await;
    assert_eq!(scene.accept_for(&[], "a", 2, Update, 3).await, 0);
    let stands = [0, 1, 2].map(|lane| scene.stands(lane, "a"));
    assert_eq!(stands, ["delivered 1", "superseded 1", "superseded 1"]);
    assert_eq!(scene.why(2, "a"), "version 2 is not for this destination");
    for lane in 0..3 {
        assert_eq!(scene.claim(lane, 4).await.len(), 0);
    }
}

pub async fn a_correction_is_for_those_who_may_have_the_story(specimen: Box<dyn Specimen>) {
    let scene = scene(specimen).await;
    assert_eq!(scene.accept_for(&[], "a", 2, Correct, 3).await, 2);
    assert_eq!((scene.sent(0, 4).await, scene.sent(2, 4).await), (vec!["a 2".to_owned()], Vec::new()));
    assert_eq!(scene.only(1, 4).await.version.get(), 2);
    assert_eq!(scene.stands(2, "a"), "superseded 1");
}

pub async fn a_kill_is_for_those_who_may_have_the_story(specimen: Box<dyn Specimen>) {
    let scene = scene(specimen).await;
    scene.accept_for(&[], "a", 2, Update, 3).await;
    assert_eq!(scene.accept_for(&[], "a", 3, Kill, 4).await, 2, "of an older version, too");
    assert_eq!((scene.sent(0, 5).await, scene.sent(2, 5).await), (vec!["a 3".to_owned()], Vec::new()));
    assert_eq!(scene.only(1, 5).await.version.get(), 3);
}

pub async fn who_is_routed_later_gets_the_version_of_then(specimen: Box<dyn Specimen>) {
    let scene = scene(specimen).await;
    scene.accept_for(&[], "a", 2, Update, 3).await;
    assert_eq!(scene.accept("a", 3, Update, 4).await, 3);
    assert_eq!(scene.sent(2, 5).await, ["a 3"]);
    assert_eq!(scene.ends(2, "a"), ["1 superseded"]);
}
