//! `newswired why`: what a partner has of a story, what it waits for, and by whose word.

use clap::Args;

use super::order::story;
use super::output::say;
use super::target::To;
use super::{ConfigFile, Failure, json_line};
use crate::answers::why;
use crate::article::Guid;
use crate::ledger::SqliteReader;

#[derive(Debug, Args)]
pub struct Why {
    /// The story
    #[arg(long, value_name = "GUID")]
    story: Guid,
    #[command(flatten)]
    to: To,
    /// One JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigFile,
}

impl Why {
    pub fn run(self) -> Result<(), Failure> {
        let config = self.config.load_to_look()?;
        let reader = SqliteReader::open(&config.ledger.path)?;
        let to = self.to.needed(&config, &reader)?;
        let story = story(&reader, &self.story)?;
        let answer = why::answer(&config, &reader, story, &to)?;
        if self.json {
            say!("{}", json_line(&answer)?)?;
        } else {
            say!("{}", answer.told())?;
        }
        Ok(())
    }
}
