//! What a door asks of TLS besides a certificate that is good.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

use super::{Secret, SecretRef};

/// Who the daemon is in TLS: to a server that asks for a certificate (mutual TLS), or to those who come to its ports.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClientCertificate {
    /// A file of PEM certificates: the daemon's own, then those between it and its authority.
    pub file: PathBuf,
    /// Its private key, in PEM.
    pub key: SecretRef,
}

/// A certificate and its chain, and the key.
pub type Credentials = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

impl ClientCertificate {
    /// The certificate and its chain.
    ///
    /// # Errors
    /// When the file holds none.
    pub fn chain(&self) -> Result<Vec<CertificateDer<'static>>, String> {
        let (file, mend) = (self.file.display(), "write the path of a file of PEM certificates");
        let text = std::fs::read(&self.file).map_err(|why| format!("cannot read {file}: {why}; {mend}"))?;
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
        let chain = chain.map_err(|why| format!("{file} is not PEM ({why}); {mend}"))?;
        if chain.is_empty() { Err(format!("{file} holds no certificate; {mend}")) } else { Ok(chain) }
    }

    /// What TLS is given; `key` is the value of [`Self::key`].
    ///
    /// # Errors
    /// When one of the two cannot be used, or they do not belong together. The key is not repeated.
    pub fn credentials(&self, key: &Secret) -> Result<Credentials, String> {
        let chain = self.chain()?;
        let key = PrivateKeyDer::from_pem_slice(key.expose().as_bytes())
            .map_err(|_| "the key's text is no private key in PEM; it begins with -----BEGIN PRIVATE KEY-----")?;
        let ring = Arc::new(rustls::crypto::ring::default_provider());
        CertifiedKey::from_der(chain.clone(), key.clone_key(), &ring)
            .map_err(|why| format!("certificate and key do not go together ({why}); write those that do"))?;
        Ok((chain, key))
    }
}

/// A public key that a server may have: the SHA-256 of its `SubjectPublicKeyInfo`, as in RFC 7469 §2.4.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Pin([u8; 32]);

impl Pin {
    pub fn new(digest: [u8; 32]) -> Self {
        Self(digest)
    }
}

impl FromStr for Pin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.strip_prefix("sha256/")
            .and_then(|digest| BASE64.decode(digest).ok())
            .and_then(|digest| digest.try_into().ok())
            .map(Self)
            .ok_or_else(|| {
                format!("{text:?} is no pin; write \"sha256/\" and the SHA-256 of the server's public key in base64")
            })
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256/{}", BASE64.encode(self.0))
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<'de> Deserialize<'de> for Pin {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Pin {
    fn schema_name() -> Cow<'static, str> {
        "Pin".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^sha256/[A-Za-z0-9+/]{43}=$",
            "description": "\"sha256/\" and the SHA-256 of a public key (SubjectPublicKeyInfo) in base64",
        })
    }
}
