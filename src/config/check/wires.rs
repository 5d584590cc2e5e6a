//! Rules about wires.

use super::Checks;
use crate::config::place::KeyPath;
use crate::config::{Element, Field, Wire};

pub(super) const WEB: [&str; 2] = ["https", "http"];
pub(super) const SHOWN: &str = "leave the address as readers may see it";

impl Checks<'_, '_> {
    pub(super) fn wires(&mut self) {
        let wires = KeyPath::new(["wires"]);
        if self.config.wires.is_empty() && !self.report.is_broken(&wires) {
            self.error(&wires, "there is no wire; add a section [wires.ID] with name and short_name");
        }
        let config = self.config;
        for (id, wire) in &config.wires {
            let path = wires.key(id.as_str());
            self.id(&path, "wire id");
            self.wire(&path, wire);
        }
    }

    fn wire(&mut self, path: &KeyPath, wire: &Wire) {
        self.not_blank(&path.key("name"), &wire.name);
        self.not_blank(&path.key("short_name"), &wire.short_name);
        self.not_blank(&path.key("byline_word"), &wire.byline_word);
        for (key, text) in [("contact", &wire.contact), ("affiliation", &wire.affiliation)] {
            if let Some(text) = text {
                self.not_blank(&path.key(key), text);
            }
        }
        if let Some(url) = &wire.url {
            self.url(&path.key("url"), url, &WEB, SHOWN);
        }
        self.terms_of(path, wire.licence.as_ref(), wire.logo.as_ref(), wire.tracking.as_ref());
        self.elements(path, &wire.elements, wire.url.is_some());
        self.known_policies(&path.key("policies"), &wire.policies);
        for (at, line) in wire.former_lines.iter().enumerate() {
            // What fits everything would take a story's own last words.
            if line.trim_matches(|c: char| c == '*' || c.is_whitespace()).is_empty() {
                let message = "the pattern fits everything; write the line, and \"*\" where it differs";
                self.error(&path.key("former_lines").key(at.to_string()), message);
            }
        }
        for (at, rule) in wire.media_rules.iter().enumerate() {
            if rule.owner.is_none() && rule.usage.is_none() && rule.keyword.is_none() {
                let message = "the rule is for all media; say whose with owner, usage or keyword, or set own_media and \
                               third_party_media";
                self.error(&path.key("media_rules").key(at.to_string()), message);
            }
        }
        if let Some(byline) = &wire.byline {
            let needs = [
                (Field::Names, wire.require.contains(&Element::Byline)),
                (Field::Affiliation, wire.require.contains(&Element::Affiliation)),
            ];
            // As it would read, with the fields' own names for what they say: the proof looks for those as whole words.
            let fields = Field::ALL.into_iter().map(|field| (field, format!("Ada {}", field.as_str()))).collect();
            let reads = byline.fill(&fields).unwrap_or_default();
            let joins = |c: char| c.is_alphanumeric() || "_%+-@".contains(c);
            for (field, _) in needs.into_iter().filter(|(_, needed)| *needed) {
                let says = format!("Ada {}", field.as_str());
                let alone = reads.split_once(&says).is_some_and(|(before, after)| {
                    !before.ends_with(|c| joins(c) || c == '.') && !after.starts_with(joins)
                });
                if !alone {
                    let message = format!(
                        "the wire requires its {}, and the byline does not say it; write {{{{ {} }}}} in it, as it is and \
                         with a space or a comma beside it",
                        if field == Field::Names { "byline" } else { "affiliation" },
                        field.as_str()
                    );
                    self.error(&path.key("byline"), message);
                }
            }
        }
        self.limits(path, &wire.limits);
        self.not_zero(&path.key("retention"), wire.retention);
        self.not_zero(&path.key("withdraw_for"), Some(wire.withdraw_for));
        for element in &wire.require {
            self.supplied(path, wire, *element);
        }
    }

    /// A wire can only require what it, or each of its articles, can supply.
    fn supplied(&mut self, path: &KeyPath, wire: &Wire, element: Element) {
        let mend = match element {
            Element::Logo if wire.logo.is_none() => "add logo = { url = \"https://…\" }",
            Element::Licence if wire.licence.is_none() => "add licence = { line = \"…\" }",
            Element::Contact if wire.contact.is_none() => "add contact = \"…\"",
            Element::Tracking if wire.tracking.is_none() => "add tracking = \"https://…\"",
            Element::Logo
            | Element::Licence
            | Element::Contact
            | Element::Tracking
            | Element::Byline
            | Element::Affiliation
            | Element::Canonical
            | Element::Line
            | Element::Credit => return,
        };
        let name = element.as_str();
        if self.report.is_broken(&path.key(name)) {
            return;
        }
        let require = path.key("require");
        let at = self.item(&require, name);
        let stated = at != require;
        let other = if stated {
            format!("take {name:?} out of the list")
        } else {
            format!("write a list require = […] without {name:?}; every element is required by default")
        };
        self.error(&at, format!("the wire requires its {name} and has none; {mend}, or {other}"));
    }
}
