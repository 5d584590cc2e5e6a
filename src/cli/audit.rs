//! `newswired audit`: what a republished page shows of a story and its terms.

use std::path::PathBuf;

use clap::Args;
use comfy_table::{Table, presets};

use super::output::say;
use super::{ConfigFile, Failure, beginning};
use crate::article::{self, Article};
use crate::attribution::{Attribution, Policies, media};
use crate::audit::{Findings, Standing, about, audit};
use crate::config::{Config, Edition, Format, FormatProfile, MediaWay, PartnerId};
use crate::ledger::{Held, SqliteReader};
use crate::transport;

#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 the page keeps to the terms; 1 it does not; 64 usage; 69 the page or the ledger cannot be read; 78 configuration"
)]
pub struct Audit {
    /// The partner whose page it is
    #[arg(long, value_name = "ID")]
    partner: String,
    #[command(flatten)]
    page: PageSource,
    /// The story that the page shows; left out, it is the one whose headline the page has
    #[arg(long, value_name = "GUID")]
    story: Option<String>,
    /// The article as it was sent, instead of the ledger's
    #[arg(long, value_name = "FILE", conflicts_with = "story")]
    article: Option<PathBuf>,
    /// One JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigFile,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct PageSource {
    /// The page's address
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// The page as it was saved
    #[arg(long, value_name = "PAGE.html")]
    file: Option<PathBuf>,
}

/// The stories of a partner that are looked through for a page's headline.
const LATEST: usize = 5_000;

impl Audit {
    pub async fn run(self) -> Result<(), Failure> {
        let config = self.config.load_to_look()?;
        let partner = config.partners.get(self.partner.as_str()).ok_or_else(|| {
            let known: Vec<_> = config.partners.keys().map(ToString::to_string).collect();
            Failure::Usage(format!("there is no partner {:?}; there are: {}", self.partner, known.join(", ")))
        })?;
        let page = self.page.read(&config).await?;
        let Held { article, withdrawn } = match &self.article {
            Some(file) => Held { article: read_article(file, &config)?, withdrawn: false },
            None => self.of_ledger(&config, &page)?,
        };
        let policies = Policies::of(&config, &article.wire)
            .ok_or_else(|| Failure::Config(format!("the wire {:?} is not configured", article.wire)))?;
        // Whatever it was sent in, this is what became of it online.
        let edition = Edition {
            profile: FormatProfile::plain(Format::Html).into(),
            changes: partner.attribution.clone().into(),
            partner: Some(PartnerId::new(&self.partner)),
            media: MediaWay::Linked,
        };
        let mut attribution = Attribution::resolve(&article, &policies, &edition)
            .map_err(|missing| Failure::No(format!("nothing can be asked of the page: {missing}")))?;
        attribution.credit_media(&media::sift(&article, &policies.wire));
        let mut findings = audit(&page, &article, &attribution, &policies.wire);
        if withdrawn {
            findings.breaches.insert(0, "the story was withdrawn: the page must come down".to_owned());
        }
        if self.json {
            let line = serde_json::to_string(&findings).map_err(|why| Failure::Unavailable(why.to_string()))?;
            say!("{line}")?;
        } else {
            print(&article, &findings)?;
        }
        match findings.breaches.len() {
            0 => Ok(()),
            1 => Err(Failure::No("the page breaches the terms in one point".to_owned())),
            number => Err(Failure::No(format!("the page breaches the terms in {number} points"))),
        }
    }

    fn of_ledger(&self, config: &Config, page: &str) -> Result<Held, Failure> {
        let reader = SqliteReader::open(&config.ledger.path)?;
        let mut stories = reader.held_by(&self.partner, self.story.as_deref(), LATEST)?;
        let at = match &self.story {
            Some(_) => Some(0).filter(|_| !stories.is_empty()),
            None => about(page, stories.iter().map(|held| held.article.headline.as_str())),
        };
        let missing = || match &self.story {
            Some(guid) => format!("{} was never sent the story {guid}; is the guid right?", self.partner),
            None => format!(
                "the page has none of the headlines of the last {} stories that {} was sent; say which it is with --story",
                stories.len(),
                self.partner
            ),
        };
        let at = at.ok_or_else(|| Failure::No(missing()))?;
        Ok(stories.swap_remove(at))
    }
}

impl PageSource {
    async fn read(&self, config: &Config) -> Result<String, Failure> {
        if let Some(url) = &self.url {
            return transport::page(url, &config.delivery).await.map_err(|why| Failure::Unavailable(why.to_string()));
        }
        // The command line has one of the two.
        let file = self.file.as_deref().unwrap_or(std::path::Path::new(""));
        let bytes = std::fs::read(file)
            .map_err(|why| Failure::Unavailable(format!("cannot read {}: {why}", file.display())))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

fn read_article(file: &std::path::Path, config: &Config) -> Result<Article, Failure> {
    let unreadable = |why: &dyn std::fmt::Display| Failure::Usage(format!("cannot read {}: {why}", file.display()));
    let bytes = std::fs::read(file).map_err(|why| unreadable(&why))?;
    let wire = config.intake.wire.as_ref().or_else(|| config.wires.keys().next());
    let wire = wire.ok_or_else(|| Failure::Config("there is no wire in the configuration".to_owned()))?;
    article::decode(&bytes, None, wire).map_err(|why| unreadable(&why))
}

fn print(article: &Article, findings: &Findings) -> Result<(), Failure> {
    say!("{} version {}: {}", article.guid, article.version, article.headline)?;
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_header(["element", "shown at", "and says"]);
    for element in &findings.elements {
        let (at, text) = match &element.found {
            Some(Standing { at, says }) => (at.clone(), beginning(says)),
            None => ("not shown".to_owned(), format!("it should say: {}", beginning(&element.wanted))),
        };
        table.add_row([element.name.clone(), at, text]);
    }
    if !findings.elements.is_empty() {
        say!("{table}")?;
    }
    match &findings.headline.instead {
        Some(instead) => say!("headline: changed to {instead:?}")?,
        None if findings.headline.kept => say!("headline: as it was sent")?,
        None => say!("headline: not there")?,
    }
    let text = &findings.text;
    say!(
        "text: of {} paragraphs {} as sent, {} changed, {} not there",
        text.paragraphs,
        text.kept,
        text.changed.len(),
        text.missing.len()
    )?;
    for change in &text.changed {
        say!("  {:.0} % alike", 100.0 * change.alike)?;
        say!("    sent:   {}", change.sent)?;
        say!("    stands: {}", change.stands)?;
    }
    for missing in &text.missing {
        say!("  not there: {missing}")?;
    }
    for breach in &findings.breaches {
        say!("breach: {breach}")?;
    }
    Ok(())
}
