//! What a ledger is asked to change, each as statements inside one transaction.
//!
//! A command is applied by reference, so that a batch whose commit failed can be applied again.

use std::collections::HashSet;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};

use super::rows;
use crate::article::Action;
use crate::ledger::records::{
    Acceptance, Attempted, Claim, Claimed, LaneDue, LaneState, QuarantineEntry, Registration, Report,
};
use crate::ledger::state::{self, Row, Settled, Stage, Wanted};
use crate::ledger::{ArticleId, DestinationId, StoryId};

/// What came of an acceptance, before its commit.
pub enum Taken {
    Fresh { story: StoryId, deliveries: usize, touched: Vec<DestinationId> },
    Repeat { deliveries: usize },
    Conflict,
}

pub fn register(
    db: &Connection,
    destinations: &[Registration],
    now: Timestamp,
) -> rusqlite::Result<Vec<DestinationId>> {
    let mut save = db.prepare_cached(
        "INSERT INTO destination (name, paused) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET paused = ?2, \
         resumed = iif(paused AND NOT ?2, ?3, resumed) RETURNING id",
    )?;
    destinations
        .iter()
        .map(|one| {
            save.query_row(params![one.name, one.paused, rows::micros(now)], |row| Ok(DestinationId(row.get(0)?)))
        })
        .collect()
}

pub fn accept(db: &Connection, acceptance: &Acceptance, content: &[u8]) -> rusqlite::Result<Taken> {
    let article = &acceptance.article;
    let digest = Sha256::digest(content);
    let known = db
        .prepare_cached("SELECT id, newest FROM story WHERE guid = ?1")?
        .query_row([article.guid.as_str()], |row| Ok((StoryId(row.get(0)?), rows::version(row, 1)?)))
        .optional()?;
    if let Some((story, _)) = known {
        let stored = db
            .prepare_cached("SELECT digest FROM article WHERE story = ?1 AND version = ?2")?
            .query_row(params![story.0, article.version.as_i64()], |row| row.get::<_, Vec<u8>>(0))
            .optional()?;
        if let Some(stored) = stored {
            if stored != digest[..] {
                return Ok(Taken::Conflict);
            }
            let deliveries = db
                .prepare_cached("SELECT count(*) FROM delivery WHERE story = ?1 AND version = ?2")?
                .query_row(params![story.0, article.version.as_i64()], |row| row.get(0))?;
            return Ok(Taken::Repeat { deliveries });
        }
    }
    let (story, is_newest) = match known {
        Some((story, newest)) => (story, article.version > newest),
        None => {
            db.prepare_cached("INSERT INTO story (guid, wire, newest) VALUES (?1, ?2, ?3)")?.execute(params![
                article.guid.as_str(),
                article.wire.as_str(),
                article.version.as_i64()
            ])?;
            (StoryId(db.last_insert_rowid()), true)
        }
    };
    db.prepare_cached(
        "INSERT INTO article (story, version, action, headline, source, accepted, digest, content) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?
    .execute(params![
        story.0,
        article.version.as_i64(),
        article.action.as_str(),
        article.headline,
        acceptance.source,
        rows::micros(acceptance.now),
        &digest[..],
        content
    ])?;
    let id = ArticleId(db.last_insert_rowid());
    // A version that comes late is kept and goes nowhere: a newer one has its place everywhere.
    if !is_newest {
        return Ok(Taken::Fresh { story, deliveries: 0, touched: Vec::new() });
    }
    let rows = if known.is_some() {
        db.prepare_cached("UPDATE story SET newest = ?2 WHERE id = ?1")?
            .execute(params![story.0, article.version.as_i64()])?;
        rows::of_story(db, story)?
    } else {
        Vec::new()
    };
    fan_out(db, acceptance, story, id, rows)
}

/// Gives the newest version of a story to whom it is owed: who is routed it, and who has the story already where the
/// action is for those.
fn fan_out(
    db: &Connection,
    acceptance: &Acceptance,
    story: StoryId,
    id: ArticleId,
    existing: Vec<(DestinationId, Row)>,
) -> rusqlite::Result<Taken> {
    let article = &acceptance.article;
    let now = acceptance.now;
    let withdraws = article.action.withdraws();
    let wanted = Wanted {
        version: article.version,
        article: id,
        action: article.action,
        rank: state::rank(article.action, article.urgency, now),
        accepted: now,
        // A withdrawal waits for nothing, and is never too late.
        embargo: article.embargo.filter(|_| !withdraws),
        expires: article.expires.filter(|_| !withdraws),
    };
    let mut deliveries = 0;
    let mut touched = Vec::new();
    let routed: HashSet<DestinationId> = acceptance.routed.iter().copied().collect();
    let mut seen = HashSet::with_capacity(existing.len());
    for (destination, mut row) in existing {
        seen.insert(destination);
        let is_routed = routed.contains(&destination);
        let past = if withdraws {
            row.withdraw(wanted.clone(), now)
        } else if is_routed || (article.action == Action::Correct && row.may_have_it()) {
            row.want(wanted.clone(), now)
        } else {
            row.pass_over(wanted.version, now);
            None
        };
        if let Some(past) = past {
            rows::save_past(db, story, destination, &past)?;
        }
        if row.wanted.version == wanted.version && !matches!(row.stage, Stage::Ended { .. }) {
            deliveries += 1;
            touched.push(destination);
        }
        rows::save(db, story, destination, &row)?;
    }
    // Who never had the story needs no withdrawal of it.
    if !withdraws {
        let first = Row::first(wanted, now);
        for destination in acceptance.routed.iter().filter(|id| !seen.contains(id)) {
            rows::save(db, story, *destination, &first)?;
            deliveries += 1;
            touched.push(*destination);
        }
    }
    Ok(Taken::Fresh { story, deliveries, touched })
}

pub fn quarantine(db: &Connection, entry: &QuarantineEntry) -> rusqlite::Result<i64> {
    let digest = Sha256::digest(&entry.bytes);
    db.prepare_cached(
        "INSERT INTO quarantine (kind, state, source, content_type, guid, reason, at, digest, bytes) \
         VALUES (?1, 'waiting', ?2, ?3, ?4, ?5, ?6, ?7, ?8) \
         ON CONFLICT (kind, source, digest) WHERE state = 'waiting' DO UPDATE SET reason = ?5, at = ?6 RETURNING id",
    )?
    .query_row(
        params![
            entry.kind.as_str(),
            entry.source,
            entry.content_type,
            entry.guid,
            entry.reason,
            rows::micros(entry.at),
            &digest[..],
            entry.bytes
        ],
        |row| row.get(0),
    )
}

pub fn claim(db: &Connection, claim: &Claim) -> rusqlite::Result<Claimed> {
    let destination = claim.destination;
    // Held rows whose time has come join the others; in steps, so that no commit grows with a backlog.
    db.prepare_cached(
        "UPDATE delivery SET stage = 1, due = NULL WHERE (story, destination) IN (SELECT story, destination \
         FROM delivery INDEXED BY delivery_held WHERE destination = ?1 AND stage = 2 AND due <= ?2 ORDER BY due LIMIT 256)",
    )?
    .execute(params![destination.0, rows::micros(claim.now)])?;

    let below = if claim.withdrawals_only { 0 } else { i64::MAX };
    let ready = rows::ready(db, destination, below, claim.limit)?;
    let mut claimed = Claimed { more: ready.len() == claim.limit, ..Claimed::default() };
    for (story, mut row) in ready {
        if row.wanted.expires.is_some_and(|expires| expires <= claim.now) {
            row.expire("the article's own time was over", claim.now);
        } else if Some(claim.give_up_before) > row.wanted.embargo.max(Some(row.wanted.accepted)) && row.wanted.rank >= 0
        {
            row.expire("it could not be delivered within the time that is configured (give_up_after)", claim.now);
        } else if row.begin(claim.now) {
            claimed.rows.push(Attempted {
                story,
                version: row.wanted.version,
                article: row.wanted.article,
                action: row.wanted.action,
                attempt: row.attempts,
                embargo: row.wanted.embargo,
                expires: row.wanted.expires,
                accepted: row.wanted.accepted,
                remote: row.remote.clone(),
            });
        }
        if matches!(row.stage, Stage::Ended { .. }) {
            claimed.expired += 1;
        }
        rows::save(db, story, destination, &row)?;
    }
    claimed.next = next_held(db, destination)?;
    Ok(claimed)
}

fn next_held(db: &Connection, destination: DestinationId) -> rusqlite::Result<Option<Timestamp>> {
    db.prepare_cached(
        "SELECT due FROM delivery INDEXED BY delivery_held WHERE destination = ?1 AND stage = 2 ORDER BY due LIMIT 1",
    )?
    .query_row([destination.0], |row| rows::timestamp(row, 0))
    .optional()
}

pub fn record(
    db: &Connection,
    destination: DestinationId,
    reports: &[Report],
    lane: Option<&LaneState>,
) -> rusqlite::Result<bool> {
    let mut waits = false;
    for report in reports {
        let story = report.attempted.story;
        let Some(mut row) = rows::load(db, story, destination)? else { continue };
        row.remember(report.remote.as_deref());
        let past = row.settle(report.attempted.version, report.settled.clone(), report.ended, report.in_network);
        waits |= row.waits();
        rows::save(db, story, destination, &row)?;
        if let Some(past) = past {
            rows::save_past(db, story, destination, &past)?;
        }
        let outcome = match report.settled {
            Settled::Delivered { .. } | Settled::Expired { .. } => continue,
            Settled::Refused { .. } => "refused",
            Settled::Deferred { .. } => "deferred",
            Settled::Unknown { .. } => "unknown",
        };
        db.prepare_cached(
            "INSERT INTO attempt (story, destination, version, attempt, began, ended, outcome, status, detail) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            story.0,
            destination.0,
            report.attempted.version.as_i64(),
            report.attempted.attempt,
            rows::micros(report.began),
            rows::micros(report.ended),
            outcome,
            report.status,
            report.detail
        ])?;
    }
    if let Some(lane) = lane {
        db.prepare_cached(
            "UPDATE destination SET failures = ?2, retry_at = ?3, suspended = ?4, trouble = ?5 WHERE id = ?1",
        )?
        .execute(params![
            destination.0,
            lane.failures,
            lane.retry_at.map(rows::micros),
            lane.suspended,
            lane.trouble
        ])?;
    }
    Ok(waits)
}

pub fn release(
    db: &Connection,
    destination: DestinationId,
    attempted: &[Attempted],
    now: Timestamp,
) -> rusqlite::Result<bool> {
    let mut waits = false;
    for one in attempted {
        let Some(mut row) = rows::load(db, one.story, destination)? else { continue };
        let past = row.release(one.version, now);
        waits |= row.waits();
        rows::save(db, one.story, destination, &row)?;
        if let Some(past) = past {
            rows::save_past(db, one.story, destination, &past)?;
        }
    }
    Ok(waits)
}

/// After a crash, of the program or of one lane: whatever was announced as attempted may have arrived. Its rows are as
/// many as the lanes' windows.
pub fn recover(
    db: &Connection,
    only: Option<DestinationId>,
    now: Timestamp,
    in_network: Duration,
) -> rusqlite::Result<usize> {
    let announced = rows::attempting(db, only)?;
    for (story, destination, row) in &announced {
        let mut row = row.clone();
        if let Stage::Attempting { version, .. } = row.stage {
            if let Some(past) = row.settle(version, Settled::Unknown { hold: None }, now, in_network) {
                rows::save_past(db, *story, *destination, &past)?;
            }
            rows::save(db, *story, *destination, &row)?;
        }
    }
    Ok(announced.len())
}

/// An operator's word about a quarantine entry: `true` where there was such an entry in one of the states `from`.
pub fn move_quarantine(
    db: &Connection,
    id: i64,
    from: &[&str],
    to: &str,
    reason: Option<&str>,
) -> rusqlite::Result<bool> {
    let state = db
        .prepare_cached("SELECT state FROM quarantine WHERE id = ?1")?
        .query_row([id], |row| row.get::<_, String>(0))
        .optional()?;
    if !state.is_some_and(|state| from.contains(&state.as_str())) {
        return Ok(false);
    }
    db.prepare_cached("UPDATE OR REPLACE quarantine SET state = ?2, reason = coalesce(?3, reason) WHERE id = ?1")?
        .execute(params![id, to, reason])?;
    Ok(true)
}

pub fn lane(db: &Connection, destination: DestinationId) -> rusqlite::Result<LaneDue> {
    let (state, resumed) = db
        .prepare_cached("SELECT failures, retry_at, suspended, trouble, resumed FROM destination WHERE id = ?1")?
        .query_row([destination.0], |row| {
            let state = LaneState {
                failures: row.get(0)?,
                retry_at: rows::maybe_timestamp(row, 1)?,
                suspended: row.get(2)?,
                trouble: row.get(3)?,
            };
            Ok((state, rows::maybe_timestamp(row, 4)?))
        })
        .optional()?
        .unwrap_or_default();
    let first: Option<i64> = db
        .prepare_cached(
            "SELECT rank FROM delivery INDEXED BY delivery_ready WHERE destination = ?1 AND stage = 1 \
             ORDER BY rank LIMIT 1",
        )?
        .query_row([destination.0], |row| row.get(0))
        .optional()?;
    let due = if first.is_some() { Some(Timestamp::UNIX_EPOCH) } else { next_held(db, destination)? };
    Ok(LaneDue { destination, state, due, withdrawal: first.is_some_and(|rank| rank < 0), resumed })
}
