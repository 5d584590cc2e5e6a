//! A partner's bucket in an object store that speaks S3.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use super::http::http2;
use super::{AddressBlock, FileRules, Proxy, SecretRef, Size, Span};

/// Objects in a bucket of S3, or of a store that speaks its language.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct S3 {
    /// The store's address: `https://s3.eu-west-1.amazonaws.com`.
    pub endpoint: String,
    /// The region by which requests are signed: `eu-west-1`.
    pub region: String,
    /// The bucket's name.
    pub bucket: String,
    /// What the keys of objects begin with, before a slash: `wire/in`.
    #[serde(default)]
    pub path: String,
    /// Whether the bucket stands in the path, and not before the endpoint's name. Default: `false`.
    #[serde(default)]
    pub path_style: bool,
    /// The id of the key that requests are signed with.
    pub access_key: SecretRef,
    /// The key itself.
    pub secret_key: SecretRef,
    /// Addresses that are not of the Internet, to which this door may lead all the same: `["10.1.2.0/24"]`. Those of
    /// `delivery.allow_addresses` come on top.
    #[serde(default)]
    pub allow_addresses: Vec<AddressBlock>,
    /// How connections to this door leave: `"none"`, or a proxy. Default: `delivery.proxy`.
    #[serde(default)]
    pub proxy: Option<Proxy>,
    /// How objects are named and taken back.
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
    /// How much of an answer's body is read, which holds a list of keys when a story's objects are looked for. Default:
    /// `4MiB`.
    #[serde(default = "answer_limit")]
    pub answer_limit: Size,
}

fn answer_limit() -> Size {
    Size::from_mib(4)
}
