//! An HTTP client for one endpoint: what every transport that speaks HTTP stands on.
//!
//! Connections belong to one destination: none of its trouble can take another's (promise 7). What tells a request that
//! certainly did not arrive from one that may have is whether any byte of it was given to a connection; that is why
//! this stands on bare connections and not on a pool that retries by itself. Every wait has its bound, and no more of an
//! answer is read than its limit.
//!
//! It knows nothing of documents, nor of what an answer means to a delivery.

mod address;
mod connect;
mod paced;

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use tokio::time::timeout_at;

use self::connect::Connector;
use super::{DoorError, Timeouts};

pub use address::Address;
pub use paced::Paced;

pub const USER_AGENT: &str = concat!("newswired/", env!("CARGO_PKG_VERSION"));

/// A client of one endpoint.
pub struct Client {
    connector: Connector,
    authority: String,
    timeouts: Timeouts,
    answer_limit: usize,
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    sender: SendRequest<Paced>,
    since: Instant,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    /// The body's start, up to the limit.
    pub start: Bytes,
}

/// There is no answer.
#[derive(Debug)]
pub enum Failed {
    /// Not a byte of the request left.
    NotConnected(String),
    /// The answer was lost: the request may have arrived.
    Unknown(String),
    /// The request cannot be written.
    Impossible(String),
}

/// A connection that was idle for longer is not used again: servers commonly close after 60 seconds or more, and a
/// request that meets the close has an unknown outcome.
const LONGEST_IDLE: Duration = Duration::from_secs(30);

/// Idle connections kept for a destination; more than its lane's usual concurrency would only be closed again.
const MOST_IDLE: usize = 16;

enum Exchange {
    /// Not a byte of the request left.
    NotBegun,
    Ended(Result<Answer, Failed>),
}

impl Client {
    /// Reads the certificates; connects to nothing yet. `answer_limit` is in bytes.
    pub fn new(
        address: &Address,
        ca_file: Option<&std::path::Path>,
        timeouts: Timeouts,
        answer_limit: usize,
    ) -> Result<Self, DoorError> {
        Ok(Self {
            connector: Connector::new(address, ca_file)?,
            authority: address.authority().to_owned(),
            timeouts,
            answer_limit,
            idle: Mutex::new(Vec::new()),
        })
    }

    pub fn timeouts(&self) -> &Timeouts {
        &self.timeouts
    }

    /// Makes one request with `body`. `head` makes it around the body it is given, once for each connection that is
    /// tried.
    pub async fn send(
        &self,
        body: &Bytes,
        head: impl Fn(Paced) -> Result<Request<Paced>, String>,
    ) -> Result<Answer, Failed> {
        // A kept connection may have been closed by the other side meanwhile. If it was, and the request was not begun,
        // the attempt goes on with a new connection.
        while let Some(sender) = self.idle_connection() {
            match self.exchange(sender, body, &head).await {
                Exchange::NotBegun => {}
                Exchange::Ended(ended) => return ended,
            }
        }
        let deadline = tokio::time::Instant::now() + self.timeouts.connect;
        let sender = match timeout_at(deadline, self.connector.connect()).await {
            Ok(Ok(sender)) => sender,
            Ok(Err(why)) => return Err(Failed::NotConnected(why)),
            Err(_) => {
                let why = format!("no connection to {} within {:?}", self.authority, self.timeouts.connect);
                return Err(Failed::NotConnected(why));
            }
        };
        match self.exchange(sender, body, &head).await {
            Exchange::NotBegun => Err(Failed::NotConnected("the connection took no request".to_owned())),
            Exchange::Ended(ended) => ended,
        }
    }

    async fn exchange(
        &self,
        mut sender: SendRequest<Paced>,
        body: &Bytes,
        head: impl Fn(Paced) -> Result<Request<Paced>, String>,
    ) -> Exchange {
        let patience = tokio::time::Instant::now() + self.timeouts.connect;
        if !matches!(timeout_at(patience, sender.ready()).await, Ok(Ok(()))) {
            return Exchange::NotBegun;
        }
        let (body, mut written) = Paced::new(body.clone());
        let request = match head(body) {
            Ok(request) => request,
            Err(why) => return Exchange::Ended(Err(Failed::Impossible(why))),
        };
        let unknown = |why| Exchange::Ended(Err(Failed::Unknown(why)));
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
                return unknown(format!("the request could not be written within {:?}", self.timeouts.write));
            }
        };
        let was_written = early.is_none();
        let deadline = tokio::time::Instant::now() + self.timeouts.answer;
        let answer = match early {
            Some(answer) => answer,
            None => match timeout_at(deadline, answer).await {
                Ok(answer) => answer,
                Err(_) => return unknown(format!("no answer within {:?}", self.timeouts.answer)),
            },
        };
        let response = match answer {
            Ok(response) => response,
            Err(mut failed) => {
                if failed.take_message().is_some() {
                    return Exchange::NotBegun;
                }
                return unknown(format!("the connection broke: {}", failed.into_error()));
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
        Exchange::Ended(Ok(Answer { status: parts.status, headers: parts.headers, start }))
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

    /// How many connections are kept that could be used again.
    #[cfg(test)]
    pub fn kept(&self) -> usize {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.iter().filter(|one| !one.sender.is_closed()).count()
    }
}
