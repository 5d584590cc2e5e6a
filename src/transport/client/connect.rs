//! A connection to one endpoint: resolve, connect, agree on TLS and on the version of HTTP.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rustls::pki_types::ServerName;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;

use super::connection::{self, Connection};
use super::dial::Dialer;
use super::expiry::Expiry;
use super::http1::Stream;
use super::pool::{Place, Pool};
use super::tls::{self, Agreement};
use super::{Address, Settings};
use crate::transport::DoorError;

/// Opens connections to one endpoint.
pub struct Connector {
    dialer: Dialer,
    tls: Option<(Agreement, ServerName<'static>)>,
    max_age: Duration,
    expiry: Option<Arc<Expiry>>,
}

impl Connector {
    pub fn new(address: &Address, settings: &Settings<'_>) -> Result<Self, DoorError> {
        let tls = if address.tls {
            let name = ServerName::try_from(address.host.to_string())
                .map_err(|why| DoorError::Setting(format!("{} is not a host's name: {why}", address.host)))?;
            Some((Agreement::of(settings.trust, settings.http2)?, name))
        } else {
            None
        };
        let Settings { allow_addresses, proxy, network, timeouts, max_age, .. } = *settings;
        let proxy = network.proxy_for(proxy)?;
        let dialer = Dialer::new(&address.host, address.port, allow_addresses, proxy, network, timeouts.connect);
        if let (Some(expiry), Some(shown)) = (settings.expiry, settings.trust.client_certificate)
            && let [first, ..] = shown.chain().map_err(DoorError::Setting)?.as_slice()
        {
            expiry.shows(first, Timestamp::now());
        }
        let expiry = settings.expiry.filter(|_| address.tls).cloned();
        Ok(Self { dialer, tls, max_age, expiry })
    }

    /// Why a literal address is not connected to.
    #[cfg(test)]
    pub fn refusal(&self) -> Option<String> {
        self.dialer.refusal()
    }

    /// # Errors
    /// In a sentence: nothing was sent yet, so the caller needs no more than that.
    pub async fn connect(&self, place: Place, pool: &Arc<Pool>) -> Result<Connection, String> {
        let stream = self.dialer.connect().await?;
        // Requests are written whole; waiting to fill a packet only delays them.
        stream.set_nodelay(true).map_err(|why| why.to_string())?;
        // A fleet that connected at once does not do it again at once.
        let expires = Instant::now() + self.max_age.mul_f64(1.0 - fastrand::f64() / 4.0);
        match &self.tls {
            None => Ok(connection::http1(Stream::Plain(stream), place, expires)),
            Some((agreement, name)) => {
                let connector = TlsConnector::from(agreement.config().await);
                let agreed = self.dialer.network.turns.take(|| connector.connect(name.clone(), stream));
                let stream =
                    agreed.await.map_err(|why| format!("no TLS with {}: {}", self.dialer.name(), tls::told(&why)))?;
                if let (Some(expiry), Some([shown, ..])) = (&self.expiry, stream.get_ref().1.peer_certificates()) {
                    expiry.was_shown(shown, Timestamp::now());
                }
                if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                    // In a place of its own: it takes kilobytes, and a crowd that connects is mostly before this.
                    Box::pin(connection::http2(stream, place, expires, pool)).await
                } else {
                    Ok(connection::http1(Stream::Tls(Box::new(stream)), place, expires))
                }
            }
        }
    }
}
