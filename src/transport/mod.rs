//! Transports: a proved document out, an outcome back.
//!
//! A transport takes nothing but a [`Parcel`], and a parcel holds nothing but a [`Proved`] document: what no proof has
//! seen cannot leave (promise 6). Every attempt of a delivery carries the same message id and, for the same version and
//! configuration, the same bytes (promise 9). How an answer is classed is a pure function, `outcome`.
//!
//! `http` pushes the document as it is, or compressed, `wordpress` keeps one post for a story, `file` one file, at
//! whatever takes files; `mail` and `amqp` send a message for each version. All stand on `client`, but for directories of
//! this machine. What the newsroom's own systems are told is no document, and goes by the same doors (`notice`);
//! `collector` tells traces.
//!
//! A transport knows nothing of lanes, of backoff, of the ledger, or of what else waits.

mod amqp;
#[cfg(any(test, fuzzing))]
pub(crate) mod answered;
mod client;
mod collector;
mod credential;
mod descriptors;
mod fetch;
mod file;
mod gzip;
mod http;
mod kept;
pub mod knock;
#[cfg(feature = "mail")]
mod mail;
mod media;
mod message_id;
mod notice;
mod outcome;
mod removed;
mod wordpress;

#[cfg(test)]
pub use client::is_at_once;
pub use client::{at_once, connector};
pub use collector::Collector;
pub use fetch::{FetchError, page};
pub use http::HttpDoor;
pub use media::{Enclosure, Have, Media};
pub use message_id::message_id;
pub use notice::{Messenger, Notice, messenger};
#[cfg(test)]
pub(crate) use outcome::classify;
pub use removed::Removed;
pub use wordpress::WordPressDoor;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

#[cfg(any(feature = "ftp", feature = "mail", feature = "sftp"))]
use self::client::Dialer;
use self::client::{Expiry, Network, Parts, Settings};
use self::gzip::Gzip;
use self::knock::{Finding, Looked, Part, Steps, TestItem};
use crate::article::{Action, Guid, Urgency, Version};
use crate::attribution::Proved;
use crate::config::{Config, Delivery, Destination, Door, NameFields, SecretError, Size, Span};
use crate::telemetry::{Attributes, Kind, Metrics, TraceContext};

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
    /// Its number in the destination's sequence, which has no gaps: the same at every attempt.
    pub sequence: u64,
    /// What an earlier attempt of this story at this destination was told to remember.
    pub remote: Option<String>,
    /// What a file of it may be called after.
    pub names: Arc<NameFields>,
    /// The files that have to be there before it.
    pub media: Arc<[Enclosure]>,
    /// The span of this attempt, if it is traced: for a partner who wants to be told.
    pub trace: Option<Arc<TraceContext>>,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    pub class: Class,
    /// The answer's status, where there was one.
    pub status: Option<u16>,
    /// In a sentence, for the operator; control characters are escaped.
    pub detail: String,
    /// What the next attempt of this story at this destination has to know: the name that the partner's system has for
    /// it, as the transport writes it. `None` changes nothing.
    pub remote: Option<String>,
}

impl Outcome {
    /// The document is refused before anything of it left.
    pub fn refused_here(detail: String) -> Self {
        Self { class: Class::Refused, status: None, detail, remote: None }
    }
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

/// An attempt, as OpenTelemetry's semantic conventions name such (HTTP client spans, messaging spans).
#[derive(Debug)]
pub struct Call {
    pub kind: Kind,
    pub name: Cow<'static, str>,
    pub attributes: Attributes,
    /// The attribute that an answer's status is.
    pub status: Option<&'static str>,
}

/// A way to hand a document to a partner.
pub trait Transport: Send + Sync + 'static {
    /// Makes one attempt. It always returns: each request of it has the destination's timeouts, and there are few.
    fn send<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Outcome>;

    /// How long a request of unknown outcome may still be in the network.
    fn in_network(&self) -> Duration;

    /// What a trace calls an attempt. It is asked where there is one.
    fn call(&self, _parcel: &Parcel) -> Call {
        Call { kind: Kind::Client, name: "send".into(), attributes: Attributes::default(), status: None }
    }

    /// Tries what lies behind the connection, without a document: whether we are let in, and could do what a delivery
    /// does. The connection was looked at before.
    fn knock<'a>(&'a self, steps: &'a mut Steps) -> BoxFuture<'a, ()> {
        let finding = Finding::remark("not tried at this kind of door", "see what comes of the next delivery");
        steps.note(Part::Login, finding);
        std::future::ready(()).boxed()
    }

    /// Hands over an item that is marked as a test, and takes it back.
    fn try_item<'a>(&'a self, item: &'a TestItem) -> BoxFuture<'a, Looked<()>> {
        knock::by_sending(self, item)
    }
}

/// What the doors of a configuration share.
pub struct Shared {
    network: Arc<Network>,
    gzip: Arc<Gzip>,
    metrics: Arc<Metrics>,
    /// Where a destination takes files of media.
    pub media: Option<Arc<Media>>,
}

impl Shared {
    /// What the doors of another configuration share. Doors that are open stay as they are, and files of media where they
    /// are kept.
    ///
    /// # Errors
    /// As those of [`shared`].
    pub fn anew(&self, config: &Config) -> Result<Self, DoorError> {
        let media = self.media.clone();
        shared_with(config, &self.metrics, media)
    }

    /// How many connections a destination has of those that there are for all.
    pub fn part(&self, destination: &Destination, defaults: &Delivery) -> usize {
        self.network.part(connections(destination, defaults))
    }
}

/// The transport of the destination `name` (`partner/destination`), its door still closed.
///
/// # Errors
/// When the door cannot be built from its configuration.
pub fn open(
    name: &str,
    destination: &Destination,
    defaults: &Delivery,
    Shared { network, gzip, metrics, media: _ }: &Shared,
) -> Result<Box<dyn Transport>, DoorError> {
    let door = destination
        .door()
        .ok_or_else(|| DoorError::Setting("nothing says where it leads, or more than one table does".to_owned()))?;
    let timeouts = Timeouts::of(door, defaults);
    let connections = network.part(connections(destination, defaults));
    let age = |age: Option<Span>| age.unwrap_or(defaults.connection_max_age).get();
    let way = door.way();
    let expiry = Arc::new(Expiry::new(name, metrics));
    let by_http = |answer_limit: Size, http2, max_age| Settings {
        answer_limit: answer_limit.get(),
        http2,
        max_age: age(max_age),
        ..Settings::of(&way, timeouts, &expiry, connections, network)
    };
    Ok(match door {
        Door::Http(push) => {
            let settings = by_http(push.answer_limit, push.http2, push.connection_max_age);
            Box::new(HttpDoor::new(push, &settings, gzip)?)
        }
        Door::WordPress(site) => {
            let settings = by_http(site.answer_limit, site.http2, site.connection_max_age);
            Box::new(WordPressDoor::new(site, &settings)?)
        }
        Door::Directory(directory) => file::directory::open(directory, timeouts, connections),
        #[cfg(feature = "sftp")]
        Door::Sftp(sftp) => {
            let dialer = Dialer::of(&sftp.host, sftp.port, &way, timeouts.connect, network)?;
            file::sftp::open(sftp, timeouts, connections, age(sftp.connection_max_age), dialer)?
        }
        #[cfg(feature = "webdav")]
        Door::WebDav(webdav) => {
            file::webdav::open(webdav, &by_http(webdav.answer_limit, webdav.http2, webdav.connection_max_age))?
        }
        #[cfg(feature = "s3")]
        Door::S3(s3) => file::s3::open(s3, &by_http(s3.answer_limit, s3.http2, s3.connection_max_age))?,
        #[cfg(feature = "ftp")]
        Door::Ftp(ftp) => {
            let dialer = Dialer::of(&ftp.host, ftp.port, &way, timeouts.connect, network)?;
            file::ftp::open(ftp, timeouts, connections, age(ftp.connection_max_age), dialer)?
        }
        #[cfg(feature = "mail")]
        Door::Mail(mail) => {
            let dialer = Dialer::of(&mail.host, mail.port(), &way, timeouts.connect, network)?;
            mail::open(name, mail, timeouts, connections, age(mail.connection_max_age), dialer)?
        }
        Door::Amqp(push) => {
            Box::new(amqp::open(push, timeouts, connections, age(push.connection_max_age), &way, network)?)
        }
        #[cfg(not(feature = "sftp"))]
        Door::Sftp(_) => return Err(not_built(door)),
        #[cfg(not(feature = "webdav"))]
        Door::WebDav(_) => return Err(not_built(door)),
        #[cfg(not(feature = "s3"))]
        Door::S3(_) => return Err(not_built(door)),
        #[cfg(not(feature = "ftp"))]
        Door::Ftp(_) => return Err(not_built(door)),
        #[cfg(not(feature = "mail"))]
        Door::Mail(_) => return Err(not_built(door)),
    })
}

/// Told by the configuration's check, with its place.
#[cfg(not(all(feature = "ftp", feature = "mail", feature = "s3", feature = "sftp", feature = "webdav")))]
fn not_built(door: Door<'_>) -> DoorError {
    DoorError::Setting(format!("this newswired was built without {}", door.table()))
}

/// What the doors of `config` share. From here on this process may open as many files as its hard limit says.
///
/// # Errors
/// When the password of the proxy cannot be read, or files of media cannot be kept where they are to be.
pub fn shared(config: &Config, metrics: &Arc<Metrics>) -> Result<Shared, DoorError> {
    shared_with(config, metrics, None)
}

fn shared_with(config: &Config, metrics: &Arc<Metrics>, media: Option<Arc<Media>>) -> Result<Shared, DoorError> {
    let doors: Vec<usize> = config
        .partners
        .values()
        .flat_map(|partner| partner.destinations.values())
        .map(|destination| connections(destination, &config.delivery))
        .chain(config.events.receivers.values().map(|_| 1))
        .collect();
    let files = descriptors::raise();
    let most = config.delivery.connections.map_or_else(|| descriptors::for_connections(files), |most| most as usize);
    if most < doors.len() {
        tracing::warn!(
            connections = most,
            destinations = doors.len(),
            "not one connection for each destination; raise the limit of open files (LimitNOFILE=, ulimit -n)"
        );
    }
    let network = Arc::new(Network::new(Parts::new(most, doors), &config.delivery)?);
    let open = || {
        let dir = config.media_dir();
        Media::open(&dir, &config.media, &network, metrics).map_err(|why| {
            let dir = dir.display();
            DoorError::Setting(format!("files of media cannot be kept in {dir}: {why}; set dir in [media]"))
        })
    };
    let media = match media {
        Some(media) => Some(media),
        None => config.takes_media().then(open).transpose()?,
    };
    Ok(Shared { network, gzip: Arc::default(), metrics: Arc::clone(metrics), media })
}

/// What a destination can use: one for each request, and one for a withdrawal, which waits for none of them.
fn connections(destination: &Destination, defaults: &Delivery) -> usize {
    usize::from(destination.concurrency.unwrap_or(defaults.concurrency)).max(1) + 1
}

/// Why a door cannot be built from its configuration.
#[derive(Debug, thiserror::Error)]
pub enum DoorError {
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error("{0}")]
    Setting(String),
}

/// How long the parts of a request may take.
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
    /// Those of `door`, and the configuration's where it has none of its own.
    pub fn of(door: Door<'_>, defaults: &Delivery) -> Self {
        let (connect, write, answer) = match door {
            Door::Http(push) => (push.connect_timeout, push.write_timeout, push.answer_timeout),
            Door::WordPress(site) => (site.connect_timeout, site.write_timeout, site.answer_timeout),
            Door::Directory(directory) => (None, directory.write_timeout, None),
            Door::Sftp(sftp) => (sftp.connect_timeout, sftp.write_timeout, sftp.answer_timeout),
            Door::WebDav(webdav) => (webdav.connect_timeout, webdav.write_timeout, webdav.answer_timeout),
            Door::S3(s3) => (s3.connect_timeout, s3.write_timeout, s3.answer_timeout),
            Door::Ftp(ftp) => (ftp.connect_timeout, ftp.write_timeout, ftp.answer_timeout),
            Door::Mail(mail) => (mail.connect_timeout, mail.write_timeout, mail.answer_timeout),
            Door::Amqp(push) => (push.connect_timeout, push.write_timeout, push.answer_timeout),
        };
        Self {
            connect: connect.unwrap_or(defaults.connect_timeout).get(),
            write: write.unwrap_or(defaults.write_timeout).get(),
            answer: answer.unwrap_or(defaults.answer_timeout).get(),
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
            .filter_map(|destination| destination.door())
            .map(|door| Self::of(door, &config.delivery).in_network())
            .max()
            .unwrap_or_default()
    }
}
