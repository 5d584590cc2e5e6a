//! Promise 10, as far as it is the ledger's: what is set aside is whole, named, and waits for an operator.

use super::{Scene, Specimen};
use crate::ledger::{QuarantineEntry, QuarantineKind, QuarantineState};

fn entry(scene: &Scene, bytes: &[u8], second: i64) -> QuarantineEntry {
    QuarantineEntry {
        kind: QuarantineKind::Input,
        source: "amqp".into(),
        content_type: Some("application/json".into()),
        guid: Some("urn:x:a".into()),
        reason: format!("not JSON at {second}"),
        bytes: bytes.to_vec(),
        at: scene.at(second),
    }
}

async fn aside(scene: &Scene, entry: QuarantineEntry) -> i64 {
    scene.ledger().quarantine(entry).await.unwrap().id
}

pub async fn the_same_bytes_are_set_aside_once(specimen: Box<dyn Specimen>) {
    let mut scene = Scene::new(specimen, 0).await;
    let first = aside(&scene, entry(&scene, b"{", 0)).await;
    assert_eq!(aside(&scene, entry(&scene, b"{", 1)).await, first);
    let other = aside(&scene, entry(&scene, b"[", 2)).await;
    let source = QuarantineEntry { source: "http".into(), ..entry(&scene, b"{", 3) };
    let kind = QuarantineEntry { kind: QuarantineKind::Conflict, ..entry(&scene, b"{", 4) };
    let (source, kind) = (aside(&scene, source).await, aside(&scene, kind).await);
    scene.specimen.crash();
    let waiting = |id, second| (id, QuarantineState::Waiting, format!("not JSON at {second}"));
    let all = [waiting(first, 1), waiting(other, 2), waiting(source, 3), waiting(kind, 4)];
    assert_eq!(scene.specimen.quarantined(), all);
}

pub async fn an_operator_has_it_tried_again(specimen: Box<dyn Specimen>) {
    let mut scene = Scene::new(specimen, 0).await;
    let mut ids = Vec::new();
    for bytes in [b"a", b"b", b"c"] {
        ids.push(aside(&scene, entry(&scene, bytes, 0)).await);
    }
    assert_eq!(scene.ledger().retries(10).await.unwrap().len(), 0);
    assert!(scene.specimen.rule(ids[2], QuarantineState::Retry) && scene.specimen.rule(ids[0], QuarantineState::Retry));
    scene.specimen.restart();
    let retries = scene.ledger().retries(10).await.unwrap();
    assert_eq!(retries.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [ids[0], ids[2]]);
    assert_eq!(scene.ledger().retries(1).await.unwrap().len(), 1);
    let whole = entry(&scene, b"a", 0);
    let tried = &retries[0].1;
    assert_eq!(
        (tried.kind, &tried.source, &tried.content_type, &tried.guid, &tried.reason, &tried.bytes, tried.at),
        (whole.kind, &whole.source, &whole.content_type, &whole.guid, &whole.reason, &whole.bytes, whole.at)
    );
}

pub async fn what_is_refused_again_waits_with_its_new_reason(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 0).await;
    let id = aside(&scene, entry(&scene, b"{", 0)).await;
    scene.specimen.rule(id, QuarantineState::Retry);
    scene.ledger().retried(id, Some("still not JSON".into())).await.unwrap();
    assert_eq!(scene.ledger().retries(10).await.unwrap().len(), 0);
    assert_eq!(scene.specimen.quarantined(), [(id, QuarantineState::Waiting, "still not JSON".into())]);
    // The same came once more while it was tried.
    scene.specimen.rule(id, QuarantineState::Retry);
    let twin = aside(&scene, entry(&scene, b"{", 5)).await;
    assert_ne!(twin, id, "what is tried is not what waits");
    scene.ledger().retried(id, Some("never".into())).await.unwrap();
    let waiting = scene.specimen.quarantined();
    assert_eq!(waiting, [(id, QuarantineState::Waiting, "never".into())], "one of them is enough");
}

pub async fn what_is_done_with_stays_so(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 0).await;
    let id = aside(&scene, entry(&scene, b"{", 0)).await;
    scene.ledger().retried(id, None).await.unwrap();
    assert_eq!(scene.specimen.quarantined()[0].1, QuarantineState::Waiting, "nobody asked for another try");
    scene.specimen.rule(id, QuarantineState::Retry);
    scene.ledger().retried(id, None).await.unwrap();
    assert_eq!(scene.specimen.quarantined()[0].1, QuarantineState::Done);
    assert!(!scene.specimen.rule(id, QuarantineState::Discarded), "what is done is not discarded");
    assert!(!scene.specimen.rule(id + 1, QuarantineState::Discarded), "there is no such entry");
    let again = aside(&scene, entry(&scene, b"{", 1)).await;
    assert!(again != id && scene.specimen.rule(again, QuarantineState::Discarded));
    assert!(!scene.specimen.rule(again, QuarantineState::Retry), "nor is what was discarded tried");
}
