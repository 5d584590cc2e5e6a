//! Promise 5 and what contracts say of time: early copies, every version, and stories that are lent.

mod support;

use std::time::Duration;

use jiff::{Timestamp, ToSpan};
use newswired::sink::{Received, Sink, SinkOptions};
use support::{Partner, SECRET, Scene, article, newswired, output, url};
use tokio::sync::mpsc::Receiver;

const SOON: Duration = Duration::from_secs(30);

async fn door() -> (Sink, Receiver<Received>) {
    let options = SinkOptions { secret: Some(newswired::config::Secret::new(SECRET)), ..SinkOptions::default() };
    Sink::start(options).await.expect("a sink can be started")
}

async fn next(received: &mut Receiver<Received>, what: &str) -> Received {
    let got = tokio::time::timeout(SOON, received.recv()).await.unwrap_or_else(|_| panic!("not in time: {what}"));
    let got = got.expect("the sink runs");
    assert_eq!(got.problems, Vec::<String>::new(), "{what}");
    got
}

fn partner(id: &'static str, sink: &Sink, more: &'static str) -> Partner {
    Partner { id, format: "json", url: url(sink), more }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_early_copy_comes_early_and_no_other_does() {
    let (early, mut early_got) = door().await;
    let (other, mut other_got) = door().await;
    let partners = [partner("early", &early, "[entitlement]\nembargo_early = \"1h\""), partner("other", &other, "")];
    let mut scene = Scene::new(&partners, "", "");
    scene.start().await;
    let embargo = Timestamp::now() + 8.seconds();
    let mut timed: serde_json::Value =
        serde_json::from_slice(&article("timed", 1, "publish")).expect("the article is JSON");
    timed["embargo"] = embargo.to_string().into();
    assert_eq!(scene.post("application/json", timed.to_string().as_bytes()).await.0, 202);
    let first = next(&mut early_got, "the early copy").await;
    assert!(first.at < embargo, "it came at {}, of {embargo}", first.at);
    let last = next(&mut other_got, "the ordinary copy").await;
    assert!(last.at >= embargo, "it came at {}, before {embargo}", last.at);
    assert_eq!(scene.terminate().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_gets_every_version_in_order_and_through_a_crash() {
    let (archive, mut archive_got) = door().await;
    let partners = [partner("archive", &archive, "")];
    let mut scene = Scene::new(&partners, "", "");
    scene.replace_in_partner("archive", "format = \"json\"", "format = \"json\"\nversions = \"every\"");
    scene.start().await;
    let suspend = ["suspend", "--partner", "archive", "--config"];
    assert!(output(newswired().args(suspend).arg(scene.config())).status.success());
    for version in 1..=5 {
        let action = if version == 1 { "publish" } else { "update" };
        assert_eq!(scene.post("application/json", &article("kept", version, action)).await.0, 202);
    }
    scene.kill();
    scene.start().await;
    let resume = ["resume", "--partner", "archive", "--config"];
    assert!(output(newswired().args(resume).arg(scene.config())).status.success());
    for version in 1..=5 {
        assert_eq!(next(&mut archive_got, "the next version").await.version, version);
    }
    assert_eq!(scene.terminate().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_story_that_is_lent_is_taken_back_unless_its_time_is_extended() {
    let (partner_sink, mut got) = door().await;
    // What a crash leaves in the network is over soon.
    let partners = [partner("own", &partner_sink, "write_timeout = \"1s\"\nanswer_timeout = \"1s\"")];
    let mut scene = Scene::new(&partners, "", "");
    scene.replace_in_config("short_name = \"DCNF\"", "short_name = \"DCNF\"\nretention = \"3s\"");
    scene.start().await;
    let offered = Timestamp::now();
    assert_eq!(scene.post("application/json", &article("lent", 1, "publish")).await.0, 202);
    assert_eq!(scene.post("application/json", &article("longer", 1, "publish")).await.0, 202);
    let mut extended: serde_json::Value =
        serde_json::from_slice(&article("longer", 2, "update")).expect("the article is JSON");
    extended["rights_until"] = (offered + 1_000_000.seconds()).to_string().into();
    assert_eq!(scene.post("application/json", extended.to_string().as_bytes()).await.0, 202);
    // The clock ticks for a daemon that was dead meanwhile, too.
    scene.kill();
    scene.start().await;
    let kill = loop {
        let one = next(&mut got, "the withdrawal").await;
        if one.action == "kill" {
            break one;
        }
    };
    assert_eq!((kill.story.as_str(), kill.version), ("urn:test:lent", 2));
    assert!(kill.at >= offered + 3.seconds(), "it came at {}, offered at {offered}", kill.at);
    let body = String::from_utf8_lossy(&kill.body).into_owned();
    assert!(body.contains("The time for which this story was licensed ended at"), "{body}");
    let killed = ["killed", "--story", "urn:test:lent", "--wait", "--config"];
    assert!(output(newswired().args(killed).arg(scene.config())).status.success());
    assert_eq!(partner_sink.stories().get("urn:test:longer"), Some(&2), "what was extended stays");
    assert_eq!(scene.terminate().await, Some(0));
}
