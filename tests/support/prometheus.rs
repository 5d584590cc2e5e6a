//! Debian's Prometheus and its `promtool`, on a free port, in a directory of its own.

use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use url::form_urlencoded::byte_serialize;

use super::{free_port, get, project, until};

/// A Prometheus that runs until it is dropped.
pub struct Prometheus {
    dir: tempfile::TempDir,
    port: u16,
    child: Child,
}

impl Prometheus {
    /// One that scrapes an admin port every second, as `deploy/prometheus/prometheus.yml` says, and has its alerts.
    pub async fn start(admin: u16) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory can be made");
        let sample = std::fs::read_to_string(project("deploy/prometheus/prometheus.yml")).expect("it is there");
        let config = sample
            .replace("127.0.0.1:8471", &format!("127.0.0.1:{admin}"))
            .replace("interval: 15s", "interval: 1s")
            .replace("- alerts.yml", &format!("- {}", project("deploy/prometheus/alerts.yml").display()));
        assert!(config.contains(&admin.to_string()) && config.contains("scrape_interval: 1s"), "{config}");
        std::fs::write(dir.path().join("prometheus.yml"), config).expect("the configuration can be written");
        let log = std::fs::File::create(dir.path().join("log")).expect("the log can be made");
        let port = free_port();
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", dir.path().join("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", dir.path().join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|why| {
                panic!("prometheus cannot be started: {why}; tests/run installs it, or: apt-get install prometheus")
            });
        let prometheus = Self { dir, port, child };
        until(Duration::from_secs(60), "Prometheus is ready", async || {
            matches!(get(prometheus.port, "/-/ready").await, Some((200, _)))
        })
        .await;
        prometheus
    }

    async fn ask(&self, path: &str) -> Value {
        let (_, answer) = get(self.port, path).await.unwrap_or_else(|| panic!("no answer to {path}:\n{}", self.log()));
        // It answers in chunks where it is much; what is between the first brace and the last is the document.
        let whole: String = unchunked(&answer);
        serde_json::from_str(&whole).unwrap_or_else(|why| panic!("{path}: {why}: {answer}"))
    }

    /// How many series a query finds; why there can be none.
    pub async fn query(&self, query: &str) -> Result<usize, String> {
        let encoded: String = byte_serialize(query.as_bytes()).collect();
        let answer = self.ask(&format!("/api/v1/query?query={encoded}")).await;
        if answer["status"] != "success" {
            return Err(answer.to_string());
        }
        Ok(answer["data"]["result"].as_array().map_or(0, Vec::len))
    }

    /// The state of each alert, and its rule's health, by its name.
    pub async fn alerts(&self) -> Vec<(String, String, String)> {
        let answer = self.ask("/api/v1/rules").await;
        let groups = answer["data"]["groups"].as_array().cloned().unwrap_or_default();
        let rules = groups.iter().flat_map(|group| group["rules"].as_array().cloned().unwrap_or_default());
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        rules.map(|rule| (text(&rule["name"]), text(&rule["state"]), text(&rule["health"]))).collect()
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- Prometheus' log\n{}", self.log());
        }
    }
}

/// A body without the sizes of its chunks.
fn unchunked(body: &str) -> String {
    if body.starts_with('{') {
        return body.to_owned();
    }
    let (mut rest, mut whole) = (body, String::new());
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
        let Some((chunk, next)) = after.split_at_checked(size) else { break };
        whole.push_str(chunk);
        rest = next.trim_start_matches("\r\n");
    }
    whole
}

/// Runs `promtool` with an input; what it says, and whether it is content.
pub fn promtool(arguments: &[&str], input: &str) -> (bool, String) {
    let mut child = Command::new("promtool")
        .args(arguments)
        .current_dir(project("deploy/prometheus"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|why| panic!("promtool cannot be run: {why}; tests/run installs it with prometheus"));
    child.stdin.take().expect("it is piped").write_all(input.as_bytes()).expect("it reads its input");
    let output = child.wait_with_output().expect("promtool can be waited for");
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}
