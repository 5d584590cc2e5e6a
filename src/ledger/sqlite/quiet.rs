//! Whether the ledger may have open orders that nobody has seen.
//!
//! Orders are written by other processes, and are looked for twenty times a second. While there are none, and nothing at
//! all is written, the file system is asked alone: a read is a thread woken twice, and at rest those were half of all that
//! the daemon did. What is written goes through the write-ahead log, whose times and size tell of it; they do so before its
//! reader does, so the ledger itself is looked at each second all the same.
//!
//! It does not know what an order is.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::fresh::Stamp;

/// For how long the log's word is taken that nothing was written. It is written to some time before its commit can be
/// read: on a disk that takes seconds for that, the order is found by this.
const LONGEST: Duration = Duration::from_secs(1);

/// When there was no open order.
pub struct Quiet {
    wal: PathBuf,
    seen: Mutex<Option<(Stamp, Instant)>>,
}

impl Quiet {
    /// Of the ledger with this write-ahead log.
    pub fn new(wal: PathBuf) -> Self {
        Self { wal, seen: Mutex::default() }
    }

    /// The log as it is; none where it was written to just now, or is not there. A local file system answers from memory.
    pub fn now(&self) -> Option<Stamp> {
        std::fs::metadata(&self.wal).ok().as_ref().and_then(Stamp::of)
    }

    /// Whether there was no open order when the log was like this, a moment ago.
    pub fn was_seen(&self, now: &Option<Stamp>) -> bool {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        matches!((&*seen, now), (Some((seen, at)), Some(now)) if seen == now && at.elapsed() < LONGEST)
    }

    /// Remembers that there was none when the log had been like this.
    pub fn note(&self, then: Option<Stamp>) {
        let seen = then.map(|then| (then, Instant::now()));
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = seen;
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    fn written(quiet: &Quiet, text: &str, age: Duration) {
        std::fs::write(&quiet.wal, text).unwrap();
        let file = std::fs::File::options().write(true).open(&quiet.wal).unwrap();
        file.set_modified(SystemTime::now() - age).unwrap();
    }

    #[test]
    fn what_was_written_since_is_looked_at() {
        let dir = tempfile::tempdir().unwrap();
        let quiet = Quiet::new(dir.path().join("wal"));
        quiet.note(quiet.now());
        assert!(!quiet.was_seen(&quiet.now()), "there is no log");
        let hour = Duration::from_secs(3_600);
        written(&quiet, "one", hour);
        assert!(!quiet.was_seen(&quiet.now()), "nobody has looked");
        let then = quiet.now();
        quiet.note(then);
        assert!(quiet.was_seen(&quiet.now()));
        // As long as before.
        written(&quiet, "two", Duration::ZERO);
        assert!(!quiet.was_seen(&quiet.now()));
        quiet.note(quiet.now());
        assert!(!quiet.was_seen(&quiet.now()), "within a tick of the clock it may be written to unseen");
        written(&quiet, "two", hour);
        quiet.note(quiet.now());
        assert!(quiet.was_seen(&quiet.now()));
        written(&quiet, "two", 2 * hour);
        assert!(!quiet.was_seen(&quiet.now()), "it is another one, however old");
    }

    #[test]
    fn the_logs_word_is_taken_for_a_moment() {
        let dir = tempfile::tempdir().unwrap();
        let quiet = Quiet::new(dir.path().join("wal"));
        written(&quiet, "one", Duration::from_secs(3_600));
        quiet.note(quiet.now());
        let before = Instant::now().checked_sub(LONGEST).unwrap();
        quiet.seen.lock().unwrap().as_mut().unwrap().1 = before;
        assert!(!quiet.was_seen(&quiet.now()));
    }
}
