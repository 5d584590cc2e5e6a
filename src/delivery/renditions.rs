//! Renditions in memory: made once per article and profile, shared by every destination that takes it.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::article::{Action, Guid, Urgency, Version, WireId};
use crate::attribution::Proved;
use crate::config::{FormatProfile, Wire};
use crate::ledger::{ArticleId, Ledger, LedgerError, QuarantineEntry, QuarantineKind};
use crate::render::{self, Flaw, Profile};
use crate::telemetry::Metrics;

/// Makes documents, and keeps the recent ones within a budget of bytes.
pub struct Renditions {
    ledger: Arc<dyn Ledger>,
    wires: BTreeMap<WireId, Arc<Wire>>,
    cache: Cache<(ArticleId, Arc<FormatProfile>), Arc<Rendered>, ByBytes>,
    metrics: Arc<Metrics>,
}

/// A document, or why there is none; with what a request's headers say of it.
pub struct Rendered {
    pub story: Guid,
    pub version: Version,
    pub action: Action,
    pub urgency: Urgency,
    pub document: Result<Arc<Proved>, String>,
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<(ArticleId, Arc<FormatProfile>), Arc<Rendered>> for ByBytes {
    fn weight(&self, _: &(ArticleId, Arc<FormatProfile>), rendered: &Arc<Rendered>) -> u64 {
        let bytes = rendered.document.as_ref().map_or(0, |document| document.bytes().len());
        // What the entry costs beside its bytes.
        512 + bytes as u64
    }
}

impl Renditions {
    /// `budget` in bytes.
    pub fn new(
        ledger: Arc<dyn Ledger>,
        wires: BTreeMap<WireId, Arc<Wire>>,
        budget: usize,
        metrics: Arc<Metrics>,
    ) -> Self {
        // About as many entries as fit the budget with the 6 kB of an ordinary article.
        let cache = Cache::with_weighter((budget / 6_000).max(16), budget as u64, ByBytes);
        Self { ledger, wires, cache, metrics }
    }

    /// The article as `format` has it. Lanes that ask at the same time wait for one making.
    pub async fn get(&self, article: ArticleId, format: &Arc<FormatProfile>) -> Result<Arc<Rendered>, LedgerError> {
        self.cache.get_or_insert_async(&(article, Arc::clone(format)), self.make(article, format)).await
    }

    async fn make(&self, id: ArticleId, profile: &Arc<FormatProfile>) -> Result<Arc<Rendered>, LedgerError> {
        let article = self.ledger.article(id).await?;
        let document = match self.wires.get(&article.wire) {
            None => Err(format!("the wire {} is not configured any more", article.wire)),
            Some(wire) => {
                let format = profile.format;
                let profile = Profile::new(article.wire.clone(), Arc::clone(wire), Arc::clone(profile));
                let made = Arc::clone(&article);
                // Writing and proving is computing: a long article must not hold up the threads that serve the lanes.
                let rendition = tokio::task::spawn_blocking(move || render::rendition(&made, &profile));
                match rendition.await.map_err(|why| LedgerError::Damaged(format!("its rendition broke off: {why}")))? {
                    Ok(proved) => {
                        self.metrics.renditions.inc();
                        Ok(Arc::new(proved))
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
