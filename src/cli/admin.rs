//! The admin port of the daemon of a configuration, asked by a verb on the same machine.
//!
//! The address, and in TLS the certificate, are the configuration's: what answers has to show the very certificate that is
//! named there, since the port is asked by an address that no certificate has. A token goes along only where an operator
//! gives one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{StatusCode, header};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::config::{self, Secret};

type Trouble = Box<dyn std::error::Error + Send + Sync>;

/// The port, and how it is asked.
pub struct Admin {
    address: SocketAddr,
    /// The file with the certificate that it shows.
    certificate: Option<PathBuf>,
    token: Option<Secret>,
}

/// An answer, whatever its status.
pub struct Answer {
    pub status: StatusCode,
    pub body: Bytes,
}

/// Nothing answers, or nothing that is the daemon.
#[derive(Debug, thiserror::Error)]
pub enum Silent {
    #[error("the admin port {address} does not answer: {why}")]
    No { address: SocketAddr, why: Trouble },
    #[error("the admin port {address} does not answer within {patience:?}")]
    Late { address: SocketAddr, patience: Duration },
}

impl Admin {
    /// The port of a configuration, with an operator's token where it asks for one.
    pub fn new(admin: &config::Admin, token: Option<Secret>) -> Self {
        let certificate = admin.tls.as_ref().map(|tls| tls.file.clone());
        Self { address: reached_at(admin.listen.get()), certificate, token }
    }

    /// Asks for a path.
    ///
    /// # Errors
    /// [`Silent`] where there is no answer within `patience`.
    pub async fn get(&self, path: &str, patience: Duration) -> Result<Answer, Silent> {
        match tokio::time::timeout(patience, self.asked(path)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(why)) => Err(Silent::No { address: self.address, why }),
            Err(_) => Err(Silent::Late { address: self.address, patience }),
        }
    }

    async fn asked(&self, path: &str) -> Result<Answer, Trouble> {
        let mut request = http::Request::get(path).header(header::HOST, "localhost");
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", token.expose()));
        }
        let request = request.body(Empty::new())?;
        #[allow(clippy::disallowed_methods, reason = "it is the daemon's own port")]
        let stream = TcpStream::connect(self.address).await?;
        match &self.certificate {
            None => exchange(stream, request).await,
            Some(file) => {
                let tls = TlsConnector::from(Arc::new(trusting(file)?));
                let name = ServerName::IpAddress(self.address.ip().into());
                exchange(tls.connect(name, stream).await?, request).await
            }
        }
    }
}

/// Where a port that listens there is found on this machine.
fn reached_at(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: http::Request<Empty<Bytes>>,
) -> Result<Answer, Trouble> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let exchange = async {
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        Ok(Answer { status, body })
    };
    tokio::pin!(exchange, connection);
    tokio::select! {
        biased;
        answer = &mut exchange => answer,
        // What it had received before its end still counts.
        _ = &mut connection => exchange.await,
    }
}

/// For a server with the first certificate of a file, and for no other.
fn trusting(file: &Path) -> Result<ClientConfig, Trouble> {
    let certificate = CertificateDer::from_pem_file(file)?;
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Arc::new(Same { certificate, ring: Arc::clone(&ring) });
    let builder = ClientConfig::builder_with_provider(ring).with_safe_default_protocol_versions()?;
    Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

/// Takes one certificate, byte for byte: there is no chain or name to be wrong about.
#[derive(Debug)]
struct Same {
    certificate: CertificateDer<'static>,
    ring: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Same {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if *end_entity == self.certificate {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.ring.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.ring.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.ring.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_listens_everywhere_is_asked_here() {
        for (listen, reached) in
            [("0.0.0.0:8471", "127.0.0.1:8471"), ("[::]:8471", "[::1]:8471"), ("192.0.2.7:1", "192.0.2.7:1")]
        {
            assert_eq!(reached_at(listen.parse().unwrap()), reached.parse().unwrap());
        }
    }
}
