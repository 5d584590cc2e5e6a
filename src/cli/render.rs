//! `newswired render`: what a partner would receive, without sending.

use std::path::PathBuf;

use clap::Args;
use comfy_table::{Table, presets};
use jiff::Timestamp;

use super::output::{self, say};
use super::{ConfigFile, Failure, beginning};
use crate::article::{self, DecodeError};
use crate::attribution::{Explained, Policies};
use crate::config::{Destination, Partner, PartnerId};
use crate::render::{Draft, Flaw, Rendition};
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
    /// Say where in the document each required element stands (XPath, JSON pointer, CSS selector or line), and what it
    /// says there, instead of writing the document
    #[arg(long)]
    explain: bool,
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
        let destination = self.destination_of(partner)?;
        let edition = config.edition(&PartnerId::new(&self.partner), partner, destination).ok_or_else(|| {
            Failure::Config(format!(
                "there is no format {:?}; `newswired check` says more",
                destination.format.as_str()
            ))
        })?;
        let bytes = std::fs::read(&self.article)
            .map_err(|why| Failure::Usage(format!("cannot read {}: {why}", self.article.display())))?;
        let wire = config.intake.wire.clone().or_else(|| config.wires.keys().next().cloned());
        let wire = wire.ok_or_else(|| Failure::Config("there is no wire in the configuration".to_owned()))?;
        let article = article::decode(&bytes, None, &wire).map_err(|why| Failure::No(placed(&self.article, &why)))?;
        let policies = Policies::of(&config, &article.wire).ok_or_else(|| {
            Failure::Config(format!("the wire {:?} is not configured; add [wires.{0}]", article.wire))
        })?;
        let verdict = route(&article, partner, &config, Timestamp::now());
        eprintln!("{}: {verdict}", self.partner);
        let held = |flaw: Flaw| Failure::No(format!("it would be held back: {flaw}"));
        let draft = Draft::write(&article, &policies, &edition).map_err(held)?;
        if self.explain {
            print(&draft.explain().map_err(held)?)?;
        }
        let Rendition { document, dropped, media: _ } = draft.prove().map_err(|unproved| held(unproved.into()))?;
        if self.explain {
            return Ok(());
        }
        eprintln!(
            "{} ({} bytes), proved to carry what the licence demands",
            document.content_type(),
            document.bytes().len()
        );
        if !dropped.is_empty() {
            eprintln!("without {}, which the wire has no right to give", dropped.join(", "));
        }
        match &self.out {
            Some(path) => std::fs::write(path, document.bytes())
                .map_err(|why| Failure::Unavailable(format!("cannot write {}: {why}", path.display())))?,
            None => output::whole(document.bytes())?,
        }
        Ok(())
    }

    fn destination_of<'a>(&self, partner: &'a Partner) -> Result<&'a Destination, Failure> {
        let known = || partner.destinations.keys().cloned().collect::<Vec<_>>().join(", ");
        match &self.destination {
            Some(id) => partner.destinations.get(id).map(|destination| &**destination).ok_or_else(|| {
                Failure::Usage(format!("{} has no destination {id:?}; it has: {}", self.partner, known()))
            }),
            None => match partner.destinations.values().collect::<Vec<_>>().as_slice() {
                [one] => Ok(one),
                _ => Err(Failure::Usage(format!(
                    "{} has several destinations; say which with --destination: {}",
                    self.partner,
                    known()
                ))),
            },
        }
    }
}

/// Prints where each element stands.
fn print(explained: &[Explained]) -> Result<(), Failure> {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_header(["element", "stands at", "and says"]);
    for Explained { name, found } in explained {
        let (places, texts): (Vec<_>, Vec<_>) = found.iter().map(|(at, text)| (at.as_str(), beginning(text))).unzip();
        table.add_row([name.clone(), places.join("\n"), texts.join("\n")]);
    }
    if explained.is_empty() { say!("nothing is required of this document") } else { say!("{table}") }
}

/// `file:line:column: what`, where there is a line.
fn placed(file: &std::path::Path, why: &DecodeError) -> String {
    match why {
        DecodeError::Syntax { line, column, problem } => format!("{}:{line}:{column}: {problem}", file.display()),
        other => format!("{}: {other}", file.display()),
    }
}
