//! The wire in a terminal: the verbs that look at a running daemon and at the ledger that one left, and `newswired top` in
//! a pseudo-terminal that script(1) makes.

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::num::NonZero;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use newswired::sink::SinkOptions;
use serde_json::Value;
use support::{Partner, Scene, TOKEN, article, newswired, ordered, run, sink, until, url};

fn partner(id: &'static str, url: String) -> Partner {
    Partner { id, format: "json", url, more: "" }
}

/// Two partners: one takes what it gets, nobody opens at the other.
async fn scene() -> (Scene, newswired::sink::Sink) {
    let island = sink(SinkOptions::default()).await;
    let nobody = partner("valley-record", "http://127.0.0.1:1/".to_owned());
    let scene = Scene::new(&[partner("island-post", url(&island)), nobody], "", "");
    (scene, island)
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_daemon_is_asked_and_a_stopped_ones_ledger_is_read() {
    let (mut scene, island) = scene().await;
    // Before there is a ledger, and after: an empty one.
    let (code, _, why) = run(&scene, &["status"]);
    assert_eq!((code, why.contains("there is no ledger at")), (69, true), "{why}");
    scene.start().await;
    let (code, out, why) = run(&scene, &["status"]);
    assert_eq!((code, out.starts_with("The wire flows")), (0, true), "{out}{why}");
    assert_eq!(run(&scene, &["stories"]).0, 1, "there are none yet");

    scene.post("application/json", &article("ferry", 1, "publish")).await;
    until(Duration::from_secs(20), "it arrives, and fails at the other", async || {
        let (_, out, _) = run(&scene, &["status", "--json"]);
        let told: Value = serde_json::from_str(&out).expect("a JSON object");
        island.stories().len() == 1 && told["troubled"] == 1 && told["arrivals"].as_f64() > Some(0.0)
    })
    .await;
    let (code, out, why) = run(&scene, &["status"]);
    assert_eq!((code, why.trim_end()), (1, "in trouble: 1 door"), "{out}");
    assert!(out.contains("✗ valley-record/main: cannot connect to 127.0.0.1"), "{out}");
    assert!(!out.contains('\u{1b}'), "no colours where it is no terminal: {out}");

    let rows = lines(&ordered(&scene, &["partners", "--json"]));
    let standing = |rows: &[Value], at: usize| {
        (rows[at]["destination"].as_str().unwrap().to_owned(), rows[at]["standing"].as_str().unwrap().to_owned())
    };
    assert_eq!(standing(&rows, 0), ("valley-record/main".to_owned(), "trouble".to_owned()));
    assert!(rows[1]["latency_ms"].is_u64() && rows[1]["arrived"].as_array().unwrap().len() == 12, "{}", rows[1]);
    assert_eq!(
        lines(&ordered(&scene, &["partners", "--json", "--sort", "name"]))[0]["destination"],
        "island-post/main"
    );
    assert_eq!(lines(&ordered(&scene, &["partners", "--json", "island"])).len(), 1);
    assert_eq!(lines(&ordered(&scene, &["partners", "--json", "--trouble"])).len(), 1);
    assert_eq!(run(&scene, &["partners", "--sort", "size"]).0, 64);
    let (_, out, why) = run(&scene, &["partners", "--limit", "1", "--json"]);
    assert_eq!((lines(&out).len(), why.as_str()), (1, "1 more are not shown: --limit says how many\n"));

    let found = lines(&ordered(&scene, &["stories", "--json", "HEADLINE of f"]));
    assert_eq!((found.len(), found[0]["guid"].as_str()), (1, Some("urn:test:ferry")));
    assert_eq!(run(&scene, &["stories", "nothing of the kind"]).0, 1);

    // The same without a daemon, and it is said.
    assert_eq!(scene.terminate().await, Some(0));
    let (code, out, why) = run(&scene, &["status"]);
    assert_eq!((code, out.starts_with("No daemon runs\n")), (1, true), "{out}");
    assert!(why.contains("this is how one left it") && why.ends_with("in trouble: no daemon runs; 1 door\n"), "{why}");
    let (code, out, why) = run(&scene, &["partners", "--json"]);
    assert_eq!((code, standing(&lines(&out), 0).1.as_str()), (0, "trouble"), "{why}");
    assert!(why.starts_with("No daemon runs"), "{why}");
    assert_eq!(lines(&ordered(&scene, &["stories", "--json"])).len(), 1);
}

/// A daemon that runs and cannot be asked is no reason to take the ledger's word for its.
#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_does_not_answer_is_an_error() {
    let (mut scene, _island) = scene().await;
    scene.start().await;
    let port = scene.admin.to_string();
    scene.replace_in_config(&port, &support::free_port().to_string());
    for verb in ["status", "partners"] {
        let (code, out, why) = run(&scene, &[verb]);
        assert_eq!((code, out.as_str()), (69, ""), "{why}");
        assert!(why.contains("a daemon runs on ") && why.contains("does not answer"), "{why}");
    }
}

/// Where the port listens on more than loopback, it asks for a token, which is never shown.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_given_by_reference_where_the_port_asks_for_one() {
    let (mut scene, _island) = scene().await;
    let desk = scene.dir.path().join("desk");
    std::fs::write(&desk, "token-of-the-desk").expect("a file can be written");
    support::secrets::register("token-of-the-desk");
    let admin = format!("[admin]\nlisten = \"127.0.0.1:{}\"", scene.admin);
    let remote = format!(
        "[admin]\nlisten = \"0.0.0.0:{}\"\nallow_remote = true\ntokens = {{ desk = \"file:{}\" }}",
        scene.admin,
        desk.display()
    );
    scene.replace_in_config(&admin, &remote);
    scene.start().await;
    let (code, _, why) = run(&scene, &["status"]);
    assert_eq!((code, why.contains("asks for one of admin.tokens: say which with --token")), (69, true), "{why}");
    let reference = format!("file:{}", desk.display());
    assert_eq!(run(&scene, &["status", "--token", &reference]).0, 0);
    let (code, _, why) = run(&scene, &["status", "--token", "token-of-the-desk"]);
    assert_eq!((code, why.contains("not the token itself")), (64, true), "{why}");
    let mut by_variable = newswired();
    by_variable.args(["status", "--config"]).arg(scene.config()).env("NEWSWIRED_ADMIN_TOKEN", "token-of-the-desk");
    assert!(support::output(&mut by_variable).status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_told_as_they_happen_and_afterwards() {
    let (mut scene, _island) = scene().await;
    scene.start().await;
    let mut child = newswired()
        .args(["events", "--follow", "--json", "--config"])
        .arg(scene.config())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program can be started");
    let output = child.stdout.take().expect("it is a pipe");
    let (tell, told) = std::sync::mpsc::channel();
    let reader = std::thread::spawn(move || {
        for line in BufReader::new(output).lines() {
            let event: Value = serde_json::from_str(&line.expect("a line of text")).expect("a line of JSON");
            // Nobody waits for more.
            if tell.send(event).is_err() {
                break;
            }
        }
    });
    let mut seen: Vec<Value> = Vec::new();
    let mut wait_for = |what: &str, is: &dyn Fn(&Value) -> bool| {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !seen.iter().any(is) {
            let next = told.recv_timeout(deadline.saturating_duration_since(Instant::now()));
            seen.push(next.unwrap_or_else(|_| panic!("{what} is not told; told were {seen:#?}")));
        }
    };
    // What it tells at all, it tells after it has begun to follow.
    ordered(&scene, &["resume", "--partner", "island-post", "--reason", "to begin with"]);
    wait_for("the first order", &|event| event["reason"] == "to begin with");
    scene.post("application/json", &article("ferry", 1, "publish")).await;
    wait_for("the acceptance", &|event| event["event"] == "accepted" && event["story"] == "urn:test:ferry");
    wait_for("a failed attempt", &|event| event["event"] == "failed" && event["destination"] == "valley-record/main");
    wait_for("a door in trouble", &|event| event["event"] == "trouble" && event["destination"] == "valley-record/main");
    ordered(&scene, &["cancel", "--story", "urn:test:ferry", "--partner", "valley-record", "--reason", "they moved"]);
    wait_for("the order", &|event| event["event"] == "order" && event["reason"] == "they moved");
    wait_for("the version's end", &|event| event["event"] == "complete" && event["delivered"] == 1);
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    reader.join().expect("all of it was JSON");

    // Afterwards, without a daemon; and one who has read enough is no error.
    assert_eq!(scene.terminate().await, Some(0));
    let all = lines(&ordered(&scene, &["events", "--json"]));
    for word in ["accepted", "failed", "order", "complete"] {
        assert!(all.iter().any(|event| event["event"] == word), "{word} is missing in {all:#?}");
    }
    assert!(all.is_sorted_by_key(|event| event["at"].as_str().map(|at| at.parse::<jiff::Timestamp>().unwrap())));
    let arrived = lines(&ordered(&scene, &["events", "--json", "--partner", "island-post"]));
    assert_eq!(arrived.iter().filter(|event| event["state"] == "delivered").count(), 1, "{arrived:#?}");
    assert_eq!(lines(&ordered(&scene, &["events", "--json", "--limit", "1"])).len(), 1);
    let head = format!(
        "{} events --limit 2000 --config {} | head -n 1",
        env!("CARGO_BIN_EXE_newswired"),
        scene.config().display()
    );
    let piped = Command::new("bash").args(["-o", "pipefail", "-c", &head]).output().expect("bash can be run");
    assert!(piped.status.success() && piped.stderr.is_empty(), "{}", String::from_utf8_lossy(&piped.stderr));
}

/// Who waits for a replay is told when all of it is on its way; one that ends otherwise is no success.
#[tokio::test(flavor = "multi_thread")]
async fn a_replay_can_be_waited_for() {
    let (mut scene, island) = scene().await;
    scene.start().await;
    for name in ["ferry", "tremor", "budget"] {
        scene.post("application/json", &article(name, 1, "publish")).await;
    }
    until(Duration::from_secs(20), "they arrive", async || island.stories().len() == 3).await;
    let replay = ["replay", "--destination", "island-post/main", "--from-sequence", "1", "--rate", "10", "--wait"];
    let out = ordered(&scene, &replay);
    assert!(out.contains("order 1 has begun") && out.ends_with("order 1: deliveries: 3\n"), "{out}");
    until(Duration::from_secs(20), "they arrive again", async || island.stats().accepted == 6).await;
    // What the bar counts by: by time, all of the articles were looked at.
    let out = ordered(&scene, &["replay", "--partner", "island-post", "--since", "1h", "--wait"]);
    assert!(out.ends_with("order 2: deliveries: 0\n"), "{out}");
    let reader = newswired::ledger::SqliteReader::open(&scene.ledger()).expect("there is a ledger");
    let order = |id| reader.replayed(newswired::ledger::OrderId::new(id)).expect("it can be read");
    assert_eq!((order(1), order(2), order(3)), (None, Some((3, 3)), None));
    assert_eq!(scene.terminate().await, Some(0));
}

const LINES: NonZero<u16> = NonZero::new(30).unwrap();

const COLUMNS: NonZero<u16> = NonZero::new(120).unwrap();

/// A pseudo-terminal in which a command runs, and what its screen shows.
struct Pty {
    script: Child,
    keys: ChildStdin,
    screen: Arc<Mutex<vt100::Parser>>,
    bytes: Arc<Mutex<Vec<u8>>>,
}

impl Pty {
    fn start(command: &str) -> Self {
        let mut script = Command::new("script")
            .args([
                "--quiet",
                "--return",
                "--flush",
                "--command",
                &format!("stty rows {LINES} cols {COLUMNS}; {command}"),
                "/dev/null",
            ])
            .env("TERM", "xterm-256color")
            .env_remove("NO_COLOR")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("script(1) can be run");
        let (keys, mut output) = (script.stdin.take().unwrap(), script.stdout.take().unwrap());
        let screen = Arc::new(Mutex::new(vt100::Parser::new(LINES, COLUMNS, 0)));
        let bytes = Arc::<Mutex<Vec<u8>>>::default();
        let (shows, keeps) = (Arc::clone(&screen), Arc::clone(&bytes));
        // Ends with what it reads.
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = output.read(&mut buffer) {
                shows.lock().unwrap().process(&buffer[..read]);
                keeps.lock().unwrap().extend_from_slice(&buffer[..read]);
            }
        });
        Self { script, keys, screen, bytes }
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("it reads keys");
        self.keys.flush().expect("it reads keys");
    }

    fn text(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    async fn shows(&self, text: &str) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !self.text().contains(text) {
            assert!(Instant::now() < deadline, "{text:?} is not shown:\n{}", self.text());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn sent(&self) -> usize {
        self.bytes.lock().unwrap().len()
    }

    async fn ended(&mut self) -> Option<i32> {
        let mut code = None;
        until(Duration::from_secs(20), "it ends", async || {
            code = self.script.try_wait().expect("it can be waited for").map(|status| status.code());
            code.is_some()
        })
        .await;
        code.flatten()
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        let _ = self.script.kill();
        let _ = self.script.wait();
        let bytes = self.bytes.lock().unwrap();
        support::secrets::assert_hidden("the terminal", &String::from_utf8_lossy(&bytes));
    }
}

fn top(scene: &Scene) -> String {
    format!("{} top --config {}", env!("CARGO_BIN_EXE_newswired"), scene.config().display())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_sorts_opens_a_partner_and_suspends_it() {
    let (mut scene, island) = scene().await;
    scene.start_and_publish(&article("ferry", 1, "publish")).await;
    until(Duration::from_secs(20), "it arrives", async || island.stories().len() == 1).await;
    let mut pty = Pty::start(&top(&scene));
    pty.shows("The wire flows").await;
    pty.shows("valley-record/main").await;
    pty.shows("cannot connect to 127.0.0.1").await;
    let line = |text: &str, of: &str| text.lines().position(|line| line.trim_start().starts_with(of));
    until(Duration::from_secs(20), "what is in trouble stands first", async || {
        let text = pty.text();
        line(&text, "valley-record/main") < line(&text, "island-post/main")
    })
    .await;
    pty.press("n");
    until(Duration::from_secs(20), "names are sorted", async || {
        let text = pty.text();
        text.contains("name▾") && line(&text, "island-post/main") < line(&text, "valley-record/main")
    })
    .await;
    // A line on costs two lines' drawing, not a screen's.
    let before = pty.sent();
    pty.press("\u{1b}[B");
    pty.shows("valley-record valley-record/main: cannot").await;
    pty.press("\u{1b}[A");
    pty.shows("island-post island-post/main").await;
    assert!(pty.sent() - before < 3_000, "{} bytes for two steps", pty.sent() - before);
    pty.press("/island\r");
    pty.shows("that match \"island\"").await;
    assert_eq!(line(&pty.text(), "valley-record/main"), None, "{}", pty.text());

    pty.press("\r");
    pty.shows("island-post (island-post)").await;
    pty.shows("Headline of ferry").await;
    pty.shows("delivered").await;
    pty.press("S");
    pty.shows("Suspend island-post?").await;
    pty.press("they change their system\r");
    pty.shows("order 1: ").await;
    pty.shows("suspended: suspend island-post by").await;
    let orders = lines(&ordered(&scene, &["orders", "--all", "--json"]));
    assert_eq!((&orders[0]["order"]["order"], &orders[0]["state"]), (&"suspend".into(), &"done".into()));
    assert_eq!(orders[0]["reason"], "they change their system");
    // The delivery that stands out goes once more, when it is resumed.
    pty.press("E");
    pty.shows("Resend urn:test:ferry to island-post/main?").await;
    pty.press("\r");
    pty.shows("order 2: ").await;
    pty.press("R");
    pty.shows("Resume island-post?").await;
    pty.press("\r");
    pty.shows("order 3: ").await;
    until(Duration::from_secs(20), "it went once more", async || island.stats().accepted == 2).await;
    pty.press("T\r");
    pty.shows("What was found").await;
    pty.shows("island-post/main is well.").await;
    pty.press("q?");
    pty.shows("a partner's own view").await;
    pty.press("q\u{1b}");
    pty.shows("that match \"island\"").await;
    pty.press("q");
    assert_eq!(pty.ended().await, Some(0));
    assert_eq!(scene.terminate().await, Some(0));
}

/// The daemon goes and comes, and what is shown says so. A signal ends it, and the terminal is as it was.
#[tokio::test(flavor = "multi_thread")]
async fn it_lives_through_the_daemons_end_and_gives_the_terminal_back() {
    let (mut scene, island) = scene().await;
    scene.start_and_publish(&article("ferry", 1, "publish")).await;
    until(Duration::from_secs(20), "it arrives", async || island.stories().len() == 1).await;
    let (pid, modes) = (scene.dir.path().join("pid"), scene.dir.path().join("modes"));
    let (pid, modes) = (pid.display(), modes.display());
    let shell = format!("stty -a > {modes}; sh -c 'echo $$ > {pid}; exec {}'; stty -a > {modes}-after", top(&scene));
    let mut pty = Pty::start(&shell);
    pty.shows("The wire flows").await;
    assert_eq!(scene.terminate().await, Some(0));
    pty.shows("No daemon runs").await;
    pty.shows("valley-record/main").await;
    scene.start().await;
    pty.shows("The wire flows").await;
    let id = std::fs::read_to_string(pid.to_string()).expect("it wrote who it is");
    let sent = Command::new("kill").args(["-TERM", id.trim()]).status().expect("kill(1) can be run");
    assert!(sent.success());
    assert_eq!(pty.ended().await, Some(0));
    let read = |path: String| std::fs::read_to_string(path).expect("stty wrote it");
    assert_eq!(read(format!("{modes}-after")), read(modes.to_string()), "the terminal's modes are as they were");
    let shown = pty.screen.lock().unwrap();
    assert!(!shown.screen().alternate_screen() && !shown.screen().hide_cursor());
}

#[tokio::test(flavor = "multi_thread")]
async fn colours_are_for_terminals_and_top_is_for_nothing_else() {
    let (mut scene, _island) = scene().await;
    let (code, _, why) = run(&scene, &["top"]);
    assert_eq!((code, why.contains("this is none")), (64, true), "{why}");
    scene.start().await;
    for (environment, has_colours) in [("true", true), ("export NO_COLOR=1", false), ("export TERM=dumb", false)] {
        let status = top(&scene).replace(" top ", " status ");
        let mut pty = Pty::start(&format!("{environment}; {status}"));
        pty.shows("Destinations").await;
        assert_eq!(pty.ended().await, Some(0));
        let bytes = String::from_utf8_lossy(&pty.bytes.lock().unwrap()).into_owned();
        assert_eq!(bytes.contains('\u{1b}'), has_colours, "{environment}: {bytes:?}");
    }
    assert!(!scene.log().contains(TOKEN));
}
