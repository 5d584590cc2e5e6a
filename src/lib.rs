//! The library behind the `newswired` program. ARCHITECTURE.md says how its modules stand to one another.

#![forbid(unsafe_code)]

pub mod article;
pub mod attribution;
pub mod audit;
pub mod cli;
pub mod clock;
pub mod config;
pub mod daemon;
pub mod delivery;
pub mod intake;
pub mod ledger;
pub mod ops;
pub mod render;
pub mod route;
pub mod serve;
pub mod sink;
pub mod telemetry;
pub mod transport;
pub mod upkeep;
