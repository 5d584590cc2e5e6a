//! A push by HTTP `POST` over kept-alive connections of the destination's own.
//!
//! Connections belong to one destination: none of its trouble can take another's (promise 7). What tells an attempt that
//! certainly did not arrive from one that may have is whether any byte of the request was given to a connection; that
//! is why this stands on bare connections and not on a pool that retries by itself.

mod connect;
mod outcome;
mod request;
mod signature;

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use jiff::Timestamp;
use tokio::time::timeout_at;

use self::connect::Connector;
use self::request::{Head, Paced};
use super::{Outcome, Parcel, Transport};
use crate::config::{Config, Delivery, HttpPush, SecretError};

/// How long the parts of an attempt may take.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// To resolve the name, connect, and agree on TLS.
    pub connect: Duration,
    /// To hand the whole request to the network.
    pub write: Duration,
    /// From the request's last byte to the answer's.
    pub answer: Duration,
}

impl Timeouts {
    /// Those of `push`, and the configuration's where it has none of its own.
    pub fn of(push: &HttpPush, defaults: &Delivery) -> Self {
        Self {
            connect: push.connect_timeout.unwrap_or(defaults.connect_timeout).get(),
            write: push.write_timeout.unwrap_or(defaults.write_timeout).get(),
            answer: push.answer_timeout.unwrap_or(defaults.answer_timeout).get(),
        }
    }

    /// How long a request of unknown outcome may still be in the network.
    pub fn in_network(&self) -> Duration {
        self.write + self.answer
    }

    /// The longest of any destination: after a crash, nothing that was sent is on its way for longer.
    pub fn longest_in_network(config: &Config) -> Duration {
        let destinations = config.partners.values().flat_map(|partner| partner.destinations.values());
        destinations
            .map(|destination| Self::of(&destination.http, &config.delivery).in_network())
            .max()
            .unwrap_or_default()
    }
}

/// A partner's HTTP endpoint.
pub struct HttpDoor {
    connector: Connector,
    head: Head,
    timeouts: Timeouts,
    answer_limit: usize,
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    sender: SendRequest<Paced>,
    since: Instant,
}

/// A connection that was idle for longer is not used again: servers commonly close after 60 seconds or more, and a
/// request that meets the close has an unknown outcome.
const LONGEST_IDLE: Duration = Duration::from_secs(30);

/// Idle connections kept for a destination; more than its lane's usual concurrency would only be closed again.
const MOST_IDLE: usize = 16;

/// Why a door cannot be built from its configuration.
#[derive(Debug, thiserror::Error)]
pub enum DoorError {
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error("{0}")]
    Setting(String),
}

impl HttpDoor {
    /// Reads the secrets and certificates that `push` refers to.
    pub fn new(push: &HttpPush, timeouts: Timeouts) -> Result<Self, DoorError> {
        let head = Head::new(push)?;
        Ok(Self {
            connector: Connector::new(&head.address, push.ca_file.as_deref())?,
            head,
            timeouts,
            answer_limit: push.answer_limit.get(),
            idle: Mutex::new(Vec::new()),
        })
    }

    fn idle_connection(&self) -> Option<SendRequest<Paced>> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|one| !one.sender.is_closed() && one.since.elapsed() < LONGEST_IDLE);
        idle.pop().map(|one| one.sender)
    }

    fn keep(&self, sender: SendRequest<Paced>) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MOST_IDLE && !sender.is_closed() {
            idle.push(Idle { sender, since: Instant::now() });
        }
    }

    async fn attempt(&self, parcel: &Parcel) -> Outcome {
        // A kept connection may have been closed by the other side meanwhile. If it was, and the request was not begun,
        // the attempt goes on with a new connection.
        while let Some(sender) = self.idle_connection() {
            match self.exchange(sender, parcel).await {
                Exchange::NotBegun => {}
                Exchange::Ended(outcome) => return outcome,
            }
        }
        let deadline = tokio::time::Instant::now() + self.timeouts.connect;
        let sender = match timeout_at(deadline, self.connector.connect()).await {
            Ok(Ok(sender)) => sender,
            Ok(Err(why)) => return outcome::not_connected(&why),
            Err(_) => {
                let why =
                    format!("no connection to {} within {:?}", self.head.address.authority(), self.timeouts.connect);
                return outcome::not_connected(&why);
            }
        };
        match self.exchange(sender, parcel).await {
            Exchange::NotBegun => outcome::not_connected("the connection took no request"),
            Exchange::Ended(outcome) => outcome,
        }
    }

    async fn exchange(&self, mut sender: SendRequest<Paced>, parcel: &Parcel) -> Exchange {
        let patience = tokio::time::Instant::now() + self.timeouts.connect;
        if !matches!(timeout_at(patience, sender.ready()).await, Ok(Ok(()))) {
            return Exchange::NotBegun;
        }
        let (body, mut written) = Paced::new(parcel.document.bytes().clone());
        let request = match self.head.request(parcel, Timestamp::now(), body) {
            Ok(request) => request,
            Err(why) => return Exchange::Ended(outcome::refused_here(&why)),
        };
        let answer = sender.try_send_request(request);
        tokio::pin!(answer);
        // First the time to write, then the time to answer; an answer may come before the request is through.
        let write = tokio::time::sleep(self.timeouts.write);
        tokio::pin!(write);
        let early = tokio::select! {
            biased;
            answer = &mut answer => Some(answer),
            _ = &mut written => None,
            () = &mut write => {
                return Exchange::Ended(outcome::unknown(format!("the request could not be written within {:?}", self.timeouts.write)));
            }
        };
        let was_written = early.is_none();
        let deadline = tokio::time::Instant::now() + self.timeouts.answer;
        let answer = match early {
            Some(answer) => answer,
            None => match timeout_at(deadline, answer).await {
                Ok(answer) => answer,
                Err(_) => {
                    return Exchange::Ended(outcome::unknown(format!("no answer within {:?}", self.timeouts.answer)));
                }
            },
        };
        let response = match answer {
            Ok(response) => response,
            Err(mut failed) => {
                if failed.take_message().is_some() {
                    return Exchange::NotBegun;
                }
                return Exchange::Ended(outcome::unknown(format!("the connection broke: {}", failed.into_error())));
            }
        };
        let (parts, body) = response.into_parts();
        let (start, whole) = match timeout_at(deadline, self.read(body)).await {
            Ok(read) => read,
            Err(_) => (Bytes::new(), false),
        };
        // A connection that still has some of this request to write is of no use to the next.
        if whole && (was_written || written.try_recv().is_ok()) {
            self.keep(sender);
        }
        Exchange::Ended(outcome::classify(parts.status, &parts.headers, &start, Timestamp::now()))
    }

    /// The start of an answer's body, up to the limit, and whether that was all of it.
    async fn read(&self, mut body: Incoming) -> (Bytes, bool) {
        let mut start = Vec::new();
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else { return (start.into(), false) };
            if let Some(data) = frame.data_ref() {
                let room = self.answer_limit.saturating_sub(start.len());
                start.extend_from_slice(&data[..data.len().min(room)]);
                if data.len() > room {
                    return (start.into(), false);
                }
            }
        }
        (start.into(), true)
    }
}

enum Exchange {
    /// Not a byte of the request left.
    NotBegun,
    Ended(Outcome),
}

impl Transport for HttpDoor {
    fn send<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Outcome> {
        self.attempt(parcel).boxed()
    }

    fn in_network(&self) -> Duration {
        self.timeouts.in_network()
    }
}

#[cfg(test)]
mod tests;
