//! The service around the wire: its admin port and its logs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Listen;

/// `/healthz`, `/readyz` and `/metrics`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Admin {
    pub listen: Listen,
    /// `listen` may be an address that other machines reach. The port has no TLS and asks for no password.
    pub allow_remote: bool,
}

impl Default for Admin {
    fn default() -> Self {
        Self { listen: Listen::loopback(8471), allow_remote: false }
    }
}

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
