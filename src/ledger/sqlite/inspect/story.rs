//! One story with all that is known of it: its versions, and what each destination is owed of it.

use rusqlite::{OptionalExtension, params};

use super::SqliteReader;
use crate::article::Guid;
use crate::ledger::records::QuarantineState;
use crate::ledger::sqlite::db::Db;
use crate::ledger::sqlite::{commands, rows};
use crate::ledger::state::{End, PastEnd, Row, Stage};
use crate::ledger::views::{AttemptView, Before, DoorView, LaneView, StoryView, VersionView};
use crate::ledger::{DestinationId, LedgerError, StoryId, Target};

/// More than this many before one are not counted.
const COUNTED: u64 = 10_000;

impl SqliteReader {
    /// A story by its guid.
    pub fn story(&self, guid: &Guid) -> Result<Option<StoryView>, LedgerError> {
        let Some((view, content)) = self.find_story(guid).map_err(|why| self.classed(&why))? else { return Ok(None) };
        let article = content
            .map(|content| serde_json::from_slice(&content).map_err(|why| LedgerError::Damaged(why.to_string())))
            .transpose()?;
        Ok(Some(StoryView { article, ..view }))
    }

    /// What is set aside with a story's guid, and waits: entry and reason.
    pub fn set_aside(&self, guid: &Guid) -> Result<Vec<(i64, String)>, LedgerError> {
        let waiting = [QuarantineState::Waiting, QuarantineState::Retry].map(QuarantineState::as_str);
        let list = || {
            self.connection
                .prepare_cached("SELECT id, reason FROM quarantine WHERE guid = ?1 AND state IN (?2, ?3) ORDER BY id")?
                .query_map(params![guid.as_str(), waiting[0], waiting[1]], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<Result<_, _>>()
        };
        list().map_err(|why| self.classed(&why))
    }

    /// The destinations that the ledger knows of a target, each with what it is owed of a story and all that came of it.
    pub fn doors(&self, story: StoryId, of: &Target) -> Result<Vec<DoorView>, LedgerError> {
        let read = || {
            let known = self.destinations()?;
            let meant = known.into_iter().filter(|(_, name)| of.covers(name));
            meant.map(|(id, name)| self.door(story, DestinationId(id), name)).collect()
        };
        let mut doors: Vec<DoorView> = rusqlite::Result::map_err(read(), |why| self.classed(&why))?;
        doors.sort_by(|a, b| a.destination.cmp(&b.destination));
        Ok(doors)
    }

    /// The destinations that are or were owed a story, in the order of their names, with their last attempt alone.
    pub fn doors_of(&self, story: StoryId) -> Result<Vec<DoorView>, LedgerError> {
        let read = || {
            let names: std::collections::HashMap<i64, String> = self.destinations()?.into_iter().collect();
            rows::of_story(&Db::of(&self.connection), story)?
                .into_iter()
                .map(|stored| {
                    let ended = matches!(stored.row.stage, Stage::Ended { .. });
                    Ok(DoorView {
                        destination: names.get(&stored.destination.0).cloned().unwrap_or_default(),
                        lane: self.lane(stored.destination)?,
                        row: Some(stored.row),
                        past: Vec::new(),
                        attempts: if ended { Vec::new() } else { self.attempts(story, stored.destination, 1)? },
                        before: Before::default(),
                    })
                })
                .collect()
        };
        let mut doors: Vec<DoorView> = rusqlite::Result::map_err(read(), |why| self.classed(&why))?;
        doors.sort_by(|a, b| a.destination.cmp(&b.destination));
        Ok(doors)
    }

    fn find_story(&self, guid: &Guid) -> rusqlite::Result<Option<(StoryView, Option<Vec<u8>>)>> {
        let found = self
            .connection
            .prepare_cached("SELECT id, newest, on_hold, rights_until FROM story WHERE guid = ?1")?
            .query_row([guid.as_str()], |row| {
                Ok(StoryView {
                    id: StoryId(row.get(0)?),
                    guid: guid.clone(),
                    newest: rows::version(row, 1)?,
                    on_hold: row.get(2)?,
                    rights_until: rows::maybe_timestamp(row, 3)?,
                    versions: Vec::new(),
                    article: None,
                })
            })
            .optional()?;
        let Some(mut view) = found else { return Ok(None) };
        view.versions = self
            .connection
            .prepare_cached("SELECT version, action, accepted, source FROM article WHERE story = ?1 ORDER BY version")?
            .query_map([view.id.0], |row| {
                Ok(VersionView {
                    version: rows::version(row, 0)?,
                    action: rows::action(row, 1)?,
                    accepted: rows::timestamp(row, 2)?,
                    source: row.get(3)?,
                })
            })?
            .collect::<Result<_, _>>()?;
        let content = self
            .connection
            .prepare_cached("SELECT content FROM article WHERE story = ?1 AND version = ?2")?
            .query_row(params![view.id.0, view.newest.as_i64()], |row| row.get(0))
            .optional()?;
        Ok(Some((view, content)))
    }

    fn door(&self, story: StoryId, id: DestinationId, name: String) -> rusqlite::Result<DoorView> {
        let row = rows::load(&Db::of(&self.connection), story, id)?.map(|stored| stored.row);
        let before = match &row {
            Some(row) if row.stage == Stage::Ready => self.before(id, row)?,
            Some(_) | None => Before::default(),
        };
        let past = self
            .connection
            .prepare_cached(
                "SELECT version, ended, ended_at, reason FROM past WHERE story = ?1 AND destination = ?2 \
                 ORDER BY version",
            )?
            .query_map(params![story.0, id.0], |row| {
                Ok(PastEnd {
                    version: rows::version(row, 0)?,
                    end: rows::word(row, 1, &End::ALL, |end| end.as_str())?,
                    at: rows::timestamp(row, 2)?,
                    reason: row.get(3)?,
                })
            })?
            .collect::<Result<_, _>>()?;
        let attempts = self.attempts(story, id, ATTEMPTS)?;
        Ok(DoorView { destination: name, lane: self.lane(id)?, row, past, attempts, before })
    }

    fn lane(&self, id: DestinationId) -> rusqlite::Result<LaneView> {
        let (state, _, halt) = commands::lane_state(&self.connection, id)?;
        Ok(LaneView { state, halt })
    }

    /// How many of a lane are ready and go before a row.
    fn before(&self, id: DestinationId, row: &Row) -> rusqlite::Result<Before> {
        let number: u64 = self
            .connection
            .prepare_cached(
                "SELECT count(*) FROM (SELECT 1 FROM delivery INDEXED BY delivery_ready WHERE destination = ?1 \
                 AND stage = 1 AND rank < ?2 LIMIT ?3)",
            )?
            .query_row(params![id.0, row.wanted.rank, COUNTED + 1], |row| row.get(0))?;
        Ok(Before { number: number.min(COUNTED), or_more: number > COUNTED })
    }

    /// The last attempts of a delivery that did not deliver, the first first.
    fn attempts(&self, story: StoryId, id: DestinationId, limit: usize) -> rusqlite::Result<Vec<AttemptView>> {
        let mut attempts: Vec<AttemptView> = self
            .connection
            .prepare_cached(
                "SELECT version, attempt, began, ended, outcome, status, detail FROM attempt \
                 INDEXED BY attempt_delivery WHERE story = ?1 AND destination = ?2 ORDER BY id DESC LIMIT ?3",
            )?
            .query_map(params![story.0, id.0, limit], |row| {
                Ok(AttemptView {
                    version: rows::version(row, 0)?,
                    attempt: row.get(1)?,
                    began: rows::timestamp(row, 2)?,
                    ended: rows::timestamp(row, 3)?,
                    outcome: row.get(4)?,
                    status: row.get(5)?,
                    detail: row.get(6)?,
                })
            })?
            .collect::<Result<_, _>>()?;
        attempts.reverse();
        Ok(attempts)
    }
}

/// Attempts of a delivery that are told. A door that fails for days is told by its last ones.
const ATTEMPTS: usize = 10;

#[cfg(test)]
mod tests;
