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

/// How many [`SEVERAL`] takes.
const TOGETHER: usize = 8;

/// The same for several destinations, each with its time. As of many rows, it is told to fail: what fails takes its whole
/// commit back.
const SEVERAL: Hot = Hot::new(
    11,
    concat!(
        "UPDATE OR FAIL ",
        delivered!(),
        "CASE destination WHEN ?4 THEN ?5 WHEN ?6 THEN ?7 WHEN ?8 THEN ?9 WHEN ?10 THEN ?11 WHEN ?12 THEN ?13 \
         WHEN ?14 THEN ?15 WHEN ?16 THEN ?17 WHEN ?18 THEN ?19 END \
         WHERE story = ?1 AND destination IN (?4, ?6, ?8, ?10, ?12, ?14, ?16, ?18)",
        plainest!()
    ),
);

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
    ends: &[(DestinationId, Timestamp)],
) -> rusqlite::Result<bool> {
    let mut all = true;
    for ends in ends.chunks(TOGETHER) {
        all &= match ends {
            [end] => arrived(db, story, version, reason, *end)?,
            ends => {
                let mut statement = db.hot(SEVERAL)?;
                statement.raw_bind_parameter(1, story.0)?;
                statement.raw_bind_parameter(2, version.as_i64())?;
                statement.raw_bind_parameter(3, reason)?;
                let ends = ends.iter().map(|(destination, at)| (Some(destination.0), Some(micros(*at))));
                // No row has what is nothing for its destination.
                let places = ends.clone().chain(std::iter::repeat((None, None))).take(TOGETHER);
                for (place, (destination, at)) in places.enumerate() {
                    statement.raw_bind_parameter(4 + 2 * place, destination)?;
                    statement.raw_bind_parameter(5 + 2 * place, at)?;
                }
                statement.raw_execute()? == ends.len()
            }
        };
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
