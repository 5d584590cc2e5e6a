//! `newswired hold`: nothing of a story leaves any more.

use clap::Args;

use super::Failure;
use super::order::Ordering;
use crate::article::Guid;
use crate::ledger::Order;

#[derive(Debug, Args)]
#[command(
    after_help = "Who has the story keeps it: a hold takes nothing down. A kill passes it. What is under way when the hold comes is not called back."
)]
pub struct Hold {
    /// The story
    #[arg(long, value_name = "GUID")]
    story: Guid,
    #[command(flatten)]
    ordering: Ordering,
}

impl Hold {
    pub fn run(self) -> Result<(), Failure> {
        let desk = self.ordering.desk()?;
        let story = desk.story(&self.story)?.guid;
        desk.give(Order::Hold { story })?;
        Ok(())
    }
}
