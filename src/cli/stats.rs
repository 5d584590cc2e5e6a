//! `newswired stats`: how big the ledger is, and why.

use std::fmt::Write as _;

use clap::Args;
use comfy_table::{Table, presets};
use indicatif::{HumanBytes, HumanCount};
use jiff::Timestamp;

use super::output::{self, say};
use super::{ConfigFile, Failure, at, json_line};
use crate::config::{self, Span};
use crate::ledger::{LedgerStats, SqliteReader};

#[derive(Debug, Args)]
#[command(
    after_help = "Rows and bytes of large tables are reckoned from a sample of stories and said to be about so many. What waits is counted, which takes a second for some millions."
)]
pub struct Stats {
    /// Read the whole file, and reckon nothing
    #[arg(long)]
    exact: bool,
    /// How many of the longest backlogs to show
    #[arg(long, value_name = "N", default_value_t = 10)]
    top: usize,
    /// One JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigFile,
}

impl Stats {
    pub fn run(self) -> Result<(), Failure> {
        let config = self.config.load_to_look()?;
        let stats = SqliteReader::open(&config.ledger.path)?.stats(self.exact, self.top)?;
        if self.json {
            say!("{}", json_line(&stats)?)?;
        } else {
            output::whole(told(&stats, &config.ledger, Timestamp::now()))?;
        }
        Ok(())
    }
}

fn told(stats: &LedgerStats, keep: &config::Ledger, now: Timestamp) -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{}: {}, of which {} are free for what comes; {} in the write-ahead log",
        keep.path.display(),
        HumanBytes(stats.file),
        HumanBytes(stats.free),
        HumanBytes(stats.wal)
    );
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_header(["table", "rows", "bytes"]);
    for one in stats.tables.iter().filter(|one| one.rows > 0) {
        let about = |reckoned| if reckoned { "about " } else { "" };
        table.add_row([
            one.name.clone(),
            format!("{}{}", about(one.about), HumanCount(one.rows)),
            format!("{}{}", about(!stats.exact), HumanBytes(one.bytes)),
        ]);
    }
    let _ = writeln!(text, "{table}");
    let states = &stats.states;
    let _ = writeln!(
        text,
        "{} waiting, {} held, {} attempting; {} refused and {} expired for an operator",
        HumanCount(states.waiting),
        HumanCount(states.held),
        HumanCount(states.attempting),
        HumanCount(states.refused),
        HumanCount(states.expired)
    );
    if let Some(oldest) = &stats.oldest {
        let _ = writeln!(
            text,
            "the oldest in front of a lane: {} for {}, accepted {}",
            oldest.story,
            oldest.destination,
            at(oldest.accepted)
        );
    }
    if !stats.backlogs.is_empty() {
        let mut table = Table::new();
        table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_header(["destination", "waiting", "held", "why"]);
        for backlog in &stats.backlogs {
            table.add_row([
                backlog.destination.clone(),
                HumanCount(backlog.waiting).to_string(),
                HumanCount(backlog.held).to_string(),
                backlog.why.clone().unwrap_or_default(),
            ]);
        }
        let _ = writeln!(text, "{table}");
    }
    let retention = &stats.retention;
    for (what, key, keep, oldest) in [
        (
            "a story's articles and deliveries, after the last of them ended",
            "keep_deliveries",
            keep.keep_deliveries,
            retention.oldest_article,
        ),
        ("failed attempts and orders", "keep_attempts", keep.keep_attempts, retention.oldest_attempt),
        (
            "quarantine entries that are done with",
            "keep_quarantine",
            keep.keep_quarantine,
            retention.oldest_quarantined,
        ),
    ] {
        let _ = writeln!(text, "kept for {keep} ({key}): {what}; {}", goes(oldest, keep, now));
    }
    text
}

/// When the first of something goes.
fn goes(oldest: Option<Timestamp>, keep: Span, now: Timestamp) -> String {
    let Some(oldest) = oldest else { return "there are none".to_owned() };
    match oldest.checked_add(keep.get()) {
        Ok(first) if first > now => format!("the oldest is of {}, and nothing goes before {}", at(oldest), at(first)),
        Ok(_) => format!("the oldest is of {}, and what can go goes now", at(oldest)),
        Err(_) => format!("the oldest is of {}, and nothing ever goes", at(oldest)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{Backlog, Oldest, RetentionStats, StateStats, TableStats};

    #[test]
    fn it_says_how_big_and_why() {
        let time = |text: &str| -> Timestamp { text.parse().unwrap() };
        let table = |name: &str, rows, bytes, about| TableStats { name: name.to_owned(), rows, bytes, about };
        let stats = LedgerStats {
            file: 3 << 30,
            wal: 4 << 20,
            free: 1 << 20,
            exact: false,
            tables: vec![
                table("delivery", 9_500_000, 2 << 30, true),
                table("article", 4_750, 200 << 20, true),
                table("quarantine", 2, 3_000, false),
                table("later", 0, 0, false),
            ],
            states: StateStats { waiting: 1_200_000, held: 3, attempting: 64, refused: 2, expired: 0 },
            oldest: Some(Oldest {
                destination: "coast-times/main".to_owned(),
                story: "urn:test:ferry".to_owned(),
                accepted: time("2026-11-20T10:00:00Z"),
            }),
            backlogs: vec![Backlog {
                destination: "coast-times/main".to_owned(),
                waiting: 1_199_000,
                held: 0,
                why: Some("connection refused".to_owned()),
            }],
            retention: RetentionStats {
                oldest_article: Some(time("2026-01-01T00:00:00Z")),
                oldest_attempt: Some(time("2026-10-01T00:00:00Z")),
                oldest_quarantined: None,
            },
        };
        let keep = config::Ledger::default();
        let told = told(&stats, &keep, time("2026-11-24T12:00:00Z"));
        // Cells are filled up with spaces.
        let told: Vec<_> = told.lines().map(str::trim_end).collect();
        insta::assert_snapshot!(told.join("\n"), @"
        /var/lib/newswired/ledger.sqlite: 3.00 GiB, of which 1.00 MiB are free for what comes; 4.00 MiB in the write-ahead log
        ─────────────────────────────────────────────────
         table        rows              bytes
        ═════════════════════════════════════════════════
         delivery     about 9,500,000   about 2.00 GiB
        ─────────────────────────────────────────────────
         article      about 4,750       about 200.00 MiB
        ─────────────────────────────────────────────────
         quarantine   2                 about 2.93 KiB
        ─────────────────────────────────────────────────
        1,200,000 waiting, 3 held, 64 attempting; 2 refused and 0 expired for an operator
        the oldest in front of a lane: urn:test:ferry for coast-times/main, accepted 2026-11-20 10:00:00Z
        ──────────────────────────────────────────────────────────
         destination        waiting     held   why
        ══════════════════════════════════════════════════════════
         coast-times/main   1,199,000   0      connection refused
        ──────────────────────────────────────────────────────────
        kept for 400d (keep_deliveries): a story's articles and deliveries, after the last of them ended; the oldest is of 2026-01-01 00:00:00Z, and nothing goes before 2027-02-05 00:00:00Z
        kept for 30d (keep_attempts): failed attempts and orders; the oldest is of 2026-10-01 00:00:00Z, and what can go goes now
        kept for 30d (keep_quarantine): quarantine entries that are done with; there are none
        ");
    }
}
