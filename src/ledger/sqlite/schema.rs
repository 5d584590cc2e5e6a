//! Opening the file: its settings and its migrations.

use std::cmp::Ordering;
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::{trouble, writer};
use crate::ledger::LedgerError;

/// Forward only: the number of the last one is the file's `user_version`.
pub const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001.sql"),
    include_str!("migrations/0002.sql"),
    include_str!("migrations/0003.sql"),
    include_str!("migrations/0004.sql"),
    include_str!("migrations/0005.sql"),
    include_str!("migrations/0006.sql"),
    include_str!("migrations/0007.sql"),
    include_str!("migrations/0008.sql"),
];

/// The schema of this program.
pub const LATEST: usize = MIGRATIONS.len();

/// How long a statement waits for another process that writes (an operator's command) before it gives up.
pub const BUSY: Duration = Duration::from_secs(5);

/// Opens the file for writing, makes it where missing, and brings its schema up to date.
pub fn open(path: &Path) -> Result<Connection, LedgerError> {
    let unusable = |why: rusqlite::Error| trouble::unusable(path, "open", &why);
    let mut connection = Connection::open(path).map_err(unusable)?;
    // SQLite opens what it may not write for reading.
    if connection.is_readonly("main").map_err(unusable)? {
        return Err(LedgerError::Unusable(format!(
            "the ledger {} can only be read; make the file, its directory and their file system writable for the user \
             that newswired runs as",
            path.display()
        )));
    }
    settings(&connection).map_err(unusable)?;
    migrate(&mut connection, path)?;
    Ok(connection)
}

/// A ledger that is nowhere but in memory.
#[cfg(test)]
pub fn in_memory() -> rusqlite::Result<Connection> {
    let mut connection = Connection::open_in_memory()?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.set_prepared_statement_cache_capacity(64);
    stable_plans(&connection)?;
    migrate(&mut connection, Path::new("memory")).map_err(|_| rusqlite::Error::InvalidQuery)?;
    Ok(connection)
}

fn migrate(connection: &mut Connection, path: &Path) -> Result<(), LedgerError> {
    let unusable =
        |why: rusqlite::Error| LedgerError::Unusable(format!("cannot open the ledger {}: {why}", path.display()));
    let version: usize = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(unusable)?;
    if version > MIGRATIONS.len() {
        return Err(newer(path, version));
    }
    for (at, migration) in MIGRATIONS.iter().enumerate().skip(version) {
        let transaction = connection.transaction().map_err(unusable)?;
        transaction.execute_batch(migration).map_err(unusable)?;
        transaction.pragma_update(None, "user_version", at + 1).map_err(unusable)?;
        transaction.commit().map_err(unusable)?;
    }
    Ok(())
}

/// Opens the file for reading only, beside the daemon or without it.
pub fn open_to_read(path: &Path) -> Result<Connection, LedgerError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).and_then(|connection| {
        connection.busy_timeout(BUSY)?;
        connection.set_prepared_statement_cache_capacity(32);
        stable_plans(&connection)?;
        Ok(connection)
    });
    connection.map_err(|why| trouble::unusable(path, "read", &why))
}

/// The schema of a file that this program can bring up to date, or that is so.
///
/// # Errors
/// [`LedgerError::Unusable`] where the file is no ledger, or one of a newer program.
pub fn known(connection: &Connection, path: &Path) -> Result<usize, LedgerError> {
    let version: usize = connection
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .map_err(|why| trouble::unusable(path, "read", &why))?;
    let tables = "SELECT count(*) FROM sqlite_schema WHERE name IN ('story', 'article', 'delivery', 'quarantine')";
    let tables: u32 =
        connection.query_row(tables, [], |row| row.get(0)).map_err(|why| trouble::unusable(path, "read", &why))?;
    match version {
        0 => Err(LedgerError::Unusable(format!("{} is no ledger of newswired", path.display()))),
        newer if newer > LATEST => Err(self::newer(path, newer)),
        _ if tables < 4 => Err(LedgerError::Unusable(format!("{} is no ledger of newswired", path.display()))),
        known => Ok(known),
    }
}

/// Whether what is read is laid out as this program knows it.
pub fn is_current(connection: &Connection, path: &Path) -> Result<(), LedgerError> {
    let version: usize = connection
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .map_err(|why| LedgerError::Unusable(format!("cannot read the ledger {}: {why}", path.display())))?;
    match version.cmp(&MIGRATIONS.len()) {
        Ordering::Equal => Ok(()),
        Ordering::Less => Err(LedgerError::Unusable(format!(
            "the ledger {} was written by an older newswired; start the daemon of this version once, which brings it up to date",
            path.display()
        ))),
        Ordering::Greater => Err(newer(path, version)),
    }
}

fn newer(path: &Path, version: usize) -> LedgerError {
    LedgerError::Unusable(format!(
        "the ledger {} was written by a newer newswired (its schema is {version}, this program knows {}); install that version again",
        path.display(),
        MIGRATIONS.len()
    ))
}

/// Query plans do not depend on the values that are bound. Without this, SQLite compiles a statement that meets a partial
/// index anew whenever a parameter of it changes, which is at every use.
fn stable_plans(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(drop)
}

fn settings(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(64);
    stable_plans(connection)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // A commit is on the disk when it returns: without this a power cut could take back an acknowledgement.
    connection.pragma_update(None, "synchronous", "FULL")?;
    // Checkpoints run on a thread of their own, off the way of commits.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "journal_size_limit", writer::WAL_FILE)?;
    // Each row of a fan-out would look up its story, its article and its destination, which the same commit has just
    // written or read. The tests' ledger in memory does look.
    connection.pragma_update(None, "foreign_keys", false)?;
    // 16 MiB. With a million waiting for ten thousand lanes, twice as much saves one read of seven, and those are from memory.
    connection.pragma_update(None, "cache_size", -16_384)
}
