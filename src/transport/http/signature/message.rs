//! HTTP Message Signatures (RFC 9421): a signature over a text made of the request's parts (the signature base, §2.5). The
//! body is in it by its digest.

use std::borrow::Cow;
use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use ed25519_dalek::SigningKey;
use ed25519_dalek::ed25519::signature::Signer;
use hmac::{Hmac, KeyInit, Mac};
use http::HeaderName;
use sha2::Sha256;

use super::Signed;
use crate::config::{Component, Derived, Key, MessageAlgorithm, MessageParameter, MessageSignature};
use crate::telemetry::{TRACEPARENT, TRACESTATE};
use crate::transport::DoorError;
use crate::transport::client::Fields;

/// Signs requests' parts.
pub struct MessageSigner {
    key: MessageKey,
    label: String,
    components: Vec<Component>,
    /// The components as a signature's parameters list them: `("@method" "content-digest")`.
    list: String,
    parameters: Vec<Parameter>,
}

enum MessageKey {
    HmacSha256(Box<Hmac<Sha256>>),
    Ed25519(Box<SigningKey>),
}

enum Parameter {
    Created,
    /// The same for every request: `keyid="…"`.
    Fixed(String),
}

impl MessageSigner {
    /// # Errors
    /// When the key is not one of the algorithm's.
    pub fn new(how: &MessageSignature, key: Key) -> Result<Self, DoorError> {
        let wrong = |why: &dyn std::fmt::Display| DoorError::Setting(why.to_string());
        let key = match (how.algorithm, key) {
            (MessageAlgorithm::HmacSha256, Key::Shared(key)) => {
                MessageKey::HmacSha256(Hmac::new_from_slice(&key).map(Box::new).map_err(|why| wrong(&why))?)
            }
            (MessageAlgorithm::Ed25519, Key::Ed25519(key)) => MessageKey::Ed25519(key),
            (MessageAlgorithm::HmacSha256, Key::Ed25519(_)) | (MessageAlgorithm::Ed25519, Key::Shared(_)) => {
                return Err(wrong(&"the key of message_signature is not one of its algorithm's"));
            }
        };
        let parameters = how.parameters.iter().map(|parameter| match parameter {
            MessageParameter::Created => Parameter::Created,
            MessageParameter::Keyid => Parameter::Fixed(format!(";keyid={}", string(&how.keyid))),
            MessageParameter::Alg => Parameter::Fixed(format!(";alg=\"{}\"", how.algorithm.as_str())),
        });
        Ok(Self {
            key,
            label: how.label.clone(),
            components: how.components.clone(),
            list: list(&how.components),
            parameters: parameters.collect(),
        })
    }

    /// The values of `signature-input` and `signature`.
    ///
    /// # Errors
    /// When the request lacks a part that is to be signed.
    pub fn sign(&self, request: &Signed<'_>, fields: &Fields) -> Result<(String, String), String> {
        let covered = || self.components.iter().filter(|component| is_covered(component, fields));
        let all = covered().count() == self.components.len();
        let mut parameters = if all { self.list.clone() } else { list(covered()) };
        for parameter in &self.parameters {
            match parameter {
                // Writing to a string does not fail.
                Parameter::Created => drop(write!(parameters, ";created={}", request.now.as_second())),
                Parameter::Fixed(text) => parameters.push_str(text),
            }
        }
        let mut base = String::new();
        for component in covered() {
            let value = match component {
                Component::Derived(derived) => part(*derived, request),
                Component::Field(name) => field(name, fields)?,
            };
            let _ = writeln!(base, "\"{component}\": {value}");
        }
        let _ = write!(base, "\"@signature-params\": {parameters}");
        let signature = match &self.key {
            MessageKey::HmacSha256(mac) => {
                let mut mac = mac.clone();
                mac.update(base.as_bytes());
                BASE64.encode(mac.finalize().into_bytes())
            }
            MessageKey::Ed25519(key) => BASE64.encode(key.sign(base.as_bytes()).to_bytes()),
        };
        let label = &self.label;
        Ok((format!("{label}={parameters}"), format!("{label}=:{signature}:")))
    }
}

/// What a signature is of, as it says itself.
fn list<'a>(components: impl IntoIterator<Item = &'a Component>) -> String {
    let names: Vec<_> = components.into_iter().map(|component| format!("\"{component}\"")).collect();
    format!("({})", names.join(" "))
}

/// A request that belongs to no trace has no such header, and the signature says that it is not of it. All others have to be
/// there.
fn is_covered(component: &Component, fields: &Fields) -> bool {
    match component {
        Component::Derived(_) => true,
        Component::Field(name) => ![TRACEPARENT, TRACESTATE].contains(&name.as_str()) || fields.contains(name),
    }
}

/// §2.2.
fn part<'a>(derived: Derived, request: &Signed<'a>) -> Cow<'a, str> {
    let scheme = if request.tls { "https" } else { "http" };
    let target = request.target;
    match derived {
        Derived::Method => request.method.as_str().into(),
        // Ours is without the scheme's own port, and its host is in small letters: as §2.2.3 asks for it.
        Derived::Authority => request.authority.into(),
        Derived::Scheme => scheme.into(),
        Derived::TargetUri => format!("{scheme}://{}{target}", request.authority).into(),
        Derived::RequestTarget => target.to_string().into(),
        Derived::Path => target.path().into(),
        // A query that is not there is signed as one that is empty (§2.2.7).
        Derived::Query => format!("?{}", target.query().unwrap_or_default()).into(),
    }
}

/// §2.1: the values of one field, without white space at their ends, with a comma between two.
fn field<'a>(name: &HeaderName, fields: &'a Fields) -> Result<Cow<'a, str>, String> {
    let mut values = fields.all(name).map(|value| ascii(value).map(str::trim));
    let lacks = || format!("the request has no header {name} that could be signed");
    let first = values.next().flatten().ok_or_else(lacks)?;
    let mut joined = Cow::Borrowed(first);
    for value in values {
        let joined = joined.to_mut();
        joined.push_str(", ");
        joined.push_str(value.ok_or_else(lacks)?);
    }
    Ok(joined)
}

/// What cannot be read as this is not signed.
fn ascii(value: &[u8]) -> Option<&str> {
    std::str::from_utf8(value).ok().filter(|value| value.is_ascii())
}

/// A string of structured fields (RFC 9651 §4.1.6); the configuration holds no other characters in it.
fn string(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
