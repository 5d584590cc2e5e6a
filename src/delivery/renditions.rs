//! Renditions in memory: made once per article and profile, shared by every destination that takes it.

mod ahead;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use jiff::Timestamp;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::article::{Action, Article, Guid, Urgency, Version, WireId};
use crate::attribution::{Policies, Proved};
use crate::config::{Edition, MediaWay, MissingMedia, NameFields};
use crate::current::Current;
use crate::ledger::{ArticleId, Ledger, LedgerError, QuarantineEntry, QuarantineKind};
use crate::render::{self, Flaw, MediaFile, Rendition};
use crate::telemetry::{Metrics, TraceContext};
use crate::transport::{Enclosure, Have, Media};

pub use ahead::{Ahead, MOST as MOST_AHEAD};

/// Where lanes get documents from. The daemon has [`Renditions`]; a simulation makes none.
pub trait Documents: Send + Sync + 'static {
    /// The article in that edition, or why there is none.
    fn get<'a>(
        &'a self,
        article: ArticleId,
        edition: &'a Numbered,
    ) -> BoxFuture<'a, Result<Arc<Rendered>, LedgerError>>;
}

/// Makes documents, and keeps the recent ones within a budget of bytes.
pub struct Renditions {
    ledger: Arc<dyn Ledger>,
    terms: Current<Terms>,
    cache: Cache<Made, Written, ByBytes>,
    metrics: Arc<Metrics>,
    /// Where a destination takes files of media.
    media: Current<Option<Arc<Media>>>,
    /// Articles may belong to traces.
    traced: bool,
}

/// What the wires ask of republishers.
struct Terms {
    /// Each reload that changes them makes other documents of the same articles.
    generation: u32,
    policies: BTreeMap<WireId, Arc<Policies>>,
}

/// What a document is made of: an article and an edition, by these terms, without the files that are gone.
type Made = (ArticleId, u32, u32, Option<Arc<BTreeSet<String>>>);

/// A document, and the files that have to be there before it.
#[derive(Clone)]
struct Written {
    rendered: Arc<Rendered>,
    files: Arc<[MediaFile]>,
}

/// An edition by the number that the cache knows it by.
#[derive(Debug, Clone)]
pub struct Numbered {
    number: u32,
    edition: Arc<Edition>,
}

impl PartialEq for Numbered {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Numbered {
    /// Whether a story waits whose files are gone.
    fn waits_for_media(&self) -> bool {
        match self.edition.media {
            MediaWay::Enclosed { missing, .. } => missing == MissingMedia::Wait,
            MediaWay::Linked => false,
        }
    }
}

/// The editions of a configuration. Equal ones have equal numbers, so destinations that have them share renditions.
#[derive(Debug, Default)]
pub struct Editions(HashMap<Edition, Numbered>);

impl Editions {
    pub fn number(&mut self, edition: Edition) -> Numbered {
        let number = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        let new = || Numbered { number, edition: Arc::new(edition.clone()) };
        self.0.entry(edition.clone()).or_insert_with(new).clone()
    }
}

/// A document, or why there is none; with what a request's headers say of it.
#[derive(Debug, Clone)]
pub struct Rendered {
    pub story: Guid,
    pub version: Version,
    pub action: Action,
    pub urgency: Urgency,
    /// When this version was made; of an article that does not say it, when it was accepted.
    pub published: Option<Timestamp>,
    pub document: Result<Arc<Proved>, NoDocument>,
    /// What a file of it may be called after.
    pub names: Arc<NameFields>,
    /// Media that the story goes without.
    pub dropped: Vec<String>,
    /// The files that have to be there before it.
    pub media: Arc<[Enclosure]>,
    /// Where in a trace the article was accepted, if it is traced.
    pub trace: Option<TraceContext>,
}

/// Why there is no document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoDocument {
    /// It cannot be made or proved.
    Never(String),
    /// A file that goes with it is not there.
    NotYet(String),
}

impl Documents for Renditions {
    /// Lanes that ask at the same time wait for one making.
    fn get<'a>(
        &'a self,
        article: ArticleId,
        edition: &'a Numbered,
    ) -> BoxFuture<'a, Result<Arc<Rendered>, LedgerError>> {
        self.with_files(article, edition).boxed()
    }
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<Made, Written> for ByBytes {
    fn weight(&self, _: &Made, written: &Written) -> u64 {
        let bytes = written.rendered.document.as_ref().map_or(0, |document| document.bytes().len());
        // What the entry costs beside its bytes.
        512 + bytes as u64
    }
}

impl Renditions {
    /// `budget` in bytes.
    pub fn new(
        ledger: Arc<dyn Ledger>,
        policies: BTreeMap<WireId, Arc<Policies>>,
        budget: usize,
        metrics: Arc<Metrics>,
    ) -> Self {
        // About as many entries as fit the budget with the 6 kB of an ordinary article.
        let cache = Cache::with_weighter((budget / 6_000).max(16), budget as u64, ByBytes);
        let terms = Current::new(Terms { generation: 0, policies });
        Self { ledger, terms, cache, metrics, media: Current::default(), traced: false }
    }

    /// The same with files of media.
    pub fn with_media(self, media: Option<Arc<Media>>) -> Self {
        self.media.set(media);
        self
    }

    /// From here on documents are made by these policies, where they have changed, and with these files.
    pub fn adopt(&self, policies: Option<BTreeMap<WireId, Arc<Policies>>>, media: Option<Arc<Media>>) {
        if let Some(policies) = policies {
            let generation = self.terms.get().generation + 1;
            self.terms.set(Terms { generation, policies });
        }
        self.media.set(media);
    }

    /// The same; with `traced`, for lanes that trace their attempts.
    pub fn with_traces(self, traced: bool) -> Self {
        Self { traced, ..self }
    }

    /// The document with the files that go with it. It is written before they are fetched, and once more without those
    /// that turn out to be gone: what is gone stays gone, so the same document comes of it at every attempt (promise 9).
    async fn with_files(&self, article: ArticleId, edition: &Numbered) -> Result<Arc<Rendered>, LedgerError> {
        let mut gone: BTreeMap<String, String> = BTreeMap::new();
        let (terms, media) = (self.terms.get(), self.media.get());
        loop {
            let without = (!gone.is_empty()).then(|| Arc::new(gone.keys().cloned().collect::<BTreeSet<_>>()));
            let made = (article, edition.number, terms.generation, without);
            let making = self.make(article, &edition.edition, &terms, made.3.as_ref());
            let Written { rendered, files } = self.cache.get_or_insert_async(&made, making).await?;
            if files.is_empty() && gone.is_empty() {
                return Ok(rendered);
            }
            let not_yet = |why| {
                let document = Err(NoDocument::NotYet(why));
                Ok(Arc::new(Rendered { document, ..Rendered::clone(&rendered) }))
            };
            let Some(media) = media.as_ref() else {
                return not_yet("there is no store of media files".to_owned());
            };
            let wanted =
                files.iter().map(|file| media.want(&file.address, &file.name, &rendered.story, rendered.version));
            let (mut here, mut more) = (Vec::new(), BTreeMap::new());
            for (file, have) in files.iter().zip(join_all(wanted).await) {
                match have {
                    Have::Here(enclosure) => here.push(enclosure),
                    Have::Gone(why) => drop(more.insert(file.address.clone(), why)),
                    Have::NotNow(why) => return not_yet(format!("it waits for {}: {why}", file.address)),
                }
            }
            if more.is_empty() {
                let lost = gone.iter().map(|(address, why)| format!("{address} ({why})"));
                let dropped = rendered.dropped.iter().cloned().chain(lost).collect();
                return Ok(Arc::new(Rendered { media: here.into(), dropped, ..Rendered::clone(&rendered) }));
            }
            if let (true, Some((address, why))) = (edition.waits_for_media(), more.first_key_value()) {
                return not_yet(format!("it waits for its next version, since {address} is gone: {why}"));
            }
            gone.extend(more);
        }
    }

    async fn make(
        &self,
        id: ArticleId,
        edition: &Arc<Edition>,
        terms: &Terms,
        gone: Option<&Arc<BTreeSet<String>>>,
    ) -> Result<Written, LedgerError> {
        let article = self.ledger.article(id).await?;
        // A delivery does not fail for its trace: without one it goes on untraced.
        let trace = if self.traced { self.ledger.trace(id).await.unwrap_or_default() } else { None };
        let rendition = match terms.policies.get(&article.wire) {
            None => Err(NoDocument::Never(format!("the wire {} is not configured any more", article.wire))),
            Some(policies) => {
                let format = edition.profile.format;
                let (policies, made) = (Arc::clone(policies), Arc::clone(&article));
                let edition = Arc::clone(edition);
                // Writing and proving is computing: a long article must not hold up the threads that serve the lanes.
                let gone = gone.map(Arc::clone).unwrap_or_default();
                let rendition =
                    tokio::task::spawn_blocking(move || render::rendition_without(&made, &policies, &edition, &gone));
                match rendition.await.map_err(|why| LedgerError::Damaged(format!("its rendition broke off: {why}")))? {
                    Ok(rendition) => {
                        self.metrics.renditions.inc();
                        Ok(rendition)
                    }
                    Err(flaw) => {
                        self.metrics.proof_failures.inc();
                        let reason = format!("no {} rendition: {flaw}", format.as_str());
                        tracing::error!(story = %article.guid, version = %article.version, format = format.as_str(), reason = %flaw, "rendition not proved");
                        let entry = QuarantineEntry {
                            kind: QuarantineKind::Rendition,
                            source: format!("{} version {} as {}", article.guid, article.version, format.as_str()),
                            content_type: None,
                            guid: Some(article.guid.to_string()),
                            reason: reason.clone(),
                            bytes: evidence(flaw),
                            at: Timestamp::now(),
                        };
                        let _ = self.ledger.quarantine(entry).await?;
                        Err(NoDocument::Never(reason))
                    }
                }
            }
        };
        Ok(Written::of(&article, edition, rendition, trace))
    }
}

impl Written {
    /// What has come of an article in an edition.
    fn of(
        article: &Article,
        edition: &Edition,
        rendition: Result<Rendition, NoDocument>,
        trace: Option<TraceContext>,
    ) -> Self {
        let extension = render::renderer(edition.profile.format).extension(&edition.profile);
        let (document, dropped, files) = match rendition {
            Ok(Rendition { document, dropped, media }) => (Ok(Arc::new(document)), dropped, media),
            Err(why) => (Err(why), Vec::new(), Vec::new()),
        };
        let rendered = Arc::new(Rendered {
            story: article.guid.clone(),
            version: article.version,
            action: article.action,
            urgency: article.urgency,
            published: article.versioned,
            document,
            names: NameFields::of_article(article, &extension).into(),
            dropped,
            media: Arc::default(),
            trace,
        });
        Self { rendered, files: files.into() }
    }
}

/// The document that could not be proved, for the operator to see.
fn evidence(flaw: Flaw) -> Vec<u8> {
    match flaw {
        Flaw::Unproved(unproved) => unproved.bytes.into(),
        Flaw::Missing(_) | Flaw::Render(_) => Vec::new(),
    }
}
