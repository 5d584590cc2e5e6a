//! AMQP against a real RabbitMQ, through what happens to brokers.

mod support;

use std::time::Duration;

use lapin::options::{
    BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions,
    QueueDeleteOptions,
};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, ExchangeKind};
use newswired::ledger::SqliteReader;
use newswired::sink::SinkOptions;
use support::rabbitmq::Rabbit;
use support::{Partner, Scene, article, sink, until, url};

const LONG: Duration = Duration::from_secs(60);

async fn channel(rabbit: &Rabbit) -> Channel {
    let runtime = async_rs::Runtime::tokio_current();
    let connection = Connection::connect_with_runtime(&rabbit.url(), ConnectionProperties::default(), runtime)
        .await
        .expect("the broker takes a connection");
    let channel = connection.create_channel().await.expect("the broker opens a channel");
    channel.confirm_select(ConfirmSelectOptions::default()).await.expect("the broker confirms");
    channel
}

async fn publish(channel: &Channel, content_type: &str, body: &[u8]) {
    let properties = BasicProperties::default().with_content_type(content_type.into()).with_delivery_mode(2);
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let confirm = channel
        .basic_publish("newswired.articles".into(), "a".into(), options, body, properties)
        .await
        .expect("the channel publishes")
        .await
        .expect("the broker answers");
    assert!(confirm.is_ack() && confirm.take_message().is_none(), "the message reached a queue");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_comes_late_and_loses_its_queue_is_consumed_from_over_tls() {
    let rabbit = Rabbit::prepare();
    let partner = sink(SinkOptions::default()).await;
    let partners = [Partner { id: "own", format: "json", url: url(&partner), more: "" }];
    let intake =
        format!("[intake.amqp]\nurls = [\"{}\"]\nca_file = \"{}\"\n", rabbit.tls_url(), rabbit.ca_file().display());
    let mut scene = Scene::new(&partners, "", &intake);
    scene.start().await;
    until(LONG, "the daemon says that there is no broker", async || scene.log().contains("broker not reached")).await;
    rabbit.restart().await;
    until(LONG, "the daemon consumes", async || scene.log().contains("consuming")).await;

    let open = channel(&rabbit).await;
    publish(&open, "application/json", &article("first", 1, "publish")).await;
    until(LONG, "an article arrives over TLS", async || partner.stories().contains_key("urn:test:first")).await;

    // What cannot be accepted is acknowledged and kept; what follows it is not held up.
    publish(&open, "application/json", b"{\"newswired\": 1, \"guid\"").await;
    publish(&open, "image/png", &article("typed", 1, "publish")).await;
    publish(&open, "application/vnd.newswired.article+json", &article("after", 1, "publish")).await;
    until(LONG, "the next article arrives", async || partner.stories().contains_key("urn:test:after")).await;
    let reader = SqliteReader::open(&scene.ledger()).expect("the ledger can be read");
    until(LONG, "both are in quarantine", async || {
        reader.quarantine(false).expect("quarantine can be listed").len() == 2
    })
    .await;

    // A queue that is deleted cancels its consumer; the daemon makes it again.
    open.queue_delete("newswired.articles".into(), QueueDeleteOptions::default())
        .await
        .expect("a queue can be deleted");
    until(LONG, "the daemon consumes again", async || scene.log().matches("consuming").count() == 2).await;
    publish(&open, "application/json", &article("again", 1, "publish")).await;
    until(LONG, "an article arrives by the new queue", async || partner.stories().contains_key("urn:test:again")).await;
    assert_eq!(scene.terminate().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_the_operator_provides_is_waited_for_and_not_made() {
    let rabbit = Rabbit::start().await;
    let partner = sink(SinkOptions::default()).await;
    let partners = [Partner { id: "own", format: "json", url: url(&partner), more: "" }];
    let intake = format!("[intake.amqp]\nurls = [\"{}\"]\ndeclare = false\n", rabbit.bare_url());
    let mut scene = Scene::new(&partners, "", &intake);
    scene.start().await;
    until(LONG, "the daemon says what is missing", async || scene.log().contains("no exchange 'newswired.articles'"))
        .await;

    let open = channel(&rabbit).await;
    let (name, fields) = ("newswired.articles", FieldTable::default());
    let exchange = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    open.exchange_declare(name.into(), ExchangeKind::Topic, exchange, fields.clone()).await.expect("an exchange");
    let queue = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    open.queue_declare(name.into(), queue, fields.clone()).await.expect("a classic queue");
    open.queue_bind(name.into(), name.into(), "#".into(), QueueBindOptions::default(), fields)
        .await
        .expect("a binding");
    publish(&open, "application/json", &article("first", 1, "publish")).await;
    until(LONG, "the article arrives", async || partner.stories().contains_key("urn:test:first")).await;
    assert_eq!(scene.terminate().await, Some(0));
}

/// The password is read for each connection.
#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_is_replaced_is_used_without_a_restart() {
    let rabbit = Rabbit::start().await;
    let secrets = tempfile::tempdir().expect("a temporary directory can be made");
    let password = secrets.path().join("password");
    std::fs::write(&password, "wrong").expect("a password's file can be written");
    let intake = format!(
        "[intake.amqp]\nurls = [\"{}\"]\nuser = \"guest\"\npassword = \"file:{}\"\n",
        rabbit.bare_url(),
        password.display()
    );
    let mut scene = Scene::new(&[], "", &intake);
    scene.start().await;
    until(LONG, "the broker does not let us in", async || scene.log().contains("ACCESS_REFUSED")).await;
    std::fs::write(&password, "guest").expect("a password's file can be written");
    until(LONG, "the daemon consumes", async || scene.log().contains("consuming")).await;
    // One that cannot be read leaves the last one in use.
    std::fs::remove_file(&password).expect("it can be removed");
    let deleted = channel(&rabbit).await.queue_delete("newswired.articles".into(), QueueDeleteOptions::default()).await;
    deleted.expect("a queue can be deleted, and its consumer with it");
    until(LONG, "the daemon consumes again", async || scene.log().matches("consuming").count() == 2).await;
    assert!(scene.log().contains("the last one stays in use"));
    assert_eq!(scene.terminate().await, Some(0));
}
