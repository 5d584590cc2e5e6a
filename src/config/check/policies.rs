//! Rules about attribution policies, and about what partners' contracts change of them.

use std::collections::BTreeMap;

use super::Checks;
use super::wires::{SHOWN, WEB};
use crate::article::WireId;
use crate::config::place::KeyPath;
use crate::config::suggest::mend;
use crate::config::{
    Changes, Edits, Element, Field, Fields, Licence, Line, Link, Logo, Partner, Policy, PolicyId, Terms,
};

impl Checks<'_, '_> {
    pub(super) fn policies(&mut self) {
        let config = self.config;
        for (id, policy) in &config.policies {
            let path = KeyPath::new(["policies", id.as_str()]);
            self.id(&path, "policy id");
            if config.wires.contains_key(&WireId::new(id.as_str())) {
                let message = format!("{id} is a wire's id, and so the name of its own policy; give this one another");
                self.report.key(&path, message);
            }
            self.policy(&path, policy);
        }
    }

    fn policy(&mut self, path: &KeyPath, policy: &Policy) {
        self.not_blank(&path.key("name"), &policy.name);
        for (key, text) in [("contact", &policy.contact), ("affiliation", &policy.affiliation)] {
            if let Some(text) = text {
                self.not_blank(&path.key(key), text);
            }
        }
        if let Some(url) = &policy.url {
            self.url(&path.key("url"), url, &WEB, SHOWN);
        }
        self.terms_of(path, policy.licence.as_ref(), policy.logo.as_ref(), policy.tracking.as_ref());
        self.elements(path, &policy.elements, policy.url.is_some());
        self.limits(path, &policy.limits);
        self.not_zero(&path.key("retention"), policy.retention);
        if let Some(stories) = &policy.stories {
            self.subscription(&path.key("stories"), stories);
        }
    }

    /// Licence, logo and counter, which wires and others have alike.
    pub(super) fn terms_of(
        &mut self,
        path: &KeyPath,
        licence: Option<&Licence>,
        logo: Option<&Logo>,
        tracking: Option<&Line>,
    ) {
        if let Some(licence) = licence {
            self.not_blank(&path.below("licence.line"), &licence.line);
            if let Some(url) = &licence.url {
                self.url(&path.below("licence.url"), url, &WEB, SHOWN);
            }
        }
        if let Some(logo) = logo {
            self.url(&path.below("logo.url"), &logo.url, &WEB, SHOWN);
            for (key, pixels) in [("width", logo.width), ("height", logo.height)] {
                if pixels == Some(0) {
                    let message = "a picture of no size; write its pixels or remove the key";
                    self.error(&path.below("logo").key(key), message);
                }
            }
            if (logo.width, logo.height) == (Some(1), Some(1)) {
                let message = "a logo of one pixel, which nobody sees; write the size at which it is shown";
                self.error(&path.below("logo.width"), message);
            }
        }
        if let Some(tracking) = tracking {
            // Whatever the fields say later, they are encoded.
            let fields: Fields = Field::ALL.into_iter().map(|field| (field, field.as_str().to_owned())).collect();
            if let Ok(address) = tracking.fill(&fields) {
                self.url(&path.key("tracking"), &address, &WEB, SHOWN);
            }
        }
    }

    /// `at_home`: whether whose policy it is has a site to link to.
    pub(super) fn elements(&mut self, path: &KeyPath, elements: &BTreeMap<String, Terms>, at_home: bool) {
        for (name, terms) in elements {
            let path = path.key("elements").key(name);
            self.id(&path, "element name");
            match (Element::named(name), &terms.text) {
                (Element::Line, None) if self.report.is_broken(&path.key("text")) => {}
                (Element::Line, None) => {
                    let known: Vec<&str> = Element::NAMED.map(Element::as_str).into();
                    let message = format!(
                        "a line says nothing without text = \"…\"; add it, or name one of the known elements; {}",
                        mend(name, &known)
                    );
                    self.report.key(&path, message);
                }
                (Element::Line, Some(text)) => self.not_blank(&path.key("text"), text.as_str()),
                (known, Some(_)) => {
                    let message = format!(
                        "the {} says what the policy's own keys say; give a line of text another name",
                        known.as_str()
                    );
                    self.error(&path.key("text"), message);
                }
                (_, None) => {}
            }
            let link = path.key("link");
            match &terms.link {
                Some(_) if Element::named(name) != Element::Line => {
                    self.error(&link, "only lines of text have a link of their own; remove it");
                }
                Some(Link::Home) if !at_home => {
                    self.error(&link, "there is no url to link to; add url = \"https://…\" to the policy");
                }
                Some(Link::Address(address)) => {
                    self.url(&link, address, &WEB, SHOWN);
                }
                Some(Link::Home | Link::Article) | None => {}
            }
        }
    }

    /// Checks that each of `ids`, listed at `path`, is a policy.
    pub(super) fn known_policies<'i>(&mut self, path: &KeyPath, ids: impl IntoIterator<Item = &'i PolicyId>) {
        let config = self.config;
        let known: Vec<&str> = config.policies.keys().map(PolicyId::as_str).collect();
        for id in ids {
            let id = id.as_str();
            if !known.contains(&id) && !self.report.is_broken(&KeyPath::new(["policies", id])) {
                let item = self.item(path, id);
                self.error(&item, format!("unknown policy {id:?}; {}", mend(id, &known)));
            }
        }
    }

    /// What a contract changes has to be what the policy leaves free: promise 6 is the wire's to waive, not a partner's.
    pub(super) fn changes(&mut self, path: &KeyPath, changes: &Changes) {
        let config = self.config;
        for (id, changes) in changes {
            let path = path.key(id.as_str());
            let (section, elements) =
                match (config.wires.get(&WireId::new(id.as_str())), config.policies.get(id.as_str())) {
                    (Some(wire), _) => (format!("wires.{id}"), &wire.elements),
                    (None, Some(policy)) => (format!("policies.{id}"), &policy.elements),
                    (None, None) => {
                        let mut known: Vec<&str> = config.wires.keys().map(|wire| wire.as_str()).collect();
                        known.extend(config.policies.keys().map(PolicyId::as_str));
                        let is_broken = |what| self.report.is_broken(&KeyPath::new([what, id.as_str()]));
                        if !is_broken("wires") && !is_broken("policies") {
                            self.report.key(
                                &path,
                                format!("unknown wire or policy {:?}; {}", id.as_str(), mend(id.as_str(), &known)),
                            );
                        }
                        continue;
                    }
                };
            for (name, change) in changes {
                let path = path.key(name);
                let terms = elements.get(name);
                let element = Element::named(name);
                if element == Element::Line && terms.is_none() {
                    let mut known: Vec<&str> = Element::NAMED.map(Element::as_str).into();
                    known.extend(elements.keys().map(String::as_str));
                    self.report.key(&path, format!("{section} has no element {name:?}; {}", mend(name, &known)));
                    continue;
                }
                let wordless =
                    matches!(element, Element::Logo | Element::Byline | Element::Canonical | Element::Tracking);
                if change.text.is_some() && wordless {
                    self.error(&path.key("text"), format!("the {name} has no words of its own; remove the key"));
                    continue;
                }
                if let Some(text) = &change.text {
                    self.not_blank(&path.key("text"), text.as_str());
                    if element != Element::Line && text.has_fields() {
                        let message =
                            format!("the {name} stands as it is written; write its words without {{{{ … }}}}");
                        self.error(&path.key("text"), message);
                    }
                }
                for (key, freedom) in change.needs() {
                    if !terms.is_some_and(|terms| terms.waivable.contains(&freedom)) {
                        let word = freedom.as_str();
                        let message = format!(
                            "{section} does not let a partner {word} its {name}; remove the key, or, if the wire agrees, add \
                             {word:?} to {section}.elements.{name}.waivable"
                        );
                        self.error(&path.key(key), message);
                    }
                }
            }
        }
    }

    /// A profile that shortens is not for the stories of a wire that forbids that.
    pub(super) fn may_shorten(&mut self, path: &KeyPath, partner: &Partner, format: &str) {
        let config = self.config;
        if config.profiles.get(format).is_none_or(|profile| profile.words.is_none()) {
            return;
        }
        let entitled = &partner.entitlement.wires;
        for (id, wire) in &config.wires {
            if (entitled.is_empty() || entitled.contains(id)) && wire.edits < Edits::Shorten {
                let message = format!(
                    "the profile {format:?} makes stories shorter, which the licence of the wire \"{id}\" forbids (wires.{id}.\
                     edits); take a profile without words, or take the wire out of the partner's entitlement"
                );
                self.error(path, message);
            }
        }
    }
}
