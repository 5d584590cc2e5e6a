//! `newswired quarantine`: what could not be accepted, and what becomes of it.

use clap::{Args, Subcommand};
use comfy_table::{Table, presets};

use super::output::{self, say};
use super::{ConfigFile, Failure};
use crate::ledger::QuarantineState;

#[derive(Debug, Args)]
pub struct Quarantine {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// What is there, newest first
    List {
        /// Also what was accepted at another try, or discarded
        #[arg(long)]
        all: bool,
        /// One JSON object a line
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        config: ConfigFile,
    },
    /// One entry, whole: what it is on standard error, its bytes on standard output
    Show {
        id: i64,
        #[command(flatten)]
        config: ConfigFile,
    },
    /// Have an entry tried again by the running daemon, for example after the configuration was mended
    Retry {
        id: i64,
        #[command(flatten)]
        config: ConfigFile,
    },
    /// Put an entry away for good
    Discard {
        id: i64,
        #[command(flatten)]
        config: ConfigFile,
    },
}

impl Quarantine {
    pub fn run(self) -> Result<(), Failure> {
        match self.verb {
            Verb::List { all, json, config } => list(&config, all, json),
            Verb::Show { id, config } => show(&config, id),
            Verb::Retry { id, config } => order(&config, id, QuarantineState::Retry),
            Verb::Discard { id, config } => order(&config, id, QuarantineState::Discarded),
        }
    }
}

fn list(config: &ConfigFile, all: bool, json: bool) -> Result<(), Failure> {
    let entries = config.reader()?.quarantine(all)?;
    if json {
        for entry in &entries {
            let line = serde_json::to_string(entry).map_err(|why| Failure::Unavailable(why.to_string()))?;
            say!("{line}")?;
        }
        return Ok(());
    }
    if entries.is_empty() {
        say!("quarantine is empty")?;
        return Ok(());
    }
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY);
    table.set_header(["id", "kind", "state", "since", "source", "bytes", "why"]);
    for entry in entries {
        table.add_row([
            entry.id.to_string(),
            entry.kind.as_str().to_owned(),
            entry.state.as_str().to_owned(),
            entry.at.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
            entry.source,
            entry.size.to_string(),
            entry.reason,
        ]);
    }
    say!("{table}")?;
    Ok(())
}

fn show(config: &ConfigFile, id: i64) -> Result<(), Failure> {
    let entry = config.reader()?.quarantined(id)?.ok_or_else(|| nothing(id))?;
    eprintln!("source: {}\nsince: {}\nwhy: {}", entry.source, entry.at, entry.reason);
    if let Some(content_type) = &entry.content_type {
        eprintln!("content type: {content_type}");
    }
    output::whole(entry.bytes)
}

fn order(config: &ConfigFile, id: i64, to: QuarantineState) -> Result<(), Failure> {
    if !config.reader()?.order(id, to)? {
        return Err(nothing(id));
    }
    match to {
        QuarantineState::Retry => say!("entry {id} is tried again by the running daemon within a second")?,
        _ => say!("entry {id} is discarded")?,
    }
    Ok(())
}

fn nothing(id: i64) -> Failure {
    Failure::No(format!("quarantine has no entry {id} that waits; \"newswired quarantine list\" shows what there is"))
}
