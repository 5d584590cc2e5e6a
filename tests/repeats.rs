//! Promise 9: a repeat is recognisable, through restarts too.

mod support;

use std::time::Duration;

use newswired::config::Secret;
use newswired::sink::{Sink, SinkOptions};
use support::{Partner, SECRET, Scene, article, url};

#[tokio::test(flavor = "multi_thread")]
async fn every_attempt_has_the_same_id_and_the_same_bytes() {
    let gzip = "compression = \"gzip\"";
    for (format, more) in [("json", ""), ("ninjs-1.6", ""), ("nitf", ""), ("json", gzip)] {
        let options = SinkOptions { secret: Some(Secret::new(SECRET)), fail_first: 4, ..SinkOptions::default() };
        let (partner, mut received) = Sink::start(options).await.expect("a sink can be started");
        let partners = [Partner { id: "own", format, url: url(&partner), more }];
        let mut scene = Scene::new(&partners, "", "");
        scene.start_and_publish(&article("one", 1, "publish")).await;
        let mut requests = Vec::new();
        while requests.len() < 5 {
            let request = tokio::time::timeout(Duration::from_secs(30), received.recv()).await;
            requests.push(request.expect("it comes in time").expect("the sink runs"));
            if requests.len() == 2 {
                scene.kill();
                scene.start().await;
            }
        }
        let first = &requests[0];
        for (before, request) in requests.iter().zip(&requests[1..]) {
            assert_eq!(request.message_id, first.message_id, "{format}");
            assert!(request.body == first.body, "{format}: the bytes differ");
            assert!(request.attempt > before.attempt, "{format}: attempt {} after {}", request.attempt, before.attempt);
        }
        assert_eq!(requests[4].status, 200);
        // The sink has verified what came, and keeps what was in it.
        let documents: usize = requests.iter().map(|request| request.body.len()).sum();
        let compressed = partner.stats().bytes < documents as u64;
        assert_eq!(compressed, more == gzip, "{format} {more}: {} of {documents} bytes", partner.stats().bytes);
        assert!(serde_json::from_slice::<serde_json::Value>(&first.body).is_ok() || format == "nitf");
        assert_eq!(scene.terminate().await, Some(0));
    }
}
