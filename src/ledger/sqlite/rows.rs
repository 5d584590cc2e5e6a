//! Between rows of the file and the types of [`state`](crate::ledger::state).

use std::collections::VecDeque;

use jiff::Timestamp;
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row as SqlRow, Statement, ToSql, params};

use super::db::{Db, Hot};
use crate::article::{Action, Version};
use crate::ledger::state::{End, LastTry, Numbered, PastEnd, Row, Stage, Standing, Versions, Wanted};
use crate::ledger::{ArticleId, Attempted, DestinationId, StoryId};

/// A question for deliveries, with their columns in the order that [`stored`] reads them.
macro_rules! select {
    ($condition:literal) => {
        concat!(
            "SELECT destination, version, article, action, rank, accepted, embargo, expires, stage, due, attempting, since, \
             ended, ended_at, reason, attempts, confirmed, possible, settles, older_settles, remote, on_hold, last_try, \
             sequence, numbered, later, story, for_holders, every_version FROM delivery ",
            $condition
        )
    };
}

const ONE: Hot = Hot::new(0, select!("WHERE story = ?1 AND destination = ?2"));
const READY_ONES: Hot = Hot::new(
    1,
    select!("INDEXED BY delivery_ready WHERE destination = ?1 AND stage = 1 AND rank < ?2 ORDER BY rank LIMIT ?3"),
);

const READY: i64 = 1;
const HELD: i64 = 2;
const ATTEMPTING: i64 = 3;
const ENDED: i64 = 4;

pub fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

pub fn timestamp(row: &SqlRow<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    let micros = row.get(column)?;
    Timestamp::from_microsecond(micros).map_err(|why| damaged(column, Type::Integer, why))
}

pub fn maybe_timestamp(row: &SqlRow<'_>, column: usize) -> rusqlite::Result<Option<Timestamp>> {
    match row.get::<_, Option<i64>>(column)? {
        None => Ok(None),
        Some(_) => timestamp(row, column).map(Some),
    }
}

pub fn version(row: &SqlRow<'_>, column: usize) -> rusqlite::Result<Version> {
    let number: i64 = row.get(column)?;
    let number = u64::try_from(number).map_err(|why| damaged(column, Type::Integer, why))?;
    Version::try_from(number).map_err(|why| damaged(column, Type::Integer, why))
}

fn maybe_version(row: &SqlRow<'_>, column: usize) -> rusqlite::Result<Option<Version>> {
    match row.get::<_, Option<i64>>(column)? {
        None => Ok(None),
        Some(_) => version(row, column).map(Some),
    }
}

pub fn word<T>(row: &SqlRow<'_>, column: usize, all: &[T], word_of: fn(&T) -> &'static str) -> rusqlite::Result<T>
where
    T: Copy,
{
    let text = row.get_ref(column)?.as_str().map_err(|why| damaged(column, Type::Text, why))?;
    all.iter()
        .find(|one| word_of(one) == text)
        .copied()
        .ok_or_else(|| damaged(column, Type::Text, format!("the unknown word {text:?}")))
}

pub fn action(row: &SqlRow<'_>, column: usize) -> rusqlite::Result<Action> {
    word(row, column, &Action::ALL, |action| action.as_str())
}

pub fn damaged(
    column: usize,
    kind: Type,
    why: impl Into<Box<dyn std::error::Error + Send + Sync + 'static>>,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, kind, why.into())
}

/// A delivery's row as it stands in the ledger.
pub struct Stored {
    pub story: StoryId,
    pub destination: DestinationId,
    pub row: Row,
    /// Versions follow its wanted one in their own table.
    queued: bool,
    /// What was wanted when it was read; none of one that the ledger does not have yet.
    was: Option<(Wanted, Versions)>,
}

fn stored(from: &SqlRow<'_>) -> rusqlite::Result<Stored> {
    let stage = match from.get(8)? {
        READY => Stage::Ready,
        HELD => Stage::Held { until: timestamp(from, 9)? },
        ATTEMPTING => Stage::Attempting { version: version(from, 10)?, since: timestamp(from, 11)? },
        ENDED => Stage::Ended {
            end: word(from, 12, &End::ALL, |end| end.as_str())?,
            at: timestamp(from, 13)?,
            reason: from.get::<_, Option<String>>(14)?.unwrap_or_default(),
        },
        other => return Err(damaged(8, Type::Integer, format!("the unknown stage {other}"))),
    };
    let wanted = Wanted {
        version: version(from, 1)?,
        article: ArticleId(from.get(2)?),
        action: action(from, 3)?,
        rank: from.get(4)?,
        accepted: timestamp(from, 5)?,
        embargo: maybe_timestamp(from, 6)?,
        expires: maybe_timestamp(from, 7)?,
        for_holders: from.get(27)?,
    };
    let row = Row {
        wanted,
        stage,
        attempts: from.get(15)?,
        confirmed: maybe_version(from, 16)?,
        possible: maybe_version(from, 17)?,
        settles: maybe_timestamp(from, 18)?,
        older_settles: maybe_timestamp(from, 19)?,
        remote: from.get(20)?,
        versions: if from.get(28)? { Versions::Every } else { Versions::Newest },
        later: VecDeque::new(),
        standing: Standing {
            on_hold: from.get(21)?,
            last_try: match from.get(22)? {
                0 => None,
                1 => Some(LastTry::Cancelled),
                2 => Some(LastTry::PassedOver),
                other => return Err(damaged(22, Type::Integer, format!("the unknown last try {other}"))),
            },
        },
        number: match (from.get(23)?, maybe_version(from, 24)?) {
            (Some(sequence), Some(version)) => Some(Numbered { sequence, version }),
            (None, _) | (_, None) => None,
        },
    };
    let (story, destination) = (StoryId(from.get(26)?), DestinationId(from.get(0)?));
    let was = Some((row.wanted.clone(), row.versions));
    Ok(Stored { story, destination, row, queued: from.get::<_, i64>(25)? > 0, was })
}

impl Stored {
    /// One that the ledger does not have yet.
    pub fn new(story: StoryId, destination: DestinationId, row: Row) -> Self {
        Self { story, destination, row, queued: false, was: None }
    }

    /// Its attempt, as its lane is told of it.
    pub fn attempted(&self) -> Attempted {
        let wanted = &self.row.wanted;
        let announced = match self.row.stage {
            Stage::Attempting { since, .. } => since,
            // No lane is told of these.
            Stage::Ready | Stage::Held { .. } | Stage::Ended { .. } => wanted.accepted,
        };
        Attempted {
            story: self.story,
            version: wanted.version,
            article: wanted.article,
            action: wanted.action,
            rank: wanted.rank,
            attempt: self.row.attempts,
            embargo: wanted.embargo,
            expires: wanted.expires,
            accepted: wanted.accepted,
            announced,
            is_repeat: self.row.confirmed >= Some(wanted.version),
            // What was begun has one.
            sequence: self.row.number.map_or(0, |number| number.sequence),
            remote: self.row.remote.clone(),
        }
    }

    fn with_later(mut self, db: &Connection) -> rusqlite::Result<Self> {
        if self.queued {
            self.row.later = later_of(db, self.story, self.destination)?;
        }
        Ok(self)
    }

    /// Writes that its attempt begins, which changes nothing else.
    pub fn save_begun(&self, db: &Db<'_>) -> rusqlite::Result<()> {
        let Stage::Attempting { version, since } = self.row.stage else { return self.save(db, None) };
        db.hot(BEGUN)?.execute(params![
            self.story.0,
            self.destination.0,
            version.as_i64(),
            micros(since),
            self.row.attempts,
            self.row.number.map(|number| number.sequence),
        ])?;
        Ok(())
    }

    /// Writes the row, and the ends of versions that left it.
    pub fn save(&self, db: &Db<'_>, past: impl IntoIterator<Item = PastEnd>) -> rusqlite::Result<()> {
        let statement = match &self.was {
            // Most of what happens to a row changes only how far it has come.
            Some((wanted, versions)) if *wanted == self.row.wanted && *versions == self.row.versions => PROGRESS,
            Some(_) => UPDATE,
            None => INSERT,
        };
        write(db, statement, self.story, &self.destination.0, &self.row)?;
        if self.queued || !self.row.later.is_empty() {
            save_later(db, self.story, self.destination, &self.row.later)?;
        }
        past.into_iter().try_for_each(|past| save_past(db, self.story, self.destination, &past))
    }
}

fn later_of(db: &Connection, story: StoryId, destination: DestinationId) -> rusqlite::Result<VecDeque<Wanted>> {
    let sql = "SELECT version, article, action, rank, accepted, embargo, expires, for_holders FROM later \
               WHERE story = ?1 AND destination = ?2 ORDER BY version";
    let wanted = |from: &SqlRow<'_>| {
        Ok(Wanted {
            version: version(from, 0)?,
            article: ArticleId(from.get(1)?),
            action: action(from, 2)?,
            rank: from.get(3)?,
            accepted: timestamp(from, 4)?,
            embargo: maybe_timestamp(from, 5)?,
            expires: maybe_timestamp(from, 6)?,
            for_holders: from.get(7)?,
        })
    };
    db.prepare_cached(sql)?.query_map(params![story.0, destination.0], wanted)?.collect()
}

/// One delivery.
pub fn load(db: &Db<'_>, story: StoryId, destination: DestinationId) -> rusqlite::Result<Option<Stored>> {
    let found = db.hot(ONE)?.query_row(params![story.0, destination.0], stored).optional()?;
    found.map(|found| found.with_later(db)).transpose()
}

/// All deliveries of a story.
pub fn of_story(db: &Db<'_>, story: StoryId) -> rusqlite::Result<Vec<Stored>> {
    all(db, &mut *db.prepare_cached(select!("WHERE story = ?1"))?, params![story.0])
}

/// The first `limit` ready rows of a lane, in its order, that are below a rank.
pub fn ready(db: &Db<'_>, destination: DestinationId, below: i64, limit: usize) -> rusqlite::Result<Vec<Stored>> {
    all(db, &mut *db.hot(READY_ONES)?, params![destination.0, below, limit])
}

/// Some that wait, and whose time is over.
pub fn expired(db: &Connection, now: Timestamp, limit: usize) -> rusqlite::Result<Vec<Stored>> {
    let mut waiting = db.prepare_cached(select!(
        "INDEXED BY delivery_expiring WHERE stage < 3 AND expires IS NOT NULL AND expires <= ?1 ORDER BY expires LIMIT ?2"
    ))?;
    all(db, &mut waiting, params![micros(now), limit])
}

/// The rows that are announced as attempted, of all destinations or of one: after a crash, what may have been in the
/// network.
pub fn attempting(db: &Connection, only: Option<DestinationId>) -> rusqlite::Result<Vec<Stored>> {
    let announced = if only.is_some() {
        select!("INDEXED BY delivery_attempting WHERE stage = 3 AND destination = ?1")
    } else {
        select!("INDEXED BY delivery_attempting WHERE stage = 3 AND ?1 IS NULL")
    };
    all(db, &mut *db.prepare_cached(announced)?, params![only.map(|id| id.0)])
}

fn all(db: &Connection, statement: &mut Statement<'_>, params: &[&dyn ToSql]) -> rusqlite::Result<Vec<Stored>> {
    let rows: Vec<Stored> = statement.query_map(params, stored)?.collect::<Result<_, _>>()?;
    rows.into_iter().map(|found| found.with_later(db)).collect()
}

/// The columns that tell a row's stage.
struct StageColumns<'a> {
    stage: i64,
    due: Option<i64>,
    attempting: Option<i64>,
    since: Option<i64>,
    ended: Option<&'static str>,
    ended_at: Option<i64>,
    reason: Option<&'a str>,
}

impl<'a> From<&'a Stage> for StageColumns<'a> {
    fn from(stage: &'a Stage) -> Self {
        let none =
            Self { stage: READY, due: None, attempting: None, since: None, ended: None, ended_at: None, reason: None };
        match stage {
            Stage::Ready => none,
            Stage::Held { until } => Self { stage: HELD, due: Some(micros(*until)), ..none },
            Stage::Attempting { version, since } => {
                Self { stage: ATTEMPTING, attempting: Some(version.as_i64()), since: Some(micros(*since)), ..none }
            }
            Stage::Ended { end, at, reason } => Self {
                stage: ENDED,
                ended: Some(end.as_str()),
                ended_at: Some(micros(*at)),
                reason: Some(reason),
                ..none
            },
        }
    }
}

fn last_try_column(last_try: Option<LastTry>) -> i64 {
    match last_try {
        None => 0,
        Some(LastTry::Cancelled) => 1,
        Some(LastTry::PassedOver) => 2,
    }
}

/// How far a row has come, where what is wanted and on which terms is as it was.
const PROGRESS: Hot = Hot::new(
    2,
    "UPDATE delivery SET stage = ?3, due = ?4, attempting = ?5, since = ?6, ended = ?7, ended_at = ?8, \
    reason = ?9, attempts = ?10, confirmed = ?11, possible = ?12, settles = ?13, older_settles = ?14, remote = ?15, \
    on_hold = ?16, last_try = ?17, sequence = ?18, numbered = ?19, later = ?20 WHERE story = ?1 AND destination = ?2",
);

/// All of a row that the ledger has. One statement that inserts or updates is slower than both of these, since SQLite keeps
/// what it needs to take back half of it.
const UPDATE: Hot = Hot::new(
    3,
    "UPDATE delivery SET stage = ?3, due = ?4, attempting = ?5, since = ?6, ended = ?7, ended_at = ?8, \
    reason = ?9, attempts = ?10, confirmed = ?11, possible = ?12, settles = ?13, older_settles = ?14, remote = ?15, \
    on_hold = ?16, last_try = ?17, sequence = ?18, numbered = ?19, later = ?20, version = ?21, article = ?22, \
    action = ?23, rank = ?24, accepted = ?25, embargo = ?26, expires = ?27, for_holders = ?28, every_version = ?29 \
    WHERE story = ?1 AND destination = ?2",
);

const INSERT: Hot = Hot::new(
    4,
    "INSERT INTO delivery (story, destination, stage, due, attempting, since, ended, ended_at, reason, \
    attempts, confirmed, possible, settles, older_settles, remote, on_hold, last_try, sequence, numbered, later, version, \
    article, action, rank, accepted, embargo, expires, for_holders, every_version) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, \
    ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29)",
);

/// [`INSERT`] for each destination of a JSON object, which says the number of each; it has no other for them. A statement of
/// many rows keeps what it needs to take back some of them, unless it is told to fail; what fails takes its whole commit
/// back.
const INSERT_ALIKE: Hot = Hot::new(
    9,
    "INSERT OR FAIL INTO delivery (story, destination, stage, due, attempting, since, ended, ended_at, reason, \
    attempts, confirmed, possible, settles, older_settles, remote, on_hold, last_try, sequence, numbered, later, version, \
    article, action, rank, accepted, embargo, expires, for_holders, every_version) SELECT ?1, json_each.key, ?3, ?4, ?5, \
    ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, json_each.value, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29 FROM json_each(?2)",
);

/// Writes rows that the ledger does not have yet, and that are alike but for their destination and its number, if it has
/// one.
pub fn insert_alike(
    db: &Db<'_>,
    story: StoryId,
    destinations: impl IntoIterator<Item = (DestinationId, Option<u64>)>,
    row: &Row,
) -> rusqlite::Result<()> {
    assert!(row.later.is_empty(), "nothing follows the first version");
    write(db, INSERT_ALIKE, story, &numbered(destinations), row)
}

/// Destinations and their numbers as JSON.
fn numbered(destinations: impl IntoIterator<Item = (DestinationId, Option<u64>)>) -> String {
    let (mut object, mut digits) = (String::from("{"), itoa::Buffer::new());
    for (DestinationId(id), number) in destinations {
        object.push_str(if object.len() > 1 { ",\"" } else { "\"" });
        object.push_str(digits.format(id));
        object.push_str("\":");
        object.push_str(number.map_or("null", |number| digits.format(number)));
    }
    object.push('}');
    object
}

/// What [`Row::begin`] does to a row.
const BEGUN: Hot = Hot::new(
    10,
    "UPDATE delivery SET stage = 3, attempting = ?3, since = ?4, attempts = ?5, sequence = ?6, numbered = ?3 \
     WHERE story = ?1 AND destination = ?2",
);

/// Writes how far a row has come, and with the other statements than [`PROGRESS`] the rest of it too.
fn write(db: &Db<'_>, statement: Hot, story: StoryId, destination: &dyn ToSql, row: &Row) -> rusqlite::Result<()> {
    let of = StageColumns::from(&row.stage);
    let progress = params![
        story.0,
        destination,
        of.stage,
        of.due,
        of.attempting,
        of.since,
        of.ended,
        of.ended_at,
        of.reason,
        row.attempts,
        row.confirmed.map(Version::as_i64),
        row.possible.map(Version::as_i64),
        row.settles.map(micros),
        row.older_settles.map(micros),
        row.remote,
        row.standing.on_hold,
        last_try_column(row.standing.last_try),
        row.number.map(|number| number.sequence),
        row.number.map(|number| number.version.as_i64()),
        row.later.len(),
    ];
    let wanted = params![
        row.wanted.version.as_i64(),
        row.wanted.article.0,
        row.wanted.action.as_str(),
        row.wanted.rank,
        micros(row.wanted.accepted),
        row.wanted.embargo.map(micros),
        row.wanted.expires.map(micros),
        row.wanted.for_holders,
        row.versions == Versions::Every,
    ];
    let mut statement = db.hot(statement)?;
    // How many there are is the statement's to say.
    let values = progress.iter().chain(wanted).take(statement.parameter_count());
    for (number, value) in (1..).zip(values) {
        statement.raw_bind_parameter(number, value)?;
    }
    statement.raw_execute()?;
    Ok(())
}

/// Writes what follows a row's wanted version, in place of what did.
fn save_later(
    db: &Connection,
    story: StoryId,
    destination: DestinationId,
    later: &VecDeque<Wanted>,
) -> rusqlite::Result<()> {
    db.prepare_cached("DELETE FROM later WHERE story = ?1 AND destination = ?2")?
        .execute(params![story.0, destination.0])?;
    let mut insert = db.prepare_cached(
        "INSERT INTO later (story, destination, version, article, action, rank, accepted, embargo, expires, for_holders) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?;
    for wanted in later {
        insert.execute(params![
            story.0,
            destination.0,
            wanted.version.as_i64(),
            wanted.article.0,
            wanted.action.as_str(),
            wanted.rank,
            micros(wanted.accepted),
            wanted.embargo.map(micros),
            wanted.expires.map(micros),
            wanted.for_holders,
        ])?;
    }
    Ok(())
}

/// Writes the end of a version that left its row.
fn save_past(db: &Connection, story: StoryId, destination: DestinationId, past: &PastEnd) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT OR REPLACE INTO past (story, destination, version, ended, ended_at, reason) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        story.0,
        destination.0,
        past.version.as_i64(),
        past.end.as_str(),
        micros(past.at),
        past.reason
    ])?;
    Ok(())
}
