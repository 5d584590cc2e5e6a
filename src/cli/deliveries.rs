//! `newswired deliveries`: where every delivery stands.

use clap::Args;
use comfy_table::{Table, presets};

use super::{ConfigFile, Failure};
use crate::ledger::{DeliveryFilter, states};

#[derive(Debug, Args)]
pub struct Deliveries {
    /// Only of this partner, or this destination (`partner/destination`)
    #[arg(long, value_name = "ID")]
    partner: Option<String>,
    /// Only of this story
    #[arg(long, value_name = "GUID")]
    story: Option<String>,
    /// Only in this state: waiting, held, attempting, delivered, superseded, cancelled, expired or refused
    #[arg(long, value_name = "STATE")]
    state: Option<String>,
    /// At most this many
    #[arg(long, value_name = "N", default_value_t = 1000)]
    limit: usize,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigFile,
}

impl Deliveries {
    pub fn run(self) -> Result<(), Failure> {
        if let Some(state) = self.state.as_deref().filter(|state| !states().any(|known| known == *state)) {
            let known: Vec<_> = states().collect();
            return Err(Failure::Usage(format!("unknown state {state:?}; use one of: {}", known.join(", "))));
        }
        let filter = DeliveryFilter { partner: self.partner, story: self.story, state: self.state, limit: self.limit };
        let reader = self.config.reader()?;
        let deliveries = reader.deliveries(&filter)?;
        if self.json {
            for delivery in &deliveries {
                let line = serde_json::to_string(delivery).map_err(|why| Failure::Unavailable(why.to_string()))?;
                println!("{line}");
            }
            return Ok(());
        }
        let mut table = Table::new();
        table.load_style(presets::UTF8_HORIZONTAL_ONLY);
        table.set_header(["destination", "story", "version", "action", "state", "attempts", "since", "why"]);
        for delivery in deliveries {
            table.add_row([
                delivery.destination,
                format!("{}\n{}", delivery.story, delivery.headline),
                delivery.version.to_string(),
                delivery.action,
                delivery.state,
                delivery.attempts.to_string(),
                delivery.at.unwrap_or(delivery.accepted).strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
                delivery.reason.unwrap_or_default(),
            ]);
        }
        println!("{table}");
        let counts: Vec<_> = reader.counts()?.into_iter().map(|(state, count)| format!("{count} {state}")).collect();
        println!("in all: {}", if counts.is_empty() { "nothing yet".to_owned() } else { counts.join(", ") });
        Ok(())
    }
}
