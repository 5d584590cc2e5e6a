//! What happened, as far as the ledger keeps it: a list a kind, from a place on, each along its own key.
//!
//! Attempts that delivered leave no row of their own. What they came to stands in the deliveries, which are found by the
//! articles that were accepted last.

use rusqlite::params;

use super::SqliteReader;
use super::glance::failed_attempt;
use super::quarantine::{QuarantineSummary, SUMMARY, summary};
use crate::ledger::orders::{OrderRecord, Target};
use crate::ledger::sqlite::{commands, rows};
use crate::ledger::views::{AcceptedView, Ends, FailedAttempt, LaneTrouble, Marks};
use crate::ledger::{ArticleId, LedgerError};

/// Rows that are looked through for what concerns one story or one partner, from the newest.
const SEARCHED: u64 = 50_000;

impl SqliteReader {
    /// The ends of the lists now.
    ///
    /// # Errors
    /// [`LedgerError`] when the ledger cannot be read.
    pub fn marks(&self) -> Result<Marks, LedgerError> {
        let last = |table: &str| {
            self.connection.query_row(&format!("SELECT coalesce(max(id), 0) FROM {table}"), [], |row| row.get(0))
        };
        let read = || {
            Ok(Marks {
                article: last("article")?,
                attempt: last("attempt")?,
                order: last("operator_order")?,
                quarantine: last("quarantine")?,
            })
        };
        read().map_err(|why: rusqlite::Error| self.classed(&why))
    }

    /// The last articles that were accepted between two places, the newest last; at most `limit`, of one story where one
    /// is given.
    ///
    /// # Errors
    /// [`LedgerError`] when the ledger cannot be read.
    pub fn accepted_between(
        &self,
        (after, until): (i64, i64),
        story: Option<&str>,
        limit: usize,
    ) -> Result<Vec<AcceptedView>, LedgerError> {
        let read = || {
            self.connection
                .prepare_cached(
                    "SELECT article.id, guid, version, action, headline, source, accepted \
                     FROM (SELECT * FROM article WHERE id > ?1 AND id <= ?5 ORDER BY id DESC LIMIT ?2) AS article \
                     CROSS JOIN story ON story.id = article.story \
                     WHERE ?3 IS NULL OR guid = ?3 ORDER BY article.id DESC LIMIT ?4",
                )?
                .query_map(params![after, SEARCHED, story, limit, until], |row| {
                    Ok(AcceptedView {
                        id: ArticleId(row.get(0)?),
                        story: row.get(1)?,
                        version: row.get(2)?,
                        action: rows::action(row, 3)?,
                        headline: row.get(4)?,
                        source: row.get(5)?,
                        at: rows::timestamp(row, 6)?,
                    })
                })?
                .collect()
        };
        newest_last(read()).map_err(|why| self.classed(&why))
    }

    /// The last attempts between two places that did not deliver, the newest last; at most `limit`, of one story or a target's
    /// destinations where they are given.
    ///
    /// # Errors
    /// [`LedgerError`] when the ledger cannot be read.
    pub fn failed_between(
        &self,
        (after, until): (i64, i64),
        story: Option<&str>,
        to: Option<&Target>,
        limit: usize,
    ) -> Result<Vec<FailedAttempt>, LedgerError> {
        let read = || {
            self.connection
                .prepare_cached(
                    "SELECT destination.name, story.guid, attempt.version, attempt.attempt, attempt.began, \
                     attempt.ended, attempt.outcome, attempt.status, attempt.detail \
                     FROM (SELECT * FROM attempt WHERE id > ?1 AND id <= ?6 ORDER BY id DESC LIMIT ?2) AS attempt \
                     CROSS JOIN destination ON destination.id = attempt.destination \
                     CROSS JOIN story ON story.id = attempt.story \
                     WHERE (?3 IS NULL OR story.guid = ?3) AND (?4 IS NULL OR destination.name = ?4 \
                     OR substr(destination.name, 1, length(?4) + 1) = ?4 || '/') \
                     ORDER BY attempt.id DESC LIMIT ?5",
                )?
                .query_map(params![after, SEARCHED, story, to.map(Target::as_str), limit, until], failed_attempt)?
                .collect()
        };
        newest_last(read()).map_err(|why| self.classed(&why))
    }

    /// The last orders between two places, the newest last; at most `limit`.
    ///
    /// # Errors
    /// [`LedgerError`] when the ledger cannot be read.
    pub fn orders_between(&self, (after, until): (i64, i64), limit: usize) -> Result<Vec<OrderRecord>, LedgerError> {
        let read = || {
            self.connection
                .prepare_cached(&format!("{} WHERE id > ?1 AND id <= ?3 ORDER BY id DESC LIMIT ?2", commands::ORDER))?
                .query_map(params![after, limit, until], commands::order_record)?
                .collect()
        };
        newest_last(read()).map_err(|why| self.classed(&why))
    }

    /// The last quarantine entries between two places, the newest last; at most `limit`.
    ///
    /// # Errors
    /// [`LedgerError`] when the ledger cannot be read.
    pub fn quarantined_between(
        &self,
        (after, until): (i64, i64),
        limit: usize,
    ) -> Result<Vec<QuarantineSummary>, LedgerError> {
        let read = || {
            self.connection
                .prepare_cached(&format!("{SUMMARY} WHERE id > ?1 AND id <= ?3 ORDER BY id DESC LIMIT ?2"))?
                .query_map(params![after, limit, until], summary)?
                .collect()
        };
        newest_last(read()).map_err(|why| self.classed(&why))
    }

    /// What became of the deliveries of an article, as far as no newer version took their place.
    ///
    /// # Errors
    /// [`LedgerError`] when the ledger cannot be read.
    pub fn ends(&self, article: ArticleId) -> Result<Ends, LedgerError> {
        let read = || {
            self.connection
                .prepare_cached(
                    "SELECT count(*) - coalesce(sum(for_holders = 1 AND ended = 'cancelled' AND confirmed IS NULL \
                     AND possible IS NULL), 0), coalesce(sum(stage < 4), 0), coalesce(sum(ended = 'delivered'), 0), \
                     coalesce(sum(ended = 'refused'), 0), coalesce(sum(ended = 'expired'), 0), max(ended_at) \
                     FROM article CROSS JOIN delivery ON delivery.story = article.story \
                     AND delivery.article = article.id WHERE article.id = ?1",
                )?
                .query_row([article.0], |row| {
                    Ok(Ends {
                        doors: row.get(0)?,
                        open: row.get(1)?,
                        delivered: row.get(2)?,
                        refused: row.get(3)?,
                        expired: row.get(4)?,
                        last: rows::maybe_timestamp(row, 5)?,
                    })
                })
        };
        read().map_err(|why| self.classed(&why))
    }

    /// The destinations whose doors are in trouble now.
    ///
    /// # Errors
    /// [`LedgerError`] when the ledger cannot be read.
    pub fn troubled(&self) -> Result<Vec<LaneTrouble>, LedgerError> {
        let read = || {
            self.connection
                .prepare_cached(
                    "SELECT name, coalesce(suspended, trouble, 'it failed') FROM destination \
                     WHERE failures > 0 OR suspended IS NOT NULL ORDER BY name",
                )?
                .query_map([], |row| Ok(LaneTrouble { destination: row.get(0)?, why: row.get(1)? }))?
                .collect()
        };
        rusqlite::Result::map_err(read(), |why| self.classed(&why))
    }
}

fn newest_last<T>(found: rusqlite::Result<Vec<T>>) -> rusqlite::Result<Vec<T>> {
    found.map(|mut found| {
        found.reverse();
        found
    })
}
