//! The configuration is loaded again while the daemon runs: wrong ones change nothing, right ones change what they say and
//! nothing else, and whatever was accepted is sent.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use newswired::sink::{Sink, SinkOptions};
use serde_json::Value;
use support::{Partner, Scene, TOKEN, article, free_port, get, ordered, publish, run, sink, until, url};

const SOON: Duration = Duration::from_secs(20);

fn partner(id: &'static str, url: String) -> Partner {
    Partner { id, format: "json", url, more: "" }
}

/// Publishes, and returns to how many it is owed.
async fn owed(scene: &Scene, name: &str, version: u64, action: &str) -> u64 {
    let (status, answer) = scene.post("application/json", &article(name, version, action)).await;
    assert_eq!(status, 202, "{answer}");
    answer["deliveries"].as_u64().expect("it says how many")
}

async fn has(sink: &Sink, name: &str, version: u64) {
    let guid = format!("urn:test:{name}");
    until(SOON, &format!("{name} version {version}"), async || sink.stories().get(&guid) == Some(&version)).await;
}

async fn metric(scene: &Scene, name: &str) -> Option<f64> {
    let (_, metrics) = get(scene.admin, "/metrics").await.expect("the admin port answers");
    let line = metrics.lines().find_map(|line| line.strip_prefix(&format!("{name} ")).map(str::to_owned))?;
    line.parse().ok()
}

/// What the status page is told of the configuration.
async fn told(scene: &Scene) -> Value {
    // It looks at most every second and a half.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let (status, board) = get(scene.admin, "/v1/partners").await.expect("the admin port answers");
    assert_eq!(status, 200, "{board}");
    let board: Value = serde_json::from_str(&board).expect("it is JSON");
    board["flow"]["config"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn partners_come_and_go_and_come_back() {
    let (coast, island, hill) =
        (sink(SinkOptions::default()).await, sink(SinkOptions::default()).await, sink(SinkOptions::default()).await);
    let mut scene = Scene::new(&[partner("coast", url(&coast)), partner("island", url(&island))], "", "");
    scene.start().await;
    assert_eq!(owed(&scene, "one", 1, "publish").await, 2);
    has(&island, "one", 1).await;

    scene.add_partner(&partner("hill", url(&hill)));
    let gone = std::fs::read(scene.partner_file("island")).unwrap();
    std::fs::remove_file(scene.partner_file("island")).unwrap();
    let said = ordered(&scene, &["reload", "--reason", "hill has signed"]);
    assert!(said.ends_with(": 2 keys changed; 1 destination added; 1 destination removed\n"), "{said}");
    assert_eq!(owed(&scene, "two", 1, "publish").await, 2);
    has(&hill, "two", 1).await;
    has(&coast, "two", 1).await;
    // Who has it is told all the same, though nobody is there to be told now.
    assert_eq!(owed(&scene, "one", 2, "kill").await, 2);
    has(&coast, "one", 2).await;
    let why = ordered(&scene, &["why", "--story", "urn:test:one", "--partner", "island"]);
    assert!(why.contains("island is not in the configuration any more"), "{why}");
    assert_eq!(island.stories().get("urn:test:one"), Some(&1));

    std::fs::write(scene.partner_file("island"), gone).unwrap();
    ordered(&scene, &["reload"]);
    has(&island, "one", 2).await;
    assert_eq!(owed(&scene, "three", 1, "publish").await, 3);
    has(&island, "three", 1).await;
    assert_eq!(island.stats().stories, 2, "what was published while it was gone is not for it");
    let orders = ordered(&scene, &["orders", "--all"]);
    assert!(orders.contains("reload") && orders.contains("hill has signed"), "{orders}");
    assert_eq!(scene.terminate().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_configuration_changes_nothing_and_says_where_it_is_wrong() {
    let coast = sink(SinkOptions::default()).await;
    let mut scene = Scene::new(&[partner("coast", url(&coast))], "", "");
    scene.start().await;
    let address = format!("url = \"{}\"", url(&coast));
    scene.replace_in_partner("coast", &address, "url = \"ftp://nowhere\"\nurgent = 1");
    let (code, out, why) = run(&scene, &["reload"]);
    assert_eq!((code, out.as_str()), (78, ""));
    assert!(why.contains("partners.d/coast.toml:5:") && why.contains("urgent"), "{why}");
    assert_eq!(metric(&scene, "newswired_config_good").await, Some(1.0), "the daemon was left alone");

    // One that does not ask first hears of it by log, metric and page.
    scene.signal("HUP");
    until(SOON, "it is refused", async || metric(&scene, "newswired_config_good").await == Some(0.0)).await;
    assert_eq!(metric(&scene, "newswired_config_reloads_total{result=\"refused\"}").await, Some(1.0));
    assert!(scene.log().contains("configuration refused; the last one stays in force"));
    let refused = told(&scene).await["refused"].as_str().expect("the page is told why").to_owned();
    assert!(refused.contains("partners.d/coast.toml:5:"), "{refused}");
    assert_eq!(owed(&scene, "one", 1, "publish").await, 1);
    has(&coast, "one", 1).await;

    // What looks well and cannot be had is refused as a whole, too.
    scene.replace_in_partner("coast", "url = \"ftp://nowhere\"\nurgent = 1", &address);
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let (from, to) = (format!("127.0.0.1:{}", scene.http), taken.local_addr().unwrap().to_string());
    scene.replace_in_config(&from, &to);
    scene.add_partner(&partner("hill", url(&coast)));
    let (code, _, why) = run(&scene, &["reload"]);
    assert_eq!(code, 78, "{why}");
    assert!(why.contains("intake.http cannot listen on") && why.contains("the last configuration stays"), "{why}");
    assert_eq!(owed(&scene, "two", 1, "publish").await, 1, "hill is not there");

    scene.replace_in_config(&to, &from);
    ordered(&scene, &["reload"]);
    assert_eq!(metric(&scene, "newswired_config_good").await, Some(1.0));
    assert_eq!(told(&scene).await["refused"], Value::Null);
    assert_eq!(owed(&scene, "three", 1, "publish").await, 2);
    assert_eq!(scene.terminate().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_door_that_was_mended_is_tried_at_once() {
    let (coast, island) = (sink(SinkOptions::default()).await, sink(SinkOptions::default()).await);
    let gone = sink(SinkOptions { status: 410, ..SinkOptions::default() }).await;
    let dead = format!("http://127.0.0.1:{}/", free_port());
    let partners = [partner("coast", dead.clone()), partner("island", url(&gone))];
    // Hours, unless somebody looks.
    let mut scene = Scene::new(&partners, "", "");
    let backoff = "backoff = { first = \"100ms\", ceiling = \"1s\" }";
    scene.replace_in_config(backoff, "backoff = { first = \"3h\", ceiling = \"6h\" }");
    scene.start().await;
    owed(&scene, "one", 1, "publish").await;
    let failures = |id| format!("newswired_lane_failures{{destination=\"{id}/main\"}}");
    for id in ["coast", "island"] {
        until(SOON, "its door is in trouble", async || metric(&scene, &failures(id)).await == Some(1.0)).await;
    }
    scene.replace_in_partner("coast", &dead, &url(&coast));
    scene.replace_in_partner("island", &url(&gone), &url(&island));
    let said = ordered(&scene, &["reload"]);
    assert!(said.contains("2 destinations opened anew"), "{said}");
    has(&coast, "one", 1).await;
    has(&island, "one", 1).await;
    for id in ["coast", "island"] {
        until(SOON, "its trouble is over", async || metric(&scene, &failures(id)).await == Some(0.0)).await;
    }
    assert_eq!(scene.terminate().await, Some(0));
}

/// An attempt under way ends by what it began with, and no second one is made beside it.
#[tokio::test(flavor = "multi_thread")]
async fn a_door_that_is_replaced_during_an_attempt_is_sent_what_follows() {
    let slow = sink(SinkOptions { delay: Duration::from_secs(3), ..SinkOptions::default() }).await;
    let quick = sink(SinkOptions::default()).await;
    let mut scene = Scene::new(&[partner("coast", url(&slow))], "", "");
    scene.start().await;
    owed(&scene, "one", 1, "publish").await;
    until(SOON, "the attempt has begun", async || slow.stats().received > 0).await;
    scene.replace_in_partner("coast", &url(&slow), &url(&quick));
    ordered(&scene, &["reload"]);
    owed(&scene, "two", 1, "publish").await;
    has(&quick, "two", 1).await;
    has(&slow, "one", 1).await;
    let why = || ordered(&scene, &["why", "--story", "urn:test:one", "--partner", "coast"]);
    until(SOON, "the old answer counts", async || why().contains("has version 1: delivered")).await;
    assert_eq!((slow.stats().received, quick.stats().received), (1, 1));
    assert_eq!(scene.terminate().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_has_changed_is_touched() {
    let bodies = tempfile::tempdir().unwrap();
    let coast = sink(SinkOptions { dir: Some(bodies.path().to_owned()), ..SinkOptions::default() }).await;
    let mut scene = Scene::new(&[partner("coast", url(&coast))], "", "");
    scene.start().await;
    owed(&scene, "one", 1, "publish").await;
    has(&coast, "one", 1).await;
    // Terms: the next document carries them, though its edition is the same.
    scene.replace_in_config("All republished articles must include", "Whoever republishes this must include");
    scene.replace_in_config("level = \"trace\"", "level = \"info\"");
    let said = ordered(&scene, &["reload"]);
    assert!(said.ends_with(": 2 keys changed\n"), "{said}");
    owed(&scene, "one", 2, "update").await;
    has(&coast, "one", 2).await;
    let texts: Vec<String> = std::fs::read_dir(bodies.path())
        .unwrap()
        .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    let with = |text: &str| texts.iter().filter(|body| body.contains(text)).count();
    assert_eq!((with("All republished articles must"), with("Whoever republishes this must")), (1, 1));
    // The intake's token and port, and the spool.
    std::fs::write(scene.dir.path().join("token"), "another-token-of-the-tests").unwrap();
    let port = free_port();
    scene.replace_in_config(&format!("127.0.0.1:{}", scene.http), &format!("127.0.0.1:{port}"));
    scene.replace_in_config("/spool\"", "/spool-two\"");
    let said = ordered(&scene, &["reload"]);
    assert!(said.contains("the HTTP intake opened anew, the spool opened anew"), "{said}");
    let new = publish(port, "another-token-of-the-tests", "application/json", &article("two", 1, "publish")).await;
    assert_eq!(new.expect("it answers there").0, 202);
    until(SOON, "the old port is closed", async || publish(scene.http, TOKEN, "application/json", b"").await.is_none())
        .await;
    let spool = scene.dir.path().join("spool-two");
    std::fs::write(spool.join("four"), article("four", 1, "publish")).unwrap();
    std::fs::rename(spool.join("four"), spool.join("incoming/four.json")).unwrap();
    has(&coast, "two", 1).await;
    has(&coast, "four", 1).await;

    // Who may order: the port stays where it is, and knows the token.
    std::fs::write(scene.dir.path().join("desk"), "token-of-the-desk").unwrap();
    let listen = format!("listen = \"127.0.0.1:{}\"", scene.admin);
    let tokens = format!("{listen}\ntokens = {{ desk = \"file:{}/desk\" }}", scene.dir.path().display());
    scene.replace_in_config(&listen, &tokens);
    let said = ordered(&scene, &["reload"]);
    assert!(said.contains("the admin port opened anew"), "{said}");
    let head = "POST /v1/orders HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer token-of-the-desk\r\n";
    let answer = asked(scene.admin, head, "{\"order\":\"reload\",\"reason\":\"by the page\"}").await;
    assert!(answer.starts_with("HTTP/1.1 20"), "{answer}");

    // What waits for a start is named, until it is put back.
    scene.replace_in_config("[ledger]", "[ledger]\nbatch = 64");
    let said = ordered(&scene, &["reload"]);
    assert!(said.ends_with("1 key changed; at the next start: ledger.batch\n"), "{said}");
    assert_eq!(told(&scene).await["at_next_start"], serde_json::json!(["ledger.batch"]));
    scene.replace_in_config("[ledger]\nbatch = 64", "[ledger]");
    ordered(&scene, &["reload"]);
    assert_eq!(told(&scene).await["at_next_start"], serde_json::json!([]));
    assert!(ordered(&scene, &["reload"]).ends_with(": nothing has changed\n"));
    assert_eq!(scene.terminate().await, Some(0));
}

async fn asked(port: u16, head: &str, body: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let request = format!("{head}connection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_reload_would_change_is_shown_and_changes_nothing() {
    let coast = sink(SinkOptions::default()).await;
    let mut scene = Scene::new(&[partner("coast", url(&coast))], "", "");
    let (code, _, why) = run(&scene, &["check", "--diff"]);
    assert_eq!(code, 1);
    assert!(why.contains("no daemon has run on this ledger"), "{why}");
    let (code, _, why) = run(&scene, &["reload"]);
    assert_eq!(code, 69, "{why}");
    scene.start().await;
    let noted = scene.dir.path().join("ledger.sqlite.config");
    until(SOON, "it is noted what is in force", async || noted.exists()).await;
    assert_eq!(ordered(&scene, &["check", "--diff"]), "a reload: nothing has changed\n");
    scene.add_partner(&partner("hill", "http://127.0.0.1:9/".to_owned()));
    scene.replace_in_partner("coast", "signing_secret", "answer_timeout = \"7s\"\nsigning_secret");
    insta::assert_snapshot!(ordered(&scene, &["check", "--diff"]), @r#"
    partners.coast.destinations.main.http.answer_timeout: (left out) → "7s"
    partners.hill: new
    a reload: 2 keys changed; 1 destination added; 1 destination opened anew
    "#);
    let plan: Value = serde_json::from_str(&ordered(&scene, &["check", "--diff", "--json"])).expect("it is JSON");
    assert_eq!(plan["added"], serde_json::json!(["hill/main"]));
    assert_eq!(owed(&scene, "one", 1, "publish").await, 1);
    assert_eq!(scene.terminate().await, Some(0));
    assert!(ordered(&scene, &["check", "--diff"]).contains("no daemon runs; its next start: 2 keys changed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_file_is_word_enough_where_it_may_be() {
    let (coast, hill) = (sink(SinkOptions::default()).await, sink(SinkOptions::default()).await);
    let mut scene = Scene::new(&[partner("coast", url(&coast))], "", "");
    scene.replace_in_config("on_change = false", "on_change = true");
    scene.start().await;
    // Not before its first look.
    tokio::time::sleep(Duration::from_secs(3)).await;
    scene.add_partner(&partner("hill", url(&hill)));
    until(SOON, "it is loaded", async || {
        metric(&scene, "newswired_config_reloads_total{result=\"adopted\"}").await == Some(1.0)
    })
    .await;
    assert_eq!(owed(&scene, "one", 1, "publish").await, 2);
    has(&hill, "one", 1).await;
    assert_eq!(scene.terminate().await, Some(0));
}

/// A partner that comes and goes, terms that change, ports that are opened anew, all the while articles come in: each that
/// was accepted arrives wherever it was owed.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_accepted_is_lost_however_often_it_is_loaded() {
    let (steady, fickle) = (sink(SinkOptions::default()).await, sink(SinkOptions::default()).await);
    let mut scene = Scene::new(&[partner("steady", url(&steady)), partner("fickle", url(&fickle))], "", "");
    scene.start().await;
    let stop = Arc::new(AtomicBool::new(false));
    let (http, stopped) = (scene.http, Arc::clone(&stop));
    let publishing = tokio::spawn(async move {
        let (mut accepted, mut to_both) = (Vec::new(), Vec::new());
        let mut number = 0_u64;
        while !stopped.load(Ordering::Relaxed) {
            let name = format!("s{number}");
            match publish(http, TOKEN, "application/json", &article(&name, 1, "publish")).await {
                Some((202 | 200, answer)) => {
                    if answer["deliveries"] == 2 {
                        to_both.push(name.clone());
                    }
                    accepted.push(name);
                    number += 1;
                }
                // Between two listeners a connection may end; the newsroom sends it again.
                Some((503, _)) | None => tokio::time::sleep(Duration::from_millis(5)).await,
                Some(other) => panic!("{other:?}"),
            }
        }
        (accepted, to_both)
    });
    let file = std::fs::read(scene.partner_file("fickle")).unwrap();
    for round in 0..12 {
        match round % 4 {
            0 => std::fs::remove_file(scene.partner_file("fickle")).unwrap(),
            1 => {
                scene.replace_in_config("[intake.http]", &format!("[intake.http]\nread_timeout = \"{}s\"", 20 + round))
            }
            2 => std::fs::write(scene.partner_file("fickle"), &file).unwrap(),
            _ => {
                scene.replace_in_config(&format!("\nread_timeout = \"{}s\"", 18 + round), "");
                scene.replace_in_config("must ", "must of course ");
            }
        }
        ordered(&scene, &["reload"]);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    std::fs::write(scene.partner_file("fickle"), &file).unwrap();
    ordered(&scene, &["reload"]);
    stop.store(true, Ordering::Relaxed);
    let (accepted, to_both) = publishing.await.unwrap();
    assert!(accepted.len() > to_both.len() && to_both.len() > 20, "{} of {}", to_both.len(), accepted.len());
    until(Duration::from_secs(60), "all of it arrives", async || {
        steady.stats().stories == accepted.len() as u64 && fickle.stats().stories == to_both.len() as u64
    })
    .await;
    for name in to_both {
        assert!(fickle.stories().contains_key(&format!("urn:test:{name}")), "{name}");
    }
    assert_eq!((steady.stats().repeats, fickle.stats().repeats), (0, 0));
    assert_eq!(scene.terminate().await, Some(0));
}
