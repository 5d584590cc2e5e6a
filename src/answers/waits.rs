//! What a delivery waits for, in words.
//!
//! A pure function of what the ledger has of it, what the configuration says of its door, and the time. What stands
//! against it is said whole: an operator who lifts one of two obstacles is not to wonder.

use jiff::Timestamp;

use super::at;
use crate::config::Rate;
use crate::ledger::state::{NEVER, Row, Stage};
use crate::ledger::{Before, DoorView};

/// What is known besides the delivery itself.
#[derive(Debug, Clone, Copy)]
pub struct Around<'a> {
    /// Why an operator holds the story.
    pub on_hold: Option<&'a str>,
    pub configured: Configured,
    /// The rate of the destination's contract.
    pub rate: Option<Rate>,
    /// A daemon runs on the ledger.
    pub served: bool,
    pub now: Timestamp,
}

/// What the configuration says of a destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Configured {
    Yes,
    /// Its partner is paused.
    Paused,
    /// It is not there any more.
    Gone,
}

/// What stands between a delivery and its next attempt; nothing where it is at its end. Each is a main clause.
pub fn waits_for(door: &DoorView, row: &Row, around: &Around<'_>) -> Vec<String> {
    let mut obstacles = Vec::new();
    let withdraws = row.wanted.action.withdraws();
    let until = match row.stage {
        Stage::Ended { .. } => return obstacles,
        Stage::Attempting { version, since } if around.served => {
            obstacles.push(format!("an attempt of version {version} is under way since {}", at(since)));
            return obstacles;
        }
        Stage::Attempting { version, .. } => {
            obstacles.push(format!(
                "an attempt of version {version} was under way when the daemon stopped, and counts as one that may have arrived"
            ));
            None
        }
        Stage::Held { until } => Some(until),
        Stage::Ready => None,
    };
    if !around.served {
        obstacles.push("no daemon runs".to_owned());
    }
    if around.configured == Configured::Gone {
        obstacles.push("the destination is not in the configuration any more, and nothing is sent there".to_owned());
    }
    if let Some(why) = around.on_hold.filter(|_| !withdraws) {
        obstacles.push(format!("the story is on hold ({why})"));
    }
    match &door.lane.halt {
        Some(halt) if halt.even_kills || !withdraws => {
            obstacles.push(format!("the destination is suspended ({})", halt.why));
        }
        Some(_) => {}
        None if around.configured == Configured::Paused && !withdraws => {
            obstacles.push("its partner is paused in the configuration".to_owned());
        }
        None => {}
    }
    if let Some(why) = door.lane.state.suspended.as_ref().filter(|_| !withdraws) {
        obstacles.push(why.clone());
    }
    if let Some(until) = until.filter(|until| *until != NEVER && *until > around.now) {
        let when = at(until);
        obstacles.push(match (row.wanted.embargo, row.confirmed) {
            (Some(embargo), _) if embargo == until => format!("its embargo lasts until {when}"),
            (_, Some(confirmed)) if confirmed == row.wanted.version => {
                format!("it was confirmed, and goes once more at {when}, when an older request can no longer arrive after it")
            }
            _ => format!("it is tried again at {when}"),
        });
    }
    let failing = door.lane.state.retry_at.filter(|retry_at| *retry_at > around.now);
    // A withdrawal's first try does not wait for that.
    let first = withdraws && row.attempts == 0;
    if let Some(retry_at) = failing.filter(|_| !first && door.lane.state.suspended.is_none()) {
        let trouble = door.lane.state.trouble.as_deref().unwrap_or("it failed");
        let failures = match door.lane.state.failures {
            1 => "1 failure".to_owned(),
            number => format!("{number} failures"),
        };
        obstacles.push(format!(
            "its door is in trouble ({failures}, the last: {trouble}) and is asked again at {}",
            at(retry_at)
        ));
    }
    if let Some(rate) = around.rate.filter(|_| row.stage == Stage::Ready && !withdraws) {
        obstacles.push(format!("its contract allows no more than {rate}"));
    }
    if obstacles.is_empty() || row.stage == Stage::Ready {
        obstacles.extend(turn(door.before));
    }
    if obstacles.is_empty() {
        obstacles.push("it goes now".to_owned());
    }
    obstacles
}

fn turn(before: Before) -> Option<String> {
    let Before { number, or_more } = before;
    match number {
        0 => None,
        1 => Some("1 delivery goes before it".to_owned()),
        number if or_more => Some(format!("more than {number} deliveries go before it")),
        number => Some(format!("{number} deliveries go before it")),
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::article::{Action, Version};
    use crate::ledger::state::{Standing, Versions, Wanted};
    use crate::ledger::{ArticleId, Halt, LaneView};

    pub fn time(text: &str) -> Timestamp {
        format!("2026-11-24T{text}Z").parse().unwrap()
    }

    pub const NOW: &str = "12:00:00";

    /// A delivery of version 3 that came at eleven, and waits.
    pub fn row(action: Action) -> Row {
        let wanted = Wanted {
            version: Version::try_from(3).unwrap(),
            article: ArticleId::default(),
            action,
            rank: 0,
            accepted: time("11:00:00"),
            embargo: None,
            expires: None,
            for_holders: action.withdraws(),
        };
        Row::first(wanted, Versions::Newest, Standing::default(), time("11:00:00"))
    }

    pub fn door(row: Row) -> DoorView {
        DoorView {
            destination: "coast-times/main".to_owned(),
            lane: LaneView::default(),
            row: Some(row),
            past: Vec::new(),
            attempts: Vec::new(),
            before: Before::default(),
        }
    }

    pub fn around() -> Around<'static> {
        Around { on_hold: None, configured: Configured::Yes, rate: None, served: true, now: time(NOW) }
    }

    fn said(door: &DoorView, around: &Around<'_>) -> String {
        waits_for(door, door.row.as_ref().unwrap(), around).join("\n")
    }

    #[test]
    fn all_that_stands_against_a_delivery_is_said() {
        let mut held = door(row(Action::Update));
        held.lane.halt = Some(Halt { even_kills: false, why: "suspend coast-times by anna: they moved".to_owned() });
        held.lane.state.retry_at = Some(time("12:10:00"));
        held.lane.state.failures = 4;
        held.lane.state.trouble = Some("answered 503".to_owned());
        held.before = Before { number: 12, or_more: false };
        let rate = Some("10/h".parse().unwrap());
        let around = Around { on_hold: Some("hold urn:x:a by ben: legal"), rate, served: false, ..around() };
        insta::assert_snapshot!(said(&held, &around), @"
        no daemon runs
        the story is on hold (hold urn:x:a by ben: legal)
        the destination is suspended (suspend coast-times by anna: they moved)
        its door is in trouble (4 failures, the last: answered 503) and is asked again at 2026-11-24 12:10:00Z
        its contract allows no more than 10/h
        12 deliveries go before it
        ");
    }

    #[test]
    fn a_kill_waits_for_neither_hold_nor_pause_nor_suspension() {
        let mut kill = door(row(Action::Kill));
        kill.lane.halt = Some(Halt { even_kills: false, why: "suspend".to_owned() });
        kill.lane.state.suspended = Some("answered 410".to_owned());
        let around = Around { on_hold: Some("legal"), configured: Configured::Paused, ..around() };
        let around = Around { rate: Some("10/h".parse().unwrap()), ..around };
        assert_eq!(said(&kill, &around), "it goes now");
        kill.lane.halt = Some(Halt { even_kills: true, why: "suspend coast-times, even kills".to_owned() });
        assert_eq!(said(&kill, &around), "the destination is suspended (suspend coast-times, even kills)");
    }

    #[test]
    fn an_embargo_a_retry_and_a_second_sending_are_told_apart() {
        let until = time("13:00:00");
        let mut row = row(Action::Update);
        row.stage = Stage::Held { until };
        assert_eq!(said(&door(row.clone()), &around()), "it is tried again at 2026-11-24 13:00:00Z");
        row.confirmed = Some(row.wanted.version);
        assert!(said(&door(row.clone()), &around()).starts_with("it was confirmed, and goes once more at"));
        row.wanted.embargo = Some(until);
        assert_eq!(said(&door(row), &around()), "its embargo lasts until 2026-11-24 13:00:00Z");
    }
}
