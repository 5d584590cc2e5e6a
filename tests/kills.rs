//! Promise 4: a kill reaches exactly those who have the story, or may have it.

mod support;

use std::time::Duration;

use newswired::ledger::{DeliveryFilter, SqliteReader};
use newswired::sink::SinkOptions;
use support::{Partner, Scene, article, free_port, sink, until, url};

const SOON: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn who_has_it_who_may_have_it_and_who_never_got_it() {
    let has = sink(SinkOptions::default()).await;
    let hanging = sink(SinkOptions { hang: true, ..SinkOptions::default() }).await;
    let never = free_port();
    let partner = |id, url, more| Partner { id, format: "json", url, more };
    let timeouts = "write_timeout = \"1s\"\nanswer_timeout = \"4s\"";
    // A crash in the middle of a try at that door would make it one that may have the story, too.
    let seldom = "write_timeout = \"1s\"\nanswer_timeout = \"4s\"\n\
                  [destinations.main.backoff]\nfirst = \"1d\"\nceiling = \"1d\"";
    let partners = [
        partner("has", url(&has), timeouts),
        partner("may-have", url(&hanging), timeouts),
        partner("never", format!("http://127.0.0.1:{never}/"), seldom),
    ];
    let mut scene = Scene::new(&partners, "", "");
    scene.start().await;
    let (status, _) = scene.post("application/json", &article("wrong", 1, "publish")).await;
    assert_eq!(status, 202);
    let reader = SqliteReader::open(&scene.ledger()).expect("the ledger can be read");
    let ends = || -> Vec<(String, String, u32)> {
        let filter = DeliveryFilter { limit: 10, ..DeliveryFilter::default() };
        let list = reader.deliveries(&filter).expect("deliveries can be listed");
        list.into_iter().map(|one| (one.destination, one.state, one.attempts)).collect()
    };
    until(SOON, "one has it, one may have it, one was tried in vain", async || {
        has.stats().accepted == 1
            && hanging.stats().hung == 1
            && ends().contains(&("never/main".into(), "waiting".into(), 1))
    })
    .await;

    // The daemon dies while the request hangs: nobody will ever know whether it arrived.
    scene.kill();
    let restored = sink(SinkOptions::default()).await;
    scene.replace_in_partner("may-have", &url(&hanging), &url(&restored));
    let late = SinkOptions { listen: ([127, 0, 0, 1], never).into(), ..SinkOptions::default() };
    scene.start_and_publish(&article("wrong", 2, "kill")).await;
    let late = sink(late).await;
    until(SOON, "the kill reaches those two", async || {
        [&has, &restored].iter().all(|sink| sink.stories().get("urn:test:wrong") == Some(&2))
    })
    .await;

    // The kill goes once more when the request that hung can no longer arrive, and only then is it at its end.
    until(SOON, "all three have their ends", async || {
        let ends = ends();
        let is = |id: &str, end: &str| ends.iter().any(|(name, state, _)| name == id && state == end);
        is("has/main", "delivered") && is("may-have/main", "delivered") && is("never/main", "cancelled")
    })
    .await;
    assert_eq!(late.stats().received, 0, "who never got the story hears nothing of it, though its door is open now");
    assert_eq!(scene.terminate().await, Some(0));
}
