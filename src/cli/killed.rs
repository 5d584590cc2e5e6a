//! `newswired killed`: who has acknowledged a kill, and who has not.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use clap::Args;
use comfy_table::{Table, presets};
use indicatif::{ProgressBar, ProgressStyle};

use super::order::story;
use super::output::say;
use super::{ConfigFile, Failure, at, json_line};
use crate::answers::killed::{self, Door};
use crate::article::Guid;
use crate::config::Span;
use crate::ledger::{SqliteReader, StoryView};

#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 everyone who has or may have the story has acknowledged its withdrawal; 1 not everyone has, or it was not withdrawn; 64 usage; 69 no ledger; 78 configuration"
)]
pub struct Killed {
    /// The story
    #[arg(long, value_name = "GUID")]
    story: Guid,
    /// Wait until everyone has acknowledged it, or nothing more will come
    #[arg(long)]
    wait: bool,
    /// How long to wait, at most
    #[arg(long, value_name = "SPAN", requires = "wait")]
    timeout: Option<Span>,
    /// One JSON object a door
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigFile,
}

/// How often the ledger is looked at.
const LOOK: Duration = Duration::from_millis(200);

impl Killed {
    pub fn run(self) -> Result<(), Failure> {
        let config = self.config.load_to_look()?;
        let reader = SqliteReader::open(&config.ledger.path)?;
        let deadline = self.timeout.map(|timeout| Instant::now() + timeout.get());
        let progress = if self.wait && std::io::stderr().is_terminal() {
            let style = ProgressStyle::with_template("{bar:40} {pos} of {len} have acknowledged it, {elapsed}");
            ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        } else {
            ProgressBar::hidden()
        };
        let doors = loop {
            let story = story(&reader, &self.story)?;
            withdrawn(&story)?;
            let doors = killed::doors(&config, &reader, &story)?;
            let acknowledged = doors.iter().filter(|door| door.acknowledged).count();
            progress.set_length(doors.len() as u64);
            progress.set_position(acknowledged as u64);
            let nothing_comes = doors.iter().all(|door| door.acknowledged || door.given_up);
            if !self.wait || nothing_comes || deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                break doors;
            }
            std::thread::sleep(LOOK);
        };
        progress.finish_and_clear();
        if self.json {
            for door in &doors {
                say!("{}", json_line(door)?)?;
            }
        } else {
            say!("{}", table(&doors))?;
        }
        let outstanding = doors.iter().filter(|door| !door.acknowledged).count();
        let told = match (doors.len(), outstanding) {
            (0, _) => "nobody has it or may have it: there was nothing to take down".to_owned(),
            (1, 0) => "the one door that has it or may have it has acknowledged that it comes down".to_owned(),
            (all, 0) => format!("all {all} doors that have it or may have it have acknowledged that it comes down"),
            (all, outstanding) => {
                return Err(Failure::No(format!("outstanding at {outstanding} of {all} doors")));
            }
        };
        if !self.json {
            say!("{told}")?;
        }
        Ok(())
    }
}

/// # Errors
/// [`Failure::No`] where the story's newest version is none that takes it down.
fn withdrawn(story: &StoryView) -> Result<(), Failure> {
    match story.versions.last() {
        Some(newest) if newest.action.withdraws() => Ok(()),
        Some(newest) => Err(Failure::No(format!(
            "{} is not withdrawn: its newest version is {} ({}), accepted {}",
            story.guid,
            newest.version,
            newest.action,
            at(newest.accepted)
        ))),
        None => Err(Failure::No(format!(
            "what there was of {} was removed after the time to keep it (ledger.keep_deliveries)",
            story.guid
        ))),
    }
}

fn table(doors: &[Door]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY);
    table.set_header(["destination", "kill", "since", "attempts", "why"]);
    for door in doors {
        table.add_row([
            door.destination.clone(),
            if door.acknowledged { "acknowledged" } else { "outstanding" }.to_owned(),
            at(door.since),
            door.attempts.to_string(),
            door.why.clone(),
        ]);
    }
    table
}
