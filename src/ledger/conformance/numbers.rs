//! Numbers of a destination's sequence: by a gap a partner knows that it missed a story, so there are no others.

use super::scene::{DEFERRED, UNKNOWN, delivered};
use super::{Scene, Specimen};
use crate::article::Action::{Publish, Update};

pub async fn numbers_have_no_gaps_through_restarts_and_crashes(specimen: Box<dyn Specimen>) {
    let mut scene = Scene::new(specimen, 1).await;
    let mut numbers = Vec::new();
    for round in 0..6 {
        scene.accept(&format!("s{round}"), 1, Publish, round * 100).await;
        // From the third on, what was announced at the crash is there again, with its number.
        let mut rows = scene.claim(0, round * 100 + 1).await;
        rows.sort_by_key(|row| row.sequence);
        numbers.push(rows.iter().map(|row| row.sequence).collect::<Vec<_>>());
        if round % 2 == 0 {
            for row in rows {
                scene.settle(0, row, delivered(), round * 100 + 1).await;
            }
            scene.specimen.restart();
        } else {
            scene.specimen.crash();
        }
    }
    assert_eq!(numbers, [vec![1], vec![2], vec![2, 3], vec![4], vec![4, 5], vec![6]]);
}

pub async fn every_destination_counts_by_itself(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 2).await;
    scene.accept_for(&[0], "a", 1, Publish, 0).await;
    scene.accept("b", 1, Publish, 1).await;
    let numbers = |rows: Vec<crate::ledger::Attempted>| rows.into_iter().map(|row| row.sequence).collect::<Vec<_>>();
    assert_eq!(numbers(scene.claim(0, 2).await), [1, 2]);
    assert_eq!(numbers(scene.claim(1, 2).await), [1]);
}

pub async fn a_number_is_its_storys_until_it_arrives(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 1).await;
    let mut numbers = Vec::new();
    for (version, settled) in [(1, DEFERRED), (2, UNKNOWN), (3, delivered()), (4, delivered())] {
        let second = 100 * i64::try_from(version).unwrap();
        scene.accept("a", version, Update, second).await;
        let row = scene.only(0, second).await;
        numbers.push(row.sequence);
        scene.settle(0, row, settled, second).await;
    }
    // Version 1 did not arrive, so 2 has its number; 2 may have, so 3 has one of its own.
    assert_eq!(numbers, [1, 1, 2, 3]);
}
