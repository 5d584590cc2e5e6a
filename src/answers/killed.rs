//! Who has acknowledged that a story comes down, and who has not.

use jiff::Timestamp;
use serde::Serialize;

use super::at;
use super::waits::{Around, Configured, waits_for};
use crate::article::Version;
use crate::config::Config;
use crate::ledger::state::{End, Row, Stage};
use crate::ledger::{DoorView, LedgerError, SqliteReader, StoryView};

/// A door that the withdrawal concerns.
#[derive(Debug, Serialize)]
pub struct Door {
    pub destination: String,
    pub acknowledged: bool,
    /// When it was acknowledged; of one that is outstanding, since when it is owed.
    pub since: Timestamp,
    pub attempts: u32,
    pub why: String,
    /// Nothing more comes by itself.
    #[serde(skip)]
    pub given_up: bool,
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

/// The doors that the withdrawal of a story concerns, those first that it is outstanding at.
///
/// # Errors
/// When the ledger cannot be read.
pub fn doors(config: &Config, reader: &SqliteReader, story: &StoryView) -> Result<Vec<Door>, LedgerError> {
    let known: std::collections::HashSet<String> = config.destinations().collect();
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
