//! `newswired backup`: a consistent copy of the ledger, while the daemon runs.

use std::fmt::Write as _;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};

use super::output::say;
use super::{ConfigFile, Failure, at, json_line};
use crate::ledger::{Contents, CopyError, CopyStep, back_up};

#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 the copy is there, was checked, and is on the disk; 1 the ledger is damaged; 64 usage, or FILE is there already; 69 no ledger, or FILE cannot be written; 78 configuration"
)]
pub struct Backup {
    /// The copy; nothing may have this name yet
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// One JSON object: what the copy holds
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigFile,
}

impl Backup {
    pub fn run(self) -> Result<(), Failure> {
        let ledger = self.config.load_to_look()?.ledger.path;
        let contents = shown(|tell| back_up(&ledger, &self.file, tell))?;
        if self.json {
            say!("{}", json_line(&contents)?)?;
        } else {
            let size = std::fs::metadata(&self.file).map_or(0, |about| about.len());
            say!("{}: {}\n{}", self.file.display(), HumanBytes(size), told(&contents))?;
        }
        Ok(())
    }
}

/// Does the work with a bar on a terminal that shows how far it is, and how long it still takes.
pub fn shown<T>(work: impl FnOnce(&mut dyn FnMut(CopyStep)) -> Result<T, CopyError>) -> Result<T, Failure> {
    let bar = if std::io::stderr().is_terminal() { ProgressBar::new(0) } else { ProgressBar::hidden() };
    let style = |template| ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style("{bar:40} {bytes} of {total_bytes} copied, {eta} left"));
    let done = work(&mut |step| match step {
        CopyStep::Copying { done, of } => {
            bar.set_length(of);
            bar.set_position(done);
        }
        CopyStep::Checking => {
            bar.set_style(style("{spinner} reading all of it to check it, {elapsed}"));
            bar.enable_steady_tick(Duration::from_millis(200));
        }
    });
    bar.finish_and_clear();
    Ok(done?)
}

/// What a copy holds, in a sentence.
pub fn told(contents: &Contents) -> String {
    let Contents { schema, current, stories, articles, deliveries, waiting, attempting, quarantined, newest } =
        contents;
    let mut text = format!(
        "{} stories in {} articles, {} deliveries: {} waiting, {} under way; {} in quarantine for an operator",
        HumanCount(*stories),
        HumanCount(*articles),
        HumanCount(*deliveries),
        HumanCount(*waiting),
        HumanCount(*attempting),
        HumanCount(*quarantined)
    );
    if let Some(newest) = newest {
        let _ = write!(text, "\nthe newest was accepted {}", at(*newest));
    }
    if !current {
        let _ = write!(text, "\nits schema is {schema}, an older one; the daemon brings it up to date when it starts");
    }
    text
}

impl From<CopyError> for Failure {
    fn from(why: CopyError) -> Self {
        let message = why.to_string();
        match why {
            CopyError::Ledger(_) | CopyError::Disk { .. } | CopyError::Copy { .. } => Self::Unavailable(message),
            CopyError::Exists(_) => Self::Usage(message),
            CopyError::Occupied(_) | CopyError::Unsound { .. } => Self::No(message),
        }
    }
}
