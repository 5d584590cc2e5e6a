//! `newswired suspend`: a partner, or one door of it, is sent nothing for the time being.

use clap::Args;

use super::Failure;
use super::order::Ordering;
use super::target::To;
use crate::ledger::Order;

#[derive(Debug, Args)]
#[command(
    after_help = "What it is owed is kept, and goes when `newswired resume` says so. Kills are sent all the same."
)]
pub struct Suspend {
    #[command(flatten)]
    to: To,
    /// Send no kills either
    #[arg(long)]
    even_kills: bool,
    #[command(flatten)]
    ordering: Ordering,
}

impl Suspend {
    pub fn run(self) -> Result<(), Failure> {
        let desk = self.ordering.desk()?;
        let to = desk.target(&self.to)?;
        desk.give(Order::Suspend { to, even_kills: self.even_kills })?;
        Ok(())
    }
}
