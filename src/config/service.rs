//! The service around the wire: its admin port and its logs.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ClientCertificate, Listen, SecretRef};

/// `/healthz`, `/readyz`, `/metrics`, and what operators order by HTTP below `/v1/`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Admin {
    /// Where it listens. An address that other machines reach needs `tls`, or `allow_remote`.
    pub listen: Listen,
    /// `listen` may be an address that other machines reach though the port has no TLS, so that tokens travel in the open
    /// unless a proxy stands before it. Health and metrics ask for no token in any case.
    pub allow_remote: bool,
    /// The certificate that the port shows; everything is in TLS then.
    pub tls: Option<Box<ClientCertificate>>,
    /// The bearer tokens of those who may see and order what operators do, by their holder's name, which stands beside
    /// each order. None: nobody may.
    pub tokens: BTreeMap<String, SecretRef>,
}

impl Default for Admin {
    fn default() -> Self {
        Self { listen: Listen::loopback(8471), allow_remote: false, tls: None, tokens: BTreeMap::new() }
    }
}

/// When the configuration is loaded again while the daemon runs.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Reload {
    /// A changed file is taken for the word to load all of them again, once none has changed for some seconds. SIGHUP and
    /// `newswired reload` do so in any case.
    pub on_change: bool,
}

impl Default for Reload {
    fn default() -> Self {
        Self { on_change: true }
    }
}

/// What the daemon says, on its standard error.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    pub format: LogFormat,
    /// `error`, `warn`, `info`, `debug` or `trace`, or a filter such as `info,newswired::intake=debug`.
    pub level: String,
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::People, level: "info".to_owned() }
    }
}

/// How a log line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// A line of text.
    People,
    /// A JSON object a line.
    Json,
}
