//! The policies that a wire's stories carry: its own, and those of others that are for a story.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::tidy;
use crate::article::{Action, Article, WireId};
use crate::config::{
    Change, Config, Edition, Element, Field, Fields, Licence, Line, Logo, Medium, Policy, PolicyId, Position, Role,
    Span, Terms, Wire,
};
use crate::route::{Rule, Story};

/// A wire, and whose policies its stories carry besides its own.
#[derive(Debug)]
pub struct Policies {
    pub wire_id: WireId,
    pub wire: Arc<Wire>,
    others: Vec<Other>,
}

#[derive(Debug)]
struct Other {
    id: PolicyId,
    policy: Arc<Policy>,
    /// `None`: every story of the wire carries it.
    stories: Option<Rule>,
}

impl Policies {
    /// A wire's own policy alone.
    pub fn own(wire_id: WireId, wire: Arc<Wire>) -> Self {
        Self { wire_id, wire, others: Vec::new() }
    }

    /// A wire's own policy, and those of `policies` that it names. `descendants` are the codes below a subject code.
    pub fn new(
        wire_id: WireId,
        wire: Arc<Wire>,
        policies: &BTreeMap<PolicyId, Arc<Policy>>,
        descendants: &BTreeMap<String, Vec<String>>,
    ) -> Self {
        let other = |id: &PolicyId| {
            let policy = policies.get(id)?;
            let rule = |stories| Rule::new(id.as_str(), stories, descendants);
            Some(Other { id: id.clone(), policy: Arc::clone(policy), stories: policy.stories.as_ref().map(rule) })
        };
        let others = wire.policies.iter().filter_map(other).collect();
        Self { wire_id, wire, others }
    }

    /// The policies of the wire of that id; `None` when there is no such wire.
    pub fn of(config: &Config, wire_id: &WireId) -> Option<Self> {
        let wire = Arc::clone(config.wires.get(wire_id)?);
        Some(Self::new(wire_id.clone(), wire, &config.policies, &config.subject_descendants))
    }

    /// The policies of every wire of a configuration.
    pub fn all(config: &Config) -> BTreeMap<WireId, Arc<Self>> {
        let of = |id: &WireId| Some((id.clone(), Arc::new(Self::of(config, id)?)));
        config.wires.keys().filter_map(of).collect()
    }

    /// Everybody whose terms `article` carries, the wire first.
    pub(super) fn parties(&self, article: &Article) -> Vec<Party<'_>> {
        let Self { wire_id, wire, others: _ } = self;
        let own = Party {
            id: wire_id.into(),
            role: None,
            name: tidy(&wire.name).unwrap_or_default(),
            url: wire.url.as_deref().and_then(tidy),
            licence: wire.licence.as_ref(),
            logo: wire.logo.as_ref(),
            contact: wire.contact.as_deref(),
            affiliation: Some(wire.affiliation.as_deref().unwrap_or(&wire.name)),
            tracking: wire.tracking.as_ref(),
            elements: &wire.elements,
            requires: Some(&wire.require),
        };
        let others = self.carried_by(article).map(|Other { id, policy, .. }| Party {
            id: id.clone(),
            role: Some(policy.role),
            name: tidy(&policy.name).unwrap_or_default(),
            url: policy.url.as_deref().and_then(tidy),
            licence: policy.licence.as_ref(),
            logo: policy.logo.as_ref(),
            contact: policy.contact.as_deref(),
            affiliation: policy.affiliation.as_deref(),
            tracking: policy.tracking.as_ref(),
            elements: &policy.elements,
            requires: None,
        });
        std::iter::once(own).chain(others).collect()
    }

    /// How long a republisher may keep the story of `article`, counted from the acceptance of its first version: the
    /// shortest time that a policy gives. `None`: for good.
    pub fn retention(&self, article: &Article) -> Option<Duration> {
        let others = self.carried_by(article).filter_map(|other| other.policy.retention);
        self.wire.retention.into_iter().chain(others).min().map(Span::get)
    }

    /// The policies of others that are for `article`.
    fn carried_by(&self, article: &Article) -> impl Iterator<Item = &Other> {
        let story = Story::of(article);
        let is_for = move |other: &&Other| other.stories.as_ref().is_none_or(|rule| rule.passes_by(&story).is_none());
        self.others.iter().filter(is_for)
    }
}

/// One whose terms a story carries.
pub(super) struct Party<'a> {
    pub id: PolicyId,
    /// `None`: the wire itself.
    pub role: Option<Role>,
    pub name: String,
    pub url: Option<String>,
    pub licence: Option<&'a Licence>,
    pub logo: Option<&'a Logo>,
    pub contact: Option<&'a str>,
    pub affiliation: Option<&'a str>,
    pub tracking: Option<&'a Line>,
    pub elements: &'a BTreeMap<String, Terms>,
    /// What a wire lists; `None`: whatever there is.
    requires: Option<&'a BTreeSet<Element>>,
}

/// An element as one document carries it.
pub(super) struct Carried<'a> {
    pub terms: Option<&'a Terms>,
    pub change: Option<&'a Change>,
    pub position: Position,
    pub required: bool,
}

impl<'a> Party<'a> {
    pub fn is_wire(&self) -> bool {
        self.role.is_none()
    }

    /// An element of this policy as an operator knows it.
    pub fn element(&self, name: &str) -> String {
        if self.is_wire() { name.to_owned() } else { format!("{}.{name}", self.id) }
    }

    /// Where the policy stands in the configuration.
    pub fn section(&self) -> String {
        format!("{}.{}", if self.is_wire() { "wires" } else { "policies" }, self.id)
    }

    /// `fields`, with those of the policy itself.
    pub fn fields(&self, fields: &Fields) -> Fields {
        let own = [(Field::Policy, Some(self.name.clone())), (Field::PolicyUrl, self.url.clone())];
        let own = own.into_iter().filter_map(|(field, text)| Some((field, text?)));
        fields.iter().map(|(field, text)| (*field, text.clone())).chain(own).collect()
    }

    /// How the documents of `edition` carry the element called `name`; `None` when they do not.
    pub fn carries(&self, name: &str, action: Action, edition: &'a Edition) -> Option<Carried<'a>> {
        let element = Element::named(name);
        let terms = self.elements.get(name);
        let change = edition.changes.get(&self.id).and_then(|changes| changes.get(name));
        if change.is_some_and(|change| change.drop) {
            return None;
        }
        let medium = edition.profile.medium;
        let in_media = match terms {
            Some(terms) if !terms.media.is_empty() => terms.media.contains(&medium),
            // Nobody counts the readers of a newspaper, nor clicks in it.
            _ => medium == Medium::Online || !matches!(element, Element::Tracking | Element::Canonical),
        };
        let at_action = terms.is_none_or(|terms| terms.actions.is_empty() || terms.actions.contains(&action));
        if !in_media || !at_action {
            return None;
        }
        let usual = match (self.requires, element) {
            (Some(listed), Element::Tracking) => listed.contains(&element) || self.tracking.is_some(),
            (None, Element::Canonical) => false,
            (_, Element::Line) | (None, _) => true,
            (Some(listed), _) => listed.contains(&element),
        };
        let placed = |terms: &Terms| terms.position_in.get(&edition.profile.format).copied().or(terms.position);
        Some(Carried {
            terms,
            change,
            position: change.and_then(|change| change.position).or(terms.and_then(placed)).unwrap_or_default(),
            required: terms.and_then(|terms| terms.required).unwrap_or(usual),
        })
    }
}
