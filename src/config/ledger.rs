//! Where the durable truth is kept.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use super::Span;

const DAY: u64 = 86_400;

/// The durable truth: what was accepted, and who has what.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Ledger {
    /// The SQLite file; its directory is made where missing. It must be on a local disk.
    pub path: PathBuf,
    /// The most commands that one commit takes together. More means fewer waits for the disk under load and a longer
    /// one each; what waits alone is committed at once, whatever this says.
    #[schemars(range(min = 1, max = 4096))]
    pub batch: usize,
    /// How long a story's deliveries and its articles are kept after the last of them ended. A kill reaches who is known
    /// here to have the story: keep it for as long as stories stay with partners.
    pub keep_deliveries: Span,
    /// How long failed attempts and carried-out orders are kept.
    pub keep_attempts: Span,
    /// How long quarantine entries are kept that are done with or discarded. What waits there waits for an operator.
    pub keep_quarantine: Span,
}

impl Default for Ledger {
    fn default() -> Self {
        Self {
            path: PathBuf::from("/var/lib/newswired/ledger.sqlite"),
            batch: 512,
            keep_deliveries: Span::from_secs(400 * DAY),
            keep_attempts: Span::from_secs(30 * DAY),
            keep_quarantine: Span::from_secs(30 * DAY),
        }
    }
}
