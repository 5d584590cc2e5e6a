//! The promises of time, memory and size, each measured against the real program, beside what the disk itself takes.
//!
//! `cargo bench --profile ci --bench life` prints one table; names of rows after `--` choose among them. Every row starts
//! what it needs: a configuration with 2,000 doors, their rules and their secrets; a process `newswired run` on a ledger
//! under `target/`; and the doors, which are in this process and share its processors with the daemon. What waits was
//! accepted through the ledger's own `accept`, on the terms that the daemon's own routing gives. A fifth of the doors
//! hang where it says so: they take a request whole and never answer.
//!
//! | row | what is measured | at most |
//! | --- | --- | --- |
//! | `accept` | an article for 2,000 doors: from the offer to the answer 202, to its first arrival, to its last | |
//! | `supersede` | a version that takes the place of 2,000 waiting ones: from the offer to the answer 202 | |
//! | `embargo` | arrivals after the end of their embargo, never before it; 1 million deliveries wait, a fifth of the doors hang; stories for 100 doors each, then for all 2,000 at once | 50 ms (p99) |
//! | `kill` | from the offer of a kill to its first arrival, and to its arrival at all well doors that have the story; 1 million deliveries wait for the end of an embargo, a fifth of the doors hang | 10 ms and 10 idle fdatasyncs (p99, the first) |
//! | `busy` | the same, while the well doors are sent the million as fast as they take it | the same |
//! | `open` | from a start after `kill -9` in full work to `/readyz`, and to the first request; 20,000, 1 million and 5 million deliveries wait | 250 ms, and the same for all |
//! | `memory` | resident memory with 5 million deliveries waiting: for doors that are closed; and, as a figure of the work in hand, on their way to doors a fifth of which hangs | 100 MB |
//! | `size` | the ledger's file for each waiting delivery, of 1 and of 5 million | |
//!
//! The disk's own time is taken before each row, while nothing else of the benchmark runs: 4 KiB written over in a file
//! that has its size already, and `fdatasync`, which is the least that a commit could cost. Rows that are given as p50
//! and p99 are held against its p50 and p99.

mod doors;
mod measure;
mod rows;
mod scene;
#[path = "../support/mod.rs"]
mod support;

use support::{Outcome, times};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> Outcome<()> {
    // Cargo adds options of its own, such as `--bench`.
    let chosen: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    if let Some(unknown) = chosen.iter().find(|name| !rows::NAMES.contains(&name.as_str())) {
        return Err(format!("there is no row {unknown:?}; there are {}", rows::NAMES.join(", ")).into());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut table = measure::Report::default();
    for name in rows::NAMES.into_iter().filter(|name| chosen.is_empty() || chosen.iter().any(|one| one == name)) {
        table.disk = times::fdatasync()?;
        runtime.block_on(rows::measure(name, &mut table))?;
    }
    println!("{table}");
    Ok(())
}
