//! Files of media, from their own server to partners: fetched once, there before the story that names them, and in nobody's
//! way. A Newsroom cannot run here; its receiving half is written down in `support/newsroom.py`.

mod support;

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use newswired::ledger::{DeliveryFilter, DeliveryRecord, SqliteReader};
use serde_json::{Value, json};
use support::files::standing;
use support::{Scene, article, free_port, get, ordered, project, until};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const SOON: Duration = Duration::from_secs(30);

/// The smallest whole PNG.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x01\0\0\0\x01\x08\0\0\0\0\0\0\0\0\0\0\0\0IEND\0\0\0\0";

/// A server of pictures: `/404…` it does not have at first, at `/slow…` it hangs, and everything else is one.
struct Pictures {
    port: u16,
    asked: Arc<AtomicUsize>,
    /// It answers nobody any more.
    closed: Arc<AtomicBool>,
    /// It has what it had not.
    mended: Arc<AtomicBool>,
}

impl Pictures {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let (asked, closed, mended): (Arc<AtomicUsize>, Arc<AtomicBool>, Arc<AtomicBool>) = Default::default();
        let (count, shut, has_all) = (Arc::clone(&asked), Arc::clone(&closed), Arc::clone(&mended));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                if !shut.load(Ordering::SeqCst) {
                    count.fetch_add(1, Ordering::SeqCst);
                    tokio::spawn(picture(stream, has_all.load(Ordering::SeqCst)));
                }
            }
        });
        Self { port, asked, closed, mended }
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }
}

async fn picture(mut stream: TcpStream, has_all: bool) {
    let mut seen = Vec::new();
    while !seen.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => seen.push(byte),
            Err(_) => return,
        }
    }
    if seen.starts_with(b"GET /slow") {
        let _ = stream.read_u8().await;
    } else if seen.starts_with(b"GET /404") && !has_all {
        let _ = stream.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").await;
    } else {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ncontent-length: {}\r\n\r\n", PNG.len());
        let _ = stream.write_all(&[head.as_bytes(), PNG].concat()).await;
    }
}

/// The receiving half of a Newsroom.
struct Newsroom {
    child: Option<Child>,
    port: u16,
    log: std::path::PathBuf,
    _dir: tempfile::TempDir,
}

impl Newsroom {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory can be made");
        std::fs::write(dir.path().join("key"), "newsroom's push key").expect("a file can be written");
        Self { child: None, port: free_port(), log: dir.path().join("log"), _dir: dir }
    }

    async fn start(&mut self) {
        let log = std::fs::File::create(&self.log).expect("a log can be made");
        let errors = log.try_clone().expect("a file can be shared");
        let mut command = Command::new("python3");
        command.arg(project("tests/support/newsroom.py")).arg(self.port.to_string());
        let started = command.stdin(Stdio::null()).stdout(log).stderr(errors).spawn();
        self.child = Some(started.expect("python3 can be started"));
        until(SOON, "the Newsroom listens", async || TcpStream::connect(("127.0.0.1", self.port)).await.is_ok()).await;
    }

    fn table(&self) -> String {
        let (port, key) = (self.port, self._dir.path().join("key").display().to_string());
        format!(
            "format = \"superdesk-ninjs\"\n[destinations.NAME.http]\nurl = \"http://127.0.0.1:{port}/push\"\n\
             media = {{ assets_url = \"http://127.0.0.1:{port}/push_binary\" }}\n\
             body_signature = {{ preset = \"superdesk\", secret = \"file:{key}\" }}\n"
        )
    }

    /// A line for each request.
    fn requests(&self) -> Vec<String> {
        std::fs::read_to_string(&self.log).unwrap_or_default().lines().map(str::to_owned).collect()
    }
}

impl Drop for Newsroom {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A daemon with one partner, who has these destinations.
fn scene(destinations: &[(String, String)], media: &str) -> Scene {
    let scene = Scene::new(&[], "connect_timeout = \"5s\"", &format!("[media]\n{media}\n"));
    let doors = destinations
        .iter()
        .map(|(name, table)| format!("[destinations.{name}]\n{}\n", table.replace("NAME", name)))
        .collect::<String>();
    let partner = format!("name = \"The Valley Record\"\n{doors}");
    std::fs::write(scene.dir.path().join("partners.d/valley-record.toml"), partner).expect("a file can be written");
    scene
}

/// Directories of this machine, each a destination.
struct Folders(tempfile::TempDir);

impl Folders {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary directory can be made"))
    }

    fn door(&self, name: &str, sidecars: &str) -> (String, String) {
        let path = self.0.path().join(name);
        std::fs::create_dir(&path).expect("a directory can be made");
        let table = format!(
            "format = \"nitf\"\n[destinations.NAME.directory]\npath = \"{}\"\nfile = {{ sidecars = {{ {sidecars} }} }}\n",
            path.display()
        );
        (name.to_owned(), table)
    }

    fn standing(&self, name: &str) -> BTreeMap<String, String> {
        standing(&self.0.path().join(name))
    }
}

/// A story with these pictures.
async fn publish(scene: &Scene, name: &str, version: u64, pictures: &[String]) {
    let mut story: Value = serde_json::from_slice(&article(name, version, "publish")).expect("it is JSON");
    let asset = |url: &String| json!({ "kind": "picture", "caption": "A ferry", "renditions": [{ "name": "main", "href": url, "width": 640 }] });
    story["media"] = pictures.iter().map(asset).collect();
    post(scene, &story.to_string().into_bytes()).await;
}

async fn kill(scene: &Scene, name: &str, version: u64) {
    post(scene, &article(name, version, "kill")).await;
}

async fn post(scene: &Scene, story: &[u8]) {
    let (status, answer) = scene.post("application/json", story).await;
    assert_eq!(status, 202, "{answer}");
}

fn deliveries(scene: &Scene) -> Vec<DeliveryRecord> {
    let reader = SqliteReader::open(&scene.ledger()).expect("the ledger can be read");
    reader.deliveries(&DeliveryFilter { limit: 500, ..DeliveryFilter::default() }).expect("it can be listed")
}

/// Waits until the delivery of a story to a destination is as it should be.
async fn comes_to(scene: &Scene, name: &str, destination: &str, what: &str, is: impl Fn(&DeliveryRecord) -> bool) {
    let (story, door) = (format!("urn:test:{name}"), format!("valley-record/{destination}"));
    let its = |one: &DeliveryRecord| one.story.as_str() == story && one.destination == door;
    let waited = format!("{name} at {destination} {what}");
    until(SOON, &waited, async || deliveries(scene).iter().any(|one| its(one) && is(one))).await;
}

async fn delivered(scene: &Scene, name: &str, destination: &str, version: u64) {
    comes_to(scene, name, destination, "is delivered", |one| one.version == version && one.state == "delivered").await;
}

async fn told(scene: &Scene, name: &str, destination: &str, words: &str) {
    let says = |one: &DeliveryRecord| one.reason.as_ref().is_some_and(|reason| reason.contains(words));
    comes_to(scene, name, destination, &format!("says {words:?}"), says).await;
}

/// Fifty folders and a Newsroom take one picture; the Newsroom cannot be reached before the daemon has died and come back,
/// and the pictures' server is gone by then.
#[tokio::test(flavor = "multi_thread")]
async fn a_picture_is_fetched_once_for_all() {
    let (pictures, folders, mut newsroom) = (Pictures::start().await, Folders::new(), Newsroom::new());
    let mut doors: Vec<_> = (0..50).map(|number| folders.door(&format!("d{number}"), "")).collect();
    doors.push(("newsroom".to_owned(), newsroom.table()));
    let mut scene = scene(&doors, "");
    scene.start().await;
    publish(&scene, "ferry", 1, &[pictures.url("/a.png")]).await;
    for (name, _) in &doors[..50] {
        delivered(&scene, "ferry", name, 1).await;
        let files = folders.standing(name);
        let picture = files.keys().find(|name| name.ends_with(".png")).expect("the picture is there");
        let document = files.iter().find(|(name, _)| name.ends_with(".xml")).expect("the story is there").1;
        assert!(document.contains(&format!("source=\"{picture}\"")), "{document}");
        assert!(!document.contains("127.0.0.1"), "{document}");
    }
    assert_eq!(pictures.asked.load(Ordering::SeqCst), 1);
    let (_, metrics) = get(scene.admin, "/metrics").await.expect("there are metrics");
    assert!(metrics.contains("newswired_media_fetched_total 1\n"), "{metrics}");

    pictures.closed.store(true, Ordering::SeqCst);
    scene.kill();
    newsroom.start().await;
    scene.start().await;
    delivered(&scene, "ferry", "newsroom", 1).await;
    let requests = newsroom.requests();
    let words: Vec<Vec<&str>> = requests.iter().map(|line| line.split(' ').collect()).collect();
    let [asked, pushed, story] = &words[..] else { panic!("{requests:?}") };
    assert_eq!((asked[0], asked[2]), ("GET", "404"));
    let digest = {
        use sha2::Digest;
        sha2::Sha256::digest(PNG).iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    assert_eq!(pushed[..], ["POST", "/push_binary", "201", "image/png", &digest]);
    assert_eq!(story[..], ["POST", "/push", "200", "urn:test:ferry", "usable", "1"]);
    assert_eq!(pictures.asked.load(Ordering::SeqCst), 1, "the shelf has it");

    // Its kill names nothing and asks for nothing.
    kill(&scene, "ferry", 2).await;
    until(SOON, "the Newsroom has the kill", async || newsroom.requests().len() > 3).await;
    // It goes twice where an attempt was under way when the daemon died: that one might have arrived after the first.
    let once = scene
        .log()
        .lines()
        .rfind(|line| line.contains("daemon: ready "))
        .is_some_and(|line| line.contains("recovered=0"));
    if once {
        delivered(&scene, "ferry", "newsroom", 2).await;
        assert_eq!(newsroom.requests().len(), 4);
    }
    for request in &newsroom.requests()[3..] {
        assert_eq!(request, "POST /push 200 urn:test:ferry canceled 0");
    }
    for (name, _) in &doors[..50] {
        delivered(&scene, "ferry", name, 2).await;
        let left = folders.standing(name);
        assert_eq!(left.len(), 1, "the picture went with the story: {:?}", left.keys());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_story_goes_without_what_is_gone_or_waits_as_its_destination_says() {
    let (pictures, folders) = (Pictures::start().await, Folders::new());
    let doors = [folders.door("without", ""), folders.door("wait", "missing = \"wait\"")];
    let mut scene = scene(&doors, "");
    scene.start().await;
    publish(&scene, "ferry", 1, &[pictures.url("/404.png"), pictures.url("/a.png")]).await;
    delivered(&scene, "ferry", "without", 1).await;
    told(&scene, "ferry", "without", "it went without http://127.0.0.1:").await;
    told(&scene, "ferry", "without", "/404.png (its server answers 404 Not Found)").await;
    let why = ["why", "--story", "urn:test:ferry", "--destination", "valley-record/wait"];
    let waits = "deferred (not sent: it waits for its next version, since http://127.0.0.1:";
    until(SOON, "the other waits", async || ordered(&scene, &why).contains(waits)).await;
    let files = folders.standing("without");
    assert_eq!(files.len(), 2, "{:?}", files.keys());
    assert!(files.values().all(|text| !text.contains("404.png")));
    assert!(folders.standing("wait").is_empty());

    // The same version again is the same document, though the file is there by now: that it was gone is remembered.
    let before = folders.standing("without");
    pictures.mended.store(true, Ordering::SeqCst);
    scene.kill();
    scene.start().await;
    ordered(&scene, &["resend", "--story", "urn:test:ferry", "--destination", "valley-record/without"]);
    until(SOON, "it is sent again", async || sent(&scene).await >= 1).await;
    assert_eq!(folders.standing("without"), before);

    publish(&scene, "ferry", 2, &[pictures.url("/b.png")]).await;
    delivered(&scene, "ferry", "wait", 2).await;
    assert_eq!(folders.standing("wait").len(), 2);
}

/// How often a story went to the destination `without` since the daemon started.
async fn sent(scene: &Scene) -> usize {
    let (_, metrics) = get(scene.admin, "/metrics").await.expect("there are metrics");
    let of = |line: &&str| {
        line.starts_with("newswired_attempts_total{") && line.contains("/without\"") && line.contains("delivered")
    };
    metrics.lines().filter(of).filter_map(|line| line.rsplit(' ').next()?.parse::<usize>().ok()).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_that_does_not_come_is_in_nobodys_way() {
    let (pictures, folders) = (Pictures::start().await, Folders::new());
    let mut doors = vec![folders.door("files", ""), ("links".to_owned(), folders.door("l", "").1)];
    doors[1].1 = doors[1].1.split("file =").next().expect("there is a start").to_owned();
    let mut scene = scene(&doors, "patience = \"20s\"\n");
    scene.start().await;
    publish(&scene, "slow", 1, &[pictures.url("/slow.png")]).await;
    // Who takes no files has it at once.
    delivered(&scene, "slow", "links", 1).await;
    until(SOON, "the picture is asked for", async || pictures.asked.load(Ordering::SeqCst) > 0).await;
    // A kill takes the place of the story that waits, and there is nothing to take down.
    let began = Instant::now();
    kill(&scene, "slow", 2).await;
    comes_to(&scene, "slow", "files", "is cancelled", |one| one.state == "cancelled").await;
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert!(folders.standing("files").is_empty());
    // And the lane goes on.
    publish(&scene, "quick", 1, &[pictures.url("/a.png")]).await;
    delivered(&scene, "quick", "files", 1).await;
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn others_of_the_lane_go_first() {
    let (pictures, folders) = (Pictures::start().await, Folders::new());
    let mut scene =
        scene(&[folders.door("files", "")], "patience = \"200ms\"\ngive_up_after = \"2s\"\ntimeout = \"1s\"\n");
    scene.start().await;
    publish(&scene, "slow", 1, &[pictures.url("/slow.png")]).await;
    publish(&scene, "quick", 1, &[pictures.url("/a.png")]).await;
    delivered(&scene, "quick", "files", 1).await;
    // After a time the story goes without it.
    delivered(&scene, "slow", "files", 1).await;
    told(&scene, "slow", "files", "it could not be fetched for 2s").await;
}

#[cfg(feature = "sftp")]
#[tokio::test(flavor = "multi_thread")]
async fn by_sftp() {
    let (pictures, sshd) = (Pictures::start().await, support::files::Sshd::start("").await);
    let table = format!(
        "format = \"nitf\"\n[destinations.NAME.sftp]\n{}file = {{ name = \"{{{{ wire }}}}/{{{{ id }}}}.xml\", \
         make_folders = true, sidecars = {{}} }}\n",
        sshd.table("")
    );
    let mut scene = scene(&[("desk".to_owned(), table)], "");
    scene.start().await;
    publish(&scene, "ferry", 1, &[pictures.url("/a.png"), pictures.url("/b.png")]).await;
    delivered(&scene, "ferry", "desk", 1).await;
    let names = |files: BTreeMap<String, String>| files.into_keys().collect::<Vec<_>>();
    let files = names(standing(&sshd.folder()));
    assert_eq!(files.len(), 3, "{files:?}");
    assert!(files.iter().all(|name| name.starts_with("dcnf/5f711d6f1ca065bd")), "{files:?}");
    publish(&scene, "ferry", 2, &[pictures.url("/b.png")]).await;
    delivered(&scene, "ferry", "desk", 2).await;
    assert_eq!(names(standing(&sshd.folder())).len(), 2, "the picture that is not in it any more is gone");
    kill(&scene, "ferry", 3).await;
    delivered(&scene, "ferry", "desk", 3).await;
    assert_eq!(names(standing(&sshd.folder())), ["dcnf/5f711d6f1ca065bd.xml"]);
}
