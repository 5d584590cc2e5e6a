//! What is not of the Internet is reached only where the configuration says so, and whoever runs into that is told the
//! line that says it.

mod support;

use std::time::Duration;

use newswired::sink::SinkOptions;
use support::{Partner, Scene, article, run, sink, until, url};

const ALLOWED: &str = "allow_addresses = [\"127.0.0.1\"]\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_door_inside_is_refused_until_it_is_named() {
    let inside = sink(SinkOptions::default()).await;
    let partners = [Partner { id: "own", format: "json", url: url(&inside), more: "" }];
    let mut scene = Scene::new(&partners, "", "");
    scene.replace_in_config(ALLOWED, "");
    let (code, _, why) = run(&scene, &["check"]);
    assert_eq!(code, 78, "{why}");
    let line = why.split("add ").nth(1).and_then(|rest| rest.split(" here").next()).expect("it says what to add");
    assert_eq!(line, ALLOWED.trim_end());
    let started = scene.try_to_start().await.map_err(|status| status.code());
    assert_eq!(started, Err(Some(78)), "it does not start either");

    // The line that it names is the one that mends it.
    let file = scene.dir.path().join("partners.d/own.toml");
    let partner = std::fs::read_to_string(&file).expect("the partner has a file");
    std::fs::write(&file, format!("{partner}{line}\n")).expect("the partner's file can be written");
    let (code, _, why) = run(&scene, &["check"]);
    assert_eq!(code, 0, "{why}");
    scene.start_and_publish(&article("one", 1, "publish")).await;
    until(Duration::from_secs(20), "it arrives", async || inside.stats().accepted == 1).await;
    assert_eq!(scene.terminate().await, Some(0));
}
