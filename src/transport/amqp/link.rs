//! The connection to a broker, which a door's channels share.
//!
//! It is made by the door's own dialer and TLS: `lapin` is handed a stream that is ready. When it is lost, or too old, the
//! next channel begins a new one; what is under way on the old one ends there.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_compat::Compat;
use lapin::options::ConfirmSelectOptions;
use lapin::tcp::RustlsConnector;
use lapin::uri::{AMQPAuthority, AMQPScheme, AMQPUri, SASLMechanism};
use lapin::{AsyncTcpStream, Channel, Connection, ConnectionProperties};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use super::{door, told};
use crate::config::{self, Secret, Way};
use crate::fresh::Fresh;
use crate::transport::client::tls::Agreement;
use crate::transport::client::{Dialer, Network, Trust, tls};
use crate::transport::{DoorError, Outcome, Timeouts};

/// The largest frame that is asked for, in bytes. The library keeps 64 of them for each connection, and one is as good as
/// many for a document.
const LARGEST_FRAME: u32 = 32 << 10;

/// A broker, and the connection to it.
pub struct Broker {
    /// Without the password.
    uri: AMQPUri,
    /// As errors name it.
    name: String,
    tls: Option<Agreement>,
    password: Option<Fresh<Secret>>,
    timeouts: Timeouts,
    max_age: Duration,
    dialer: Dialer,
    link: Mutex<Option<Arc<Link>>>,
    /// One connects, and the others wait for what comes of it.
    connecting: Semaphore,
}

struct Link {
    connection: Connection,
    opened: Instant,
}

/// One channel, which confirms.
pub struct Line {
    pub channel: Channel,
    link: Arc<Link>,
}

impl Line {
    /// Whether it is known to have ended.
    pub fn is_over(&self) -> bool {
        !self.channel.status().connected() || !self.link.connection.status().connected()
    }
}

/// The host and the port of a broker, and whether it is spoken to in TLS.
pub fn place(push: &config::AmqpPush) -> Result<(String, u16, bool), DoorError> {
    let uri: AMQPUri = push.url.trim_end_matches('/').parse().map_err(DoorError::Setting)?;
    Ok((uri.authority.host, uri.authority.port, uri.scheme == AMQPScheme::AMQPS))
}

impl Broker {
    pub fn host(&self) -> (&str, u16) {
        (&self.uri.authority.host, self.uri.authority.port)
    }

    /// Reads the secret and the certificates that `push` refers to.
    pub fn new(
        push: &config::AmqpPush,
        timeouts: Timeouts,
        max_age: Duration,
        way: &Way<'_>,
        network: &Arc<Network>,
    ) -> Result<Self, DoorError> {
        // A path of nothing is the virtual host without a name, which nobody means.
        let mut uri: AMQPUri = push.url.trim_end_matches('/').parse().map_err(DoorError::Setting)?;
        uri.query.heartbeat = Some(u16::try_from(push.heartbeat.get().as_secs()).unwrap_or(u16::MAX));
        uri.query.frame_max = Some(LARGEST_FRAME);
        match &push.user {
            Some(user) => uri.authority.userinfo.username.clone_from(user),
            None if push.client_certificate.is_some() => uri.query.auth_mechanism = Some(SASLMechanism::External),
            None => {}
        }
        let tls = match uri.scheme {
            AMQPScheme::AMQPS => {
                let trust = Trust {
                    ca_file: push.ca_file.as_deref(),
                    client_certificate: push.client_certificate.as_deref(),
                    pin: &push.pin,
                };
                Some(Agreement::of(trust, false)?)
            }
            AMQPScheme::AMQP => None,
        };
        let password = match &push.password {
            Some(password) => Some(Fresh::new([password], {
                let password = password.clone();
                move || password.resolve()
            })?),
            None => None,
        };
        let AMQPAuthority { host, port, .. } = &uri.authority;
        let dialer = Dialer::of(host, *port, way, timeouts.connect, network)?;
        Ok(Self {
            name: format!("{}:{}", uri.authority.host, uri.authority.port),
            uri,
            tls,
            password,
            timeouts,
            max_age,
            dialer,
            link: Mutex::default(),
            connecting: Semaphore::new(1),
        })
    }

    /// A new channel, within the time to connect. Nothing of a message has left when it fails.
    pub async fn line(&self) -> Result<Line, Outcome> {
        let patience = self.timeouts.connect;
        timeout(patience, self.open())
            .await
            .unwrap_or_else(|_| Err(door(format!("{} did not let us in within {patience:?}", self.name))))
    }

    async fn open(&self) -> Result<Line, Outcome> {
        let link = self.link().await?;
        let no = |why: lapin::Error| door(format!("{} opens no channel: {}", self.name, told(&why)));
        let channel = link.connection.create_channel().await.map_err(no)?;
        channel.confirm_select(ConfirmSelectOptions::default()).await.map_err(no)?;
        Ok(Line { channel, link })
    }

    /// The connection, a new one where there is none that can be used.
    async fn link(&self) -> Result<Arc<Link>, Outcome> {
        if let Some(link) = self.usable() {
            return Ok(link);
        }
        // It is never closed.
        let _turn = self.connecting.acquire().await.map_err(|why| door(why.to_string()))?;
        if let Some(link) = self.usable() {
            return Ok(link);
        }
        let link = Arc::new(Link { connection: self.connect().await?, opened: Instant::now() });
        *self.locked() = Some(Arc::clone(&link));
        Ok(link)
    }

    fn usable(&self) -> Option<Arc<Link>> {
        let is_usable =
            |link: &&Arc<Link>| link.connection.status().connected() && link.opened.elapsed() < self.max_age;
        self.locked().as_ref().filter(is_usable).cloned()
    }

    fn locked(&self) -> MutexGuard<'_, Option<Arc<Link>>> {
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn connect(&self) -> Result<Connection, Outcome> {
        let stream = self.dialer.connect().await.map_err(door)?;
        stream.set_nodelay(true).map_err(|why| door(why.to_string()))?;
        let mut stream = AsyncTcpStream::Plain(Compat::new(stream));
        if let Some(agreement) = &self.tls {
            let connector = RustlsConnector::from(agreement.config().await);
            let host = self.uri.authority.host.trim_matches(['[', ']']);
            let agreed = self.dialer.network.turns.take(|| stream.into_rustls(&connector, host)).await;
            stream = agreed.map_err(|why| door(format!("no TLS with {host}: {}", tls::told(&why))))?;
        }
        let mut uri = self.uri.clone();
        if let Some(password) = &self.password {
            uri.authority.userinfo.password = password.current().await.expose().to_owned();
        }
        let ready = Mutex::new(Some(stream));
        let once = async move |_, _| {
            let stream = ready.lock().unwrap_or_else(PoisonError::into_inner).take();
            stream.ok_or_else(|| io::Error::other("the connection is lost").into())
        };
        let runtime = async_rs::Runtime::tokio_current();
        let properties = ConnectionProperties::default().with_connection_name("newswired".into());
        let user = &self.uri.authority.userinfo.username;
        Connection::connector(uri, runtime, once, properties).await.map_err(|why| {
            if why.is_amqp_error() {
                door(format!("{} does not let {user:?} in: {}; check user, password and url", self.name, told(&why)))
            } else {
                door(format!("no AMQP with {}: {}", self.name, told(&why)))
            }
        })
    }
}
