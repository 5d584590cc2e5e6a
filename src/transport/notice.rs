//! What is no news: a word to a system of the newsroom's own. It goes by the doors that news goes by, with their guard of
//! addresses, TLS, signatures and credentials.
//!
//! It is no document of the wire's and carries no text of one, so no proof stands before it (promise 6 is about what
//! republishers get). Its id is the same whenever it is sent (promise 9).

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;

use super::client::{Expiry, Settings};
use super::{DoorError, HttpDoor, Outcome, Shared, Timeouts, amqp};
use crate::config::{Delivery, Door, Receiver, Span};

/// A word to a system of the newsroom's.
#[derive(Debug, Clone)]
pub struct Notice {
    pub id: String,
    /// What it is: AMQP routes by it.
    pub kind: &'static str,
    /// JSON.
    pub body: Bytes,
    /// 1 for the first.
    pub attempt: u32,
}

impl Notice {
    pub const CONTENT_TYPE: &str = "application/json";
}

/// A way to hand over a notice.
pub trait Messenger: Send + Sync + 'static {
    /// Makes one attempt. It always returns: each request of it has its timeouts.
    fn tell<'a>(&'a self, notice: &'a Notice) -> BoxFuture<'a, Outcome>;
}

/// The way to the receiver `name`, its door still closed.
///
/// # Errors
/// When the door cannot be built from its configuration.
pub fn messenger(
    name: &str,
    receiver: &Receiver,
    defaults: &Delivery,
    Shared { network, gzip, metrics, media: _ }: &Shared,
) -> Result<Box<dyn Messenger>, DoorError> {
    let nowhere = || DoorError::Setting("nothing says where it leads, or more than one table does".to_owned());
    let door = receiver.door().ok_or_else(nowhere)?;
    let (timeouts, way) = (Timeouts::of(door, defaults), door.way());
    // One notice is under way at a time, since the next is to come after it.
    let connections = network.part(1);
    let age = |age: Option<Span>| age.unwrap_or(defaults.connection_max_age).get();
    // No destination is called that.
    let expiry = Arc::new(Expiry::new(&format!("events:{name}"), metrics));
    match door {
        Door::Http(push) => {
            let settings = Settings {
                answer_limit: push.answer_limit.get(),
                http2: push.http2,
                max_age: age(push.connection_max_age),
                ..Settings::of(&way, timeouts, &expiry, connections, network)
            };
            Ok(Box::new(HttpDoor::new(push, &settings, gzip)?))
        }
        Door::Amqp(push) => {
            Ok(Box::new(amqp::open(push, timeouts, connections, age(push.connection_max_age), &way, network)?))
        }
        Door::WordPress(_)
        | Door::Directory(_)
        | Door::Sftp(_)
        | Door::WebDav(_)
        | Door::S3(_)
        | Door::Ftp(_)
        | Door::Mail(_) => Err(nowhere()),
    }
}
