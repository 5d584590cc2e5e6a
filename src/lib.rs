//! The library behind the `newswired` program. ARCHITECTURE.md says how its modules stand to one another.

#![forbid(unsafe_code)]
// Connections to what others name are opened in one place: `transport/client/dial.rs`.
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]
// What a verb prints goes through `cli/output.rs`, which minds a reader that has gone.
#![cfg_attr(not(test), warn(clippy::print_stdout))]

/// Whether a rule is broken on purpose, so that the simulation can show that it would notice. Never, outside of tests.
#[cfg(test)]
macro_rules! planted {
    ($bug:ident) => {
        $crate::simulation::planted::is($crate::simulation::planted::Bug::$bug)
    };
}
#[cfg(not(test))]
macro_rules! planted {
    ($bug:ident) => {
        false
    };
}

mod answers;
pub mod article;
pub mod attribution;
pub mod audit;
pub mod cli;
pub mod clock;
pub mod config;
mod current;
pub mod daemon;
pub mod delivery;
pub mod events;
mod fresh;
#[cfg(any(test, fuzzing))]
pub mod hostile;
pub mod intake;
pub mod ledger;
pub mod ops;
mod parts;
pub mod reload;
pub mod render;
pub mod route;
pub mod serve;
#[cfg(test)]
mod simulation;
pub mod sink;
pub mod telemetry;
pub mod transport;
pub mod upkeep;
