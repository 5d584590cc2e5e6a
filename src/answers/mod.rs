//! What operators ask, answered from the ledger and the configuration: is the wire flowing, why a partner has a story or has
//! it not, who has acknowledged a kill. The command line and the status page tell the same.
//!
//! It changes nothing, and asks no daemon.

pub mod board;
pub mod events;
pub mod killed;
pub mod partner;
mod prose;
mod waits;
pub mod why;

use jiff::Timestamp;

/// A time as lists and sentences show it.
pub fn at(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}
