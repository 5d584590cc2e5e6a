//! The status page in a real browser, with real traffic behind it.

mod support;

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use newswired::sink::SinkOptions;
use serde_json::json;
use support::{Partner, Scene, TOKEN, project, sink, url};

/// A token of `admin.tokens`.
const DESK: &str = "token-of-the-desk";

/// Lets the desk order by HTTP.
fn with_desk(scene: &Scene, listen: &str) {
    let desk = scene.dir.path().join("desk");
    std::fs::write(&desk, DESK).unwrap();
    let admin = format!("listen = \"127.0.0.1:{}\"", scene.admin);
    let tokens = format!("tokens = {{ desk = \"file:{}\" }}", desk.display());
    scene.replace_in_config(&admin, &format!("listen = \"{listen}:{}\"\n{tokens}", scene.admin));
}

/// Does in a browser what tests/page/page.mjs has by a name.
fn browse(scene: &Scene, what: &str) {
    let modules = project("target/node/node_modules");
    assert!(modules.join("puppeteer-core").exists(), "puppeteer-core is not installed; tests/run installs it");
    let place = tempfile::tempdir().unwrap();
    // Where node looks for what a module imports.
    std::os::unix::fs::symlink(&modules, place.path().join("node_modules")).unwrap();
    std::fs::copy(project("tests/page/page.mjs"), place.path().join("page.mjs")).unwrap();
    let given = json!({
        "admin": format!("http://127.0.0.1:{}/", scene.admin), "intake": format!("http://127.0.0.1:{}", scene.http),
        "token": DESK, "intake_token": TOKEN, "axe": modules.join("axe-core/axe.min.js"),
        "profile": place.path().join("profile"),
        // UPDATE_SCREENSHOTS=DIR keeps what the pages look like.
        "screenshots": std::env::var_os("UPDATE_SCREENSHOTS").map(|dir| dir.to_string_lossy().into_owned()),
    });
    let mut node = Command::new("timeout")
        .args(["300", "node"])
        .arg(place.path().join("page.mjs"))
        .arg(what)
        .env("HOME", place.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("node can be run");
    node.stdin.take().unwrap().write_all(given.to_string().as_bytes()).unwrap();
    let output = node.wait_with_output().unwrap();
    println!("{}", String::from_utf8_lossy(&output.stdout));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn partner(id: &'static str, url: String) -> Partner {
    Partner { id, format: "json", url, more: "" }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_sees_and_does_what_the_night_asks_for() {
    let (island, coast) = (sink(SinkOptions::default()).await, sink(SinkOptions::default()).await);
    // A door that nobody opens, for stories of one kind.
    let nobody = partner("valley-record", "http://127.0.0.1:1/".to_owned());
    let partners = [partner("island-post", url(&island)), partner("coast-times", url(&coast)), nobody];
    let mut scene = Scene::new(&partners, "", "");
    let sports = "name = \"Valley Record\"\nsubscriptions = { sports = { sections = [\"sports\"] } }";
    scene.replace_in_partner("valley-record", "name = \"valley-record\"", sports);
    scene.replace_in_partner("island-post", "name = \"island-post\"", "name = \"Island Post\"");
    scene.replace_in_partner("coast-times", "name = \"coast-times\"", "name = \"Coast Times\"");
    with_desk(&scene, "127.0.0.1");
    scene.start().await;
    browse(&scene, "desk");
    assert!(
        scene
            .log()
            .contains("admin by=\"desk\" from=\"127.0.0.1\" what=\"suspend coast-times, even kills\" status=200")
    );
    assert!(
        scene.log().contains("admin by=\"desk\" from=\"127.0.0.1\" what=\"test the doors of coast-times\" status=200")
    );
    assert_eq!(scene.terminate().await, Some(0), "nobody who watches keeps it from its end");
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_partners_are_shown_and_stay_live() {
    let receiver = sink(SinkOptions::default()).await;
    let mut scene = Scene::new(&[], "", "");
    let (url, secret) = (url(&receiver), scene.dir.path().join("secret").display().to_string());
    let main = std::fs::read_to_string(scene.config()).unwrap();
    let mut text = main.replace("level = \"trace\"", "level = \"error\"");
    for number in 0..10_000 {
        // One of them gets the story.
        let takes = if number == 4_242 { "" } else { "subscriptions = { none = { sections = [\"none\"] } }\n" };
        let _ = writeln!(
            text,
            "[partners.p{number:05}]\nname = \"Partner {number}\"\n{takes}[partners.p{number:05}.destinations.main]\nformat = \"json\"\nhttp = {{ url = \"{url}\", signing_secret = \"file:{secret}\" }}"
        );
    }
    std::fs::write(scene.config(), text).unwrap();
    with_desk(&scene, "127.0.0.1");
    scene.start().await;
    browse(&scene, "fleet");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_other_machines_reach_it_reading_asks_for_a_token_too() {
    let mut scene = Scene::new(&[partner("island-post", "http://127.0.0.1:1/".to_owned())], "", "");
    with_desk(&scene, "0.0.0.0");
    scene.replace_in_config("[admin]", "[admin]\nallow_remote = true");
    scene.start().await;
    for path in ["/v1/partners", "/v1/live", "/v1/stories", "/v1/orders", "/v1/quarantine"] {
        assert_eq!(support::get(scene.admin, path).await.unwrap().0, 401, "{path}");
    }
    browse(&scene, "remote");
}
