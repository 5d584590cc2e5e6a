//! A SQLite ledger as the conformance suite tests it.

use super::*;
use crate::ledger::conformance::{Delivery, Past, Specimen};
use crate::ledger::sqlite::db::Db;
use crate::ledger::sqlite::{commands, rows, schema};
use crate::ledger::state::{End, PastEnd};
use crate::ledger::{DestinationId, OrderId, OrderRecord, OrderState, QuarantineState};

pub struct SqliteSpecimen {
    /// Both are there but while it is opened anew.
    open: Option<(SqliteLedger, Closing)>,
    dir: tempfile::TempDir,
}

pub fn fresh() -> SqliteSpecimen {
    open_in(tempfile::tempdir().unwrap())
}

/// Opens what there is in a directory.
pub fn open_in(dir: tempfile::TempDir) -> SqliteSpecimen {
    let open = Some(SqliteLedger::open(&options(&path_in(&dir))).unwrap());
    SqliteSpecimen { open, dir }
}

/// What a killed process leaves are its files: whatever it had written is in them, or in the system's memory.
pub fn as_killed(path: &Path) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::copy(path, path_in(&dir)).unwrap();
    std::fs::copy(writer::wal_path(path), writer::wal_path(&path_in(&dir))).unwrap();
    dir
}

pub fn path_in(dir: &tempfile::TempDir) -> std::path::PathBuf {
    dir.path().join("ledger.sqlite")
}

impl SqliteSpecimen {
    pub fn path(&self) -> std::path::PathBuf {
        path_in(&self.dir)
    }

    fn read<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> T {
        read(&schema::open_to_read(&self.path()).unwrap()).unwrap()
    }
}

impl Specimen for SqliteSpecimen {
    fn ledger(&self) -> &dyn Ledger {
        &self.open.as_ref().expect("it is open").0
    }

    fn restart(&mut self) {
        let (ledger, closing) = self.open.take().expect("it is open");
        drop(ledger);
        closing.wait();
        self.open = Some(SqliteLedger::open(&options(&self.path())).unwrap());
    }

    fn crash(&mut self) {
        *self = open_in(as_killed(&self.path()));
    }

    fn deliveries(&self) -> Vec<Delivery> {
        self.read(|db| {
            let mut stories = db.prepare("SELECT id, guid FROM story ORDER BY id")?;
            let stories = stories.query_map([], |row| Ok((crate::ledger::StoryId(row.get(0)?), row.get(1)?)))?;
            let mut all = Vec::new();
            for story in stories {
                let (id, guid): (_, String) = story?;
                let one = |stored: rows::Stored| Delivery {
                    destination: stored.destination,
                    story: guid.clone(),
                    row: stored.row,
                };
                all.extend(rows::of_story(&Db::of(db), id)?.into_iter().map(one));
            }
            Ok(all)
        })
    }

    fn past(&self) -> Vec<Past> {
        self.read(|db| {
            db.prepare(
                "SELECT destination, guid, version, ended, ended_at, reason FROM past JOIN story ON story.id = past.story",
            )?
            .query_map([], |row| {
                let end = PastEnd {
                    version: rows::version(row, 2)?,
                    end: rows::word(row, 3, &End::ALL, |end| end.as_str())?,
                    at: rows::timestamp(row, 4)?,
                    reason: row.get(5)?,
                };
                Ok(Past { destination: DestinationId(row.get(0)?), story: row.get(1)?, end })
            })?
            .collect()
        })
    }

    fn attempts(&self) -> Vec<String> {
        self.read(|db| {
            db.prepare("SELECT outcome FROM attempt ORDER BY id")?.query_map([], |row| row.get(0))?.collect()
        })
    }

    fn articles(&self) -> Vec<(String, u64)> {
        self.read(|db| {
            db.prepare("SELECT guid, version FROM article JOIN story ON story.id = article.story")?
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        })
    }

    fn order(&self, id: OrderId) -> Option<OrderRecord> {
        self.read(|db| {
            let sql = "SELECT id, at, by, what, reason, state, taken, result FROM operator_order WHERE id = ?1";
            db.prepare(sql)?.query_map([id.0], commands::order_record)?.next().transpose()
        })
    }

    fn stop_order(&self, id: OrderId, now: Timestamp) {
        let db = schema::open(&self.path()).unwrap();
        commands::close_order(&db, id, OrderState::Stopped, "stopped by anna", now).unwrap();
    }

    fn quarantined(&self) -> Vec<(i64, QuarantineState, String)> {
        let reader = SqliteReader::open(&self.path()).unwrap();
        let mut all = reader.quarantine(true).unwrap();
        all.reverse();
        all.into_iter().map(|one| (one.id, one.state, one.reason)).collect()
    }

    fn rule(&self, id: i64, to: QuarantineState) -> bool {
        SqliteReader::open(&self.path()).unwrap().order(id, to).unwrap()
    }
}
