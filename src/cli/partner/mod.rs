//! `newswired partner`: a door that is tried, and a partner that is new.

mod add;
mod draft;
mod item;
mod questions;
mod test;
mod wanted;

use clap::{Args, Subcommand};

use super::{Failure, run_async};

pub use self::test::tried_in_words;

#[derive(Debug, Args)]
pub struct Partner {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Try a partner's doors without sending news: name, connection, TLS, login, folder; each failure says what to do
    Test(test::Test),
    /// Make a new partner's file, with the usual keys explained, and check it with the rest of the configuration
    Add(Box<add::Add>),
}

impl Partner {
    pub fn run(self) -> Result<(), Failure> {
        match self.verb {
            Verb::Test(verb) => run_async(verb.run()),
            Verb::Add(verb) => verb.run(),
        }
    }
}
