//! A partner's FTP server.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AddressBlock, FileRules, Proxy, SecretRef, Span};

/// Files by FTP (RFC 959), with TLS (RFC 4217) where `tls` does not say otherwise. Data connections are passive.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ftp {
    /// A name or an address.
    pub host: String,
    /// The server's port. Default: 21.
    #[serde(default = "port")]
    #[schemars(range(min = 1, max = 65_535))]
    pub port: u16,
    /// Who the daemon is to the server.
    pub user: String,
    /// That user's password.
    pub password: SecretRef,
    /// Whether the connection is encrypted. Default: `explicit`.
    #[serde(default)]
    pub tls: FtpTls,
    /// A file of PEM certificates to trust for this door, instead of the system's.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// The folder where files go, below the one that the user comes to, or from `/`. Default: the one that the user comes
    /// to.
    #[serde(default)]
    pub path: String,
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
    /// Default: `delivery.connection_max_age`.
    #[serde(default)]
    pub connection_max_age: Option<Span>,
    /// To resolve the name, connect, agree on TLS and be let in. Default: `delivery.connect_timeout`.
    #[serde(default)]
    pub connect_timeout: Option<Span>,
    /// To hand over the whole file. Default: `delivery.write_timeout`.
    #[serde(default)]
    pub write_timeout: Option<Span>,
    /// For each other answer. Default: `delivery.answer_timeout`.
    #[serde(default)]
    pub answer_timeout: Option<Span>,
}

/// Whether an FTP connection is encrypted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FtpTls {
    /// It is asked for on the usual port, and needed: `AUTH TLS`.
    #[default]
    Explicit,
    /// Not at all: everybody on the way reads the password.
    None,
}

fn port() -> u16 {
    21
}
