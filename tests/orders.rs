//! Operators' orders: each takes effect in a running daemon at once, survives its death, and waits for one that does not
//! run. What holds a story or a partner back never holds back a kill, unless it was told to.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use newswired::config::Secret;
use newswired::ledger::{DeliveryFilter, OrderRecord, OrderState, SqliteReader};
use newswired::sink::{Received, Sink, SinkOptions};
use support::{Partner, SECRET, Scene, article, free_port, ordered, run, sink, until, url};
use tokio::sync::mpsc;

const SOON: Duration = Duration::from_secs(30);

fn partner(id: &'static str, url: String) -> Partner {
    Partner { id, format: "json", url, more: "" }
}

async fn publish(scene: &Scene, name: &str, version: u64, action: &str) {
    let (status, answer) = scene.post("application/json", &article(name, version, action)).await;
    assert_eq!(status, 202, "{answer}");
}

/// A story that may not leave for a few seconds.
async fn publish_embargoed(scene: &Scene, name: &str, until: Timestamp) {
    let mut value: serde_json::Value = serde_json::from_slice(&article(name, 1, "publish")).expect("it is JSON");
    value["embargo"] = until.to_string().into();
    let (status, answer) = scene.post("application/json", value.to_string().as_bytes()).await;
    assert_eq!(status, 202, "{answer}");
}

fn reader(scene: &Scene) -> SqliteReader {
    SqliteReader::open(&scene.ledger()).expect("the ledger can be read")
}

fn orders(scene: &Scene) -> Vec<OrderRecord> {
    reader(scene).orders(true).expect("orders can be listed")
}

fn state(scene: &Scene, destination: &str, story: &str) -> String {
    let filter = DeliveryFilter {
        partner: Some(destination.to_owned()),
        story: Some(format!("urn:test:{story}")),
        limit: 1,
        ..DeliveryFilter::default()
    };
    let mut found = reader(scene).deliveries(&filter).expect("deliveries can be listed");
    found.pop().map(|one| one.state).unwrap_or_default()
}

fn has(sink: &Sink, story: &str) -> bool {
    sink.stories().contains_key(&format!("urn:test:{story}"))
}

/// A subscriber whose requests are told in the order of their arrival.
async fn telling(options: SinkOptions) -> (Sink, mpsc::Receiver<Received>) {
    let options = SinkOptions { secret: Some(Secret::new(SECRET)), ..options };
    Sink::start(options).await.expect("a sink can be started")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspension_holds_through_a_crash_and_what_was_owed_goes_after_it() {
    let (one, other) = (sink(SinkOptions::default()).await, sink(SinkOptions::default()).await);
    let mut scene = Scene::new(&[partner("one", url(&one)), partner("other", url(&other))], "", "");
    scene.start().await;
    let said = ordered(&scene, &["suspend", "--partner", "other", "--reason", "they move house"]);
    assert!(said.contains("destinations that are sent nothing but kills: 1"), "{said}");
    publish(&scene, "first", 1, "publish").await;
    until(SOON, "it arrives where nothing is suspended", async || has(&one, "first")).await;
    scene.kill();
    scene.start().await;
    publish(&scene, "second", 1, "publish").await;
    until(SOON, "the second arrives there", async || has(&one, "second")).await;
    assert_eq!(other.stats().received, 0, "what is suspended is sent nothing");
    let listed = ordered(&scene, &["orders"]);
    assert!(listed.contains("sent nothing but kills: other/main (suspend other by "), "{listed}");
    let why = ordered(&scene, &["why", "--story", "urn:test:first", "--partner", "other"]);
    assert!(why.contains("they move house"), "{why}");

    let said = ordered(&scene, &["resume", "--destination", "other/main"]);
    assert!(said.contains("destinations that go on: 1"), "{said}");
    until(SOON, "both arrive", async || has(&other, "first") && has(&other, "second")).await;
    scene.kill();
    scene.start().await;
    publish(&scene, "third", 1, "publish").await;
    until(SOON, "it is not suspended again by a start", async || has(&other, "third")).await;
    assert!(orders(&scene).iter().all(|order| order.state == OrderState::Done));
    assert_eq!(scene.terminate().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_stops_every_destination_and_a_release_lets_them_go_on() {
    let sinks =
        [sink(SinkOptions::default()).await, sink(SinkOptions::default()).await, sink(SinkOptions::default()).await];
    let partners = [partner("a", url(&sinks[0])), partner("b", url(&sinks[1])), partner("c", url(&sinks[2]))];
    let mut scene = Scene::new(&partners, "", "");
    scene.start().await;
    // Held by its embargo until the hold is there, so that nobody is quicker.
    let embargo = Timestamp::now() + Duration::from_secs(2);
    publish_embargoed(&scene, "held", embargo).await;
    let said = ordered(&scene, &["hold", "--story", "urn:test:held", "--reason", "a court order"]);
    assert!(said.contains("deliveries held: 3; nobody has it"), "{said}");
    scene.kill();
    scene.start().await;
    until(SOON, "the embargo is over", async || Timestamp::now() > embargo).await;
    publish(&scene, "other", 1, "publish").await;
    for sink in &sinks {
        until(SOON, "others arrive", async || has(sink, "other")).await;
    }
    publish(&scene, "held", 2, "correct").await;
    publish(&scene, "another", 1, "publish").await;
    for sink in &sinks {
        until(SOON, "others arrive", async || has(sink, "another")).await;
        assert!(!has(sink, "held"), "neither the held version nor the next");
    }
    let why = ordered(&scene, &["why", "--story", "urn:test:held", "--partner", "b"]);
    assert!(why.contains("the story is on hold (hold urn:test:held by ") && why.contains("a court order"), "{why}");
    assert!(ordered(&scene, &["orders"]).contains("on hold: urn:test:held"));

    let said = ordered(&scene, &["release", "--story", "urn:test:held"]);
    assert!(said.contains("deliveries that go on: 3"), "{said}");
    for sink in &sinks {
        until(SOON, "it arrives", async || sink.stories().get("urn:test:held") == Some(&2)).await;
    }
    assert_eq!(scene.terminate().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_passes_a_hold_a_suspension_and_a_pause_but_nothing_that_is_even_for_kills() {
    let new = async || sink(SinkOptions::default()).await;
    let (plain, suspended, paused, shut) = (new().await, new().await, new().await, new().await);
    let partners = [
        partner("plain", url(&plain)),
        partner("suspended", url(&suspended)),
        partner("paused", url(&paused)),
        partner("shut", url(&shut)),
    ];
    let mut scene = Scene::new(&partners, "", "");
    scene.start_and_publish(&article("wrong", 1, "publish")).await;
    for partner in ["plain", "suspended", "paused", "shut"] {
        let name = format!("{partner}/main");
        until(SOON, "everyone is known to have it", async || state(&scene, &name, "wrong") == "delivered").await;
    }
    scene.kill();
    scene.replace_in_partner("paused", "name = \"paused\"", "name = \"paused\"\npaused = true");
    scene.start().await;
    ordered(&scene, &["suspend", "--partner", "suspended"]);
    ordered(&scene, &["suspend", "--partner", "shut", "--even-kills"]);
    ordered(&scene, &["hold", "--story", "urn:test:wrong"]);
    publish(&scene, "wrong", 2, "update").await;
    publish(&scene, "wrong", 3, "kill").await;
    for sink in [&plain, &suspended, &paused] {
        until(SOON, "the kill arrives", async || sink.stories().get("urn:test:wrong") == Some(&3)).await;
    }
    scene.kill();
    scene.start().await;
    publish(&scene, "other", 1, "publish").await;
    until(SOON, "another story arrives where nothing is held back", async || has(&plain, "other")).await;
    assert!(!has(&suspended, "other") && !has(&paused, "other"));
    assert_eq!(shut.stats().received, 1, "not even a kill, not even after a start");
    let (code, out, _) = run(&scene, &["killed", "--story", "urn:test:wrong"]);
    assert!(code == 1 && out.contains("suspended (suspend shut, even kills by "), "{out}");
    let why = ordered(&scene, &["why", "--story", "urn:test:other", "--partner", "paused"]);
    assert!(why.contains("its partner is paused in the configuration"), "{why}");
    let said = ordered(&scene, &["resume", "--partner", "paused"]);
    assert!(said.contains("paused is paused in the configuration as well"), "{said}");

    // Less of a suspension lets the kill go that waits.
    ordered(&scene, &["suspend", "--partner", "shut"]);
    until(SOON, "the kill arrives there too", async || shut.stories().get("urn:test:wrong") == Some(&3)).await;
    ordered(&scene, &["killed", "--story", "urn:test:wrong", "--wait", "--timeout", "20s"]);
    assert!(!has(&shut, "other") && !has(&paused, "other"));
    assert_eq!(scene.terminate().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_cancelled_never_leaves_and_a_kill_only_if_it_is_said() {
    let port = free_port();
    let up = || SinkOptions { listen: ([127, 0, 0, 1], port).into(), ..SinkOptions::default() };
    let first = sink(up()).await;
    let mut scene = Scene::new(&[partner("own", url(&first))], "", "");
    scene.start_and_publish(&article("wrong", 1, "publish")).await;
    until(SOON, "it has one story", async || state(&scene, "own/main", "wrong") == "delivered").await;
    first.stop().await;
    publish(&scene, "cancelled", 1, "publish").await;
    publish(&scene, "wrong", 2, "kill").await;
    until(SOON, "the door is found shut", async || {
        ordered(&scene, &["why", "--story", "urn:test:wrong", "--partner", "own"]).contains("its door is in trouble")
    })
    .await;
    let said = ordered(&scene, &["cancel", "--story", "urn:test:cancelled", "--partner", "own"]);
    assert!(said.contains("deliveries cancelled: 1") || said.contains("not tried again: 1"), "{said}");
    let said = ordered(&scene, &["cancel", "--story", "urn:test:wrong"]);
    assert!(!said.contains("cancelled: 1"), "{said}");
    assert_ne!(state(&scene, "own/main", "wrong"), "cancelled");
    ordered(&scene, &["cancel", "--story", "urn:test:wrong", "--even-kills", "--reason", "they never had it"]);
    for story in ["cancelled", "wrong"] {
        until(SOON, "it is cancelled", async || state(&scene, "own/main", story) == "cancelled").await;
    }
    let (code, out, _) = run(&scene, &["killed", "--story", "urn:test:wrong", "--wait"]);
    assert!(code == 1 && out.contains("they never had it"), "who has it has it still: {out}");

    scene.kill();
    let back = sink(up()).await;
    scene.start_and_publish(&article("after", 1, "publish")).await;
    until(SOON, "what comes later arrives", async || has(&back, "after")).await;
    assert_eq!(back.stats().received, 1, "and nothing that was cancelled");
    assert_eq!(scene.terminate().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_story_goes_once_more_on_request() {
    let (own, mut arrivals) = telling(SinkOptions::default()).await;
    let mut scene = Scene::new(&[partner("own", url(&own))], "", "");
    scene.start_and_publish(&article("one", 1, "publish")).await;
    until(SOON, "it is delivered", async || state(&scene, "own/main", "one") == "delivered").await;
    let said = ordered(&scene, &["resend", "--story", "urn:test:one", "--partner", "own"]);
    assert!(said.contains("deliveries that go again: 1"), "{said}");
    until(SOON, "it arrives again", async || own.stats().repeats == 1).await;
    let (first, second) = (arrivals.recv().await.expect("one"), arrivals.recv().await.expect("another"));
    assert_eq!((first.message_id, first.body), (second.message_id, second.body), "a repeat is recognisable");
    let (code, _, why) = run(&scene, &["resend", "--story", "urn:test:none", "--partner", "own"]);
    assert_eq!((code, why.as_str()), (1, "the ledger has no story urn:test:none\n"));
    assert_eq!(orders(&scene).len(), 1, "what cannot be is not ordered");
    ordered(&scene, &["suspend", "--partner", "own"]);
    let said = ordered(&scene, &["resend", "--story", "urn:test:one", "--partner", "own"]);
    assert!(said.contains("own/main is suspended (suspend own by "), "{said}");
    assert_eq!(run(&scene, &["resend", "--story", "urn:test:one"]).0, 64);
    assert_eq!(run(&scene, &["resend", "--story", "urn:test:one", "--partner", "won"]).0, 64);
    assert_eq!(scene.terminate().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_to_a_new_partner_leaves_live_stories_first() {
    const STORIES: usize = 160;
    /// Those that a lane has in hand when a story comes go before it.
    const IN_HAND: usize = 64;
    let old = sink(SinkOptions::default()).await;
    let mut scene = Scene::new(&[partner("old", url(&old))], "", "");
    scene.start().await;
    for story in 0..STORIES {
        publish(&scene, &format!("s{story}"), 1, "publish").await;
    }
    let all = [("delivered".to_owned(), STORIES as u64)];
    until(SOON, "the old partner is known to have all", async || {
        reader(&scene).counts().expect("they can be counted") == all
    })
    .await;
    scene.kill();
    let (new, mut arrivals) = telling(SinkOptions { delay: Duration::from_millis(20), ..SinkOptions::default() }).await;
    let file = std::fs::read_to_string(scene.dir.path().join("partners.d/old.toml")).expect("it can be read");
    let file = file.replace(&url(&old), &url(&new)).replace("name = \"old\"", "name = \"new\"");
    std::fs::write(scene.dir.path().join("partners.d/new.toml"), file).expect("it can be written");
    scene.start().await;
    let said = ordered(&scene, &["replay", "--partner", "new", "--since", "1h", "--rate", "10000"]);
    assert!(said.contains("has begun: replay to new since "), "{said}");
    let mut order = vec![arrivals.recv().await.expect("the replay goes").story];
    publish(&scene, "live", 1, "publish").await;
    let before = new.stats().stories as usize;
    while order.len() < STORIES + 1 {
        let received = tokio::time::timeout(SOON, arrivals.recv()).await.expect("all arrive in time");
        order.push(received.expect("the sink goes on").story);
    }
    let live = order.iter().position(|story| story == "urn:test:live").expect("it arrived");
    assert!(live <= before + IN_HAND + 8, "the live story came as number {live}; {before} were there when it came");
    assert!(live < STORIES - 8, "it did not go before anything: {live}");
    until(SOON, "the replay is done", async || {
        orders(&scene)[0].result.as_deref() == Some(&format!("deliveries: {STORIES}"))
    })
    .await;
    assert_eq!(new.stats().repeats, 0, "each once");
    assert_eq!(old.stats().repeats, 0, "and to the new partner alone");
    assert_eq!(scene.terminate().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_lost_some_gets_those_again_by_their_numbers() {
    let (own, mut arrivals) = telling(SinkOptions::default()).await;
    let mut scene = Scene::new(&[partner("own", url(&own))], "", "");
    scene.start().await;
    for story in 1..=6 {
        publish(&scene, &format!("s{story}"), 1, "publish").await;
        until(SOON, "it arrives", async || state(&scene, "own/main", &format!("s{story}")) == "delivered").await;
    }
    scene.kill();
    scene.start().await;
    ordered(&scene, &["replay", "--partner", "own", "--from-sequence", "4"]);
    until(SOON, "three go again", async || own.stats().received == 9).await;
    let mut stories = Vec::new();
    for _ in 0..9 {
        stories.push(arrivals.recv().await.expect("nine came").story);
    }
    stories[6..].sort();
    assert_eq!(stories[6..], ["urn:test:s4", "urn:test:s5", "urn:test:s6"]);
    until(SOON, "it is done", async || orders(&scene)[0].state == OrderState::Done).await;
    let why = ordered(&scene, &["why", "--story", "urn:test:s5", "--partner", "own", "--json"]);
    let why: serde_json::Value = serde_json::from_str(&why).expect("it is JSON");
    assert_eq!(why["doors"][0]["owed"]["sequence"], 5, "a repeat keeps its number: {why}");
    assert_eq!(scene.terminate().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_waits_for_a_daemon_and_holds_before_anything_is_sent() {
    let own = sink(SinkOptions::default()).await;
    let mut scene = Scene::new(&[partner("own", url(&own))], "", "");
    scene.start().await;
    let embargo = Timestamp::now() + Duration::from_secs(2);
    publish_embargoed(&scene, "held", embargo).await;
    assert_eq!(scene.terminate().await, Some(0));
    let said = ordered(&scene, &["hold", "--story", "urn:test:held", "--reason", "a court order"]);
    assert!(said.contains("No daemon runs on this ledger; it takes effect when one starts"), "{said}");
    let listed = ordered(&scene, &["orders"]);
    assert!(listed.contains("hold urn:test:held") && listed.contains("waiting"), "{listed}");
    until(SOON, "the embargo is over", async || Timestamp::now() > embargo).await;
    scene.start_and_publish(&article("other", 1, "publish")).await;
    until(SOON, "another arrives", async || has(&own, "other")).await;
    assert!(!has(&own, "held"));
    assert_eq!(orders(&scene)[0].state, OrderState::Done);
    assert_eq!(scene.terminate().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_works_can_be_stopped_and_stays_so() {
    let own = sink(SinkOptions::default()).await;
    let mut scene = Scene::new(&[partner("own", url(&own))], "", "");
    scene.start().await;
    for story in 0..20 {
        publish(&scene, &format!("s{story}"), 1, "publish").await;
    }
    until(SOON, "all arrive", async || own.stats().stories == 20).await;
    ordered(&scene, &["replay", "--partner", "own", "--from-sequence", "1", "--rate", "1"]);
    until(SOON, "it has begun", async || own.stats().repeats >= 1).await;
    let id = orders(&scene)[0].id.to_string();
    let said = ordered(&scene, &["orders", "stop", &id]);
    assert_eq!(said, format!("order {id} is stopped; what it did so far stands\n"));
    let (code, _, why) = run(&scene, &["orders", "stop", &id]);
    assert_eq!((code, why), (1, format!("order {id} is stopped already\n")));
    scene.kill();
    scene.start().await;
    publish(&scene, "later", 1, "publish").await;
    until(SOON, "what comes later arrives", async || has(&own, "later")).await;
    // A rate of one a second would have sent something by the time of a second order's end.
    ordered(&scene, &["replay", "--partner", "own", "--from-sequence", "21"]);
    until(SOON, "the second is done", async || orders(&scene)[0].state == OrderState::Done).await;
    let stopped = orders(&scene).pop().expect("the first is listed");
    assert_eq!(stopped.state, OrderState::Stopped);
    let result = stopped.result.unwrap_or_default();
    assert!(result.starts_with("stopped by ") && result.contains("deliveries so far: "), "{result}");
    assert!(own.stats().repeats < 10, "{:?}", own.stats());
    assert_eq!(scene.terminate().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_are_taken_up_in_the_order_that_they_were_given() {
    let own = sink(SinkOptions::default()).await;
    let mut scene = Scene::new(&[partner("own", url(&own))], "", "");
    scene.start_and_publish(&article("one", 1, "publish")).await;
    for _ in 0..10 {
        ordered(&scene, &["hold", "--story", "urn:test:one"]);
        ordered(&scene, &["release", "--story", "urn:test:one"]);
    }
    let mut all = orders(&scene);
    all.sort_by_key(|order| order.id);
    assert_eq!(all.len(), 20);
    assert!(all.iter().all(|order| order.taken.is_some_and(|taken| taken >= order.at)), "{all:?}");
    assert!(all.is_sorted_by_key(|order| order.taken), "{all:?}");
    assert_eq!(scene.terminate().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_be_checked_is_checked_before_it_is_ordered() {
    let own = sink(SinkOptions::default()).await;
    let mut scene = Scene::new(&[partner("own", url(&own))], "", "");
    scene.start().await;
    for (arguments, said) in [
        (&["replay", "--partner", "own", "--since", "yesterday"][..], "how long ago"),
        (&["replay", "--partner", "own"], "--since <TIME>|--from-sequence <N>"),
        (&["replay", "--partner", "own", "--since", "2h", "--until", "3h"], "nothing was accepted since"),
        (&["replay", "--partner", "own", "--since", "2h", "--filter", "section = [\"a\"]"], "unknown field `section`"),
        (&["replay", "--partner", "own", "--since", "2h", "--rate", "0"], "0 is not in 1..=10000"),
        (&["suspend", "--partner", "ovn"], "did you mean \"own\"?"),
        (&["suspend", "--destination", "own/man"], "did you mean \"own/main\"?"),
        (&["suspend"], "say which destinations"),
        (&["hold", "--story", "no uri"], "is not a URI"),
    ] {
        let (code, _, why) = run(&scene, arguments);
        assert_eq!((code, why.contains(said)), (64, true), "{arguments:?}: {why}");
    }
    assert_eq!(run(&scene, &["hold", "--story", "urn:test:none"]).0, 1);
    assert!(orders(&scene).is_empty());
    assert_eq!(scene.terminate().await, Some(0));
}

/// A ledger that commits without a pause leaves room for an order.
#[tokio::test(flavor = "multi_thread")]
async fn an_order_gets_through_while_everything_is_busy() {
    let own = sink(SinkOptions::default()).await;
    let mut scene = Scene::new(&[partner("own", url(&own))], "", "");
    scene.start_and_publish(&article("one", 1, "publish")).await;
    let (scene, stop) = (Arc::new(scene), Arc::new(AtomicBool::new(false)));
    let mut load = tokio::task::JoinSet::new();
    for task in 0..8 {
        let (scene, stop) = (Arc::clone(&scene), Arc::clone(&stop));
        load.spawn(async move {
            let mut sent = 0_u64;
            while !stop.load(Ordering::SeqCst) {
                publish(&scene, &format!("{task}-{sent}"), 1, "publish").await;
                sent += 1;
            }
            sent
        });
    }
    let busy = Arc::clone(&scene);
    let given = tokio::task::spawn_blocking(move || {
        for _ in 0..10 {
            ordered(&busy, &["hold", "--story", "urn:test:one"]);
            ordered(&busy, &["release", "--story", "urn:test:one"]);
        }
    });
    given.await.expect("every order is taken up while the command waits for it");
    stop.store(true, Ordering::SeqCst);
    let sent: u64 = load.join_all().await.into_iter().sum();
    assert!(sent >= 10, "it was not busy: {sent} articles");
    assert!(orders(&scene).iter().all(|order| order.state == OrderState::Done));
}
