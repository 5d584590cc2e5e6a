//! A ledger for the simulation: the real commands on a database in memory, committed one step at a time by whoever
//! drives it, so that a process can die before, within and after each commit.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::Connection;
use tokio::sync::watch;

use super::command::Command;
use super::db::Db;
use super::queue::{self, Queue};
use super::quiet::Quiet;
use super::trouble::Condition;
use super::{Readers, SqliteLedger, commands, schema, writer};
use crate::article::Article;
use crate::ledger::{Health, NewOrder, Order, OrderRecord};

/// What outlives a process.
#[derive(Clone)]
pub struct Disk(Arc<Mutex<Connection>>);

/// An accepting or ordering command, as an onlooker sees it.
#[derive(Debug, Clone)]
pub enum Written {
    Article(Box<Article>),
    Order(Order),
}

/// The writer of one process, which goes on when it is told to.
pub struct StepWriter {
    disk: Disk,
    waiting: Queue,
    health: watch::Sender<Health>,
    batch: Vec<Command>,
}

impl Disk {
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(schema::in_memory().expect("the schema is sound"))))
    }

    pub fn with<T>(&self, work: impl FnOnce(&mut Connection) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// An operator's command line writes an order beside whatever runs.
    pub fn place(&self, order: &NewOrder) {
        self.with(|db| commands::place_order(db, order)).expect("memory takes writes");
    }

    /// Opens it as a process does that starts.
    pub fn open(&self, now: Timestamp, in_network: Duration) -> (SqliteLedger, StepWriter) {
        self.with(|db| {
            let transaction = db.transaction().expect("nobody else writes");
            commands::recover(&Db::of(&transaction), None, now, in_network).expect("its own rows can be read");
            transaction.commit().expect("memory takes writes");
        });
        let (commands, waiting) = queue::queue(16);
        let (report, health) = watch::channel(Health::Good);
        let readers = Readers {
            path: PathBuf::new(),
            condition: Arc::new(Condition::new(Path::new("memory"))),
            idle: Mutex::default(),
            simulated: Some(self.clone()),
        };
        // It has no log, so each look is one.
        let quiet = Quiet::new(PathBuf::new());
        let ledger = SqliteLedger { commands, readers: Arc::new(readers), quiet, health, recovered: 0 };
        (ledger, StepWriter { disk: self.clone(), waiting, health: report, batch: Vec::new() })
    }
}

impl StepWriter {
    /// Waits for something to write, and takes at most `most` of it. `false`: the process has ended.
    pub async fn gather(&mut self, most: usize) -> bool {
        if self.batch.is_empty() {
            let Some(first) = self.waiting.next().await else { return false };
            self.batch.push(first);
        }
        while self.batch.len() < most {
            let Some(next) = self.waiting.try_next_due() else { break };
            self.batch.push(next);
        }
        true
    }

    /// What of it is of interest to an onlooker.
    pub fn written(&self) -> Vec<Written> {
        let order = |id: &crate::ledger::OrderId| -> Option<OrderRecord> {
            self.disk.with(|db| {
                let open = super::inspect::open_orders(db, 1_000).ok()?;
                open.into_iter().map(|(record, _)| record).find(|record| record.id == *id)
            })
        };
        let one = |command: &Command| match command {
            Command::Accept(acceptance, ..) => Some(Written::Article(Box::new(acceptance.article.clone()))),
            Command::CarryOut(id, ..) => order(id).map(|record| Written::Order(record.order)),
            _ => None,
        };
        self.batch.iter().filter_map(one).collect()
    }

    /// Commits it; tells who asked.
    pub fn commit(&mut self) {
        let mut batch = std::mem::take(&mut self.batch);
        let done = self.disk.with(|db| writer::commit(db, &mut batch, Some(&mut self.waiting), |_, _| None));
        let (committed, done) = done.expect("a database in memory commits");
        self.health.send_if_modified(|now| std::mem::replace(now, Health::Good) != Health::Good);
        for (command, done) in batch.into_iter().zip(done) {
            command.answer(done, &committed);
        }
    }

    /// Commits it; the process dies before it can tell anyone.
    pub fn commit_and_die(&mut self) {
        let mut batch = std::mem::take(&mut self.batch);
        let done = self.disk.with(|db| writer::commit(db, &mut batch, Some(&mut self.waiting), |_, _| None));
        assert!(done.is_ok(), "a database in memory commits");
    }

    /// Does all of it, and takes it back: the disk fails at the commit.
    pub fn fail(&mut self) {
        self.disk.with(|db| {
            let transaction = db.transaction().expect("nobody else writes");
            for command in &self.batch {
                command.apply(&Db::of(&transaction)).expect("a command can be applied");
            }
        });
        let why = "the simulated disk is full";
        self.health.send_replace(Health::Failing(why.to_owned()));
        self.batch = std::mem::take(&mut self.batch).into_iter().filter_map(|one| one.refuse_or_keep(why)).collect();
        while let Some(next) = self.waiting.try_next() {
            self.batch.extend(next.refuse_or_keep(why));
        }
    }

    /// The disk takes writes again.
    pub fn heal(&mut self) {
        self.health.send_if_modified(|now| std::mem::replace(now, Health::Good) != Health::Good);
    }
}
