//! TLS of a listener: who the daemon is to those who come. Its certificate is read again after it was renewed.

use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::config::{ClientCertificate, SecretRef};
use crate::fresh::Fresh;

/// The certificate that a listener shows, and its key.
pub struct Shown(Fresh<TlsAcceptor>);

impl Shown {
    /// Reads the certificate and the key.
    ///
    /// # Errors
    /// In a sentence: one of them cannot be used, or they do not belong together.
    pub fn new(own: &ClientCertificate) -> Result<Self, String> {
        let files = [SecretRef::File(own.file.clone()), own.key.clone()];
        let own = own.clone();
        Fresh::new(&files, move || acceptor(&own)).map(Self)
    }

    /// The handshake, which has to be over `within` that time.
    ///
    /// # Errors
    /// In a few words.
    pub async fn agree(&self, stream: TcpStream, within: Duration) -> Result<TlsStream<TcpStream>, String> {
        let acceptor = self.0.current().await;
        match timeout(within, acceptor.accept(stream)).await {
            Ok(agreed) => agreed.map_err(|why| why.to_string()),
            Err(_) => Err(format!("no TLS within {within:?}")),
        }
    }
}

fn acceptor(own: &ClientCertificate) -> Result<TlsAcceptor, String> {
    let key = own.key.resolve().map_err(|why| why.to_string())?;
    let (chain, key) = own.credentials(&key)?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|why| why.to_string())?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|why| why.to_string())?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
