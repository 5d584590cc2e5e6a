//! `newswired check`: everything that is wrong with a configuration, before anything starts.

use std::io::ErrorKind;

use clap::Args;

use super::output::say;
use super::{ConfigFile, Failure, json_line};
use crate::config::{Config, Loaded, Plan, Secrets, Tree, load_whole};
use crate::ledger::SqliteReader;
use crate::reload;
use crate::render::check_templates;

#[derive(Debug, Args)]
pub struct Check {
    #[command(flatten)]
    config: ConfigFile,
    /// Leave the secrets alone: they may be the daemon's only, as systemd's credentials are
    #[arg(long)]
    without_secrets: bool,
    /// Show what a reload would change, or a start where no daemon runs
    #[arg(long)]
    diff: bool,
    /// With --diff: as JSON
    #[arg(long, requires = "diff")]
    json: bool,
}

impl Check {
    pub fn run(self) -> Result<(), Failure> {
        let secrets = if self.without_secrets { Secrets::Leave } else { Secrets::Read };
        let Loaded { config, tree } = load_whole(self.config.file(), secrets)?;
        check_templates(&config).map_err(Failure::Config)?;
        if self.diff {
            return self.tell(&config, &tree);
        }
        let destinations: usize = config.partners.values().map(|partner| partner.destinations.len()).sum();
        say!(
            "{}: good; {}, {}, {}",
            self.config.config.display(),
            counted(config.wires.len(), "wire"),
            counted(config.partners.len(), "partner"),
            counted(destinations, "destination"),
        )?;
        Ok(())
    }
}

impl Check {
    /// What is different from what a daemon goes by, or went by last.
    fn tell(&self, config: &Config, tree: &Tree) -> Result<(), Failure> {
        let ledger = &config.ledger.path;
        let before = reload::read(ledger).map_err(|why| {
            let note = reload::beside(ledger).display().to_string();
            let why = if why.kind() == ErrorKind::NotFound {
                "no daemon has run on this ledger, so all of it is new".to_owned()
            } else {
                format!("what is in force cannot be read: {why}; ask as the daemon's user")
            };
            Failure::No(format!("{note}: {why}"))
        })?;
        let plan = Plan::between(&before, tree);
        if self.json {
            say!("{}", json_line(&plan)?)?;
            return Ok(());
        }
        for one in &plan.differences {
            say!("{one}")?;
        }
        let runs = SqliteReader::open(ledger).is_ok_and(|reader| reader.is_served());
        let by = if runs { "a reload" } else { "no daemon runs; its next start" };
        say!("{by}: {}", plan.summary())?;
        Ok(())
    }
}

fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
