//! What a ledger is asked to change, each as statements inside one transaction.
//!
//! A command is applied by reference, so that a batch whose commit failed can be applied again.

mod accept;
mod events;
mod lanes;
mod numbers;
mod orders;
mod quarantine;
mod upkeep;

pub use accept::{Taken, accept, story_of};
pub use events::{page, taken, tell, tend};
pub use lanes::{arrived, arrived_together, claim, lane, lane_state, record, recover, register, release};
pub use orders::{ORDER, candidates, carry_out, close_order, order_record, place_order, replay, stop_order};
pub use quarantine::{move_quarantine, quarantine};
pub use upkeep::{lapsed, tidy};
