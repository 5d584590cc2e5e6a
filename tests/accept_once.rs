//! Promises 1 and 2 against a real RabbitMQ, with the broker and the daemon killed in the middle.

mod support;

use std::time::Duration;

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use newswired::ledger::SqliteReader;
use newswired::sink::SinkOptions;
use support::rabbitmq::Rabbit;
use support::{Partner, Scene, article, sink, until, url};

const LONG: Duration = Duration::from_secs(120);

/// What was sent when the daemon died has soon settled, and is sent again.
const SHORT: &str = "write_timeout = \"1s\"\nanswer_timeout = \"2s\"";

fn intake(rabbit: &Rabbit) -> String {
    let url = rabbit.bare_url();
    format!("[intake.amqp]\nurls = [\"{url}\"]\nheartbeat = \"5s\"\n")
}

async fn channel(rabbit: &Rabbit) -> Channel {
    let runtime = async_rs::Runtime::tokio_current();
    let connection = Connection::connect_with_runtime(&rabbit.url(), ConnectionProperties::default(), runtime)
        .await
        .expect("the broker takes a connection");
    let channel = connection.create_channel().await.expect("the broker opens a channel");
    channel.confirm_select(ConfirmSelectOptions::default()).await.expect("the broker confirms");
    channel
}

async fn publish(channel: &Channel, body: &[u8]) -> bool {
    let properties = BasicProperties::default().with_delivery_mode(2);
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    match channel.basic_publish("newswired.articles".into(), "a".into(), options, body, properties).await {
        Ok(confirm) => confirm.await.is_ok_and(|confirmed| confirmed.is_ack() && confirmed.take_message().is_none()),
        Err(_) => false,
    }
}

/// Publishes until the broker has confirmed, through its restarts; a message may so be there twice.
async fn publish_surely(rabbit: &Rabbit, open: &mut Option<Channel>, body: &[u8]) {
    for _ in 0..100 {
        if open.is_none() {
            *open = Some(channel(rabbit).await);
        }
        if let Some(channel) = open
            && publish(channel, body).await
        {
            return;
        }
        *open = None;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the broker did not confirm a message in a hundred tries");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_article_arrives_everywhere_through_kills_of_broker_and_daemon() {
    const ARTICLES: usize = 500;
    const DESTINATIONS: usize = 10;
    const KILLS: usize = 20;
    let rabbit = Rabbit::start().await;
    let mut sinks = Vec::new();
    let mut partners = Vec::new();
    let ids = ["p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8", "p9"];
    for (at, id) in ids.into_iter().enumerate().take(DESTINATIONS) {
        let sink = sink(SinkOptions::default()).await;
        let format = ["json", "ninjs-1.6", "nitf"][at % 3];
        partners.push(Partner { id, format, url: url(&sink), more: "" });
        sinks.push(sink);
    }
    let mut scene = Scene::new(&partners, SHORT, &intake(&rabbit));
    scene.start().await;
    until(LONG, "the daemon consumes", async || scene.log().contains("consuming")).await;

    // 400 stories, every fourth of which gets a second version: 500 articles.
    let mut random = fastrand::Rng::with_seed(20_261_124);
    let mut kills = 0;
    let mut open = None;
    let mut order: Vec<(usize, u64)> = (0..ARTICLES * 4 / 5).map(|story| (story, 1)).collect();
    order.extend((0..ARTICLES / 5).map(|story| (story * 4, 2)));
    for (at, (story, version)) in order.iter().enumerate() {
        let action = if *version == 1 { "publish" } else { "update" };
        publish_surely(&rabbit, &mut open, &article(&format!("story-{story}"), *version, action)).await;
        if at == ARTICLES / 2 {
            rabbit.kill();
            rabbit.restart().await;
        }
        if kills < KILLS && at * KILLS / ARTICLES > kills {
            tokio::time::sleep(Duration::from_millis(random.u64(0..120))).await;
            scene.kill();
            kills += 1;
            scene.start().await;
        }
    }
    while kills < KILLS {
        tokio::time::sleep(Duration::from_millis(random.u64(0..120))).await;
        scene.kill();
        kills += 1;
        scene.start().await;
    }

    let stories = ARTICLES * 4 / 5;
    for (id, sink) in ids.iter().zip(&sinks) {
        until(LONG, &format!("{id} has the newest version of every story"), async || {
            let held = sink.stories();
            held.len() == stories
                && (0..stories).all(|story| {
                    let newest = if story % 4 == 0 { 2 } else { 1 };
                    held.get(&format!("urn:test:story-{story}")) == Some(&newest)
                })
        })
        .await;
        let stats = sink.stats();
        assert_eq!(
            (stats.versions_back, stats.bad_signature, stats.bad_digest, stats.incomplete),
            (0, 0, 0, 0),
            "{id}: {stats:?}"
        );
    }
    // The ledger's own book: each (destination, story, version) has one end.
    let reader = SqliteReader::open(&scene.ledger()).expect("the ledger can be read");
    let all = [("delivered".to_owned(), (stories * DESTINATIONS) as u64)];
    until(LONG, "every delivery has its end", async || reader.counts().expect("the ledger can be counted") == all)
        .await;
    assert_eq!(scene.terminate().await, Some(0));
    let past = reader.past().expect("the ledger's past can be read");
    assert_eq!(past.len(), ARTICLES / 5 * DESTINATIONS);
    assert!(
        past.iter().all(|(_, _, version, end)| *version == 1 && ["delivered", "superseded"].contains(&end.as_str()))
    );
    assert!(reader.quarantine(true).expect("quarantine can be listed").is_empty());
    println!(
        "{kills} kills of the daemon, 1 of the broker; {} requests",
        sinks.iter().map(|sink| sink.stats().received).sum::<u64>()
    );
}
