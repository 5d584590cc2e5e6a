//! Operators' orders: placed, carried out, and a replay's steps.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row as SqlRow, params};

use super::accept::{self, wanted};
use crate::article::{Guid, Version};
use crate::ledger::orders::{
    Candidates, CarriedOut, Halt, NewOrder, Order, OrderId, OrderRecord, OrderState, Replay, ReplayFrom, ReplayStep,
    Replayed, Target, Woken,
};
use crate::ledger::sqlite::db::Db;
use crate::ledger::sqlite::rows::{self, Stored};
use crate::ledger::state::{LastTry, PastEnd, Place, Row, Stage, Standing, Versions, Wanted};
use crate::ledger::{ArticleId, DestinationId, StoryId};

/// Writes an order down. A running daemon takes it up.
pub fn place_order(db: &Connection, new: &NewOrder) -> rusqlite::Result<OrderId> {
    let what = serde_json::to_string(&new.order).map_err(|why| rusqlite::Error::ToSqlConversionFailure(why.into()))?;
    db.prepare_cached("INSERT INTO operator_order (at, by, what, reason, state) VALUES (?1, ?2, ?3, ?4, 'waiting')")?
        .execute(params![rows::micros(new.at), new.by, what, new.reason])?;
    Ok(OrderId(db.last_insert_rowid()))
}

/// The columns that [`order_record`] reads.
pub const ORDER: &str = "SELECT id, at, by, what, reason, state, taken, result FROM operator_order";

pub fn order_record(row: &SqlRow<'_>) -> rusqlite::Result<OrderRecord> {
    let what: String = row.get(3)?;
    Ok(OrderRecord {
        id: OrderId(row.get(0)?),
        at: rows::timestamp(row, 1)?,
        by: row.get(2)?,
        order: serde_json::from_str(&what).map_err(|why| rows::damaged(3, rusqlite::types::Type::Text, why))?,
        reason: row.get(4)?,
        state: rows::word(row, 5, &OrderState::ALL, |state| state.as_str())?,
        taken: rows::maybe_timestamp(row, 6)?,
        result: row.get(7)?,
    })
}

/// An order ends, unless it has ended already; `false` where it has.
pub fn close_order(
    db: &Connection,
    id: OrderId,
    state: OrderState,
    result: &str,
    now: Timestamp,
) -> rusqlite::Result<bool> {
    let changed = db
        .prepare_cached(
            "UPDATE operator_order SET state = ?2, result = ?3, taken = coalesce(taken, ?4) \
             WHERE id = ?1 AND state IN ('waiting', 'working')",
        )?
        .execute(params![id.0, state.as_str(), result, rows::micros(now)])?;
    Ok(changed > 0)
}

/// Ends an order that is not at its end, because an operator wants no more of it. What came of it so far stands.
pub fn stop_order(db: &Connection, id: OrderId, by: &str, now: Timestamp) -> rusqlite::Result<bool> {
    let changed = db
        .prepare_cached(
            "UPDATE operator_order SET state = 'stopped', taken = coalesce(taken, ?3), \
             result = concat('stopped by ', ?2, coalesce('; ' || result, '')) \
             WHERE id = ?1 AND state IN ('waiting', 'working')",
        )?
        .execute(params![id.0, by, rows::micros(now)])?;
    Ok(changed > 0)
}

/// Does what an order says, or begins to. One that was taken up before changes nothing.
pub fn carry_out(db: &Db<'_>, id: OrderId, now: Timestamp) -> rusqlite::Result<CarriedOut> {
    let record = db
        .prepare_cached(&format!("{ORDER} WHERE id = ?1 AND state = 'waiting'"))?
        .query_row([id.0], order_record)
        .optional()?;
    let Some(record) = record else { return Ok(CarriedOut::default()) };
    let why = match &record.reason {
        Some(reason) => format!("{} by {}: {reason}", record.order, record.by),
        None => format!("{} by {}", record.order, record.by),
    };
    let done = match &record.order {
        Order::Hold { story } => hold(db, story, Some(&why), now)?,
        Order::Release { story } => hold(db, story, None, now)?,
        Order::Cancel { story, to, even_kills } => cancel(db, story, to.as_ref(), *even_kills, &why, now)?,
        Order::Suspend { to, even_kills } => {
            halt(db, to, Some(&Halt { even_kills: *even_kills, why: why.clone() }), now)?
        }
        Order::Resume { to } => halt(db, to, None, now)?,
        Order::Resend { story, to } => resend(db, story, to, now)?,
        Order::Replay(replay) => match replayable(db, replay)? {
            Ok(()) => return begin(db, id, "deliveries so far: 0", now),
            Err(refused) => Err(refused),
        },
        // The ledger has no configuration; whoever has ends it.
        Order::Reload => return begin(db, id, "the configuration is being loaded", now),
    };
    let (state, result) = match &done {
        Ok(carried) => (OrderState::Done, carried.result.as_str()),
        Err(refused) => (OrderState::Refused, refused.as_str()),
    };
    close_order(db, id, state, result, now)?;
    Ok(done.unwrap_or_else(|result| CarriedOut { result, ..CarriedOut::default() }))
}

/// An order is being worked on, by somebody else.
fn begin(db: &Db<'_>, id: OrderId, result: &str, now: Timestamp) -> rusqlite::Result<CarriedOut> {
    db.prepare_cached("UPDATE operator_order SET state = 'working', taken = ?2, result = ?3 WHERE id = ?1")?
        .execute(params![id.0, rows::micros(now), result])?;
    Ok(CarriedOut::default())
}

/// What an order came to, or why it cannot be done.
type Outcome = Result<CarriedOut, String>;

fn story_of(db: &Connection, guid: &Guid) -> rusqlite::Result<Result<StoryId, String>> {
    Ok(accept::story_of(db, guid)?.ok_or_else(|| format!("the ledger has no story {guid}")))
}

fn hold(db: &Db<'_>, guid: &Guid, why: Option<&str>, now: Timestamp) -> rusqlite::Result<Outcome> {
    let story = match story_of(db, guid)? {
        Ok(story) => story,
        Err(refused) => return Ok(Err(refused)),
    };
    db.prepare_cached("UPDATE story SET on_hold = ?2 WHERE id = ?1")?.execute(params![story.0, why])?;
    let mut carried = CarriedOut { story: Some(story), ..CarriedOut::default() };
    let (mut waiting, mut have_it) = (0, 0);
    for mut stored in rows::of_story(db, story)? {
        stored.row.hold(why.is_some(), now);
        waiting += usize::from(stored.row.waits());
        have_it += usize::from(stored.row.may_have_it());
        carried.touched.push(stored.destination);
        stored.save(db, None)?;
    }
    carried.result = match why {
        Some(_) if have_it > 0 => format!(
            "deliveries held: {waiting}; destinations that have it or may have it, where only a kill takes it down: {have_it}"
        ),
        Some(_) => format!("deliveries held: {waiting}; nobody has it"),
        None => format!("deliveries that go on: {waiting}"),
    };
    Ok(Ok(carried))
}

/// A story's rows at the destinations that are meant, and why there are none.
fn rows_at(db: &Db<'_>, guid: &Guid, to: Option<&Target>) -> rusqlite::Result<Result<(StoryId, Vec<Stored>), String>> {
    let story = match story_of(db, guid)? {
        Ok(story) => story,
        Err(refused) => return Ok(Err(refused)),
    };
    let mut stored = rows::of_story(db, story)?;
    if let Some(to) = to {
        let meant = destinations(db, to)?;
        if meant.is_empty() {
            return Ok(Err(no_destination(to)));
        }
        stored.retain(|one| meant.contains(&one.destination));
        if stored.is_empty() {
            return Ok(Err(format!(
                "{to} is owed nothing of that story; `newswired why --story {guid} --partner {to}` says why"
            )));
        }
    }
    Ok(Ok((story, stored)))
}

fn cancel(
    db: &Db<'_>,
    guid: &Guid,
    to: Option<&Target>,
    even_kills: bool,
    why: &str,
    now: Timestamp,
) -> rusqlite::Result<Outcome> {
    let (story, stored) = match rows_at(db, guid, to)? {
        Ok(found) => found,
        Err(refused) => return Ok(Err(refused)),
    };
    let mut carried = CarriedOut { story: Some(story), ..CarriedOut::default() };
    let (mut cancelled, mut under_way, mut kills) = (0, 0, 0);
    for mut one in stored {
        let row = &mut one.row;
        let waited = row.waits();
        let past = row.cancel(why, even_kills, now);
        cancelled += usize::from(waited && !row.waits());
        under_way += usize::from(row.standing.last_try == Some(LastTry::Cancelled));
        kills += usize::from(waited && row.waits());
        carried.touched.push(one.destination);
        one.save(db, past)?;
    }
    carried.result = format!("deliveries cancelled: {cancelled}");
    if under_way > 0 {
        carried.result.push_str(&format!("; under way, and not tried again: {under_way}"));
    }
    if kills > 0 {
        carried.result.push_str(&format!("; withdrawals that go on (--even-kills cancels them): {kills}"));
    }
    Ok(Ok(carried))
}

fn resend(db: &Db<'_>, guid: &Guid, to: &Target, now: Timestamp) -> rusqlite::Result<Outcome> {
    let (story, stored) = match rows_at(db, guid, Some(to))? {
        Ok(found) => found,
        Err(refused) => return Ok(Err(refused)),
    };
    let mut carried = CarriedOut { story: Some(story), ..CarriedOut::default() };
    let (mut waits, mut passed_over) = (0, 0);
    let newest = newest(db, story)?;
    for mut one in stored {
        // What a newer version has made out of date stays where it is.
        if one.row.newest() < newest {
            passed_over += 1;
        } else if one.row.renew(Place::AsNew, now) {
            carried.withdrawal |= one.row.wanted.action.withdraws();
            carried.touched.push(one.destination);
            one.save(db, None)?;
        } else if !matches!(one.row.stage, Stage::Ended { .. }) {
            waits += 1;
        }
    }
    carried.result = match (carried.touched.len(), waits) {
        (0, 0) if passed_over > 0 => {
            return Ok(Err(format!("version {newest} is not for {to}, and an older one is not sent any more")));
        }
        (0, 0) => "the story was withdrawn, and was never sent there".to_owned(),
        (0, waits) => format!("deliveries that wait or are under way already: {waits}"),
        (sent, 0) => format!("deliveries that go again: {sent}"),
        (sent, waits) => format!("deliveries that go again: {sent}; that wait or are under way already: {waits}"),
    };
    Ok(Ok(carried))
}

/// The highest version that was accepted of a story.
fn newest(db: &Connection, story: StoryId) -> rusqlite::Result<Version> {
    db.prepare_cached("SELECT newest FROM story WHERE id = ?1")?.query_row([story.0], |row| rows::version(row, 0))
}

/// The destinations that are meant by a target.
fn destinations(db: &Connection, to: &Target) -> rusqlite::Result<Vec<DestinationId>> {
    let named = db
        .prepare_cached("SELECT id, name FROM destination ORDER BY id")?
        .query_map([], |row| Ok((DestinationId(row.get(0)?), row.get::<_, String>(1)?)))?
        .collect::<Result<Vec<_>, _>>()?;
    Ok(named.into_iter().filter(|(_, name)| to.covers(name)).map(|(id, _)| id).collect())
}

fn no_destination(to: &Target) -> String {
    format!("the ledger has no partner or destination {to}")
}

/// Halts lanes, or has them go on; then a door that was gone gets another try, and what it was owed meanwhile is not
/// given up for its age.
fn halt(db: &Connection, to: &Target, halt: Option<&Halt>, now: Timestamp) -> rusqlite::Result<Outcome> {
    let meant = destinations(db, to)?;
    if meant.is_empty() {
        return Ok(Err(no_destination(to)));
    }
    let sql = match halt {
        Some(_) => "UPDATE destination SET halted = ?2, halted_why = ?3 WHERE id = ?1 AND ?4 IS NOT NULL",
        None => {
            "UPDATE destination SET halted = ?2, halted_why = ?3, resumed = ?4, suspended = NULL, failures = 0, \
             retry_at = NULL, trouble = NULL WHERE id = ?1"
        }
    };
    let level = halt.map_or(0, |halt| if halt.even_kills { 2 } else { 1 });
    let why = halt.map(|halt| halt.why.as_str());
    for id in &meant {
        db.prepare_cached(sql)?.execute(params![id.0, level, why, rows::micros(now)])?;
    }
    let number = meant.len();
    let result = match halt {
        Some(halt) if halt.even_kills => format!("destinations that are sent nothing, not even kills: {number}"),
        Some(_) => format!("destinations that are sent nothing but kills: {number}"),
        None => format!("destinations that go on: {number}"),
    };
    let lanes = meant.into_iter().map(|id| (id, halt.cloned())).collect();
    Ok(Ok(CarriedOut { lanes, result, ..CarriedOut::default() }))
}

/// Whether a replay can begin.
fn replayable(db: &Connection, replay: &Replay) -> rusqlite::Result<Result<(), String>> {
    let meant = destinations(db, &replay.to)?;
    Ok(match (replay.from, meant.len()) {
        (_, 0) => Err(no_destination(&replay.to)),
        (ReplayFrom::Sequence(_), 2..) => {
            Err(format!("{} has several destinations, each with numbers of its own; name one of them", replay.to))
        }
        (ReplayFrom::Sequence(_) | ReplayFrom::Since(_), _) => Ok(()),
    })
}

/// The next stories that a replay looks at, in the order of their acceptance.
pub fn candidates(db: &Connection, next: &Candidates) -> rusqlite::Result<Vec<(StoryId, ArticleId, Vec<u8>)>> {
    let until = rows::micros(next.until);
    let (since, sequence) = match next.from {
        ReplayFrom::Since(since) => (rows::micros(since), None),
        ReplayFrom::Sequence(number) => (i64::MIN, Some(number)),
    };
    // The first step looks for the first that is late enough; those that follow go on where it came to.
    let after = match next.from {
        ReplayFrom::Since(_) if next.after == ArticleId::default() => {
            let first: Option<i64> = db
                .prepare_cached("SELECT min(id) FROM article INDEXED BY article_accepted WHERE accepted >= ?1")?
                .query_row([since], |row| row.get(0))?;
            let Some(first) = first else { return Ok(Vec::new()) };
            first - 1
        }
        ReplayFrom::Since(_) | ReplayFrom::Sequence(_) => next.after.0,
    };
    db.prepare_cached(
        "SELECT story.id, article.id, article.content FROM article JOIN story ON story.id = article.story \
         AND story.newest = article.version WHERE article.id > ?1 AND article.accepted BETWEEN ?2 AND ?3 \
         AND (?4 IS NULL OR EXISTS (SELECT 1 FROM delivery WHERE delivery.story = story.id \
         AND delivery.destination = ?5 AND delivery.sequence >= ?4)) ORDER BY article.id LIMIT ?6",
    )?
    .query_map(params![after, since, until, sequence, next.destination.0, next.limit], |row| {
        Ok((StoryId(row.get(0)?), ArticleId(row.get(1)?), row.get(2)?))
    })?
    .collect()
}

/// Gives the stories of a step to whom they are owed. Returns the lanes that have something new, by story.
pub fn replay(db: &Db<'_>, step: &ReplayStep) -> rusqlite::Result<Vec<Woken>> {
    let open: bool = db
        .prepare_cached("SELECT count(*) FROM operator_order WHERE id = ?1 AND state = 'working'")?
        .query_row([step.order.0], |row| row.get(0))?;
    if !open {
        return Ok(Vec::new());
    }
    let mut woken = Vec::new();
    let mut sent: u64 = 0;
    for one in &step.stories {
        let touched = replay_story(db, one, step.ordered, step.now)?;
        sent += touched.len() as u64;
        woken.push(Woken { story: one.story, lanes: touched });
    }
    let sent: u64 = db
        .prepare_cached("UPDATE operator_order SET reached = ?2, sent = sent + ?3 WHERE id = ?1 RETURNING sent")?
        .query_row(params![step.order.0, step.reached.0, sent], |row| row.get(0))?;
    if step.done {
        close_order(db, step.order, OrderState::Done, &format!("deliveries: {sent}"), step.now)?;
    } else {
        db.prepare_cached("UPDATE operator_order SET result = ?2 WHERE id = ?1")?
            .execute(params![step.order.0, format!("deliveries so far: {sent}")])?;
    }
    Ok(woken)
}

fn replay_story(
    db: &Db<'_>,
    one: &Replayed,
    ordered: Timestamp,
    now: Timestamp,
) -> rusqlite::Result<Vec<DestinationId>> {
    let (newest, on_hold) = db
        .prepare_cached("SELECT newest, on_hold IS NOT NULL FROM story WHERE id = ?1")?
        .query_row([one.story.0], |row| Ok((rows::version(row, 0)?, row.get(1)?)))?;
    // A newer version came meanwhile, and went to whom it is for.
    if newest != one.article.version {
        return Ok(Vec::new());
    }
    let mut touched = Vec::new();
    for owed in &one.to {
        let wanted = wanted(&one.article, one.id, owed, one.withdraw_for, now);
        let wanted = Wanted { rank: Place::Behind.of(wanted.rank), ..wanted };
        let stored = match rows::load(db, one.story, owed.destination)? {
            None if one.article.action.withdraws() => continue,
            None => {
                let standing = Standing { on_hold, last_try: None };
                (Stored::new(one.story, owed.destination, Row::first(wanted, owed.versions, standing, now)), Vec::new())
            }
            // It was cancelled since, or sent once more, or gave up: the replay is not to undo that.
            Some(stored) if stored.row.ended_since(ordered) => continue,
            Some(stored) => match again(stored, wanted, one.even_confirmed, newest, now) {
                Some(again) => again,
                None => continue,
            },
        };
        let (stored, past) = stored;
        // A version that was cancelled before has not had its end after all.
        db.prepare_cached("DELETE FROM past WHERE story = ?1 AND destination = ?2 AND version = ?3")?
            .execute(params![one.story.0, owed.destination.0, newest.as_i64()])?;
        stored.save(db, past)?;
        touched.push(owed.destination);
    }
    Ok(touched)
}

/// A row that a replay sends again, if it does.
fn again(
    mut stored: Stored,
    wanted: Wanted,
    even_confirmed: bool,
    newest: Version,
    now: Timestamp,
) -> Option<(Stored, Vec<PastEnd>)> {
    let row = &mut stored.row;
    if row.newest() < newest {
        // The version was not for this destination when it came.
        let withdraws = wanted.action.withdraws();
        let past = if withdraws { row.withdraw(wanted, now) } else { row.want(wanted, Versions::Newest, now) };
        return row.waits().then_some((stored, past));
    }
    let missed = row.confirmed < Some(newest);
    (missed || even_confirmed).then(|| row.renew(Place::Behind, now))?.then_some((stored, Vec::new()))
}
