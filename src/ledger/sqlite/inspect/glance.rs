//! What a glance at the whole wire shows, bounded whatever waits: each destination by itself, and stories by a few words.

use rusqlite::{OptionalExtension, params};

use super::SqliteReader;
use crate::ledger::LedgerError;
use crate::ledger::orders::Halt;
use crate::ledger::records::LaneState;
use crate::ledger::sqlite::rows;
use crate::ledger::views::{AttemptView, Before, DoorGlance, FailedAttempt, LaneView, StoryFound};

/// More than this many that wait for one destination are not counted.
const COUNTED: u64 = 1_000;

/// Articles whose headlines are looked through, from the newest.
const SEARCHED: u64 = 20_000;

impl SqliteReader {
    /// Every destination that the ledger knows.
    ///
    /// # Errors
    /// [`LedgerError`] when the ledger cannot be read.
    pub fn glance(&self) -> Result<Vec<DoorGlance>, LedgerError> {
        let read = || {
            let mut doors = self.connection.prepare_cached(
                "SELECT id, name, failures, retry_at, suspended, trouble, halted, halted_why, paused \
                 FROM destination ORDER BY name",
            )?;
            let mut ready = self.connection.prepare_cached(
                "SELECT count(*) FROM (SELECT 1 FROM delivery INDEXED BY delivery_ready WHERE destination = ?1 \
                 AND stage = 1 LIMIT ?2)",
            )?;
            let mut attempting = self.connection.prepare_cached(
                "SELECT count(*) FROM (SELECT 1 FROM delivery INDEXED BY delivery_attempting WHERE destination = ?1 \
                 AND stage = 3 LIMIT ?2)",
            )?;
            let mut next = self.connection.prepare_cached(
                "SELECT accepted FROM delivery INDEXED BY delivery_ready WHERE destination = ?1 AND stage = 1 \
                 ORDER BY rank LIMIT 1",
            )?;
            let rows = doors.query_map([], |row| {
                let id: i64 = row.get(0)?;
                let halt = match row.get(6)? {
                    0_i64 => None,
                    halted => {
                        Some(Halt { even_kills: halted > 1, why: row.get::<_, Option<_>>(7)?.unwrap_or_default() })
                    }
                };
                let state = LaneState {
                    failures: row.get(2)?,
                    retry_at: rows::maybe_timestamp(row, 3)?,
                    suspended: row.get(4)?,
                    trouble: row.get(5)?,
                };
                let mut number: u64 = ready.query_row(params![id, COUNTED + 1], |row| row.get(0))?;
                let oldest =
                    if number == 0 { None } else { next.query_row([id], |row| rows::timestamp(row, 0)).optional()? };
                number += attempting.query_row(params![id, COUNTED], |row| row.get::<_, u64>(0))?;
                Ok(DoorGlance {
                    destination: row.get(1)?,
                    lane: LaneView { state, halt },
                    paused: row.get::<_, i64>(8)? != 0,
                    waiting: Before { number: number.min(COUNTED), or_more: number > COUNTED },
                    oldest,
                })
            })?;
            rows.collect()
        };
        rusqlite::Result::map_err(read(), |why| self.classed(&why))
    }

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
                .query_map(params![partner, limit], |row| {
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
                })?
                .collect()
        };
        rusqlite::Result::map_err(read(), |why| self.classed(&why))
    }

    /// How many quarantine entries wait for an operator.
    ///
    /// # Errors
    /// [`LedgerError`] when the ledger cannot be read.
    pub fn set_aside_waiting(&self) -> Result<u64, LedgerError> {
        self.connection
            .prepare_cached("SELECT count(*) FROM quarantine WHERE state = 'waiting'")
            .and_then(|mut statement| statement.query_row([], |row| row.get(0)))
            .map_err(|why| self.classed(&why))
    }
}
