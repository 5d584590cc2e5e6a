//! `newswired health`: whether the daemon of this configuration is well, for a container's health check.
//!
//! It asks the admin port and sends nothing that is secret. In TLS, what answers has to show the very certificate that the
//! configuration names, since the port is asked by an address that no certificate has.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use clap::Args;
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

use super::{ConfigFile, Failure};

#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 it is well; 1 it is not, or does not answer; 64 usage; 78 configuration")]
pub struct Health {
    /// Ask only whether it answers, not whether it can take and send articles
    #[arg(long)]
    alive: bool,
    #[command(flatten)]
    config: ConfigFile,
}

/// How long an answer may take. Docker's own patience is 30 s.
const PATIENCE: Duration = Duration::from_secs(5);

type Trouble = Box<dyn std::error::Error + Send + Sync>;

impl Health {
    pub async fn run(self) -> Result<(), Failure> {
        let admin = self.config.load_to_look()?.admin;
        let address = reached_at(admin.listen.get());
        let path = if self.alive { "/healthz" } else { "/readyz" };
        let asked = async {
            #[allow(clippy::disallowed_methods, reason = "it is the daemon's own port")]
            let stream = TcpStream::connect(address).await?;
            match &admin.tls {
                None => ask(stream, path).await,
                Some(tls) => {
                    let tls = TlsConnector::from(Arc::new(trusting(&tls.file)?));
                    ask(tls.connect(ServerName::IpAddress(address.ip().into()), stream).await?, path).await
                }
            }
        };
        let answer = tokio::time::timeout(PATIENCE, asked).await;
        match answer {
            Ok(Ok((status, answer))) if status.is_success() => {
                print!("{answer}");
                Ok(())
            }
            Ok(Ok((status, answer))) => Err(Failure::No(format!("{status}: {}", answer.trim_end()))),
            Ok(Err(why)) => Err(Failure::No(format!("the admin port {address} does not answer: {why}"))),
            Err(_) => Err(Failure::No(format!("the admin port {address} does not answer within {PATIENCE:?}"))),
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

async fn ask(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    path: &str,
) -> Result<(http::StatusCode, String), Trouble> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let request = http::Request::get(path).header("host", "localhost").body(Empty::<Bytes>::new())?;
    let exchange = async {
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        Ok((status, String::from_utf8_lossy(&body).into_owned()))
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
