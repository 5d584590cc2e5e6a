//! `newswired deliveries`: where every delivery stands.

use clap::Args;
use comfy_table::{Table, presets};
use jiff::Timestamp;

use super::moment::Moment;
use super::output::say;
use super::target::To;
use super::{ConfigFile, Failure, at, json_line};
use crate::ledger::{Cursor, DeliveryFilter, SqliteReader, states};

#[derive(Debug, Args)]
#[command(
    after_help = "The newest versions come first; of what waits, is held or is under way, each destination's in the order in which they go; of what is refused or expired, the last first."
)]
pub struct Deliveries {
    #[command(flatten)]
    to: To,
    /// Only of this story
    #[arg(long, value_name = "GUID")]
    story: Option<String>,
    /// Only in this state: waiting, held, attempting, delivered, superseded, cancelled, expired or refused
    #[arg(long, value_name = "STATE")]
    state: Option<String>,
    /// Only versions that were accepted at this time or later: an instant (2026-11-24T10:15:00Z), or how long ago (2h, 3d)
    #[arg(long, value_name = "TIME")]
    since: Option<Moment>,
    /// At most this many
    #[arg(long, value_name = "N", default_value_t = 1000)]
    limit: usize,
    /// Go on where a page before ended
    #[arg(long, value_name = "PLACE")]
    after: Option<Cursor>,
    /// Also how many there are in each state; counts all that there are
    #[arg(long)]
    totals: bool,
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
        let config = self.config.load_to_look()?;
        let reader = SqliteReader::open(&config.ledger.path)?;
        let to = self.to.given(&config, &reader)?;
        let filter = DeliveryFilter {
            partner: to.map(|to| to.as_str().to_owned()),
            story: self.story,
            state: self.state,
            since: self.since.map(|since| since.before(Timestamp::now())).transpose()?,
            after: self.after,
            limit: self.limit,
        };
        let page = reader.delivery_page(&filter)?;
        if self.json {
            for delivery in &page.deliveries {
                say!("{}", json_line(delivery)?)?;
            }
        } else {
            let mut table = Table::new();
            table.load_style(presets::UTF8_HORIZONTAL_ONLY);
            table.set_header(["destination", "story", "version", "action", "state", "attempts", "since", "why"]);
            for delivery in page.deliveries {
                table.add_row([
                    delivery.destination,
                    format!("{}\n{}", delivery.story, delivery.headline),
                    delivery.version.to_string(),
                    delivery.action,
                    delivery.state,
                    delivery.attempts.to_string(),
                    at(delivery.at.unwrap_or(delivery.accepted)),
                    delivery.reason.unwrap_or_default(),
                ]);
            }
            say!("{table}")?;
        }
        if self.totals {
            let counts: Vec<_> =
                reader.counts()?.into_iter().map(|(state, count)| format!("{count} {state}")).collect();
            told(
                self.json,
                &format!("in all: {}", if counts.is_empty() { "nothing yet".to_owned() } else { counts.join(", ") }),
            )?;
        }
        if let Some(next) = page.next {
            told(self.json, &format!("there are more: the same again with --after {next}"))?;
        }
        Ok(())
    }
}

/// What is not the list stands on standard error where the list is for programs.
fn told(json: bool, line: &str) -> Result<(), Failure> {
    if !json {
        return say!("{line}");
    }
    eprintln!("{line}");
    Ok(())
}
