//! What waits, counted every few seconds beside a daemon at full work: for metrics, and for who looks at the wire.
//!
//! Each count ends at a bound that its caller gives, and goes along an index that holds nothing else; each lane is a
//! statement of its own, so that no reader keeps the write-ahead log from being begun anew.

use std::path::Path;

use jiff::Timestamp;
use rusqlite::params;

use super::SqliteReader;
use super::stats::FRONT;
use crate::ledger::LedgerError;
use crate::ledger::orders::Halt;
use crate::ledger::records::{LaneState, QuarantineKind};
use crate::ledger::sqlite::{rows, writer};
use crate::ledger::views::{LaneSurvey, LaneView, LedgerSurvey, WithdrawalSurvey};

/// One lane: how much is ready, held and under way, since when the oldest of those in front is due, and how its door is.
/// What is held for its own next try has been due before; what was never tried waits for its embargo or an operator.
const LANE: &str = "SELECT \
    (SELECT count(*) FROM (SELECT 1 FROM delivery INDEXED BY delivery_ready \
        WHERE destination = ?1 AND stage = 1 LIMIT ?2)), \
    (SELECT count(*) FROM (SELECT 1 FROM delivery INDEXED BY delivery_held \
        WHERE destination = ?1 AND stage = 2 LIMIT ?2)), \
    (SELECT min(max(accepted, coalesce(embargo, 0))) FROM ( \
        SELECT * FROM (SELECT accepted, embargo FROM delivery INDEXED BY delivery_ready \
            WHERE destination = ?1 AND stage = 1 ORDER BY rank LIMIT ?3) \
        UNION ALL \
        SELECT * FROM (SELECT accepted, embargo FROM delivery INDEXED BY delivery_attempting \
            WHERE destination = ?1 AND stage = 3 LIMIT ?3) \
        UNION ALL \
        SELECT accepted, embargo FROM (SELECT accepted, embargo, attempts FROM delivery INDEXED BY delivery_held \
            WHERE destination = ?1 AND stage = 2 AND due IS NOT NULL ORDER BY due LIMIT ?3) WHERE attempts > 0)), \
    (SELECT count(*) FROM (SELECT 1 FROM delivery INDEXED BY delivery_attempting \
        WHERE destination = ?1 AND stage = 3 LIMIT ?2)), \
    failures, retry_at, suspended, trouble, halted, coalesce(halted_why, ''), paused FROM destination WHERE id = ?1";

const WITHDRAWALS: &str = "SELECT name, number, oldest FROM (SELECT destination, count(*) AS number, \
    min(accepted) AS oldest FROM delivery INDEXED BY delivery_withdrawal WHERE rank < 0 AND stage < 4 \
    GROUP BY destination) JOIN destination ON id = destination";

/// What ended so since a time, the newest first.
const IN_TROUBLE: &str = "SELECT count(*) FROM (SELECT ended FROM delivery INDEXED BY delivery_in_trouble \
    WHERE ended IN ('refused', 'expired') AND ended_at >= ?1 ORDER BY ended_at DESC LIMIT ?2) WHERE ended = ?3";

const QUARANTINED: &str = "SELECT count(*) FROM (SELECT 1 FROM quarantine INDEXED BY quarantine_same \
    WHERE state = 'waiting' AND kind = ?1 LIMIT ?2)";

impl SqliteReader {
    /// Counts what waits, each up to `bound`, and what was refused or expired since a time.
    pub fn survey(&self, bound: u64, trouble_since: Timestamp) -> Result<LedgerSurvey, LedgerError> {
        let (file, wal) = self.sizes();
        let (refused, expired) = self.in_trouble(bound, trouble_since)?;
        let read = || {
            Ok(LedgerSurvey {
                file,
                wal,
                lanes: self.surveyed_lanes(bound)?,
                withdrawals: self.surveyed_withdrawals()?,
                refused,
                expired,
                quarantine: self.surveyed_quarantine(bound)?,
            })
        };
        read().map_err(|why| self.classed(&why))
    }

    /// A number that is another one when anything was committed since this reader last said it.
    pub fn state(&self) -> Result<i64, LedgerError> {
        let state = self.connection.prepare_cached("PRAGMA data_version");
        state.and_then(|mut state| state.query_row([], |row| row.get(0))).map_err(|why| self.classed(&why))
    }

    /// Bytes of the file, and of its write-ahead log.
    pub fn sizes(&self) -> (u64, u64) {
        let size = |path: &Path| std::fs::metadata(path).map_or(0, |about| about.len());
        (size(&self.path), size(&writer::wal_path(&self.path)))
    }

    /// Deliveries that were refused, and that expired, since a time: of the survey the part that time alone changes.
    pub fn in_trouble(&self, bound: u64, since: Timestamp) -> Result<(u64, u64), LedgerError> {
        let count = |end: &str| {
            let params = params![rows::micros(since), bound, end];
            self.connection.prepare_cached(IN_TROUBLE)?.query_row(params, |row| row.get::<_, u64>(0))
        };
        let read = || Ok((count("refused")?, count("expired")?));
        read().map_err(|why: rusqlite::Error| self.classed(&why))
    }

    /// The latest time that stands in the ledger: of an acceptance, or of an attempt that failed.
    pub fn newest(&self) -> Result<Option<Timestamp>, LedgerError> {
        let latest = |sql: &str| self.connection.query_row(sql, [], |row| rows::maybe_timestamp(row, 0));
        let read = || {
            let accepted = latest("SELECT max(accepted) FROM article")?;
            Ok(accepted.max(latest("SELECT max(ended) FROM attempt")?))
        };
        read().map_err(|why: rusqlite::Error| self.classed(&why))
    }

    /// By their names.
    fn surveyed_lanes(&self, bound: u64) -> rusqlite::Result<Vec<LaneSurvey>> {
        let mut lane = self.connection.prepare_cached(LANE)?;
        let mut destinations = self.destinations()?;
        destinations.sort_by(|(_, one), (_, other)| one.cmp(other));
        let surveyed = destinations.into_iter().map(|(id, destination)| {
            lane.query_row(params![id, bound, FRONT], |row| {
                let halt = match row.get(8)? {
                    0_i64 => None,
                    halted => Some(Halt { even_kills: halted > 1, why: row.get(9)? }),
                };
                let state = LaneState {
                    failures: row.get(4)?,
                    retry_at: rows::maybe_timestamp(row, 5)?,
                    suspended: row.get(6)?,
                    trouble: row.get(7)?,
                };
                Ok(LaneSurvey {
                    destination,
                    lane: LaneView { state, halt },
                    paused: row.get::<_, i64>(10)? != 0,
                    waiting: row.get(0)?,
                    held: row.get(1)?,
                    attempting: row.get(3)?,
                    oldest: rows::maybe_timestamp(row, 2)?,
                })
            })
        });
        surveyed.collect()
    }

    /// All of them: they are as many as doors that a withdrawal has not reached.
    fn surveyed_withdrawals(&self) -> rusqlite::Result<Vec<WithdrawalSurvey>> {
        let mut statement = self.connection.prepare_cached(WITHDRAWALS)?;
        let found = statement.query_map([], |row| {
            Ok(WithdrawalSurvey {
                destination: row.get(0)?,
                outstanding: row.get(1)?,
                oldest: rows::timestamp(row, 2)?,
            })
        })?;
        found.collect()
    }

    fn surveyed_quarantine(&self, bound: u64) -> rusqlite::Result<Vec<(QuarantineKind, u64)>> {
        let mut count = self.connection.prepare_cached(QUARANTINED)?;
        let counted = QuarantineKind::ALL
            .map(|kind| Ok((kind, count.query_row(params![kind.as_str(), bound], |row| row.get(0))?)));
        counted.into_iter().collect()
    }
}

#[cfg(test)]
mod tests;
