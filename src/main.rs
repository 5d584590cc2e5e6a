//! `newswired`: parse the command line, call one verb.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use newswired::cli;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    cli::run(cli::parse())
}
