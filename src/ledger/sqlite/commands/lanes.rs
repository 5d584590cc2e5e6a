//! What lanes do: register, claim, record, release; and what is settled when one broke off.

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::numbers::Numbers;
use crate::ledger::DestinationId;
use crate::ledger::orders::Halt;
use crate::ledger::records::{Arrived, Attempted, Claim, Claimed, LaneDue, LaneState, Registration, Report, Waiting};
use crate::ledger::sqlite::db::{Db, Hot};
use crate::ledger::sqlite::{plain, rows};
use crate::ledger::state::{NEVER, Row, Settled, Stage};

pub fn register(
    db: &Connection,
    destinations: &[Registration],
    now: Timestamp,
) -> rusqlite::Result<Vec<DestinationId>> {
    // At most starts nothing is new: to write all of ten thousand anew would be a good part of one.
    let mut known = db.prepare_cached("SELECT id FROM destination WHERE name = ?1 AND paused = ?2")?;
    let mut save = db.prepare_cached(
        "INSERT INTO destination (name, paused) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET paused = ?2, \
         resumed = iif(paused AND NOT ?2, ?3, resumed) RETURNING id",
    )?;
    destinations
        .iter()
        .map(|one| {
            let id = |row: &rusqlite::Row<'_>| row.get(0).map(DestinationId);
            match known.query_row(params![one.name, one.paused], id).optional()? {
                Some(id) => Ok(id),
                None => save.query_row(params![one.name, one.paused, rows::micros(now)], id),
            }
        })
        .collect()
}

pub fn claim(db: &Db<'_>, claim: &Claim) -> rusqlite::Result<Claimed> {
    let destination = claim.destination;
    let mut next = next_held(db, destination)?;
    if next.is_some_and(|due| due <= claim.now) {
        let_go(db, destination, claim.now)?;
        next = next_held(db, destination)?;
    }

    let below = if claim.withdrawals_only { 0 } else { i64::MAX };
    let ready = rows::ready(db, destination, below, claim.limit)?;
    let mut claimed = Claimed { more: ready.len() == claim.limit, ..Claimed::default() };
    let mut numbers = Numbers::of(db, destination)?;
    for mut stored in ready {
        let row = &mut stored.row;
        let mut past = Vec::new();
        if row.wanted.expires.is_some_and(|expires| expires <= claim.now) && !planted!(ExpiryIgnored) {
            past = row.expire(time_was_over(row.wanted.action.withdraws()), claim.now);
            claimed.expired += 1;
        } else if Some(claim.give_up_before) > row.wanted.embargo.max(Some(row.wanted.accepted)) && row.wanted.rank >= 0
        {
            let reason = "it could not be delivered within the time that is configured (give_up_after)";
            past = row.expire(reason, claim.now);
            claimed.expired += 1;
        } else if row.begin(&mut numbers.last, claim.now) {
            claimed.rows.push(stored.attempted());
            stored.save_begun(db)?;
            continue;
        }
        // What followed it at a destination that takes every version waits now.
        let row = &stored.row;
        claimed.more |= row.waits();
        if let Stage::Held { until } = row.stage {
            next = next.into_iter().chain([until]).filter(|until| *until < NEVER).min();
        }
        stored.save(db, past)?;
    }
    numbers.save(db)?;
    claimed.next = next;
    Ok(claimed)
}

const NEXT_HELD: Hot = Hot::new(
    5,
    "SELECT due FROM delivery INDEXED BY delivery_held WHERE destination = ?1 AND stage = 2 AND due < ?2 ORDER BY due \
     LIMIT 1",
);
/// Held rows whose time has come join the others; in steps, so that no commit grows with a backlog.
fn let_go(db: &Connection, destination: DestinationId, now: Timestamp) -> rusqlite::Result<usize> {
    db.prepare_cached(
        "UPDATE delivery SET stage = 1, due = NULL WHERE (story, destination) IN (SELECT story, destination \
         FROM delivery INDEXED BY delivery_held WHERE destination = ?1 AND stage = 2 AND due <= ?2 ORDER BY due LIMIT 256)",
    )?
    .execute(params![destination.0, rows::micros(now)])
}

/// Why what waited is over when its time is.
pub(super) fn time_was_over(withdraws: bool) -> &'static str {
    if withdraws {
        "the time was over for which the wire tries a withdrawal (withdraw_for)"
    } else {
        "the article's own time was over"
    }
}

/// When the first row is due that waits for a time. What only an operator can let go is due never.
fn next_held(db: &Db<'_>, destination: DestinationId) -> rusqlite::Result<Option<Timestamp>> {
    db.hot(NEXT_HELD)?.query_row(params![destination.0, rows::micros(NEVER)], |row| rows::timestamp(row, 0)).optional()
}

pub fn arrived(db: &Db<'_>, destination: DestinationId, arrived: &Arrived) -> rusqlite::Result<Waiting> {
    let Arrived { story, version, at, ref reason, in_network } = *arrived;
    let mut waiting = Waiting::default();
    if plain::arrived(db, story, version, reason, (destination, at))? {
        return Ok(waiting);
    }
    let Some(mut stored) = rows::load(db, story, destination)? else { return Ok(waiting) };
    let past = stored.row.settle(version, Settled::Delivered { reason: reason.clone() }, at, in_network);
    note(&mut waiting, &stored.row, at);
    stored.save(db, past)?;
    Ok(waiting)
}

/// What several of those come to, in their order.
pub fn arrived_together(db: &Db<'_>, all: &[(DestinationId, &Arrived)]) -> rusqlite::Result<Vec<Waiting>> {
    let mut waiting = vec![Waiting::default(); all.len()];
    let mut order: Vec<usize> = (0..all.len()).collect();
    let alike = |at: usize| (all[at].1.story, all[at].1.version, all[at].1.reason.as_str());
    // Neighbours of the table stand together, too.
    order.sort_unstable_by_key(|at| (alike(*at), all[*at].0, *at));
    for group in order.chunk_by(|one, other| alike(*one) == alike(*other)) {
        let (story, version, reason) = alike(group[0]);
        let ends: Vec<_> = group.iter().map(|at| (all[*at].0, all[*at].1.at)).collect();
        if plain::arrived_together(db, story, version, reason, &ends)? {
            continue;
        }
        for at in group {
            // One that was written has its end, and this changes nothing about it.
            waiting[*at] = arrived(db, all[*at].0, all[*at].1)?;
        }
    }
    Ok(waiting)
}

pub fn record(
    db: &Db<'_>,
    destination: DestinationId,
    reports: &[Report],
    lane: Option<&LaneState>,
) -> rusqlite::Result<Waiting> {
    let mut waiting = Waiting::default();
    for report in reports {
        let story = report.attempted.story;
        if let (Settled::Delivered { reason }, None) = (&report.settled, &report.remote)
            && plain::arrived(db, story, report.attempted.version, reason, (destination, report.ended))?
        {
            continue;
        }
        let Some(mut stored) = rows::load(db, story, destination)? else { continue };
        let row = &mut stored.row;
        row.remember(report.remote.as_deref());
        let past = row.settle(report.attempted.version, report.settled.clone(), report.ended, report.in_network);
        note(&mut waiting, row, report.ended);
        stored.save(db, past)?;
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
    Ok(waiting)
}

pub fn release(
    db: &Db<'_>,
    destination: DestinationId,
    attempted: &[Attempted],
    now: Timestamp,
) -> rusqlite::Result<Waiting> {
    let mut waiting = Waiting::default();
    for one in attempted {
        let Some(mut stored) = rows::load(db, one.story, destination)? else { continue };
        let past = stored.row.release(one.version, one.announced, now);
        note(&mut waiting, &stored.row, now);
        stored.save(db, past)?;
    }
    Ok(waiting)
}

/// Whether a row waits, and if it is a withdrawal, from when on.
fn note(waiting: &mut Waiting, row: &Row, now: Timestamp) {
    let at = match row.stage {
        Stage::Ready => now,
        Stage::Held { until } => until,
        Stage::Attempting { .. } | Stage::Ended { .. } => return,
    };
    waiting.any = true;
    if row.wanted.action.withdraws() {
        waiting.withdrawal = Some(waiting.withdrawal.map_or(at, |first| first.min(at)));
    }
}

/// After a crash, of the program or of one lane: whatever was announced as attempted may have arrived. Its rows are as
/// many as the lanes' windows. Returns how many.
pub fn recover(
    db: &Db<'_>,
    only: Option<DestinationId>,
    now: Timestamp,
    in_network: Duration,
) -> rusqlite::Result<usize> {
    let how = if planted!(CrashForgetsAnnounced) {
        Settled::Deferred { hold: None }
    } else {
        Settled::Unknown { hold: None }
    };
    let plainly = match how {
        Settled::Unknown { .. } => plain::unknown(db, only, now, in_network)?,
        Settled::Delivered { .. } | Settled::Refused { .. } | Settled::Expired { .. } | Settled::Deferred { .. } => 0,
    };
    let mut announced = rows::attempting(db, only)?;
    let number = plainly + announced.len();
    // As they stand in the file: neighbours are written together.
    announced.sort_by_key(|one| (one.story, one.destination));
    for mut stored in announced {
        if let Stage::Attempting { version, .. } = stored.row.stage {
            let past = stored.row.settle(version, how.clone(), now, in_network);
            stored.save(db, past)?;
        }
    }
    Ok(number)
}

/// What is remembered of a lane: its state, when its last pause ended, and what an operator ordered.
pub fn lane_state(
    db: &Connection,
    destination: DestinationId,
) -> rusqlite::Result<(LaneState, Option<Timestamp>, Option<Halt>)> {
    let found = db
        .prepare_cached(
            "SELECT failures, retry_at, suspended, trouble, resumed, halted, halted_why FROM destination WHERE id = ?1",
        )?
        .query_row([destination.0], |row| {
            let state = LaneState {
                failures: row.get(0)?,
                retry_at: rows::maybe_timestamp(row, 1)?,
                suspended: row.get(2)?,
                trouble: row.get(3)?,
            };
            let halt = match row.get(5)? {
                0_i64 => None,
                halted => Some(Halt { even_kills: halted > 1, why: row.get::<_, Option<_>>(6)?.unwrap_or_default() }),
            };
            Ok((state, rows::maybe_timestamp(row, 4)?, halt))
        })
        .optional()?;
    Ok(found.unwrap_or_default())
}

pub fn lane(db: &Connection, destination: DestinationId) -> rusqlite::Result<LaneDue> {
    let (state, resumed, halt) = lane_state(db, destination)?;
    let first: Option<i64> = db
        .prepare_cached(
            "SELECT rank FROM delivery INDEXED BY delivery_ready WHERE destination = ?1 AND stage = 1 \
             ORDER BY rank LIMIT 1",
        )?
        .query_row([destination.0], |row| row.get(0))
        .optional()?;
    let due = if first.is_some() { Some(Timestamp::UNIX_EPOCH) } else { next_held(&Db::of(db), destination)? };
    Ok(LaneDue { destination, state, due, withdrawal: first.is_some_and(|rank| rank < 0), halt, resumed })
}
