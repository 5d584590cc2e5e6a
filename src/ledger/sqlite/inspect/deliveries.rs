//! Lists of deliveries, a page at a time.
//!
//! | what is asked for | along | in the order |
//! | --- | --- | --- |
//! | one story | the deliveries' own key | destinations |
//! | what waits, is held, or is under way | that stage's partial index | lane by lane, as they go |
//! | refused or expired | the index of what is in trouble | the last first |
//! | all else, or since a time | articles, then the deliveries of each | the newest versions first |
//!
//! The last walks articles and not deliveries, so that a partner's list costs a probe an article, not a look at every
//! other partner's rows.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, params};

use super::SqliteReader;
use crate::ledger::sqlite::rows;
use crate::ledger::state::{End, NEVER};
use crate::ledger::views::{Cursor, DeliveryFilter, DeliveryPage, DeliveryRecord, Listing};
use crate::ledger::{LedgerError, Target};

/// What [`delivery`] reads, without the sort keys that follow.
const COLUMNS: &str = "destination.name, story.guid, article.headline, delivery.version, delivery.action, stage, ended, \
                       attempts, confirmed, possible, delivery.accepted, due, ended_at, delivery.reason, \
                       destination.trouble, story.on_hold, embargo";

/// The tables that a list has to read beside the deliveries, each by its key. `CROSS JOIN` keeps SQLite to this order.
const BESIDE: &str = "CROSS JOIN destination CROSS JOIN story WHERE destination.id = delivery.destination \
                      AND story.id = delivery.story";

/// How a filter is answered.
struct Plan {
    order: Listing,
    /// Its parameters are the same in all orders: 1 the end, 2 since when, 3 the guid, 4 the first article, 5 the lane,
    /// 6 to 8 the sort keys after which it goes on, 9 the limit.
    sql: String,
    /// The first article that is late enough.
    first: i64,
    /// The destinations that are asked for one after the other.
    lanes: Option<Vec<i64>>,
}

impl SqliteReader {
    /// The first of the deliveries of a filter.
    pub fn deliveries(&self, filter: &DeliveryFilter) -> Result<Vec<DeliveryRecord>, LedgerError> {
        Ok(self.delivery_page(filter)?.deliveries)
    }

    /// Some of the deliveries of a filter, and where to go on.
    ///
    /// # Errors
    /// [`LedgerError::Unusable`] where the cursor is of a list in another order.
    pub fn delivery_page(&self, filter: &DeliveryFilter) -> Result<DeliveryPage, LedgerError> {
        let Some(plan) = self.plan(filter).map_err(|why| self.classed(&why))? else {
            return Ok(DeliveryPage { deliveries: Vec::new(), next: None });
        };
        if filter.after.is_some_and(|after| after.order != plan.order) {
            return Err(LedgerError::Unusable(
                "that place is of a list in another order; give the same filter as for the page before".to_owned(),
            ));
        }
        let mut found = self.page(&plan, filter).map_err(|why| self.classed(&why))?;
        let more = found.len() > filter.limit;
        found.truncate(filter.limit);
        let next = found.last().filter(|_| more).map(|(_, keys)| Cursor { order: plan.order, keys: *keys });
        Ok(DeliveryPage { deliveries: found.into_iter().map(|(record, _)| record).collect(), next })
    }

    /// What was refused or expired at a time or later, the last first; at most `limit`.
    ///
    /// # Errors
    /// [`LedgerError`] when the ledger cannot be read.
    pub fn ended_in_trouble(&self, since: Timestamp, limit: usize) -> Result<Vec<DeliveryRecord>, LedgerError> {
        let list = || {
            self.connection
                .prepare_cached(&format!(
                    "SELECT {COLUMNS} FROM delivery INDEXED BY delivery_in_trouble CROSS JOIN article {BESIDE} \
                     AND article.id = delivery.article AND ended IN ('refused', 'expired') AND ended_at >= ?1 \
                     ORDER BY ended_at DESC LIMIT ?2"
                ))?
                .query_map(params![rows::micros(since), limit], delivery)?
                .collect::<Result<_, _>>()
        };
        list().map_err(|why| self.classed(&why))
    }

    /// How many deliveries there are in each state. It counts all of them.
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

    /// The names of all destinations that the ledger knows, `partner/destination`.
    pub fn names(&self) -> Result<Vec<String>, LedgerError> {
        Ok(self.destinations().map_err(|why| self.classed(&why))?.into_iter().map(|(_, name)| name).collect())
    }

    /// The names of all destinations that the ledger knows, with their ids in order.
    pub(super) fn destinations(&self) -> rusqlite::Result<Vec<(i64, String)>> {
        self.connection
            .prepare_cached("SELECT id, name FROM destination ORDER BY id")?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect()
    }

    /// `None` where there can be no answer.
    fn plan(&self, filter: &DeliveryFilter) -> rusqlite::Result<Option<Plan>> {
        let known = self.destinations()?;
        let to = filter.partner.as_deref().map(Target::new);
        let chosen: Vec<i64> =
            known.iter().filter(|(_, name)| to.as_ref().is_none_or(|to| to.covers(name))).map(|(id, _)| *id).collect();
        if chosen.is_empty() {
            return Ok(None);
        }
        let mut conditions = String::new();
        if to.is_some() {
            // They are few, and numbers.
            let list: Vec<String> = chosen.iter().map(i64::to_string).collect();
            conditions.push_str(&format!(" AND delivery.destination IN ({})", list.join(", ")));
        }
        let (stage, in_trouble) = match filter.state.as_deref() {
            None => (None, false),
            Some("waiting") => (Some(1), false),
            Some("held") => (Some(2), false),
            Some("attempting") => (Some(3), false),
            Some(end) => {
                conditions.push_str(" AND stage = 4 AND ended = ?1");
                (None, end == End::Refused.as_str() || end == End::Expired.as_str())
            }
        };
        if let Some(stage) = stage {
            conditions.push_str(&format!(" AND stage = {stage}"));
        }
        let first = match filter.since {
            None => 0,
            Some(since) => match self.first_since(since)? {
                Some(first) => first,
                None => return Ok(None),
            },
        };
        if filter.since.is_some() {
            conditions.push_str(" AND article.accepted >= ?2");
        }
        let (order, sql, lanes) = if filter.story.is_some() {
            (Listing::Story, of_story(&conditions), None)
        } else if filter.since.is_some() {
            (Listing::Newest, newest(&conditions), None)
        } else if let Some(stage) = stage {
            (Listing::Lanes, of_lane(stage, &conditions), Some(chosen))
        } else if in_trouble {
            (Listing::InTrouble, troubled(&conditions), None)
        } else {
            (Listing::Newest, newest(&conditions), None)
        };
        Ok(Some(Plan { order, sql, first, lanes }))
    }

    /// Times grow with ids, but for a clock that was set back.
    fn first_since(&self, since: Timestamp) -> rusqlite::Result<Option<i64>> {
        self.connection
            .prepare_cached(
                "SELECT id FROM article INDEXED BY article_accepted WHERE accepted >= ?1 ORDER BY accepted LIMIT 1",
            )?
            .query_row([rows::micros(since)], |row| row.get(0))
            .optional()
    }

    /// One more than the filter's limit, where there are more.
    fn page(&self, plan: &Plan, filter: &DeliveryFilter) -> rusqlite::Result<Vec<(DeliveryRecord, [i64; 3])>> {
        let limit = filter.limit.saturating_add(1);
        let since = filter.since.map(rows::micros);
        let start = filter.after.map_or_else(|| plan.order.start(), |after| after.keys);
        let mut statement = self.connection.prepare_cached(&plan.sql)?;
        let mut found = Vec::new();
        // What is not asked for lane by lane is asked for once.
        let lanes = plan.lanes.as_deref().unwrap_or(&[0]);
        for lane in lanes.iter().copied().filter(|lane| plan.lanes.is_none() || *lane >= start[0]) {
            let [first, second, third] =
                if plan.lanes.is_some() && lane > start[0] { plan.order.start() } else { start };
            let missing = limit - found.len();
            let values = params![filter.state, since, filter.story, plan.first, lane, first, second, third, missing];
            for one in
                statement.query_map(values, |row| Ok((delivery(row)?, [row.get(17)?, row.get(18)?, row.get(19)?])))?
            {
                found.push(one?);
            }
            if found.len() >= limit {
                break;
            }
        }
        Ok(found)
    }
}

impl Listing {
    /// The sort keys before all others.
    fn start(self) -> [i64; 3] {
        match self {
            Self::Newest => [i64::MAX, i64::MIN, 0],
            Self::Story => [i64::MIN, 0, 0],
            Self::Lanes => [i64::MIN; 3],
            Self::InTrouble => [i64::MAX; 3],
        }
    }
}

fn of_story(conditions: &str) -> String {
    format!(
        "SELECT {COLUMNS}, delivery.destination, 0, 0 FROM story CROSS JOIN delivery CROSS JOIN article \
         CROSS JOIN destination WHERE story.guid = ?3 AND delivery.story = story.id \
         AND article.id = delivery.article AND destination.id = delivery.destination{conditions} \
         AND delivery.destination > ?6 ORDER BY delivery.destination LIMIT ?9"
    )
}

fn newest(conditions: &str) -> String {
    format!(
        "SELECT {COLUMNS}, article.id, delivery.destination, 0 FROM article CROSS JOIN delivery {BESIDE} \
         AND delivery.story = article.story AND delivery.article = article.id{conditions} \
         AND article.id BETWEEN ?4 AND ?6 AND (article.id < ?6 OR delivery.destination > ?7) \
         ORDER BY article.id DESC, delivery.destination LIMIT ?9"
    )
}

fn of_lane(stage: i64, conditions: &str) -> String {
    // Of what is under way the index has no other order than the deliveries' own.
    let (index, key, after) = match stage {
        1 => ("delivery_ready", "rank", "(rank, delivery.story) > (?7, ?8) ORDER BY rank, delivery.story"),
        2 => ("delivery_held", "due", "(due, delivery.story) > (?7, ?8) ORDER BY due, delivery.story"),
        _ => ("delivery_attempting", "0", "delivery.story > ?8 ORDER BY delivery.story"),
    };
    format!(
        "SELECT {COLUMNS}, delivery.destination, {key}, delivery.story FROM delivery INDEXED BY {index} \
         CROSS JOIN article {BESIDE} AND article.id = delivery.article{conditions} AND delivery.destination = ?5 \
         AND {after} LIMIT ?9"
    )
}

fn troubled(conditions: &str) -> String {
    format!(
        "SELECT {COLUMNS}, ended_at, delivery.story, delivery.destination FROM delivery \
         INDEXED BY delivery_in_trouble CROSS JOIN article {BESIDE} AND article.id = delivery.article \
         AND ended IN ('refused', 'expired'){conditions} \
         AND (ended_at, delivery.story, delivery.destination) < (?6, ?7, ?8) \
         ORDER BY ended_at DESC, delivery.story DESC, delivery.destination DESC LIMIT ?9"
    )
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
    let at = rows::maybe_timestamp(row, if waits { 11 } else { 12 })?;
    // What is held is held for a reason of its own before its door matters.
    let (at, reason) = match at {
        Some(until) if waits && until == NEVER => (None, row.get(15)?),
        Some(until) if waits && Some(until) == rows::maybe_timestamp(row, 16)? => (at, Some("embargo".to_owned())),
        Some(_) | None => (at, row.get(if waits { 14 } else { 13 })?),
    };
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
        at,
        reason,
    })
}

#[cfg(test)]
mod tests;
