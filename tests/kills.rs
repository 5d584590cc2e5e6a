//! Promise 4: a kill reaches exactly those who have the story, or may have it.

mod support;

use std::time::Duration;

use newswired::ledger::{DeliveryFilter, SqliteReader};
use newswired::sink::SinkOptions;
use support::{Partner, Scene, article, free_port, newswired, run, sink, until, url};

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

#[tokio::test(flavor = "multi_thread")]
async fn who_has_acknowledged_a_kill_is_told_and_waited_for() {
    let quick = sink(SinkOptions::default()).await;
    let port = free_port();
    let there = || SinkOptions { listen: ([127, 0, 0, 1], port).into(), ..SinkOptions::default() };
    let leaves = sink(there()).await;
    let partner = |id, url| Partner { id, format: "json", url, more: "" };
    let partners = [partner("leaves", url(&leaves)), partner("quick", url(&quick))];
    let mut scene = Scene::new(&partners, "", "");
    scene.start_and_publish(&article("wrong", 1, "publish")).await;
    until(SOON, "both have it", async || leaves.stats().accepted + quick.stats().accepted == 2).await;
    let (code, out, why) = run(&scene, &["killed", "--story", "urn:test:wrong"]);
    assert_eq!(
        (code, out.as_str(), why.contains("urn:test:wrong is not withdrawn: its newest version is 1 (publish)")),
        (1, "", true),
        "{why}"
    );
    assert_eq!(run(&scene, &["killed", "--story", "urn:test:other"]).0, 1);

    leaves.stop().await;
    assert_eq!(scene.post("application/json", &article("wrong", 2, "kill")).await.0, 202);
    until(SOON, "one has taken it down", async || quick.stories().get("urn:test:wrong") == Some(&2)).await;
    let told = |arguments: &[&str]| {
        let (code, out, _) = run(&scene, arguments);
        let doors = out.lines().map(|line| {
            let door: serde_json::Value = serde_json::from_str(line).expect("a line of JSON");
            (door["destination"].as_str().map(str::to_owned), door["acknowledged"].as_bool())
        });
        (code, doors.collect::<Vec<_>>())
    };
    let door = |name: &str, acknowledged| (Some(name.to_owned()), Some(acknowledged));
    let outstanding = [door("leaves/main", false), door("quick/main", true)];
    let killed = ["killed", "--story", "urn:test:wrong", "--json"];
    until(SOON, "that is written down", async || told(&killed) == (1, outstanding.to_vec())).await;
    let bounded = ["killed", "--story", "urn:test:wrong", "--json", "--wait", "--timeout", "300ms"];
    assert_eq!(told(&bounded), (1, outstanding.to_vec()));
    let (_, out, why) = run(&scene, &["killed", "--story", "urn:test:wrong"]);
    assert!(out.contains("outstanding") && why.contains("outstanding at 1 of 2 doors"), "{out}{why}");

    let mut waiting = newswired()
        .args(["killed", "--story", "urn:test:wrong", "--wait", "--timeout", "30s", "--config"])
        .arg(scene.config())
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("the program can be run");
    assert!(matches!(waiting.try_wait(), Ok(None)), "it waits");
    let back = sink(there()).await;
    let mut ended = None;
    until(SOON, "the wait ends", async || {
        ended = waiting.try_wait().expect("it can be waited for");
        ended.is_some()
    })
    .await;
    assert_eq!(ended.and_then(|status| status.code()), Some(0));
    assert_eq!(back.stories().get("urn:test:wrong"), Some(&2), "and it was not told so before it was so");
    let (code, out, _) = run(&scene, &["killed", "--story", "urn:test:wrong"]);
    assert!(code == 0 && out.contains("all 2 doors"), "{out}");
    assert_eq!(scene.terminate().await, Some(0));
}
