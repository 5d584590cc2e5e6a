//! `newswired`: parse the command line, call one verb.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use newswired::cli;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::run(cli::parse())
}
