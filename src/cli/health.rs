//! `newswired health`: whether the daemon of this configuration is well, for a container's health check.
//!
//! It asks the admin port and sends nothing that is secret.

use std::time::Duration;

use clap::Args;

use super::admin::Admin;
use super::output;
use super::{ConfigFile, Failure};

#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 it is well; 1 it is not, or does not answer; 64 usage; 78 configuration")]
pub struct Health {
    /// Ask only whether it answers, not whether it can take and send articles
    #[arg(long)]
    alive: bool,
    #[command(flatten)]
    config: ConfigFile,
}

/// How long an answer may take. Docker's own patience is 30 s.
const PATIENCE: Duration = Duration::from_secs(5);

impl Health {
    pub async fn run(self) -> Result<(), Failure> {
        let admin = Admin::new(&self.config.load_to_look()?.admin, None);
        let path = if self.alive { "/healthz" } else { "/readyz" };
        let answer = admin.get(path, PATIENCE).await.map_err(|why| Failure::No(why.to_string()))?;
        let told = String::from_utf8_lossy(&answer.body);
        if answer.status.is_success() {
            output::whole(&*told)?;
            return Ok(());
        }
        Err(Failure::No(format!("{}: {}", answer.status, told.trim_end())))
    }
}
