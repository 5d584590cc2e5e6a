//! Partners that take files: real servers, whose disks are looked at.

#![cfg(all(feature = "ftp", feature = "s3", feature = "sftp", feature = "webdav"))]

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use newswired::ledger::{DeliveryFilter, DeliveryRecord, SqliteReader};
use serde_json::Value;
use support::disk::SmallDisk;
use support::files::{Bucket, Dav, Ftpd, Sshd, standing};
use support::{Scene, article, until};

const SOON: Duration = Duration::from_secs(30);

/// A daemon with one partner, who has these destinations.
fn scene(destinations: &[(&str, String)]) -> Scene {
    let scene = Scene::new(&[], "connect_timeout = \"5s\"", "");
    let doors = destinations.iter().map(|(name, table)| format!("[destinations.{name}]\nformat = \"json\"\n{table}"));
    let partner = format!("name = \"The Valley Record\"\n{}", doors.collect::<String>());
    std::fs::write(scene.dir.path().join("partners.d/valley-record.toml"), partner).expect("a file can be written");
    scene
}

fn delivery(scene: &Scene, destination: &str) -> Option<DeliveryRecord> {
    let reader = SqliteReader::open(&scene.ledger()).expect("the ledger can be read");
    let list = reader.deliveries(&DeliveryFilter { limit: 10, ..DeliveryFilter::default() }).expect("it can be listed");
    list.into_iter().find(|delivery| delivery.destination == format!("valley-record/{destination}"))
}

async fn delivered(scene: &Scene, destination: &str, version: u64) {
    let is = |delivery: DeliveryRecord| delivery.version == version && delivery.state == "delivered";
    let what = format!("version {version} is delivered to {destination}");
    until(SOON, &what, async || delivery(scene, destination).is_some_and(is)).await;
}

/// Waits for a reason that says `what`.
async fn told(scene: &Scene, destination: &str, what: &str) {
    let says = |delivery: DeliveryRecord| delivery.reason.is_some_and(|reason| reason.contains(what));
    let waited = format!("{destination} says {what:?}");
    until(SOON, &waited, async || delivery(scene, destination).is_some_and(says)).await;
}

async fn publish(scene: &Scene, version: u64, action: &str) {
    let mut article: Value = serde_json::from_slice(&article("ferry", version, action)).expect("it is JSON");
    article["slugline"] = format!("Ferry {version}").into();
    let (status, answer) = scene.post("application/json", article.to_string().as_bytes()).await;
    assert_eq!(status, 202, "{answer}");
}

/// The tables of two doors of the same kind: one as simple as can be, one with everything.
fn simple_and_rich(kind: &str, simple: &str, rich: &str) -> [(&'static str, String); 2] {
    let file = "name = \"{{ wire }}/{{ slug }}-v{{ version }}-{{ id }}.{{ extension }}\"\non_kill = \"both\"\nmake_folders = true\nchecksum = true\n";
    let temporary =
        if kind == "s3" { "" } else { "temporary = { prefix = \"\", suffix = \".tmp\", folder = \"tmp\" }\n" };
    let file = if kind == "s3" { file.replace("make_folders = true\n", "") } else { file.to_owned() };
    [
        ("simple", format!("[destinations.simple.{kind}]\n{simple}\n[destinations.simple.{kind}.file]\n")),
        ("rich", format!("[destinations.rich.{kind}]\n{rich}\n[destinations.rich.{kind}.file]\n{file}{temporary}")),
    ]
}

const SIMPLE: &str = "ferry-5f711d6f1ca065bd.json";
const RICH: [&str; 3] = [
    "dcnf/ferry-1-v1-5f711d6f1ca065bd.json",
    "dcnf/ferry-2-v2-5f711d6f1ca065bd.json",
    "dcnf/ferry-2-v2-5f711d6f1ca065bd-kill.json",
];

fn has(files: &BTreeMap<String, String>, name: &str, text: &str) {
    let file = files.get(name).unwrap_or_else(|| panic!("no {name} in {:?}", files.keys()));
    assert!(file.contains(text), "{text:?} is not in {name}: {file}");
}

/// A story's whole life at the two doors of [`simple_and_rich`], whose folders are looked at; in its middle `interrupt`
/// does something to the server.
async fn whole_life(
    scene: &mut Scene,
    simple: impl Fn() -> BTreeMap<String, String>,
    rich: impl Fn() -> BTreeMap<String, String>,
    interrupt: impl AsyncFnOnce(),
) {
    scene.start().await;
    publish(scene, 1, "publish").await;
    for destination in ["simple", "rich"] {
        delivered(scene, destination, 1).await;
    }
    let files = simple();
    has(&files, SIMPLE, "Version 1 of ferry");
    assert_eq!(files.len(), 1, "{:?}", files.keys());
    let files = rich();
    has(&files, RICH[0], "Version 1 of ferry");
    has(&files, &format!("{}.sha256", RICH[0]), &format!("  {}\n", RICH[0].trim_start_matches("dcnf/")));
    assert_eq!(files.len(), 2, "{:?}", files.keys());

    interrupt().await;
    publish(scene, 2, "update").await;
    for destination in ["simple", "rich"] {
        delivered(scene, destination, 2).await;
    }
    let files = simple();
    has(&files, SIMPLE, "Version 2 of ferry");
    assert_eq!(files.len(), 1, "{:?}", files.keys());
    let files = rich();
    has(&files, RICH[1], "Version 2 of ferry");
    assert_eq!(files.len(), 2, "{:?}", files.keys());

    publish(scene, 3, "kill").await;
    for destination in ["simple", "rich"] {
        delivered(scene, destination, 3).await;
    }
    let files = simple();
    has(&files, SIMPLE, "\"action\":\"kill\"");
    assert_eq!(files.len(), 1, "{:?}", files.keys());
    let files = rich();
    has(&files, RICH[2], "\"action\":\"kill\"");
    assert_eq!(files.len(), 2, "{:?}", files.keys());
}

fn below(folder: &Path) -> impl Fn() -> BTreeMap<String, String> + use<> {
    let folder = folder.to_owned();
    move || standing(&folder)
}

#[tokio::test(flavor = "multi_thread")]
async fn sftp() {
    let mut sshd = Sshd::start("").await;
    let rich = sshd.file("archive");
    std::fs::create_dir(&rich).expect("a directory can be made");
    let archive = sshd.table("").replace("\"incoming\"", &format!("\"{}\"", rich.display()));
    let mut scene = scene(&simple_and_rich("sftp", &sshd.table(""), &archive));
    let simple = below(&sshd.folder());
    whole_life(&mut scene, simple, below(&rich), async || {
        // What is delivered next meets sessions that are over.
        sshd.server.stop();
        sshd.server.start_again().await;
    })
    .await;
    assert!(sshd.let_in() <= 5, "let in {} times", sshd.let_in());
}

/// A server that is not the one is told nothing; one that is may show any of its keys that we know.
#[tokio::test(flavor = "multi_thread")]
async fn sftp_servers_are_known_by_their_keys() {
    let sshd = Sshd::start("").await;
    let known = sshd.file("known_hosts");
    std::fs::write(&known, format!("[127.0.0.1]:{} {}\n", sshd.server.port, sshd.public("host")))
        .expect("it can be written");
    let (good, host) = (sshd.table(""), format!("\"{}\"", sshd.public("host")));
    let in_folder = |name: &str, table: &str| {
        std::fs::create_dir(sshd.file(name)).expect("a folder can be made");
        format!("[destinations.{name}.sftp]\n{}", table.replace("\"incoming\"", &format!("\"{name}\"")))
    };
    let with_known_hosts =
        good.replace(&format!("host_key = {host}"), &format!("known_hosts = \"{}\"", known.display()));
    let doors = [
        ("rsa", in_folder("rsa", &good.replace(&host, &format!("\"{}\"", sshd.public("old-host"))))),
        ("file", in_folder("file", &with_known_hosts)),
        ("other", in_folder("other", &good.replace(&host, &format!("\"{}\"", sshd.public("client"))))),
    ];
    let mut scene = scene(&doors);
    scene.start().await;
    publish(&scene, 1, "publish").await;
    for door in ["rsa", "file"] {
        delivered(&scene, door, 1).await;
        has(&standing(&sshd.file(door)), SIMPLE, "Version 1 of ferry");
    }
    told(&scene, "other", "shows another key than the configuration says (SHA256:").await;
    assert!(standing(&sshd.file("other")).is_empty());
    assert_eq!(sshd.let_in(), 2, "nobody said who he is to a server that is not the one");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_an_sftp_server_is_told_and_waits() {
    // A server without OpenSSH's own way to replace a file.
    let sshd = Sshd::start("-P posix-rename,fsync").await;
    let good = sshd.table("");
    let client = sshd.file("client").display().to_string();
    let door = |name: &str, table: &str| format!("[destinations.{name}.sftp]\n{table}");
    let doors = [
        (
            "stranger",
            door(
                "stranger",
                &good
                    .replace(&client, &sshd.file("stranger").display().to_string())
                    .replace("\"incoming\"", "\"nowhere\""),
            ),
        ),
        ("missing", door("missing", &good.replace("\"incoming\"", "\"missing\""))),
        ("plain", door("plain", &good)),
    ];
    let mut scene = scene(&doors);
    scene.start().await;
    publish(&scene, 1, "publish").await;
    delivered(&scene, "plain", 1).await;
    told(&scene, "stranger", "does not let the user").await;
    told(&scene, "missing", "make the folder, or check path").await;
    // What stands there is replaced by a server that cannot do it in one step, too.
    publish(&scene, 2, "update").await;
    delivered(&scene, "plain", 2).await;
    let files = standing(&sshd.folder());
    has(&files, SIMPLE, "Version 2 of ferry");
    assert_eq!(files.len(), 1, "{:?}", files.keys());
    // What was wrong is mended, and nothing was lost.
    std::fs::create_dir(sshd.file("missing")).expect("a folder can be made");
    delivered(&scene, "missing", 2).await;
    has(&standing(&sshd.file("missing")), SIMPLE, "Version 2 of ferry");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_of_this_machine() {
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let [simple, rich] = ["simple", "rich"].map(|name| dir.path().join(name));
    let table = |path: &Path| format!("path = \"{}\"", path.display());
    let mut scene = scene(&simple_and_rich("directory", &table(&simple), &table(&rich)));
    for path in [&simple, &rich] {
        std::fs::create_dir(path).expect("a directory can be made");
    }
    whole_life(&mut scene, below(&simple), below(&rich), async || {}).await;
}

/// The disk of a directory fills up, and has room again.
#[tokio::test(flavor = "multi_thread")]
async fn a_directory_on_a_full_disk() {
    let Some(disk) = SmallDisk::mount() else {
        eprintln!("skipped: a small disk cannot be mounted here");
        return;
    };
    let mut scene =
        scene(&[("main", format!("[destinations.main.directory]\npath = \"{}\"\n", disk.path().display()))]);
    disk.fill();
    scene.start().await;
    publish(&scene, 1, "publish").await;
    told(&scene, "main", "No space left on device").await;
    assert_eq!(standing(disk.path()).into_keys().collect::<Vec<_>>(), ["ballast"], "nothing unfinished is left");
    disk.make_room();
    delivered(&scene, "main", 1).await;
    disk.make_writable(false);
    publish(&scene, 2, "kill").await;
    told(&scene, "main", "Read-only file system").await;
    disk.make_writable(true);
    delivered(&scene, "main", 2).await;
    has(&standing(disk.path()), SIMPLE, "\"action\":\"kill\"");
}

#[tokio::test(flavor = "multi_thread")]
async fn webdav() {
    let mut dav = Dav::start().await;
    let [simple, rich] = [dav.folder("in coming"), dav.folder("archive")];
    std::fs::create_dir(&rich).expect("a directory can be made");
    let tables = [dav.table("/dav/in%20coming", ""), dav.table("/dav/archive/", "")];
    let mut scene = scene(&simple_and_rich("webdav", &tables[0], &tables[1]));
    whole_life(&mut scene, below(&simple), below(&rich), async || {
        dav.server.stop();
        dav.server.start_again().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_webdav_server_is_told_and_waits() {
    let dav = Dav::start().await;
    let door = |name: &str, table: &str| format!("[destinations.{name}.webdav]\n{table}");
    let doors = [
        ("unknown", door("unknown", &dav.table("/dav/", "").replace("\"wire\"", "\"wires\""))),
        ("missing", door("missing", &dav.table("/dav/missing/", ""))),
        ("locked", door("locked", &dav.table("/locked/", ""))),
    ];
    let mut scene = scene(&doors);
    scene.start().await;
    publish(&scene, 1, "publish").await;
    told(&scene, "unknown", "answered 401").await;
    told(&scene, "missing", "make the folder, or check url").await;
    told(&scene, "locked", "answered 403").await;
    assert!(standing(&dav.folder("")).is_empty());
    std::fs::create_dir(dav.folder("missing")).expect("a directory can be made");
    delivered(&scene, "missing", 1).await;
    has(&standing(&dav.folder("missing")), SIMPLE, "Version 1 of ferry");
}

#[tokio::test(flavor = "multi_thread")]
async fn s3() {
    let mut bucket = Bucket::start().await;
    let tables = [bucket.table("wire", "in", "key"), bucket.table("wire", "archive/news", "key")];
    let mut scene = scene(&simple_and_rich("s3", &tables[0], &tables[1]));
    for folder in ["in", "archive/news"] {
        std::fs::create_dir_all(bucket.folder(folder)).expect("a folder can be made");
    }
    let [simple, rich] = ["in", "archive/news"].map(|folder| below(&bucket.folder(folder)));
    whole_life(&mut scene, simple, rich, async || {
        assert!(bucket.metadata().contains("application/json"), "{}", bucket.metadata());
        bucket.server.stop();
        bucket.server.start_again().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_does_not_know_our_keys_is_told_and_waits() {
    let bucket = Bucket::start().await;
    let doors = [("unsigned", format!("[destinations.unsigned.s3]\n{}", bucket.table("wire", "a", "wrong")))];
    let mut scene = scene(&doors);
    scene.start().await;
    publish(&scene, 1, "publish").await;
    told(&scene, "unsigned", "check access_key, secret_key and region").await;
    assert!(standing(&bucket.folder("")).is_empty());
}

/// Whoever replaces a secret's file does not have to tell the daemon.
#[tokio::test(flavor = "multi_thread")]
async fn secrets_that_are_replaced_are_used_without_a_restart() {
    let (sshd, dav) = (Sshd::start("").await, Dav::start().await);
    let (bucket, ftpd) = (Bucket::start().await, Ftpd::start("tls").await);
    let secrets = tempfile::tempdir().expect("a temporary directory can be made");
    let secret = |name: &str| secrets.path().join(name);
    for name in ["dav", "s3", "ftp"] {
        std::fs::write(secret(name), "wrong").expect("it can be written");
    }
    std::fs::copy(sshd.file("stranger"), secret("sftp")).expect("it can be copied");
    let door = |kind: &str, table: &str, file: &Path| {
        let (from, to) = (file.display().to_string(), secret(kind.trim_start_matches("web")).display().to_string());
        assert!(table.contains(&from), "{from} is not in {table}");
        format!("[destinations.{kind}.{kind}]\n{}", table.replace(&from, &to))
    };
    let doors = [
        ("sftp", door("sftp", &sshd.table(""), &sshd.file("client"))),
        ("webdav", door("webdav", &dav.table("/dav/", ""), &dav.password())),
        ("s3", door("s3", &bucket.table("wire", "", "key"), &bucket.key())),
        ("ftp", door("ftp", &ftpd.table("incoming", "password", &ftpd.trust()), &ftpd.password())),
    ];
    let mut scene = scene(&doors);
    scene.start().await;
    publish(&scene, 1, "publish").await;
    told(&scene, "sftp", "does not let the user").await;
    told(&scene, "webdav", "answered 401").await;
    told(&scene, "s3", "check access_key, secret_key and region").await;
    told(&scene, "ftp", "does not let the user").await;
    for (name, from) in
        [("sftp", sshd.file("client")), ("dav", dav.password()), ("s3", bucket.key()), ("ftp", ftpd.password())]
    {
        std::fs::copy(from, secret(name)).expect("it can be copied");
    }
    for (destination, _) in doors {
        delivered(&scene, destination, 1).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ftp_with_tls() {
    let mut ftpd = Ftpd::start("tls").await;
    std::fs::create_dir(ftpd.folder("archive")).expect("a directory can be made");
    let trust = ftpd.trust();
    let tables = [ftpd.table("incoming", "password", &trust), ftpd.table("/archive/", "password", &trust)];
    let mut scene = scene(&simple_and_rich("ftp", &tables[0], &tables[1]));
    let [simple, rich] = ["incoming", "archive"].map(|folder| below(&ftpd.folder(folder)));
    whole_life(&mut scene, simple, rich, async || {
        ftpd.server.stop();
        ftpd.server.start_again().await;
    })
    .await;
    assert!(ftpd.let_in() <= 5, "let in {} times", ftpd.let_in());
}

/// One without TLS, that knows the commands of 1985 alone and says a wrong address for its data connections.
#[tokio::test(flavor = "multi_thread")]
async fn an_old_ftp_server() {
    let ftpd = Ftpd::start("old").await;
    std::fs::create_dir(ftpd.folder("archive")).expect("a directory can be made");
    let tables = ["incoming", "archive"].map(|path| ftpd.table(path, "password", "tls = \"none\""));
    let mut scene = scene(&simple_and_rich("ftp", &tables[0], &tables[1]));
    let [simple, rich] = ["incoming", "archive"].map(|folder| below(&ftpd.folder(folder)));
    whole_life(&mut scene, simple, rich, async || {}).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_an_ftp_server_is_told_and_waits() {
    let (ftpd, plain) = (Ftpd::start("tls").await, Ftpd::start("plain").await);
    let trust = ftpd.trust();
    let door = |name: &str, table: &str| format!("[destinations.{name}.ftp]\n{table}");
    let doors = [
        ("unknown", door("unknown", &ftpd.table("a", "wrong", &trust))),
        ("missing", door("missing", &ftpd.table("missing", "password", &trust))),
        ("reader", door("reader", &ftpd.table("", "password", &trust).replace("\"wire\"", "\"reader\""))),
        ("distrusted", door("distrusted", &ftpd.table("b", "password", &plain.trust()))),
        ("bare", door("bare", &plain.table("", "password", &trust))),
    ];
    let mut scene = scene(&doors);
    scene.start().await;
    publish(&scene, 1, "publish").await;
    told(&scene, "unknown", "does not let the user").await;
    told(&scene, "missing", "550").await;
    told(&scene, "reader", "check path and what the user may do there").await;
    told(&scene, "distrusted", "no TLS with localhost").await;
    told(&scene, "bare", "a server without it needs tls = \"none\"").await;
    assert!(standing(&ftpd.folder("")).is_empty() && standing(&plain.folder("")).is_empty());
    assert_eq!(plain.let_in(), 0, "no password goes where there is no TLS");
    std::fs::create_dir(ftpd.folder("missing")).expect("a directory can be made");
    delivered(&scene, "missing", 1).await;
    has(&standing(&ftpd.folder("missing")), SIMPLE, "Version 1 of ferry");
}
