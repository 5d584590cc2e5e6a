//! What a glance shows of what came and what failed, bounded whatever the ledger holds: stories by a few words, the last
//! attempts at a partner's doors.

use rusqlite::params;

use super::SqliteReader;
use crate::ledger::LedgerError;
use crate::ledger::sqlite::rows;
use crate::ledger::views::{AttemptView, FailedAttempt, StoryFound};

/// Articles whose headlines are looked through, from the newest.
const SEARCHED: u64 = 20_000;

impl SqliteReader {
    /// The newest version of each of the stories that were accepted last, at most `limit`; with a text, those whose guid
    /// begins with it or whose headline holds it, among the last twenty thousand articles.
    ///
    /// # Errors
    /// [`LedgerError`] when the ledger cannot be read.
    pub fn find(&self, text: &str, limit: usize) -> Result<Vec<StoryFound>, LedgerError> {
        let read = || {
            self.connection
                .prepare_cached(
                    "SELECT story.guid, article.headline, article.version, article.action, article.accepted \
                     FROM (SELECT * FROM article ORDER BY id DESC LIMIT ?3) AS article CROSS JOIN story \
                     ON story.id = article.story AND story.newest = article.version \
                     WHERE ?1 = '' OR substr(story.guid, 1, length(?1)) = ?1 OR instr(lower(article.headline), ?2) > 0 \
                     ORDER BY article.id DESC LIMIT ?4",
                )?
                .query_map(params![text, text.to_lowercase(), SEARCHED, limit], |row| {
                    Ok(StoryFound {
                        guid: row.get(0)?,
                        headline: row.get(1)?,
                        version: row.get(2)?,
                        action: row.get(3)?,
                        accepted: rows::timestamp(row, 4)?,
                    })
                })?
                .collect()
        };
        rusqlite::Result::map_err(read(), |why| self.classed(&why))
    }

    /// The last attempts at a partner's destinations that did not deliver, the last first; at most `limit`, among the last
    /// fifty thousand of all.
    ///
    /// # Errors
    /// [`LedgerError`] when the ledger cannot be read.
    pub fn failed_at(&self, partner: &str, limit: usize) -> Result<Vec<FailedAttempt>, LedgerError> {
        let read = || {
            self.connection
                .prepare_cached(
                    "SELECT destination.name, story.guid, attempt.version, attempt.attempt, attempt.began, \
                     attempt.ended, attempt.outcome, attempt.status, attempt.detail \
                     FROM (SELECT * FROM attempt ORDER BY id DESC LIMIT 50000) AS attempt \
                     CROSS JOIN destination ON destination.id = attempt.destination \
                     CROSS JOIN story ON story.id = attempt.story \
                     WHERE destination.name = ?1 OR substr(destination.name, 1, length(?1) + 1) = ?1 || '/' \
                     ORDER BY attempt.id DESC LIMIT ?2",
                )?
                .query_map(params![partner, limit], failed_attempt)?
                .collect()
        };
        rusqlite::Result::map_err(read(), |why| self.classed(&why))
    }
}

/// A row of `attempt`, with the names of its destination and story before it.
pub(super) fn failed_attempt(row: &rusqlite::Row<'_>) -> rusqlite::Result<FailedAttempt> {
    Ok(FailedAttempt {
        destination: row.get(0)?,
        story: row.get(1)?,
        attempt: AttemptView {
            version: rows::version(row, 2)?,
            attempt: row.get(3)?,
            began: rows::timestamp(row, 4)?,
            ended: rows::timestamp(row, 5)?,
            outcome: row.get(6)?,
            status: row.get(7)?,
            detail: row.get(8)?,
        },
    })
}
