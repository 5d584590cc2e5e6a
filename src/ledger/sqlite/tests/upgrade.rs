//! Ledgers of other versions: older ones are brought up to date with all that they hold, newer ones are left alone.

use std::collections::BTreeMap;

use super::*;
use crate::article::Version;
use crate::ledger::DeliveryFilter;
use crate::ledger::sqlite::schema::{LATEST, MIGRATIONS};
use crate::ledger::sqlite::{CopyError, back_up};
use crate::ledger::state::{End, Row, Stage};

/// A ledger as a program with the first `schema` migrations left it: of four stories one was delivered, one waits, one was
/// under way when the program died, and one was refused; and something is in quarantine.
fn of_schema(schema: usize) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let old = Connection::open(specimen::path_in(&dir)).unwrap();
    old.pragma_update(None, "journal_mode", "WAL").unwrap();
    for migration in &MIGRATIONS[..schema] {
        old.execute_batch(migration).unwrap();
    }
    old.pragma_update(None, "user_version", schema).unwrap();
    old.execute_batch("INSERT INTO destination (id, name, paused) VALUES (1, 'partner-0/main', 0);").unwrap();
    if NUMBERS_BY_DESTINATION.contains(&schema) {
        let numbers = "INSERT INTO destination (id, name, paused) VALUES (2, 'left out', 0), (131, 'far away', 0); \
                       UPDATE destination SET sequence = 1000 * id + 41; DELETE FROM destination WHERE id = 2;";
        old.execute_batch(numbers).unwrap();
    }
    for (id, name) in (1..).zip(["delivered", "waiting", "attempting", "refused"]) {
        let article = fixture::article(&format!("urn:x:{name}"), 1, Action::Publish);
        let content = serde_json::to_vec(&article).unwrap();
        old.execute(
            "INSERT INTO story (id, guid, wire, newest) VALUES (?1, ?2, 'hpnf', 1)",
            (id, article.guid.as_str()),
        )
        .unwrap();
        old.execute(
            "INSERT INTO article (id, story, version, action, headline, source, accepted, digest, content) \
             VALUES (?1, ?1, 1, 'publish', ?2, 'test', 1000000, x'00', ?3)",
            (id, name, content),
        )
        .unwrap();
        let (columns, values) = match name {
            "delivered" => {
                ("stage, ended, ended_at, reason, attempts, confirmed", "4, 'delivered', 2000000, '200', 1, 1")
            }
            "refused" => ("stage, ended, ended_at, reason, attempts", "4, 'refused', 2000000, '422', 1"),
            "attempting" => ("stage, attempting, since, attempts", "3, 1, 2000000, 1"),
            _ => ("stage, attempts", "1, 0"),
        };
        old.execute(
            &format!(
                "INSERT INTO delivery (story, destination, version, article, action, rank, accepted, {columns}) \
                 VALUES (?1, 1, 1, ?1, 'publish', ?1, 1000000, {values})"
            ),
            [id],
        )
        .unwrap();
    }
    old.execute_batch(
        "INSERT INTO quarantine (kind, state, source, reason, at, digest, bytes) \
         VALUES ('input', 'waiting', 'spool', 'no article', 1000000, x'00', x'7b')",
    )
    .unwrap();
    dir
}

/// The schemas in which each destination had a column for the last number of its sequence.
const NUMBERS_BY_DESTINATION: std::ops::RangeInclusive<usize> = 3..=7;

/// Every table, index and column.
fn layout(dir: &tempfile::TempDir) -> BTreeMap<String, String> {
    let db = schema::open_to_read(&specimen::path_in(dir)).unwrap();
    let mut statement = db.prepare("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL").unwrap();
    statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().collect::<Result<_, _>>().unwrap()
}

#[tokio::test]
async fn what_a_ledger_of_any_schema_holds_goes_on() {
    let fresh = fixture::fixture(1).await;
    for schema in 1..=LATEST {
        let dir = of_schema(schema);
        let path = specimen::path_in(&dir);
        // A copy of before is made by the new program, too.
        let copy = dir.path().join("copy");
        let contents = back_up(&path, &copy, &mut |_| ()).unwrap();
        assert_eq!((contents.schema, contents.current), (schema, schema == LATEST));
        assert_eq!((contents.stories, contents.waiting, contents.attempting, contents.quarantined), (4, 1, 1, 1));
        if schema < LATEST {
            let why = SqliteReader::open(&path).err().unwrap().to_string();
            assert!(why.contains("start the daemon of this version once, which brings it up to date"), "{why}");
        }

        let (ledger, _) = SqliteLedger::open(&options(&path)).unwrap();
        assert_eq!(ledger.recovered(), 1, "schema {schema}");
        assert_eq!(layout(&dir), layout(&fresh.dir), "schema {schema}");
        if NUMBERS_BY_DESTINATION.contains(&schema) {
            let of =
                "SELECT hex(substr(last, 1 + 8 * (131 % 64), 8)), length(last) FROM sequence WHERE block = 131 / 64";
            let last: (String, u64) =
                schema::open_to_read(&path).unwrap().query_row(of, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
            assert_eq!(last, (format!("{:016X}", 131_041), 512));
        }
        let registration = Registration { name: "partner-0/main".into(), paused: false };
        let destinations = ledger.register(vec![registration], Timestamp::now()).await.unwrap();
        let fixture = fixture::Fixture { ledger, destinations, dir };
        let reader = fixture.reader();
        let row = |name: &str| -> Row {
            let story = reader.story(&format!("urn:x:{name}").parse().unwrap()).unwrap().unwrap();
            reader.doors_of(story.id).unwrap().pop().unwrap().row.unwrap()
        };
        assert_eq!(row("delivered").confirmed, Some(Version::FIRST));
        assert!(matches!(row("refused").stage, Stage::Ended { end: End::Refused, .. }));
        assert_eq!(row("attempting").possible, Some(Version::FIRST), "it may have arrived");
        assert_eq!(reader.quarantine(false).unwrap().len(), 1);
        let troubled = DeliveryFilter { limit: 9, ..DeliveryFilter::default() };
        assert_eq!(reader.deliveries(&troubled).unwrap().len(), 4, "schema {schema}");

        let claimed = fixture.claim(0).await.rows;
        let first = claimed.first().expect("what waits goes first");
        let story = first.article;
        let last = if NUMBERS_BY_DESTINATION.contains(&schema) { 1041 } else { 0 };
        assert_eq!(first.sequence, last + 1, "schema {schema}");
        assert_eq!(fixture.ledger.article(story).await.unwrap().headline, "urn:x:waiting 1");
        assert_eq!(fixture.ledger.trace(story).await.unwrap(), None, "it came before traces were kept");
        // A kill reaches whoever has it or may have it, and a repeat is one.
        for name in ["delivered", "attempting"] {
            let _ = fixture.accept(fixture::article(&format!("urn:x:{name}"), 2, Action::Kill)).await;
            let row = row(name);
            assert!(row.wanted.action == Action::Kill && !matches!(row.stage, Stage::Ended { .. }), "{name}: {row:?}");
        }
    }
}

#[tokio::test]
async fn a_newer_ledger_is_refused_and_left_as_it_is() {
    let dir = of_schema(LATEST);
    let path = specimen::path_in(&dir);
    let newer = Connection::open(&path).unwrap();
    newer.execute_batch("ALTER TABLE story ADD COLUMN of_tomorrow TEXT").unwrap();
    newer.pragma_update(None, "user_version", LATEST + 1).unwrap();
    drop(newer);
    let before = std::fs::read(&path).unwrap();
    let told = [
        SqliteLedger::open(&options(&path)).err().unwrap().to_string(),
        SqliteReader::open(&path).err().unwrap().to_string(),
        match back_up(&path, &dir.path().join("copy"), &mut |_| ()) {
            Err(CopyError::Ledger(why)) => why.to_string(),
            other => panic!("{other:?}"),
        },
    ];
    for why in told {
        let expected = format!(
            "the ledger {} was written by a newer newswired (its schema is {}, this program knows {LATEST}); install \
             that version again",
            path.display(),
            LATEST + 1
        );
        assert_eq!(why, expected);
    }
    assert_eq!(std::fs::read(&path).unwrap(), before);
    assert!(!dir.path().join("copy").exists());
}
