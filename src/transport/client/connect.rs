//! A connection to one endpoint: resolve, connect, agree on TLS and on the version of HTTP.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;

use super::connection::{self, Connection};
use super::pool::{Place, Pool};
use super::{Address, Network, Settings, race, tls};
use crate::transport::DoorError;

/// Opens connections to one endpoint.
pub struct Connector {
    host: Host,
    port: u16,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    network: Arc<Network>,
    patience: Duration,
    max_age: Duration,
}

enum Host {
    /// A literal address, which no resolver is asked for.
    Address([IpAddr; 1]),
    Name(String),
}

impl Connector {
    pub fn new(address: &Address, settings: &Settings<'_>) -> Result<Self, DoorError> {
        let tls = if address.tls {
            let name = ServerName::try_from(address.host.clone())
                .map_err(|why| DoorError::Setting(format!("{} is not a host's name: {why}", address.host)))?;
            Some((TlsConnector::from(tls::config(settings.ca_file, settings.http2)?), name))
        } else {
            None
        };
        let host = match address.host.parse() {
            Ok(literal) => Host::Address([literal]),
            Err(_) => Host::Name(address.host.clone()),
        };
        Ok(Self {
            host,
            port: address.port,
            tls,
            network: Arc::clone(settings.network),
            patience: settings.timeouts.connect,
            max_age: settings.max_age,
        })
    }

    /// # Errors
    /// In a sentence: nothing was sent yet, so the caller needs no more than that.
    pub async fn connect(&self, place: Place, pool: &Arc<Pool>) -> Result<Connection, String> {
        let stream = self.network.turns.take(self.reach()).await?;
        // Requests are written whole; waiting to fill a packet only delays them.
        stream.set_nodelay(true).map_err(|why| why.to_string())?;
        // A fleet that connected at once does not do it again at once.
        let expires = Instant::now() + self.max_age.mul_f64(1.0 - fastrand::f64() / 4.0);
        match &self.tls {
            None => connection::http1(stream, place, expires).await,
            Some((connector, name)) => {
                let agreed = self.network.turns.take(connector.connect(name.clone(), stream));
                let stream = agreed.await.map_err(|why| format!("no TLS with {}: {why}", self.name()))?;
                if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                    connection::http2(stream, place, expires, pool).await
                } else {
                    connection::http1(stream, place, expires).await
                }
            }
        }
    }

    async fn reach(&self) -> Result<TcpStream, String> {
        let named;
        let addresses: &[IpAddr] = match &self.host {
            Host::Address(literal) => literal,
            Host::Name(name) => {
                named = self.network.names.addresses(name).await.map_err(|why| why.to_string())?;
                &named
            }
        };
        race::connect(addresses, self.port, self.patience)
            .await
            .map_err(|why| format!("cannot connect to {}: {why}", self.name()))
    }

    fn name(&self) -> String {
        match &self.host {
            Host::Address([literal]) => literal.to_string(),
            Host::Name(name) => name.clone(),
        }
    }
}
