//! A connection to one endpoint: resolve, connect, agree on TLS.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::{Address, Paced};
use crate::transport::DoorError;

/// Opens connections to one endpoint.
pub struct Connector {
    host: String,
    port: u16,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl Connector {
    pub fn new(address: &Address, ca_file: Option<&Path>) -> Result<Self, DoorError> {
        let tls = if address.tls {
            let name = ServerName::try_from(address.host.clone())
                .map_err(|why| DoorError::Setting(format!("{} is not a host's name: {why}", address.host)))?;
            let config = match ca_file {
                Some(file) => Arc::new(trusting(file)?),
                None => platform()?,
            };
            Some((TlsConnector::from(config), name))
        } else {
            None
        };
        Ok(Self { host: address.host.clone(), port: address.port, tls })
    }

    /// # Errors
    /// In a sentence: nothing was sent yet, so the caller needs no more than that.
    pub async fn connect(&self) -> Result<SendRequest<Paced>, String> {
        let stream = TcpStream::connect((self.host.as_str(), self.port))
            .await
            .map_err(|why| format!("cannot connect to {}:{}: {why}", self.host, self.port))?;
        // Requests are written whole; waiting to fill a packet only delays them.
        stream.set_nodelay(true).map_err(|why| why.to_string())?;
        match &self.tls {
            None => start(TokioIo::new(stream)).await,
            Some((connector, name)) => {
                let stream = connector
                    .connect(name.clone(), stream)
                    .await
                    .map_err(|why| format!("no TLS with {}: {why}", self.host))?;
                start(TokioIo::new(stream)).await
            }
        }
    }
}

async fn start<T>(io: T) -> Result<SendRequest<Paced>, String>
where
    T: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let (sender, connection) = http1::handshake(io).await.map_err(|why| why.to_string())?;
    // The task is owned by its sender: it ends when the door drops that. What goes wrong with the connection is told by
    // the request that was on it.
    tokio::spawn(async move {
        let _ = connection.await;
    });
    Ok(sender)
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn client(roots: RootCertStore) -> Result<ClientConfig, DoorError> {
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|why| DoorError::Setting(format!("TLS cannot be set up: {why}")))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

/// The system's certificates, read once and shared by all destinations.
fn platform() -> Result<Arc<ClientConfig>, DoorError> {
    static SHARED: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    if let Some(config) = SHARED.get() {
        return Ok(Arc::clone(config));
    }
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        return Err(DoorError::Setting(
            "this system has no certificates to trust; install the package ca-certificates, set SSL_CERT_FILE, or give the destination a ca_file"
                .to_owned(),
        ));
    }
    let config = Arc::new(client(roots)?);
    Ok(Arc::clone(SHARED.get_or_init(|| config)))
}

fn trusting(file: &Path) -> Result<ClientConfig, DoorError> {
    let unreadable = |why: &dyn std::fmt::Display| {
        DoorError::Setting(format!("ca_file {} is not a file of PEM certificates: {why}", file.display()))
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file).map_err(|why| unreadable(&why))? {
        roots.add(certificate.map_err(|why| unreadable(&why))?).map_err(|why| unreadable(&why))?;
    }
    if roots.is_empty() {
        return Err(unreadable(&"it holds none"));
    }
    client(roots)
}
