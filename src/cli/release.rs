//! `newswired release`: a held story goes on.

use clap::Args;

use super::Failure;
use super::order::Ordering;
use crate::article::Guid;
use crate::ledger::Order;

#[derive(Debug, Args)]
pub struct Release {
    /// The story
    #[arg(long, value_name = "GUID")]
    story: Guid,
    #[command(flatten)]
    ordering: Ordering,
}

impl Release {
    pub fn run(self) -> Result<(), Failure> {
        let desk = self.ordering.desk()?;
        let story = desk.story(&self.story)?.guid;
        desk.give(Order::Release { story })?;
        Ok(())
    }
}
