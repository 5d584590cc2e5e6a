//! An AMQP exchange of the partner's: a version of a story is a message, persistent, and the broker confirms that it has
//! it in a queue.
//!
//! A message that no queue is bound for comes back before it is confirmed, and is no delivery: a broker throws such away
//! in silence otherwise. What was published and not confirmed when the connection broke may be in a queue; consumers know
//! a repeat by its `message_id`, the same at every attempt (promise 9).

mod link;
mod message;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use lapin::options::{BasicPublishOptions, ExchangeDeclareOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Confirmation, Error, ErrorKind, ExchangeKind};
use tokio::time::timeout;

pub use self::link::place;
use self::link::{Broker, Line};
use self::message::{properties, properties_of_notice};
use super::client::Network;
use super::kept::Kept;
use super::knock::{Finding, Looked, Part, Steps};
use super::outcome::excerpt;
use super::{Call, Class, DoorError, Messenger, Notice, Outcome, Parcel, Timeouts, Transport};
use crate::config::{self, NameField, NameFields, RoutingKey, Way};
use crate::telemetry::{Attributes, Kind};

/// Reply codes of AMQP 0-9-1 §1.2: the broker says no, and closes the channel.
const ACCESS_REFUSED: u16 = 403;
const NOT_FOUND: u16 = 404;
const PRECONDITION_FAILED: u16 = 406;

/// The door of an exchange. It has one connection, and at most `at_once` channels; no connection is used for longer than
/// `max_age`.
pub fn open(
    push: &config::AmqpPush,
    timeouts: Timeouts,
    at_once: usize,
    max_age: Duration,
    way: &Way<'_>,
    network: &Arc<Network>,
) -> Result<AmqpDoor, DoorError> {
    Ok(AmqpDoor {
        broker: Broker::new(push, timeouts, max_age, way, network)?,
        channels: Kept::new(at_once, max_age),
        exchange: push.exchange.clone(),
        routing_key: push.routing_key.clone(),
        trace_context: push.trace_context,
        timeouts,
    })
}

pub struct AmqpDoor {
    broker: Broker,
    channels: Kept<Line>,
    exchange: String,
    routing_key: RoutingKey,
    trace_context: bool,
    timeouts: Timeouts,
}

impl AmqpDoor {
    async fn attempt(&self, parcel: &Parcel) -> Result<Outcome, Outcome> {
        let key = self.key(parcel).map_err(|why| Outcome::refused_here(format!("not sent: {why}")))?;
        self.hand_over(&key, parcel.document.bytes(), &|| properties(parcel, self.trace_context)).await
    }

    /// Publishes a message, once more where a channel turns out to have ended before.
    async fn hand_over(
        &self,
        key: &str,
        body: &[u8],
        properties: &(dyn Fn() -> BasicProperties + Sync),
    ) -> Result<Outcome, Outcome> {
        let patience = self.timeouts.connect;
        let Some(_place) = self.channels.place(patience).await else {
            return Err(door(format!("all channels were busy for {patience:?}")));
        };
        loop {
            let (one, is_new) = match self.channels.take(Line::is_over) {
                Some(kept) => (kept, false),
                None => (self.channels.new_one(self.broker.line().await?), true),
            };
            match self.publish(&one.session, key, body, properties()).await {
                Ok(confirmation) => {
                    self.channels.keep(one);
                    return Ok(judge(confirmation, &self.exchange, key));
                }
                // It ended while nobody looked.
                Err(Failed::NotBegun(_)) if !is_new => {}
                Err(Failed::NotBegun(why)) => return Err(door(why)),
                Err(Failed::Answered(why)) => return Err(answered(why, &self.exchange)),
                Err(Failed::Unknown(why)) => {
                    let class = Class::Unknown { retry_after: None };
                    return Err(Outcome { class, status: None, detail: why, remote: None });
                }
            }
        }
    }

    fn key(&self, parcel: &Parcel) -> Result<String, String> {
        let fields = NameFields::clone(&parcel.names).with(NameField::Sequence, &parcel.sequence.to_string());
        self.routing_key.fill(&fields)
    }

    /// A channel, and a look whether the exchange is there.
    async fn enter(&self) -> Looked<()> {
        let mend = "compare user, password and the virtual host with whoever runs the broker";
        let line = self.broker.line().await.map_err(|outcome| Finding::trouble(outcome.detail, mend))?;
        // The broker's own is always there, and may not be asked about.
        if !self.exchange.is_empty() {
            let passive = ExchangeDeclareOptions { passive: true, ..ExchangeDeclareOptions::default() };
            let (name, kind) = (self.exchange.as_str().into(), ExchangeKind::default());
            let asked = line.channel.exchange_declare(name, kind, passive, FieldTable::default());
            let patience = self.timeouts.answer;
            let mend = "ask whoever runs the broker for the exchange's name, and whether we may publish to it";
            match timeout(patience, asked).await {
                Ok(Ok(())) => {}
                Ok(Err(why)) => {
                    return Err(Finding::trouble(format!("exchange {:?}: {}", self.exchange, told(&why)), mend));
                }
                Err(_) => {
                    return Err(Finding::trouble(format!("the broker answered nothing within {patience:?}"), mend));
                }
            }
        }
        Ok((
            Finding::well(format!(
                "the broker lets us in, and exchange {:?} is there; whether a queue is bound, a message shows",
                self.exchange
            )),
            (),
        ))
    }

    async fn publish(
        &self,
        line: &Line,
        key: &str,
        body: &[u8],
        properties: BasicProperties,
    ) -> Result<Confirmation, Failed> {
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let exchange = self.exchange.as_str().into();
        let published = async {
            let confirm = line
                .channel
                .basic_publish(exchange, key.into(), options, body, properties)
                .await
                .map_err(Failed::at_once)?;
            confirm.await.map_err(Failed::later)
        };
        let patience = self.timeouts.write + self.timeouts.answer;
        timeout(patience, published)
            .await
            .unwrap_or_else(|_| Err(Failed::Unknown(format!("the broker confirmed nothing within {patience:?}"))))
    }
}

/// Why nothing was confirmed.
enum Failed {
    /// Nothing was published.
    NotBegun(String),
    /// The broker says no: the code of its answer, and its words.
    Answered((u16, String)),
    /// It may be in a queue.
    Unknown(String),
}

impl Failed {
    /// While the message was handed over.
    fn at_once(why: Error) -> Self {
        match why.kind() {
            ErrorKind::InvalidChannel(_)
            | ErrorKind::InvalidChannelState(..)
            | ErrorKind::InvalidConnectionState(_)
            | ErrorKind::SerialisationError(_) => Self::NotBegun(told(&why)),
            _ => Self::later(why),
        }
    }

    /// While its confirmation was waited for.
    fn later(why: Error) -> Self {
        match why.kind() {
            ErrorKind::ProtocolError(no) if why.is_amqp_soft_error() => Self::Answered((no.get_id(), told(&why))),
            _ => Self::Unknown(format!("the connection broke before the broker confirmed: {}", told(&why))),
        }
    }
}

fn told(why: &Error) -> String {
    excerpt(why.to_string().as_bytes())
}

/// What the broker's answer to a message means.
fn judge(confirmation: Confirmation, exchange: &str, key: &str) -> Outcome {
    match confirmation {
        Confirmation::Ack(None) => {
            let detail = format!("confirmed by exchange {exchange:?} with the key {key:?}");
            Outcome { class: Class::Delivered, status: None, detail, remote: None }
        }
        Confirmation::Ack(Some(_)) | Confirmation::Nack(Some(_)) => door(format!(
            "no queue is bound to exchange {exchange:?} for the key {key:?}; have the broker's operator bind one"
        )),
        Confirmation::Nack(None) => door(format!("the broker did not take it (nack), exchange {exchange:?}")),
        // Every channel of ours asks for it.
        Confirmation::NotRequested => {
            let detail = "the broker does not confirm".to_owned();
            Outcome { class: Class::Unknown { retry_after: None }, status: None, detail, remote: None }
        }
    }
}

/// What it means that the broker closes the channel: it did not take the message.
fn answered((code, words): (u16, String), exchange: &str) -> Outcome {
    let outcome = match code {
        // The message as such, which is too large as a rule.
        PRECONDITION_FAILED => Outcome { class: Class::Refused, status: None, detail: words, remote: None },
        NOT_FOUND => door(format!("{words}; check exchange ({exchange:?}), or have the broker's operator make it")),
        ACCESS_REFUSED => door(format!("{words}; let the user write to exchange {exchange:?}")),
        _ => door(words),
    };
    Outcome { status: Some(code), ..outcome }
}

/// The broker is in trouble, or at odds with us, whatever the message.
fn door(detail: impl Into<String>) -> Outcome {
    let class = Class::Deferred { retry_after: None, maybe_document: false };
    Outcome { class, status: None, detail: detail.into(), remote: None }
}

impl Messenger for AmqpDoor {
    /// Its routing key is what kind of a notice it is.
    fn tell<'a>(&'a self, notice: &'a Notice) -> BoxFuture<'a, Outcome> {
        async move {
            let told = self.hand_over(notice.kind, &notice.body, &|| properties_of_notice(notice)).await;
            told.unwrap_or_else(|outcome| outcome)
        }
        .boxed()
    }
}

impl Transport for AmqpDoor {
    fn send<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Outcome> {
        self.attempt(parcel).map(|ended| ended.unwrap_or_else(|outcome| outcome)).boxed()
    }

    fn in_network(&self) -> Duration {
        self.timeouts.in_network()
    }

    fn call(&self, parcel: &Parcel) -> Call {
        let key = self.key(parcel).unwrap_or_default();
        let (host, port) = self.broker.host();
        let parts = [self.exchange.as_str(), &key].into_iter().filter(|part| !part.is_empty());
        let destination = parts.collect::<Vec<_>>().join(":");
        // The key may be a story's own, as a span's name is not to be.
        let name = if self.exchange.is_empty() { "amq.default" } else { &self.exchange };
        let attributes = Attributes::default()
            .text("messaging.system", "rabbitmq")
            .text("messaging.operation.type", "send")
            .text("messaging.operation.name", "publish")
            .text("messaging.destination.name", destination)
            .text("messaging.rabbitmq.destination.routing_key", key)
            .text("messaging.message.id", parcel.message_id.clone())
            .text("server.address", host.to_owned())
            .number("server.port", port);
        Call { kind: Kind::Producer, name: format!("publish {name}").into(), attributes, status: None }
    }

    fn knock<'a>(&'a self, steps: &'a mut Steps) -> BoxFuture<'a, ()> {
        steps.look(Part::Login, self.enter()).map(drop).boxed()
    }
}
