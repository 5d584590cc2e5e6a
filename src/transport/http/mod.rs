//! A push by HTTP `POST`: the document as it is, with what it is in the headers.
//!
//! An attempt is one request. What tells one that certainly did not arrive from one that may have is the
//! [`client`](super::client)'s to say; what an answer means is [`outcome`]'s.

mod request;
mod signature;

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{Method, Uri};
use jiff::Timestamp;

use self::request::{Head, Sent, Sources, Target};
use super::client::{Address, Client, Settings};
use super::fresh::Fresh;
use super::gzip::Gzip;
use super::{DoorError, Outcome, Parcel, Transport, outcome};
use crate::config::{Compression, HttpPush};

/// A partner's HTTP endpoint.
pub struct HttpDoor {
    client: Client,
    address: Address,
    uri: Uri,
    head: Fresh<Head>,
    /// Where documents go compressed.
    gzip: Option<Arc<Gzip>>,
}

impl HttpDoor {
    /// Reads the secrets and certificates that `push` refers to.
    pub fn new(push: &HttpPush, settings: &Settings<'_>, gzip: &Arc<Gzip>) -> Result<Self, DoorError> {
        let address = Address::parse(&push.url)?;
        let uri = address.path().parse::<Uri>().map_err(|why| DoorError::Setting(why.to_string()))?;
        let client = Client::new(&address, settings)?;
        let gzip = push.compression.map(|Compression::Gzip| Arc::clone(gzip));
        let sources = Sources::new(push, &address)?;
        let head = Fresh::new(&sources.secrets(), move || sources.head())?;
        Ok(Self { client, address, uri, head, gzip })
    }

    async fn attempt(&self, parcel: &Parcel) -> Outcome {
        let compressed = self.gzip.as_ref().map(|gzip| gzip.of(&parcel.document));
        let sent = match &compressed {
            Some(compressed) => Sent { bytes: &compressed.bytes, digest: &compressed.digest },
            None => Sent { bytes: parcel.document.bytes(), digest: parcel.document.digest() },
        };
        let head = self.head.current().await;
        let target = Target { method: &Method::POST, address: &self.address, uri: &self.uri };
        let request = |body| head.request(target, parcel, sent, Timestamp::now(), body);
        match self.client.send(sent.bytes, request).await {
            Ok(answer) => outcome::classify(answer.status, &answer.headers, &answer.start, Timestamp::now()),
            Err(failed) => failed.into(),
        }
    }
}

impl Transport for HttpDoor {
    fn send<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Outcome> {
        self.attempt(parcel).boxed()
    }

    fn in_network(&self) -> Duration {
        self.client.timeouts().in_network()
    }
}

#[cfg(test)]
mod tests;
