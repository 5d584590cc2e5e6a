//! A connection with some of its statements at hand.
//!
//! Every delivery passes through a few statements, several times in its life. To look one up in rusqlite's cache hashes its
//! text, which is long, takes it out, and puts it back: a twentieth of what a delivery costs (docs/performance.md). Here it
//! is looked up once, for as long as a transaction lasts.

use std::cell::{RefCell, RefMut};
use std::ops::Deref;

use rusqlite::{CachedStatement, Connection};

/// A connection for as long as a transaction lasts.
pub struct Db<'c> {
    connection: &'c Connection,
    at_hand: [RefCell<Option<(Hot, CachedStatement<'c>)>>; AT_HAND],
}

/// A statement that is kept at hand: its place, and its text.
#[derive(Debug, Clone, Copy)]
pub struct Hot {
    place: usize,
    sql: &'static str,
}

const AT_HAND: usize = 13;

impl Hot {
    /// `place` is this statement's alone.
    pub const fn new(place: usize, sql: &'static str) -> Self {
        assert!(place < AT_HAND);
        Self { place, sql }
    }
}

impl<'c> Db<'c> {
    pub fn of(connection: &'c Connection) -> Self {
        Self { connection, at_hand: Default::default() }
    }

    /// The statement, until the guard goes: it is at work, and nobody else's meanwhile.
    pub fn hot(&self, hot: Hot) -> rusqlite::Result<RefMut<'_, CachedStatement<'c>>> {
        let mut at_hand = self.at_hand[hot.place].borrow_mut();
        if at_hand.is_none() {
            *at_hand = Some((hot, self.connection.prepare_cached(hot.sql)?));
        }
        Ok(RefMut::map(at_hand, |found| {
            let (of, statement) = found.as_mut().expect("it has just been put there");
            assert_eq!(of.sql, hot.sql, "two statements have the place {}", hot.place);
            statement
        }))
    }
}

impl Deref for Db<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection
    }
}
