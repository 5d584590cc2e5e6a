//! A copy of the ledger, made while the daemon works, is a ledger that a daemon goes on with: nothing that was in it is
//! lost, and a kill reaches whoever may have a story.

mod support;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use newswired::sink::{Sink, SinkOptions};
use rusqlite::Connection;
use support::{Partner, Scene, TOKEN, article, newswired, ordered, publish, run, sink, until, url};

const SOON: Duration = Duration::from_secs(40);

fn partner(id: &'static str, url: String) -> Partner {
    Partner { id, format: "json", url, more: "" }
}

async fn accepted(scene: &Scene, name: &str, version: u64, action: &str) {
    let (status, answer) = scene.post("application/json", &article(name, version, action)).await;
    assert_eq!(status, 202, "{answer}");
}

fn has(sink: &Sink, story: &str, version: u64) -> bool {
    sink.stories().get(&format!("urn:test:{story}")) == Some(&version)
}

/// Runs the program off the runtime, which goes on meanwhile.
async fn verb(scene: &Scene, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = newswired();
    command.args(arguments).arg("--config").arg(scene.config());
    let output = tokio::task::spawn_blocking(move || command.output()).await.expect("it does not panic");
    let output = output.expect("the program can be run");
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    (output.status.code(), said.concat())
}

fn count(copy: &Path, sql: &str) -> i64 {
    let copy = Connection::open(copy).expect("a copy can be opened");
    copy.query_row(sql, [], |row| row.get(0)).unwrap_or_else(|why| panic!("{sql}: {why}"))
}

/// Publishes for as long as it is to, from several hands. Counts what was acknowledged.
async fn busy(http: u16, go_on: Arc<AtomicBool>, acknowledged: Arc<AtomicU64>) {
    let hands = (0..4).map(|hand| {
        let (go_on, acknowledged) = (Arc::clone(&go_on), Arc::clone(&acknowledged));
        async move {
            for number in 0.. {
                if !go_on.load(Ordering::Acquire) {
                    return;
                }
                let body = article(&format!("busy-{hand}-{number}"), 1, "publish");
                if let Some((202, _)) = publish(http, TOKEN, "application/json", &body).await {
                    acknowledged.fetch_add(1, Ordering::AcqRel);
                }
            }
        }
    });
    futures_util::future::join_all(hands).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_made_under_load_is_whole_and_a_daemon_goes_on_with_it() {
    let (one, other) = (sink(SinkOptions::default()).await, sink(SinkOptions::default()).await);
    let mut scene = Scene::new(&[partner("one", url(&one)), partner("other", url(&other))], "", "");
    scene.start().await;
    ordered(&scene, &["suspend", "--partner", "other"]);
    let (go_on, acknowledged) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicU64::new(0)));
    let publishing = tokio::spawn(busy(scene.http, Arc::clone(&go_on), Arc::clone(&acknowledged)));
    let out = tempfile::tempdir().expect("a temporary directory can be made");
    let copies: Vec<PathBuf> = (0..3).map(|number| out.path().join(format!("copy-{number}"))).collect();
    for copy in &copies {
        let before = acknowledged.load(Ordering::Acquire);
        until(SOON, "more is published", async || acknowledged.load(Ordering::Acquire) > before + 20).await;
        let before = acknowledged.load(Ordering::Acquire);
        let (code, said) = verb(&scene, &["backup", copy.to_str().expect("the path is UTF-8")]).await;
        assert_eq!(code, Some(0), "{said}");
        let after = acknowledged.load(Ordering::Acquire);
        assert!(after > before, "nothing was published while it was copied");
        let articles = count(copy, "SELECT count(*) FROM article");
        let stored = u64::try_from(articles).expect("a count is no less than nothing");
        assert!(stored >= before, "{stored} articles are in a copy that was begun after {before} were acknowledged");
        // Promise 1 in the copy: each article is there with all of its deliveries.
        assert_eq!(count(copy, "SELECT count(*) FROM delivery"), 2 * articles);
        assert_eq!(count(copy, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
    }
    let (code, said) = verb(&scene, &["backup", copies[0].to_str().expect("the path is UTF-8")]).await;
    assert!(code == Some(64) && said.contains("is there already; give another name"), "{code:?} {said}");
    go_on.store(false, Ordering::Release);
    publishing.await.expect("publishing ends");
    let last = copies.last().and_then(|copy| copy.to_str()).expect("there is a copy");

    let (code, _, said) = run(&scene, &["restore", last, "--replace"]);
    assert!(code == 69 && said.contains("another newswired runs on the ledger"), "{code} {said}");
    scene.kill();
    let (code, _, said) = run(&scene, &["restore", last]);
    assert!(code == 1 && said.contains("--replace puts it aside"), "{code} {said}");
    let said = ordered(&scene, &["restore", last, "--replace"]);
    assert!(said.contains("what was there is at ") && said.contains("perhaps sent since"), "{said}");

    scene.start().await;
    ordered(&scene, &["resume", "--partner", "other"]);
    let stories = count(Path::new(last), "SELECT count(*) FROM story");
    let stories = usize::try_from(stories).expect("a count is no less than nothing");
    until(SOON, "what waited in the copy arrives", async || other.stories().len() == stories).await;
    // Whatever is accepted now goes out as ever.
    accepted(&scene, "after", 1, "publish").await;
    for sink in [&one, &other] {
        until(SOON, "a new story arrives", async || has(sink, "after", 1)).await;
        assert_eq!(sink.stats().versions_back, 0);
    }
    assert_eq!(scene.terminate().await, Some(0));
}

/// What was sent between the copy and the crash is not in the copy; promise 4 holds for it all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_kill_reaches_who_got_the_story_after_the_copy_was_made() {
    let (late, hanging) =
        (sink(SinkOptions::default()).await, sink(SinkOptions { hang: true, ..SinkOptions::default() }).await);
    let mut scene = Scene::new(&[partner("late", url(&late)), partner("hanging", url(&hanging))], "", "");
    scene.start().await;
    ordered(&scene, &["suspend", "--partner", "late"]);
    accepted(&scene, "wrong", 1, "publish").await;
    until(SOON, "a request is under way", async || hanging.stats().hung > 0).await;
    let copy = scene.dir.path().join("copy");
    let copy = copy.to_str().expect("the path is UTF-8");
    let said = ordered(&scene, &["backup", copy]);
    assert!(said.contains("1 waiting, 1 under way"), "{said}");
    ordered(&scene, &["resume", "--partner", "late"]);
    until(SOON, "it arrives", async || has(&late, "wrong", 1)).await;
    scene.kill();

    let said = ordered(&scene, &["restore", copy, "--replace"]);
    assert!(
        said.contains("of unknown outcome and to be sent again: 1") && said.contains("a kill's reach: 1"),
        "{said}"
    );
    scene.start().await;
    // As far as the copy knows, the partner is suspended and was sent nothing.
    accepted(&scene, "wrong", 2, "kill").await;
    until(SOON, "the kill arrives", async || has(&late, "wrong", 2)).await;
    // What was under way may have arrived, so the kill is owed there, too.
    let (_, listed, why) = run(&scene, &["killed", "--story", "urn:test:wrong"]);
    let listed = format!("{listed}{why}");
    assert!(listed.contains("hanging/main") && listed.contains("outstanding at 1 of 2 doors"), "{listed}");
}
