//! What a service manager is told: ready when it is, alive for as long as everything answers, and how much goes through.

mod support;

use std::io::ErrorKind;
use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

use newswired::sink::SinkOptions;
use rusqlite::Connection;
use support::{Partner, Scene, article, run, sink, until, url};

const SOON: Duration = Duration::from_secs(40);

/// The daemon asks its parts three times in this.
const PATIENCE: Duration = Duration::from_millis(900);

/// A service manager's end of `sd_notify(3)`.
struct Manager(UnixDatagram);

impl Manager {
    fn of(scene: &mut Scene) -> Self {
        let path = scene.dir.path().join("notify");
        let socket = UnixDatagram::bind(&path).expect("a socket can be made");
        scene.environment.push(("NOTIFY_SOCKET", path.display().to_string()));
        scene.environment.push(("WATCHDOG_USEC", PATIENCE.as_micros().to_string()));
        Self(socket)
    }

    /// The next word; none within that time.
    fn next(&self, within: Duration) -> Option<String> {
        self.0.set_read_timeout(Some(within)).expect("the time is not zero");
        let mut word = [0; 4096];
        match self.0.recv(&mut word) {
            Ok(length) => Some(String::from_utf8_lossy(&word[..length]).trim_end().to_owned()),
            Err(why) if matches!(why.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => None,
            Err(why) => panic!("the socket cannot be read: {why}"),
        }
    }

    /// Waits for a word that begins so.
    fn until(&self, start: &str) -> String {
        let deadline = Instant::now() + SOON;
        while Instant::now() < deadline {
            if let Some(word) = self.next(SOON).filter(|word| word.starts_with(start)) {
                return word;
            }
        }
        panic!("no {start} within {SOON:?}");
    }

    /// Whether a word is not said for twice as long as the service manager has patience.
    fn is_silent_about(&self, unwanted: &str) -> bool {
        let deadline = Instant::now() + 2 * PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            if self.next(left).is_some_and(|word| word == unwanted) {
                return false;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_ready_once_alive_while_all_answers_and_silent_when_the_writer_is_stuck() {
    let partner = sink(SinkOptions::default()).await;
    let mut scene = Scene::new(&[Partner { id: "own", format: "json", url: url(&partner), more: "" }], "", "");
    let manager = Manager::of(&mut scene);
    scene.start().await;
    let first = manager.next(SOON).expect("it says something");
    assert!(first == "READY=1" || first.starts_with("STATUS="), "{first}");
    if first != "READY=1" {
        manager.until("READY=1");
    }
    for _ in 0..5 {
        manager.until("WATCHDOG=1");
    }
    let (status, answer) = scene.post("application/json", &article("one", 1, "publish")).await;
    assert_eq!(status, 202, "{answer}");
    until(SOON, "it arrives", async || partner.stories().len() == 1).await;
    // The next line of its status counts both.
    let line = tokio::task::block_in_place(|| {
        loop {
            let line = manager.until("STATUS=in 10 s: ");
            if line.contains("since the start: 1, ") {
                break line;
            }
        }
    });
    assert!(line.ends_with("since the start: 1, 1"), "{line}");

    // Somebody keeps the file to himself: the writer waits in SQLite, for five seconds.
    let other = Connection::open(scene.ledger()).expect("the ledger can be opened");
    other.execute_batch("BEGIN IMMEDIATE").expect("the ledger can be written");
    let silent = tokio::task::block_in_place(|| {
        // What was said before is not meant, however much of it nobody has read yet.
        let held = Instant::now();
        while held.elapsed() < 2 * PATIENCE && manager.next(PATIENCE / 2).is_some() {}
        manager.is_silent_about("WATCHDOG=1")
    });
    assert!(silent, "it is called alive though the writer does not answer");
    other.execute_batch("ROLLBACK").expect("a transaction can be taken back");
    manager.until("WATCHDOG=1");

    assert_eq!(scene.terminate().await, Some(0));
    manager.until("STOPPING=1");
    assert!(scene.log().contains("no answer"), "the log says which part did not answer");
}

#[tokio::test(flavor = "multi_thread")]
async fn health_says_by_its_exit_code_whether_the_daemon_is_well() {
    let mut scene = Scene::new(&[], "", "");
    let (code, _, why) = run(&scene, &["health"]);
    assert!(code == 1 && why.contains("does not answer"), "{code} {why}");
    scene.start().await;
    let (code, out, why) = run(&scene, &["health"]);
    assert_eq!((code, out.as_str()), (0, "ready\n"), "{why}");
    let (code, out, why) = run(&scene, &["health", "--alive"]);
    assert_eq!((code, out.as_str()), (0, "alive\n"), "{why}");
    assert_eq!(scene.terminate().await, Some(0));

    // In TLS it wants the certificate of the configuration, whatever name that has, and no other.
    let place = scene.dir.path().display().to_string();
    for name in ["own", "other"] {
        let made = rcgen::generate_simple_self_signed(["wire.example.org".to_owned()]).expect("it can be made");
        std::fs::write(format!("{place}/{name}.pem"), made.cert.pem()).expect("a file can be written");
        std::fs::write(format!("{place}/{name}.key"), made.signing_key.serialize_pem()).expect("a file can be written");
    }
    let listen = format!("listen = \"127.0.0.1:{}\"\n[log]", scene.admin);
    let tls = |name: &str| {
        format!(
            "listen = \"127.0.0.1:{}\"\ntls = {{ file = \"{place}/{name}.pem\", key = \"file:{place}/{name}.key\" }}\n[log]",
            scene.admin
        )
    };
    let (own, other) = (tls("own"), tls("other"));
    scene.replace_in_config(&listen, &own);
    scene.start_and_wait_for_log("admin=").await;
    until(SOON, "it is well", async || run(&scene, &["health"]).0 == 0).await;
    scene.replace_in_config(&own, &other);
    let (code, _, why) = run(&scene, &["health"]);
    assert!(code == 1 && why.contains("certificate"), "{code} {why}");
    assert_eq!(scene.terminate().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_has_a_beginning_and_an_end() {
    let mut scene = Scene::new(&[], "", "");
    let manager = Manager::of(&mut scene);
    scene.start().await;
    manager.until("READY=1");
    scene.signal("HUP");
    let began = manager.until("RELOADING=1");
    assert!(began.contains("\nMONOTONIC_USEC="), "{began}");
    manager.until("READY=1");
    // Also of one that is refused.
    scene.replace_in_config("[ledger]", "[leger]\n[ledger]");
    scene.signal("HUP");
    manager.until("RELOADING=1");
    manager.until("READY=1");
    assert!(scene.log().contains("configuration refused"));
    assert_eq!(scene.terminate().await, Some(0));
}
