//! Whom a TLS connection trusts, what it shows, and what it offers.
//!
//! A server's certificate is always checked: its chain, its time and its name. There is no switch for that. A pin comes
//! on top; it is of the server's own key, since whoever has any good certificate could send along the pinned one of an
//! authority.

use std::io;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, Error, OtherError, RootCertStore,
    SignatureScheme,
};
use sha2::{Digest, Sha256};
use tokio_rustls::TlsConnector;

use crate::config::{ClientCertificate, Pin, SecretRef};
use crate::fresh::Fresh;
use crate::transport::DoorError;

/// Tickets that rustls keeps for a server.
const TICKETS: usize = 8;

/// Hosts whose sessions are kept for resumption: as many as a large fleet has. The table takes about a megabyte.
const HOSTS: usize = 4_096;

/// What a destination says of TLS.
#[derive(Debug, Clone, Copy, Default)]
pub struct Trust<'a> {
    /// Certificates to trust instead of the system's.
    pub ca_file: Option<&'a Path>,
    pub client_certificate: Option<&'a ClientCertificate>,
    /// The keys that the server may have; none named: any.
    pub pin: &'a [Pin],
}

/// The configuration for a destination. Those that say nothing of their own share one, with its sessions. HTTP/2 is
/// offered where `http2` says so.
pub fn config(trust: Trust<'_>, http2: bool) -> Result<Arc<ClientConfig>, DoorError> {
    match trust {
        Trust { ca_file: None, client_certificate: None, pin: [] } => shared(http2),
        Trust { client_certificate, .. } => {
            client(trusting(trust)?, client_certificate, 1).map(|config| Arc::new(offering(config, http2)))
        }
    }
}

/// How a door agrees on TLS.
pub enum Agreement {
    /// As all do that say nothing of their own, or nothing that stands in files.
    Fixed(Arc<ClientConfig>),
    /// By files, which are read again when one of them was replaced.
    Renewed(Fresh<Arc<ClientConfig>>),
}

impl Agreement {
    /// As [`config()`], for as long as there is the door.
    ///
    /// # Errors
    /// When a file cannot be used, or there are no certificates to trust.
    pub fn of(trust: Trust<'_>, http2: bool) -> Result<Self, DoorError> {
        let shown = trust.client_certificate;
        let files: Vec<SecretRef> = trust
            .ca_file
            .into_iter()
            .chain(shown.map(|shown| shown.file.as_path()))
            .map(|file| SecretRef::File(file.to_owned()))
            .chain(shown.map(|shown| shown.key.clone()))
            .collect();
        if files.is_empty() {
            return config(trust, http2).map(Self::Fixed);
        }
        let (ca_file, shown, pin) = (trust.ca_file.map(Path::to_owned), shown.cloned(), trust.pin.to_vec());
        let make = move || {
            let trust = Trust { ca_file: ca_file.as_deref(), client_certificate: shown.as_ref(), pin: &pin };
            config(trust, http2)
        };
        Fresh::new(&files, make).map(Self::Renewed)
    }

    /// For a connection that is made now.
    pub async fn config(&self) -> Arc<ClientConfig> {
        match self {
            Self::Fixed(config) => Arc::clone(config),
            Self::Renewed(fresh) => Arc::clone(&*fresh.current().await),
        }
    }
}

/// For whoever speaks HTTP/1.1 to one server, trusting the certificates of a file, or else the system's.
///
/// # Errors
/// When there are no certificates to trust.
pub fn connector(ca_file: Option<&Path>) -> Result<TlsConnector, DoorError> {
    config(Trust { ca_file, ..Trust::default() }, false).map(TlsConnector::from)
}

/// A configuration by which what a server shows can be seen, trusted or not.
pub struct Watched {
    pub config: Arc<ClientConfig>,
    /// The server's own certificate, once it has shown one.
    pub shown: Arc<OnceLock<CertificateDer<'static>>>,
}

/// As [`config()`], for one connection.
pub fn watched(trust: Trust<'_>, http2: bool) -> Result<Watched, DoorError> {
    let shown = Arc::default();
    let verifier = Arc::new(Watch { by: trusting(trust)?, shown: Arc::clone(&shown) });
    let config = client(verifier, trust.client_certificate, 1)?;
    Ok(Watched { config: Arc::new(offering(config, http2)), shown })
}

/// Who checks a server for a destination.
fn trusting(trust: Trust<'_>) -> Result<Arc<dyn ServerCertVerifier>, DoorError> {
    let chain = match trust.ca_file {
        Some(file) => verifier(authorities(file)?)?,
        None => system()?,
    };
    Ok(if trust.pin.is_empty() { chain } else { Arc::new(Pinned { chain, pin: trust.pin.into() }) })
}

/// RFC 7301, by the names of RFC 9113 §3.2 and RFC 7301 §6.
fn offering(mut config: ClientConfig, http2: bool) -> ClientConfig {
    config.alpn_protocols = if http2 { vec![b"h2".to_vec(), b"http/1.1".to_vec()] } else { Vec::new() };
    config
}

fn ring() -> Arc<CryptoProvider> {
    static RING: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    Arc::clone(RING.get_or_init(|| Arc::new(rustls::crypto::ring::default_provider())))
}

fn verifier(roots: RootCertStore) -> Result<Arc<WebPkiServerVerifier>, DoorError> {
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), ring()).build().map_err(|why| unusable(&why))
}

fn unusable(why: &dyn std::fmt::Display) -> DoorError {
    DoorError::Setting(format!("TLS cannot be set up: {why}"))
}

/// `verifier` is rustls' own, or one that asks it first: that is why this is not as dangerous as it is called.
fn client(
    verifier: Arc<dyn ServerCertVerifier>,
    shown: Option<&ClientCertificate>,
    hosts: usize,
) -> Result<ClientConfig, DoorError> {
    let builder = ClientConfig::builder_with_provider(ring())
        .with_safe_default_protocol_versions()
        .map_err(|why| unusable(&why))?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = match shown {
        Some(shown) => {
            let (chain, key) = shown.credentials(&shown.key.resolve()?).map_err(DoorError::Setting)?;
            builder.with_client_auth_cert(chain, key).map_err(|why| unusable(&why))?
        }
        None => builder.with_no_client_auth(),
    };
    config.resumption = Resumption::in_memory_sessions(hosts * TICKETS);
    Ok(config)
}

/// The configuration of all destinations that say nothing of their own.
fn shared(http2: bool) -> Result<Arc<ClientConfig>, DoorError> {
    /// Without HTTP/2, and with it.
    static SHARED: OnceLock<[Arc<ClientConfig>; 2]> = OnceLock::new();
    if let Some(configs) = SHARED.get() {
        return Ok(Arc::clone(&configs[usize::from(http2)]));
    }
    let config = client(system()?, None, HOSTS)?;
    let both = [Arc::new(offering(config.clone(), false)), Arc::new(offering(config, true))];
    Ok(Arc::clone(&SHARED.get_or_init(|| both)[usize::from(http2)]))
}

/// By the system's certificates, which are read once.
fn system() -> Result<Arc<WebPkiServerVerifier>, DoorError> {
    static SYSTEM: OnceLock<Arc<WebPkiServerVerifier>> = OnceLock::new();
    if let Some(verifier) = SYSTEM.get() {
        return Ok(Arc::clone(verifier));
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
    let verifier = verifier(roots)?;
    Ok(Arc::clone(SYSTEM.get_or_init(|| verifier)))
}

fn authorities(file: &Path) -> Result<RootCertStore, DoorError> {
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
    Ok(roots)
}

/// Checks the chain, and then that the key is one of those that are pinned.
#[derive(Debug)]
struct Pinned {
    chain: Arc<WebPkiServerVerifier>,
    pin: Box<[Pin]>,
}

/// The server's key is none of those that are pinned.
#[derive(Debug, thiserror::Error)]
#[error("its public key is {0}")]
struct WrongKey(Pin);

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let good = self.chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)?;
        let key = ParsedCertificate::try_from(end_entity)?.subject_public_key_info();
        let pin = Pin::new(Sha256::digest(key.as_ref()).into());
        if self.pin.contains(&pin) {
            return Ok(good);
        }
        Err(Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(WrongKey(pin))))))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}

/// Keeps what a server shows, and leaves the judgement to another.
#[derive(Debug)]
struct Watch {
    by: Arc<dyn ServerCertVerifier>,
    shown: Arc<OnceLock<CertificateDer<'static>>>,
}

impl ServerCertVerifier for Watch {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        // There is one connection, and it shows one certificate.
        let _ = self.shown.set(end_entity.clone().into_owned());
        self.by.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.by.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.by.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.by.supported_verify_schemes()
    }
}

fn of_tls(why: &io::Error) -> Option<&Error> {
    why.get_ref()?.downcast_ref()
}

/// Whether this is the other side's word that it does not know who we are.
pub fn refuses_us(why: &io::Error) -> bool {
    matches!(of_tls(why), Some(Error::AlertReceived(alert)) if is_about_us(*alert))
}

/// Why there is no TLS, for an operator; the library's words where they say it well enough.
pub fn told(why: &io::Error) -> String {
    match trouble(why) {
        (what, Some(mend)) => format!("{what}; {mend}"),
        (what, None) => what,
    }
}

/// The same in two parts: what is wrong, and what to do about it.
pub fn trouble(why: &io::Error) -> (String, Option<&'static str>) {
    let Some(error) = of_tls(why) else { return (why.to_string(), None) };
    let at = |time: &UnixTime| {
        let at = i64::try_from(time.as_secs()).ok().and_then(|at| Timestamp::from_second(at).ok());
        at.map_or_else(|| "long ago".to_owned(), |at| format!("at {at}"))
    };
    match error {
        Error::InvalidCertificate(CertificateError::UnknownIssuer) => (
            "its certificate is of no authority that is trusted here".to_owned(),
            Some("if it has one of its own, give the destination its ca_file"),
        ),
        Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. }) => {
            (format!("its certificate ended {}", at(not_after)), Some("the partner has to renew it"))
        }
        Error::InvalidCertificate(CertificateError::NotValidYetContext { not_before, .. }) => (
            format!("its certificate begins {}", at(not_before)),
            Some("see whether this machine's clock is right; if it is, the partner has to replace the certificate"),
        ),
        Error::InvalidCertificate(CertificateError::NotValidForNameContext { expected, presented }) => {
            // `DnsName("a.example")`, in the library's words.
            let bare = |name: &String| name.split('"').nth(1).unwrap_or(name).to_owned();
            let names = presented.iter().map(bare).collect::<Vec<_>>().join(", ");
            (
                format!("its certificate is for {names}, and not for {}", expected.to_str()),
                Some("check the host's name with the partner, who has to have a certificate for it"),
            )
        }
        Error::InvalidCertificate(CertificateError::Other(other)) => match other.0.downcast_ref::<WrongKey>() {
            Some(wrong) => {
                (format!("{wrong}, which is not in pin"), Some("ask the partner, and add it if the key is theirs"))
            }
            None => (error.to_string(), None),
        },
        Error::InvalidMessage(_) => (
            "what it answers is not TLS".to_owned(),
            Some("check the port with the partner: another protocol is spoken there, perhaps HTTP without TLS"),
        ),
        Error::AlertReceived(alert) if is_about_us(*alert) => (
            format!("it does not take our certificate ({alert:?})"),
            Some("check client_certificate of the destination"),
        ),
        error => (error.to_string(), None),
    }
}

/// RFC 8446 §6.2.
fn is_about_us(alert: AlertDescription) -> bool {
    use AlertDescription as A;
    matches!(
        alert,
        A::BadCertificate
            | A::UnsupportedCertificate
            | A::CertificateRevoked
            | A::CertificateExpired
            | A::CertificateUnknown
            | A::UnknownCA
            | A::AccessDenied
            | A::CertificateRequired
    )
}
