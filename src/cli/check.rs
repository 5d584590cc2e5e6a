//! `newswired check`: everything that is wrong with a configuration, before anything starts.

use clap::Args;

use super::{ConfigFile, Failure};
use crate::render::check_templates;

#[derive(Debug, Args)]
pub struct Check {
    #[command(flatten)]
    config: ConfigFile,
    /// Leave the secrets alone: they may be the daemon's only, as systemd's credentials are
    #[arg(long)]
    without_secrets: bool,
}

impl Check {
    pub fn run(self) -> Result<(), Failure> {
        let config = if self.without_secrets { self.config.load_to_look()? } else { self.config.load()? };
        check_templates(&config).map_err(Failure::Config)?;
        let destinations: usize = config.partners.values().map(|partner| partner.destinations.len()).sum();
        println!(
            "{}: good; {}, {}, {}",
            self.config.config.display(),
            counted(config.wires.len(), "wire"),
            counted(config.partners.len(), "partner"),
            counted(destinations, "destination"),
        );
        Ok(())
    }
}

fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
