//! The last number of each destination's sequence, many of them to a row.
//!
//! An article for thousands of destinations gives each of them a number in the commit that accepts it. To write a row for
//! each was a third of what an accepted delivery costs (docs/performance.md), so a row has those of [`BLOCK`] destinations.

use rusqlite::types::Type;
use rusqlite::{OptionalExtension, params};

use crate::ledger::DestinationId;
use crate::ledger::sqlite::db::{Db, Hot};
use crate::ledger::sqlite::rows::damaged;

/// Destinations to a row.
const BLOCK: usize = 64;

/// Bytes to a number.
const WIDTH: usize = size_of::<u64>();

const LAST: Hot = Hot::new(6, "SELECT last FROM sequence WHERE block = ?1");
const SAVE: Hot = Hot::new(7, "UPDATE sequence SET last = ?2 WHERE block = ?1");

/// The numbers of destinations whose ids follow each other.
struct Block {
    id: i64,
    last: Vec<u8>,
}

/// Where a destination's number stands: in which block, and at which of its places.
fn place(destination: DestinationId) -> (i64, usize) {
    let of = BLOCK as i64;
    (destination.0.div_euclid(of), destination.0.rem_euclid(of) as usize)
}

impl Block {
    /// As it stands; all zeros where none of them has had a number.
    fn of(db: &Db<'_>, id: i64) -> rusqlite::Result<Self> {
        let last: Option<Vec<u8>> = db.hot(LAST)?.query_row([id], |row| row.get(0)).optional()?;
        let last = last.unwrap_or_else(|| vec![0; BLOCK * WIDTH]);
        if last.len() == BLOCK * WIDTH {
            Ok(Self { id, last })
        } else {
            Err(damaged(0, Type::Blob, format!("{} bytes of numbers", last.len())))
        }
    }

    fn number(&mut self, place: usize) -> &mut [u8; WIDTH] {
        self.last.as_chunks_mut().0.get_mut(place).expect("a block has a place for each of its destinations")
    }

    fn last(&mut self, place: usize) -> u64 {
        u64::from_be_bytes(*self.number(place))
    }

    fn set(&mut self, place: usize, last: u64) {
        *self.number(place) = last.to_be_bytes();
    }

    fn save(&self, db: &Db<'_>) -> rusqlite::Result<()> {
        if db.hot(SAVE)?.execute(params![self.id, self.last])? == 0 {
            db.prepare_cached("INSERT INTO sequence (block, last) VALUES (?1, ?2)")?
                .execute(params![self.id, self.last])?;
        }
        Ok(())
    }
}

/// A destination's sequence.
pub struct Numbers {
    block: Block,
    place: usize,
    /// The last number given.
    pub last: u64,
    /// The block has numbers that are not saved.
    is_changed: bool,
}

impl Numbers {
    pub fn of(db: &Db<'_>, destination: DestinationId) -> rusqlite::Result<Self> {
        let (id, place) = place(destination);
        let mut block = Block::of(db, id)?;
        let last = block.last(place);
        Ok(Self { block, place, last, is_changed: false })
    }

    /// Goes on with another destination. Where that stands beside the last one, both are saved together.
    pub fn turn_to(&mut self, db: &Db<'_>, destination: DestinationId) -> rusqlite::Result<()> {
        let (id, place) = place(destination);
        self.put_down();
        if id != self.block.id {
            self.save(db)?;
            self.block = Block::of(db, id)?;
        }
        self.place = place;
        self.last = self.block.last(place);
        Ok(())
    }

    /// In the commit that announces what carries them.
    pub fn save(&mut self, db: &Db<'_>) -> rusqlite::Result<()> {
        self.put_down();
        if std::mem::take(&mut self.is_changed) { self.block.save(db) } else { Ok(()) }
    }

    fn put_down(&mut self) {
        if self.last > self.block.last(self.place) {
            self.block.set(self.place, self.last);
            self.is_changed = true;
        }
    }
}

/// The next number of each of `destinations`, given and saved. Those that stand together are cheap together.
pub fn next_of(db: &Db<'_>, destinations: &[DestinationId]) -> rusqlite::Result<Vec<(DestinationId, u64)>> {
    let mut given = Vec::with_capacity(destinations.len());
    for together in destinations.chunk_by(|one, other| place(*one).0 == place(*other).0) {
        let mut block = Block::of(db, place(together[0]).0)?;
        for destination in together {
            let (_, place) = place(*destination);
            let next = block.last(place) + 1;
            block.set(place, next);
            given.push((*destination, next));
        }
        block.save(db)?;
    }
    Ok(given)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::ledger::sqlite::schema;

    proptest! {
        /// Whatever asks for a number, one by one, in turn or for many at once, each destination's follow each other.
        #[test]
        fn each_destination_has_a_sequence_of_its_own(
            steps in prop::collection::vec((0..3_u8, prop::collection::btree_set(1..300_i64, 1..40)), 1..12),
        ) {
            let connection = schema::in_memory().unwrap();
            let db = Db::of(&connection);
            let mut expected = BTreeMap::<DestinationId, u64>::new();
            for (how, destinations) in steps {
                let destinations: Vec<_> = destinations.into_iter().map(DestinationId).collect();
                let given: Vec<_> = match how {
                    0 => next_of(&db, &destinations).unwrap(),
                    1 => {
                        let one = |destination| {
                            let mut numbers = Numbers::of(&db, destination).unwrap();
                            numbers.last += 1;
                            let last = numbers.last;
                            numbers.save(&db).unwrap();
                            (destination, last)
                        };
                        destinations.iter().copied().map(one).collect()
                    }
                    _ => {
                        let mut numbers = Numbers::of(&db, destinations[0]).unwrap();
                        let one = |destination| {
                            numbers.turn_to(&db, destination).unwrap();
                            numbers.last += 1;
                            (destination, numbers.last)
                        };
                        let given = destinations.iter().copied().map(one).collect();
                        numbers.save(&db).unwrap();
                        given
                    }
                };
                for destination in &destinations {
                    *expected.entry(*destination).or_default() += 1;
                }
                let next: Vec<_> = destinations.iter().map(|destination| (*destination, expected[destination])).collect();
                prop_assert_eq!(given, next);
            }
        }
    }

    #[test]
    fn numbers_that_are_cut_short_are_damage() {
        let connection = schema::in_memory().unwrap();
        connection.execute_batch("INSERT INTO sequence VALUES (0, x'0000000000000007')").unwrap();
        let why = Numbers::of(&Db::of(&connection), DestinationId(0)).err().unwrap().to_string();
        assert!(why.contains("8 bytes of numbers"), "{why}");
    }
}
