//! The newsroom's own systems are told what became of its articles: at least once, in order, over the daemon's death and
//! their own absence.

mod support;

use std::collections::BTreeSet;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Response, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use lapin::options::{BasicGetOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Connection, ConnectionProperties, ExchangeKind};
use newswired::sink::SinkOptions;
use serde_json::Value;
use support::rabbitmq::Rabbit;
use support::recorder::Recorder;
use support::{Partner, SECRET, Scene, article, free_port, get, project, run, sink, until, url};

const SOON: Duration = Duration::from_secs(60);

fn answer(status: StatusCode) -> Response<Body> {
    Response::builder().status(status).body(Body::empty()).expect("the answer can be built")
}

/// The events that a system got, as they came.
fn received(desk: &Recorder) -> Vec<Value> {
    let events = |request: &Value| {
        let body = BASE64.decode(request["body"].as_str().unwrap_or_default()).expect("it is base64");
        let body: Value = serde_json::from_slice(&body).expect("it is JSON");
        body["events"].as_array().cloned().expect("it is a list of events")
    };
    desk.requests().iter().flat_map(events).collect()
}

/// `type story version destination`
fn short(event: &Value) -> String {
    let data = &event["data"];
    let words = [&event["type"], &data["story"], &data["version"], &data["destination"]];
    let word = |value: &Value| match value {
        Value::String(text) => Some(text.trim_start_matches("urn:test:").to_owned()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    words.into_iter().filter_map(word).collect::<Vec<_>>().join(" ")
}

fn told(desk: &Recorder) -> Vec<String> {
    received(desk).iter().map(short).collect()
}

/// A receiver by HTTP, with more keys of its own, and of its `http`.
fn receiver(name: &str, url: &str, more: &str, http: &str) -> String {
    format!("[events.receivers.{name}]\n{more}\n[events.receivers.{name}.http]\nurl = \"{url}/events\"\n{http}\n")
}

fn partner(id: &'static str, url: String) -> Partner {
    Partner { id, format: "json", url, more: "" }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_desk_is_told_of_everything_that_becomes_of_a_story() {
    let desk = Recorder::new(|_: &Value| answer(StatusCode::NO_CONTENT)).await;
    let kills = Recorder::new(|_: &Value| answer(StatusCode::OK)).await;
    let good = sink(SinkOptions::default()).await;
    let strict = sink(SinkOptions { status: 422, ..SinkOptions::default() }).await;
    let gone = sink(SinkOptions { status: 410, ..SinkOptions::default() }).await;
    let closed = free_port();
    let partners = [
        partner("good", url(&good)),
        partner("strict", url(&strict)),
        partner("gone", url(&gone)),
        partner("closed", format!("http://127.0.0.1:{closed}/")),
    ];
    let receivers = [
        "[events]\ntrouble_after = \"1s\"\n".to_owned(),
        receiver("desk", &desk.root, "", "signing_secret = \"env:EVENTS_SECRET\""),
        receiver(
            "kills",
            &kills.root,
            "kinds = [\"kill_complete\", \"refused\"]\nbatch = 1",
            "auth = { bearer = \"env:EVENTS_TOKEN\" }",
        ),
    ];
    let mut scene = Scene::new(&partners, "give_up_after = \"2d\"", &receivers.concat());
    scene.environment.push(("EVENTS_SECRET", SECRET.to_owned()));
    scene.environment.push(("EVENTS_TOKEN", "a-token-of-the-desk".to_owned()));
    let (code, _, why) = run(&scene, &["check"]);
    assert!(code != 0 && why.contains("EVENTS_TOKEN"), "the check looks for the receivers' secrets: {why}");
    scene.start_and_publish(&article("ferry", 1, "publish")).await;
    assert_ne!(scene.post("application/json", b"{}").await.0, 202);
    let wait_for = async |desk: &Recorder, event: &str| {
        let what = format!("{event} is told");
        until(SOON, &what, async || told(desk).iter().any(|one| one == event)).await;
    };
    for event in [
        "delivered ferry 1 good/main",
        "refused ferry 1 strict/main",
        "partner_in_trouble gone/main",
        "partner_in_trouble closed/main",
        "quarantined",
    ] {
        wait_for(&desk, event).await;
    }
    // The one comes back, and gets what it was owed.
    let there = SinkOptions { listen: ([127, 0, 0, 1], closed).into(), ..SinkOptions::default() };
    let _there = sink(there).await;
    wait_for(&desk, "partner_recovered closed/main").await;
    wait_for(&desk, "delivered ferry 1 closed/main").await;
    let (status, _) = scene.post("application/json", &article("ferry", 2, "kill")).await;
    assert_eq!(status, 202);
    for receiver in [&desk, &kills] {
        wait_for(receiver, "kill_complete ferry 2").await;
    }
    let all = received(&desk);
    let complete = all.iter().find(|event| event["type"] == "kill_complete").expect("it was waited for");
    assert_eq!((&complete["data"]["acknowledged"], &complete["data"]["not_acknowledged"]), (&2.into(), &0.into()));
    assert!(complete["data"]["last_at"].as_str() <= complete["timestamp"].as_str(), "{complete}");
    let place = |event: &str| all.iter().position(|one| short(one) == event);
    assert!(
        place("delivered ferry 2 good/main") < place("kill_complete ferry 2"),
        "in the order in which it became true"
    );
    assert_eq!(told(&kills), ["refused ferry 1 strict/main", "kill_complete ferry 2"], "of nothing else");
    is_signed_and_known(&desk, &kills);
    fits_the_schema(&scene, &all);
    let metrics = get(scene.admin, "/metrics").await.expect("the admin port answers").1;
    assert!(metrics.contains("newswired_events_sent_total{receiver=\"kills\"} 2"), "{metrics}");
    assert_eq!(scene.terminate().await, Some(0));
}

/// As partners' doors are: by Standard Webhooks, and by what a server asks for.
fn is_signed_and_known(desk: &Recorder, kills: &Recorder) {
    let webhook = standardwebhooks::Webhook::new(SECRET).expect("it is a key");
    for request in desk.requests() {
        let mut headers = axum::http::HeaderMap::new();
        for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
            let value = request["headers"][name].as_str().expect("it is signed");
            headers.insert(name, value.parse().expect("it was one"));
        }
        let body = BASE64.decode(request["body"].as_str().expect("it has a body")).expect("it is base64");
        webhook.verify(&body, &headers).expect("the signature is good");
        assert!(request["headers"]["newswire-story"].is_null(), "it is no news");
    }
    for request in kills.requests() {
        assert_eq!(request["headers"]["authorization"], "Bearer a-token-of-the-desk");
        let body = BASE64.decode(request["body"].as_str().expect("it has a body")).expect("it is base64");
        let body: Value = serde_json::from_slice(&body).expect("it is JSON");
        assert_eq!(request["headers"]["webhook-id"], body["events"][0]["id"]);
    }
}

fn fits_the_schema(scene: &Scene, events: &[Value]) {
    let file = scene.dir.path().join("events.json");
    let document = serde_json::json!({ "events": events });
    std::fs::write(&file, document.to_string()).expect("a file can be written");
    let check = "import json, sys, jsonschema\n\
                 schema, document = (json.load(open(name)) for name in sys.argv[1:])\n\
                 jsonschema.Draft202012Validator.check_schema(schema)\n\
                 jsonschema.Draft202012Validator(schema).validate(document)\n\
                 document['events'][0]['data']['story'] = 5\n\
                 assert not jsonschema.Draft202012Validator(schema).is_valid(document), 'it takes anything'\n";
    let schema = project("docs/events-v1.schema.json");
    let run = std::process::Command::new("python3").args(["-c", check]).arg(schema).arg(&file).output();
    let run = run.expect("Python can be run");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_missing_after_deaths_and_a_receivers_absence() {
    const STORIES: usize = 60;
    let good = sink(SinkOptions::default()).await;
    let other = sink(SinkOptions::default()).await;
    let (first, second) = (free_port(), free_port());
    // Nobody is there yet.
    let receivers = [
        receiver("desk", &format!("http://127.0.0.1:{first}"), "batch = 7", ""),
        receiver("away", &format!("http://127.0.0.1:{second}"), "kinds = [\"delivered\"]", ""),
    ];
    let partners = [partner("good", url(&good)), partner("other", url(&other))];
    let mut scene = Scene::new(&partners, "", &receivers.concat());
    let desk = Receiver::start(first).await;
    scene.start().await;
    for story in 0..STORIES {
        let (status, _) = scene.post("application/json", &article(&format!("s{story}"), 1, "publish")).await;
        assert_eq!(status, 202);
        let (status, _) = scene.post("application/json", &article(&format!("s{story}"), 2, "update")).await;
        assert_eq!(status, 202);
        if story % 12 == 5 {
            scene.kill();
            scene.start().await;
        }
    }
    let everywhere = |version: u64| {
        let all = move |story| ["good", "other"].map(|id| format!("delivered s{story} {version} {id}/main"));
        (0..STORIES).flat_map(all).collect::<BTreeSet<String>>()
    };
    let newest = everywhere(2);
    until(SOON, "the desk is told of all newest versions", async || {
        newest.is_subset(&desk.events().iter().map(short).collect())
    })
    .await;
    // The other comes after all of it, and is told in the same order.
    let away = Receiver::start(second).await;
    until(SOON, "the other is told, too", async || newest.is_subset(&away.events().iter().map(short).collect())).await;
    let once = |events: Vec<Value>| -> Vec<(String, String)> {
        let mut seen = BTreeSet::new();
        let key = |event: &Value| (event["id"].as_str().expect("it has an id").to_owned(), short(event));
        events.iter().map(key).filter(|(id, _)| seen.insert(id.clone())).collect()
    };
    let (desk, away) = (once(desk.events()), once(away.events()));
    assert_eq!(desk, away, "both are told the same, with the same ids, in the same order");
    let facts: BTreeSet<&String> = desk.iter().map(|(_, fact)| fact).collect();
    assert_eq!(facts.len(), desk.len(), "nothing happens under two ids");
    for story in 0..STORIES {
        let place =
            |version| desk.iter().position(|(_, fact)| *fact == format!("delivered s{story} {version} good/main"));
        assert!(place(1).is_none_or(|first| Some(first) < place(2)), "s{story} went from version 1 to 2");
    }
    let why = scene.log().lines().filter(|line| line.contains("events not taken; they wait")).count();
    assert!(why >= 1, "that nobody is there is told");
    assert_eq!(scene.terminate().await, Some(0));
}

/// A system that listens on a port that was given before it was there.
struct Receiver {
    events: std::sync::Arc<std::sync::Mutex<Vec<Value>>>,
}

impl Receiver {
    async fn start(port: u16) -> Self {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.expect("the port is free");
        let events: std::sync::Arc<std::sync::Mutex<Vec<Value>>> = std::sync::Arc::default();
        let kept = std::sync::Arc::clone(&events);
        let router = axum::Router::new().fallback(move |body: axum::body::Bytes| {
            let kept = std::sync::Arc::clone(&kept);
            async move {
                let body: Value = serde_json::from_slice(&body).expect("it is JSON");
                let events = body["events"].as_array().cloned().expect("it is a list of events");
                kept.lock().expect("nobody panics with it").extend(events);
                StatusCode::ACCEPTED
            }
        });
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { events }
    }

    fn events(&self) -> Vec<Value> {
        self.events.lock().expect("nobody panics with it").clone()
    }
}

async fn channel(rabbit: &Rabbit) -> Channel {
    let runtime = async_rs::Runtime::tokio_current();
    let url = rabbit.url();
    let connection = Connection::connect_with_runtime(&url, ConnectionProperties::default(), runtime);
    connection.await.expect("it connects").create_channel().await.expect("it opens a channel")
}

/// The messages of a queue: routing key, id, and event.
async fn taken(channel: &Channel, queue: &str) -> Vec<(String, String, Value)> {
    let mut taken = Vec::new();
    let options = BasicGetOptions { no_ack: true };
    while let Some(message) = channel.basic_get(queue.into(), options).await.expect("a queue can be read") {
        let id = message.properties.message_id().as_ref().map(ToString::to_string).expect("it has an id");
        assert_eq!(message.properties.delivery_mode(), &Some(2), "it outlives the broker");
        let event = serde_json::from_slice(&message.data).expect("it is JSON");
        taken.push((message.routing_key.to_string(), id, event));
    }
    taken
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exchange_of_the_newsrooms_gets_a_message_for_each_event() {
    let rabbit = Rabbit::start().await;
    let open = channel(&rabbit).await;
    let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    open.exchange_declare("newsroom".into(), ExchangeKind::Topic, durable, FieldTable::default())
        .await
        .expect("an exchange can be made");
    let bind = async |queue: &str, key: &str| {
        let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
        open.queue_declare(queue.into(), options, FieldTable::default()).await.expect("a queue can be made");
        let bound = open.queue_bind(
            queue.into(),
            "newsroom".into(),
            key.into(),
            QueueBindOptions::default(),
            FieldTable::default(),
        );
        bound.await.expect("a queue can be bound");
    };
    bind("kills", "kill_complete").await;
    let good = sink(SinkOptions::default()).await;
    let table = |name: &str, more: &str| {
        format!(
            "[events.receivers.{name}]\nkinds = [\"delivered\", \"kill_complete\"]\n[events.receivers.{name}.amqp]\nexchange = \"newsroom\"\nurl = \"{}\"\n{more}\n",
            rabbit.tls_url()
        )
    };
    // The one trusts nobody who signed the broker's certificate.
    let trusted = format!("ca_file = \"{}\"", rabbit.ca_file().display());
    let receivers = [table("desk", &trusted), table("distrusting", "")].concat();
    let mut scene = Scene::new(&[partner("good", url(&good))], "", &receivers);
    scene.start_and_publish(&article("ferry", 1, "publish")).await;
    until(SOON, "it is told that no queue is bound, and whose certificate is no good", async || {
        let log = scene.log();
        log.contains("no queue is bound to exchange") && log.contains("no TLS with localhost")
    })
    .await;
    assert_eq!(good.stats().accepted, 1, "deliveries do not wait for receivers");
    bind("arrivals", "delivered").await;
    let (status, _) = scene.post("application/json", &article("ferry", 2, "kill")).await;
    assert_eq!(status, 202);
    let mut kills = Vec::new();
    until(SOON, "the kill's end is in its queue", async || {
        kills.extend(taken(&open, "kills").await);
        !kills.is_empty()
    })
    .await;
    let arrivals = taken(&open, "arrivals").await;
    let told: Vec<String> = arrivals.iter().map(|(_, _, event)| short(event)).collect();
    assert_eq!(
        told,
        ["delivered ferry 1 good/main", "delivered ferry 2 good/main"],
        "it waited for its queue, in order"
    );
    for (key, id, event) in arrivals.iter().chain(&kills) {
        assert_eq!(
            (key.as_str(), id.as_str()),
            (event["type"].as_str().unwrap_or_default(), event["id"].as_str().unwrap_or_default())
        );
    }
    assert_eq!(scene.terminate().await, Some(0));
}
