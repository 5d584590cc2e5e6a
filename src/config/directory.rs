//! A directory of this machine as a door.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{FileRules, Span};

/// A directory of this machine, or one that is mounted there.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Directory {
    /// An absolute path. It is never made: that it is missing may mean that it is not mounted.
    pub path: PathBuf,
    /// How files are named, written and taken back.
    #[serde(default)]
    pub file: FileRules,
    /// For a whole file, with the wait for the disk. Default: `delivery.write_timeout`.
    #[serde(default)]
    pub write_timeout: Option<Span>,
}
