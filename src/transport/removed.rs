//! The door of a destination that is not configured any more. Nothing goes there; what is under way through the door that
//! it had ends as it would have.

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::{Class, Outcome, Parcel, Transport};

/// A door that is not there.
pub struct Removed {
    /// How long a request of unknown outcome may be in the network that left while it was.
    pub in_network: Duration,
}

impl Transport for Removed {
    fn send<'a>(&'a self, _: &'a Parcel) -> BoxFuture<'a, Outcome> {
        let detail = "not sent: the destination is not configured any more".to_owned();
        let class = Class::Deferred { retry_after: None, maybe_document: false };
        std::future::ready(Outcome { class, status: None, detail, remote: None }).boxed()
    }

    fn in_network(&self) -> Duration {
        self.in_network
    }
}
