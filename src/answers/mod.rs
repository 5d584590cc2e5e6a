//! What operators ask, answered from the ledger and the configuration: why a partner has a story or has it not, who has
//! acknowledged a kill. The command line and the status page tell the same.
//!
//! It changes nothing, and asks no daemon.

pub mod killed;
mod prose;
mod waits;
pub mod why;

use jiff::Timestamp;

/// A time as lists and sentences show it.
pub fn at(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}
