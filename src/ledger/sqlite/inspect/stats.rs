//! How big a ledger is, and why.
//!
//! What waits is counted along the indexes that hold it and nothing else; how much of the file a table takes is reckoned
//! from a sample of stories, or with `exact` found by a walk through every page.

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension, params};

use super::SqliteReader;
use crate::ledger::LedgerError;
use crate::ledger::sqlite::{rows, writer};
use crate::ledger::views::{Backlog, LedgerStats, Oldest, RetentionStats, StateStats, TableStats};

/// Stories in a sample. Fewer than these are all of them, and then nothing is reckoned.
const SAMPLE: i64 = 256;

/// How far into each lane the oldest delivery is looked for: urgency lets a younger one go first by a few hours.
pub(super) const FRONT: u32 = 16;

/// What a row and its places in indexes take beside its texts and contents, in bytes: numbers, keys, and what a page
/// needs of its own.
const ROW: [(&str, &str, u64); 5] = [
    ("article", "coalesce(sum(length(content) + length(headline) + length(source)), 0)", 130),
    ("delivery", "coalesce(sum(length(coalesce(reason, '')) + length(coalesce(remote, ''))), 0)", 100),
    ("later", "0", 70),
    ("past", "coalesce(sum(length(reason)), 0)", 40),
    ("attempt", "coalesce(sum(length(detail)), 0)", 90),
];

impl SqliteReader {
    /// With `exact` it reads the whole file; at most `top` backlogs are told.
    pub fn stats(&self, exact: bool, top: usize) -> Result<LedgerStats, LedgerError> {
        let size = |path: &std::path::Path| std::fs::metadata(path).map_or(0, |about| about.len());
        let read = || {
            let tables = if exact { self.every_page()? } else { self.sampled()? };
            Ok(LedgerStats {
                file: size(&self.path),
                wal: size(&writer::wal_path(&self.path)),
                free: self.number("PRAGMA freelist_count")? * self.number("PRAGMA page_size")?,
                exact,
                tables,
                states: self.states()?,
                oldest: self.oldest()?,
                backlogs: self.backlogs(top)?,
                retention: self.retention()?,
            })
        };
        read().map_err(|why| self.classed(&why))
    }

    fn number(&self, sql: &str) -> rusqlite::Result<u64> {
        self.connection.query_row(sql, [], |row| row.get(0))
    }

    fn states(&self) -> rusqlite::Result<StateStats> {
        let count = |index: &str, condition: &str| {
            self.number(&format!("SELECT count(*) FROM delivery INDEXED BY {index} WHERE {condition}"))
        };
        let troubled = "ended IN ('refused', 'expired') AND ended";
        Ok(StateStats {
            waiting: count("delivery_ready", "stage = 1")?,
            held: count("delivery_held", "stage = 2")?,
            attempting: count("delivery_attempting", "stage = 3")?,
            refused: count("delivery_in_trouble", &format!("{troubled} = 'refused'"))?,
            expired: count("delivery_in_trouble", &format!("{troubled} = 'expired'"))?,
        })
    }

    /// Reckons from evenly spread stories.
    fn sampled(&self) -> rusqlite::Result<Vec<TableStats>> {
        // Stories are never removed, so that their ids are their number.
        let stories = self.number("SELECT coalesce(max(id), 0) FROM story")?;
        let total = i64::try_from(stories).unwrap_or(i64::MAX);
        let chosen: Vec<i64> = if total <= SAMPLE {
            (1..=total).collect()
        } else {
            (0..SAMPLE)
                .map(|at| {
                    1 + i64::try_from(i128::from(total - 1) * i128::from(at) / i128::from(SAMPLE - 1)).unwrap_or(total)
                })
                .collect()
        };
        let about = total > SAMPLE;
        let share = |sum: u64| match chosen.len() as u64 {
            0 => 0,
            sample => u64::try_from(u128::from(sum) * u128::from(stories) / u128::from(sample)).unwrap_or(u64::MAX),
        };
        let mut tables = Vec::new();
        let mut names = 0;
        for story in &chosen {
            names += self
                .connection
                .prepare_cached("SELECT length(guid) + length(wire) FROM story WHERE id = ?1")?
                .query_row([story], |row| row.get::<_, u64>(0))
                .optional()?
                .unwrap_or_default();
        }
        // The guid stands in the index of guids once more.
        let bytes = share(2 * names + 40 * chosen.len() as u64);
        tables.push(TableStats { name: "story".to_owned(), rows: stories, bytes, about });
        for (name, texts, each) in ROW {
            let mut statement =
                self.connection.prepare_cached(&format!("SELECT count(*), {texts} FROM {name} WHERE story = ?1"))?;
            let (mut number, mut bytes) = (0, 0);
            for story in &chosen {
                let (one, texts): (u64, u64) = statement.query_row([story], |row| Ok((row.get(0)?, row.get(1)?)))?;
                number += one;
                bytes += texts + each * one;
            }
            tables.push(TableStats { name: name.to_owned(), rows: share(number), bytes: share(bytes), about });
        }
        for (name, texts, each) in [
            ("quarantine", "length(bytes) + length(reason)", 120),
            ("operator_order", "length(what) + length(coalesce(result, ''))", 60),
            ("destination", "2 * length(name) + length(coalesce(trouble, ''))", 60),
        ] {
            let sql = format!("SELECT count(*), coalesce(sum({texts}), 0) FROM {name}");
            let (rows, bytes): (u64, u64) =
                self.connection.query_row(&sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
            tables.push(TableStats { name: name.to_owned(), rows, bytes: bytes + each * rows, about: false });
        }
        // What all of them take together is known.
        let pages = self.number("PRAGMA page_count")? - self.number("PRAGMA freelist_count")?;
        let taken = u128::from(pages * self.number("PRAGMA page_size")?);
        let reckoned: u128 = tables.iter().map(|table| u128::from(table.bytes)).sum();
        for table in tables.iter_mut().filter(|_| reckoned > 0) {
            table.bytes = u64::try_from(u128::from(table.bytes) * taken / reckoned).unwrap_or(u64::MAX);
        }
        tables.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.name.cmp(&b.name)));
        Ok(tables)
    }

    /// From SQLite's own account of every page.
    fn every_page(&self) -> rusqlite::Result<Vec<TableStats>> {
        let mut tables: BTreeMap<String, TableStats> = BTreeMap::new();
        let mut statement = self.connection.prepare(
            "SELECT tbl_name, pgsize FROM dbstat JOIN sqlite_schema ON sqlite_schema.name = dbstat.name \
             WHERE aggregate = TRUE",
        )?;
        for found in statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, u64>(1)?)))? {
            let (name, bytes) = found?;
            let table = tables.entry(name.clone()).or_insert(TableStats { name, rows: 0, bytes: 0, about: false });
            table.bytes += bytes;
        }
        for table in tables.values_mut() {
            table.rows = self.number(&format!("SELECT count(*) FROM {}", table.name))?;
        }
        let mut tables: Vec<TableStats> = tables.into_values().collect();
        tables.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.name.cmp(&b.name)));
        Ok(tables)
    }

    /// The oldest of what stands in front of the lanes.
    fn oldest(&self) -> rusqlite::Result<Option<Oldest>> {
        let mut front = self.connection.prepare_cached(
            "SELECT accepted, guid FROM (SELECT accepted, story FROM delivery INDEXED BY delivery_ready \
             WHERE destination = ?1 AND stage = 1 ORDER BY rank LIMIT ?2) \
             JOIN story ON story.id = story ORDER BY accepted LIMIT 1",
        )?;
        let mut oldest: Option<Oldest> = None;
        for (id, destination) in self.destinations()? {
            let first =
                front.query_row(params![id, FRONT], |row| Ok((rows::timestamp(row, 0)?, row.get(1)?))).optional()?;
            let Some((accepted, story)) = first else { continue };
            if oldest.as_ref().is_none_or(|before| accepted < before.accepted) {
                oldest = Some(Oldest { destination, story, accepted });
            }
        }
        Ok(oldest)
    }

    fn backlogs(&self, top: usize) -> rusqlite::Result<Vec<Backlog>> {
        let mut count = self.connection.prepare_cached(
            "SELECT (SELECT count(*) FROM delivery INDEXED BY delivery_ready WHERE destination = ?1 AND stage = 1), \
             (SELECT count(*) FROM delivery INDEXED BY delivery_held WHERE destination = ?1 AND stage = 2), \
             coalesce(halted_why, suspended, trouble) FROM destination WHERE id = ?1",
        )?;
        let mut backlogs = Vec::new();
        for (id, destination) in self.destinations()? {
            let backlog = count.query_row([id], |row| {
                Ok(Backlog { destination, waiting: row.get(0)?, held: row.get(1)?, why: row.get(2)? })
            })?;
            if backlog.waiting + backlog.held > 0 {
                backlogs.push(backlog);
            }
        }
        backlogs.sort_by(|a, b| {
            let size = |backlog: &Backlog| backlog.waiting + backlog.held;
            size(b).cmp(&size(a)).then_with(|| a.destination.cmp(&b.destination))
        });
        backlogs.truncate(top);
        Ok(backlogs)
    }

    fn retention(&self) -> rusqlite::Result<RetentionStats> {
        let first = |sql: &str| self.connection.query_row(sql, [], |row| rows::maybe_timestamp(row, 0));
        Ok(RetentionStats {
            oldest_article: first("SELECT min(accepted) FROM article")?,
            oldest_attempt: first("SELECT min(ended) FROM attempt")?,
            oldest_quarantined: first("SELECT min(at) FROM quarantine WHERE state IN ('done', 'discarded')")?,
        })
    }
}

#[cfg(test)]
mod tests;
