//! `newswired partner`: a door that is tried.

mod item;
mod test;

use clap::{Args, Subcommand};

use super::{Failure, run_async};

#[derive(Debug, Args)]
pub struct Partner {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Try a partner's doors without sending news: name, connection, TLS, login, folder; each failure says what to do
    Test(test::Test),
}

impl Partner {
    pub fn run(self) -> Result<(), Failure> {
        match self.verb {
            Verb::Test(verb) => run_async(verb.run()),
        }
    }
}
