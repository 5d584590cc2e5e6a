//! `newswired partners`: how each destination stands, as on the status page's first page.

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use comfy_table::{Cell, CellAlignment, Table};
use indicatif::HumanCount;
use jiff::Timestamp;

use super::lookout::{Watching, tell_if_left};
use super::output::say;
use super::paint::{Paint, rate};
use super::status::{ago, why};
use super::{Failure, json_line};
use crate::answers::board::{LONGEST_PAGE, Row, Sort, View};

#[derive(Args)]
#[command(
    after_help = "What waits is counted up to a thousand for each destination. Rate, latency and the last failure are of the last hour, and known while a daemon runs."
)]
pub struct Partners {
    /// Only destinations and partners whose name has this in it
    #[arg(value_name = "TEXT", default_value = "")]
    search: String,
    /// Only those in trouble
    #[arg(long)]
    trouble: bool,
    /// What comes first
    #[arg(long, value_name = "BY", default_value = "trouble", value_parser = PossibleValuesParser::new(Sort::ALL.map(Sort::as_str)).map(sort))]
    sort: Sort,
    /// At most this many, up to 10000
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    limit: u16,
    /// One JSON object a destination
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    watching: Watching,
}

const _: () = assert!(LONGEST_PAGE == 10_000, "the help says how many");

fn sort(word: String) -> Sort {
    // The parser lets only their words through.
    Sort::ALL.into_iter().find(|sort| sort.as_str() == word).unwrap_or_default()
}

impl Partners {
    pub async fn run(self) -> Result<(), Failure> {
        let (_, lookout) = self.watching.lookout()?;
        let (q, size) = (self.search, Some(self.limit.into()));
        let view = View { q, sort: self.sort, trouble: self.trouble, page: 0, size };
        let picture = lookout.see(&view).await?;
        tell_if_left(&picture);
        let more = picture.all - picture.rows.len();
        if self.json {
            for row in &picture.rows {
                say!("{}", json_line(row)?)?;
            }
            if more > 0 {
                eprintln!("{} more are not shown: --limit says how many", HumanCount(more as u64));
            }
            return Ok(());
        }
        if picture.rows.is_empty() {
            say!("{}", none(&view))?;
            return Ok(());
        }
        say!("{}", table(&picture.rows, Paint::of_output(), Timestamp::now()))?;
        if more > 0 {
            say!("{} more are not shown: --limit says how many", HumanCount(more as u64))?;
        }
        Ok(())
    }
}

fn none(view: &View) -> String {
    match (view.q.as_str(), view.trouble) {
        ("", false) => "no destination is known to the ledger yet".to_owned(),
        ("", true) => "no door is in trouble".to_owned(),
        (text, false) => format!("no destination or partner has {text:?} in its name"),
        (text, true) => format!("no door in trouble has {text:?} in its name, or its partner's"),
    }
}

fn table(rows: &[Row], paint: Paint, now: Timestamp) -> Table {
    let mut table = paint.table(&["destination", "state", "waiting", "oldest", "rate", "latency", "why"]);
    let number = |text: String| Cell::new(text).set_alignment(CellAlignment::Right);
    for row in rows {
        let more = if row.or_more { "+" } else { "" };
        table.add_row([
            Cell::new(&row.destination),
            paint.cell(row.standing.as_str(), row.standing.tone()),
            number(format!("{}{more}", HumanCount(row.waiting))),
            number(row.oldest.map_or_else(String::new, |oldest| ago(oldest, now))),
            number(if row.per_minute > 0.0 { rate(row.per_minute) } else { String::new() }),
            number(row.latency_ms.map_or_else(String::new, |latency| format!("{} ms", HumanCount(latency)))),
            Cell::new(why(row, now)),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::super::status::tests::{row, time};
    use super::*;
    use crate::answers::board::Standing;

    #[test]
    fn each_destination_is_a_row_with_what_it_waits_for() {
        let mut bad = row("coast-times/main", Standing::Trouble);
        bad.why = Some("cannot connect to 203.0.113.7:443: Connection refused".to_owned());
        (bad.retry_at, bad.waiting, bad.or_more) = (Some(time("12:02:05")), 1_000, true);
        bad.oldest = Some(time("09:00:00"));
        let mut busy = row("island-post/main", Standing::Sending);
        (busy.waiting, busy.per_minute, busy.latency_ms) = (3, 61.2, Some(1_240));
        busy.last_failure = Some((time("11:58:00"), "answered 503".to_owned()));
        let told = table(&[bad, busy], Paint::Plain, time("12:00:00")).to_string();
        let told: Vec<_> = told.lines().map(str::trim_end).collect();
        insta::assert_snapshot!(told.join("\n"), @"
        ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
         destination        state     waiting   oldest   rate     latency    why
        ═════════════════════════════════════════════════════════════════════════════════════════════════════════════════════════════════════════════════
         coast-times/main   trouble    1,000+      3 h                       cannot connect to 203.0.113.7:443: Connection refused; asked again in 2 min
        ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
         island-post/main   sending         3            61/min   1,240 ms   last failure 2 min ago: answered 503
        ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
        ");
    }
}
