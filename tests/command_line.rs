//! The command line as an operator uses it: verbs, exit codes, and errors that say where and how to mend.

mod support;

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use newswired::sink::SinkOptions;
use support::{Partner, Scene, TOKEN, article, free_port, get, newswired, output, project, sink, until, url};

/// Runs the program to its end. Returns its exit code, standard output and standard error.
fn run(arguments: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = output(newswired().args(arguments));
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it prints UTF-8");
    (status.code().expect("it ends by itself"), text(stdout), text(stderr))
}

fn path(path: &Path) -> &str {
    path.to_str().expect("the path is UTF-8")
}

#[test]
fn exit_codes_say_what_kind_of_trouble_it_is() {
    let sample = project("config/newswired.toml");
    let sample = path(&sample);
    let (code, out, _) = run(&["check", "--without-secrets", "--config", sample]);
    assert_eq!((code, out.contains("good; 1 wire, 6 partners, 7 destinations")), (0, true), "{out}");
    // The sample's secrets are systemd's, which a shell does not have.
    let (code, _, why) = run(&["check", "--config", sample]);
    assert_eq!((code, why.contains("config/newswired.toml:")), (78, true), "{why}");
    let (code, _, why) = run(&["deliveries", "--config", sample]);
    assert_eq!((code, why.contains("there is no ledger at /var/lib/newswired/ledger.sqlite")), (69, true), "{why}");
    assert_eq!(run(&["deliver"]).0, 64);
    assert_eq!(run(&["--help"]).0, 0);
    let (code, _, why) = run(&["check", "--config", "nowhere.toml"]);
    assert_eq!(
        (code, why.as_str()),
        (78, "nowhere.toml: there is no such file; --config says where the configuration is\n")
    );
}

#[test]
fn render_shows_what_a_partner_would_receive_and_why_it_gets_it() {
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let story = dir.path().join("story.json");
    let mut value: serde_json::Value = serde_json::from_slice(&article("one", 1, "publish")).expect("it is JSON");
    value["urgency"] = 2.into();
    std::fs::write(&story, value.to_string()).expect("a file can be written");
    let sample = project("config/newswired.toml");
    let render = |story: &Path, partner: &str| {
        let out = dir.path().join("out");
        let (code, _, said) =
            run(&["render", path(story), "--partner", partner, "--out", path(&out), "--config", path(&sample)]);
        (code, said, std::fs::read_to_string(out).unwrap_or_default())
    };
    let (code, said, document) = render(&story, "coast-times");
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("coast-times: gets it by its rule \"all-but-sports\""), "{said}");
    assert!(document.contains("<nitf") && document.contains("licensing@harborpress.example"), "{document}");
    let (code, said, _) = render(&story, "costa-times");
    assert_eq!(
        (
            code,
            said.contains(
                "there are: bay-observer, coast-times, island-post, lake-gazette, ledger-herald, valley-record"
            )
        ),
        (64, true),
        "{said}"
    );

    value["authors"] = serde_json::json!([]);
    std::fs::write(&story, value.to_string()).expect("a file can be written");
    let (code, said, _) = render(&story, "coast-times");
    assert_eq!((code, said.contains("byline: the article names no reporter")), (1, true), "{said}");
    std::fs::write(&story, "{\n\"newswired\": 1,,").expect("a file can be written");
    let (code, said, _) = render(&story, "coast-times");
    assert_eq!((code, said.starts_with(&format!("{}:2:16: ", path(&story)))), (1, true), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn publishing_listing_and_quarantine() {
    let partner = sink(SinkOptions::default()).await;
    let partners = [Partner { id: "own", format: "json", url: url(&partner), more: "" }];
    let mut scene = Scene::new(&partners, "", "");
    scene.start().await;
    let config = scene.config();
    let config = path(&config);
    let file = |name: &str, body: &[u8]| {
        let file = scene.dir.path().join(name);
        std::fs::create_dir_all(file.parent().expect("it has a directory")).expect("a directory can be made");
        std::fs::write(&file, body).expect("a file can be written");
        path(&file).to_owned()
    };
    let http = format!("http://127.0.0.1:{}", scene.http);
    let token = format!("file:{}", path(&scene.dir.path().join("token")));
    let one = file("one.json", &article("one", 1, "publish"));
    let (code, out, why) = run(&["publish", &one, "--http", &http, "--token", &token]);
    assert_eq!((code, out.as_str()), (0, "1 published\n"), "{why}");

    // Two files of one name, and one that is no article.
    let spool = scene.dir.path().join("spool");
    let a = file("a/story.json", &article("a", 1, "publish"));
    let b = file("b/story.json", &article("b", 1, "publish"));
    let (code, out, why) = run(&["publish", &a, &b, "--spool", path(&spool)]);
    assert_eq!((code, out.as_str()), (0, "2 published\n"), "{why}");
    let bad = file("bad.json", b"{}");
    let (code, _, why) = run(&["publish", &bad, &one, "--http", &http, "--token", &token]);
    assert_eq!((code, why.contains("bad.json: 422")), (1, true), "{why}");
    until(Duration::from_secs(20), "all three arrive", async || partner.stories().len() == 3).await;
    // What the ledger says of it is written a moment later.
    until(Duration::from_secs(10), "all three are known to have arrived", async || {
        run(&["deliveries", "--totals", "--config", config]).1.contains("in all: 3 delivered")
    })
    .await;

    let (code, out, _) = run(&["deliveries", "--json", "--story", "urn:test:a", "--config", config]);
    let line: serde_json::Value = serde_json::from_str(&out).expect("a line of JSON");
    assert_eq!((code, line["state"].as_str(), line["destination"].as_str()), (0, Some("delivered"), Some("own/main")));
    let (_, out, _) = run(&["deliveries", "--limit", "2", "--since", "1h", "--config", config]);
    assert!(!out.contains("in all"), "nothing is counted that was not asked for: {out}");
    let place = out.lines().last().and_then(|line| line.rsplit(' ').next()).expect("it says where to go on");
    let next = ["deliveries", "--json", "--since", "1h", "--after", place, "--config", config];
    assert_eq!(run(&next).1.lines().count(), 1, "{place}");
    let (code, _, why) = run(&["deliveries", "--partner", "ownn", "--config", config]);
    assert_eq!((code, why.as_str()), (64, "there is no partner \"ownn\"; did you mean \"own\"?\n"));
    assert_eq!(run(&["deliveries", "--state", "lost", "--config", config]).0, 64);

    let (_, out, _) = run(&["quarantine", "list", "--json", "--config", config]);
    let line: serde_json::Value = serde_json::from_str(&out).expect("a line of JSON");
    let id = line["id"].to_string();
    let (_, out, about) = run(&["quarantine", "show", &id, "--config", config]);
    assert_eq!((out.as_str(), about.contains("source: http")), ("{}", true), "{about}");
    assert_eq!(run(&["quarantine", "retry", &id, "--config", config]).0, 0);
    until(Duration::from_secs(10), "the daemon has tried it again", async || {
        run(&["quarantine", "list", "--json", "--config", config]).1.contains("\"waiting\"")
    })
    .await;
    assert_eq!(run(&["quarantine", "discard", &id, "--config", config]).0, 0);
    assert_eq!(run(&["quarantine", "list", "--config", config]).1, "quarantine is empty\n");
    assert_eq!(run(&["quarantine", "discard", &id, "--config", config]).0, 1);
    assert_eq!(scene.terminate().await, Some(0));
}

/// As before `head` when it has read enough.
#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_has_gone_ends_a_verb_in_silence() {
    let partner = sink(SinkOptions::default()).await;
    let partners = [Partner { id: "own", format: "json", url: url(&partner), more: "" }];
    let mut scene = Scene::new(&partners, "", "");
    scene.start_and_publish(&article("one", 1, "publish")).await;
    until(Duration::from_secs(20), "it arrives", async || partner.stories().len() == 1).await;
    let (config, story) = (scene.config(), "urn:test:one");
    let unread = |arguments: &[&str]| {
        let (reader, writer) = std::io::pipe().expect("a pipe can be made");
        drop(reader);
        let Output { status, stderr, .. } = output(newswired().args(arguments).stdout(writer));
        // What a shell says of a program that SIGPIPE ended; what happened is read for as long as somebody likes.
        let code = if arguments[0] == "events" { 0 } else { 141 };
        assert_eq!((status.code(), String::from_utf8_lossy(&stderr).as_ref()), (Some(code), ""), "{arguments:?}");
    };
    for verb in [
        &["check"][..],
        &["config", "show"],
        &["deliveries"],
        &["deliveries", "--json"],
        &["events"],
        &["events", "--json"],
        &["health"],
        &["hold", "--story", story],
        &["orders"],
        &["orders", "--json"],
        &["partner", "test", "--partner", "own"],
        &["partners"],
        &["quarantine", "list"],
        &["release", "--story", story],
        &["stats"],
        &["status"],
        &["stories"],
        &["why", "--story", story, "--partner", "own"],
    ] {
        unread(&[verb, &["--config", path(&config)]].concat());
    }
    unread(&["completions", "bash"]);
    unread(&["manual", path(scene.dir.path())]);
    unread(&["sink", "--listen", "127.0.0.1:0"]);
    // What was ordered is done all the same.
    let (code, out, _) = run(&["orders", "--all", "--config", path(&config)]);
    assert_eq!((code, out.contains("hold"), out.contains("release")), (0, true, true), "{out}");
    assert_eq!(scene.terminate().await, Some(0));
}

#[test]
fn a_secret_that_was_mistyped_is_not_printed() {
    for arguments in [
        &["publish", "x.json", "--token", "hunter2"][..],
        &["publish", "x.json", "--amqp", "amqp//u:hunter2@mq"],
        &["publish", "x.json", "--http", "http//u:hunter2@x"],
    ] {
        let (code, out, why) = run(arguments);
        assert_eq!(code, 64, "{why}");
        assert!(!out.contains("hunter2") && !why.contains("hunter2"), "{why}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_fails_first_stores_bodies_and_counts() {
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let port = free_port();
    let listen = format!("127.0.0.1:{port}");
    let arguments = ["sink", "--listen", &listen, "--dir", path(dir.path()), "--fail-first", "2", "--delay-ms", "1"];
    let mut child = newswired()
        .args(arguments)
        .env("NEWSWIRED_SINK_SECRET", support::SECRET)
        .stdout(Stdio::null())
        .spawn()
        .expect("the sink can be started");
    until(Duration::from_secs(10), "the sink answers", async || get(port, "/stats").await.is_some()).await;
    let partners = [Partner { id: "own", format: "nitf", url: format!("http://{listen}/"), more: "" }];
    let mut scene = Scene::new(&partners, "", "");
    scene.start_and_publish(&article("one", 1, "publish")).await;
    until(Duration::from_secs(20), "the body is stored", async || {
        dir.path().join("000001-urn_test_one-v1.xml").exists()
    })
    .await;
    let (_, stats) = get(port, "/stats").await.expect("the sink answers");
    let stats: serde_json::Value = serde_json::from_str(&stats).expect("counts are JSON");
    assert_eq!((stats["failed_on_purpose"].as_u64(), stats["accepted"].as_u64()), (Some(2), Some(1)), "{stats}");
    let sent = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().expect("kill(1) can be run");
    assert!(sent.success() && child.wait().expect("it ends").success(), "SIGTERM ends a sink");
    assert_eq!(scene.terminate().await, Some(0));
    assert!(!scene.log().contains(TOKEN));
}
