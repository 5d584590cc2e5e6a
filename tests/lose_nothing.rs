//! Promise 2: lose nothing. Stops, gentle and not. What disks do to it is in `disk.rs`.

mod support;

use std::time::Duration;

use newswired::ledger::SqliteReader;
use newswired::sink::SinkOptions;
use support::{Partner, Scene, article, sink, until, url};

const SOON: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_finishes_what_is_under_way_and_a_start_goes_on_with_the_rest() {
    let slow = sink(SinkOptions { delay: Duration::from_millis(300), ..SinkOptions::default() }).await;
    let partners = [Partner { id: "slow", format: "json", url: url(&slow), more: "" }];
    let mut scene = Scene::new(&partners, "concurrency = 2", "");
    scene.start().await;
    const STORIES: u64 = 20;
    for story in 0..STORIES {
        assert_eq!(scene.post("application/json", &article(&format!("s{story}"), 1, "publish")).await.0, 202);
    }
    until(SOON, "some have arrived", async || slow.stats().accepted >= 2).await;
    assert_eq!(scene.terminate().await, Some(0));
    let counts = SqliteReader::open(&scene.ledger()).and_then(|reader| reader.counts()).expect("the ledger is there");
    let of = |state: &str| counts.iter().find(|(name, _)| name == state).map_or(0, |(_, count)| *count);
    assert_eq!((of("attempting"), of("delivered")), (0, slow.stats().accepted), "what was sent is recorded");
    assert_eq!(of("waiting") + of("delivered"), STORIES, "and the rest waits: {counts:?}");

    scene.start().await;
    until(SOON, "the rest arrives", async || slow.stats().stories == STORIES).await;
    assert_eq!(slow.stats().repeats, 0, "and nothing twice");
    assert_eq!(scene.terminate().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_it_at_once_and_nothing_is_lost() {
    let hanging = sink(SinkOptions { hang: true, ..SinkOptions::default() }).await;
    let partners = [Partner {
        id: "own",
        format: "json",
        url: url(&hanging),
        more: "answer_timeout = \"5s\"\nwrite_timeout = \"1s\"",
    }];
    let mut scene = Scene::new(&partners, "drain = \"60s\"", "");
    scene.start().await;
    for story in 0..5 {
        assert_eq!(scene.post("application/json", &article(&format!("s{story}"), 1, "publish")).await.0, 202);
    }
    until(SOON, "requests hang", async || hanging.stats().hung >= 1).await;
    scene.signal("TERM");
    until(SOON, "it says that it stops", async || scene.log().contains("stopping")).await;
    let began = std::time::Instant::now();
    assert_eq!(scene.terminate().await, Some(1));
    assert!(began.elapsed() < Duration::from_secs(5), "it ended after {:?}", began.elapsed());

    let restored = sink(SinkOptions::default()).await;
    scene.replace_in_partner("own", &url(&hanging), &url(&restored));
    scene.start().await;
    until(SOON, "everything arrives after all", async || restored.stats().stories == 5).await;
    assert_eq!(scene.terminate().await, Some(0));
}
