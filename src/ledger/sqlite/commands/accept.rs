//! Taking responsibility for an article and all of its deliveries.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};

use super::numbers::{self, Numbers};
use crate::article::{Action, Article, Guid, Version};
use crate::ledger::records::{Acceptance, Attempted, Owed, Rights};
use crate::ledger::sqlite::db::Db;
use crate::ledger::sqlite::rows::{self, Stored};
use crate::ledger::state::{self, Row, Stage, Standing, Versions, Wanted};
use crate::ledger::{ArticleId, DestinationId, StoryId};
use crate::telemetry::TraceContext;

/// What came of an acceptance, before its commit.
pub enum Taken {
    Fresh { story: StoryId, deliveries: usize, touched: Vec<DestinationId>, announced: Vec<(DestinationId, Attempted)> },
    Repeat { deliveries: usize },
    Conflict,
}

/// A story that the ledger knew before.
struct Known {
    id: StoryId,
    newest: Version,
    on_hold: bool,
}

/// The story, if the ledger knows it.
pub fn story_of(db: &Connection, guid: &Guid) -> rusqlite::Result<Option<StoryId>> {
    db.prepare_cached("SELECT id FROM story WHERE guid = ?1")?
        .query_row([guid.as_str()], |row| row.get(0).map(StoryId))
        .optional()
}

pub fn accept(db: &Db<'_>, acceptance: &Acceptance, content: &[u8]) -> rusqlite::Result<Taken> {
    let article = &acceptance.article;
    let digest = Sha256::digest(content);
    let known = db
        .prepare_cached("SELECT id, newest, on_hold IS NOT NULL FROM story WHERE guid = ?1")?
        .query_row([article.guid.as_str()], |row| {
            Ok(Known { id: StoryId(row.get(0)?), newest: rows::version(row, 1)?, on_hold: row.get(2)? })
        })
        .optional()?;
    if let Some(story) = &known {
        let stored = db
            .prepare_cached("SELECT digest FROM article WHERE story = ?1 AND version = ?2")?
            .query_row(params![story.id.0, article.version.as_i64()], |row| row.get::<_, Vec<u8>>(0))
            .optional()?;
        if let Some(stored) = stored {
            if stored != digest[..] {
                return Ok(Taken::Conflict);
            }
            let deliveries = db
                .prepare_cached("SELECT count(*) FROM delivery WHERE story = ?1 AND version = ?2")?
                .query_row(params![story.id.0, article.version.as_i64()], |row| row.get(0))?;
            return Ok(Taken::Repeat { deliveries });
        }
    }
    let (story, is_newest) = match &known {
        Some(story) => (story.id, article.version > story.newest),
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
        "INSERT INTO article (story, version, action, headline, source, accepted, digest, content, trace) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?
    .execute(params![
        story.0,
        article.version.as_i64(),
        article.action.as_str(),
        article.headline,
        acceptance.source,
        rows::micros(acceptance.now),
        &digest[..],
        content,
        acceptance.trace.as_ref().map(TraceContext::to_bytes)
    ])?;
    let id = ArticleId(db.last_insert_rowid());
    // A version that comes late is kept and goes nowhere: a newer one has its place everywhere.
    if !is_newest && !planted!(LateVersionGoes) {
        return Ok(Taken::Fresh { story, deliveries: 0, touched: Vec::new(), announced: Vec::new() });
    }
    let until = rights_until(db, story, acceptance)?;
    db.prepare_cached("UPDATE story SET newest = ?2, rights_until = ?3 WHERE id = ?1")?.execute(params![
        story.0,
        article.version.as_i64(),
        until.map(rows::micros)
    ])?;
    let rows = if known.is_some() { rows::of_story(db, story)? } else { Vec::new() };
    let on_hold = known.is_some_and(|story| story.on_hold) && !planted!(HoldForgetsTheNew);
    let standing = Standing { on_hold, last_try: None };
    fan_out(db, acceptance, story, id, standing, rows)
}

/// When those who have the story must have it no longer. A withdrawn one is with nobody.
fn rights_until(db: &Connection, story: StoryId, acceptance: &Acceptance) -> rusqlite::Result<Option<Timestamp>> {
    if acceptance.article.action.withdraws() {
        return Ok(None);
    }
    match acceptance.rights {
        Rights::Lasting => Ok(None),
        Rights::Until(until) => Ok(Some(until)),
        Rights::For(span) => {
            let first = db
                .prepare_cached("SELECT min(accepted) FROM article WHERE story = ?1")?
                .query_row([story.0], |row| rows::timestamp(row, 0))?;
            Ok(first.checked_add(span).ok())
        }
    }
}

/// Gives the newest version of a story to whom it is owed: who is routed it, and who has the story already where the
/// action is for those.
fn fan_out(
    db: &Db<'_>,
    acceptance: &Acceptance,
    story: StoryId,
    id: ArticleId,
    standing: Standing,
    existing: Vec<Stored>,
) -> rusqlite::Result<Taken> {
    let article = &acceptance.article;
    let now = acceptance.now;
    let withdraws = article.action.withdraws();
    let mut deliveries = 0;
    let (mut touched, mut announced) = (Vec::new(), Vec::new());
    let routed: HashMap<DestinationId, Owed> = acceptance.routed.iter().map(|owed| (owed.destination, *owed)).collect();
    let mut seen = HashSet::with_capacity(existing.len());
    let mut numbers = None;
    for mut stored in existing {
        let destination = stored.destination;
        seen.insert(destination);
        let row = &mut stored.row;
        let owed = routed.get(&destination);
        let terms = owed.copied().unwrap_or_else(|| Owed::plainly(destination));
        let for_holders = withdraws || owed.is_none();
        let wanted = Wanted { for_holders, ..wanted(article, id, &terms, acceptance.withdraw_for, now) };
        let past = if withdraws {
            row.withdraw(wanted, now)
        } else if owed.is_some()
            || (article.action == Action::Correct && row.may_have_it())
            || (planted!(UpdateToWhoeverHasIt) && row.may_have_it())
        {
            // One that took every version goes on doing so with those that wait.
            let versions = match owed {
                Some(owed) if row.later.is_empty() => owed.versions,
                Some(_) => Versions::Every,
                None => row.versions,
            };
            row.want(wanted, versions, now)
        } else {
            if row.pass_over(article.version, now) {
                touched.push(destination);
            }
            Vec::new()
        };
        let owes = row.newest() == article.version && !matches!(row.stage, Stage::Ended { .. });
        deliveries += usize::from(owes);
        match announce(db, &mut stored, &terms, now, &mut numbers)? {
            Some(attempted) => announced.push((destination, attempted)),
            None if owes => touched.push(destination),
            None => {}
        }
        stored.save(db, past)?;
    }
    numbers.map_or(Ok(()), |mut numbers| numbers.save(db))?;
    // Who never had the story needs no withdrawal of it.
    if !withdraws {
        let mut fresh: Vec<&Owed> = acceptance.routed.iter().filter(|owed| !seen.contains(&owed.destination)).collect();
        let terms = |owed: &Owed| (owed.at_once, owed.early, owed.versions == Versions::Every);
        fresh.sort_by_key(|owed| (terms(owed), owed.destination));
        // On the same terms, rows are alike.
        for alike in fresh.chunk_by(|one, other| terms(one) == terms(other)) {
            let owed = alike[0];
            let destinations: Vec<DestinationId> = alike.iter().map(|owed| owed.destination).collect();
            let wanted = wanted(article, id, owed, acceptance.withdraw_for, now);
            let mut row = Row::first(wanted, owed.versions, standing, now);
            if leaves_at_once(&row, owed, now) {
                let numbers = numbers::next_of(db, &destinations)?;
                let mut last = 0;
                row.begin(&mut last, now);
                assert_eq!(last, 1, "the first attempt of a story takes one number");
                rows::insert_alike(db, story, numbers.iter().map(|(to, number)| (*to, Some(*number))), &row)?;
                let attempted = Stored::new(story, owed.destination, row).attempted();
                let each = |(to, sequence)| (to, Attempted { sequence, ..attempted.clone() });
                announced.extend(numbers.into_iter().map(each));
            } else {
                rows::insert_alike(db, story, destinations.iter().map(|to| (*to, None)), &row)?;
                touched.extend(&destinations);
            }
            deliveries += destinations.len();
        }
    }
    Ok(Taken::Fresh { story, deliveries, touched, announced })
}

/// Announces what its lane takes at once, if it may leave now. The `numbers` that this takes are yet to be saved.
fn announce(
    db: &Db<'_>,
    stored: &mut Stored,
    owed: &Owed,
    now: Timestamp,
    numbers: &mut Option<Numbers>,
) -> rusqlite::Result<Option<Attempted>> {
    if !leaves_at_once(&stored.row, owed, now) {
        return Ok(None);
    }
    let numbers = match numbers {
        Some(numbers) => {
            numbers.turn_to(db, owed.destination)?;
            numbers
        }
        None => numbers.insert(Numbers::of(db, owed.destination)?),
    };
    let begun = stored.row.begin(&mut numbers.last, now);
    Ok(begun.then(|| stored.attempted()))
}

/// Whether its lane takes it at once, and it may leave now.
fn leaves_at_once(row: &Row, owed: &Owed, now: Timestamp) -> bool {
    // What comes too late is ended by the claim that meets it.
    let is_late = row.wanted.expires.is_some_and(|expires| expires <= now) && !planted!(ExpiryIgnored);
    owed.at_once && row.stage == Stage::Ready && !is_late
}

/// What a destination is to have of an article, on its terms. A withdrawal is tried for `withdraw_for`.
pub(super) fn wanted(article: &Article, id: ArticleId, owed: &Owed, withdraw_for: Duration, now: Timestamp) -> Wanted {
    // A withdrawal waits for nothing, and ends when the wire says that it is tried no longer.
    let (embargo, expires) = if article.action.withdraws() {
        (None, now.checked_add(withdraw_for).ok())
    } else {
        let early = if planted!(EarlyForAll) { Duration::from_secs(20) } else { owed.early };
        let early = |embargo: Timestamp| embargo.checked_sub(early).unwrap_or(Timestamp::MIN);
        (article.embargo.map(early), article.expires)
    };
    Wanted {
        version: article.version,
        article: id,
        action: article.action,
        rank: state::rank(article.action, article.urgency, now),
        accepted: now,
        embargo,
        expires,
        for_holders: article.action.withdraws(),
    }
}
