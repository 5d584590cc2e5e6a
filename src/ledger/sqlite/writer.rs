//! The writer thread: group commits.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver as StdReceiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{mpsc, watch};

use super::classed;
use super::command::{Command, Done};
use crate::ledger::{Health, LedgerError};

/// A commit that is on the disk: what receipts are made from.
pub struct Committed(());

/// How long the writer waits before it tries a failing disk again.
const PAUSE: Duration = Duration::from_millis(250);

/// How long a stop waits for a failing disk. What was not written then is settled by the next start.
const LAST_TRIES: Duration = Duration::from_secs(5);

/// Runs until the last sender is gone and everything that was sent is on the disk.
pub fn run(
    mut connection: Connection,
    mut waiting: mpsc::Receiver<Command>,
    batch: usize,
    health: &watch::Sender<Health>,
    written: &SyncSender<()>,
) {
    // Records of what already happened outlive a failing disk here until they can be written; requests do not.
    let mut kept: Vec<Command> = Vec::new();
    let mut failing_since = None;
    loop {
        let mut commands = std::mem::take(&mut kept);
        if commands.is_empty() {
            let Some(first) = waiting.blocking_recv() else { return };
            commands.push(first);
        }
        while commands.len() < batch {
            let Ok(next) = waiting.try_recv() else { break };
            commands.push(next);
        }
        match commit(&mut connection, &commands) {
            Ok((committed, done)) => {
                is_good(health);
                for (command, done) in commands.into_iter().zip(done) {
                    command.answer(done, &committed);
                }
                failing_since = None;
                // Full means that a checkpoint is due already.
                let _ = written.try_send(());
            }
            Err(LedgerError::Unavailable(why)) => {
                if *health.borrow() == Health::Good {
                    tracing::error!(reason = %why, "ledger cannot write");
                }
                health.send_replace(Health::Failing(why.clone()));
                kept = commands.into_iter().filter_map(|command| command.refuse_or_keep(&why)).collect();
                wait_for_the_disk(&mut connection, &mut waiting, &mut kept, &why);
                let since = *failing_since.get_or_insert_with(Instant::now);
                if waiting.is_closed() && since.elapsed() > LAST_TRIES {
                    tracing::error!(
                        commands = kept.len(),
                        "stopped before the ledger could write; what was sent meanwhile counts as unknown"
                    );
                    return;
                }
                if kept.is_empty() {
                    is_good(health);
                }
            }
            // One command is at fault: each gets a transaction of its own, and only that one is refused.
            Err(_) => one_by_one(&mut connection, commands, &mut kept, health),
        }
    }
}

fn is_good(health: &watch::Sender<Health>) {
    let failed = |now: &mut Health| std::mem::replace(now, Health::Good) != Health::Good;
    if health.send_if_modified(failed) {
        tracing::info!("ledger writes again");
    }
}

/// Returns when there is something to write that happened already, or when the disk takes writes again, or when nobody
/// is left who could ask. Requests that come meanwhile are refused at once.
fn wait_for_the_disk(
    connection: &mut Connection,
    waiting: &mut mpsc::Receiver<Command>,
    kept: &mut Vec<Command>,
    why: &str,
) {
    loop {
        std::thread::sleep(PAUSE);
        while let Ok(command) = waiting.try_recv() {
            kept.extend(command.refuse_or_keep(why));
        }
        if !kept.is_empty() || probe(connection) || waiting.is_closed() {
            return;
        }
    }
}

/// Whether a commit that changes nothing but a number succeeds.
fn probe(connection: &mut Connection) -> bool {
    let mut attempt = || -> rusqlite::Result<()> {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let id: i64 = transaction.query_row("PRAGMA application_id", [], |row| row.get(0))?;
        transaction.pragma_update(None, "application_id", id ^ 1)?;
        transaction.commit()
    };
    attempt().is_ok()
}

fn one_by_one(
    connection: &mut Connection,
    commands: Vec<Command>,
    kept: &mut Vec<Command>,
    health: &watch::Sender<Health>,
) {
    let mut commands = commands.into_iter();
    while let Some(command) = commands.next() {
        match commit(connection, std::slice::from_ref(&command)) {
            Ok((committed, mut done)) => {
                is_good(health);
                if let Some(done) = done.pop() {
                    command.answer(done, &committed);
                }
            }
            // The rest waits with it, so that the order stays.
            Err(LedgerError::Unavailable(_)) => {
                kept.push(command);
                kept.extend(commands);
                return;
            }
            Err(why) => {
                tracing::error!(reason = %why, "ledger refused a command");
                command.fail(why);
            }
        }
    }
}

/// One transaction for all of `commands`.
pub fn commit(connection: &mut Connection, commands: &[Command]) -> Result<(Committed, Vec<Done>), LedgerError> {
    let mut attempt = || -> rusqlite::Result<Vec<Done>> {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let done = commands.iter().map(|command| command.apply(&transaction)).collect::<Result<_, _>>()?;
        transaction.commit()?;
        Ok(done)
    };
    attempt().map(|done| (Committed(()), done)).map_err(classed)
}

/// A WAL beyond this size is moved into the file.
const WAL_WORTH_MOVING: u64 = 4 << 20;

/// A WAL beyond this size is cut back, even if commits have to wait for it.
const WAL_TOO_LARGE: u64 = 256 << 20;

/// The checkpoint thread: looks after each commit, and moves the WAL when it is worth it. Ends when the writer does,
/// with a last checkpoint so that the next start finds a small WAL.
pub fn checkpoints(connection: &Connection, wal: &Path, written: &StdReceiver<()>) {
    // It can hold commits up while it cuts the WAL back, and must let go long before they lose patience.
    let _ = connection.busy_timeout(Duration::from_secs(1));
    loop {
        let ended = match written.recv_timeout(Duration::from_secs(60)) {
            Ok(()) | Err(RecvTimeoutError::Timeout) => false,
            Err(RecvTimeoutError::Disconnected) => true,
        };
        let size = std::fs::metadata(wal).map_or(0, |file| file.len());
        let mode = if ended || size > WAL_TOO_LARGE {
            "TRUNCATE"
        } else if size > WAL_WORTH_MOVING {
            "PASSIVE"
        } else {
            continue;
        };
        // A checkpoint that fails leaves the WAL as it was: nothing is lost, and the next one tries again.
        if let Err(why) = connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |_| Ok(())) {
            tracing::warn!(reason = %why, "ledger checkpoint failed");
        }
        if ended {
            return;
        }
    }
}

/// Where SQLite keeps the WAL of `path`.
pub fn wal_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    PathBuf::from(name)
}
