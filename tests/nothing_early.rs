//! Promise 5: nothing early, nothing stale.

mod support;

use std::time::Duration;

use jiff::{Timestamp, ToSpan};
use newswired::ledger::{DeliveryFilter, SqliteReader};
use newswired::sink::{Sink, SinkOptions};
use support::{Partner, SECRET, Scene, article, until, url};

#[tokio::test(flavor = "multi_thread")]
async fn an_embargo_holds_through_a_restart_and_what_is_stale_never_leaves() {
    let options = SinkOptions { secret: Some(newswired::config::Secret::new(SECRET)), ..SinkOptions::default() };
    let (partner, mut received) = Sink::start(options).await.expect("a sink can be started");
    let partners = [Partner { id: "own", format: "json", url: url(&partner), more: "" }];
    let mut scene = Scene::new(&partners, "", "");
    scene.start().await;
    let embargo = Timestamp::now() + 3.seconds();
    let timed = |name: &str, key: &str, at: Timestamp| {
        let mut value: serde_json::Value =
            serde_json::from_slice(&article(name, 1, "publish")).expect("the article is JSON");
        value[key] = at.to_string().into();
        value.to_string().into_bytes()
    };
    for body in [timed("embargoed", "embargo", embargo), timed("stale", "expires", Timestamp::now() - 1.second())] {
        assert_eq!(scene.post("application/json", &body).await.0, 202);
    }
    scene.kill();
    scene.start().await;
    let first = tokio::time::timeout(Duration::from_secs(30), received.recv()).await.expect("it arrives in time");
    let first = first.expect("the sink runs");
    assert_eq!(first.story, "urn:test:embargoed");
    assert!(first.at >= embargo, "it came at {}, before {embargo}", first.at);

    let reader = SqliteReader::open(&scene.ledger()).expect("the ledger can be read");
    let filter = DeliveryFilter { story: Some("urn:test:stale".to_owned()), limit: 10, ..DeliveryFilter::default() };
    until(Duration::from_secs(10), "the stale story has expired", async || {
        reader.deliveries(&filter).expect("deliveries can be listed").iter().all(|one| one.state == "expired")
    })
    .await;
    assert_eq!(partner.stats().received, 1);
    assert_eq!(scene.terminate().await, Some(0));
}
