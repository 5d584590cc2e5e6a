//! AMQP intake: a durable queue of RabbitMQ's, with manual acknowledgements.
//!
//! ```text
//!  connect (addresses in turn, with backoff) ──▶ declare or look ──▶ consume ──▶ take, commit, ack … ──▶ lost? again
//! ```
//!
//! No message is held across a delivery: it is acknowledged as soon as its commit is on the disk. While the ledger cannot
//! write, messages in hand wait here, since a broker may count every return of a message and drop it in the end. What
//! is not acknowledged when the connection ends comes again, and the ledger knows a repeat.
//! The number of messages in hand (`prefetch`) is what one group commit can take together.
//!
//! The password is read again for each connection, so that one that was replaced needs no restart.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicQosOptions, ExchangeDeclareOptions, QueueBindOptions,
    QueueDeclareOptions,
};
use lapin::tcp::{OwnedIdentity, OwnedTLSConfig};
use lapin::types::{AMQPValue, FieldTable};
use lapin::uri::AMQPUri;
use lapin::{Channel, Connection, ConnectionProperties, Consumer, ExchangeKind};
use tokio_util::sync::CancellationToken;

use super::traced::{Received, Source};
use super::{Arrival, Inbox};
use crate::config::{Amqp, Secret, SecretRef};
use crate::ledger::{LedgerError, Receipt};
use crate::telemetry::{Attributes, Kind, TRACEPARENT, TRACESTATE, TraceContext};

/// To connect and to declare; both can hang on a broker that is half there.
const PATIENCE: Duration = Duration::from_secs(10);

/// Pauses between tries at a broker that is not there: from the first to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Consumes until `stop`, through whatever happens to the broker. `password` is what it was at the start.
pub async fn run(amqp: Amqp, mut password: Option<Arc<Secret>>, inbox: Arc<Inbox>, stop: CancellationToken) {
    let mut failures = 0_u32;
    let mut random = fastrand::Rng::new();
    for url in amqp.urls.iter().cycle() {
        if stop.is_cancelled() {
            return;
        }
        inbox.opened(&stop).await;
        if let Some(secret) = &amqp.password {
            match read(secret).await {
                Ok(now) => password = Some(Arc::new(now)),
                Err(reason) => {
                    tracing::warn!(reason, "the broker's password cannot be read; the last one stays in use")
                }
            }
        }
        match consume(&amqp, url, password.as_deref(), &inbox, &stop).await {
            Ok(taken) => {
                if taken > 0 {
                    failures = 0;
                }
                if !stop.is_cancelled() {
                    tracing::warn!(broker = url, taken, "consumer ended; it connects again");
                }
            }
            Err(why) => tracing::warn!(broker = url, reason = %why, "broker not reached; it is tried again"),
        }
        let longest = FIRST_PAUSE.saturating_mul(1_u32 << failures.min(10)).min(LONGEST_PAUSE);
        failures = failures.saturating_add(1);
        let pause = longest.mul_f64(0.5 + random.f64() / 2.0);
        tokio::select! { () = tokio::time::sleep(pause) => {}, () = stop.cancelled() => return }
    }
}

/// The secret as it is now. Its file system may hang, and holds no thread of the runtime then.
async fn read(secret: &SecretRef) -> Result<Secret, String> {
    let secret = secret.clone();
    let reading = tokio::task::spawn_blocking(move || secret.resolve().map_err(|why| why.to_string()));
    bounded(async { reading.await.map_err(|why| why.to_string())? }).await
}

/// One connection's life. Returns how many messages were acknowledged.
async fn consume(
    amqp: &Amqp,
    url: &str,
    password: Option<&Secret>,
    inbox: &Inbox,
    stop: &CancellationToken,
) -> Result<u64, String> {
    let (connection, mut consumer) = tokio::select! {
        open = open(amqp, url, password) => open?,
        () = stop.cancelled() => return Ok(0),
    };
    tracing::info!(broker = url, queue = %amqp.queue, prefetch = amqp.prefetch, "consuming");
    let mut taken = 0;
    // As many as the broker gives us before an acknowledgement, so this does not grow beyond `prefetch`.
    let mut in_hand = FuturesUnordered::new();
    let mut open = true;
    while open || !in_hand.is_empty() {
        tokio::select! {
            message = consumer.next(), if open => match message {
                Some(Ok(delivery)) => in_hand.push(take(inbox, &amqp.queue, delivery, stop)),
                // Cancelled by the broker, or the channel or connection is gone.
                Some(Err(_)) | None => open = false,
            },
            Some(acknowledged) = in_hand.next() => {
                if acknowledged {
                    taken += 1;
                } else {
                    open = false;
                }
            }
            () = stop.cancelled(), if open => open = false,
        }
    }
    // What was not acknowledged goes back to the queue with the connection.
    let _ = tokio::time::timeout(PATIENCE, connection.close(200, "done".into())).await;
    Ok(taken)
}

async fn open(amqp: &Amqp, url: &str, password: Option<&Secret>) -> Result<(Connection, Consumer), String> {
    let connection = bounded(connect(amqp, url, password)).await?;
    let channel = bounded(async { connection.create_channel().await.map_err(said) }).await?;
    bounded(prepare(&channel, amqp)).await?;
    let (queue, options) = (amqp.queue.as_str().into(), BasicConsumeOptions::default());
    let consumer = bounded(async {
        channel.basic_consume(queue, "newswired".into(), options, FieldTable::default()).await.map_err(said)
    });
    Ok((connection, consumer.await?))
}

/// `true` when the message is committed and acknowledged.
async fn take(inbox: &Inbox, queue: &str, mut delivery: Delivery, stop: &CancellationToken) -> bool {
    let received = inbox.received(|| carried(delivery.properties.headers().as_ref()?));
    let content_type = delivery.properties.content_type().as_ref().map(ToString::to_string);
    let source = format!("amqp:{queue}");
    let bytes: Bytes = std::mem::take(&mut delivery.data).into();
    let trace = received.as_ref().map(Received::context);
    let received = received.map(|received| (received, message(queue, &delivery, bytes.len())));
    let arrival = Arrival { intake: "amqp", source, content_type, bytes, trace };
    loop {
        match inbox.take(arrival.clone()).await {
            Ok(taken) => {
                let acknowledged = acknowledge(delivery, taken.receipt()).await;
                inbox.settled(received, &Ok(taken));
                return acknowledged;
            }
            Err(LedgerError::Unavailable(why)) if !stop.is_cancelled() => {
                tracing::warn!(queue, reason = %why, "not taken yet; it waits for the ledger");
                inbox.opened(stop).await;
            }
            Err(why) => {
                tracing::error!(queue, reason = %why, "not taken; the broker keeps it");
                inbox.settled(received, &Err(why));
                return false;
            }
        }
    }
}

/// The trace that a message brings with it.
fn carried(headers: &FieldTable) -> Option<TraceContext> {
    let one = |name: &str| match headers.inner().get(name) {
        Some(AMQPValue::LongString(text)) => Some(text.as_bytes()),
        Some(AMQPValue::ShortString(text)) => Some(text.as_str().as_bytes()),
        // Whatever else a header may be, no trace is written so.
        _ => None,
    };
    TraceContext::read(one(TRACEPARENT), one(TRACESTATE))
}

/// The message, as traces have it: a destination is the exchange, the key and the queue, each where it says something.
fn message(queue: &str, delivery: &Delivery, size: usize) -> Source {
    let (exchange, key) = (delivery.exchange.as_str(), delivery.routing_key.as_str());
    let parts = [exchange, key, queue].into_iter().filter(|part| !part.is_empty());
    let mut parts: Vec<&str> = parts.collect();
    parts.dedup();
    let attributes = Attributes::default()
        .text("messaging.system", "rabbitmq")
        .text("messaging.operation.type", "process")
        .text("messaging.operation.name", "process")
        .text("messaging.destination.name", parts.join(":"))
        .text("messaging.rabbitmq.destination.routing_key", key.to_owned())
        .number("messaging.rabbitmq.message.delivery_tag", delivery.delivery_tag)
        .number("messaging.message.body.size", size);
    let attributes = match delivery.properties.message_id() {
        Some(id) => attributes.text("messaging.message.id", id.to_string()),
        None => attributes,
    };
    Source { kind: Kind::Consumer, name: format!("process {queue}").into(), attributes }
}

/// Only a commit's receipt acknowledges a message (promise 1).
async fn acknowledge(delivery: Delivery, _receipt: &Receipt) -> bool {
    delivery.acker.ack(BasicAckOptions::default()).await.unwrap_or(false)
}

async fn connect(amqp: &Amqp, url: &str, password: Option<&Secret>) -> Result<Connection, String> {
    let mut uri: AMQPUri = url.parse()?;
    if let Some(user) = &amqp.user {
        uri.authority.userinfo.username = user.clone();
    }
    if let Some(password) = password {
        uri.authority.userinfo.password = password.expose().to_owned();
    }
    uri.query.heartbeat = Some(u16::try_from(amqp.heartbeat.get().as_secs()).unwrap_or(u16::MAX));
    let chain = match &amqp.ca_file {
        Some(file) => Some(
            tokio::fs::read_to_string(file)
                .await
                .map_err(|why| format!("cannot read ca_file {}: {why}", file.display()))?,
        ),
        None => None,
    };
    let tls = OwnedTLSConfig { identity: None::<OwnedIdentity>, cert_chain: chain };
    let runtime = async_rs::Runtime::tokio_current();
    let properties = ConnectionProperties::default().with_connection_name("newswired".into());
    Connection::connect_uri_with_config(uri, properties, tls, runtime).await.map_err(said)
}

async fn prepare(channel: &Channel, amqp: &Amqp) -> Result<(), String> {
    let passive = !amqp.declare;
    channel
        .exchange_declare(
            amqp.exchange.as_str().into(),
            ExchangeKind::Topic,
            ExchangeDeclareOptions { passive, durable: true, ..ExchangeDeclareOptions::default() },
            FieldTable::default(),
        )
        .await
        .map_err(said)?;
    let mut quorum = FieldTable::default();
    quorum.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    channel
        .queue_declare(
            amqp.queue.as_str().into(),
            QueueDeclareOptions { passive, durable: true, ..QueueDeclareOptions::default() },
            quorum,
        )
        .await
        .map_err(said)?;
    if amqp.declare {
        channel
            .queue_bind(
                amqp.queue.as_str().into(),
                amqp.exchange.as_str().into(),
                amqp.routing_key.as_str().into(),
                QueueBindOptions::default(),
                FieldTable::default(),
            )
            .await
            .map_err(said)?;
    }
    channel.basic_qos(amqp.prefetch, BasicQosOptions::default()).await.map_err(said)
}

async fn bounded<T>(work: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    tokio::time::timeout(PATIENCE, work).await.map_err(|_| format!("no answer within {PATIENCE:?}"))?
}

fn said(why: lapin::Error) -> String {
    why.to_string()
}
