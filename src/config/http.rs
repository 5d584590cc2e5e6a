//! A partner's HTTP endpoint.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    AddressBlock, BodySignature, ClientCertificate, MessageSignature, Pin, Proxy, SecretRef, SigningSecret, Size, Span,
};

/// A push by HTTP `POST`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpPush {
    /// `https://…`, or `http://…` inside a network that is trusted.
    pub url: String,
    /// The Standard Webhooks signing secret (`whsec_…` or any text). Left out: requests are not signed.
    #[serde(default)]
    pub signing_secret: Option<SecretRef>,
    /// The same with more to say: several secrets while one takes the place of another, or a private key.
    #[serde(default)]
    pub signing: Vec<SigningSecret>,
    /// A signature of the request's parts by RFC 9421. Left out: there is none.
    #[serde(default)]
    pub message_signature: Option<MessageSignature>,
    /// An HMAC of the body in one header. Left out: there is none.
    #[serde(default)]
    pub body_signature: Option<BodySignature>,
    /// How the daemon shows who it is.
    #[serde(default)]
    pub auth: Option<Auth>,
    /// A file of PEM certificates to trust for this door, instead of the system's.
    #[serde(default)]
    pub ca_file: Option<std::path::PathBuf>,
    /// Who the daemon is to a server that asks for a certificate (mutual TLS).
    #[serde(default)]
    pub client_certificate: Option<Box<ClientCertificate>>,
    /// The public keys that the server may have, besides a certificate that is good: `["sha256/…"]`, as in RFC 7469.
    #[serde(default)]
    pub pin: Vec<Pin>,
    /// Addresses that are not of the Internet, to which this door may lead all the same: `["10.1.2.0/24"]`. Those of
    /// `delivery.allow_addresses` come on top.
    #[serde(default)]
    pub allow_addresses: Vec<AddressBlock>,
    /// How connections to this door leave: `"none"`, or a proxy. Default: `delivery.proxy`.
    #[serde(default)]
    pub proxy: Option<Proxy>,
    /// How the document is compressed on its way. Left out: not at all.
    #[serde(default)]
    pub compression: Option<Compression>,
    /// Whether HTTP/2 is used where the server offers it, which needs https. Default: `true`.
    #[serde(default = "http2")]
    pub http2: bool,
    /// Default: `delivery.connection_max_age`.
    #[serde(default)]
    pub connection_max_age: Option<Span>,
    /// Default: `delivery.connect_timeout`.
    #[serde(default)]
    pub connect_timeout: Option<Span>,
    /// Default: `delivery.write_timeout`.
    #[serde(default)]
    pub write_timeout: Option<Span>,
    /// Default: `delivery.answer_timeout`.
    #[serde(default)]
    pub answer_timeout: Option<Span>,
    /// How much of an answer's body is read; the rest is left. Default: `64KiB`.
    #[serde(default = "answer_limit")]
    pub answer_limit: Size,
}

impl HttpPush {
    /// The secrets of Standard Webhooks, however they are written.
    pub fn webhook_secrets(&self) -> Vec<SigningSecret> {
        let short = self.signing_secret.clone().map(|secret| SigningSecret { secret, until: None });
        short.into_iter().chain(self.signing.iter().cloned()).collect()
    }

    /// The header fields that requests have by these keys, and that a signature may be of: no credentials.
    pub(super) fn signed_headers(&self) -> Vec<String> {
        let coded = self.compression.map(|Compression::Gzip| "content-encoding".to_owned());
        let signed = [
            (!self.webhook_secrets().is_empty()).then(|| "webhook-signature".to_owned()),
            self.body_signature.as_ref().and_then(|body| body.scheme().header.map(str::to_ascii_lowercase)),
        ];
        coded.into_iter().chain(signed.into_iter().flatten()).collect()
    }
}

/// How a document is compressed on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// `content-encoding: gzip`. Digest and signature are of the compressed bytes.
    Gzip,
}

/// How the daemon shows a partner's server who it is.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Auth {
    /// `Authorization: Bearer …`
    Bearer(SecretRef),
    /// `Authorization: Basic …`
    Basic { user: String, password: SecretRef },
    /// A header of the partner's choosing.
    Header { name: String, value: SecretRef },
}

impl Auth {
    /// The header that it is in.
    pub(super) fn header(&self) -> Option<&str> {
        match self {
            Self::Bearer(_) | Self::Basic { .. } => Some("authorization"),
            Self::Header { name, .. } => Some(name),
        }
    }
}

pub(super) fn http2() -> bool {
    true
}

fn answer_limit() -> Size {
    Size::from_kib(64)
}
