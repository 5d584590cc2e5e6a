//! `newswired events`: what happened, the newest last, and with `--follow` what happens.

use std::time::{Duration, Instant};

use clap::Args;
use jiff::Timestamp;

use super::moment::Moment;
use super::output::say;
use super::paint::{Paint, Tone, shown};
use super::target::To;
use super::{ConfigFile, Failure, at, json_line};
use crate::answers::events::{About, Event, Following, What, past};
use crate::ledger::{OrderState, SqliteReader};

#[derive(Debug, Args)]
#[command(
    after_help = "Of the whole wire, a version that arrived is told once all of its deliveries are at their end; of a partner or a story, the end of each delivery is told. Doors in trouble are told while following, as they begin and end to be; `newswired status` says which are now."
)]
pub struct Events {
    #[command(flatten)]
    to: To,
    /// Only of this story
    #[arg(long, value_name = "GUID")]
    story: Option<String>,
    /// Only what happened at this time or later: an instant (2026-11-24T10:15:00Z), or how long ago (2h, 3d)
    #[arg(long, value_name = "TIME")]
    since: Option<Moment>,
    /// At most this many of what happened before
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u16).range(0..=2_000))]
    limit: u16,
    /// Go on, and tell what happens as it happens
    #[arg(long, short)]
    follow: bool,
    /// One JSON object an event
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigFile,
}

/// How often it is looked, at most.
const LOOK: Duration = Duration::from_millis(500);

/// A look may take a tenth of the time.
const SHARE: u32 = 10;

impl Events {
    pub fn run(self) -> Result<(), Failure> {
        match self.told() {
            // Whoever read it has read enough; its exit code answers no question that was left open.
            Err(Failure::Unread) => Ok(()),
            ended => ended,
        }
    }

    fn told(self) -> Result<(), Failure> {
        let config = self.config.load_to_look()?;
        let ledger = config.ledger.path.clone();
        let reader = SqliteReader::open(&ledger)?;
        let to = self.to.given(&config, &reader)?;
        let about = About { to, story: self.story };
        let since = self.since.map(|since| since.before(Timestamp::now())).transpose()?;
        let paint = Paint::of_output();
        let tell = |events: &[Event]| -> Result<(), Failure> {
            for event in events {
                if self.json {
                    say!("{}", json_line(event)?)?;
                } else {
                    say!("{}", line(event, paint))?;
                }
            }
            Ok(())
        };
        // Begun before, so that nothing happens between the two.
        let following = self.follow.then(|| Following::begin(&reader, about.clone(), Timestamp::now())).transpose()?;
        tell(&past(&reader, &about, since, self.limit.into())?)?;
        let Some(mut following) = following else { return Ok(()) };
        if !reader.is_served() {
            eprintln!("No daemon runs on this ledger: what happens is told when one does.");
        }
        drop(reader);
        loop {
            let began = Instant::now();
            // Opened anew, since another ledger may have been brought to its place.
            let events = following.next(&SqliteReader::open(&ledger)?, Timestamp::now())?;
            tell(&events)?;
            std::thread::sleep(LOOK.max(began.elapsed() * SHARE));
        }
    }
}

/// An event for people.
fn line(event: &Event, paint: Paint) -> String {
    let (word, tone, told) = match &event.what {
        What::Accepted { story, version, action, headline, source } => {
            let tone = if action.withdraws() { Tone::Bad } else { Tone::Plain };
            ("accepted", tone, format!("{story} version {version} ({action}) from {source}: {headline}"))
        }
        What::Failed { destination, story, version, attempt, outcome, status: _, detail } => {
            let told = format!("{destination}: {story} version {version}, attempt {attempt}: {outcome} ({detail})");
            ("failed", Tone::Note, told)
        }
        What::Ended { destination, story, version, action, state, reason } => {
            let tone = match state.as_str() {
                "delivered" => Tone::Good,
                "refused" | "expired" => Tone::Bad,
                _ => Tone::Plain,
            };
            let why = reason.as_ref().map_or_else(String::new, |reason| format!(" ({reason})"));
            (state.as_str(), tone, format!("{destination}: {story} version {version} ({action}){why}"))
        }
        What::Complete { story, version, action, doors, delivered, refused, expired } => {
            let what = if action.withdraws() { "have acknowledged it" } else { "have it" };
            let mut told = format!("{story} version {version} ({action}): {delivered} of {doors} {what}");
            for (number, word) in [(refused, "refused"), (expired, "expired")] {
                if *number > 0 {
                    told.push_str(&format!(", {number} {word}"));
                }
            }
            ("complete", if refused + expired > 0 { Tone::Bad } else { Tone::Good }, told)
        }
        What::Trouble { destination, why } => ("trouble", Tone::Bad, format!("{destination}: {why}")),
        What::Well { destination } => ("well", Tone::Good, format!("{destination} takes something again")),
        What::Order { id, order, by, reason, state, result } => {
            let why = reason.as_ref().map_or_else(String::new, |reason| format!(", \"{reason}\""));
            let came = result.as_ref().map_or_else(String::new, |result| format!(": {result}"));
            let tone = if *state == OrderState::Refused { Tone::Bad } else { Tone::Note };
            ("order", tone, format!("{id} {order} by {by}{why} ({}{came})", state.as_str()))
        }
        What::Quarantined { id, kind, source, guid, reason } => {
            let of = guid.as_ref().map_or_else(String::new, |guid| format!(" {guid}"));
            ("quarantined", Tone::Bad, format!("entry {id}, {}{of} from {source}: {reason}", kind.as_str()))
        }
    };
    // Padded before it is painted: what colours a word has no width.
    format!("{}  {}  {}", at(event.at), paint.word(&format!("{word:<11}"), tone), shown(&told))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::article::Action;
    use crate::ledger::{Order, OrderId, QuarantineKind, Target};

    #[test]
    fn each_event_is_a_line() {
        let (story, main) = ("urn:test:ferry".to_owned(), "island-post/main".to_owned());
        let accepted = |version, action, headline: &str| What::Accepted {
            story: story.clone(),
            version,
            action,
            headline: headline.to_owned(),
            source: "http".to_owned(),
        };
        let failed = What::Failed {
            destination: main.clone(),
            story: story.clone(),
            version: 1,
            attempt: 2,
            outcome: "deferred".to_owned(),
            status: Some(503),
            detail: "answered 503 Service Unavailable".to_owned(),
        };
        let ended = What::Ended {
            destination: main.clone(),
            story: story.clone(),
            version: 1,
            action: "publish".to_owned(),
            state: "refused".to_owned(),
            reason: Some("answered 422".to_owned()),
        };
        let complete = |action, refused| What::Complete {
            story: story.clone(),
            version: 1,
            action,
            doors: 12,
            delivered: 12 - refused,
            refused,
            expired: 0,
        };
        let order = What::Order {
            id: OrderId::new(7),
            order: Order::Resume { to: Target::new("island-post") },
            by: "anna".to_owned(),
            reason: Some("they are back".to_owned()),
            state: OrderState::Done,
            result: Some("destinations resumed: 1".to_owned()),
        };
        let quarantined = What::Quarantined {
            id: 3,
            kind: QuarantineKind::Input,
            source: "spool".to_owned(),
            guid: None,
            reason: "no JSON".to_owned(),
        };
        let all = [
            accepted(1, Action::Publish, "Council votes on \u{1b}[31mferry"),
            failed,
            ended,
            complete(Action::Publish, 1),
            accepted(2, Action::Kill, "Council votes on ferry"),
            complete(Action::Kill, 0),
            What::Trouble { destination: main.clone(), why: "answered 503".to_owned() },
            What::Well { destination: main.clone() },
            order,
            quarantined,
        ];
        let at = "2026-11-26T12:00:00Z".parse().unwrap();
        let lines = all.map(|what| line(&Event { at, what }, Paint::Plain)).join("\n");
        insta::assert_snapshot!(lines, @r#"
        2026-11-26 12:00:00Z  accepted     urn:test:ferry version 1 (publish) from http: Council votes on �[31mferry
        2026-11-26 12:00:00Z  failed       island-post/main: urn:test:ferry version 1, attempt 2: deferred (answered 503 Service Unavailable)
        2026-11-26 12:00:00Z  refused      island-post/main: urn:test:ferry version 1 (publish) (answered 422)
        2026-11-26 12:00:00Z  complete     urn:test:ferry version 1 (publish): 11 of 12 have it, 1 refused
        2026-11-26 12:00:00Z  accepted     urn:test:ferry version 2 (kill) from http: Council votes on ferry
        2026-11-26 12:00:00Z  complete     urn:test:ferry version 1 (kill): 12 of 12 have acknowledged it
        2026-11-26 12:00:00Z  trouble      island-post/main: answered 503
        2026-11-26 12:00:00Z  well         island-post/main takes something again
        2026-11-26 12:00:00Z  order        7 resume island-post by anna, "they are back" (done: destinations resumed: 1)
        2026-11-26 12:00:00Z  quarantined  entry 3, input from spool: no JSON
        "#);
    }
}
