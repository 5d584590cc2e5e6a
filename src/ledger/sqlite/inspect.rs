//! Looking into a ledger, beside a running daemon or without one; and the two words an operator has for quarantine.

use std::path::Path;

use rusqlite::{Connection, Row, params, params_from_iter};

use super::{commands, rows, schema, trouble};
use crate::article::Article;
use crate::ledger::orders::OrderRecord;
use crate::ledger::records::{DeliveryFilter, DeliveryRecord, QuarantineEntry, QuarantineKind, QuarantineState};
use crate::ledger::{ArticleId, LedgerError};

/// A ledger that is only looked at.
pub struct SqliteReader {
    connection: Connection,
    path: std::path::PathBuf,
}

/// A quarantine entry in a list: everything but its bytes.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct QuarantineSummary {
    pub id: i64,
    pub kind: QuarantineKind,
    pub state: QuarantineState,
    pub source: String,
    pub guid: Option<String>,
    pub reason: String,
    pub at: jiff::Timestamp,
    /// In bytes.
    pub size: u64,
}

/// A story that a partner has or may have.
#[derive(Debug, Clone)]
pub struct Held {
    /// The highest version that it was sent and may show.
    pub article: Article,
    /// It is to take the story down.
    pub withdrawn: bool,
}

impl SqliteReader {
    /// # Errors
    /// [`LedgerError::Unusable`] where there is no ledger.
    pub fn open(path: &Path) -> Result<Self, LedgerError> {
        if !path.exists() {
            return Err(LedgerError::Unusable(format!(
                "there is no ledger at {}; the daemon makes it at its first start, and ledger.path says where",
                path.display()
            )));
        }
        Ok(Self { connection: schema::open_to_read(path)?, path: path.to_owned() })
    }

    fn classed(&self, why: &rusqlite::Error) -> LedgerError {
        trouble::classed(&self.path, why)
    }

    /// Deliveries, those that wait or are in trouble first, then by the time they were accepted, newest first.
    pub fn deliveries(&self, filter: &DeliveryFilter) -> Result<Vec<DeliveryRecord>, LedgerError> {
        let mut conditions = vec!["1"];
        let mut values: Vec<String> = Vec::new();
        if let Some(partner) = &filter.partner {
            conditions.push("(destination.name = ? OR destination.name GLOB ? || '/*')");
            values.extend([partner.clone(), partner.clone()]);
        }
        if let Some(story) = &filter.story {
            conditions.push("story.guid = ?");
            values.push(story.clone());
        }
        if let Some(state) = &filter.state {
            conditions.push(match state.as_str() {
                "waiting" => "stage = 1",
                "held" => "stage = 2",
                "attempting" => "stage = 3",
                _ => "stage = 4 AND ended = ?",
            });
            if !["waiting", "held", "attempting"].contains(&state.as_str()) {
                values.push(state.clone());
            }
        }
        let sql = format!(
            "SELECT destination.name, story.guid, article.headline, delivery.version, delivery.action, stage, ended, \
             attempts, confirmed, possible, delivery.accepted, due, ended_at, delivery.reason, destination.trouble \
             FROM delivery JOIN story ON story.id = delivery.story JOIN article ON article.id = delivery.article \
             JOIN destination ON destination.id = delivery.destination WHERE {} \
             ORDER BY stage = 4, delivery.accepted DESC, destination.name LIMIT {}",
            conditions.join(" AND "),
            filter.limit
        );
        let list =
            || self.connection.prepare(&sql)?.query_map(params_from_iter(&values), delivery)?.collect::<Result<_, _>>();
        list().map_err(|why| self.classed(&why))
    }

    /// The stories that a partner has or may have, those accepted last first; at most `limit`.
    pub fn held_by(&self, partner: &str, story: Option<&str>, limit: usize) -> Result<Vec<Held>, LedgerError> {
        // Of a story that was withdrawn, the article is the last that was to be read.
        let sql = "SELECT article.content, max(delivery.action IN ('kill', 'withhold')), max(article.version) \
                   FROM delivery JOIN destination ON destination.id = delivery.destination \
                   JOIN story ON story.id = delivery.story JOIN article ON article.story = delivery.story \
                   WHERE destination.name GLOB ?1 || '/*' AND (?2 IS NULL OR story.guid = ?2) \
                   AND article.version <= max(coalesce(confirmed, 0), coalesce(possible, 0)) \
                   AND article.action NOT IN ('kill', 'withhold') \
                   GROUP BY delivery.story ORDER BY max(delivery.accepted) DESC LIMIT ?3";
        let list = || -> rusqlite::Result<Vec<(Vec<u8>, bool)>> {
            let mut statement = self.connection.prepare(sql)?;
            let rows = statement.query_map(params![partner, story, limit], |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect()
        };
        let held = |(content, withdrawn): (Vec<u8>, bool)| {
            let article = serde_json::from_slice(&content).map_err(|why| LedgerError::Damaged(why.to_string()))?;
            Ok(Held { article, withdrawn })
        };
        list().map_err(|why| self.classed(&why))?.into_iter().map(held).collect()
    }

    /// How many deliveries there are in each state.
    pub fn counts(&self) -> Result<Vec<(String, u64)>, LedgerError> {
        let count = || {
            self.connection
                .prepare("SELECT stage, ended, count(*) FROM delivery GROUP BY stage, ended ORDER BY stage, ended")?
                .query_map([], |row| Ok((state(row, 0, 1)?, row.get(2)?)))?
                .collect::<Result<_, _>>()
        };
        count().map_err(|why| self.classed(&why))
    }

    /// The ends of versions that left their row: destination, guid, version and how each ended.
    pub fn past(&self) -> Result<Vec<(String, String, u64, String)>, LedgerError> {
        let list = || {
            self.connection
                .prepare(
                    "SELECT destination.name, story.guid, past.version, past.ended FROM past \
                     JOIN story ON story.id = past.story JOIN destination ON destination.id = past.destination",
                )?
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?
                .collect::<Result<_, _>>()
        };
        list().map_err(|why| self.classed(&why))
    }

    /// Quarantine entries, newest first; with `all`, also those that are done with.
    pub fn quarantine(&self, all: bool) -> Result<Vec<QuarantineSummary>, LedgerError> {
        let condition = if all { "1" } else { "state IN ('waiting', 'retry')" };
        let list = || {
            self.connection
                .prepare(&format!(
                    "SELECT id, kind, state, source, guid, reason, at, length(bytes) FROM quarantine WHERE {condition} \
                     ORDER BY id DESC"
                ))?
                .query_map([], |row| {
                    Ok(QuarantineSummary {
                        id: row.get(0)?,
                        kind: rows::word(row, 1, &QuarantineKind::ALL, |kind| kind.as_str())?,
                        state: rows::word(row, 2, &QuarantineState::ALL, |state| state.as_str())?,
                        source: row.get(3)?,
                        guid: row.get(4)?,
                        reason: row.get(5)?,
                        at: rows::timestamp(row, 6)?,
                        size: row.get(7)?,
                    })
                })?
                .collect::<Result<_, _>>()
        };
        list().map_err(|why| self.classed(&why))
    }

    /// One quarantine entry, whole.
    pub fn quarantined(&self, id: i64) -> Result<Option<QuarantineEntry>, LedgerError> {
        let found = || -> rusqlite::Result<_> {
            let mut statement = self.connection.prepare(&format!("{QUARANTINED} WHERE id = ?1"))?;
            let mut found = statement.query(params![id])?;
            found.next()?.map(quarantine_entry).transpose()
        };
        found().map(|found| found.map(|(_, entry)| entry)).map_err(|why| self.classed(&why))
    }

    /// An operator's word about a quarantine entry, written durably; a running daemon sees it within a second.
    /// `false`: there is no such entry that waits.
    pub fn order(&self, id: i64, to: QuarantineState) -> Result<bool, LedgerError> {
        let connection = schema::open(&self.path)?;
        commands::move_quarantine(&connection, id, &["waiting", "retry"], to.as_str(), None)
            .map_err(|why| self.classed(&why))
    }
}

fn state(row: &Row<'_>, stage: usize, ended: usize) -> rusqlite::Result<String> {
    Ok(match row.get::<_, i64>(stage)? {
        1 => "waiting".to_owned(),
        2 => "held".to_owned(),
        3 => "attempting".to_owned(),
        _ => row.get::<_, Option<String>>(ended)?.unwrap_or_default(),
    })
}

fn delivery(row: &Row<'_>) -> rusqlite::Result<DeliveryRecord> {
    let state = state(row, 5, 6)?;
    let waits = matches!(state.as_str(), "waiting" | "held" | "attempting");
    Ok(DeliveryRecord {
        destination: row.get(0)?,
        story: row.get(1)?,
        headline: row.get(2)?,
        version: row.get(3)?,
        action: row.get(4)?,
        state,
        attempts: row.get(7)?,
        confirmed: row.get(8)?,
        possible: row.get(9)?,
        accepted: rows::timestamp(row, 10)?,
        at: rows::maybe_timestamp(row, if waits { 11 } else { 12 })?,
        reason: row.get(if waits { 14 } else { 13 })?,
    })
}

/// Orders that are not at their end, with the last article that each looked at.
pub fn open_orders(db: &Connection, limit: usize) -> rusqlite::Result<Vec<(OrderRecord, ArticleId)>> {
    db.prepare_cached(
        "SELECT id, at, by, what, reason, state, taken, result, reached FROM operator_order \
         INDEXED BY operator_order_open WHERE state IN ('waiting', 'working') ORDER BY id LIMIT ?1",
    )?
    .query_map([limit], |row| Ok((commands::order_record(row)?, ArticleId(row.get(8)?))))?
    .collect()
}

const QUARANTINED: &str = "SELECT id, kind, source, content_type, guid, reason, bytes, at FROM quarantine";

/// Whole entries, by a condition that takes a limit as its parameter.
pub fn quarantined(db: &Connection, condition: &str, limit: usize) -> rusqlite::Result<Vec<(i64, QuarantineEntry)>> {
    db.prepare_cached(&format!("{QUARANTINED} {condition}"))?.query_map(params![limit], quarantine_entry)?.collect()
}

fn quarantine_entry(row: &Row<'_>) -> rusqlite::Result<(i64, QuarantineEntry)> {
    let entry = QuarantineEntry {
        kind: rows::word(row, 1, &QuarantineKind::ALL, |kind| kind.as_str())?,
        source: row.get(2)?,
        content_type: row.get(3)?,
        guid: row.get(4)?,
        reason: row.get(5)?,
        bytes: row.get(6)?,
        at: rows::timestamp(row, 7)?,
    };
    Ok((row.get(0)?, entry))
}
