//! What is set aside, and the two words that an operator has for it.

use rusqlite::{Connection, Row, params};

use super::SqliteReader;
use crate::ledger::LedgerError;
use crate::ledger::records::{QuarantineEntry, QuarantineKind, QuarantineState};
use crate::ledger::sqlite::{commands, rows, schema};

/// A quarantine entry in a list: everything but its bytes.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct QuarantineSummary {
    pub id: i64,
    pub kind: QuarantineKind,
    pub state: QuarantineState,
    pub source: String,
    pub guid: Option<String>,
    pub reason: String,
    pub at: jiff::Timestamp,
    /// In bytes.
    pub size: u64,
}

impl SqliteReader {
    /// Quarantine entries, newest first; with `all`, also those that are done with.
    pub fn quarantine(&self, all: bool) -> Result<Vec<QuarantineSummary>, LedgerError> {
        let condition = if all { "1" } else { "state IN ('waiting', 'retry')" };
        let list = || {
            self.connection
                .prepare(&format!("{SUMMARY} WHERE {condition} ORDER BY id DESC"))?
                .query_map([], summary)?
                .collect::<Result<_, _>>()
        };
        list().map_err(|why| self.classed(&why))
    }

    /// One quarantine entry, whole.
    pub fn quarantined(&self, id: i64) -> Result<Option<QuarantineEntry>, LedgerError> {
        let found = || -> rusqlite::Result<_> {
            let mut statement = self.connection.prepare(&format!("{QUARANTINED} WHERE id = ?1"))?;
            let mut found = statement.query(params![id])?;
            found.next()?.map(quarantine_entry).transpose()
        };
        found().map(|found| found.map(|(_, entry)| entry)).map_err(|why| self.classed(&why))
    }

    /// An operator's word about a quarantine entry, written durably; a running daemon sees it within a second.
    /// `false`: there is no such entry that waits.
    pub fn order(&self, id: i64, to: QuarantineState) -> Result<bool, LedgerError> {
        let connection = schema::open(&self.path)?;
        commands::move_quarantine(&connection, id, &["waiting", "retry"], to.as_str(), None)
            .map_err(|why| self.classed(&why))
    }
}

/// What [`summary`] reads.
pub(super) const SUMMARY: &str = "SELECT id, kind, state, source, guid, reason, at, length(bytes) FROM quarantine";

pub(super) fn summary(row: &Row<'_>) -> rusqlite::Result<QuarantineSummary> {
    Ok(QuarantineSummary {
        id: row.get(0)?,
        kind: rows::word(row, 1, &QuarantineKind::ALL, |kind| kind.as_str())?,
        state: rows::word(row, 2, &QuarantineState::ALL, |state| state.as_str())?,
        source: row.get(3)?,
        guid: row.get(4)?,
        reason: row.get(5)?,
        at: rows::timestamp(row, 6)?,
        size: row.get(7)?,
    })
}

const QUARANTINED: &str = "SELECT id, kind, source, content_type, guid, reason, bytes, at FROM quarantine";

/// Whole entries, by a condition that takes a limit as its parameter.
pub fn quarantined(db: &Connection, condition: &str, limit: usize) -> rusqlite::Result<Vec<(i64, QuarantineEntry)>> {
    db.prepare_cached(&format!("{QUARANTINED} {condition}"))?.query_map(params![limit], quarantine_entry)?.collect()
}

fn quarantine_entry(row: &Row<'_>) -> rusqlite::Result<(i64, QuarantineEntry)> {
    let entry = QuarantineEntry {
        kind: rows::word(row, 1, &QuarantineKind::ALL, |kind| kind.as_str())?,
        source: row.get(2)?,
        content_type: row.get(3)?,
        guid: row.get(4)?,
        reason: row.get(5)?,
        bytes: row.get(6)?,
        at: rows::timestamp(row, 7)?,
    };
    Ok((row.get(0)?, entry))
}
