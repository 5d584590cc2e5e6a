//! The delivery engine beside a bare HTTP client that posts the same bytes to the same sink over kept-alive
//! connections, in the same run.
//!
//! `cargo bench --profile ci --bench engine` prints one table; names of rows after `--` choose among them.
//! `ENGINE_ROUNDS=1` makes one round of each instead of five. `docs/performance.md` says what each row measures.
//!
//! ```text
//!  this process: sets the stage, offers articles, reads /proc, prints
//!    ├── sink     all doors: reads a request, counts it, answers 200; tells by its clock when a count was reached
//!    ├── client   the baseline: a connection a door, one post after another on each
//!    └── daemon   `newswired run` on a configuration and a ledger under target/
//! ```
//!
//! Sink, client and daemon are processes of their own, so that the processor time and the memory of each can be told.
//! They share the processors, and take turns: where one is measured, the others have nothing to do.

mod client;
mod control;
mod feed;
#[path = "../../tests/support/mod.rs"]
mod parts;
mod report;
mod rows;
mod sink;
mod stage;
mod stories;
#[path = "../support/mod.rs"]
mod support;
mod tap;
mod tls;

use std::path::Path;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use support::{Outcome, times};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// How often a row does what its median is of, unless `ENGINE_ROUNDS` says otherwise.
const ROUNDS: usize = 5;

fn main() -> Outcome<()> {
    open_files()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        [sink::ROLE] => return runtime.block_on(sink::run(None)),
        [sink::ROLE, certificate] => return runtime.block_on(sink::run(Some(Path::new(certificate)))),
        [client::ROLE, addresses, document, ca_file] => {
            let ca_file = (!ca_file.is_empty()).then_some(Path::new(ca_file));
            return runtime.block_on(client::run(addresses, Path::new(document), ca_file));
        }
        _ => {}
    }
    // Cargo adds options of its own, such as `--bench`.
    let chosen: Vec<&str> = words.into_iter().filter(|argument| !argument.starts_with('-')).collect();
    let named = |name: &&&str| rows::NAMES.contains(name) || rows::PROFILES.contains(name);
    if let Some(unknown) = chosen.iter().find(|name| !named(name)) {
        return Err(format!("there is no row {unknown:?}; there are {}", rows::NAMES.join(", ")).into());
    }
    let mut report = report::Report::default();
    let disk = times::fdatasync()?;
    let all = if chosen.is_empty() { rows::NAMES.to_vec() } else { chosen };
    for name in all {
        eprintln!("{name}");
        runtime.block_on(rows::measure(name, &mut report, &disk))?;
    }
    println!("{report}");
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo")?;
    let model =
        cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map(|(_, name)| name);
    println!(
        "{} processors ({}), shared with the sink; medians of {} rounds; fdatasync p50 {} ms, p99 {} ms",
        std::thread::available_parallelism()?,
        model.unwrap_or("of a kind that is not told"),
        rounds(),
        times::ms(times::percentile(&disk, 50)),
        times::ms(times::percentile(&disk, 99)),
    );
    Ok(())
}

/// Rounds that a row makes.
pub fn rounds() -> usize {
    std::env::var("ENGINE_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(ROUNDS).max(1)
}

/// As many open files as the system lets this program have: ten thousand doors are as many connections.
fn open_files() -> Outcome<()> {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })?;
    Ok(())
}
