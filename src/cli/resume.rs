//! `newswired resume`: what was suspended goes on.

use clap::Args;

use super::Failure;
use super::order::Ordering;
use super::output::say;
use super::target::To;
use crate::ledger::Order;

#[derive(Debug, Args)]
#[command(
    after_help = "It ends what an operator suspended and what the door itself did by answering 410, and has a door in trouble tried at once."
)]
pub struct Resume {
    #[command(flatten)]
    to: To,
    #[command(flatten)]
    ordering: Ordering,
}

impl Resume {
    pub fn run(self) -> Result<(), Failure> {
        let desk = self.ordering.desk()?;
        let to = desk.target(&self.to)?;
        desk.give(Order::Resume { to: to.clone() })?;
        for (id, partner) in &desk.config.partners {
            let meant = desk.config.destinations().any(|name| name.starts_with(&format!("{id}/")) && to.covers(&name));
            if partner.paused && meant {
                say!(
                    "{id} is paused in the configuration as well: it is sent nothing but kills until that is taken out."
                )?;
            }
        }
        Ok(())
    }
}
