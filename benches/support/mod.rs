//! What the benchmarks of the whole program stand on: the daemon as a process, its configuration and ledger, what
//! proc(5) says of a process, what the disk takes, and times in the order of size.

#![allow(dead_code, reason = "each benchmark uses a part of it")]

pub mod daemon;
pub mod http;
pub mod process;
pub mod scene;
pub mod times;

pub type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;
