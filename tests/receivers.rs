//! The receivers that partners' developers are given do what docs/receiving.md asks of a receiver: one table of cases for
//! all languages, and the real daemon's pushes.

mod support;

use std::fmt::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use futures_util::future::join_all;
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use support::{Partner, SECRET, Scene, article, exchange, free_port, get, ordered, project, until};

/// How long a receiver may take to start, or to be compiled.
const LONG: Duration = Duration::from_secs(120);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Language {
    Python,
    Node,
    Php,
    Go,
}

/// A receiver that runs until it is dropped.
struct Receiver {
    language: Language,
    dir: tempfile::TempDir,
    port: u16,
    child: Child,
}

impl Receiver {
    /// None, with a word, where it cannot be: what is not Debian's usual may be missing.
    async fn start(language: Language) -> Option<Self> {
        let dir = tempfile::tempdir().expect("a temporary directory can be made");
        let (port, stories) = (free_port(), dir.path().join("stories"));
        let address = format!("127.0.0.1:{port}");
        let mut command = match language {
            Language::Python => run("python3", "receiver.py"),
            Language::Node => run("node", "receiver.mjs"),
            Language::Php => {
                let mut command = Command::new("php");
                // Without Debian's settings, which are kinder than PHP's own.
                command.args(["-n", "-d", "display_errors=0", "-S", &address]).arg(source("receiver.php"));
                command.env("NEWSWIRE_STORIES", &stories).env("PHP_CLI_SERVER_WORKERS", "4");
                command
            }
            Language::Go => Command::new(compiled(dir.path())?),
        };
        if language != Language::Php {
            command.arg(&address).arg(&stories);
        }
        let log = std::fs::File::create(dir.path().join("log")).expect("a file can be made");
        let child = command
            .env("NEWSWIRE_SECRET", SECRET)
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file can be shared"))
            .stderr(log)
            .spawn()
            .unwrap_or_else(|why| panic!("{language:?} cannot be run: {why}; tests/run installs it"));
        let receiver = Self { language, dir, port, child };
        until(LONG, "the receiver answers", async || get(port, "/").await.is_some()).await;
        Some(receiver)
    }

    /// Those that can be had here.
    async fn all() -> Vec<Self> {
        let languages = [Language::Python, Language::Node, Language::Php, Language::Go];
        join_all(languages.map(Self::start)).await.into_iter().flatten().collect()
    }

    /// The version that readers are shown, and the newest that came.
    fn state(&self, guid: &str) -> (Option<u64>, Option<u64>) {
        let id = Sha256::digest(guid).iter().fold(String::new(), |mut id, byte| {
            let _ = write!(id, "{byte:02x}");
            id
        });
        let file = |kind| std::fs::read(self.stories().join(format!("{id}.{kind}"))).ok();
        let shown = file("json").map(|document| {
            let document: Value = serde_json::from_slice(&document).expect("what is shown is whole");
            document["version"].as_u64().expect("it has a version")
        });
        let newest = file("version")
            .map(|text| String::from_utf8(text).expect("it is a number").parse().expect("it is a number"));
        (shown, newest)
    }

    fn stories(&self) -> PathBuf {
        self.dir.path().join("stories")
    }

    async fn answers(&self, request: &Request) -> u16 {
        let language = self.language;
        let answer = exchange(self.port, request.head.as_bytes(), &request.body).await;
        let (status, said) = answer.unwrap_or_else(|| panic!("{language:?} does not answer to {}", request.head));
        assert!(!said.trim().is_empty(), "{language:?} says nothing beside {status}");
        status
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        // PHP's server has workers, which outlive it: the whole group ends.
        let _ = Command::new("kill").args(["-KILL", "--", &format!("-{}", self.child.id())]).status();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default();
            eprintln!("--- {:?}\n{log}", self.language);
        }
    }
}

fn source(name: &str) -> PathBuf {
    project("docs/receivers").join(name)
}

fn run(program: &str, name: &str) -> Command {
    let mut command = Command::new(program);
    command.arg(source(name));
    command
}

/// The receiver in Go as a program in `dir`.
fn compiled(dir: &Path) -> Option<PathBuf> {
    let program = dir.join("receiver");
    let build = Command::new("go")
        .args(["build", "-o"])
        .arg(&program)
        .arg(source("receiver.go"))
        // Kept from one run to the next; no module is fetched.
        .env("GOCACHE", project("target/go"))
        .env("GOFLAGS", "-mod=mod")
        .env("GOPROXY", "off")
        .env("GO111MODULE", "off")
        .output();
    match build {
        Ok(done) => {
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
            Some(program)
        }
        Err(why) => {
            eprintln!("skipped: the receiver in Go, since go cannot be run: {why}");
            None
        }
    }
}

/// A request as it stands on the wire.
struct Request {
    head: String,
    body: Vec<u8>,
}

/// What is other than it should be.
#[derive(Clone, Copy)]
enum Flaw {
    None,
    /// Signed so many seconds ago.
    Age(i64),
    Secret,
    /// A byte of the body is another one than was signed.
    Body,
    /// The message's id is another one.
    Id,
    Unsigned,
    /// The right code, as a signature of a kind that is not known.
    Kind,
    /// The time is no number.
    Time(&'static str),
    /// The right signature comes after one with another secret, one of a kind that is not known, and one that is no base64.
    Several,
    /// The headers, which are not signed, tell of another story and version.
    Headers,
    /// What is signed is no story.
    Document(&'static str),
}

const STORY: &str = "urn:test:story";
const OTHER: &str = "whsec_YW5vdGhlciBzZWNyZXQgdGhhbiB0aGUgb25lIQ==";

impl Request {
    fn new(guid: &str, version: u64, action: &str, flaw: Flaw) -> Self {
        let document = json!({ "newswired": 1, "guid": guid, "version": version, "action": action });
        let body = match flaw {
            Flaw::Document(text) => text.as_bytes().to_vec(),
            _ => document.to_string().into_bytes(),
        };
        let id = format!("msg_{guid}_{version}");
        let age = if let Flaw::Age(age) = flaw { age } else { 0 };
        let at = Timestamp::now().as_second() - age;
        let signed = |secret: &str| {
            standardwebhooks::Webhook::new(secret)
                .and_then(|signer| signer.sign(&id, at, &body))
                .expect("a secret of the tests signs")
        };
        let signature = match flaw {
            Flaw::Secret => signed(OTHER),
            Flaw::Kind => signed(SECRET).replace("v1,", "v0,"),
            Flaw::Several => format!("{} v1a,AAAA v1,%%% v1, {}", signed(OTHER), signed(SECRET)),
            _ => signed(SECRET),
        };
        let time = if let Flaw::Time(text) = flaw { text.to_owned() } else { at.to_string() };
        let told = if let Flaw::Headers = flaw { ("urn:test:another", 99) } else { (guid, version) };
        let mut head = format!(
            "POST /in HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json; charset=utf-8\r\n\
             content-length: {length}\r\nconnection: close\r\nwebhook-id: {id}{other}\r\nwebhook-timestamp: {time}\r\n\
             newswire-story: {story}\r\nnewswire-version: {version}\r\nnewswire-action: {action}\r\n",
            length = body.len(),
            other = if let Flaw::Id = flaw { "0" } else { "" },
            story = told.0,
            version = told.1,
        );
        if !matches!(flaw, Flaw::Unsigned) {
            let _ = write!(head, "webhook-signature: {signature}\r\n");
        }
        head.push_str("\r\n");
        let mut body = body;
        if let (Flaw::Body, Some(byte)) = (flaw, body.iter_mut().find(|byte| **byte == b'1')) {
            *byte = b'2';
        }
        Self { head, body }
    }
}

/// What comes of one story, in order; what it is answered; the version that readers are shown then, and the newest that came.
type Case = (&'static str, u64, &'static str, Flaw, u16, Option<u64>, Option<u64>);

const CASES: [Case; 28] = [
    // Nothing that is not the agency's leaves a trace.
    ("another secret", 1, "publish", Flaw::Secret, 401, None, None),
    ("another body than was signed", 1, "publish", Flaw::Body, 401, None, None),
    ("another id than was signed", 1, "publish", Flaw::Id, 401, None, None),
    ("no signature", 1, "publish", Flaw::Unsigned, 401, None, None),
    ("a signature of another kind", 1, "publish", Flaw::Kind, 401, None, None),
    ("a signature from too long ago", 1, "publish", Flaw::Age(310), 401, None, None),
    ("a signature from the future", 1, "publish", Flaw::Age(-310), 401, None, None),
    ("a time that is none", 1, "publish", Flaw::Time("soon"), 401, None, None),
    ("no time", 1, "publish", Flaw::Time(""), 401, None, None),
    ("a time that no clock shows", 1, "publish", Flaw::Time("99999999999999999999999999"), 401, None, None),
    // What is the agency's and no story is refused for good.
    ("not JSON", 1, "publish", Flaw::Document("{\"guid\": "), 422, None, None),
    ("JSON of another kind", 1, "publish", Flaw::Document("[1]"), 422, None, None),
    ("nothing", 1, "publish", Flaw::Document("null"), 422, None, None),
    (
        "a version that is text",
        1,
        "publish",
        Flaw::Document("{\"guid\":\"urn:a\",\"version\":\"1\",\"action\":\"publish\"}"),
        422,
        None,
        None,
    ),
    ("no guid", 1, "publish", Flaw::Document("{\"version\":1,\"action\":\"publish\"}"), 422, None, None),
    // A story's life.
    ("its first version, signed a while ago", 2, "publish", Flaw::Age(290), 200, Some(2), Some(2)),
    ("the same again", 2, "publish", Flaw::None, 200, Some(2), Some(2)),
    ("an older one", 1, "publish", Flaw::None, 200, Some(2), Some(2)),
    ("an older kill", 1, "kill", Flaw::None, 200, Some(2), Some(2)),
    ("an update, while the secret is changed", 3, "update", Flaw::Several, 200, Some(3), Some(3)),
    ("a correction, with headers that tell otherwise", 4, "correct", Flaw::Headers, 200, Some(4), Some(4)),
    ("a kill that is not the agency's", 5, "kill", Flaw::Secret, 401, Some(4), Some(4)),
    ("a kill", 5, "kill", Flaw::None, 200, None, Some(5)),
    ("the kill again", 5, "kill", Flaw::None, 200, None, Some(5)),
    ("what the kill has overtaken", 4, "correct", Flaw::None, 200, None, Some(5)),
    ("the story once more", 6, "publish", Flaw::None, 200, Some(6), Some(6)),
    ("until further notice", 10, "withhold", Flaw::None, 200, None, Some(10)),
    ("a version whose text sorts before", 9, "publish", Flaw::None, 200, None, Some(10)),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_receiver_does_what_the_table_says() {
    for receiver in Receiver::all().await {
        let language = receiver.language;
        for (what, version, action, flaw, status, shown, newest) in CASES {
            let answered = receiver.answers(&Request::new(STORY, version, action, flaw)).await;
            let came_of_it = (answered, receiver.state(STORY));
            assert_eq!(came_of_it, (status, (shown, newest)), "{language:?}: {what}");
        }
        assert_eq!(receiver.state("urn:test:another"), (None, None), "{language:?} believes what is not signed");

        // A kill of what never came: an older version that comes after it does not stand.
        for (version, action) in [(2, "kill"), (1, "publish")] {
            assert_eq!(receiver.answers(&Request::new("urn:test:never", version, action, Flaw::None)).await, 200);
            assert_eq!(receiver.state("urn:test:never"), (None, Some(2)), "{language:?}");
        }
        // What is sent to try the door is answered as news is, and is none.
        let test = "urn:newswire:test:1";
        for (version, action) in [(1, "publish"), (2, "kill")] {
            assert_eq!(receiver.answers(&Request::new(test, version, action, Flaw::None)).await, 200);
            assert_eq!(receiver.state(test), (None, None), "{language:?} shows a test");
        }
        let (status, _) = get(receiver.port, "/").await.expect("it answers");
        assert!([405, 501].contains(&status), "{language:?} answers {status} to a GET");
        let mut large = Request::new(STORY, 11, "publish", Flaw::None);
        large.head = large.head.replace(&format!("content-length: {}", large.body.len()), "content-length: 16777217");
        large.body = vec![b' '; 16_777_217];
        assert_eq!(receiver.answers(&large).await, 413, "{language:?}");
    }
}

/// What its disk cannot keep it does not acknowledge, and takes when it comes again.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_receiver_cannot_store_comes_again() {
    for receiver in Receiver::all().await {
        let (language, stories) = (receiver.language, receiver.stories());
        assert_eq!(receiver.answers(&Request::new(STORY, 1, "publish", Flaw::None)).await, 200);
        let away = receiver.dir.path().join("away");
        std::fs::rename(&stories, &away).expect("a directory can be moved");
        std::fs::write(&stories, "in the way").expect("a file can be written");
        for action in ["update", "kill"] {
            let answered = receiver.answers(&Request::new(STORY, 2, action, Flaw::None)).await;
            assert_eq!(answered, 503, "{language:?}, {action}");
        }
        std::fs::remove_file(&stories).expect("a file can be removed");
        std::fs::rename(&away, &stories).expect("a directory can be moved");
        assert_eq!(receiver.answers(&Request::new(STORY, 2, "update", Flaw::None)).await, 200, "{language:?}");
        assert_eq!(receiver.state(STORY), (Some(2), Some(2)), "{language:?}");
    }
}

/// Versions that come at the same time, each of them twice, end as the highest one.
#[tokio::test(flavor = "multi_thread")]
async fn in_whatever_order_versions_come_the_highest_stands() {
    for receiver in Receiver::all().await {
        for (guid, last, shown) in [("urn:test:up", "update", Some(24)), ("urn:test:down", "kill", None)] {
            let versions = (1..=24).flat_map(|version| [version, (version * 7) % 24 + 1]);
            let requests: Vec<Request> = versions
                .map(|version| Request::new(guid, version, if version == 24 { last } else { "update" }, Flaw::None))
                .collect();
            let statuses = join_all(requests.iter().map(|request| receiver.answers(request))).await;
            assert!(statuses.iter().all(|status| *status == 200), "{:?}: {statuses:?}", receiver.language);
            assert_eq!(receiver.state(guid), (shown, Some(24)), "{:?}", receiver.language);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_daemon_sends_is_taken_and_taken_down_by_every_receiver() {
    let receivers = Receiver::all().await;
    let partners: Vec<Partner> = receivers
        .iter()
        .map(|receiver| Partner {
            id: match receiver.language {
                Language::Python => "python",
                Language::Node => "node",
                Language::Php => "php",
                Language::Go => "go",
            },
            format: "json",
            url: format!("http://127.0.0.1:{}/in", receiver.port),
            more: "",
        })
        .collect();
    let mut scene = Scene::new(&partners, "", "");
    scene.start().await;
    for (version, action, shown) in [(1, "publish", Some(1)), (2, "correct", Some(2)), (3, "kill", None)] {
        let (status, why) = scene.post("application/json", &article("one", version, action)).await;
        assert_eq!(status, 202, "{why}");
        for receiver in &receivers {
            let wanted = (shown, Some(version));
            let what = format!("{:?} has version {version}", receiver.language);
            until(LONG, &what, async || receiver.state("urn:test:one") == wanted).await;
        }
    }
    // What a receiver lost is sent again, with the same id, and taken; what it has changes nothing.
    for receiver in &receivers {
        let stories = receiver.stories();
        std::fs::remove_dir_all(&stories).expect("a directory can be removed");
        std::fs::create_dir(&stories).expect("a directory can be made");
    }
    ordered(&scene, &["killed", "--story", "urn:test:one", "--wait"]);
    for partner in &partners {
        ordered(&scene, &["resend", "--story", "urn:test:one", "--partner", partner.id]);
    }
    for receiver in &receivers {
        until(LONG, "the kill came again", async || receiver.state("urn:test:one") == (None, Some(3))).await;
    }
    assert_eq!(scene.terminate().await, Some(0));
}
