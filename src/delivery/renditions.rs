//! Renditions in memory: made once per article and profile, shared by every destination that takes it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::article::{Action, Guid, Urgency, Version, WireId};
use crate::attribution::{Policies, Proved};
use crate::config::{Edition, NameFields};
use crate::ledger::{ArticleId, Ledger, LedgerError, QuarantineEntry, QuarantineKind};
use crate::render::{self, Flaw};
use crate::telemetry::Metrics;

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
    policies: BTreeMap<WireId, Arc<Policies>>,
    cache: Cache<(ArticleId, u32), Arc<Rendered>, ByBytes>,
    metrics: Arc<Metrics>,
}

/// An edition by the number that the cache knows it by.
#[derive(Debug, Clone)]
pub struct Numbered {
    number: u32,
    edition: Arc<Edition>,
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
pub struct Rendered {
    pub story: Guid,
    pub version: Version,
    pub action: Action,
    pub urgency: Urgency,
    pub document: Result<Arc<Proved>, String>,
    /// What a file of it may be called after.
    pub names: Arc<NameFields>,
    /// Media that the story goes without.
    pub dropped: Vec<String>,
}

impl Documents for Renditions {
    /// Lanes that ask at the same time wait for one making.
    fn get<'a>(
        &'a self,
        article: ArticleId,
        edition: &'a Numbered,
    ) -> BoxFuture<'a, Result<Arc<Rendered>, LedgerError>> {
        async move { self.cache.get_or_insert_async(&(article, edition.number), self.make(article, &edition.edition)).await }
            .boxed()
    }
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<(ArticleId, u32), Arc<Rendered>> for ByBytes {
    fn weight(&self, _: &(ArticleId, u32), rendered: &Arc<Rendered>) -> u64 {
        let bytes = rendered.document.as_ref().map_or(0, |document| document.bytes().len());
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
        Self { ledger, policies, cache, metrics }
    }

    async fn make(&self, id: ArticleId, edition: &Arc<Edition>) -> Result<Arc<Rendered>, LedgerError> {
        let article = self.ledger.article(id).await?;
        let extension = render::renderer(edition.profile.format).extension(&edition.profile);
        let mut dropped = Vec::new();
        let document = match self.policies.get(&article.wire) {
            None => Err(format!("the wire {} is not configured any more", article.wire)),
            Some(policies) => {
                let format = edition.profile.format;
                let (policies, edition, made) = (Arc::clone(policies), Arc::clone(edition), Arc::clone(&article));
                // Writing and proving is computing: a long article must not hold up the threads that serve the lanes.
                let rendition = tokio::task::spawn_blocking(move || render::rendition(&made, &policies, &edition));
                match rendition.await.map_err(|why| LedgerError::Damaged(format!("its rendition broke off: {why}")))? {
                    Ok(rendition) => {
                        self.metrics.renditions.inc();
                        dropped = rendition.dropped;
                        Ok(Arc::new(rendition.document))
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
                        Err(reason)
                    }
                }
            }
        };
        Ok(Arc::new(Rendered {
            story: article.guid.clone(),
            version: article.version,
            action: article.action,
            urgency: article.urgency,
            document,
            names: NameFields::of_article(&article, &extension).into(),
            dropped,
        }))
    }
}

/// The document that could not be proved, for the operator to see.
fn evidence(flaw: Flaw) -> Vec<u8> {
    match flaw {
        Flaw::Unproved(unproved) => unproved.bytes.into(),
        Flaw::Missing(_) | Flaw::Render(_) => Vec::new(),
    }
}
