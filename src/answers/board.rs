//! The wire and its destinations at a glance: is it flowing, what waits where, and why.
//!
//! Made of one look at the ledger, the names that the configuration has, and of what only a running daemon knows: each
//! destination's last hour. Where no daemon runs, that is left out, and the rest is the same. Whatever waits, a look costs
//! no more than its bounds (promise 8); a reader sees pages of it.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ledger::{LaneSurvey, LedgerError, LedgerSurvey, SqliteReader};
use crate::telemetry::{Failure, Glance, Minute};

/// How far one thing is counted. Whoever has to act on a backlog does not ask whether it is longer, and `newswired stats`
/// counts all of it.
const BOUND: u64 = 1_000;

/// How long what was refused, or has expired, counts as in trouble. Nobody can put such a delivery away, and an alert on
/// it has to end.
const OF_LATE: Duration = Duration::from_secs(24 * 60 * 60);

/// Rows on a page, where nobody says how many.
pub const PAGE: usize = 200;

/// Rows on the longest page.
pub const LONGEST_PAGE: usize = 10_000;

/// What the ledger has of the wire, for metrics and for who looks at it.
///
/// # Errors
/// [`LedgerError`] when the ledger cannot be read.
pub fn survey(reader: &SqliteReader, now: Timestamp) -> Result<LedgerSurvey, LedgerError> {
    reader.survey(BOUND, of_late(now))
}

/// Deliveries that were refused, and that expired, of late.
///
/// # Errors
/// [`LedgerError`] when the ledger cannot be read.
pub fn in_trouble(reader: &SqliteReader, now: Timestamp) -> Result<(u64, u64), LedgerError> {
    reader.in_trouble(BOUND, of_late(now))
}

fn of_late(now: Timestamp) -> Timestamp {
    now.checked_sub(OF_LATE).unwrap_or(Timestamp::MIN)
}

/// What is known beside the ledger.
pub struct Around<'a> {
    /// Partners' names, by id.
    pub partners: &'a BTreeMap<String, String>,
    /// Whether a destination is in the configuration.
    pub is_configured: &'a dyn Fn(&str) -> bool,
    /// None where no daemon runs.
    pub running: Option<Running<'a>>,
    pub now: Timestamp,
}

/// What only a running daemon knows.
pub struct Running<'a> {
    pub started: Timestamp,
    /// Why the ledger cannot write, if it cannot.
    pub ledger_fails: Option<String>,
    /// The last hour of the intake.
    pub intake: Option<Glance>,
    pub config: InForce,
    /// The last hour of a destination.
    pub beat: &'a dyn Fn(&str) -> Option<Glance>,
}

/// Which configuration the daemon goes by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InForce {
    /// Since when.
    pub since: Timestamp,
    /// Why what stands in the files now is not in force: everything that is wrong with it.
    pub refused: Option<String>,
    /// Keys whose new values wait for the daemon's next start.
    pub at_next_start: Vec<String>,
}

impl Flow {
    /// What is wrong with the configuration's files, where they are not in force.
    pub fn config_refused(&self) -> Option<&str> {
        self.config.as_ref()?.refused.as_deref()
    }
}

impl InForce {
    /// As of a start.
    pub fn since(since: Timestamp) -> Self {
        Self { since, refused: None, at_next_start: Vec::new() }
    }
}

/// The whole wire at one moment.
#[derive(Debug)]
pub struct Seen {
    pub flow: Flow,
    rows: Vec<Row>,
}

/// Is the wire flowing?
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Flow {
    pub version: String,
    /// Since when the daemon runs; none where none does.
    pub started: Option<Timestamp>,
    /// Why the ledger cannot write, if it cannot.
    pub ledger_fails: Option<String>,
    /// Articles accepted, and deliveries that arrived, a minute.
    pub articles: f64,
    pub arrivals: f64,
    /// Of the last hour, oldest minute first.
    pub articles_by_minute: Vec<u32>,
    pub arrivals_by_minute: Vec<u32>,
    /// Destinations, and how many of them are in which state.
    pub destinations: usize,
    pub troubled: usize,
    pub suspended: usize,
    /// Deliveries that are ready or under way; so many or more.
    pub waiting: u64,
    pub or_more: bool,
    /// Since when the oldest that stands in front of its lane is due.
    pub oldest: Option<Timestamp>,
    pub oldest_at: Option<String>,
    /// Withdrawals that somebody has not acknowledged.
    pub withdrawals: u64,
    /// Deliveries that were refused or expired in the last 24 hours.
    pub refused: u64,
    pub expired: u64,
    /// Quarantine entries and orders that wait.
    pub quarantine: u64,
    pub orders: usize,
    /// None where no daemon runs.
    pub config: Option<InForce>,
}

/// How a destination stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// Its door fails.
    Trouble,
    /// It said that it is gone (410).
    Gone,
    /// An operator or the configuration keeps it.
    Suspended,
    /// It has something to do.
    Sending,
    Idle,
}

impl Standing {
    /// The word for it, as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trouble => "trouble",
            Self::Gone => "gone",
            Self::Suspended => "suspended",
            Self::Sending => "sending",
            Self::Idle => "idle",
        }
    }

    /// Whether somebody has to look at it.
    pub fn is_trouble(self) -> bool {
        match self {
            Self::Trouble | Self::Gone => true,
            Self::Suspended | Self::Sending | Self::Idle => false,
        }
    }
}

/// A destination.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// `partner/destination`
    pub destination: String,
    /// The partner's name, where it is configured.
    pub name: Option<String>,
    pub standing: Standing,
    /// Why it does not get what it is owed, in a sentence.
    pub why: Option<String>,
    /// When its door is asked again.
    pub retry_at: Option<Timestamp>,
    pub waiting: u64,
    pub or_more: bool,
    pub oldest: Option<Timestamp>,
    /// Deliveries a minute.
    pub per_minute: f64,
    pub latency_ms: Option<u64>,
    /// The last hour in twelve parts of five minutes: what arrived, and what failed.
    pub arrived: Vec<u32>,
    pub failed: Vec<u32>,
    /// The last thing that went wrong within what is remembered.
    pub last_failure: Option<(Timestamp, String)>,
}

/// Which rows, in which order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct View {
    /// A part of a destination's or a partner's name.
    #[serde(default)]
    pub q: String,
    #[serde(default)]
    pub sort: Sort,
    /// Only those that somebody has to look at.
    #[serde(default)]
    pub trouble: bool,
    #[serde(default)]
    pub page: usize,
    /// Rows on a page: [`PAGE`] where it is left out, [`LONGEST_PAGE`] at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<usize>,
}

impl View {
    /// Rows on a page.
    pub fn page_size(&self) -> usize {
        self.size.unwrap_or(PAGE).clamp(1, LONGEST_PAGE)
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sort {
    /// What is in trouble first, then what has most waiting.
    #[default]
    Trouble,
    Name,
    Waiting,
    Oldest,
    Rate,
    Latency,
}

impl Sort {
    pub const ALL: [Self; 6] = [Self::Trouble, Self::Name, Self::Waiting, Self::Oldest, Self::Rate, Self::Latency];

    /// The word for it, as in an address.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trouble => "trouble",
            Self::Name => "name",
            Self::Waiting => "waiting",
            Self::Oldest => "oldest",
            Self::Rate => "rate",
            Self::Latency => "latency",
        }
    }
}

/// Looks.
///
/// # Errors
/// [`LedgerError`] when the ledger cannot be read.
pub fn look(reader: &SqliteReader, around: &Around<'_>) -> Result<Seen, LedgerError> {
    let survey = survey(reader, around.now)?;
    Ok(seen(survey, reader.orders(false)?.len(), around))
}

fn seen(survey: LedgerSurvey, orders: usize, around: &Around<'_>) -> Seen {
    let LedgerSurvey { file: _, wal: _, lanes, withdrawals, refused, expired, quarantine } = survey;
    let mut by_minute = Vec::new();
    let rows: Vec<Row> = lanes
        .into_iter()
        .map(|lane| {
            let beat = around.running.as_ref().and_then(|running| (running.beat)(&lane.destination));
            if let Some(beat) = &beat {
                by_minute.resize(beat.minutes.len(), 0);
                by_minute
                    .iter_mut()
                    .zip(beat.minutes)
                    .for_each(|(sum, minute): (&mut u32, Minute)| *sum += minute.good);
            }
            row(lane, beat, around)
        })
        .collect();
    let intake = around.running.as_ref().and_then(|running| running.intake.as_ref());
    let oldest = rows.iter().filter(|row| row.oldest.is_some()).min_by_key(|row| row.oldest);
    let count = |which: &dyn Fn(Standing) -> bool| rows.iter().filter(|row| which(row.standing)).count();
    let flow = Flow {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started: around.running.as_ref().map(|running| running.started),
        ledger_fails: around.running.as_ref().and_then(|running| running.ledger_fails.clone()),
        articles: intake.map_or(0.0, |glance| tenths(glance.per_minute)),
        arrivals: tenths(rows.iter().map(|row| row.per_minute).sum()),
        articles_by_minute: intake
            .map_or_else(Vec::new, |glance| glance.minutes.iter().map(|minute| minute.good).collect()),
        arrivals_by_minute: by_minute,
        destinations: rows.len(),
        troubled: count(&Standing::is_trouble),
        suspended: count(&|standing| standing == Standing::Suspended),
        waiting: rows.iter().map(|row| row.waiting).sum(),
        or_more: rows.iter().any(|row| row.or_more),
        oldest: oldest.and_then(|row| row.oldest),
        oldest_at: oldest.map(|row| row.destination.clone()),
        withdrawals: withdrawals.iter().map(|one| one.outstanding).sum(),
        refused,
        expired,
        quarantine: quarantine.iter().map(|(_, number)| number).sum(),
        orders,
        config: around.running.as_ref().map(|running| running.config.clone()),
    };
    Seen { flow, rows }
}

fn row(survey: LaneSurvey, beat: Option<Glance>, around: &Around<'_>) -> Row {
    let LaneSurvey { destination, lane, paused, waiting, held: _, attempting, oldest } = survey;
    let waiting = waiting + attempting;
    let partner = destination.split('/').next().unwrap_or_default();
    let name = around.partners.get(partner).filter(|_| (around.is_configured)(&destination)).cloned();
    let (standing, why) = match (lane.halt, lane.state.suspended) {
        (Some(halt), _) => (Standing::Suspended, Some(halt.why)),
        (None, _) if paused => (Standing::Suspended, Some("its partner is paused in the configuration".to_owned())),
        (None, _) if name.is_none() => {
            (Standing::Suspended, Some("it is not in the configuration any more".to_owned()))
        }
        (None, Some(gone)) => (Standing::Gone, Some(gone)),
        (None, None) if lane.state.failures > 0 => (Standing::Trouble, lane.state.trouble),
        (None, None) if waiting > 0 => (Standing::Sending, None),
        (None, None) => (Standing::Idle, None),
    };
    let fives = |of: fn(&Minute) -> u32| {
        beat.as_ref()
            .map_or_else(Vec::new, |beat| beat.minutes.chunks(5).map(|five| five.iter().map(of).sum()).collect())
    };
    Row {
        standing,
        why,
        // Nobody asks while no daemon runs.
        retry_at: lane.state.retry_at.filter(|at| around.running.is_some() && *at > around.now),
        waiting: waiting.min(BOUND),
        or_more: waiting >= BOUND,
        oldest,
        per_minute: beat.as_ref().map_or(0.0, |beat| tenths(beat.per_minute)),
        latency_ms: beat
            .as_ref()
            .and_then(|beat| beat.latency)
            .map(|latency| u64::try_from(latency.as_millis()).unwrap_or(u64::MAX)),
        arrived: fives(|minute| minute.good),
        failed: fives(|minute| minute.failed),
        last_failure: beat.and_then(|beat| beat.failure).map(|Failure { at, why }| (at, why)),
        name,
        destination,
    }
}

/// Nobody needs a rate more exactly.
fn tenths(rate: f64) -> f64 {
    (rate * 10.0).round() / 10.0
}

impl Seen {
    /// A page of rows, and how many there are in all.
    pub fn page(&self, view: &View) -> (Vec<&Row>, usize) {
        let wanted = view.q.trim().to_lowercase();
        let mut rows: Vec<&Row> = self
            .rows
            .iter()
            .filter(|row| !view.trouble || row.standing.is_trouble())
            .filter(|row| {
                row.destination.contains(&wanted)
                    || row.name.as_ref().is_some_and(|name| name.to_lowercase().contains(&wanted))
            })
            .collect();
        let far = Timestamp::MAX;
        match view.sort {
            Sort::Trouble => rows.sort_by_key(|row| (row.standing, std::cmp::Reverse(row.waiting))),
            // As they come.
            Sort::Name => {}
            Sort::Waiting => rows.sort_by_key(|row| std::cmp::Reverse(row.waiting)),
            Sort::Oldest => rows.sort_by_key(|row| row.oldest.unwrap_or(far)),
            Sort::Rate => rows.sort_by(|a, b| b.per_minute.total_cmp(&a.per_minute)),
            Sort::Latency => rows.sort_by_key(|row| std::cmp::Reverse(row.latency_ms)),
        }
        let (all, size) = (rows.len(), view.page_size());
        (rows.into_iter().skip(view.page.saturating_mul(size)).take(size).collect(), all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{Halt, LaneState, LaneView, WithdrawalSurvey};

    fn time(text: &str) -> Timestamp {
        format!("2026-11-26T{text}Z").parse().unwrap()
    }

    fn lane(partner: &str) -> LaneSurvey {
        LaneSurvey {
            destination: format!("{partner}/main"),
            lane: LaneView::default(),
            paused: false,
            waiting: 0,
            held: 0,
            attempting: 0,
            oldest: None,
        }
    }

    fn survey(lanes: Vec<LaneSurvey>) -> LedgerSurvey {
        let withdrawal =
            WithdrawalSurvey { destination: "gone/main".to_owned(), outstanding: 2, oldest: time("10:00:00") };
        LedgerSurvey {
            file: 0,
            wal: 0,
            lanes,
            withdrawals: vec![withdrawal],
            refused: 3,
            expired: 1,
            quarantine: vec![(crate::ledger::QuarantineKind::Input, 4)],
        }
    }

    fn look_at(lanes: Vec<LaneSurvey>, running: Option<Running<'_>>) -> Seen {
        let ids = ["a", "b", "c", "d", "e", "f", "gone"];
        let partners = ids.map(|id| (id.to_owned(), format!("The {} Post", id.to_uppercase()))).into();
        let is_configured = |destination: &str| destination != "removed/main";
        let around = Around { partners: &partners, is_configured: &is_configured, running, now: time("12:00:00") };
        seen(survey(lanes), 5, &around)
    }

    /// One of each.
    fn lanes() -> Vec<LaneSurvey> {
        let failing = LaneState {
            failures: 3,
            retry_at: Some(time("12:01:00")),
            suspended: None,
            trouble: Some("answered 503".to_owned()),
        };
        let gone = LaneState { suspended: Some("answered 410".to_owned()), ..LaneState::default() };
        let halt = Halt { even_kills: false, why: "suspend c by anna".to_owned() };
        let mut all = vec![lane("a"), lane("b"), lane("c"), lane("d"), lane("gone"), lane("removed")];
        (all[0].waiting, all[0].attempting, all[0].oldest) = (990, 10, Some(time("11:00:00")));
        all[1].lane.state = failing.clone();
        (all[1].waiting, all[1].oldest) = (7, Some(time("10:30:00")));
        // What was ordered is told before what its door does.
        all[2].lane = LaneView { state: failing, halt: Some(halt) };
        all[3].paused = true;
        all[4].lane.state = gone;
        all
    }

    #[test]
    fn each_destination_stands_as_what_keeps_it_says() {
        let seen = look_at(lanes(), None);
        let (rows, all) = seen.page(&View { sort: Sort::Name, ..View::default() });
        let told: Vec<String> = rows
            .iter()
            .map(|row| format!("{} {} {}", row.destination, row.standing.as_str(), row.why.as_deref().unwrap_or("-")))
            .collect();
        assert_eq!(all, 6);
        insta::assert_snapshot!(told.join("\n"), @"
        a/main sending -
        b/main trouble answered 503
        c/main suspended suspend c by anna
        d/main suspended its partner is paused in the configuration
        gone/main gone answered 410
        removed/main suspended it is not in the configuration any more
        ");
        let flow = &seen.flow;
        assert!(rows.iter().all(|row| row.retry_at.is_none()), "nobody asks while no daemon runs");
        assert_eq!((flow.destinations, flow.troubled, flow.suspended), (6, 2, 3));
        assert_eq!((flow.waiting, flow.or_more), (1_007, true), "a thousand are not counted further");
        assert_eq!((flow.oldest, flow.oldest_at.as_deref()), (Some(time("10:30:00")), Some("b/main")));
        assert_eq!((flow.withdrawals, flow.refused, flow.expired, flow.quarantine, flow.orders), (2, 3, 1, 4, 5));
        assert_eq!((flow.started, flow.articles, flow.arrivals), (None, 0.0, 0.0), "nobody knows while no daemon runs");
    }

    #[test]
    fn what_only_a_daemon_knows_is_there_while_one_runs() {
        let beat = crate::telemetry::Beat::default();
        for _ in 0..30 {
            beat.good(time("11:59:30"), Duration::from_millis(40));
        }
        beat.failed(time("11:50:00"), "answered 503");
        let running = Running {
            started: time("09:00:00"),
            ledger_fails: Some("the disk is full".to_owned()),
            intake: None,
            config: InForce::since(time("09:00:00")),
            beat: &|destination| (destination != "d/main").then(|| beat.glance(time("12:00:00")).unwrap()),
        };
        let seen = look_at(vec![lane("a"), lane("b"), lane("d")], Some(running));
        assert_eq!(seen.flow.started, Some(time("09:00:00")));
        assert_eq!(seen.flow.ledger_fails.as_deref(), Some("the disk is full"));
        assert_eq!(seen.flow.arrivals, 60.0);
        assert_eq!(seen.flow.arrivals_by_minute.iter().sum::<u32>(), 60);
        let (rows, _) = seen.page(&View { q: "A/".to_owned(), ..View::default() });
        assert_eq!((rows[0].per_minute, rows[0].latency_ms, rows[0].arrived.iter().sum::<u32>()), (30.0, Some(40), 30));
        assert_eq!(rows[0].last_failure.as_ref().map(|(_, why)| why.as_str()), Some("answered 503"));
    }

    #[test]
    fn pages_are_what_was_asked_for_and_never_longer_than_the_longest() {
        let seen = look_at(lanes(), None);
        let names = |view: View| -> Vec<String> {
            seen.page(&view).0.iter().map(|row| row.destination.replace("/main", "")).collect()
        };
        assert_eq!(names(View::default()), ["b", "gone", "c", "d", "removed", "a"], "trouble comes first");
        assert_eq!(names(View { trouble: true, ..View::default() }), ["b", "gone"]);
        assert_eq!(
            names(View { q: "The B".to_owned(), ..View::default() }),
            ["b"],
            "partners' names are searched, too"
        );
        assert_eq!(names(View { sort: Sort::Waiting, size: Some(2), ..View::default() }), ["a", "b"]);
        assert_eq!(names(View { sort: Sort::Waiting, size: Some(4), page: 1, ..View::default() }).len(), 2);
        assert!(names(View { page: usize::MAX, ..View::default() }).is_empty());
        assert_eq!(View { size: Some(usize::MAX), ..View::default() }.page_size(), LONGEST_PAGE);
        assert_eq!(View { size: Some(0), ..View::default() }.page_size(), 1);
    }
}
