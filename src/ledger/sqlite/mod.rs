//! The embedded ledger: one SQLite file in WAL mode.
//!
//! ```text
//!  callers ──▶ bounded lines ──▶ writer thread: BEGIN, apply what waits, COMMIT, answer all
//!              (withdrawals first)    (one fdatasync for as many commands as a few milliseconds hold)
//!  readers ──▶ a few read-only connections on the blocking pool
//!                                  checkpoint thread: moves the WAL into the file, off the way of commits
//! ```
//!
//! The writer is the only one that changes anything, in the order of its lines (`queue`); so what a lane recorded is in
//! effect for that lane's next claim, before either is on the disk. A claim of withdrawals goes before both. What was
//! plainly delivered is gathered for some milliseconds and written when a commit has all else: what of it waits again comes
//! with the answer. Whatever a withdrawal meets is written before it.

mod answers;
mod command;
mod commands;
mod copy;
mod db;
mod inspect;
mod plain;
mod queue;
mod quiet;
mod rows;
mod schema;
#[cfg(test)]
pub(crate) mod simulated;
mod triggers;
mod trouble;
mod writer;

use std::fs::File;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use rusqlite::Connection;
use tokio::sync::{oneshot, watch};

pub use copy::{Contents, CopyError, CopyStep, Restored, back_up, restore};
pub use inspect::{Held, QuarantineSummary, SqliteReader};

use self::command::Command;
use self::queue::Entrance;
use self::quiet::Quiet;
use self::trouble::Condition;
use super::{Health, LedgerError};
use crate::telemetry::CommitMetrics;

/// Read-only connections that are kept open.
const READERS: usize = 2;

/// The ledger of one daemon on one machine.
pub struct SqliteLedger {
    commands: Entrance,
    readers: Arc<Readers>,
    quiet: Quiet,
    health: watch::Receiver<Health>,
    /// Attempts that were announced when the last daemon ended, and whose outcome is unknown.
    recovered: usize,
}

/// What to open.
#[derive(Debug, Clone)]
pub struct SqliteOptions<'a> {
    pub path: &'a Path,
    /// The most commands that one commit takes together.
    pub batch: usize,
    /// Commands of each kind that may wait for the writer; of those of lanes several times as many. When so many do, callers
    /// wait: intake stops reading its sources, lanes stop taking rows. Two full batches keep the writer busy while it
    /// commits.
    pub waiting: usize,
    /// How long a request may still be in the network after its sender died.
    pub in_network: Duration,
    /// Where each commit is counted.
    pub commits: CommitMetrics,
}

/// The end of a ledger: waits until everything that was handed to it is on the disk.
pub struct Closing {
    writer: std::thread::JoinHandle<()>,
    checkpoints: std::thread::JoinHandle<()>,
}

impl Closing {
    /// Blocks until both threads have ended. Drop every [`SqliteLedger`] first.
    pub fn wait(self) {
        // A panic of theirs was logged where it happened; what was committed is safe either way.
        let _ = self.writer.join();
        let _ = self.checkpoints.join();
    }
}

impl SqliteLedger {
    /// Opens the file, makes or migrates it, settles what a crash left announced, and starts the writer.
    ///
    /// # Errors
    /// [`LedgerError::Unusable`] when another daemon has it, it cannot be written, or a newer program wrote it.
    pub fn open(options: &SqliteOptions<'_>) -> Result<(Self, Closing), LedgerError> {
        let path = options.path;
        if let Some(dir) = path.parent().filter(|dir| !dir.as_os_str().is_empty()) {
            std::fs::create_dir_all(dir).map_err(|why| {
                LedgerError::Unusable(format!("cannot make the ledger's directory {}: {why}", dir.display()))
            })?;
        }
        let lock = lock(path)?;
        let mut connection = schema::open(path)?;
        let unusable = |why| trouble::unusable(path, "go on with", &why);
        let recovered = recover(&connection, options).map_err(unusable)?;
        let (commands, waiting) = queue::queue(options.waiting);
        let (report_health, health) = watch::channel(Health::Good);
        let (checkpoints_due, commits) = writer::tie();
        checkpoints_due.watch(&mut connection).map_err(unusable)?;
        let spawn = |name: &str, work: Box<dyn FnOnce() + Send>| {
            std::thread::Builder::new()
                .name(name.to_owned())
                .spawn(work)
                .map_err(|why| LedgerError::Unusable(format!("cannot start the ledger's thread: {why}")))
        };
        let checkpointer = schema::open(path)?;
        let checkpoints = spawn("ledger-checkpoint", Box::new(move || writer::checkpoints(&checkpointer, &commits)))?;
        let quiet = Quiet::new(writer::wal_path(path));
        let groups = writer::Groups { batch: options.batch, counted: options.commits.clone() };
        let waits = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .map_err(|why| LedgerError::Unusable(format!("cannot start the ledger's thread: {why}")))?;
        let condition = Arc::new(Condition::new(path));
        let readers = Arc::new(Readers {
            path: path.to_owned(),
            condition: Arc::clone(&condition),
            idle: Mutex::new(Vec::new()),
            #[cfg(test)]
            simulated: None,
        });
        let writer = spawn(
            "ledger-writer",
            Box::new(move || {
                writer::run(connection, waiting, &waits, &groups, &condition, &report_health, &checkpoints_due);
                drop(lock);
            }),
        )?;
        Ok((Self { commands, readers, quiet, health, recovered }, Closing { writer, checkpoints }))
    }

    /// How many attempts were announced when the last daemon died.
    pub fn recovered(&self) -> usize {
        self.recovered
    }

    fn ask<'a, T: Send + 'a>(
        &'a self,
        command: impl FnOnce(oneshot::Sender<Result<T, LedgerError>>) -> Command,
    ) -> BoxFuture<'a, Result<T, LedgerError>> {
        let (answer, answered) = oneshot::channel();
        let command = command(answer);
        async move {
            self.commands.send(command).await?;
            answered.await.map_err(|_| LedgerError::Closed)?
        }
        .boxed()
    }

    fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> BoxFuture<'_, Result<T, LedgerError>> {
        let readers = Arc::clone(&self.readers);
        #[cfg(test)]
        if let Some(disk) = &readers.simulated {
            let found = disk.with(|db| read(db).map_err(|why| readers.condition.classed(&why)));
            return async move { found }.boxed();
        }
        async move { tokio::task::spawn_blocking(move || readers.with(read)).await.map_err(|_| LedgerError::Closed)? }
            .boxed()
    }
}

/// Read-only connections, made when first needed.
struct Readers {
    path: std::path::PathBuf,
    condition: Arc<Condition>,
    idle: Mutex<Vec<Connection>>,
    /// Reads see what a simulation's one connection does, at once.
    #[cfg(test)]
    simulated: Option<simulated::Disk>,
}

impl Readers {
    fn with<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, LedgerError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => schema::open_to_read(&self.path)?,
        };
        let result = read(&connection).map_err(|why| self.condition.classed(&why));
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < READERS {
            idle.push(connection);
        }
        result
    }
}

/// How often a start tries to have the ledger to itself, and how long it waits in between: an operator's command that
/// looks whether a daemon runs holds the lock for a moment.
const LOCK_TRIES: u32 = 10;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// Settles what a crash left announced. Its rows are as many as the lanes' windows.
fn recover(connection: &Connection, options: &SqliteOptions<'_>) -> rusqlite::Result<usize> {
    let transaction = connection.unchecked_transaction()?;
    let recovered = commands::recover(&db::Db::of(&transaction), None, Timestamp::now(), options.in_network)?;
    transaction.commit()?;
    Ok(recovered)
}

/// Keeps a second daemon off the file for as long as it is held. The system lets go of it when the process dies.
fn lock(path: &Path) -> Result<File, LedgerError> {
    let file = File::create(lock_path(path))
        .map_err(|why| LedgerError::Unusable(format!("cannot write beside the ledger {}: {why}", path.display())))?;
    for _ in 0..LOCK_TRIES {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(std::fs::TryLockError::WouldBlock) => std::thread::sleep(LOCK_PAUSE),
            Err(std::fs::TryLockError::Error(why)) => {
                return Err(LedgerError::Unusable(format!("cannot lock the ledger {}: {why}", path.display())));
            }
        }
    }
    Err(LedgerError::Unusable(format!(
        "another newswired runs on the ledger {}; stop that one, or give this one a ledger.path of its own",
        path.display()
    )))
}

/// The file whose lock is the daemon's.
fn lock_path(path: &Path) -> std::path::PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}

#[cfg(test)]
mod faults;
#[cfg(test)]
pub mod tests;
