//! `newswired check`: everything that is wrong with a configuration, before anything starts.

use clap::Args;

use super::{ConfigFile, Failure};

#[derive(Debug, Args)]
pub struct Check {
    #[command(flatten)]
    config: ConfigFile,
}

impl Check {
    pub fn run(self) -> Result<(), Failure> {
        let config = self.config.load()?;
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
