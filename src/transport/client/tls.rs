//! Whom a TLS connection trusts, and what it offers.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustls::client::Resumption;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use crate::transport::DoorError;

/// Tickets that rustls keeps for a server.
const TICKETS: usize = 8;

/// Hosts whose sessions are kept for resumption: as many as a large fleet has. The table takes about a megabyte.
const HOSTS: usize = 4_096;

/// A configuration that trusts `ca_file`, or the system's certificates. HTTP/2 is offered where `http2` says so.
pub fn config(ca_file: Option<&Path>, http2: bool) -> Result<Arc<ClientConfig>, DoorError> {
    match ca_file {
        Some(file) => trusting(file).map(|config| Arc::new(offering(config, http2))),
        None => platform(http2),
    }
}

/// RFC 7301, by the names of RFC 9113 §3.2 and RFC 7301 §6.
fn offering(mut config: ClientConfig, http2: bool) -> ClientConfig {
    config.alpn_protocols = if http2 { vec![b"h2".to_vec(), b"http/1.1".to_vec()] } else { Vec::new() };
    config
}

fn client(roots: RootCertStore, hosts: usize) -> Result<ClientConfig, DoorError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|why| DoorError::Setting(format!("TLS cannot be set up: {why}")))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.resumption = Resumption::in_memory_sessions(hosts * TICKETS);
    Ok(config)
}

/// The system's certificates, read once and shared by all destinations, with their sessions.
fn platform(http2: bool) -> Result<Arc<ClientConfig>, DoorError> {
    /// Without HTTP/2, and with it.
    static SHARED: OnceLock<[Arc<ClientConfig>; 2]> = OnceLock::new();
    if let Some(configs) = SHARED.get() {
        return Ok(Arc::clone(&configs[usize::from(http2)]));
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
    let config = client(roots, HOSTS)?;
    let both = [Arc::new(offering(config.clone(), false)), Arc::new(offering(config, true))];
    Ok(Arc::clone(&SHARED.get_or_init(|| both)[usize::from(http2)]))
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
    client(roots, 1)
}
