//! Where the durable truth is kept.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Ledger {
    /// The SQLite file; its directory is made where missing. It must be on a local disk.
    pub path: PathBuf,
    /// The most commands that one commit takes together. More means fewer waits for the disk under load and a longer
    /// one each; what waits alone is committed at once, whatever this says.
    #[schemars(range(min = 1, max = 4096))]
    pub batch: usize,
}

impl Default for Ledger {
    fn default() -> Self {
        Self { path: PathBuf::from("/var/lib/newswired/ledger.sqlite"), batch: 512 }
    }
}
