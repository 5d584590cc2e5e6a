//! To whom an article is owed, and on what terms: what routing says, what contracts say of time, and how long the wire
//! lends a story.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::article::{Article, WireId};
use crate::attribution::Policies;
use crate::config::{Config, PartnerId, Span, Wire};
use crate::ledger::{Acceptance, DestinationId, Owed, Rights, Target};
use crate::route::Router;

/// The configuration, as far as it says what is owed to whom.
pub struct Contracts {
    router: Router,
    /// What each destination is owed, by partners and destinations in the router's order. None: it has no lane.
    destinations: Box<[Box<[Option<Owed>]>]>,
    wires: BTreeMap<WireId, Terms>,
    /// Of articles that do not name theirs.
    default_wire: WireId,
    /// The largest article that is taken, in bytes.
    article_limit: usize,
    subject_descendants: BTreeMap<String, Vec<String>>,
}

/// What a wire says of its stories' time.
struct Terms {
    policies: Arc<Policies>,
    withdraw_for: Duration,
}

impl Contracts {
    /// `ids` are the ledger's ids by name (`partner/destination`).
    pub fn new(config: &Config, ids: &HashMap<String, DestinationId>) -> Self {
        let router = Router::new(config);
        let owed = |(id, names): (&PartnerId, &[String])| {
            let partner = config.partners.get(id);
            let owed = |destination: &String| {
                let (partner, lane) = (partner?, ids.get(&name(id, destination))?);
                let early = partner.entitlement.embargo_early.map(Span::get).unwrap_or_default();
                let versions = partner.destinations.get(destination)?.versions;
                Some(Owed { early, versions, ..Owed::plainly(*lane) })
            };
            names.iter().map(owed).collect()
        };
        let destinations = router.destinations().map(owed).collect();
        let policies = Policies::all(config);
        let terms = |(id, wire): (&WireId, &Arc<Wire>)| {
            let policies = Arc::clone(policies.get(id)?);
            Some((id.clone(), Terms { policies, withdraw_for: wire.withdraw_for.get() }))
        };
        Self {
            router,
            destinations,
            wires: config.wires.iter().filter_map(terms).collect(),
            // A checked configuration has a wire.
            default_wire: (config.intake.wire.as_ref().or_else(|| config.wires.keys().next()).cloned())
                .unwrap_or_else(|| WireId::new("")),
            article_limit: config.intake.article_limit.get(),
            subject_descendants: config.subject_descendants.clone(),
        }
    }

    /// Whether this wire is configured.
    pub fn carries(&self, wire: &WireId) -> bool {
        self.wires.contains_key(wire)
    }

    /// The wire of articles that do not name theirs.
    pub fn default_wire(&self) -> &WireId {
        &self.default_wire
    }

    /// The largest article that is taken, in bytes.
    pub fn article_limit(&self) -> usize {
        self.article_limit
    }

    /// An article as the ledger accepts it, with everyone to whom it is owed at `now`.
    pub fn acceptance(&self, article: Article, source: String, now: Timestamp) -> Acceptance {
        Acceptance {
            routed: self.owed(&article, None, now),
            rights: self.rights(&article),
            withdraw_for: self.withdraw_for(&article),
            article,
            source,
            trace: None,
            now,
        }
    }

    /// The destinations that are routed an article at `now`; with `only`, those of them.
    pub fn owed(&self, article: &Article, only: Option<&Target>, now: Timestamp) -> Vec<Owed> {
        let mut owed = Vec::new();
        for (one, destinations) in self.router.route(article, now).into_iter().zip(&self.destinations) {
            tracing::debug!(story = %article.guid, version = %article.version, partner = %one.partner, verdict = %one.verdict, "routed");
            if !one.verdict.gets() {
                continue;
            }
            for (destination, terms) in one.destinations.iter().zip(destinations) {
                if only.is_none_or(|only| only.covers(&name(one.partner, destination))) {
                    owed.extend(terms);
                }
            }
        }
        owed
    }

    /// The first destination that a target covers, in the order of names.
    pub fn first_of(&self, target: &Target) -> Option<DestinationId> {
        let partners = self.router.destinations().zip(&self.destinations);
        partners
            .flat_map(|((partner, names), owed)| names.iter().map(|of| name(partner, of)).zip(owed))
            .filter_map(|(name, owed)| Some((name, owed.as_ref()?.destination)))
            .filter(|(name, _)| target.covers(name))
            .min()
            .map(|(_, destination)| destination)
    }

    /// The subject codes below a code, as the configuration lists them.
    pub fn subject_descendants(&self) -> &BTreeMap<String, Vec<String>> {
        &self.subject_descendants
    }

    /// How long a withdrawal is tried. A wire that is not configured any more has the default.
    pub fn withdraw_for(&self, article: &Article) -> Duration {
        self.wires.get(&article.wire).map_or_else(|| Wire::WITHDRAW_FOR.get(), |terms| terms.withdraw_for)
    }

    /// Until when those who get it may keep it: what the article says goes before what the wire does.
    fn rights(&self, article: &Article) -> Rights {
        if let Some(until) = article.rights_until {
            return Rights::Until(until);
        }
        let retention = self.wires.get(&article.wire).and_then(|terms| terms.policies.retention(article));
        retention.map_or(Rights::Lasting, Rights::For)
    }
}

/// `partner/destination`
fn name(partner: &PartnerId, destination: &str) -> String {
    [partner.as_str(), "/", destination].concat()
}
