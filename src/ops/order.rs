//! Giving an order, from a command line or by HTTP: it is written to the ledger, a running daemon takes it up, and what
//! came of it is known.

use std::time::{Duration, Instant};

use crate::ledger::{LedgerError, NewOrder, OrderId, OrderRecord, OrderState, SqliteReader};

/// How long a running daemon is waited for. It takes a twentieth of a second where nothing is wrong.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// How often it is looked for.
const LOOK: Duration = Duration::from_millis(20);

/// What came of giving an order.
#[derive(Debug)]
pub enum Given {
    /// No daemon runs; it takes effect when one starts.
    ForLater(OrderId),
    /// A daemon took it up: it works in steps, or is at its end.
    Taken(Box<OrderRecord>),
    /// It was carried out, and is not listed any more.
    Gone(OrderId),
    /// The daemon that runs has not taken it up within [`PATIENCE`]. The order stands.
    NotYet(OrderId),
}

/// Gives an order. Blocks until it was taken up.
///
/// # Errors
/// [`LedgerError`] when the ledger cannot be used; nothing was ordered where it could not be written.
pub fn give(reader: &SqliteReader, new: &NewOrder) -> Result<Given, LedgerError> {
    let id = reader.place(new)?;
    if !reader.is_served() {
        return Ok(Given::ForLater(id));
    }
    let deadline = Instant::now() + PATIENCE;
    loop {
        match reader.order_placed(id)? {
            None => return Ok(Given::Gone(id)),
            Some(record) if record.state != OrderState::Waiting => return Ok(Given::Taken(Box::new(record))),
            Some(_) if Instant::now() < deadline => std::thread::sleep(LOOK),
            Some(_) => return Ok(Given::NotYet(id)),
        }
    }
}
