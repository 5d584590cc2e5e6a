//! The delivery engine beside a bare HTTP client.

mod client;
mod control;
mod feed;
mod report;
mod rows;
mod sink;
mod stage;
mod stories;
#[path = "../support/mod.rs"]
mod support;
mod tls;

use std::path::Path;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use support::{Outcome, times};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
    if let Some(unknown) = chosen.iter().find(|name| !rows::NAMES.contains(name)) {
        return Err(format!("there is no row {unknown:?}; there are {}", rows::NAMES.join(", ")).into());
    }
    let mut report = report::Report::default();
    let disk = times::fdatasync()?;
    for name in rows::NAMES.into_iter().filter(|name| chosen.is_empty() || chosen.contains(name)) {
        eprintln!("{name}");
        runtime.block_on(rows::measure(name, &mut report))?;
    }
    println!("{report}");
    println!(
        "{} processors, shared with the sink; medians of {} rounds; fdatasync p50 {} ms, p99 {} ms",
        std::thread::available_parallelism()?,
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
