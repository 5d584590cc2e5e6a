//! What the program tells of itself: metrics that Prometheus' own tools accept, alerts that fire when they should, a
//! dashboard whose every query finds what it asks for; log lines that are documented, at the level that is wanted; and what
//! is off at the start.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::read_to_string;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use newswired::sink::SinkOptions;
use serde_json::Value;
use support::disk::SmallDisk;
use support::prometheus::{Prometheus, promtool};
use support::{Partner, Scene, article, free_port, get, project, sink, until, url};

const SOON: Duration = Duration::from_secs(60);

/// What only some newsrooms have: doors with TLS, and doors that are so busy that their concurrency grows.
const MAY_BE_EMPTY: [&str; 2] = ["newswired_certificate_expiry_timestamp_seconds", "newswired_lane_concurrency"];

fn read(path: &str) -> String {
    read_to_string(project(path)).unwrap_or_else(|why| panic!("{path}: {why}"))
}

/// The names of the alerts.
fn alerts() -> Vec<String> {
    let rules = read("deploy/prometheus/alerts.yml");
    rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).map(str::to_owned).collect()
}

/// The queries of the dashboard's panels, with every variable as "all".
fn queries() -> Vec<String> {
    let board: Value = serde_json::from_str(&read("deploy/grafana/newswired.json")).expect("the dashboard is JSON");
    let panels = board["panels"].as_array().expect("a dashboard has panels");
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    let query = |target: &Value| {
        let query = target["expr"].as_str().expect("a target has a query");
        query.replace("$__rate_interval", "15s").replace("$instance", ".*").replace("$destination", ".*")
    };
    targets.map(query).collect()
}

/// A healthy door, one that is dead, one that refuses, one that is gone, and one that has a story and hangs when it is
/// told to take it down.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_dashboard_and_the_alerts_ask_for_is_there() {
    let healthy = sink(SinkOptions::default()).await;
    let refusing = sink(SinkOptions { status: 422, ..SinkOptions::default() }).await;
    let gone = sink(SinkOptions { status: 410, ..SinkOptions::default() }).await;
    let hanging = sink(SinkOptions { hang: true, ..SinkOptions::default() }).await;
    let door = |id, url| Partner { id, format: "json", url, more: "" };
    let partners = [
        door("healthy", url(&healthy)),
        door("dead", format!("http://127.0.0.1:{}/", free_port())),
        door("refusing", url(&refusing)),
        door("gone", url(&gone)),
        Partner { id: "hanging", format: "nitf", url: url(&hanging), more: "answer_timeout = \"1s\"" },
    ];
    let mut scene = Scene::new(&partners, "", "");
    scene.start().await;
    let prometheus = Prometheus::start(scene.admin).await;
    until(SOON, "the first scrape", async || prometheus.query("newswired_build_info").await == Ok(1)).await;

    let (status, _) = scene.post("application/json", b"no article").await;
    assert_eq!(status, 400);
    assert_eq!(scene.post("application/json", &article("wrong", 1, "publish")).await.0, 202);
    until(SOON, "that door may have it", async || hanging.stats().hung > 0).await;
    assert_eq!(scene.post("application/json", &article("wrong", 2, "kill")).await.0, 202);
    for story in 0..20 {
        let mut dated: Value = serde_json::from_slice(&article(&format!("s{story}"), 1, "publish")).unwrap();
        dated["versioned"] = "2026-01-01T00:00:00Z".into();
        assert_eq!(scene.post("application/json", dated.to_string().as_bytes()).await.0, 202);
    }
    until(SOON, "what can arrive has arrived", async || healthy.stats().stories == 21).await;

    // A look that came before all that is followed by another one within seconds.
    let counted = [
        "newswired_withdrawals_outstanding == 1",
        "newswired_withdrawal_oldest_timestamp_seconds{destination=\"hanging/main\"}",
        "newswired_lane_waiting{destination=\"dead/main\"} >= 20",
        "newswired_lane_oldest_timestamp_seconds{destination=\"dead/main\"}",
        "newswired_lane_suspended{destination=\"gone/main\"} == 1",
        "newswired_lane_failures{destination=\"dead/main\"} > 0",
        "newswired_deliveries_in_trouble{end=\"refused\"} >= 20",
        "newswired_quarantine_waiting{kind=\"input\"} == 1",
        "newswired_publication_to_arrival_duration_seconds_count == 20",
        "newswired_article_deliveries_sum == newswired_deliveries_owed_total",
        "newswired_articles_total{intake=\"http\", result=\"accepted\"} == 22",
        "newswired_articles_total{intake=\"spool\", result=\"accepted\"} == 0",
    ];
    for query in counted {
        until(SOON, query, async || prometheus.query(query).await == Ok(1)).await;
    }
    // The kill that never had to go has no place among those that are not acknowledged.
    assert_eq!(prometheus.query("newswired_withdrawal_oldest_timestamp_seconds").await, Ok(1));

    for query in queries() {
        // What cannot be parsed is an error at once.
        let found = prometheus.query(&query).await.unwrap_or_else(|why| panic!("{query}: {why}"));
        if found == 0 && !MAY_BE_EMPTY.iter().any(|name| query.contains(name)) {
            until(SOON, &query, async || prometheus.query(&query).await.is_ok_and(|found| found > 0)).await;
        }
    }
    until(SOON, "all alerts were looked at", async || {
        let alerts = prometheus.alerts().await;
        !alerts.is_empty() && alerts.iter().all(|(_, _, health)| health == "ok")
    })
    .await;
    let states = prometheus.alerts().await;
    assert_eq!(states.into_iter().map(|(name, ..)| name).collect::<Vec<_>>(), alerts());
    let raised = async || -> BTreeSet<String> {
        let states = prometheus.alerts().await.into_iter();
        states.filter(|(_, state, _)| state != "inactive").map(|(name, ..)| name).collect()
    };
    for alert in ["DeliveriesInTrouble", "DoorInTrouble", "DoorSuspended", "QuarantineWaiting"] {
        until(SOON, alert, async || raised().await.contains(&format!("Newswired{alert}"))).await;
    }
    let raised = raised().await;
    for quiet in ["Down", "Restarts", "LedgerCannotWrite", "ProofFailed", "IntakeSilent", "CountsStale"] {
        assert!(!raised.contains(&format!("Newswired{quiet}")), "{raised:?}");
    }

    // Whoever asks for no format gets Prometheus' own.
    let (_, text) = get(scene.admin, "/metrics").await.expect("the admin port answers");
    let (content, says) = promtool(&["check", "metrics"], &text);
    assert!(content && says.trim().is_empty(), "promtool check metrics: {says}");
}

#[test]
fn the_alerts_fire_when_they_should() {
    for arguments in
        [["check", "rules", "alerts.yml"], ["test", "rules", "alerts_test.yml"], ["check", "config", "prometheus.yml"]]
    {
        let (content, says) = promtool(&arguments, "");
        assert!(content, "promtool {}: {says}", arguments.join(" "));
    }
    let tests = read("deploy/prometheus/alerts_test.yml");
    for alert in alerts() {
        let cases: Vec<_> =
            tests.split("- eval_time:").filter(|case| case.contains(&format!("alertname: {alert}\n"))).collect();
        let quiet = cases.iter().filter(|case| case.contains("exp_alerts: []")).count();
        assert!(quiet > 0 && cases.len() > quiet, "{alert} is tested to fire, and not to");
    }
}

/// Whoever is woken finds what it means, what to look at, what to do, and when it is over.
#[test]
fn each_alert_has_its_entry_in_the_runbook() {
    let (rules, runbook) = (read("deploy/prometheus/alerts.yml"), read("docs/runbook.md"));
    let entries: Vec<(&str, &str)> =
        runbook.split("\n## ").skip(1).filter_map(|entry| entry.split_once('\n')).collect();
    for alert in alerts() {
        let link = format!("runbook_url: docs/runbook.md#{}\n", alert.to_lowercase());
        let rule = rules.split("- alert: ").find(|rule| rule.starts_with(&format!("{alert}\n"))).expect("it is there");
        assert!(rule.contains(&link), "{alert} has no link");
        let (_, entry) =
            entries.iter().find(|(title, _)| *title == alert).unwrap_or_else(|| panic!("{alert}: no entry"));
        for part in ["**What it means.**", "**Look at.**", "**Do.**", "**Over when.**"] {
            assert!(entry.contains(part), "{alert}: the entry has no {part}");
        }
    }
    let known: BTreeSet<_> = alerts().into_iter().collect();
    let of_none = entries.iter().filter(|(title, _)| title.starts_with("Newswired") && !known.contains(*title));
    assert_eq!(of_none.count(), 0, "the runbook has entries of no alert");
}

/// An event of the program at `info` or above: its message and its level.
type Event = (String, String);

/// The events in a source file, with their fields.
fn events_in(source: &str, found: &mut BTreeMap<Event, BTreeSet<String>>) {
    for level in ["info", "warn", "error"] {
        for (at, begin) in source.match_indices(&format!("tracing::{level}!(")) {
            let arguments = arguments(&source[at + begin.len()..]);
            let message = arguments.iter().position(|argument| argument.starts_with('"')).expect("each has a message");
            let field = |argument: &String| {
                let name = argument.split('=').next().unwrap_or_default();
                name.trim().trim_start_matches(['%', '?']).to_owned()
            };
            let text = arguments[message].trim_matches('"').to_owned();
            let fields = arguments[..message].iter().map(field);
            found.entry((text, level.to_owned())).or_default().extend(fields);
        }
    }
}

/// The arguments of a macro, up to its closing bracket.
fn arguments(source: &str) -> Vec<String> {
    let (mut all, mut one, mut depth, mut in_text, mut escaped) = (Vec::new(), String::new(), 0, false, false);
    for next in source.chars() {
        let was_escaped = std::mem::take(&mut escaped);
        match next {
            '"' if !was_escaped => in_text = !in_text,
            '\\' if in_text && !was_escaped => escaped = true,
            '(' | '[' | '{' if !in_text => depth += 1,
            ')' | ']' | '}' if !in_text && depth > 0 => depth -= 1,
            ')' if !in_text => break,
            ',' if !in_text && depth == 0 => {
                all.push(std::mem::take(&mut one).trim().to_owned());
                continue;
            }
            _ => {}
        }
        one.push(next);
    }
    all.push(one.trim().to_owned());
    all
}

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).expect("sources can be listed") {
        let path = entry.expect("sources can be listed").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        if path.is_dir() && !["tests", "simulation"].contains(&&*name) {
            sources(&path, found);
        } else if name.ends_with(".rs") && name != "tests.rs" {
            found.push(path);
        }
    }
}

#[test]
fn each_event_is_in_the_documentation_with_its_fields() {
    let (mut files, mut logged) = (Vec::new(), BTreeMap::new());
    sources(&project("src"), &mut files);
    for file in files {
        let source = read_to_string(file).expect("a source can be read");
        // What a module's own tests say is no event of the program.
        events_in(source.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or_default(), &mut logged);
    }
    let mut documented: BTreeMap<Event, BTreeSet<String>> = BTreeMap::new();
    for row in read("docs/logs.md").lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let [_, message, level, fields, _meaning, _] = cells[..] else { panic!("not a row of four: {row}") };
        let fields = fields.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        let twice = documented.insert((message.trim_matches('`').to_owned(), level.to_owned()), fields);
        assert!(twice.is_none(), "{message} stands there twice");
    }
    assert!(logged.len() > 40, "the sources were read");
    for event in logged.keys().chain(documented.keys()) {
        assert_eq!(logged.get(event), documented.get(event), "{event:?}: what the program logs, and docs/logs.md");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_level_is_changed_while_it_runs_and_the_journal_gets_priorities() {
    let receiver = sink(SinkOptions::default()).await;
    let mut scene = Scene::new(&[Partner { id: "a", format: "json", url: url(&receiver), more: "" }], "", "");
    // Scenes log all that there is.
    scene.replace_in_config("level = \"trace\"", "level = \"info\"");
    // As systemd does it: the variable names the stream that standard error is.
    let log = std::fs::File::create(scene.dir.path().join("log")).expect("the log can be made");
    let about = log.metadata().expect("a file that is open is there");
    scene.environment.push(("JOURNAL_STREAM", format!("{}:{}", about.dev(), about.ino())));
    scene.start_and_publish(&article("one", 1, "publish")).await;
    until(SOON, "it arrives", async || receiver.stats().accepted == 1).await;
    let log = scene.log();
    assert!(
        log.lines().all(|line| line.starts_with("<6> INFO newswired") || line.starts_with("<4> WARN newswired")),
        "{log}"
    );
    assert!(log.contains("<6> INFO newswired::daemon: ready lanes=1"), "{log}");
    assert!(!log.contains("DEBUG"), "{log}");

    scene.signal("USR2");
    until(SOON, "it says so", async || scene.log().contains("log level level=\"info,newswired=debug\"")).await;
    scene.post("application/json", &article("two", 1, "publish")).await;
    until(SOON, "a line for an attempt", async || scene.log().contains("<7>DEBUG newswired::delivery::ended: attempt"))
        .await;
    scene.signal("USR2");
    until(SOON, "it says so again", async || scene.log().contains("log level level=\"info\"")).await;
    let before = scene.log().matches("DEBUG").count();
    scene.post("application/json", &article("three", 1, "publish")).await;
    until(SOON, "it arrives", async || receiver.stats().accepted == 3).await;
    assert_eq!(scene.terminate().await, Some(0));
    assert_eq!(scene.log().matches("DEBUG").count(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_off_is_said_at_the_start() {
    let receiver = sink(SinkOptions::default()).await;
    let mut scene = Scene::new(&[Partner { id: "a", format: "json", url: url(&receiver), more: "" }], "", "");
    let spool = scene.dir.path().join("spool");
    let says = [
        "directory cannot be written; give the daemon's user the right to make files there directory=",
        "the clock is behind what the ledger has;",
        "disk nearly full; make room, since nothing is taken or sent once it is directory=\"spool\" path=",
    ];
    scene.start_and_publish(&article("one", 1, "publish")).await;
    until(SOON, "it arrives", async || receiver.stats().accepted == 1).await;
    let log = scene.log();
    assert!(!says[..2].iter().any(|text| log.contains(text)), "all is well, but maybe this machine's disk: {log}");
    assert_eq!(scene.terminate().await, Some(0));

    // Of no use to anybody, root included.
    std::fs::remove_dir(spool.join("rejected")).expect("nothing was rejected");
    std::os::unix::fs::symlink("/proc", spool.join("rejected")).expect("a link can be made");
    let tomorrow = jiff::Timestamp::now() + Duration::from_secs(86_400);
    let ledger = rusqlite::Connection::open(scene.ledger()).expect("the ledger is there");
    ledger.execute("UPDATE article SET accepted = ?1", [tomorrow.as_microsecond()]).expect("it is an ordinary file");
    drop(ledger);
    scene.start().await;
    let log = scene.log();
    assert!(says[..2].iter().all(|text| log.contains(text)), "{log}");
    assert!(log.contains(&format!("directory={}/rejected", spool.display())), "{log}");
    assert_eq!(scene.terminate().await, Some(0), "it runs all the same");

    let Some(disk) = SmallDisk::mount() else {
        eprintln!("skipped: no disk can be mounted here");
        return;
    };
    scene.replace_in_config(&spool.display().to_string(), &disk.path().join("spool").display().to_string());
    std::fs::create_dir_all(disk.path().join("spool")).expect("there is room");
    disk.fill();
    scene.start().await;
    let expected = format!("{}{}", says[2], disk.path().display());
    assert!(scene.log().contains(&expected), "{}", scene.log());
    scene.kill();
}
