//! `newswired killed`: who has acknowledged a kill, and who has not.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use clap::Args;
use comfy_table::{Table, presets};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use serde::Serialize;

use super::order::story;
use super::target::configured;
use super::waits::{Around, Configured, waits_for};
use super::{ConfigFile, Failure, at, json_line};
use crate::article::{Guid, Version};
use crate::config::{Config, Span};
use crate::ledger::state::{End, Row, Stage};
use crate::ledger::{DoorView, SqliteReader, StoryView};

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

/// A door that the withdrawal concerns.
#[derive(Debug, Serialize)]
struct Door {
    destination: String,
    acknowledged: bool,
    /// When it was acknowledged; of one that is outstanding, since when it is owed.
    since: Timestamp,
    attempts: u32,
    why: String,
    /// Nothing more comes by itself.
    #[serde(skip)]
    given_up: bool,
}

/// What a row says of the withdrawal that is the story's newest version.
#[derive(Debug, PartialEq, Eq)]
enum Standing {
    Acknowledged(Timestamp),
    Outstanding,
    /// It never had the story.
    NotConcerned,
}

fn standing(row: &Row, newest: Version) -> Standing {
    match &row.stage {
        Stage::Ended { end: End::Delivered, at, .. } if row.wanted.version == newest => Standing::Acknowledged(*at),
        // A confirmed one that goes once more is to undo what an older request may still put there.
        _ if row.may_have_it() => Standing::Outstanding,
        _ => Standing::NotConcerned,
    }
}

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
            let doors = look(&config, &reader, &story)?;
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
                println!("{}", json_line(door)?);
            }
        } else {
            println!("{}", table(&doors));
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
            println!("{told}");
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

/// The doors that a withdrawal concerns, those first that it is outstanding at.
fn look(config: &Config, reader: &SqliteReader, story: &StoryView) -> Result<Vec<Door>, Failure> {
    let known: std::collections::HashSet<String> = configured(config).collect();
    let (served, now) = (reader.is_served(), Timestamp::now());
    let withdrawn = story.versions.last().map_or(now, |newest| newest.accepted);
    let door = |view: DoorView| {
        let row = view.row.as_ref()?;
        let (acknowledged, since) = match standing(row, story.newest) {
            Standing::Acknowledged(at) => (true, at),
            Standing::Outstanding => (false, withdrawn),
            Standing::NotConcerned => return None,
        };
        // Whether its partner is paused makes no difference to a withdrawal.
        let configured = if known.contains(&view.destination) { Configured::Yes } else { Configured::Gone };
        let around = Around { on_hold: None, configured, rate: None, served, now };
        let (why, given_up) = match &row.stage {
            Stage::Ended { reason, end: End::Delivered, .. } => (reason.clone(), !acknowledged),
            Stage::Ended { reason, end, .. } => (format!("{}: {reason}", end.as_str()), true),
            Stage::Ready | Stage::Held { .. } | Stage::Attempting { .. } => {
                let mut why = waits_for(&view, row, &around).join("; ");
                if let Some(last) = view.attempts.last().filter(|last| !why.contains(&last.detail)) {
                    why.push_str(&format!("; the last attempt, at {}: {}", at(last.began), last.detail));
                }
                (why, false)
            }
        };
        Some(Door { destination: view.destination.clone(), acknowledged, since, attempts: row.attempts, why, given_up })
    };
    let mut doors: Vec<Door> = reader.doors_of(story.id)?.into_iter().filter_map(door).collect();
    doors.sort_by_key(|door| door.acknowledged);
    Ok(doors)
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

#[cfg(test)]
mod tests {
    use super::super::waits::tests::{row, time};
    use super::*;
    use crate::article::Action;

    #[test]
    fn only_a_delivered_withdrawal_is_acknowledged() {
        let newest = Version::try_from(3).unwrap();
        let mut kill = row(Action::Kill);
        assert_eq!(standing(&kill, newest), Standing::NotConcerned, "nobody knows that it ever had the story");
        kill.possible = Some(Version::FIRST);
        assert_eq!(standing(&kill, newest), Standing::Outstanding);
        for end in [End::Cancelled, End::Expired, End::Refused, End::Superseded] {
            kill.stage = Stage::Ended { end, at: time("11:30:00"), reason: String::new() };
            assert_eq!(standing(&kill, newest), Standing::Outstanding, "{end:?}");
        }
        kill.stage = Stage::Ended { end: End::Delivered, at: time("11:30:00"), reason: String::new() };
        assert_eq!(standing(&kill, newest), Standing::Acknowledged(time("11:30:00")));
        kill.confirmed = Some(newest);
        kill.stage = Stage::Held { until: time("11:31:00") };
        assert_eq!(standing(&kill, newest), Standing::Outstanding, "an older request may arrive after it");
    }
}
