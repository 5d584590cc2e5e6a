//! What the newsroom's systems are told: who they are, what lies before them, and what only a look shows. What happens to
//! rows is written by [`triggers`].

use jiff::Timestamp;
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row as SqlRow, params};
use serde::Deserialize;

use crate::article::{Action, Guid, WireId};
use crate::ledger::events::{
    Arrival, Door, EventId, EventKind, EventPage, EventRecord, Expiry, Happened, KillEnd, Recovery, Refusal, SetAside,
    StoryVersion, Telling, Tend, Trouble,
};
use crate::ledger::sqlite::{rows, triggers};
use crate::ledger::{QuarantineKind, StoryId};

/// Withdrawals that are looked at in one command. A look ends at the first destination that has not acknowledged one, and
/// goes through all of them where there is none: some thousand rows in a millisecond.
const KILLS: usize = 8;

/// Events that one command removes, so that no commit grows with what a receiver took at once.
const REMOVED: usize = 4_096;

/// Writes from now on what is to be told, and nothing else.
pub fn tell(db: &Connection, telling: &Telling) -> rusqlite::Result<()> {
    let Telling { receivers, kinds, destinations, now } = telling;
    let wants = |of: &[EventKind]| of.iter().any(|kind| kinds.contains(kind));
    triggers::set(db, kinds)?;
    let names = serde_json::json!(receivers).to_string();
    db.execute("DELETE FROM event_receiver WHERE name NOT IN (SELECT value FROM json_each(?1))", [&names])?;
    db.execute(
        "INSERT OR IGNORE INTO event_receiver (name, reached) \
         SELECT value, (SELECT ifnull(max(id), 0) FROM event) FROM json_each(?1)",
        [&names],
    )?;
    if receivers.is_empty() {
        db.execute("DELETE FROM event", [])?;
    }
    if wants(triggers::OF_KILLS) {
        // What became of them while nobody wrote it down is looked at once.
        let outstanding = "INSERT INTO event_kill (story, version) SELECT story, max(version) \
             FROM delivery INDEXED BY delivery_withdrawal WHERE rank < 0 AND stage < 4 GROUP BY story \
             ON CONFLICT (story) DO UPDATE SET version = excluded.version";
        db.execute(outstanding, [])?;
        db.execute("UPDATE event_kill SET changed = ?1", [rows::micros(*now)])?;
    } else {
        db.execute("DELETE FROM event_kill", [])?;
    }
    if wants(triggers::OF_DOORS) {
        let ours = serde_json::json!(destinations.iter().map(|id| id.0).collect::<Vec<_>>()).to_string();
        db.execute("DELETE FROM event_door WHERE destination NOT IN (SELECT value FROM json_each(?1))", [&ours])?;
        db.execute(
            "INSERT OR IGNORE INTO event_door (destination) SELECT id FROM destination \
             WHERE (failures > 0 OR suspended IS NOT NULL) AND id IN (SELECT value FROM json_each(?1))",
            [&ours],
        )?;
        let is_well = "destination IN (SELECT id FROM destination WHERE failures = 0 AND suspended IS NULL)";
        db.execute(&format!("DELETE FROM event_door WHERE told = 0 AND {is_well}"), [])?;
        db.execute(&format!("UPDATE event_door SET well = 1 WHERE {is_well}"), [])?;
    } else {
        db.execute("DELETE FROM event_door", [])?;
    }
    Ok(())
}

/// A receiver has taken everything up to an event.
pub fn taken(db: &Connection, receiver: &str, up_to: EventId) -> rusqlite::Result<()> {
    db.prepare_cached("UPDATE event_receiver SET reached = ?2 WHERE name = ?1 AND reached < ?2")?
        .execute(params![receiver, up_to.0])?;
    Ok(())
}

/// Looks at what no single change tells, and removes what every receiver has taken. `true`: there is more to do at once.
pub fn tend(db: &Connection, tend: &Tend) -> rusqlite::Result<bool> {
    doors(db, tend)?;
    let looked = kills(db, tend.now)?;
    // The last one stays, so that its number is not given again.
    let removed = db
        .prepare_cached(
            "DELETE FROM event WHERE id IN (SELECT id FROM event WHERE id <= (SELECT min(reached) FROM event_receiver) \
             AND id < (SELECT max(id) FROM event) ORDER BY id LIMIT ?1)",
        )?
        .execute([REMOVED])?;
    Ok(looked == KILLS || removed == REMOVED)
}

/// Tells of destinations that have been in trouble for long, or for good, and of those that are well again.
fn doors(db: &Connection, Tend { now, trouble_after }: &Tend) -> rusqlite::Result<()> {
    let at = rows::micros(*now);
    db.prepare_cached("UPDATE event_door SET since = ?1 WHERE since IS NULL")?.execute([at])?;
    let since = rows::micros(now.checked_sub(*trouble_after).unwrap_or(Timestamp::MIN));
    let told = db
        .prepare_cached(
            "INSERT INTO event (kind, at, destination, detail, more) \
             SELECT 'partner_in_trouble', ?1, id, ifnull(suspended, trouble), json_object('since', since, \
             'suspended', json(iif(suspended IS NULL, 'false', 'true')), 'failures', failures) \
             FROM event_door JOIN destination ON id = destination \
             WHERE told = 0 AND (since <= ?2 OR suspended IS NOT NULL) ORDER BY id",
        )?
        .execute([at, since])?;
    if told > 0 {
        db.prepare_cached(
            "UPDATE event_door SET told = 1, well = 0 WHERE told = 0 AND (since <= ?1 \
             OR destination IN (SELECT id FROM destination WHERE suspended IS NOT NULL))",
        )?
        .execute([since])?;
    }
    let well = db
        .prepare_cached(
            "INSERT INTO event (kind, at, destination, more) SELECT 'partner_recovered', ?1, destination, \
             json_object('since', since) FROM event_door WHERE told = 1 AND well = 1 ORDER BY destination",
        )?
        .execute([at])?;
    if well > 0 {
        db.prepare_cached(
            "DELETE FROM event_door WHERE told = 1 AND well = 1 \
             AND destination IN (SELECT id FROM destination WHERE failures = 0 AND suspended IS NULL)",
        )?
        .execute([])?;
        // In trouble again meanwhile, which begins anew.
        db.prepare_cached("UPDATE event_door SET since = ?1, told = 0, well = 0 WHERE told = 1 AND well = 1")?
            .execute([at])?;
    }
    Ok(())
}

/// Tells of withdrawals that are at their end everywhere. Returns how many were looked at.
fn kills(db: &Connection, now: Timestamp) -> rusqlite::Result<usize> {
    let changed: Vec<(StoryId, i64)> = db
        .prepare_cached(
            "SELECT story, version FROM event_kill INDEXED BY event_kill_changed WHERE changed IS NOT NULL \
             ORDER BY changed, story LIMIT ?1",
        )?
        .query_map([KILLS], |row| Ok((StoryId(row.get(0)?), row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    for (story, version) in &changed {
        let goes_on = db
            .prepare_cached(
                "SELECT 1 FROM delivery WHERE story = ?1 AND stage < 4 AND action IN ('kill', 'withhold') LIMIT 1",
            )?
            .query_row([story.0], |_| Ok(()))
            .optional()?;
        if goes_on.is_some() {
            db.prepare_cached("UPDATE event_kill SET changed = NULL WHERE story = ?1")?.execute([story.0])?;
            continue;
        }
        // What was never sent there needed no withdrawal.
        db.prepare_cached(
            "INSERT INTO event (kind, at, story, version, more) \
             SELECT iif(not_acknowledged = 0, 'kill_complete', 'kill_incomplete'), ?3, ?1, ?2, json_object('acknowledged', \
             acknowledged, 'not_acknowledged', not_acknowledged, 'first', first, 'last', last) \
             FROM (SELECT count(*) FILTER (WHERE ended = 'delivered') AS acknowledged, count(*) FILTER (WHERE \
             ended <> 'delivered' AND (confirmed IS NOT NULL OR possible IS NOT NULL)) AS not_acknowledged, \
             min(ended_at) FILTER (WHERE ended = 'delivered') AS first, max(ended_at) FILTER (WHERE ended = 'delivered') \
             AS last FROM delivery WHERE story = ?1 AND version = ?2)",
        )?
        .execute(params![story.0, version, rows::micros(now)])?;
        db.prepare_cached("DELETE FROM event_kill WHERE story = ?1")?.execute([story.0])?;
    }
    Ok(changed.len())
}

/// The next `limit` events before a receiver, of all kinds. One that is not known has none.
pub fn page(db: &Connection, receiver: &str, limit: usize) -> rusqlite::Result<EventPage> {
    let reached = db
        .prepare_cached("SELECT reached FROM event_receiver WHERE name = ?1")?
        .query_row([receiver], |row| row.get(0).map(EventId))
        .optional()?;
    let newest =
        db.prepare_cached("SELECT ifnull(max(id), 0) FROM event")?.query_row([], |row| row.get(0).map(EventId))?;
    let Some(reached) = reached else { return Ok(EventPage { reached: newest, newest, events: Vec::new() }) };
    let events = db
        .prepare_cached(
            "SELECT event.id, kind, at, event.detail, more, attempt, status, destination.name, guid, event.version, wire, \
             action, headline, accepted FROM event LEFT JOIN destination ON destination.id = event.destination \
             LEFT JOIN story ON story.id = event.story \
             LEFT JOIN article ON article.story = event.story AND article.version = event.version \
             WHERE event.id > ?1 ORDER BY event.id LIMIT ?2",
        )?
        .query_map(params![reached.0, limit], record)?
        .collect::<Result<_, _>>()?;
    Ok(EventPage { reached, newest, events })
}

fn record(row: &SqlRow<'_>) -> rusqlite::Result<EventRecord> {
    let what = match rows::word(row, 1, &EventKind::ALL, |kind| kind.as_str())? {
        EventKind::Delivered => {
            Happened::Delivered(Arrival { of: story(row)?, at: door(row)?, attempts: row.get(5)?, detail: row.get(3)? })
        }
        EventKind::Refused => Happened::Refused(Refusal {
            of: story(row)?,
            at: door(row)?,
            attempt: row.get(5)?,
            status: row.get(6)?,
            detail: row.get(3)?,
        }),
        EventKind::Expired => Happened::Expired(Expiry { of: story(row)?, at: door(row)?, detail: row.get(3)? }),
        EventKind::KillComplete => Happened::KillComplete(kill_end(row)?),
        EventKind::KillIncomplete => Happened::KillIncomplete(kill_end(row)?),
        EventKind::PartnerInTrouble => {
            let InTrouble { since, suspended, failures } = more(row)?;
            let (at, since) = (door(row)?, time(since)?);
            Happened::PartnerInTrouble(Trouble { at, since, suspended, failures, detail: row.get(3)? })
        }
        EventKind::PartnerRecovered => {
            let Since { since } = more(row)?;
            Happened::PartnerRecovered(Recovery { at: door(row)?, since: time(since)? })
        }
        EventKind::Quarantined => {
            let Aside { quarantine, what, story, source } = more(row)?;
            let known = QuarantineKind::ALL.into_iter().find(|kind| kind.as_str() == what);
            let what = known.ok_or_else(|| rows::damaged(4, Type::Text, format!("the unknown word {what:?}")))?;
            Happened::Quarantined(SetAside { quarantine, what, story, source, detail: row.get(3)? })
        }
    };
    Ok(EventRecord { id: EventId(row.get(0)?), at: rows::timestamp(row, 2)?, what })
}

fn story(row: &SqlRow<'_>) -> rusqlite::Result<StoryVersion> {
    let guid: String = row.get(8)?;
    let story: Guid = guid.parse().map_err(|why: String| rows::damaged(8, Type::Text, why))?;
    let action: Option<Action> = match row.get_ref(11)? {
        rusqlite::types::ValueRef::Null => None,
        _ => Some(rows::action(row, 11)?),
    };
    Ok(StoryVersion {
        story,
        version: rows::version(row, 9)?,
        wire: WireId::new(&row.get::<_, String>(10)?),
        action,
        headline: row.get(12)?,
        accepted_at: rows::maybe_timestamp(row, 13)?,
    })
}

fn door(row: &SqlRow<'_>) -> rusqlite::Result<Door> {
    row.get(7).map(Door::named)
}

fn kill_end(row: &SqlRow<'_>) -> rusqlite::Result<KillEnd> {
    let Acknowledged { acknowledged, not_acknowledged, first, last } = more(row)?;
    let (first_at, last_at) = (first.map(time).transpose()?, last.map(time).transpose()?);
    Ok(KillEnd { of: story(row)?, acknowledged, not_acknowledged, first_at, last_at })
}

#[derive(Deserialize)]
struct Acknowledged {
    acknowledged: u64,
    not_acknowledged: u64,
    first: Option<i64>,
    last: Option<i64>,
}

#[derive(Deserialize)]
struct InTrouble {
    since: i64,
    suspended: bool,
    failures: u32,
}

#[derive(Deserialize)]
struct Since {
    since: i64,
}

#[derive(Deserialize)]
struct Aside {
    quarantine: i64,
    what: String,
    story: Option<String>,
    source: String,
}

fn more<T: for<'de> Deserialize<'de>>(row: &SqlRow<'_>) -> rusqlite::Result<T> {
    serde_json::from_str(row.get_ref(4)?.as_str().map_err(|why| rows::damaged(4, Type::Text, why))?)
        .map_err(|why| rows::damaged(4, Type::Text, why))
}

fn time(micros: i64) -> rusqlite::Result<Timestamp> {
    Timestamp::from_microsecond(micros).map_err(|why| rows::damaged(4, Type::Integer, why))
}
