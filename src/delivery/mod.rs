//! Delivery: a lane for each destination, and the dispatch that gives lanes their turn.
//!
//! ```text
//!  intake ──wake──▶ Dispatch: heap of lanes by their next time ──starts──▶ a lane's work (a task only while it has some)
//!                        ▲                                                    │ claim a few rows, announced durably
//!                        └──────────── when to look again ◀───────────────────┤ render (shared), send, record
//!                                                                             ▼
//!                                                                          transport
//! ```
//!
//! Promise 7 (one door's trouble stays its own): a lane has its own slots, connections and window, and a door in trouble
//! postpones its lane, not the rows that wait in it. Promise 8: a lane that has nothing to do is a few words. Promise 5:
//! embargo and expiry are looked at again immediately before each request (`lane.rs`), and so is whether a newer version or
//! an operator's order has come (`signal.rs`).
//!
//! This module does not know how a document is written or how a request is made.

mod dispatch;
mod ended;
mod lane;
mod lanes;
mod pace;
mod renditions;
mod signal;
mod traced;
mod wakes;

pub use dispatch::{Dispatch, Due};
pub use lane::{Lane, Shared};
pub use lanes::{Lanes, LanesError, Wanted};
pub use pace::{Growth, Policy, backoff};
pub use renditions::{Ahead, Documents, Editions, NoDocument, Numbered, Rendered, Renditions};
pub use signal::Press;
pub use wakes::Wakes;

#[cfg(test)]
mod tests;
