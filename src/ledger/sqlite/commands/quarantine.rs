//! What is set aside, and what operators say of it.

use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};

use crate::ledger::records::QuarantineEntry;
use crate::ledger::sqlite::rows;

pub fn quarantine(db: &Connection, entry: &QuarantineEntry) -> rusqlite::Result<i64> {
    let digest = Sha256::digest(&entry.bytes);
    db.prepare_cached(
        "INSERT INTO quarantine (kind, state, source, content_type, guid, reason, at, digest, bytes) \
         VALUES (?1, 'waiting', ?2, ?3, ?4, ?5, ?6, ?7, ?8) \
         ON CONFLICT (kind, source, digest) WHERE state = 'waiting' DO UPDATE SET reason = ?5, at = ?6 RETURNING id",
    )?
    .query_row(
        params![
            entry.kind.as_str(),
            entry.source,
            entry.content_type,
            entry.guid,
            entry.reason,
            rows::micros(entry.at),
            &digest[..],
            entry.bytes
        ],
        |row| row.get(0),
    )
}

/// An operator's word about a quarantine entry: `true` where there was such an entry in one of the states `from`.
pub fn move_quarantine(
    db: &Connection,
    id: i64,
    from: &[&str],
    to: &str,
    reason: Option<&str>,
) -> rusqlite::Result<bool> {
    let state = db
        .prepare_cached("SELECT state FROM quarantine WHERE id = ?1")?
        .query_row([id], |row| row.get::<_, String>(0))
        .optional()?;
    if !state.is_some_and(|state| from.contains(&state.as_str())) {
        return Ok(false);
    }
    db.prepare_cached("UPDATE OR REPLACE quarantine SET state = ?2, reason = coalesce(?3, reason) WHERE id = ?1")?
        .execute(params![id, to, reason])?;
    Ok(true)
}
