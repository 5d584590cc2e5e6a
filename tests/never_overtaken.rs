//! Promise 3: never overtaken. Versions come faster than doors take them, doors fail, and the daemon dies in between.

mod support;

use std::time::Duration;

use newswired::sink::SinkOptions;
use support::{Partner, Scene, article, sink, until, url};

#[tokio::test(flavor = "multi_thread")]
async fn no_destination_sees_a_version_go_back() {
    const STORIES: u64 = 12;
    const VERSIONS: u64 = 12;
    let slow = sink(SinkOptions { delay: Duration::from_millis(15), ..SinkOptions::default() }).await;
    let failing = sink(SinkOptions { fail_first: 15, ..SinkOptions::default() }).await;
    let lossy = sink(SinkOptions { delay: Duration::from_millis(250), ..SinkOptions::default() }).await;
    let partner = |id, url, more| Partner { id, format: "json", url, more };
    let partners = [
        partner("slow", url(&slow), ""),
        partner("failing", url(&failing), ""),
        // Its answers come too late: each request arrives, and its outcome is unknown.
        partner("lossy", url(&lossy), "write_timeout = \"1s\"\nanswer_timeout = \"200ms\""),
    ];
    let mut scene = Scene::new(&partners, "", "");
    scene.start().await;
    for version in 1..=VERSIONS {
        for story in 0..STORIES {
            // The last version of every third story takes it down.
            let action = match version {
                1 => "publish",
                VERSIONS if story % 3 == 0 => "kill",
                _ if version % 2 == 0 => "correct",
                _ => "update",
            };
            let (status, answer) =
                scene.post("application/json", &article(&format!("s{story}"), version, action)).await;
            assert_eq!(status, 202, "{answer}");
        }
        if version % 4 == 0 {
            scene.kill();
            scene.start().await;
        }
    }
    for sink in [&slow, &failing] {
        until(Duration::from_secs(60), "every story is there in its newest version", async || {
            let held = sink.stories();
            (0..STORIES).all(|story| match held.get(&format!("urn:test:s{story}")) {
                Some(version) => *version == VERSIONS,
                // A kill goes to nobody who never got the story.
                None => story % 3 == 0,
            })
        })
        .await;
    }
    // It confirms nothing, so what it has is up to chance; that it never goes back is not.
    until(Duration::from_secs(60), "the lossy door has got something again and again", async || {
        lossy.stats().repeats >= 10
    })
    .await;
    for sink in [&slow, &failing, &lossy] {
        let stats = sink.stats();
        assert_eq!((stats.versions_back, stats.bad_signature, stats.bad_digest), (0, 0, 0), "{stats:?}");
    }
    assert_eq!(failing.stats().failed_on_purpose, 15, "the door was as bad as meant");
    assert_eq!(scene.terminate().await, Some(0));
}
