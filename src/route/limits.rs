//! Where and for what the stories of a wire may be used, made ready for routing: by the wire's own terms, and by those of
//! the policies that a story carries.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::{Rule, Story};
use crate::article::WireId;
use crate::config::{Config, Country, Entitlement, Limits, Use, Wire};

/// Why the terms of a story keep it from a partner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excluded {
    terms: Arc<str>,
    what: What,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Country(Country),
    Use(Use),
    /// The partner says nothing of it. A configuration that was checked has no such partner.
    UntoldCountry,
    UntoldUse,
}

/// The limits of one wire's stories.
#[derive(Debug)]
pub(super) struct WireLimits(Vec<Limited>);

/// Limits, whose they are, and which stories they are for.
#[derive(Debug)]
pub(super) struct Limited {
    /// Whose terms they are: `the wire's terms`.
    terms: Arc<str>,
    limits: Limits,
    /// `None`: every story of the wire.
    stories: Option<Rule>,
}

impl WireLimits {
    /// Those of every wire.
    pub fn all(config: &Config) -> BTreeMap<WireId, Self> {
        config.wires.iter().map(|(id, wire)| (id.clone(), Self::of(wire, config))).collect()
    }

    fn of(wire: &Wire, config: &Config) -> Self {
        let own = Limited { terms: "the wire's terms".into(), limits: wire.limits.clone(), stories: None };
        let others = wire.policies.iter().filter_map(|id| {
            let policy = config.policies.get(id)?;
            let rule = |stories| Rule::new(id.as_str(), stories, &config.subject_descendants);
            let terms = format!("the terms of {}", policy.name).into();
            Some(Limited { terms, limits: policy.limits.clone(), stories: policy.stories.as_ref().map(rule) })
        });
        let matter = |limited: &Limited| limited.limits.by_country() || limited.limits.by_use();
        Self(std::iter::once(own).chain(others).filter(matter).collect())
    }

    /// Those that hold for `story`. For a withdrawal none does: whoever has a story that was never meant for its country
    /// has to take it down all the same (promise 4).
    pub fn for_story(&self, story: &Story<'_>) -> Vec<&Limited> {
        if story.article.action.withdraws() {
            return Vec::new();
        }
        let holds = |limited: &&Limited| limited.stories.as_ref().is_none_or(|rule| rule.passes_by(story).is_none());
        self.0.iter().filter(holds).collect()
    }
}

impl Limited {
    /// What of them keeps a story from a partner of this contract.
    pub fn exclude(&self, entitlement: &Entitlement) -> Option<Excluded> {
        let what = excluded(&self.limits, entitlement)?;
        Some(Excluded { terms: Arc::clone(&self.terms), what })
    }
}

/// A partner publishes what it gets in all of its countries and in all of its ways, so that one that is excluded is
/// enough.
fn excluded(limits: &Limits, entitlement: &Entitlement) -> Option<What> {
    let Entitlement { countries, uses, .. } = entitlement;
    if limits.by_country() {
        if countries.is_empty() {
            return Some(What::UntoldCountry);
        }
        if let Some(country) = countries.iter().find(|country| !limits.allow_in(**country)) {
            return Some(What::Country(*country));
        }
    }
    if limits.by_use() {
        if uses.is_empty() {
            return Some(What::UntoldUse);
        }
        if let Some(way) = uses.iter().find(|way| !limits.allow_for(**way)) {
            return Some(What::Use(*way));
        }
    }
    None
}

impl fmt::Display for Excluded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let terms = &self.terms;
        match self.what {
            What::Country(country) => write!(f, "{terms} exclude use in {country}"),
            What::Use(Use::Online) => write!(f, "{terms} exclude use online"),
            What::Use(Use::Print) => write!(f, "{terms} exclude use in print"),
            What::Use(Use::Broadcast) => write!(f, "{terms} exclude use in broadcasts"),
            What::UntoldCountry => {
                write!(f, "{terms} limit where it may be used, and the partner does not say where it publishes")
            }
            What::UntoldUse => {
                write!(f, "{terms} limit how it may be used, and the partner does not say how it publishes")
            }
        }
    }
}
