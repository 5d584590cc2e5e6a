//! A partner's WebDAV folder.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use super::http::http2;
use super::{AddressBlock, FileRules, Proxy, SecretRef, Size, Span};

/// Files in a WebDAV folder (RFC 4918).
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WebDav {
    /// The folder where files go: `https://dav.paper.example/incoming/`.
    pub url: String,
    /// Who the daemon is to the server; goes with `password`. Left out: nobody.
    #[serde(default)]
    pub user: Option<String>,
    /// That user's password.
    #[serde(default)]
    pub password: Option<SecretRef>,
    /// Addresses that are not of the Internet, to which this door may lead all the same: `["10.1.2.0/24"]`. Those of
    /// `delivery.allow_addresses` come on top.
    #[serde(default)]
    pub allow_addresses: Vec<AddressBlock>,
    /// How connections to this door leave: `"none"`, or a proxy. Default: `delivery.proxy`.
    #[serde(default)]
    pub proxy: Option<Proxy>,
    /// How files are named, written and taken back.
    #[serde(default)]
    pub file: FileRules,
    /// A file of PEM certificates to trust for this door, instead of the system's.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
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
    /// How much of an answer's body is read, which holds a folder's list when a story's files are looked for. Default:
    /// `4MiB`.
    #[serde(default = "answer_limit")]
    pub answer_limit: Size,
}

fn answer_limit() -> Size {
    Size::from_mib(4)
}
