//! What an error of SQLite's means, and what an operator can do.
//!
//! A disk that is full, fails or is locked is waited for. Of a file whose pages do not fit together SQLite says the same
//! as of a device that could not be read for a moment (it makes `SQLITE_CORRUPT` of an `EIO`); so damage is believed
//! until the whole file was read and found sound, and until then nothing is written to it.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode};

use super::schema;
use crate::ledger::LedgerError;

/// The file, and whether damage was met in it by whoever reads or writes it.
#[derive(Debug)]
pub struct Condition {
    path: PathBuf,
    damage: Mutex<Option<String>>,
}

impl Condition {
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), damage: Mutex::new(None) }
    }

    /// What an error means to a caller. Damage is remembered.
    pub fn classed(&self, why: &rusqlite::Error) -> LedgerError {
        if is_damage(why) {
            let damage = damaged(&self.path, why);
            self.lock().get_or_insert_with(|| damage.clone());
            return LedgerError::Unavailable(damage);
        }
        classed(&self.path, why)
    }

    /// What is wrong with the file, as far as anyone knows.
    pub fn damage(&self) -> Option<String> {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.damage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads a damaged file again and again until it is sound, on a thread of its own, since a large one takes its time.
#[derive(Debug, Default)]
pub struct Check {
    running: Option<JoinHandle<bool>>,
    began: Option<Instant>,
    /// When the next one may begin.
    next: Option<Instant>,
}

/// A check begins at the earliest so long after the one before.
const BETWEEN_CHECKS: Duration = Duration::from_secs(1);

/// And at the latest.
const CHECKS_AT_LEAST: Duration = Duration::from_secs(300);

impl Check {
    /// `true` when a check has found the file sound; its damage is forgotten then.
    pub fn finds_it_sound(&mut self, condition: &Condition) -> bool {
        let now = Instant::now();
        match self.running.take_if(|running| running.is_finished()) {
            Some(finished) => {
                // It is a tenth of what the disk has to do, however large the file is.
                let took = self.began.map_or(Duration::ZERO, |began| now - began);
                self.next = now.checked_add((took * 10).clamp(BETWEEN_CHECKS, CHECKS_AT_LEAST));
                let sound = finished.join().unwrap_or(false);
                if sound {
                    *condition.lock() = None;
                }
                sound
            }
            None if self.running.is_none() && self.next.is_none_or(|next| next <= now) => {
                let path = condition.path.clone();
                self.began = Some(now);
                // Where there is no thread to be had, the next look tries again.
                self.running =
                    std::thread::Builder::new().name("ledger-check".to_owned()).spawn(move || is_sound(&path)).ok();
                false
            }
            None => false,
        }
    }
}

fn is_sound(path: &Path) -> bool {
    let check = |db: &Connection| db.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0));
    schema::open_to_read(path).is_ok_and(|db| check(&db).is_ok_and(|said| said == "ok"))
}

/// What an error means to a caller.
pub fn classed(path: &Path, why: &rusqlite::Error) -> LedgerError {
    if is_damage(why) {
        return LedgerError::Unavailable(damaged(path, why));
    }
    match why.sqlite_error_code() {
        Some(
            ErrorCode::DiskFull
            | ErrorCode::SystemIoFailure
            | ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::ReadOnly
            | ErrorCode::CannotOpen
            | ErrorCode::OutOfMemory
            | ErrorCode::PermissionDenied
            | ErrorCode::FileLockingProtocolFailed,
        ) => {
            LedgerError::Unavailable(format!("{}: {why}; it goes on by itself when the cause is gone", path.display()))
        }
        _ => LedgerError::Damaged(why.to_string()),
    }
}

/// Why a file cannot be opened or brought up to date.
pub fn unusable(path: &Path, what: &str, why: &rusqlite::Error) -> LedgerError {
    LedgerError::Unusable(if is_damage(why) {
        damaged(path, why)
    } else {
        format!("cannot {what} the ledger {}: {why}", path.display())
    })
}

fn is_damage(why: &rusqlite::Error) -> bool {
    matches!(why.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

fn damaged(path: &Path, why: &rusqlite::Error) -> String {
    let path = path.display();
    format!(
        "the ledger {path} is damaged or cannot be read ({why}); a running newswired reads it again and goes on when it \
         is whole; otherwise stop it, put {path} and {path}-wal aside together, and bring back a copy of before or save \
         what can be read with `sqlite3 {path} .recover`"
    )
}
