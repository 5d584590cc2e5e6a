//! `newswired render`: what a partner would receive, without sending.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use jiff::Timestamp;

use super::{ConfigFile, Failure};
use crate::article::{self, DecodeError};
use crate::config::{FormatName, Partner};
use crate::render::{self, Profile};
use crate::route::route;

#[derive(Debug, Args)]
pub struct Render {
    /// The article, in any format that intake takes
    article: PathBuf,
    /// The partner's id
    #[arg(long, value_name = "ID")]
    partner: String,
    /// The destination's id; may be left out where the partner has one
    #[arg(long, value_name = "ID")]
    destination: Option<String>,
    /// Write the document here instead of to standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigFile,
}

impl Render {
    pub fn run(self) -> Result<(), Failure> {
        let config = self.config.load_to_look()?;
        let partner = config.partners.get(self.partner.as_str()).ok_or_else(|| {
            let known: Vec<_> = config.partners.keys().map(ToString::to_string).collect();
            Failure::Usage(format!("there is no partner {:?}; there are: {}", self.partner, known.join(", ")))
        })?;
        let name = self.destination_of(partner)?;
        let format = config.format_profile(name).ok_or_else(|| {
            Failure::Config(format!("there is no format {:?}; `newswired check` says more", name.as_str()))
        })?;
        let bytes = std::fs::read(&self.article)
            .map_err(|why| Failure::Usage(format!("cannot read {}: {why}", self.article.display())))?;
        let wire = config.intake.wire.clone().or_else(|| config.wires.keys().next().cloned());
        let wire = wire.ok_or_else(|| Failure::Config("there is no wire in the configuration".to_owned()))?;
        let article = article::decode(&bytes, None, &wire).map_err(|why| Failure::No(placed(&self.article, &why)))?;
        let policy = config.wires.get(&article.wire).ok_or_else(|| {
            Failure::Config(format!("the wire {:?} is not configured; add [wires.{0}]", article.wire))
        })?;
        let verdict = route(&article, partner, &config.subject_descendants, Timestamp::now());
        eprintln!("{}: {verdict}", self.partner);
        let proved = render::rendition(&article, &Profile::new(article.wire.clone(), Arc::clone(policy), format))
            .map_err(|flaw| Failure::No(format!("it would be held back: {flaw}")))?;
        eprintln!(
            "{} ({} bytes), proved to carry what the licence demands",
            proved.content_type(),
            proved.bytes().len()
        );
        match &self.out {
            Some(path) => std::fs::write(path, proved.bytes())
                .map_err(|why| Failure::Unavailable(format!("cannot write {}: {why}", path.display())))?,
            None => std::io::stdout().lock().write_all(proved.bytes())?,
        }
        Ok(())
    }

    fn destination_of<'a>(&self, partner: &'a Partner) -> Result<&'a FormatName, Failure> {
        let known = || partner.destinations.keys().cloned().collect::<Vec<_>>().join(", ");
        match &self.destination {
            Some(id) => partner.destinations.get(id).map(|destination| &destination.format).ok_or_else(|| {
                Failure::Usage(format!("{} has no destination {id:?}; it has: {}", self.partner, known()))
            }),
            None => match partner.destinations.values().collect::<Vec<_>>().as_slice() {
                [one] => Ok(&one.format),
                _ => Err(Failure::Usage(format!(
                    "{} has several destinations; say which with --destination: {}",
                    self.partner,
                    known()
                ))),
            },
        }
    }
}

/// `file:line:column: what`, where there is a line.
fn placed(file: &std::path::Path, why: &DecodeError) -> String {
    match why {
        DecodeError::Syntax { line, column, problem } => format!("{}:{line}:{column}: {problem}", file.display()),
        other => format!("{}: {other}", file.display()),
    }
}
