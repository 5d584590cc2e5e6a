//! The writer thread: group commits.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver as StdReceiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

use rusqlite::{Connection, TransactionBehavior};
use tokio::runtime::Runtime;
use tokio::sync::watch;

use super::command::{Command, Done, Heeds};
use super::commands;
use super::db::Db;
use super::queue::{Queue, Share};
use super::schema::BUSY;
use super::trouble::{Check, Condition};
use crate::ledger::{Health, LedgerError, Waiting};
use crate::telemetry::CommitMetrics;

/// A commit that is on the disk: what receipts are made from.
pub struct Committed(());

/// How long a commit goes on taking up what waits. Whoever comes meanwhile waits for all of it, a kill among them; but
/// a page that several commands change is written once a commit, so that shorter ones write more. One that takes up a
/// withdrawal ends sooner.
const SPAN: Duration = Duration::from_millis(4);

/// How long the writer waits before it tries a failing disk again.
const PAUSE: Duration = Duration::from_millis(250);

/// How long a stop waits for a failing disk. What was not written then is settled by the next start.
const LAST_TRIES: Duration = Duration::from_secs(5);

/// Runs until the last sender is gone and everything that was sent is on the disk. Its thread sleeps in `waits` while
/// there is nothing to do.
pub fn run(
    connection: Connection,
    waiting: Queue,
    waits: &Runtime,
    groups: &Groups,
    condition: &Condition,
    health: &watch::Sender<Health>,
    wal: &Checkpoints,
) {
    let Groups { batch, counted } = groups;
    let (kept, check) = (Vec::new(), Check::default());
    let mut writer = Writer { connection, waiting, waits, kept, condition, check, health, counted };
    let mut failing_since = None;
    while let Some(mut commands) = writer.next() {
        match writer.commit(&mut commands, Some(*batch)) {
            Ok((committed, done)) => {
                writer.is_good();
                for (command, done) in commands.into_iter().zip(done) {
                    command.answer(done, &committed);
                }
                failing_since = None;
                wal.written(&writer.connection);
            }
            Err(LedgerError::Unavailable(why)) => {
                writer.fails(&why);
                writer.kept = commands.into_iter().filter_map(|command| command.refuse_or_keep(&why)).collect();
                let since = *failing_since.get_or_insert_with(Instant::now);
                if writer.wait_for_the_disk(&why) == Waited::Good {
                    writer.is_good();
                } else if writer.waiting.is_closed() && (writer.kept.is_empty() || since.elapsed() > LAST_TRIES) {
                    tracing::error!(
                        commands = writer.kept.len(),
                        "stopped before the ledger could write; what was sent meanwhile counts as unknown"
                    );
                    return;
                }
            }
            // One command is at fault: each gets a transaction of its own, and only that one is refused.
            Err(_) => writer.one_by_one(commands),
        }
    }
}

/// How commands make a commit.
#[derive(Debug, Clone)]
pub struct Groups {
    /// The most that one takes together.
    pub batch: usize,
    /// Where each is counted.
    pub counted: CommitMetrics,
}

/// What the writer thread works with.
struct Writer<'a> {
    connection: Connection,
    waiting: Queue,
    waits: &'a Runtime,
    /// Records of what already happened outlive a failing disk here until they can be written; requests do not.
    kept: Vec<Command>,
    condition: &'a Condition,
    check: Check,
    health: &'a watch::Sender<Health>,
    counted: &'a CommitMetrics,
}

/// What a wait for the disk came to.
#[derive(Debug, PartialEq, Eq)]
enum Waited {
    /// It takes writes again.
    Good,
    /// It has to be tried with what there is to write, or nobody is left who could ask.
    Unknown,
}

impl Writer<'_> {
    /// What the next commit begins with; none when the last sender is gone.
    fn next(&mut self) -> Option<Vec<Command>> {
        let mut commands = std::mem::take(&mut self.kept);
        if commands.is_empty() {
            commands.push(self.waits.block_on(self.waiting.next())?);
        }
        Some(commands)
    }

    fn fails(&self, why: &str) {
        if *self.health.borrow() == Health::Good {
            tracing::error!(reason = %why, "ledger cannot write: nothing is taken or sent");
        }
        self.health.send_replace(Health::Failing(why.to_owned()));
    }

    fn is_good(&self) {
        let failed = |now: &mut Health| std::mem::replace(now, Health::Good) != Health::Good;
        if self.health.send_if_modified(failed) {
            tracing::info!("ledger writes again");
        }
    }

    /// Returns when there is something to write that happened already, or when the disk takes writes again, or when
    /// nobody is left who could ask. Requests that come meanwhile are refused at once.
    fn wait_for_the_disk(&mut self, why: &str) -> Waited {
        loop {
            std::thread::sleep(PAUSE);
            while let Some(command) = self.waiting.try_next() {
                self.kept.extend(command.refuse_or_keep(why));
            }
            if self.waiting.is_closed() {
                return Waited::Unknown;
            }
            if self.condition.damage().is_some() && !self.check.finds_it_sound(self.condition) {
                continue;
            }
            if !self.kept.is_empty() {
                return Waited::Unknown;
            }
            if self.probe() {
                return Waited::Good;
            }
        }
    }

    /// Whether a commit that changes nothing but a number succeeds.
    fn probe(&mut self) -> bool {
        let mut attempt = || -> rusqlite::Result<()> {
            let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let id: i64 = transaction.query_row("PRAGMA application_id", [], |row| row.get(0))?;
            transaction.pragma_update(None, "application_id", id ^ 1)?;
            transaction.commit()
        };
        attempt().map_err(|why| self.condition.classed(&why)).is_ok()
    }

    fn one_by_one(&mut self, commands: Vec<Command>) {
        let mut commands = commands.into_iter();
        while let Some(command) = commands.next() {
            let mut alone = vec![command];
            match self.commit(&mut alone, None) {
                Ok((committed, done)) => {
                    self.is_good();
                    for (command, done) in alone.into_iter().zip(done) {
                        command.answer(done, &committed);
                    }
                }
                // The rest waits with it, so that the order stays.
                Err(LedgerError::Unavailable(_)) => {
                    self.kept.extend(alone);
                    self.kept.extend(commands);
                    return;
                }
                Err(why) => {
                    tracing::error!(reason = %why, "ledger refused a command");
                    alone.into_iter().for_each(|command| command.fail(why.clone()));
                }
            }
        }
    }

    /// One transaction for all of `commands`, and for what waits meanwhile: up to `batch` of them together. Without a `batch`
    /// nothing comes to them, not even the ends that one heeds: these are not to fail with it. What it does stays right,
    /// since a row whose end is not written yet counts as one that is under way.
    fn commit(
        &mut self,
        commands: &mut Vec<Command>,
        batch: Option<usize>,
    ) -> Result<(Committed, Vec<Done>), LedgerError> {
        // Nothing more is written to what a reader found damaged.
        if let Some(damage) = self.condition.damage() {
            return Err(LedgerError::Unavailable(damage));
        }
        let began = Instant::now();
        let mut share = Share::of(SPAN, commands, began);
        let more = |waiting: &mut Queue, taken| {
            if batch.is_some_and(|batch| taken < batch) { share.next(waiting, Instant::now()) } else { None }
        };
        let waiting = batch.map(|_| &mut self.waiting);
        let done = commit(&mut self.connection, commands, waiting, more).map_err(|why| self.condition.classed(&why))?;
        self.counted.seconds.observe(began.elapsed().as_secs_f64());
        self.counted.commands.observe(commands.len() as f64);
        Ok(done)
    }
}

/// How many plain ends a commit gathers before it writes them. All of a story at once are cheaper than one by one; so many
/// take about a millisecond, which is what a kill may have to wait for them.
const ENDS: usize = 256;

/// One transaction for all of `commands`, for the ends that wait and that they heed, and for what `more` takes from those that
/// wait when it is told how many they are.
/// What was delivered is written a little later than what lanes asked for after it, which is of other rows; a lane is told
/// what of its own waits again, whenever that is.
pub fn commit(
    connection: &mut Connection,
    commands: &mut Vec<Command>,
    mut waiting: Option<&mut Queue>,
    mut more: impl FnMut(&mut Queue, usize) -> Option<Command>,
) -> rusqlite::Result<(Committed, Vec<Done>)> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut done = Vec::with_capacity(commands.len());
    let db = Db::of(&transaction);
    let mut ends = Vec::new();
    loop {
        while let Some(command) = commands.get(done.len()) {
            let heeds = command.heeds();
            let before = match (heeds, waiting.as_deref_mut()) {
                (Heeds::Nothing | Heeds::Taken, _) | (_, None) => Vec::new(),
                (Heeds::OfStory(guid), Some(waiting)) => {
                    commands::story_of(&db, guid)?.map_or_else(Vec::new, |story| waiting.ends_of(story))
                }
                (Heeds::OfLane(lane), Some(waiting)) => waiting.ends_at(lane),
                (Heeds::All, Some(waiting)) => waiting.all_ends(),
            };
            if !before.is_empty() {
                let at = done.len();
                commands.splice(at..at, before);
                continue;
            }
            if heeds != Heeds::Nothing {
                write_ends(&db, commands, &mut ends, &mut done)?;
            }
            done.push(match command.arrived() {
                Some(_) => {
                    ends.push(done.len());
                    Done::Settled(Waiting::default())
                }
                None => command.apply(&db)?,
            });
        }
        if ends.len() >= ENDS {
            write_ends(&db, commands, &mut ends, &mut done)?;
        }
        // It is among them before it is tried: whatever comes of it, somebody waits for its answer.
        match waiting.as_deref_mut().and_then(|waiting| more(waiting, commands.len())) {
            Some(command) => commands.push(command),
            None => break,
        }
    }
    write_ends(&db, commands, &mut ends, &mut done)?;
    drop(db);
    transaction.commit()?;
    Ok((Committed(()), done))
}

/// Writes what was delivered, by the commands at `ends`, and puts down what that came to.
fn write_ends(db: &Db<'_>, commands: &[Command], ends: &mut Vec<usize>, done: &mut [Done]) -> rusqlite::Result<()> {
    let arrived: Vec<_> = ends.iter().filter_map(|at| commands[*at].arrived()).collect();
    for (at, waiting) in ends.drain(..).zip(commands::arrived_together(db, &arrived)?) {
        done[at] = Done::Settled(waiting);
    }
    Ok(())
}

/// What a WAL has grown by when it is worth moving into the file. Lanes at full work write the same pages again and
/// again, and a move takes the last of each: fewer moves are less to write.
const WAL_WORTH_MOVING: u64 = 16 << 20;

/// A WAL that holds so much is begun anew, even if commits have to wait a moment for it: a start after a crash reads all
/// that it holds before anything else, a hundred megabytes in some thirty milliseconds.
const WAL_TOO_LARGE: u64 = 64 << 20;

/// How large its file may stay when it is begun anew. It is written over in place: to give its blocks back and have others
/// costs the kernel more than the writing, and a file that does not grow has no new length to bring to the disk.
pub const WAL_FILE: u64 = 2 * WAL_TOO_LARGE;

/// How long commits may have to wait until the WAL is begun anew. Somebody who reads for longer keeps it as it is.
const CUT_PATIENCE: Duration = Duration::from_millis(50);

/// The writer's end of the checkpoint thread.
pub struct Checkpoints {
    written: SyncSender<()>,
    shared: Arc<Wal>,
}

/// The checkpoint thread's end.
pub struct Commits {
    written: StdReceiver<()>,
    shared: Arc<Wal>,
}

/// What both know of the WAL.
#[derive(Default)]
struct Wal {
    /// The pages that it holds; its file may be larger.
    pages: AtomicU64,
    /// It is to be begun anew.
    renew: AtomicBool,
}

/// What ties the two threads.
pub fn tie() -> (Checkpoints, Commits) {
    let (told, written) = std::sync::mpsc::sync_channel(1);
    let shared = Arc::default();
    (Checkpoints { written: told, shared: Arc::clone(&shared) }, Commits { written, shared })
}

impl Checkpoints {
    /// Has SQLite tell what the WAL holds after each commit of `connection`.
    pub fn watch(&self, connection: &mut Connection) -> rusqlite::Result<()> {
        let shared = Arc::clone(&self.shared);
        connection.wal_hook(Some(move |_: &mut _, pages| {
            shared.pages.store(u64::try_from(pages).unwrap_or(0), Ordering::Relaxed);
            Ok(())
        }))
    }

    /// After a commit. The writer alone can begin the WAL anew while it writes without a pause: anybody else would wait
    /// for a moment between two commits that is too short to be met.
    fn written(&self, connection: &Connection) {
        if self.shared.renew.swap(false, Ordering::AcqRel) {
            let renewed = connection.busy_timeout(CUT_PATIENCE).and_then(|()| checkpoint(connection, "RESTART"));
            // Whatever came of it, the next commit waits for an operator's command as long as ever.
            if let Err(why) = renewed.and(connection.busy_timeout(BUSY)) {
                tracing::warn!(reason = %why, "the ledger's WAL was not begun anew; it is tried again as it grows");
            }
        }
        // Full means that a checkpoint is due already.
        let _ = self.written.try_send(());
    }
}

/// The checkpoint thread: looks after each commit, moves the WAL when it is worth it, and has the writer begin it anew when
/// it is large. Ends when the writer does, with a last checkpoint so that the next start finds a small WAL.
pub fn checkpoints(connection: &Connection, commits: &Commits) {
    let (mut failed, mut growth) = (false, Growth::default());
    // The last one is not to keep a stop waiting for somebody who reads.
    let _ = connection.busy_timeout(CUT_PATIENCE);
    loop {
        let ended = match commits.written.recv_timeout(Duration::from_secs(60)) {
            Ok(()) | Err(RecvTimeoutError::Timeout) => false,
            Err(RecvTimeoutError::Disconnected) => true,
        };
        let size = commits.shared.pages.load(Ordering::Relaxed) * PAGE;
        if !ended && !growth.is_worth_moving(size) {
            continue;
        }
        // This holds up nobody, and leaves little for the writer to do.
        let moved = checkpoint(connection, if ended { "TRUNCATE" } else { "PASSIVE" });
        // A checkpoint that fails leaves the WAL as it was: nothing is lost, and the next one tries again.
        if let Err(why) = &moved
            && !failed
        {
            tracing::warn!(reason = %why, "ledger checkpoint failed; it is tried again after each commit");
        }
        failed = moved.is_err();
        if failed {
            growth = Growth::default();
        } else if growth.is_too_large(size) {
            growth.renewal_asked_at(size);
            commits.shared.renew.store(true, Ordering::Release);
        }
        if ended {
            return;
        }
    }
}

/// The bytes of a page; what the WAL keeps beside each does not matter here.
const PAGE: u64 = 4 << 10;

/// Whether it was done; somebody who reads may stand in its way.
fn checkpoint(connection: &Connection, mode: &str) -> rusqlite::Result<bool> {
    connection
        .query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| row.get::<_, i64>(0))
        .map(|busy| busy == 0)
}

/// How the WAL has grown since something was done about it.
#[derive(Debug, Default)]
struct Growth {
    /// What it held when it was last moved.
    moved_at: u64,
    /// What it held when it was last to be begun anew.
    asked_at: u64,
}

impl Growth {
    /// If so, it is to be moved now.
    fn is_worth_moving(&mut self, size: u64) -> bool {
        if size < self.moved_at {
            *self = Self { moved_at: size, asked_at: 0 };
        }
        let grown = size - self.moved_at >= WAL_WORTH_MOVING;
        if grown {
            self.moved_at = size;
        }
        grown
    }

    fn is_too_large(&self, size: u64) -> bool {
        size > self.asked_at + WAL_TOO_LARGE
    }

    /// Where that does not help, since somebody reads, commits do not wait for it again until it has grown as much once
    /// more.
    fn renewal_asked_at(&mut self, size: u64) {
        self.asked_at = size;
    }
}

/// Where SQLite keeps the WAL of `path`.
pub fn wal_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn a_wal_is_moved_as_it_grows_and_begun_anew_when_it_is_large() {
        let mut growth = Growth::default();
        let moved: Vec<u64> = (0..=50).filter(|size| growth.is_worth_moving(size * MIB)).collect();
        assert_eq!(moved, [16, 32, 48]);
        assert!(!growth.is_too_large(64 * MIB));
        assert!(growth.is_too_large(65 * MIB));
        growth.renewal_asked_at(65 * MIB);
        assert!(!growth.is_too_large(129 * MIB), "somebody reads: commits do not wait for that every time");
        assert!(growth.is_too_large(130 * MIB));
        assert!(
            !growth.is_worth_moving(15 * MIB) && growth.is_worth_moving(31 * MIB),
            "it was begun anew, and grows again"
        );
        assert!(growth.is_too_large(65 * MIB));
    }
}
