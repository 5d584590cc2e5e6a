//! `newswired restore`: a copy of the ledger comes to the ledger's place.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use indicatif::HumanCount;
use jiff::Timestamp;

use super::backup::{shown, told};
use super::output::say;
use super::{ConfigFile, Failure};
use crate::ledger::{Restored, restore};

#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 the ledger is the copy's; 1 the copy cannot be used, or a ledger is there; 64 usage; 69 a daemon runs, or the disk does not take it; 78 configuration"
)]
pub struct Restore {
    /// The copy, as `newswired backup` made it
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Put a ledger that is there aside, under a name of its own
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    config: ConfigFile,
}

impl Restore {
    pub fn run(self) -> Result<(), Failure> {
        let ledger = self.config.load_to_look()?.ledger.path;
        let restored = shown(|tell| restore(&self.file, &ledger, self.replace, Timestamp::now(), tell))?;
        say!("{}", came_of(&self.file, &ledger, &restored))?;
        Ok(())
    }
}

/// What an operator has to know before the daemon starts.
fn came_of(from: &Path, ledger: &Path, restored: &Restored) -> String {
    let Restored { contents, aside, in_doubt } = restored;
    let mut text = format!("{} is the copy {}\n{}", ledger.display(), from.display(), told(contents));
    if let Some(aside) = aside {
        let _ = write!(text, "\nwhat was there is at {}", aside.display());
    }
    if contents.attempting > 0 {
        let _ = write!(
            text,
            "\nunder way when the copy was made, so of unknown outcome and to be sent again: {}",
            HumanCount(contents.attempting)
        );
    }
    if *in_doubt > 0 {
        let _ = write!(
            text,
            "\nwaiting then, so perhaps sent since; to be sent again with the same message id, and within a kill's reach: {}",
            HumanCount(*in_doubt as u64)
        );
    }
    text.push_str(
        "\nwhat was accepted after the copy was made is not in it: have the newsroom hand it in again, kills first",
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Contents;

    #[test]
    fn it_says_what_goes_again_and_what_is_not_there() {
        let contents = Contents {
            schema: 3,
            current: false,
            stories: 1200,
            articles: 1500,
            deliveries: 3600,
            waiting: 40,
            attempting: 2,
            quarantined: 0,
            newest: Some("2026-11-25T04:00:00Z".parse().unwrap()),
        };
        let mut restored = Restored { contents, aside: Some("/l.before-20261126T143000Z".into()), in_doubt: 1 };
        insta::assert_snapshot!(came_of(Path::new("/copy"), Path::new("/l"), &restored), @"
        /l is the copy /copy
        1,200 stories in 1,500 articles, 3,600 deliveries: 40 waiting, 2 under way; 0 in quarantine for an operator
        the newest was accepted 2026-11-25 04:00:00Z
        its schema is 3, an older one; the daemon brings it up to date when it starts
        what was there is at /l.before-20261126T143000Z
        under way when the copy was made, so of unknown outcome and to be sent again: 2
        waiting then, so perhaps sent since; to be sent again with the same message id, and within a kill's reach: 1
        what was accepted after the copy was made is not in it: have the newsroom hand it in again, kills first
        ");
        restored.contents = Contents { schema: 4, current: true, attempting: 0, newest: None, ..restored.contents };
        restored.in_doubt = 0;
        restored.aside = None;
        insta::assert_snapshot!(came_of(Path::new("/copy"), Path::new("/l"), &restored), @"
        /l is the copy /copy
        1,200 stories in 1,500 articles, 3,600 deliveries: 40 waiting, 0 under way; 0 in quarantine for an operator
        what was accepted after the copy was made is not in it: have the newsroom hand it in again, kills first
        ");
    }
}
