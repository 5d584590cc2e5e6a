//! An HTTP client for one endpoint: what every transport that speaks HTTP stands on.
//!
//! Connections belong to one destination: none of its trouble can take another's (promise 7). What tells a request that
//! certainly did not arrive from one that may have is whether any byte of it was given to a connection, or whether the
//! peer of an HTTP/2 connection says that it did not begin with it; that is why this stands on bare connections and not
//! on a pool that retries by itself. Every wait has its bound, and no more of an answer is read than its limit.
//!
//! It knows nothing of documents, nor of what an answer means to a delivery.

mod address;
mod clock;
mod connect;
mod connection;
mod dial;
mod expiry;
mod http1;
mod look;
mod names;
mod network;
mod paced;
mod pool;
mod proxy;
mod race;
mod request;
mod sweeper;
#[cfg(test)]
mod tests;
pub mod tls;
mod turns;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::uri::Authority;
use http::{HeaderMap, StatusCode};
use tokio::time::{Instant, timeout};

use self::connect::Connector;
use self::connection::{Connection, Exchange};
use self::pool::{Pool, Taken};
use super::{DoorError, Timeouts};
use crate::config::{self, AddressBlock};

pub use address::Address;
pub use dial::Dialer;
pub use expiry::Expiry;
#[cfg(any(test, fuzzing))]
pub use http1::tried as http1_tried;
pub use look::{Begins, Place, look};
pub use network::{Network, Parts};
pub use paced::Paced;
pub use request::{Fields, Request};
pub use tls::{Trust, connector};
pub use turns::at_once;
#[cfg(test)]
pub use turns::is_at_once;

pub const USER_AGENT: &str = concat!("newswired/", env!("CARGO_PKG_VERSION"));

/// A client of one endpoint.
pub struct Client {
    connector: Connector,
    address: Address,
    timeouts: Timeouts,
    answer_limit: usize,
    pool: Arc<Pool>,
}

/// What a client is made with.
#[derive(Clone, Copy)]
pub struct Settings<'a> {
    pub trust: Trust<'a>,
    /// Where it is told when certificates end.
    pub expiry: Option<&'a Arc<Expiry>>,
    /// What is not of the Internet, and this client may connect to besides what the network's configuration names.
    pub allow_addresses: &'a [AddressBlock],
    /// How its connections leave, where that is not as the network's do.
    pub proxy: Option<&'a config::Proxy>,
    pub timeouts: Timeouts,
    /// In bytes; the rest of an answer's body is left.
    pub answer_limit: usize,
    /// Whether HTTP/2 is offered where there is TLS.
    pub http2: bool,
    /// After which a connection takes no further request.
    pub max_age: Duration,
    /// How many connections it may have.
    pub connections: usize,
    pub network: &'a Arc<Network>,
}

impl<'a> Settings<'a> {
    /// Of a client by itself: the system's certificates, one connection, HTTP/2 where it is offered.
    pub fn plain(timeouts: Timeouts, answer_limit: usize, network: &'a Arc<Network>) -> Self {
        let max_age = Duration::from_secs(300);
        Self {
            trust: Trust::default(),
            expiry: None,
            allow_addresses: &[],
            proxy: None,
            timeouts,
            answer_limit,
            http2: true,
            max_age,
            connections: 1,
            network,
        }
    }

    /// Of a door, by the way to it; what is its own on top: how much of an answer is read, and how long connections are
    /// used.
    pub fn of(
        way: &'a config::Way<'a>,
        timeouts: Timeouts,
        expiry: &'a Arc<Expiry>,
        connections: usize,
        network: &'a Arc<Network>,
    ) -> Self {
        Self {
            trust: Trust { ca_file: way.ca_file, client_certificate: way.client_certificate, pin: way.pin },
            expiry: Some(expiry),
            allow_addresses: way.allow_addresses,
            proxy: way.proxy,
            connections,
            ..Self::plain(timeouts, 0, network)
        }
    }

    /// For another host that a door leads to, with one connection. The certificate that is shown to the door's own host,
    /// and the keys that are pinned of it, have no place there.
    pub fn elsewhere(&self) -> Self {
        let trust = Trust { client_certificate: None, pin: &[], ..self.trust };
        Self { trust, expiry: None, connections: 1, ..*self }
    }
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    /// The body's start, up to the limit.
    pub start: Bytes,
    /// Whether that is all of it.
    pub whole: bool,
}

/// There is no answer.
#[derive(Debug)]
pub enum Failed {
    /// Not a byte of the request left, or the other side says that it did nothing with it.
    NotConnected(String),
    /// The answer was lost: the request may have arrived.
    Unknown(String),
    /// The request cannot be written.
    Impossible(String),
}

impl Client {
    /// Reads the certificates; connects to nothing yet.
    pub fn new(address: &Address, settings: &Settings<'_>) -> Result<Self, DoorError> {
        let authority = address.authority();
        if let Err(why) = Authority::try_from(authority) {
            return Err(DoorError::Setting(format!("{authority} is not a host: {why}")));
        }
        Ok(Self {
            connector: Connector::new(address, settings)?,
            address: address.clone(),
            timeouts: settings.timeouts,
            answer_limit: settings.answer_limit,
            pool: Pool::new(settings.connections, &settings.network.sweeper),
        })
    }

    /// Where its endpoint is.
    pub fn address(&self) -> &Address {
        &self.address
    }

    pub fn timeouts(&self) -> &Timeouts {
        &self.timeouts
    }

    /// Makes one request with `body`. `head` makes it around the body it is given, once for each connection that is
    /// tried.
    pub async fn send<R: Into<Request>>(
        &self,
        body: &Bytes,
        head: impl Fn(Paced) -> Result<R, String>,
    ) -> Result<Answer, Failed> {
        loop {
            let patience = self.timeouts.connect;
            let (mut connection, kept) = match self.pool.take(Instant::now(), patience).await {
                Some(Taken::Connection(connection)) => (connection, true),
                Some(Taken::Place(place)) => match timeout(patience, self.connect(place)).await {
                    Ok(Ok(connection)) => (connection, false),
                    Ok(Err(why)) => return Err(Failed::NotConnected(why)),
                    Err(_) => {
                        let why = format!("no connection to {} within {patience:?}", self.address.authority());
                        return Err(Failed::NotConnected(why));
                    }
                },
                None => {
                    let why = format!("all connections to {} were busy for {patience:?}", self.address.authority());
                    return Err(Failed::NotConnected(why));
                }
            };
            let authority = self.address.authority();
            let exchange = connection.exchange(body.clone(), &head, authority, &self.timeouts, self.answer_limit).await;
            match exchange {
                Exchange::Answered(answer, reusable) => {
                    if reusable {
                        connection.rest(&self.pool);
                    }
                    return Ok(answer);
                }
                // A kept connection may have been closed by the other side meanwhile. If it was, and the request was not
                // begun, the attempt goes on with another one.
                Exchange::NotBegun(_) if kept => {}
                Exchange::NotBegun(why) | Exchange::Declined(why) => return Err(Failed::NotConnected(why)),
                Exchange::Unknown(why) => return Err(Failed::Unknown(why)),
                Exchange::Impossible(why) => return Err(Failed::Impossible(why)),
            }
        }
    }

    /// In a place of its own: a request that finds a connection, as nearly all do, needs no room for making one.
    fn connect(&self, place: pool::Place) -> BoxFuture<'_, Result<Connection, String>> {
        self.connector.connect(place, &self.pool).boxed()
    }

    /// How many connections are kept that could be used again.
    #[cfg(test)]
    pub fn kept(&self) -> usize {
        self.pool.kept()
    }
}
