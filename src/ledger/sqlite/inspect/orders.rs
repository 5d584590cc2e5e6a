//! What operators ordered: placed and stopped from a command line, listed, and what of it still holds.

use rusqlite::{Connection, OptionalExtension, params};

use super::SqliteReader;
use crate::article::Guid;
use crate::ledger::orders::{Halt, NewOrder, Order, OrderId, OrderRecord, Replay, ReplayFrom, Target};
use crate::ledger::sqlite::{commands, rows, schema};
use crate::ledger::views::Standings;
use crate::ledger::{ArticleId, LedgerError};

impl SqliteReader {
    /// Writes an order down, durably. A running daemon takes it up at once, another when it starts.
    pub fn place(&self, order: &NewOrder) -> Result<OrderId, LedgerError> {
        let connection = schema::open(&self.path)?;
        commands::place_order(&connection, order).map_err(|why| self.classed(&why))
    }

    /// Stops an order that is not at its end; what it did so far stands. `false`: there is no such order.
    pub fn stop_order(&self, id: OrderId, by: &str, now: jiff::Timestamp) -> Result<bool, LedgerError> {
        let connection = schema::open(&self.path)?;
        commands::stop_order(&connection, id, by, now).map_err(|why| self.classed(&why))
    }

    /// One order.
    pub fn order_placed(&self, id: OrderId) -> Result<Option<OrderRecord>, LedgerError> {
        let found = || {
            self.connection
                .prepare_cached(&format!("{} WHERE id = ?1", commands::ORDER))?
                .query_row([id.0], commands::order_record)
                .optional()
        };
        found().map_err(|why| self.classed(&why))
    }

    /// How many of the articles that a replay is about it has looked at, and how many there are; none where it is not by
    /// time, or none. Articles' numbers are reckoned with, which retention leaves gaps in at the beginning alone.
    pub fn replayed(&self, id: OrderId) -> Result<Option<(u64, u64)>, LedgerError> {
        let Some(record) = self.order_placed(id)? else { return Ok(None) };
        let Order::Replay(Replay { from: ReplayFrom::Since(since), until, .. }) = record.order else { return Ok(None) };
        let before = until.map_or(record.at, |until| until.min(record.at));
        let one = |sql: &str, at| self.connection.prepare_cached(sql)?.query_row([at], |row| row.get(0)).optional();
        let found = || -> rusqlite::Result<_> {
            let first: Option<i64> = one(
                "SELECT id FROM article INDEXED BY article_accepted WHERE accepted >= ?1 ORDER BY accepted LIMIT 1",
                rows::micros(since),
            )?;
            let last: Option<i64> = one(
                "SELECT id FROM article INDEXED BY article_accepted WHERE accepted <= ?1 ORDER BY accepted DESC LIMIT 1",
                rows::micros(before),
            )?;
            let reached: Option<i64> = one("SELECT reached FROM operator_order WHERE id = ?1", id.0)?;
            Ok((first, last, reached))
        };
        let (Some(first), Some(last), Some(reached)) = found().map_err(|why| self.classed(&why))? else {
            return Ok(None);
        };
        let upto = |last: i64| u64::try_from(last + 1 - first).unwrap_or_default();
        Ok((last >= first).then(|| (upto(reached.min(last)), upto(last))))
    }

    /// Orders, the newest first; with `all`, also those at their end.
    pub fn orders(&self, all: bool) -> Result<Vec<OrderRecord>, LedgerError> {
        let condition = if all { "1" } else { "state IN ('waiting', 'working')" };
        let list = || {
            self.connection
                .prepare_cached(&format!("{} WHERE {condition} ORDER BY id DESC", commands::ORDER))?
                .query_map([], commands::order_record)?
                .collect::<Result<_, _>>()
        };
        list().map_err(|why| self.classed(&why))
    }

    /// The last orders that concern a story or a partner's destinations, the newest first; at most `limit`.
    pub fn orders_about(&self, guid: &Guid, of: &Target, limit: usize) -> Result<Vec<OrderRecord>, LedgerError> {
        let mut about = self.orders(true)?;
        about.retain(|record| record.order.concerns(guid, of));
        about.truncate(limit);
        Ok(about)
    }

    /// What was ordered, and holds until another order ends it.
    pub fn standings(&self) -> Result<Standings, LedgerError> {
        let read = || {
            let stories = self
                .connection
                .prepare_cached(
                    "SELECT guid, on_hold FROM story INDEXED BY story_on_hold WHERE on_hold IS NOT NULL ORDER BY id",
                )?
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<Result<_, _>>()?;
            let destinations = self
                .connection
                .prepare_cached("SELECT name, halted, halted_why FROM destination WHERE halted > 0 ORDER BY name")?
                .query_map([], |row| {
                    let why = row.get::<_, Option<String>>(2)?.unwrap_or_default();
                    Ok((row.get(0)?, Halt { even_kills: row.get::<_, i64>(1)? > 1, why }))
                })?
                .collect::<Result<_, _>>()?;
            Ok(Standings { stories, destinations })
        };
        read().map_err(|why| self.classed(&why))
    }
}

/// Orders that are not at their end, with the last article that each looked at. Those that wait come first: however many
/// work, a hold is taken up at once.
pub fn open_orders(db: &Connection, limit: usize) -> rusqlite::Result<Vec<(OrderRecord, ArticleId)>> {
    db.prepare_cached(
        "SELECT id, at, by, what, reason, state, taken, result, reached FROM operator_order \
         INDEXED BY operator_order_open WHERE state IN ('waiting', 'working') ORDER BY state = 'working', id LIMIT ?1",
    )?
    .query_map(params![limit], |row| Ok((commands::order_record(row)?, ArticleId(row.get(8)?))))?
    .collect()
}
