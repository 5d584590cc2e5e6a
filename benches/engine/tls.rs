//! TLS 1.3 between the sink and those who connect to it: a certificate of an authority of the benchmark's own.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::version::TLS13;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;

use crate::sink::ADDRESSES;
use crate::support::Outcome;

/// The authority's certificate, in a directory that [`certify`] has filled.
pub const CA: &str = "ca.pem";
const CERTIFICATE: &str = "server.pem";
const KEY: &str = "server.key";

/// An authority, and a certificate for the sink's addresses, as files in `dir`.
pub fn certify(dir: &Path) -> Outcome<()> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    let mut params = CertificateParams::default();
    params.subject_alt_names =
        (1..=ADDRESSES).map(|number| SanType::IpAddress(IpAddr::V4(Ipv4Addr::new(127, 0, 0, number)))).collect();
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, &ca)?;
    std::fs::write(dir.join(CA), ca.pem())?;
    std::fs::write(dir.join(CERTIFICATE), certificate.pem())?;
    std::fs::write(dir.join(KEY), key.serialize_pem())?;
    Ok(())
}

pub fn acceptor(dir: &Path) -> Outcome<TlsAcceptor> {
    let certificates = CertificateDer::pem_file_iter(dir.join(CERTIFICATE))?.collect::<Result<_, _>>()?;
    let key = PrivateKeyDer::from_pem_file(dir.join(KEY))?;
    let config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])?
        .with_no_client_auth()
        .with_single_cert(certificates, key)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

pub fn client(ca_file: &Path) -> Outcome<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(ca_file)? {
        roots.add(certificate?)?;
    }
    let config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}
