//! What has expired ends, and what was kept for long enough leaves the ledger, in steps that no commit notices.

use jiff::Timestamp;

use super::Upkeep;
use crate::config::Span;
use crate::ledger::{ArticleId, LedgerError, Tidy};

/// Rows of each kind in one step.
const STEP: usize = 256;

/// Steps in one go.
const STEPS: usize = 8;

impl Upkeep {
    /// Goes on after an article. Returns where to go on the next time.
    pub(super) async fn tidy(&self, mut after: ArticleId) -> Result<ArticleId, LedgerError> {
        for _ in 0..STEPS {
            let (now, kept) = (self.clock.now(), self.keep.get());
            let before = |keep: Span| now.checked_sub(keep.get()).unwrap_or(Timestamp::MIN);
            let tidied = self
                .ledger
                .tidy(Tidy {
                    now,
                    stories_before: before(kept.keep_deliveries),
                    attempts_before: before(kept.keep_attempts),
                    quarantine_before: before(kept.keep_quarantine),
                    after,
                    limit: STEP,
                })
                .await?;
            after = tidied.reached;
            if tidied.expired > 0 {
                tracing::warn!(deliveries = tidied.expired, "expired");
            }
            if tidied.stories + tidied.attempts + tidied.quarantined > 0 {
                let (stories, attempts, quarantined) = (tidied.stories, tidied.attempts, tidied.quarantined);
                tracing::debug!(stories, attempts, quarantined, "removed after the time to keep them");
            }
            if !tidied.more {
                break;
            }
        }
        Ok(after)
    }
}
