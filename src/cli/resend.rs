//! `newswired resend`: a story's version goes to a partner once more.

use clap::Args;

use super::Failure;
use super::order::Ordering;
use super::output::say;
use super::target::To;
use crate::article::Guid;
use crate::ledger::Order;

#[derive(Debug, Args)]
#[command(
    after_help = "It carries the message id and the sequence number of before, so that a receiver knows it again. What was refused, expired or cancelled gets another try."
)]
pub struct Resend {
    /// The story
    #[arg(long, value_name = "GUID")]
    story: Guid,
    #[command(flatten)]
    to: To,
    #[command(flatten)]
    ordering: Ordering,
}

impl Resend {
    pub fn run(self) -> Result<(), Failure> {
        let desk = self.ordering.desk()?;
        let to = desk.target(&self.to)?;
        let story = desk.story(&self.story)?;
        desk.give(Order::Resend { story: story.guid, to: to.clone() })?;
        desk.tell_halted(&to)?;
        if story.on_hold.is_some() && story.article.is_some_and(|article| !article.action.withdraws()) {
            say!("The story is on hold: it goes when `newswired release` says so.")?;
        }
        Ok(())
    }
}
