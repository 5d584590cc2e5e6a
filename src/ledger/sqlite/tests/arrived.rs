//! What is written without reading a row first is what the row's own rule makes of it, or nothing.

use crate::article::{Action, Version};
use crate::ledger::sqlite::db::Db;
use crate::ledger::sqlite::rows::{self, Stored};
use crate::ledger::sqlite::schema;
use crate::ledger::state::{End, LastTry, Numbered, Row, Settled, Stage, Standing, Versions, Wanted};
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

#[test]
fn what_arrived_is_written_as_the_rows_own_rule_has_it() {
    let connection = schema::in_memory().unwrap();
    let sql = "INSERT INTO story VALUES (1, 'urn:x:a', 'hpnf', 3, NULL, NULL);
               INSERT INTO destination (id, name, paused) VALUES (1, 'p0/main', 0);
               INSERT INTO article VALUES (1, 1, 2, 'update', 'h', 'test', 0, x'', x'');";
    connection.execute_batch(sql).unwrap();
    let (mut plain, all) = (0, rows());
    for row in &all {
        connection.execute_batch("DELETE FROM later; DELETE FROM delivery;").unwrap();
        let db = Db::of(&connection);
        let (story, destination) = HERE;
        Stored::new(story, destination, row.clone()).save(&db, None).unwrap();
        let written = rows::arrived(&db, story, destination, version(2), "200", at(5)).unwrap();
        let found = rows::load(&db, story, destination).unwrap().unwrap().row;
        let mut ruled = row.clone();
        let past = ruled.settle(version(2), Settled::Delivered { reason: "200".into() }, at(5), IN_NETWORK);
        if written {
            assert_eq!((found, past), (ruled, Vec::new()), "of {row:?}");
            plain += 1;
        } else {
            assert_eq!(found, *row, "nothing is written where it is for the rule to say");
        }
    }
    let plainest = Row { confirmed: None, possible: None, later: Vec::new().into(), ..all[0].clone() };
    assert_eq!(all[0], plainest, "the first attempt of a version is plain");
    assert_eq!(plain, 2 * 3, "confirmed at most with the version before, and whatever is possible, of {}", all.len());
}
