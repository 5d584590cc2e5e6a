//! Promise 7: one door's trouble stays its own.

mod support;

use std::time::Duration;

use newswired::sink::SinkOptions;
use support::{Partner, Scene, article, free_port, sink, until, url};

#[tokio::test(flavor = "multi_thread")]
async fn dead_hanging_and_throttling_doors_do_not_delay_the_others() {
    let healthy = sink(SinkOptions::default()).await;
    let hanging = sink(SinkOptions { hang: true, ..SinkOptions::default() }).await;
    let throttling =
        sink(SinkOptions { status: 429, retry_after: Some(Duration::from_secs(3600)), ..SinkOptions::default() }).await;
    let partners = [
        Partner { id: "healthy", format: "json", url: url(&healthy), more: "" },
        Partner { id: "hanging", format: "json", url: url(&hanging), more: "answer_timeout = \"60s\"" },
        Partner { id: "throttling", format: "nitf", url: url(&throttling), more: "" },
        Partner { id: "dead", format: "ninjs-1.6", url: format!("http://127.0.0.1:{}/", free_port()), more: "" },
    ];
    let mut scene = Scene::new(&partners, "", "");
    scene.start().await;
    const STORIES: u64 = 200;
    for story in 0..STORIES {
        let (status, answer) = scene.post("application/json", &article(&format!("s{story}"), 1, "publish")).await;
        assert_eq!((status, answer["deliveries"].as_u64()), (202, Some(4)), "{answer}");
    }
    until(Duration::from_secs(30), "the healthy door has everything while the others have nothing", async || {
        healthy.stats().stories == STORIES
    })
    .await;
    assert_eq!(throttling.stats().accepted, 0);
    assert!(throttling.stats().received <= 8, "Retry-After is honoured: {:?}", throttling.stats());
    assert_eq!(hanging.stats().received, 0, "a hanging door has answered nothing");
    // A stop does not wait for the hanging door longer than the drain.
    assert_eq!(scene.terminate().await, Some(0));
}

/// Doors look at their secrets' files some seconds apart, and after a quiet time all of them are due together. That is no
/// reason for a thread each.
#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_that_looks_at_its_secrets_at_once_takes_a_few_threads() {
    const DOORS: usize = 100;
    let sink = sink(SinkOptions::default()).await;
    let ids: Vec<&str> = (0..DOORS).map(|number| &*format!("p{number}").leak()).collect();
    let door = |id| Partner { id, format: "json", url: url(&sink), more: "" };
    let mut scene = Scene::new(&ids.into_iter().map(door).collect::<Vec<_>>(), "", "");
    scene.start().await;
    // Longer than between two looks.
    tokio::time::sleep(Duration::from_secs(6)).await;
    let (status, _) = scene.post("application/json", &article("a", 1, "publish")).await;
    assert_eq!(status, 202);
    until(Duration::from_secs(30), "every door has it", async || sink.stats().received == DOORS as u64).await;
    let threads = std::fs::read_dir(format!("/proc/{}/task", scene.pid())).expect("it runs").count();
    // The runtime's, the ledger's, and those that read and look.
    assert!(threads < 40, "{threads} threads");
    assert_eq!(scene.terminate().await, Some(0));
}
