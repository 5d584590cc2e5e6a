//! `newswired manual`: the manual's pages, one for each verb, made from what `--help` says.

use std::path::{Path, PathBuf};

use clap::{Args, Command, CommandFactory};
use clap_mangen::Man;

use super::output::say;
use super::{Cli, Failure};

#[derive(Debug, Args)]
#[command(after_help = "For example: newswired manual /usr/share/man/man1")]
pub struct Manual {
    /// An existing directory; pages that are there are written over
    #[arg(value_name = "DIR")]
    dir: PathBuf,
}

impl Manual {
    pub fn run(self) -> Result<(), Failure> {
        let written = write(&self.dir).map_err(|why| {
            Failure::Unavailable(format!("cannot write into {}: {why}; give an existing directory", self.dir.display()))
        })?;
        say!("{written} pages in {}", self.dir.display())?;
        Ok(())
    }
}

/// What stands at the foot of each page.
const SOURCE: &str = concat!("newswired ", env!("CARGO_PKG_VERSION"));

/// Writes `newswired.1` and a page for each verb, and tells how many there are.
fn write(dir: &Path) -> std::io::Result<usize> {
    let mut root = Cli::command().disable_help_subcommand(true);
    root.build();
    pages(&root, "newswired", dir)
}

/// `name` is the verb's whole name with dashes, as manuals of git and others have it: `newswired-quarantine-list`.
fn pages(verb: &Command, name: &str, dir: &Path) -> std::io::Result<usize> {
    let mut written = 1;
    for below in verb.get_subcommands().filter(|below| !below.is_hide_set()) {
        written += pages(below, &format!("{name}-{}", below.get_name()), dir)?;
    }
    let mut page = Vec::new();
    Man::new(verb.clone()).title(name).source(SOURCE).manual("newswired").render(&mut page)?;
    std::fs::write(dir.join(format!("{name}.1")), page)?;
    Ok(written)
}
