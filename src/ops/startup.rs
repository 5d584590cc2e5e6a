//! What is off with the machine is said at the start, not at the first article that meets it.
//!
//! Nothing here keeps the program from starting: one intake whose directory cannot be written is no reason to leave the
//! others closed. What it cannot do without (its ledger, its ports) is refused where it is opened. How many files may be
//! open is looked at where connections are given out.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;

use super::machine::{self, Room};
use crate::config::{Config, Door};
use crate::ledger::SqliteReader;

/// A file system that does not answer is another one's trouble: the start goes on.
const PATIENCE: Duration = Duration::from_secs(5);

/// How far the clock may be behind what was written last: clocks are set back by so much in ordinary service.
const SET_BACK: Duration = Duration::from_secs(60);

/// Looks, and logs what it finds. The ledger is open.
pub async fn look(config: &Config) {
    let (written, stores) = (written_to(config), machine::directories(config));
    let ledger = config.ledger.path.clone();
    let looking = tokio::task::spawn_blocking(move || {
        stores.iter().for_each(|(word, directory)| tell_room(word, directory));
        tell_clock(&ledger, Timestamp::now());
        written.iter().for_each(|directory| tell_unwritable(directory));
    });
    if tokio::time::timeout(PATIENCE, looking).await.is_err() {
        tracing::warn!("not all directories could be looked at: a file system does not answer");
    }
}

/// The directories in which files are made, besides the ledger's: the spool's, and those of doors on this machine.
fn written_to(config: &Config) -> Vec<PathBuf> {
    let spool =
        config.intake.spool.iter().flat_map(|spool| ["incoming", "done", "rejected"].map(|at| spool.dir.join(at)));
    let destinations = config.partners.values().flat_map(|partner| partner.destinations.values());
    let doors = destinations.filter_map(|destination| {
        let Some(Door::Directory(directory)) = destination.door() else { return None };
        Some(directory.path.clone())
    });
    spool.chain(doors).collect()
}

fn tell_room(word: &str, directory: &Path) {
    match machine::room(directory) {
        Ok(room) if is_nearly_full(room) => {
            tracing::warn!(
                directory = word,
                path = %directory.display(),
                free = room.free,
                size = room.size,
                "disk nearly full; make room, since nothing is taken or sent once it is"
            );
        }
        Ok(_) => {}
        Err(why) => tracing::warn!(directory = word, path = %directory.display(), reason = %why, "disk not looked at"),
    }
}

/// Less than a tenth is left.
fn is_nearly_full(room: Room) -> bool {
    room.free < room.size / 10
}

fn tell_unwritable(directory: &Path) {
    if let Err(why) = try_to_write(directory) {
        tracing::error!(
            directory = %directory.display(),
            reason = %why,
            "directory cannot be written; give the daemon's user the right to make files there"
        );
    }
}

/// Only making a file tells: rights, quotas, file systems that are read-only or full.
fn try_to_write(directory: &Path) -> io::Result<()> {
    // A name with a dot is left alone by the spool and by receivers; the file is gone at once.
    tempfile::Builder::new().prefix(".newswired-").tempfile_in(directory)?.close()
}

fn tell_clock(ledger: &Path, now: Timestamp) {
    // A ledger that cannot be read says so itself.
    let newest = SqliteReader::open(ledger).and_then(|reader| reader.newest());
    if let Ok(Some(newest)) = newest
        && is_behind(now, newest)
    {
        tracing::warn!(
            %now,
            %newest,
            "the clock is behind what the ledger has; set it, or embargoes, expiries and retries are late by as much"
        );
    }
}

fn is_behind(now: Timestamp, newest: Timestamp) -> bool {
    now.checked_add(SET_BACK).is_ok_and(|latest| latest < newest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_nearly_full_below_a_tenth() {
        let is = |free| is_nearly_full(Room { free, size: 1_000 });
        assert_eq!([0, 99, 100, 1_000].map(is), [true, true, false, false]);
    }

    #[test]
    fn a_clock_that_was_set_back_a_little_is_well() {
        let newest = Timestamp::from_second(1_000_000).unwrap();
        let is = |behind| is_behind(newest - Duration::from_secs(behind), newest);
        assert_eq!([0, 59, 60, 61, 86_400].map(is), [false, false, false, true, true]);
        assert!(!is_behind(newest + Duration::from_secs(1), newest));
    }

    #[test]
    fn a_directory_is_written_to_and_left_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        try_to_write(dir.path()).unwrap();
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        assert!(try_to_write(&dir.path().join("not-there")).is_err());
        assert!(try_to_write(Path::new("/proc")).is_err());
    }
}
