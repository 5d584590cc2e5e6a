//! What is plain, and is written without reading its row first.
//!
//! Nearly all attempts are delivered. In the plainest case the wanted version arrived, nothing older can, nothing follows
//! it, and no operator had a word in it; and in the plainest case of a crash nobody knows whether it did. The statements
//! here have that case as their condition, and write what [`Row::settle`] makes of it; tests hold them to that rule over
//! every combination of what matters. Whatever is not plain is for the rule itself to say.
//!
//! Several rows in one statement are cheaper than one by one, since a third of what a statement costs is that it opens the
//! table and all of its indexes.
//!
//! [`Row::settle`]: crate::ledger::state::Row::settle

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::db::{Db, Hot};
use super::rows::micros;
use crate::article::Version;
use crate::ledger::{DestinationId, StoryId};

/// The plainest case of version ?2.
macro_rules! plainest {
    () => {
        " AND stage = 3 AND attempting = ?2 AND version = ?2 AND ifnull(confirmed < ?2, 1) AND settles IS NULL \
         AND older_settles IS NULL AND later = 0 AND last_try = 0"
    };
}

/// What becomes of a row in that case, with the reason ?3, but for the time of its end.
macro_rules! delivered {
    () => {
        "delivery SET stage = 4, attempting = NULL, since = NULL, ended = 'delivered', confirmed = ?2, reason = ?3, \
         ended_at = "
    };
}

const ONE: Hot = Hot::new(8, concat!("UPDATE ", delivered!(), "?5 WHERE story = ?1 AND destination = ?4", plainest!()));

/// The same for several destinations, each with its time: the parameters that name these. As of many rows, it is told to
/// fail: what fails takes its whole commit back.
macro_rules! together {
    ($first:literal $its:literal, $($one:literal $time:literal),+) => {
        concat!(
            "UPDATE OR FAIL ", delivered!(), "CASE destination WHEN ?", $first, " THEN ?", $its,
            $(" WHEN ?", $one, " THEN ?", $time,)+
            " END WHERE story = ?1 AND destination IN (?", $first, $(", ?", $one,)+ ")", plainest!()
        )
    };
}

const SOME: Together =
    Together { most: 8, statement: Hot::new(11, together!(4 5, 6 7, 8 9, 10 11, 12 13, 14 15, 16 17, 18 19)) };

/// A statement makes a table of its list, which costs two thirds of what writing a row does, however short it is.
const MANY: Together = Together {
    most: 32,
    statement: Hot::new(
        12,
        together!(
            4 5, 6 7, 8 9, 10 11, 12 13, 14 15, 16 17, 18 19, 20 21, 22 23, 24 25, 26 27, 28 29, 30 31, 32 33, 34 35, 36 37,
            38 39, 40 41, 42 43, 44 45, 46 47, 48 49, 50 51, 52 53, 54 55, 56 57, 58 59, 60 61, 62 63, 64 65, 66 67
        ),
    ),
};

/// A statement for several ends at a time.
struct Together {
    most: usize,
    statement: Hot,
}

/// Writes that an attempt was delivered. `false`: it is not the plainest case, and nothing is written.
pub fn arrived(
    db: &Db<'_>,
    story: StoryId,
    version: Version,
    reason: &str,
    (destination, at): (DestinationId, Timestamp),
) -> rusqlite::Result<bool> {
    let arrived = params![story.0, version.as_i64(), reason, destination.0, micros(at)];
    Ok(db.hot(ONE)?.execute(arrived)? == 1)
}

/// The same of one version at several destinations, each with its time. `false`: not all of them are plain, and only those
/// that are have been written.
pub fn arrived_together(
    db: &Db<'_>,
    story: StoryId,
    version: Version,
    reason: &str,
    mut ends: &[(DestinationId, Timestamp)],
) -> rusqlite::Result<bool> {
    let mut all = true;
    while let [first, rest @ ..] = ends {
        if rest.is_empty() {
            return Ok(arrived(db, story, version, reason, *first)? && all);
        }
        let Together { most, statement } = if ends.len() > 2 * SOME.most { MANY } else { SOME };
        let (now, later) = ends.split_at(most.min(ends.len()));
        let mut statement = db.hot(statement)?;
        statement.raw_bind_parameter(1, story.0)?;
        statement.raw_bind_parameter(2, version.as_i64())?;
        statement.raw_bind_parameter(3, reason)?;
        let places = now.iter().map(|(destination, at)| (Some(destination.0), Some(micros(*at))));
        // No row has what is nothing for its destination.
        for (place, (destination, at)) in places.chain(std::iter::repeat((None, None))).take(most).enumerate() {
            statement.raw_bind_parameter(4 + 2 * place, destination)?;
            statement.raw_bind_parameter(5 + 2 * place, at)?;
        }
        all &= statement.raw_execute()? == now.len();
        ends = later;
    }
    Ok(all)
}

/// Writes for all attempts that are announced, or for those of one destination, that nobody knows what came of them.
/// Returns of how many; those that are not plain are left as they are.
pub fn unknown(
    db: &Connection,
    only: Option<DestinationId>,
    now: Timestamp,
    in_network: Duration,
) -> rusqlite::Result<usize> {
    db.prepare_cached(
        "UPDATE OR FAIL delivery INDEXED BY delivery_attempting SET stage = 1, attempting = NULL, since = NULL, \
         possible = max(ifnull(possible, attempting), attempting), settles = ?2 WHERE stage = 3 AND attempting = version \
         AND settles IS NULL AND older_settles IS NULL AND last_try = 0 AND on_hold = 0 AND ifnull(embargo <= ?1, 1) \
         AND ifnull(destination = ?3, 1)",
    )?
    .execute(params![micros(now), now.checked_add(in_network).ok().map(micros), only.map(|id| id.0)])
}
