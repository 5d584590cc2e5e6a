//! `newswired status`: is the wire flowing? What the status page shows at its top, in a few lines.

use std::fmt::Write as _;

use clap::Args;
use indicatif::HumanCount;
use jiff::Timestamp;
use serde::Serialize;

use super::lookout::{Picture, Watching, tell_if_left};
use super::output::{self, say};
use super::paint::{Paint, Tone, rate, span};
use super::{Failure, json_line};
use crate::answers::board::{Flow, Row, View};

#[derive(Args)]
#[command(
    after_help = "Exit codes: 0 a daemon runs and nothing is in trouble; 1 no daemon runs, its ledger cannot write, a door is in trouble, something is in quarantine, or the configuration's files are wrong; 64 usage; 69 no ledger, or a daemon that does not answer; 78 configuration"
)]
pub struct Status {
    /// One JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    watching: Watching,
}

/// Doors in trouble that are named.
const NAMED: usize = 10;

/// The same for a program.
#[derive(Serialize)]
struct Told<'a> {
    running: bool,
    /// What somebody has to look at, in words; empty where all is well.
    trouble: &'a [String],
    #[serde(flatten)]
    flow: &'a Flow,
}

impl Status {
    pub async fn run(self) -> Result<(), Failure> {
        let (_, lookout) = self.watching.lookout()?;
        let view = View { trouble: true, size: Some(NAMED), ..View::default() };
        let picture = lookout.see(&view).await?;
        let trouble = trouble(&picture.flow);
        if self.json {
            let told = Told { running: picture.is_live(), trouble: &trouble, flow: &picture.flow };
            say!("{}", json_line(&told)?)?;
        } else {
            tell_if_left(&picture);
            output::whole(told(&picture, Paint::of_output(), Timestamp::now()))?;
        }
        if trouble.is_empty() { Ok(()) } else { Err(Failure::No(format!("in trouble: {}", trouble.join("; ")))) }
    }
}

/// What somebody has to look at. A suspension was ordered, and what was refused cannot be put away: they are told, and are
/// no trouble.
fn trouble(flow: &Flow) -> Vec<String> {
    let mut trouble = Vec::new();
    if flow.started.is_none() {
        trouble.push("no daemon runs".to_owned());
    }
    if flow.ledger_fails.is_some() {
        trouble.push("the ledger cannot write".to_owned());
    }
    if flow.config_refused().is_some() {
        trouble.push("the configuration's files are wrong".to_owned());
    }
    match flow.troubled {
        0 => {}
        1 => trouble.push("1 door".to_owned()),
        doors => trouble.push(format!("{} doors", HumanCount(doors as u64))),
    }
    if flow.quarantine > 0 {
        trouble.push(format!("{} in quarantine", HumanCount(flow.quarantine)));
    }
    trouble
}

fn told(picture: &Picture, paint: Paint, now: Timestamp) -> String {
    let Picture { flow, rows, .. } = picture;
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = match (&flow.ledger_fails, flow.started) {
        (Some(why), _) => writeln!(text, "{}: {why}", paint.word("Nothing is taken or sent", Tone::Bad)),
        (None, None) => writeln!(text, "{}", paint.word("No daemon runs", Tone::Bad)),
        (None, Some(started)) => writeln!(
            text,
            "{}: articles {}, deliveries {}; newswired {} for {}",
            paint.word("The wire flows", Tone::Good),
            rate(flow.articles),
            rate(flow.arrivals),
            flow.version,
            ago(started, now)
        ),
    };
    let marked = |number: u64, word: &str, tone| {
        paint.word(&format!("{} {word}", HumanCount(number)), if number == 0 { Tone::Plain } else { tone })
    };
    let _ = writeln!(
        text,
        "Destinations   {}: {}, {}",
        HumanCount(flow.destinations as u64),
        marked(flow.troubled as u64, "in trouble", Tone::Bad),
        marked(flow.suspended as u64, "suspended", Tone::Note)
    );
    let oldest = match (flow.oldest, &flow.oldest_at) {
        (Some(oldest), Some(at)) => format!("; the oldest for {}, to {at}", ago(oldest, now)),
        (_, _) => String::new(),
    };
    let more = if flow.or_more { " or more" } else { "" };
    let _ = writeln!(text, "Waiting        {}{more}{oldest}", HumanCount(flow.waiting));
    let _ = writeln!(text, "Kills          {}", marked(flow.withdrawals, "not acknowledged", Tone::Bad));
    let _ = writeln!(
        text,
        "In 24 hours    {}, {}",
        marked(flow.refused, "refused", Tone::Note),
        marked(flow.expired, "expired", Tone::Note)
    );
    let _ = writeln!(
        text,
        "For you        {}, {}",
        marked(flow.quarantine, "in quarantine", Tone::Bad),
        marked(flow.orders as u64, "orders open", Tone::Plain)
    );
    if let Some(refused) = flow.config_refused() {
        let word = paint.word("wrong, and the last good one stays in force", Tone::Bad);
        let _ = writeln!(text, "Configuration  {word}");
        for line in refused.lines() {
            let _ = writeln!(text, "  {line}");
        }
    }
    if let Some(config) = flow.config.as_ref().filter(|config| !config.at_next_start.is_empty()) {
        let _ = writeln!(text, "At a start     {}", config.at_next_start.join(", "));
    }
    for row in rows {
        let _ = writeln!(text, "  {} {}: {}", paint.word("✗", Tone::Bad), row.destination, why(row, now));
    }
    if picture.all > rows.len() {
        let _ = writeln!(
            text,
            "  and {} more: newswired partners --trouble",
            HumanCount((picture.all - rows.len()) as u64)
        );
    }
    text
}

/// Why a destination does not get what it is owed, and what comes next.
pub fn why(row: &Row, now: Timestamp) -> String {
    match (&row.why, row.retry_at, &row.last_failure) {
        (Some(why), Some(at), _) => format!("{why}; asked again in {}", span(at.as_second() - now.as_second())),
        (Some(why), None, _) => why.clone(),
        (None, _, Some((at, failure))) => format!("last failure {} ago: {failure}", ago(*at, now)),
        (None, _, None) => String::new(),
    }
}

/// How long something is ago.
pub fn ago(at: Timestamp, now: Timestamp) -> String {
    span(now.as_second() - at.as_second())
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::answers::board::{InForce, Standing};

    pub fn time(text: &str) -> Timestamp {
        format!("2026-11-26T{text}Z").parse().unwrap()
    }

    pub fn row(destination: &str, standing: Standing) -> Row {
        Row {
            destination: destination.to_owned(),
            name: Some("Coast Times".to_owned()),
            standing,
            why: None,
            retry_at: None,
            waiting: 0,
            or_more: false,
            oldest: None,
            per_minute: 0.0,
            latency_ms: None,
            arrived: Vec::new(),
            failed: Vec::new(),
            last_failure: None,
        }
    }

    pub fn flow() -> Flow {
        Flow {
            version: "0.1.0".to_owned(),
            started: Some(time("09:00:00")),
            ledger_fails: None,
            articles: 2.4,
            arrivals: 4_211.0,
            articles_by_minute: Vec::new(),
            arrivals_by_minute: Vec::new(),
            destinations: 1_200,
            troubled: 0,
            suspended: 1,
            waiting: 0,
            or_more: false,
            oldest: None,
            oldest_at: None,
            withdrawals: 0,
            refused: 0,
            expired: 0,
            quarantine: 0,
            orders: 0,
            config: Some(InForce::since(time("09:00:00"))),
        }
    }

    #[test]
    fn a_configuration_that_is_wrong_is_told_with_its_places() {
        let refused = "partners.d/coast.toml:5:1: unknown key \"urgent\"\nnewswired.toml:2:3: empty".to_owned();
        let config = InForce {
            refused: Some(refused),
            at_next_start: vec!["ledger.batch".to_owned(), "log.format".to_owned()],
            since: time("09:00:00"),
        };
        let picture = Picture { flow: Flow { config: Some(config), ..flow() }, rows: Vec::new(), all: 0 };
        assert_eq!(trouble(&picture.flow), ["the configuration's files are wrong"]);
        let told = told(&picture, Paint::Plain, time("12:00:00"));
        insta::assert_snapshot!(told.lines().skip(6).collect::<Vec<_>>().join("\n"), @r#"
        Configuration  wrong, and the last good one stays in force
          partners.d/coast.toml:5:1: unknown key "urgent"
          newswired.toml:2:3: empty
        At a start     ledger.batch, log.format
        "#);
    }

    #[test]
    fn a_wire_that_flows_and_one_in_trouble() {
        let now = time("12:00:00");
        let well = Picture { flow: flow(), rows: Vec::new(), all: 0 };
        assert!(trouble(&well.flow).is_empty());
        insta::assert_snapshot!(told(&well, Paint::Plain, now), @"
        The wire flows: articles 2.4/min, deliveries 4,211/min; newswired 0.1.0 for 3 h
        Destinations   1,200: 0 in trouble, 1 suspended
        Waiting        0
        Kills          0 not acknowledged
        In 24 hours    0 refused, 0 expired
        For you        0 in quarantine, 0 orders open
        ");
        let mut bad = row("coast-times/main", Standing::Trouble);
        bad.why = Some("answered 503 Service Unavailable".to_owned());
        bad.retry_at = Some(time("12:00:41"));
        let flow = Flow {
            troubled: 12,
            waiting: 3_400,
            or_more: true,
            oldest: Some(time("11:46:00")),
            oldest_at: Some("coast-times/main".to_owned()),
            withdrawals: 1,
            refused: 3,
            quarantine: 2,
            ..flow()
        };
        let picture = Picture { flow, rows: vec![bad], all: 12 };
        assert_eq!(trouble(&picture.flow), ["12 doors", "2 in quarantine"]);
        insta::assert_snapshot!(told(&picture, Paint::Plain, now), @"
        The wire flows: articles 2.4/min, deliveries 4,211/min; newswired 0.1.0 for 3 h
        Destinations   1,200: 12 in trouble, 1 suspended
        Waiting        3,400 or more; the oldest for 14 min, to coast-times/main
        Kills          1 not acknowledged
        In 24 hours    3 refused, 0 expired
        For you        2 in quarantine, 0 orders open
          ✗ coast-times/main: answered 503 Service Unavailable; asked again in 41 s
          and 11 more: newswired partners --trouble
        ");
    }

    #[test]
    fn what_cannot_flow_is_said_first() {
        let now = time("12:00:00");
        let stopped = Flow { started: None, ..flow() };
        assert_eq!(trouble(&stopped), ["no daemon runs"]);
        let first = |flow: Flow| {
            let told = told(&Picture { flow, rows: Vec::new(), all: 0 }, Paint::Plain, now);
            told.lines().next().unwrap_or_default().to_owned()
        };
        assert_eq!(first(stopped), "No daemon runs");
        let full = Flow { ledger_fails: Some("the disk is full".to_owned()), ..flow() };
        assert_eq!(trouble(&full), ["the ledger cannot write"]);
        assert_eq!(first(full), "Nothing is taken or sent: the disk is full");
    }
}
