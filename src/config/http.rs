//! A partner's HTTP endpoint.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    AddressBlock, BodySignature, ClientCertificate, MediaPush, MessageSignature, Pin, Proxy, PushMethod, PushUrl,
    PushVariant, RemoteId, SecretRef, SigningSecret, Size, Span,
};
use crate::telemetry::{TRACEPARENT, TRACESTATE};

/// A push by HTTP.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpPush {
    /// `https://…`, or `http://…` inside a network that is trusted. Its path and its query may have fields in them:
    /// `https://paper.example/in/{{ guid }}`.
    pub url: PushUrl,
    /// `POST` or `PUT`. Default: `POST`.
    #[serde(default)]
    pub method: PushMethod,
    /// The request for later versions of a story whose `remote_id` is known. Left out: the same as for the first.
    #[serde(default)]
    pub update: Option<Box<PushVariant>>,
    /// The request for kills. Left out: the same as for everything else.
    #[serde(default)]
    pub kill: Option<Box<PushVariant>>,
    /// Where an answer says what the partner's system calls the story; `{{ remote_id }}` stands for it in the addresses of
    /// `update` and `kill`. Left out: nothing is kept of an answer.
    #[serde(default)]
    pub remote_id: Option<RemoteId>,
    /// More headers, the same for every request. Credentials belong into `auth`.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The statuses that say that a document was taken. None named: 200 to 299.
    #[serde(default)]
    pub success: BTreeSet<u16>,
    /// The hosts that an answer may lead to, by 307 or 308: `other.example`, or with its port. None named: nowhere.
    #[serde(default)]
    pub redirects: BTreeSet<String>,
    /// The Standard Webhooks signing secret (`whsec_…` or any text). Left out: requests are not signed.
    #[serde(default)]
    pub signing_secret: Option<SecretRef>,
    /// The same with more to say: several secrets while one takes the place of another, or a private key.
    #[serde(default)]
    pub signing: Vec<SigningSecret>,
    /// A signature of the request's parts by RFC 9421. Left out: there is none.
    #[serde(default)]
    pub message_signature: Option<Box<MessageSignature>>,
    /// An HMAC of the body in one header. Left out: there is none.
    #[serde(default)]
    pub body_signature: Option<Box<BodySignature>>,
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
    /// Where the files of a story's media are pushed to before it, as Superdesk's Newsroom takes them. Left out: nowhere.
    #[serde(default)]
    pub media: Option<Box<MediaPush>>,
    /// Whether the partner is told the trace that a request belongs to, in the headers `traceparent` and `tracestate`, where
    /// there is one. Default: `false`.
    #[serde(default)]
    pub trace_context: bool,
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
        let trace = [TRACEPARENT, TRACESTATE].into_iter().filter(|_| self.trace_context).map(str::to_owned);
        let own = self.headers.keys().map(|name| name.to_ascii_lowercase());
        coded.into_iter().chain(signed.into_iter().flatten()).chain(trace).chain(own).collect()
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
    Basic {
        /// Who the daemon is to the server.
        user: String,
        /// That user's password.
        password: SecretRef,
    },
    /// A header of the partner's choosing.
    Header {
        /// The header's name.
        name: String,
        /// What stands in it.
        value: SecretRef,
    },
    /// A parameter of the address's query, which no log shows.
    Query {
        /// The parameter's name.
        name: String,
        /// What it is.
        value: SecretRef,
    },
    /// An access token that is asked for, by client credentials (OAuth 2.0, RFC 6749 §4.4).
    Oauth(Box<Oauth>),
}

/// Where access tokens come from, and who asks for them.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Oauth {
    /// The token endpoint, `https://…`.
    pub token_url: String,
    /// Who the daemon is to the token endpoint.
    pub client_id: String,
    /// What proves it.
    pub client_secret: SecretRef,
    /// What the token is for, as the partner names it: `articles.write`. Left out: what it gives to this client.
    #[serde(default)]
    pub scope: Option<String>,
    /// Whom the token is for, where the partner's token endpoint wants to know it.
    #[serde(default)]
    pub audience: Option<String>,
    /// Where the request for a token has the id and the secret. Default: `basic`.
    #[serde(default)]
    pub auth_style: AuthStyle,
    /// A file of PEM certificates to trust for the token endpoint, instead of the system's.
    #[serde(default)]
    pub ca_file: Option<std::path::PathBuf>,
}

/// Where the request for a token has the id and the secret (RFC 6749 §2.3.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuthStyle {
    /// In the header `authorization`.
    #[default]
    Basic,
    /// In the body.
    Body,
}

impl Auth {
    /// The header that it is in.
    pub(super) fn header(&self) -> Option<&str> {
        match self {
            Self::Bearer(_) | Self::Basic { .. } | Self::Oauth(_) => Some("authorization"),
            Self::Header { name, .. } => Some(name),
            Self::Query { .. } => None,
        }
    }
}

pub(super) fn http2() -> bool {
    true
}

fn answer_limit() -> Size {
    Size::from_kib(64)
}
