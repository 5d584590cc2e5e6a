//! Partners that take messages from an exchange of theirs: a real RabbitMQ, whose queues are looked at.

mod support;

use std::collections::BTreeSet;
use std::time::Duration;

use lapin::message::BasicGetMessage;
use lapin::options::{BasicGetOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Connection, ConnectionProperties, ExchangeKind};
use newswired::ledger::{DeliveryFilter, DeliveryRecord, SqliteReader};
use support::rabbitmq::Rabbit;
use support::{Scene, article, until};

const LONG: Duration = Duration::from_secs(60);

/// RabbitMQ's database writes what it has buffered after two seconds.
const BUFFERED: Duration = Duration::from_secs(3);

/// A daemon with one partner, who has these destinations.
fn scene(destinations: &[(&str, String)]) -> Scene {
    let scene = Scene::new(&[], "connect_timeout = \"5s\"", "");
    let doors = destinations.iter().map(|(name, table)| {
        format!("[destinations.{name}]\nformat = \"json\"\n[destinations.{name}.amqp]\n{table}\n")
    });
    let partner = format!("name = \"The Valley Record\"\n{}", doors.collect::<String>());
    std::fs::write(scene.dir.path().join("partners.d/valley-record.toml"), partner).expect("a file can be written");
    scene
}

fn delivery(scene: &Scene, destination: &str, story: &str) -> Option<DeliveryRecord> {
    let reader = SqliteReader::open(&scene.ledger()).expect("the ledger can be read");
    let filter = DeliveryFilter { story: Some(format!("urn:test:{story}")), limit: 10, ..DeliveryFilter::default() };
    let list = reader.deliveries(&filter).expect("it can be listed");
    list.into_iter().find(|delivery| delivery.destination == format!("valley-record/{destination}"))
}

async fn delivered(scene: &Scene, destination: &str, version: u64) {
    let is = |delivery: DeliveryRecord| delivery.version == version && delivery.state == "delivered";
    let what = format!("version {version} is delivered to {destination}");
    until(LONG, &what, async || delivery(scene, destination, "ferry").is_some_and(is)).await;
}

/// Waits for a reason that says `what`.
async fn told(scene: &Scene, destination: &str, what: &str) {
    let says = |delivery: DeliveryRecord| delivery.reason.is_some_and(|reason| reason.contains(what));
    let waited = format!("{destination} says {what:?}");
    until(LONG, &waited, async || delivery(scene, destination, "ferry").is_some_and(says)).await;
}

async fn publish(scene: &Scene, story: &str, version: u64, action: &str) {
    let (status, answer) = scene.post("application/json", &article(story, version, action)).await;
    assert_eq!(status, 202, "{answer}");
}

async fn channel(rabbit: &Rabbit) -> Channel {
    let runtime = async_rs::Runtime::tokio_current();
    let url = rabbit.url();
    let connection = Connection::connect_with_runtime(&url, ConnectionProperties::default(), runtime);
    connection.await.expect("it connects").create_channel().await.expect("it opens a channel")
}

async fn exchange(channel: &Channel, name: &str) {
    let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    let made = channel.exchange_declare(name.into(), ExchangeKind::Topic, options, FieldTable::default());
    made.await.expect("an exchange can be made");
}

/// A durable queue for what comes to the exchange with these keys. It has the exchange's name.
async fn queue(channel: &Channel, name: &str, keys: &str) {
    let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    channel.queue_declare(name.into(), options, FieldTable::default()).await.expect("a queue can be made");
    let bound =
        channel.queue_bind(name.into(), name.into(), keys.into(), QueueBindOptions::default(), FieldTable::default());
    bound.await.expect("a queue can be bound");
}

/// What is in a queue.
async fn taken(channel: &Channel, queue: &str) -> Vec<BasicGetMessage> {
    let mut taken = Vec::new();
    let options = BasicGetOptions { no_ack: true };
    while let Some(message) = channel.basic_get(queue.into(), options).await.expect("a queue can be read") {
        taken.push(message);
    }
    taken
}

fn id(message: &BasicGetMessage) -> String {
    message.properties.message_id().as_ref().map(ToString::to_string).expect("it has an id")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_is_a_message_that_a_queue_has() {
    let rabbit = Rabbit::start().await;
    let open = channel(&rabbit).await;
    exchange(&open, "wire").await;
    queue(&open, "wire", "dcnf.*").await;
    exchange(&open, "nobody").await;
    let secrets = tempfile::tempdir().expect("a temporary directory can be made");
    let password = secrets.path().join("password");
    std::fs::write(&password, "wrong").expect("a password's file can be written");
    let table =
        |exchange: &str, more: &str| format!("url = \"{}\"\nexchange = \"{exchange}\"\n{more}", rabbit.bare_url());
    let doors = [
        (
            "tls",
            format!(
                "url = \"{}\"\nexchange = \"wire\"\nca_file = \"{}\"",
                rabbit.tls_url(),
                rabbit.ca_file().display()
            ),
        ),
        ("nobody", table("nobody", "routing_key = \"{{ section }}.{{ wire }}\"")),
        ("missing", table("missing", "")),
        (
            "stranger",
            table(
                "wire",
                &format!("user = \"guest\"\npassword = \"file:{}\"\nrouting_key = \"dcnf.other\"", password.display()),
            ),
        ),
        ("distrusted", format!("url = \"{}\"\nexchange = \"wire\"\nrouting_key = \"x\"", rabbit.tls_url())),
    ];
    let mut scene = scene(&doors);
    // It is told before anything is sent, too.
    let try_door =
        |name| support::run(&scene, &["partner", "test", "--partner", "valley-record", "--destination", name]);
    for (door, code, says) in [
        ("tls", 0, "exchange \"wire\" is there"),
        ("nobody", 0, "whether a queue is bound, a message shows"),
        ("missing", 69, "exchange \"missing\""),
        ("stranger", 69, "ACCESS_REFUSED"),
        ("distrusted", 69, "of no authority that is trusted here"),
    ] {
        let (was, tried, _) = try_door(door);
        assert!(was == code && tried.contains(says), "{door}: {was} {tried}");
    }
    scene.start().await;
    publish(&scene, "ferry", 1, "publish").await;
    delivered(&scene, "tls", 1).await;
    told(&scene, "nobody", "no queue is bound to exchange").await;
    told(&scene, "missing", "no exchange 'missing'").await;
    told(&scene, "stranger", "check user, password and url").await;
    told(&scene, "distrusted", "no TLS with localhost").await;

    let [first] = <[_; 1]>::try_from(taken(&open, "wire").await).unwrap_or_else(|all| panic!("{}", all.len()));
    assert_eq!(first.routing_key.as_str(), "dcnf.publish");
    let said = &first.properties;
    assert_eq!(said.delivery_mode(), &Some(2), "it outlives the broker");
    let text = |value: &Option<lapin::types::ShortString>| value.as_ref().map(ToString::to_string).unwrap_or_default();
    assert_eq!(text(said.content_type()), "application/json; charset=utf-8");
    assert_eq!(text(said.kind()), "publish");
    assert!(id(&first).starts_with("msg_") && said.timestamp().is_some_and(|at| at > 1_700_000_000));
    let headers = said.headers().as_ref().expect("it has headers").inner();
    assert_eq!(headers.get("newswire-story"), Some(&AMQPValue::LongString("urn:test:ferry".into())));
    assert_eq!(headers.get("newswire-version"), Some(&AMQPValue::LongLongInt(1)));
    let document: serde_json::Value = serde_json::from_slice(&first.data).expect("it is the document");
    assert_eq!(document["guid"], "urn:test:ferry");

    // What was wrong is mended, and nothing was lost.
    queue(&open, "nobody", "#").await;
    exchange(&open, "missing").await;
    queue(&open, "missing", "#").await;
    std::fs::write(&password, "guest").expect("a password's file can be written");
    for door in ["nobody", "missing", "stranger"] {
        delivered(&scene, door, 1).await;
    }
    assert_eq!(
        taken(&open, "nobody").await.iter().map(|one| one.routing_key.to_string()).collect::<Vec<_>>(),
        [".dcnf"]
    );

    publish(&scene, "ferry", 2, "kill").await;
    delivered(&scene, "tls", 2).await;
    let kill = taken(&open, "wire").await.into_iter().find(|one| one.routing_key.as_str() == "dcnf.kill");
    let kill = kill.expect("the kill is in the queue");
    assert_ne!(id(&kill), id(&first));
    assert!(String::from_utf8_lossy(&kill.data).contains("\"action\":\"kill\""));
    assert_eq!(scene.terminate().await, Some(0));
}

/// What was not confirmed when the broker died is sent again, and is known by its id.
#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_dies_loses_nothing() {
    const STORIES: usize = 200;
    let rabbit = Rabbit::start().await;
    let open = channel(&rabbit).await;
    exchange(&open, "wire").await;
    queue(&open, "wire", "#").await;
    // That the queue is bound is the broker's to keep.
    tokio::time::sleep(BUFFERED).await;
    let mut scene = scene(&[(
        "main",
        format!(
            "url = \"{}\"\nexchange = \"wire\"\nanswer_timeout = \"2s\"\nwrite_timeout = \"1s\"",
            rabbit.bare_url()
        ),
    )]);
    scene.start().await;
    for number in 0..STORIES {
        publish(&scene, &format!("story-{number}"), 1, "publish").await;
        if number == STORIES / 2 {
            rabbit.kill();
        }
    }
    rabbit.restart().await;
    // As whoever reads the queue does whenever he comes.
    let open = channel(&rabbit).await;
    queue(&open, "wire", "#").await;
    let filter =
        |state: &str| DeliveryFilter { state: Some(state.to_owned()), limit: 1_000, ..DeliveryFilter::default() };
    until(LONG, "all are delivered", async || {
        let reader = SqliteReader::open(&scene.ledger()).expect("the ledger can be read");
        reader.deliveries(&filter("delivered")).expect("it can be listed").len() == STORIES
    })
    .await;
    let messages = taken(&open, "wire").await;
    let ids: BTreeSet<String> = messages.iter().map(id).collect();
    assert_eq!(ids.len(), STORIES, "each story is in the queue, of {} messages", messages.len());
    assert_eq!(scene.terminate().await, Some(0));
}
