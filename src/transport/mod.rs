//! Transports: a proved document out, an outcome back.
//!
//! A transport takes nothing but a [`Parcel`], and a parcel holds nothing but a [`Proved`] document: what no proof has
//! seen cannot leave (promise 6). Every attempt of a delivery carries the same message id and, for the same version and
//! configuration, the same bytes (promise 9). How an answer is classed is a pure function, `http::outcome`.
//!
//! A transport knows nothing of lanes, of backoff, or of what else waits.

mod http;
mod message_id;

pub use http::{DoorError, HttpDoor, Timeouts};
pub use message_id::message_id;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::article::{Action, Guid, Urgency, Version};
use crate::attribution::Proved;

/// One document on its way to one destination.
#[derive(Debug, Clone)]
pub struct Parcel {
    pub document: Arc<Proved>,
    /// The same at every attempt of this delivery and version.
    pub message_id: String,
    pub story: Guid,
    pub version: Version,
    pub action: Action,
    pub urgency: Urgency,
    /// 1 for the first.
    pub attempt: u32,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    pub class: Class,
    /// The answer's status, where there was one.
    pub status: Option<u16>,
    /// In a sentence, for the operator; control characters are escaped.
    pub detail: String,
}

/// What an outcome means for the delivery and its lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    Delivered,
    /// The document is at fault: it is set aside, and the lane goes on.
    Refused,
    /// The door is at fault, and the document did not arrive.
    Deferred {
        /// What the partner asked for by `Retry-After`.
        retry_after: Option<Duration>,
        /// The fault may be this document's after all, so that others of the lane should have their turn first.
        maybe_document: bool,
    },
    /// The answer was lost, or came from something that stands before the partner's server: it may have arrived.
    Unknown {
        /// What was asked for by `Retry-After`.
        retry_after: Option<Duration>,
    },
    /// The door says that it is gone for good (410).
    Gone,
}

/// A way to hand a document to a partner.
pub trait Transport: Send + Sync + 'static {
    /// Makes one attempt. It always returns, within the destination's timeouts.
    fn send<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Outcome>;

    /// How long a request of unknown outcome may still be in the network.
    fn in_network(&self) -> Duration;
}
