//! What a partner's own interface asks of a push: another method, other requests for later versions and for kills, and an
//! id that its answers give.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Deserialize;

use super::PushUrl;

/// A request's method (RFC 9110 §9.3, RFC 5789).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum PushMethod {
    #[default]
    Post,
    Put,
    Patch,
    /// Without a body.
    Delete,
}

/// A request that is another for some versions than for the rest. What it leaves out is as for the rest.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PushVariant {
    /// `POST`, `PUT`, `PATCH`, or `DELETE`, which has no body.
    #[serde(default)]
    pub method: Option<PushMethod>,
    /// At the same host.
    #[serde(default)]
    pub url: Option<PushUrl>,
    /// The statuses that say that it is done.
    #[serde(default)]
    pub success: BTreeSet<u16>,
}

/// Where an answer says what the partner's system calls the story.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum RemoteId {
    /// In this header. Of an address, as in `location`, it is the last part of the path.
    Header(String),
    /// In the answer's JSON, by a JSON pointer (RFC 6901): `/data/id`. Text, or a whole number.
    Json(String),
}
