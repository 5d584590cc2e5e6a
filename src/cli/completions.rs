//! `newswired completions`: what a shell has to know to complete the command line.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::output;
use super::{Cli, Failure};

#[derive(Debug, Args)]
#[command(after_help = "For example: newswired completions bash > /usr/share/bash-completion/completions/newswired")]
pub struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub fn run(self) -> Result<(), Failure> {
        // Made whole before it is written: its writer panics where nobody reads to the end.
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "newswired", &mut script);
        output::whole(script)
    }
}
