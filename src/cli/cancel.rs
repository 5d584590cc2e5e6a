//! `newswired cancel`: what waits of a story ends.

use clap::Args;

use super::Failure;
use super::order::Ordering;
use super::target::To;
use crate::article::Guid;
use crate::ledger::Order;

#[derive(Debug, Args)]
#[command(
    after_help = "What is under way is not tried again. A newer version of the story goes out as ever; `newswired hold` keeps those back too."
)]
pub struct Cancel {
    /// The story
    #[arg(long, value_name = "GUID")]
    story: Guid,
    #[command(flatten)]
    to: To,
    /// Also a kill that waits. Whoever has the story keeps it then
    #[arg(long)]
    even_kills: bool,
    #[command(flatten)]
    ordering: Ordering,
}

impl Cancel {
    pub fn run(self) -> Result<(), Failure> {
        let desk = self.ordering.desk()?;
        let to = self.to.given(&desk.config, &desk.reader)?;
        let story = desk.story(&self.story)?.guid;
        desk.give(Order::Cancel { story, to, even_kills: self.even_kills })?;
        Ok(())
    }
}
