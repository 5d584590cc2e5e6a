//! A push by HTTP `POST`: the document as it is, with what it is in the headers.
//!
//! An attempt is one request. What tells one that certainly did not arrive from one that may have is the
//! [`client`](super::client)'s to say; what an answer means is [`outcome`]'s.

mod request;
mod signature;

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::Timestamp;

use self::request::Head;
use super::client::{Client, Settings};
use super::{DoorError, Outcome, Parcel, Transport, outcome};
use crate::config::HttpPush;

/// A partner's HTTP endpoint.
pub struct HttpDoor {
    client: Client,
    head: Head,
}

impl HttpDoor {
    /// Reads the secrets and certificates that `push` refers to.
    pub fn new(push: &HttpPush, settings: &Settings<'_>) -> Result<Self, DoorError> {
        let head = Head::new(push)?;
        let client = Client::new(&head.address, settings)?;
        Ok(Self { client, head })
    }

    async fn attempt(&self, parcel: &Parcel) -> Outcome {
        let request = |body| self.head.request(parcel, Timestamp::now(), body);
        match self.client.send(parcel.document.bytes(), request).await {
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
