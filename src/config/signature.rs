//! How a push is signed, so that its receiver can tell that it is the agency's: by Standard Webhooks, by HTTP Message
//! Signatures (RFC 9421), or by an HMAC of the body in a header of the receiver's choosing. A door may have all three.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use http::HeaderName;
use jiff::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

use super::SecretRef;
use super::partner::instant;
use super::suggest::mend;

/// One secret of Standard Webhooks. While a receiver changes from one to another, requests are signed with both.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SigningSecret {
    /// `whsec_…` or any text for a shared secret (`v1`), `whsk_…` or a PEM block for a private key of Ed25519 (`v1a`).
    pub secret: SecretRef,
    /// The instant from which nothing is signed with it any more, RFC 3339: `2026-12-01T00:00:00Z`. Left out: it has no
    /// end.
    #[serde(default, deserialize_with = "instant")]
    #[schemars(with = "Option<String>")]
    pub until: Option<Timestamp>,
}

/// A signature of the request's parts by RFC 9421, in `signature-input` and `signature`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MessageSignature {
    /// What it is made with (RFC 9421 §3.3).
    pub algorithm: MessageAlgorithm,
    /// The private key of Ed25519 (a PEM block, or `whsk_…`), or the secret that both sides share (`whsec_…` or any text).
    pub key: SecretRef,
    /// By which the receiver knows the key.
    pub keyid: String,
    /// What of the request is signed, in this order: header fields by their names, and `@method`, `@target-uri`,
    /// `@authority`, `@scheme`, `@request-target`, `@path`, `@query`. Default: `["@method", "@target-uri",
    /// "content-digest", "content-type", "webhook-id"]`.
    #[serde(default = "components")]
    pub components: Vec<Component>,
    /// What is told of the signature, in this order. Default: `["created", "keyid", "alg"]`.
    #[serde(default = "parameters")]
    pub parameters: Vec<MessageParameter>,
    /// The signature's name in the two headers. Default: `newswired`.
    #[serde(default = "label")]
    #[schemars(regex(pattern = r"^[a-z][a-z0-9_-]{0,63}$"))]
    pub label: String,
}

/// RFC 9421 §3.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MessageAlgorithm {
    Ed25519,
    HmacSha256,
}

/// What is told of a signature (RFC 9421 §2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MessageParameter {
    /// When it was made.
    Created,
    Keyid,
    Alg,
}

/// A part of a request that can be signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Component {
    Derived(Derived),
    Field(HeaderName),
}

/// A part of a request that is no header field (RFC 9421 §2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Derived {
    Method,
    TargetUri,
    Authority,
    Scheme,
    RequestTarget,
    Path,
    Query,
}

/// An HMAC of the body, in one header.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BodySignature {
    /// The secret that both sides share: `whsec_…`, or any text.
    pub secret: SecretRef,
    /// What some receivers expect; the keys below change it.
    #[serde(default)]
    pub preset: Option<BodyPreset>,
    /// The header's name. Needed without a preset.
    #[serde(default)]
    pub header: Option<String>,
    /// The hash under it. Default: `sha256`.
    #[serde(default)]
    pub algorithm: Option<BodyAlgorithm>,
    /// How its bytes are written. Default: `hex`.
    #[serde(default)]
    pub encoding: Option<BodyEncoding>,
    /// What stands before it in the header. Default: nothing.
    #[serde(default)]
    pub prefix: Option<String>,
}

/// What some receivers expect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum BodyPreset {
    /// `x-hub-signature-256: sha256=…`, as GitHub and those who took it over from there.
    Github,
    /// `x-superdesk-signature: sha1=…`, as Superdesk's and Newsroom's receivers of a push.
    Superdesk,
}

/// The hash under an HMAC (RFC 2104).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum BodyAlgorithm {
    Sha1,
    Sha256,
    Sha512,
}

/// How its bytes are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum BodyEncoding {
    /// With small letters.
    Hex,
    /// With padding.
    Base64,
}

/// A body's signature with every choice made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyScheme<'a> {
    /// `None`: neither a preset nor the configuration names one.
    pub header: Option<&'a str>,
    pub algorithm: BodyAlgorithm,
    pub encoding: BodyEncoding,
    pub prefix: &'a str,
}

impl BodySignature {
    pub fn scheme(&self) -> BodyScheme<'_> {
        let preset = match self.preset {
            Some(BodyPreset::Github) => (Some("x-hub-signature-256"), BodyAlgorithm::Sha256, "sha256="),
            Some(BodyPreset::Superdesk) => (Some("x-superdesk-signature"), BodyAlgorithm::Sha1, "sha1="),
            None => (None, BodyAlgorithm::Sha256, ""),
        };
        let (header, algorithm, prefix) = preset;
        BodyScheme {
            header: self.header.as_deref().or(header),
            algorithm: self.algorithm.unwrap_or(algorithm),
            encoding: self.encoding.unwrap_or(BodyEncoding::Hex),
            prefix: self.prefix.as_deref().unwrap_or(prefix),
        }
    }
}

impl MessageAlgorithm {
    /// Its name in the registry of RFC 9421 §6.2.2.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ed25519 => "ed25519",
            Self::HmacSha256 => "hmac-sha256",
        }
    }
}

impl Derived {
    const ALL: [Self; 7] =
        [Self::Method, Self::TargetUri, Self::Authority, Self::Scheme, Self::RequestTarget, Self::Path, Self::Query];

    fn as_str(self) -> &'static str {
        match self {
            Self::Method => "@method",
            Self::TargetUri => "@target-uri",
            Self::Authority => "@authority",
            Self::Scheme => "@scheme",
            Self::RequestTarget => "@request-target",
            Self::Path => "@path",
            Self::Query => "@query",
        }
    }
}

impl Component {
    /// As a signature's list of parts names it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Derived(derived) => derived.as_str(),
            Self::Field(name) => name.as_str(),
        }
    }
}

impl FromStr for Component {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.starts_with('@') {
            let known = Derived::ALL.map(Derived::as_str);
            let derived = Derived::ALL.into_iter().find(|derived| derived.as_str() == text);
            return derived.map(Self::Derived).ok_or_else(|| format!("unknown part {text:?}; {}", mend(text, &known)));
        }
        let name = HeaderName::from_bytes(text.as_bytes())
            .map_err(|_| format!("{text:?} is not a header's name; use letters, digits and \"-\""))?;
        Ok(Self::Field(name))
    }
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Component {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Component {
    fn schema_name() -> Cow<'static, str> {
        "Component".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^@?[A-Za-z0-9!#$%&'*+.^_`|~-]+$",
            "description": "a header field's name, or `@method`, `@target-uri`, `@authority`, `@scheme`, `@request-target`, `@path` or `@query`",
        })
    }
}

fn components() -> Vec<Component> {
    let fields = ["content-digest", "content-type", "webhook-id"].map(HeaderName::from_static);
    let derived = [Derived::Method, Derived::TargetUri];
    derived.into_iter().map(Component::Derived).chain(fields.into_iter().map(Component::Field)).collect()
}

fn parameters() -> Vec<MessageParameter> {
    vec![MessageParameter::Created, MessageParameter::Keyid, MessageParameter::Alg]
}

fn label() -> String {
    "newswired".to_owned()
}
