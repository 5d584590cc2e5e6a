//! Copies of a ledger: one is made beside a running daemon, checked, and later put where a ledger was.
//!
//! A copy is one moment of the ledger. It is read inside a single transaction, so commits go on meanwhile and are not in
//! it; the write-ahead log grows by what they write until the copy is read. It is a file of its own, without a log beside
//! it. Nobody finds half a copy: it has another name until it was checked and is on the disk.
//!
//! Promise 4 through a restore: whatever waited when the copy was made may have been sent between then and the restore.
//! Such deliveries count as possible, so that a kill goes there; and they go again, with the message ids that they had.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OptionalExtension};
use serde::Serialize;
use tempfile::{NamedTempFile, TempPath};

use super::{lock, lock_path, rows, schema, trouble, writer};
use crate::ledger::LedgerError;

/// Pages that are copied between two words about progress: a mebibyte, where they have their usual size.
const STEP: i32 = 256;

/// What a copy is called until it is whole.
const UNFINISHED: &str = ".newswired-unfinished-";

/// Who may read a copy: it holds stories under embargo.
const COPY_MODE: u32 = 0o600;

/// Who may read a ledger that was brought back: operators in the daemon's group, as ever.
const LEDGER_MODE: u32 = 0o640;

/// What a ledger or a copy of one holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Contents {
    /// The number of its last migration.
    pub schema: usize,
    /// Whether it is the schema of this program.
    pub current: bool,
    pub stories: u64,
    pub articles: u64,
    pub deliveries: u64,
    /// Of the deliveries, those that are ready or held.
    pub waiting: u64,
    /// Of the deliveries, those with an attempt announced.
    pub attempting: u64,
    /// Quarantine entries that wait for an operator.
    pub quarantined: u64,
    /// When the newest article was accepted.
    pub newest: Option<Timestamp>,
}

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyStep {
    /// So many bytes of so many are copied.
    Copying { done: u64, of: u64 },
    /// The whole file is read, and every index compared with its table.
    Checking,
}

/// A ledger that was brought back.
#[derive(Debug, PartialEq, Eq)]
pub struct Restored {
    pub contents: Contents,
    /// Where the ledger is now that was there before.
    pub aside: Option<PathBuf>,
    /// Deliveries that waited, and may have been sent since.
    pub in_doubt: usize,
}

/// Why there is no copy, or why one was not brought back. Whatever was there is as it was.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error("{} is there already; give another name, or move it away", .0.display())]
    Exists(PathBuf),
    #[error("a ledger is at {} already; --replace puts it aside under another name", .0.display())]
    Occupied(PathBuf),
    #[error("{} cannot be used: {why}", path.display())]
    Unsound { path: PathBuf, why: String },
    #[error("cannot {what} {}: {why}", path.display())]
    Disk { what: &'static str, path: PathBuf, why: io::Error },
    #[error("cannot write a copy into {}: {why}", path.display())]
    Copy { path: PathBuf, why: rusqlite::Error },
}

/// Copies `ledger` to `to`, beside a running daemon or without one. Returns when the copy was checked and is on the disk.
///
/// # Errors
/// [`CopyError`]; then there is no copy.
pub fn back_up(ledger: &Path, to: &Path, tell: &mut dyn FnMut(CopyStep)) -> Result<Contents, CopyError> {
    if to.symlink_metadata().is_ok() {
        return Err(CopyError::Exists(to.to_owned()));
    }
    if !ledger.exists() {
        return Err(LedgerError::Unusable(format!(
            "there is no ledger at {}; ledger.path says where it is",
            ledger.display()
        ))
        .into());
    }
    let (contents, copy) = copied(ledger, to, COPY_MODE, |_| Ok(()), tell)?;
    publish(copy, to)?;
    Ok(contents)
}

/// Puts a copy where `ledger` is to be. Nothing may run on it; a ledger that is there goes aside with `replace`.
///
/// # Errors
/// [`CopyError`]; then the ledger is as it was.
pub fn restore(
    from: &Path,
    ledger: &Path,
    replace: bool,
    now: Timestamp,
    tell: &mut dyn FnMut(CopyStep),
) -> Result<Restored, CopyError> {
    if !from.exists() {
        return Err(CopyError::Unsound { path: from.to_owned(), why: "there is no such file".to_owned() });
    }
    let dir = parent(ledger);
    fs::create_dir_all(dir).map_err(disk("make the directory", dir))?;
    let _alone = lock(ledger)?;
    own(&lock_path(ledger), dir)?;
    if ledger.symlink_metadata().is_ok() && !replace {
        return Err(CopyError::Occupied(ledger.to_owned()));
    }
    let mut in_doubt = 0;
    let mark = |copy: &Connection| {
        in_doubt = doubt(copy, now)?;
        Ok(())
    };
    let (contents, copy) = copied(from, ledger, LEDGER_MODE, mark, tell)?;
    own(&copy, dir)?;
    let aside = put_aside(ledger, now)?;
    if let Err(why) = publish(copy, ledger) {
        // Nothing is at its place, so the one of before goes back there.
        if let Some(aside) = &aside {
            moved(aside, ledger)?;
        }
        return Err(why);
    }
    Ok(Restored { contents, aside, in_doubt })
}

/// A checked copy of `from` on the disk of `to`, which it is to become, with what `change` does to it.
fn copied(
    from: &Path,
    to: &Path,
    mode: u32,
    change: impl FnOnce(&Connection) -> rusqlite::Result<()>,
    tell: &mut dyn FnMut(CopyStep),
) -> Result<(Contents, TempPath), CopyError> {
    let unsound = |path: &Path, why: String| CopyError::Unsound { path: path.to_owned(), why };
    let source = schema::open_to_read(from)?;
    // One transaction for all of it: a copy that met a commit would have to begin anew.
    let moment = source.unchecked_transaction().map_err(|why| trouble::classed(from, &why))?;
    let contents = held_in(&moment, from)?;
    let copy = unfinished(to)?.into_temp_path();
    let write = |why| CopyError::Copy { path: parent(to).to_owned(), why };
    let mut target = Connection::open(&copy).map_err(write)?;
    // What does not come to its end is thrown away; its end is made durable once.
    for (setting, value) in [("journal_mode", "OFF"), ("synchronous", "OFF")] {
        target.pragma_update(None, setting, value).map_err(write)?;
    }
    let page: u64 = moment.query_row("PRAGMA page_size", [], |row| row.get(0)).map_err(write)?;
    {
        let backup = Backup::new(&moment, &mut target).map_err(write)?;
        while backup.step(STEP).map_err(write)? != StepResult::Done {
            let (left, all) = (backup.progress().remaining, backup.progress().pagecount);
            let bytes = |pages: i32| u64::try_from(pages).unwrap_or_default() * page;
            tell(CopyStep::Copying { done: bytes(all - left), of: bytes(all) });
        }
    }
    // A ledger's pages say that there is a log beside it; a copy is to be whole by itself.
    target.pragma_update(None, "journal_mode", "DELETE").map_err(write)?;
    tell(CopyStep::Checking);
    let said: String = target
        .query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
        .map_err(|why| trouble::classed(&copy, &why))?;
    if said != "ok" {
        return Err(unsound(from, format!("it is damaged ({said}); use another copy")));
    }
    let arrived = held_in(&target, from)?;
    if arrived != contents {
        return Err(unsound(&copy, format!("it holds {arrived:?}, and what was copied {contents:?}")));
    }
    change(&target).map_err(write)?;
    target.close().map_err(|(_, why)| write(why))?;
    fs::set_permissions(&copy, fs::Permissions::from_mode(mode)).map_err(disk("set the mode of", &copy))?;
    synced(&copy)?;
    Ok((contents, copy))
}

/// What a file holds.
fn held_in(db: &Connection, path: &Path) -> Result<Contents, CopyError> {
    let schema = schema::known(db, path)?;
    let count = |what: &str| db.query_row(&format!("SELECT count(*) FROM {what}"), [], |row| row.get(0));
    // Only what every schema has had since the first.
    let count_all = || -> rusqlite::Result<Contents> {
        let newest =
            db.query_row("SELECT accepted FROM article ORDER BY id DESC LIMIT 1", [], |row| rows::timestamp(row, 0));
        Ok(Contents {
            schema,
            current: schema == schema::LATEST,
            stories: count("story")?,
            articles: count("article")?,
            deliveries: count("delivery")?,
            waiting: count("delivery INDEXED BY delivery_ready WHERE stage = 1")?
                + count("delivery INDEXED BY delivery_held WHERE stage = 2")?,
            attempting: count("delivery INDEXED BY delivery_attempting WHERE stage = 3")?,
            quarantined: count("quarantine WHERE state = 'waiting'")?,
            newest: newest.optional()?,
        })
    };
    count_all().map_err(|why| trouble::classed(path, &why).into())
}

/// Notes of what waits that it may have been sent. What is under embargo until after `now` was not.
fn doubt(copy: &Connection, now: Timestamp) -> rusqlite::Result<usize> {
    copy.execute(
        "UPDATE delivery SET possible = max(coalesce(possible, 0), version) \
         WHERE stage IN (1, 2) AND action NOT IN ('kill', 'withhold') AND (embargo IS NULL OR embargo <= ?1)",
        [rows::micros(now)],
    )
}

/// Moves a ledger out of the way, with its log, and says where to. None where there is none.
///
/// A log that stayed would be taken for that of the file which comes to its place. Neither is opened: SQLite would tidy up
/// what may be all that is left of a damaged one.
fn put_aside(ledger: &Path, now: Timestamp) -> Result<Option<PathBuf>, CopyError> {
    let aside = beside(ledger, now)?;
    let any = moved(ledger, &aside)?;
    let mut index = ledger.as_os_str().to_owned();
    index.push("-shm");
    match fs::remove_file(&index) {
        Err(why) if why.kind() != io::ErrorKind::NotFound => {
            return Err(disk("remove", Path::new(&index))(why));
        }
        Ok(()) | Err(_) => {}
    }
    synced(parent(ledger))?;
    Ok(any.then_some(aside))
}

/// Renames a ledger and its log. Whether there was either.
fn moved(from: &Path, to: &Path) -> Result<bool, CopyError> {
    let mut any = false;
    for (from, to) in [(from.to_owned(), to.to_owned()), (writer::wal_path(from), writer::wal_path(to))] {
        match fs::rename(&from, &to) {
            Ok(()) => any = true,
            Err(why) if why.kind() == io::ErrorKind::NotFound => {}
            Err(why) => return Err(disk("move", &from)(why)),
        }
    }
    Ok(any)
}

/// A name that nothing has yet.
fn beside(ledger: &Path, now: Timestamp) -> Result<PathBuf, CopyError> {
    let name = |number: u32| {
        let mut name = ledger.as_os_str().to_owned();
        name.push(now.strftime(".before-%Y%m%dT%H%M%SZ").to_string());
        if number > 1 {
            name.push(format!("-{number}"));
        }
        PathBuf::from(name)
    };
    (1..1000).map(name).find(|name| name.symlink_metadata().is_err()).ok_or_else(|| CopyError::Exists(name(1)))
}

/// A file that nobody else may read, beside `to`.
fn unfinished(to: &Path) -> Result<NamedTempFile, CopyError> {
    let dir = parent(to);
    tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(dir).map_err(disk("write into", dir))
}

/// Gives a whole copy its name, which nothing may have.
fn publish(copy: TempPath, to: &Path) -> Result<(), CopyError> {
    copy.persist_noclobber(to).map_err(|why| match why.error.kind() {
        io::ErrorKind::AlreadyExists => CopyError::Exists(to.to_owned()),
        _ => disk("give its name to", to)(why.error),
    })?;
    synced(parent(to))
}

/// A file beside a ledger belongs to whom its directory belongs to: root may have written it, and the daemon is not root.
fn own(file: &Path, dir: &Path) -> Result<(), CopyError> {
    let (is, should_be) = match (fs::metadata(file), fs::metadata(dir)) {
        (Ok(is), Ok(should_be)) => (is, should_be),
        (Err(why), _) | (_, Err(why)) => return Err(disk("look at", file)(why)),
    };
    if is.uid() == should_be.uid() {
        return Ok(());
    }
    chown(file, Some(should_be.uid()), Some(should_be.gid())).map_err(disk("give its owner to", file))
}

fn synced(path: &Path) -> Result<(), CopyError> {
    File::open(path).and_then(|file| file.sync_all()).map_err(disk("make durable", path))
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn disk(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> CopyError {
    let path = path.to_owned();
    move |why| CopyError::Disk { what, path, why }
}

#[cfg(test)]
mod tests;
