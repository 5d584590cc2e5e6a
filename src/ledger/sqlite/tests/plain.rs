//! What is written without reading a row first, or of several rows at once, is what the row's own rule makes of each, or
//! nothing.

use crate::article::{Action, Version};
use crate::ledger::sqlite::db::Db;
use crate::ledger::sqlite::rows::{self, Stored};
use crate::ledger::sqlite::{plain, schema};
use crate::ledger::state::{End, LastTry, Numbered, PastEnd, Row, Settled, Stage, Standing, Versions, Wanted};
use crate::ledger::{ArticleId, DestinationId, StoryId};
use jiff::Timestamp;
use std::time::Duration;

const IN_NETWORK: Duration = Duration::from_secs(60);
const HERE: (StoryId, DestinationId) = (StoryId(1), DestinationId(1));

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn version(number: u64) -> Version {
    Version::try_from(number).unwrap()
}

fn wanted(number: u64) -> Wanted {
    Wanted {
        version: version(number),
        article: ArticleId(1),
        action: Action::Update,
        rank: 7,
        accepted: at(0),
        embargo: None,
        expires: None,
        for_holders: false,
    }
}

/// Version 2 is wanted; all else is every combination of what matters.
fn rows() -> Vec<Row> {
    let attempting = |number| Stage::Attempting { version: version(number), since: at(1) };
    let ended = Stage::Ended { end: End::Expired, at: at(1), reason: "late".into() };
    let mut rows = Vec::new();
    for stage in [attempting(2), attempting(1), Stage::Ready, Stage::Held { until: at(9) }, ended] {
        for confirmed in [None, Some(1), Some(2), Some(3)] {
            for possible in [None, Some(1), Some(2)] {
                for (settles, older_settles) in [(None, None), (Some(0), None), (Some(30), None), (None, Some(30))] {
                    for last_try in [None, Some(LastTry::Cancelled), Some(LastTry::PassedOver)] {
                        for later in [None, Some(wanted(3))] {
                            rows.push(Row {
                                wanted: wanted(2),
                                versions: if later.is_some() { Versions::Every } else { Versions::Newest },
                                later: later.into_iter().collect(),
                                stage: stage.clone(),
                                attempts: 3,
                                confirmed: confirmed.map(version),
                                possible: possible.map(version),
                                settles: settles.map(at),
                                older_settles: older_settles.map(at),
                                remote: Some("post 7".into()),
                                standing: Standing { on_hold: false, last_try },
                                number: Some(Numbered { sequence: 4, version: version(2) }),
                            });
                        }
                    }
                }
            }
        }
    }
    rows
}

/// A ledger with one story, and so many destinations.
fn ledger(destinations: usize) -> rusqlite::Connection {
    let connection = schema::in_memory().unwrap();
    let sql = "INSERT INTO story VALUES (1, 'urn:x:a', 'hpnf', 3, NULL, NULL);
               INSERT INTO article VALUES (1, 1, 2, 'update', 'h', 'test', 0, x'', x'', NULL);";
    connection.execute_batch(sql).unwrap();
    let mut insert =
        connection.prepare("INSERT INTO destination (id, name, paused) VALUES (?1, 'p' || ?1, 0)").unwrap();
    for id in 1..=destinations {
        insert.execute([id]).unwrap();
    }
    drop(insert);
    connection
}

/// The destination that has the row at this place.
fn to(place: usize) -> DestinationId {
    DestinationId(i64::try_from(place + 1).unwrap())
}

/// A ledger in which each of `rows` has a destination of its own.
fn ledger_of(rows: &[Row]) -> rusqlite::Connection {
    let connection = ledger(rows.len());
    let db = Db::of(&connection);
    for (place, row) in rows.iter().enumerate() {
        Stored::new(StoryId(1), to(place), row.clone()).save(&db, None).unwrap();
    }
    drop(db);
    connection
}

fn settled(row: &Row, second: i64) -> (Row, Vec<PastEnd>) {
    let mut ruled = row.clone();
    let past = ruled.settle(version(2), Settled::Delivered { reason: "200".into() }, at(second), IN_NETWORK);
    (ruled, past)
}

#[test]
fn what_arrived_is_written_as_the_rows_own_rule_has_it() {
    let connection = ledger(1);
    let (mut plain, all) = (0, rows());
    for row in &all {
        connection.execute_batch("DELETE FROM later; DELETE FROM delivery;").unwrap();
        let db = Db::of(&connection);
        let (story, destination) = HERE;
        Stored::new(story, destination, row.clone()).save(&db, None).unwrap();
        let written = plain::arrived(&db, story, version(2), "200", (destination, at(5))).unwrap();
        let found = rows::load(&db, story, destination).unwrap().unwrap().row;
        if written {
            assert_eq!((found, Vec::new()), settled(row, 5), "of {row:?}");
            plain += 1;
        } else {
            assert_eq!(found, *row, "nothing is written where it is for the rule to say");
        }
    }
    let plainest = Row { confirmed: None, possible: None, later: Vec::new().into(), ..all[0].clone() };
    assert_eq!(all[0], plainest, "the first attempt of a version is plain");
    assert_eq!(plain, 2 * 3, "confirmed at most with the version before, and whatever is possible, of {}", all.len());
}

/// Every combination at a destination of its own, all told at once, each with its own time.
#[test]
fn what_arrived_together_is_written_as_each_rows_own_rule_has_it() {
    let all = rows();
    let connection = ledger_of(&all);
    let db = Db::of(&connection);
    let story = StoryId(1);
    let second = |place: usize| i64::try_from(place).unwrap();
    let ends: Vec<_> = (0..all.len()).map(|place| (to(place), at(second(place)))).collect();
    assert!(!plain::arrived_together(&db, story, version(2), "200", &ends).unwrap(), "some are not plain");
    let mut written = Vec::new();
    for (place, row) in all.iter().enumerate() {
        let found = rows::load(&db, story, to(place)).unwrap().unwrap().row;
        if found != *row {
            assert_eq!((found, Vec::new()), settled(row, second(place)), "of {row:?}");
            written.push(ends[place]);
        }
    }
    assert_eq!(written.len(), 2 * 3, "the same as one by one");
    assert!(!plain::arrived_together(&db, story, version(2), "200", &written).unwrap(), "they have their end");

    let plain = &all[0];
    for number in [1, 2, 8, 9, 16, 17, 32, 33, 57] {
        connection.execute_batch("DELETE FROM later; DELETE FROM delivery;").unwrap();
        let ends = &ends[..number];
        for (destination, _) in ends {
            Stored::new(story, *destination, plain.clone()).save(&db, None).unwrap();
        }
        assert!(plain::arrived_together(&db, story, version(2), "200", ends).unwrap(), "all {number} are plain");
        for (place, (destination, _)) in ends.iter().enumerate() {
            let found = rows::load(&db, story, *destination).unwrap().unwrap().row;
            assert_eq!((found, Vec::new()), settled(plain, second(place)), "of {number}");
        }
    }
}

/// Of what a crash leaves announced. A row with an embargo to come, or on hold, waits for that again.
#[test]
fn what_is_unknown_is_written_as_each_rows_own_rule_has_it() {
    let held = |row: Row| {
        let embargoed = |embargo| Row { wanted: Wanted { embargo: Some(at(embargo)), ..wanted(2) }, ..row.clone() };
        let on_hold = Row { standing: Standing { on_hold: true, ..row.standing }, ..row.clone() };
        [embargoed(4), embargoed(6), on_hold, row]
    };
    let all: Vec<Row> = rows().into_iter().flat_map(held).collect();
    let connection = ledger_of(&all);
    let db = Db::of(&connection);
    let story = StoryId(1);
    let alone = plain::unknown(&db, Some(to(3)), at(5), IN_NETWORK).unwrap();
    assert_eq!(alone, 1, "the plainest of them");
    let written = alone + plain::unknown(&db, None, at(5), IN_NETWORK).unwrap();
    let mut changed = 0;
    for (place, row) in all.iter().enumerate() {
        let found = rows::load(&db, story, to(place)).unwrap().unwrap().row;
        if found != *row {
            let mut ruled = row.clone();
            let past = ruled.settle(version(2), Settled::Unknown { hold: None }, at(5), IN_NETWORK);
            assert_eq!((found, Vec::new()), (ruled, past), "of {row:?}");
            changed += 1;
        }
    }
    // Whatever was confirmed or possible, and whatever follows; the embargo is over, or there is none.
    assert_eq!((written, changed), (4 * 3 * 2 * 2, 4 * 3 * 2 * 2), "of {}", all.len());
}

#[test]
fn what_begins_is_written_as_the_rows_own_rule_has_it() {
    let connection = ledger(1);
    let db = Db::of(&connection);
    let (story, destination) = HERE;
    let (mut begun, mut last) = (0, 10);
    for row in rows() {
        connection.execute_batch("DELETE FROM later; DELETE FROM delivery;").unwrap();
        Stored::new(story, destination, row).save(&db, None).unwrap();
        let mut stored = rows::load(&db, story, destination).unwrap().unwrap();
        if stored.row.begin(&mut last, at(7)) {
            stored.save_begun(&db).unwrap();
            let found = rows::load(&db, story, destination).unwrap().unwrap().row;
            assert_eq!(found, stored.row);
            begun += 1;
        }
    }
    assert_eq!(begun, rows().len() / 5, "those that wait");
}

#[test]
fn rows_that_are_alike_are_written_as_one_by_one() {
    let connection = ledger(30);
    let db = Db::of(&connection);
    let story = StoryId(1);
    let first = |number, embargo: Option<i64>| {
        let wanted = Wanted { embargo: embargo.map(at), expires: Some(at(90)), ..wanted(number) };
        Row::first(wanted, Versions::Every, Standing { on_hold: false, last_try: None }, at(3))
    };
    let mut begun = first(2, None);
    begun.begin(&mut 0, at(3));
    for row in [first(2, None), first(2, Some(60)), begun] {
        connection.execute_batch("DELETE FROM delivery;").unwrap();
        let to: Vec<_> = [3, 1, 20, 7].map(DestinationId).into();
        let sequence = |to: DestinationId| to.0.unsigned_abs() + 40;
        let each = to.iter().map(|to| (*to, row.number.map(|_| sequence(*to))));
        rows::insert_alike(&db, story, each, &row).unwrap();
        for destination in to {
            let number = row.number.map(|number| Numbered { sequence: sequence(destination), ..number });
            let found = rows::load(&db, story, destination).unwrap().unwrap().row;
            assert_eq!(found, Row { number, ..row.clone() });
        }
        let others: i64 = connection.query_row("SELECT count(*) FROM delivery", [], |row| row.get(0)).unwrap();
        assert_eq!(others, 4);
    }
}
