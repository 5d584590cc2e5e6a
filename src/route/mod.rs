//! Who gets an article: the entitlement a partner's contract gives, what the story's terms exclude, and the subscriptions
//! that choose from the rest.
//!
//! A pure function of the article, the configuration and the time: the same three give the same [`Verdict`], which
//! says in plain words by which rule a partner gets a story, or why each of its rules passed it by. Whether a partner
//! is paused has no influence: it keeps what it is owed, and so it has to be owed it.
//!
//! Withdrawals are routed like any version, but neither urgency, nor `actions`, nor where and how a partner publishes hold
//! one back (promise 4); who has the story, and so must be told though no rule matches any more, is the ledger's to know.
//!
//! This module knows nothing of delivery, of formats, or of what went before.

mod limits;
mod rule;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use crate::article::{Article, WireId};
use crate::config::{Config, Entitlement, Partner, PartnerId, Subscription};
pub use limits::Excluded;
use limits::{Limited, WireLimits};
use rule::Key;
pub use rule::{Rule, Story};

/// Whether a partner gets an article, and why.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// By the rule of this name, or for want of any rule.
    Gets { rule: Option<Arc<str>> },
    /// Its contract does not cover the article.
    NotEntitled(NotEntitled),
    /// None of its rules takes the article; one reason a rule, in the order of their names.
    NotSubscribed { reasons: Vec<Reason> },
}

/// What a contract has against an article.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotEntitled {
    Wire(WireId),
    Before(Timestamp),
    Ended(Timestamp),
    /// Where or how it publishes, the story's terms exclude.
    Excluded(Excluded),
}

/// The first key of a rule that the article does not match.
#[derive(Debug, Clone)]
pub struct Reason {
    rule: Arc<Rule>,
    key: Key,
}

impl Verdict {
    pub fn gets(&self) -> bool {
        matches!(self, Self::Gets { .. })
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gets { rule: Some(rule) } => write!(f, "gets it by its rule \"{rule}\""),
            Self::Gets { rule: None } => write!(f, "gets it: it is entitled, and has no rules"),
            Self::NotEntitled(why) => write!(f, "does not get it: {why}"),
            Self::NotSubscribed { reasons } => {
                write!(f, "does not get it: ")?;
                for (at, reason) in reasons.iter().enumerate() {
                    write!(f, "{}{reason}", if at > 0 { "; " } else { "" })?;
                }
                Ok(())
            }
        }
    }
}

impl fmt::Display for NotEntitled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wire(wire) => write!(f, "its contract does not cover the wire \"{wire}\""),
            Self::Before(from) => write!(f, "its contract begins at {from}"),
            Self::Ended(until) => write!(f, "its contract ended at {until}"),
            Self::Excluded(why) => write!(f, "{why}"),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.rule.explain(self.key, f)
    }
}

/// Whether `partner` gets `article` when it is accepted at `now`, by the wires, policies and subject codes of `config`.
pub fn route(article: &Article, partner: &Partner, config: &Config, now: Timestamp) -> Verdict {
    let rules = Rules::new(&config.subject_descendants).of(partner);
    let (story, limits) = (Story::of(article), WireLimits::all(config));
    verdict(&story, &partner.entitlement, &rules, &for_story(&limits, &story), now)
}

/// All partners' rules, made ready once for many articles.
#[derive(Debug)]
pub struct Router {
    partners: Vec<Routable>,
    limits: BTreeMap<WireId, WireLimits>,
}

/// What routing has to know of a partner. The rest of its configuration may go.
#[derive(Debug)]
struct Routable {
    id: PartnerId,
    entitlement: Arc<Entitlement>,
    destinations: Box<[String]>,
    rules: Box<[Arc<Rule>]>,
}

/// What the router says of one partner.
#[derive(Debug, Clone)]
pub struct Routed<'r> {
    pub partner: &'r PartnerId,
    /// The names of the partner's destinations; all of them are owed what the partner gets.
    pub destinations: &'r [String],
    pub verdict: Verdict,
}

impl Router {
    pub fn new(config: &Config) -> Self {
        let mut rules = Rules::new(&config.subject_descendants);
        let mut entitlements: HashMap<&Entitlement, Arc<Entitlement>> = HashMap::new();
        let partners = config.partners.iter().map(|(id, partner)| Routable {
            // Of its own: the configuration's stands among all that goes with it, and would keep that place from the system.
            id: PartnerId::new(id.as_str()),
            entitlement: Arc::clone(
                entitlements.entry(&partner.entitlement).or_insert_with(|| Arc::new(partner.entitlement.clone())),
            ),
            destinations: partner.destinations.keys().cloned().collect(),
            rules: rules.of(partner),
        });
        Self { partners: partners.collect(), limits: WireLimits::all(config) }
    }

    /// The partners with the names of their destinations, in the order of their ids.
    pub fn destinations(&self) -> impl Iterator<Item = (&PartnerId, &[String])> {
        self.partners.iter().map(|partner| (&partner.id, &*partner.destinations))
    }

    /// The verdict on `article`, accepted at `now`, for every partner in the order of their ids.
    pub fn route(&self, article: &Article, now: Timestamp) -> Vec<Routed<'_>> {
        let story = Story::of(article);
        let limits = for_story(&self.limits, &story);
        self.partners
            .iter()
            .map(|routable| Routed {
                partner: &routable.id,
                destinations: &routable.destinations,
                verdict: verdict(&story, &routable.entitlement, &routable.rules, &limits, now),
            })
            .collect()
    }
}

/// The rules of partners. Equal ones are one, since thousands of contracts are few kinds of contracts.
struct Rules<'c> {
    descendants: &'c BTreeMap<String, Vec<String>>,
    made: HashMap<(&'c str, &'c Subscription), Arc<Rule>>,
}

impl<'c> Rules<'c> {
    fn new(descendants: &'c BTreeMap<String, Vec<String>>) -> Self {
        Self { descendants, made: HashMap::new() }
    }

    fn of(&mut self, partner: &'c Partner) -> Box<[Arc<Rule>]> {
        let subscriptions = partner.subscriptions.iter();
        subscriptions
            .map(|(name, subscription)| {
                let new = || Arc::new(Rule::new(name, subscription, self.descendants));
                Arc::clone(self.made.entry((name, subscription)).or_insert_with(new))
            })
            .collect()
    }
}

/// The limits that hold for `story`, of those of all wires.
fn for_story<'l>(limits: &'l BTreeMap<WireId, WireLimits>, story: &Story<'_>) -> Vec<&'l Limited> {
    limits.get(&story.article.wire).map(|limits| limits.for_story(story)).unwrap_or_default()
}

fn verdict(
    story: &Story<'_>,
    entitlement: &Entitlement,
    rules: &[Arc<Rule>],
    limits: &[&Limited],
    now: Timestamp,
) -> Verdict {
    let wire = &story.article.wire;
    if !entitlement.wires.is_empty() && !entitlement.wires.contains(wire) {
        return Verdict::NotEntitled(NotEntitled::Wire(wire.clone()));
    }
    if let Some(from) = entitlement.from.filter(|from| now < *from) {
        return Verdict::NotEntitled(NotEntitled::Before(from));
    }
    if let Some(until) = entitlement.until.filter(|until| now >= *until) {
        return Verdict::NotEntitled(NotEntitled::Ended(until));
    }
    if let Some(why) = limits.iter().find_map(|limits| limits.exclude(entitlement)) {
        return Verdict::NotEntitled(NotEntitled::Excluded(why));
    }
    if rules.is_empty() {
        return Verdict::Gets { rule: None };
    }
    let mut reasons = Vec::new();
    for rule in rules {
        match rule.passes_by(story) {
            None => return Verdict::Gets { rule: Some(rule.name.clone()) },
            Some(key) => reasons.push(Reason { rule: rule.clone(), key }),
        }
    }
    Verdict::NotSubscribed { reasons }
}

#[cfg(test)]
mod tests;
