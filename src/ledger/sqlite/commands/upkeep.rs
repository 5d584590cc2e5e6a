//! What becomes of things by the clock alone: rights that end, deliveries that expire, and what is old enough to go.

use rusqlite::{Connection, OptionalExtension, params};

use super::lanes::time_was_over;
use crate::ledger::records::{Tidied, Tidy};
use crate::ledger::sqlite::db::Db;
use crate::ledger::sqlite::rows;
use crate::ledger::{ArticleId, StoryId};

/// Stories that those who have them must have no longer: id, newest version's content, and since when.
pub fn lapsed(
    db: &Connection,
    now: jiff::Timestamp,
    limit: usize,
) -> rusqlite::Result<Vec<(StoryId, Vec<u8>, jiff::Timestamp)>> {
    db.prepare_cached(
        "SELECT story.id, article.content, rights_until FROM story INDEXED BY story_rights \
         JOIN article ON article.story = story.id AND article.version = story.newest \
         WHERE rights_until IS NOT NULL AND rights_until <= ?1 ORDER BY rights_until LIMIT ?2",
    )?
    .query_map(params![rows::micros(now), limit], |row| {
        Ok((StoryId(row.get(0)?), row.get(1)?, rows::timestamp(row, 2)?))
    })?
    .collect()
}

/// Ends what waits and has expired, and removes what was kept for long enough; a few rows of each.
pub fn tidy(db: &Db<'_>, tidy: &Tidy) -> rusqlite::Result<Tidied> {
    let mut tidied = Tidied::default();
    for mut stored in rows::expired(db, tidy.now, if planted!(ExpiryIgnored) { 0 } else { tidy.limit })? {
        let reason = time_was_over(stored.row.wanted.action.withdraws());
        let past = stored.row.expire(reason, tidy.now);
        stored.save(db, past)?;
        tidied.expired += 1;
    }
    stories(db, tidy, &mut tidied)?;
    tidied.attempts = db
        .prepare_cached(
            "DELETE FROM attempt WHERE id IN (SELECT id FROM attempt WHERE ended < ?1 ORDER BY ended LIMIT ?2)",
        )?
        .execute(params![rows::micros(tidy.attempts_before), tidy.limit])?;
    tidied.attempts += db
        .prepare_cached(
            "DELETE FROM operator_order WHERE id IN (SELECT id FROM operator_order WHERE at < ?1 \
             AND state NOT IN ('waiting', 'working') ORDER BY id LIMIT ?2)",
        )?
        .execute(params![rows::micros(tidy.attempts_before), tidy.limit])?;
    // What waits there waits for an operator, however long.
    tidied.quarantined = db
        .prepare_cached(
            "DELETE FROM quarantine WHERE id IN (SELECT id FROM quarantine WHERE at < ?1 \
             AND state IN ('done', 'discarded') ORDER BY at LIMIT ?2)",
        )?
        .execute(params![rows::micros(tidy.quarantine_before), tidy.limit])?;
    tidied.more |= [tidied.expired, tidied.attempts, tidied.quarantined].iter().any(|number| *number >= tidy.limit);
    Ok(tidied)
}

/// Removes what there is of stories that have been at their end for long enough, except their names and newest versions:
/// by those a version that is offered once more is known as late.
fn stories(db: &Connection, tidy: &Tidy, tidied: &mut Tidied) -> rusqlite::Result<()> {
    let before = rows::micros(tidy.stories_before);
    let old: Vec<(i64, i64)> = db
        .prepare_cached("SELECT id, story FROM article WHERE id > ?1 AND accepted < ?2 ORDER BY id LIMIT ?3")?
        .query_map(params![tidy.after.0, before, tidy.limit], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    tidied.reached = old.last().filter(|_| old.len() == tidy.limit).map_or(ArticleId(0), |(id, _)| ArticleId(*id));
    let mut removed = 0;
    for (article, story) in old {
        let can_go = db
            .prepare_cached(
                "SELECT 1 FROM story WHERE id = ?1 AND rights_until IS NULL AND on_hold IS NULL \
                 AND NOT EXISTS (SELECT 1 FROM article WHERE story = ?1 AND accepted >= ?2) \
                 AND NOT EXISTS (SELECT 1 FROM delivery WHERE story = ?1 AND (stage < 4 OR ended_at >= ?2))",
            )?
            .query_row(params![story, before], |_| Ok(()))
            .optional()?;
        if can_go.is_none() {
            continue;
        }
        for table in ["delivery", "later", "past", "attempt", "article"] {
            removed += db.prepare_cached(&format!("DELETE FROM {table} WHERE story = ?1"))?.execute([story])?;
        }
        tidied.stories += 1;
        if removed >= tidy.limit {
            tidied.reached = ArticleId(article);
            tidied.more = true;
            return Ok(());
        }
    }
    tidied.more |= tidied.reached != ArticleId(0);
    Ok(())
}
