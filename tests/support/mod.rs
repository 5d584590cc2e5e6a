//! What the tests of the whole program stand on: real daemons, real brokers, real subscribers, on free ports.

#![allow(dead_code, reason = "each test file uses a part of it")]

pub mod disk;
pub mod files;
pub mod mail;
pub mod prometheus;
pub mod rabbitmq;
pub mod recorder;
pub mod secrets;
pub mod traces;
pub mod wordpress;

use std::collections::BTreeSet;
use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use newswired::sink::{Sink, SinkOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The bearer token of every test's HTTP intake.
pub const TOKEN: &str = "token-of-the-tests";

/// The signing secret of every test's destinations.
pub const SECRET: &str = "whsec_c2VjcmV0IG9mIHRoZSB0ZXN0cyAxMjM0NTY=";

/// A port that was free a moment ago, and that nobody else in this process was given.
pub fn free_port() -> u16 {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    loop {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
        let port = listener.local_addr().expect("a bound listener has an address").port();
        if GIVEN.lock().expect("nobody panics with it").insert(port) {
            return port;
        }
    }
}

/// Waits until `holds`, at most `within`; fails with `what` was waited for.
pub async fn until(within: Duration, what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + within;
    while !holds().await {
        assert!(Instant::now() < deadline, "not within {within:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A partner of a test.
pub struct Partner {
    pub id: &'static str,
    pub format: &'static str,
    pub url: String,
    /// More lines of its destination's table.
    pub more: &'static str,
}

/// A directory with a configuration, and the daemon that runs on it.
pub struct Scene {
    pub dir: tempfile::TempDir,
    pub http: u16,
    pub admin: u16,
    /// Variables of the daemon's environment, besides those of the test's own.
    pub environment: Vec<(&'static str, String)>,
    daemon: Option<Child>,
}

impl Scene {
    /// Writes the configuration. `delivery` is more of its `[delivery]`, `more` is more of the main file.
    pub fn new(partners: &[Partner], delivery: &str, more: &str) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory can be made");
        let place = dir.path().display();
        let (http, admin) = (free_port(), free_port());
        let main = format!(
            r#"[ledger]
path = "{place}/ledger.sqlite"
[admin]
listen = "127.0.0.1:{admin}"
[log]
level = "trace"
[reload]
on_change = false
[intake.http]
listen = "127.0.0.1:{http}"
token = "file:{place}/token"
[intake.spool]
dir = "{place}/spool"
poll = "50ms"
[delivery]
allow_addresses = ["127.0.0.1"]
backoff = {{ first = "100ms", ceiling = "1s" }}
{delivery}
[wires.dcnf]
name = "Daily Caller News Foundation"
short_name = "DCNF"
affiliation = "DCNF"
contact = "licensing@dailycallernewsfoundation.org"
[wires.dcnf.licence]
line = "All republished articles must include our logo, our reporter’s byline and their DCNF affiliation."
[wires.dcnf.logo]
url = "https://cdn.example.org/dcnf.png"
{more}
"#
        );
        write(&dir.path().join("newswired.toml"), &main);
        write(&dir.path().join("token"), TOKEN);
        write(&dir.path().join("secret"), SECRET);
        std::fs::create_dir(dir.path().join("partners.d")).expect("a directory can be made");
        for partner in partners {
            write_partner(dir.path(), partner);
        }
        Self { dir, http, admin, environment: Vec::new(), daemon: None }
    }

    /// One partner more, for the next start or reload.
    pub fn add_partner(&self, partner: &Partner) {
        write_partner(self.dir.path(), partner);
    }

    /// A partner's file.
    pub fn partner_file(&self, id: &str) -> PathBuf {
        self.dir.path().join("partners.d").join(format!("{id}.toml"))
    }

    pub fn config(&self) -> PathBuf {
        self.dir.path().join("newswired.toml")
    }

    pub fn ledger(&self) -> PathBuf {
        self.dir.path().join("ledger.sqlite")
    }

    /// Starts the program and waits until it says that it is ready.
    pub async fn start(&mut self) {
        if let Err(status) = self.try_to_start().await {
            panic!("the daemon ended with {status}:\n{}", self.log());
        }
    }

    /// Starts a program whose ports cannot be asked as the others' are, and waits until its log has a text.
    pub async fn start_and_wait_for_log(&mut self, text: &str) {
        self.spawn();
        until(Duration::from_secs(30), text, async || self.log().contains(text)).await;
    }

    /// The same as [`Self::start`], for a daemon that may end instead: with what.
    pub async fn try_to_start(&mut self) -> Result<(), ExitStatus> {
        self.spawn();
        let deadline = Instant::now() + Duration::from_secs(30);
        while !matches!(get(self.admin, "/readyz").await, Some((200, _))) {
            let child = self.daemon.as_mut().expect("it was started above");
            if let Ok(Some(status)) = child.try_wait() {
                self.daemon = None;
                return Err(status);
            }
            assert!(Instant::now() < deadline, "the daemon was not ready in time:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    fn spawn(&mut self) {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.dir.path().join("log"))
            .expect("the log's file can be opened");
        self.register_secrets();
        let child = newswired()
            .args(["run", "--config"])
            .arg(self.config())
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file can be shared"))
            .stderr(log)
            .spawn()
            .expect("the program can be started");
        self.daemon = Some(child);
    }

    /// What the configuration refers to as secrets, and what is presented as such.
    fn register_secrets(&self) {
        for secret in [TOKEN, SECRET] {
            secrets::register(secret);
        }
        let partners = std::fs::read_dir(self.dir.path().join("partners.d")).expect("the directory is there");
        let files = partners.map(|file| file.expect("the directory can be read").path()).chain([self.config()]);
        for text in files.filter_map(|file| std::fs::read_to_string(file).ok()) {
            let environment = self.environment.iter().map(|(name, value)| (*name, value.as_str()));
            secrets::register_references(&text, environment);
        }
    }

    /// Fails where a secret stands in what the daemon logged so far.
    pub fn assert_nothing_is_shown(&self) {
        self.register_secrets();
        secrets::assert_hidden("the daemon's log", &self.log());
    }

    /// Waits for a daemon that ends by itself.
    pub async fn ended(&mut self) -> ExitStatus {
        let mut child = self.daemon.take().expect("the daemon runs");
        let deadline = Instant::now() + Duration::from_secs(40);
        loop {
            if let Some(status) = child.try_wait().expect("the child can be waited for") {
                return status;
            }
            assert!(Instant::now() < deadline, "the daemon did not end:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Starts it, and publishes the first thing before anything else can happen.
    pub async fn start_and_publish(&mut self, body: &[u8]) {
        self.start().await;
        let (status, answer) = self.post("application/json", body).await;
        assert_eq!(status, 202, "{answer}");
    }

    /// Changes a text in a partner's file, for the next start or reload.
    pub fn replace_in_partner(&self, id: &str, from: &str, to: &str) {
        replace(&self.partner_file(id), from, to);
    }

    /// Changes a text in the main file, for the next start or reload.
    pub fn replace_in_config(&self, from: &str, to: &str) {
        replace(&self.config(), from, to);
    }

    /// The daemon's arguments, as anyone on the machine can see them.
    pub fn command_line(&self) -> String {
        let id = self.daemon.as_ref().expect("the daemon runs").id();
        std::fs::read_to_string(format!("/proc/{id}/cmdline")).expect("the daemon runs").replace('\0', " ")
    }

    /// `SIGKILL`.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.daemon.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Sends the daemon a signal, by its name.
    pub fn signal(&self, name: &str) {
        let id = self.pid().to_string();
        let sent = Command::new("kill").args([&format!("-{name}"), &id]).status().expect("kill(1) can be run");
        assert!(sent.success());
    }

    pub fn pid(&self) -> u32 {
        self.daemon.as_ref().expect("the daemon runs").id()
    }

    /// `SIGTERM`, and the exit code.
    pub async fn terminate(&mut self) -> Option<i32> {
        self.register_secrets();
        for path in ["/metrics", "/readyz", "/healthz"] {
            if let Some((_, page)) = get(self.admin, path).await {
                secrets::assert_hidden(path, &page);
            }
        }
        self.signal("TERM");
        self.ended().await.code()
    }

    /// What it logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    /// Publishes by HTTP. Returns the status and the answer.
    pub async fn post(&self, content_type: &str, body: &[u8]) -> (u16, serde_json::Value) {
        self.post_as(TOKEN, content_type, body).await
    }

    /// Publishes by HTTP with a token of one's own.
    pub async fn post_as(&self, token: &str, content_type: &str, body: &[u8]) -> (u16, serde_json::Value) {
        secrets::register(token);
        let (status, answer) = publish(self.http, token, content_type, body).await.expect("the intake answers");
        secrets::assert_hidden("the intake's answer", &answer.to_string());
        (status, answer)
    }
}

/// Publishes by HTTP; nothing where nobody answers.
pub async fn publish(port: u16, token: &str, content_type: &str, body: &[u8]) -> Option<(u16, serde_json::Value)> {
    let head = format!(
        "POST /v1/articles HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    let (status, body) = exchange(port, head.as_bytes(), body).await?;
    Some((status, serde_json::from_str(&body).unwrap_or_default()))
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            // What it does by itself is too much to read.
            let log = self.log();
            let (fine, coarse): (Vec<_>, Vec<_>) =
                log.lines().partition(|line| [" TRACE ", " DEBUG "].iter().any(|level| line.contains(level)));
            let fine = &fine[fine.len().saturating_sub(100)..];
            eprintln!("--- the daemon's log\n{}\n--- the end of the rest\n{}", coarse.join("\n"), fine.join("\n"));
        } else {
            self.assert_nothing_is_shown();
        }
    }
}

/// A subscriber on a free port that counts and verifies.
pub async fn sink(options: SinkOptions) -> Sink {
    let options = SinkOptions { secret: Some(newswired::config::Secret::new(SECRET)), ..options };
    let (sink, received) = Sink::start(options).await.expect("a sink can be started");
    drop(received);
    sink
}

pub fn url(sink: &Sink) -> String {
    format!("http://{}/", sink.address())
}

/// An ordinary article of the tests' wire in newswired's own JSON.
pub fn article(name: &str, version: u64, action: &str) -> Vec<u8> {
    let body = if action == "kill" { None } else { Some(format!("<p>Version {version} of {name}.</p>")) };
    let mut article = serde_json::json!({
        "newswired": 1, "guid": format!("urn:test:{name}"), "version": version, "action": action,
        "headline": format!("Headline of {name}"), "authors": [{ "name": "Amber Randall", "role": "Reporter" }],
    });
    if let Some(body) = body {
        article["body_html"] = body.into();
    }
    serde_json::to_vec(&article).expect("a JSON value can be written")
}

/// The program.
pub fn newswired() -> Command {
    Command::new(env!("CARGO_BIN_EXE_newswired"))
}

/// Runs a verb of the program to its end. It shows no secret either.
pub fn output(command: &mut Command) -> Output {
    let output = command.output().expect("the program can be run");
    for said in [&output.stdout, &output.stderr] {
        secrets::assert_hidden(&format!("{command:?}"), &String::from_utf8_lossy(said));
    }
    output
}

/// Runs the program to its end, on a scene's configuration. Returns its exit code, standard output and standard error.
pub fn run(scene: &Scene, arguments: &[&str]) -> (i32, String, String) {
    let mut command = newswired();
    command.args(arguments).arg("--config").arg(scene.config());
    let output = output(&mut command);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it prints UTF-8");
    (output.status.code().expect("it ends by itself"), text(output.stdout), text(output.stderr))
}

/// Runs the program to its good end. Returns what it says.
pub fn ordered(scene: &Scene, arguments: &[&str]) -> String {
    let (code, out, why) = run(scene, arguments);
    assert_eq!(code, 0, "{arguments:?}: {out}{why}");
    out
}

/// A file of the project.
pub fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The folder with real input beside the project.
pub fn shared(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared").join(path)
}

/// Checks documents against an official schema, with the validator beside the project.
pub fn assert_valid(kind: &str, files: &[PathBuf]) {
    if std::env::var_os("NEWSWIRED_WITHOUT_SCHEMAS").is_some() {
        eprintln!("skipped: validation of {} {kind} documents, since the schemas are not here", files.len());
        return;
    }
    let validator = shared("tools/validate-news");
    assert!(
        validator.exists(),
        "the validator is not at {}; set NEWSWIRED_WITHOUT_SCHEMAS=1 to skip",
        validator.display()
    );
    let run = Command::new(validator).arg(kind).args(files).output().expect("the validator can be run");
    assert!(
        run.status.success(),
        "not valid {kind}:\n{}{}",
        String::from_utf8_lossy(&run.stdout),
        String::from_utf8_lossy(&run.stderr)
    );
}

/// `GET`; nothing where nobody answers.
pub async fn get(port: u16, path: &str) -> Option<(u16, String)> {
    let head = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    exchange(port, head.as_bytes(), b"").await
}

pub async fn exchange(port: u16, head: &[u8], body: &[u8]) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.ok()?;
    stream.write_all(head).await.ok()?;
    // A server that refuses early may close before the body is through; its answer counts.
    let _ = stream.write_all(body).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}

fn write_partner(dir: &Path, Partner { id, format, url, more }: &Partner) {
    let secret = dir.join("secret");
    let text = format!(
        "name = \"{id}\"\n[destinations.main]\nformat = \"{format}\"\n[destinations.main.http]\nurl = \"{url}\"\nsigning_secret = \"file:{}\"\n{more}\n",
        secret.display()
    );
    write(&dir.join("partners.d").join(format!("{id}.toml")), &text);
}

fn replace(path: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(path).expect("the file can be read");
    assert!(text.contains(from), "{from:?} is not in {}", path.display());
    write(path, &text.replace(from, to));
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap_or_else(|why| panic!("cannot write {}: {why}", path.display()));
}
