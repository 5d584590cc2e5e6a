//! Rules about wires.

use super::Checks;
use crate::config::place::KeyPath;
use crate::config::{Element, Wire};

const WEB: [&str; 2] = ["https", "http"];
const SHOWN: &str = "leave the address as readers may see it";

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
        if let Some(licence) = &wire.licence {
            self.not_blank(&path.below("licence.line"), &licence.line);
            if let Some(url) = &licence.url {
                self.url(&path.below("licence.url"), url, &WEB, SHOWN);
            }
        }
        if let Some(logo) = &wire.logo {
            self.url(&path.below("logo.url"), &logo.url, &WEB, SHOWN);
            for (key, pixels) in [("width", logo.width), ("height", logo.height)] {
                if pixels == Some(0) {
                    self.error(
                        &path.below("logo").key(key),
                        "a picture of no size; write its pixels or remove the key",
                    );
                }
            }
        }
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
            Element::Logo | Element::Licence | Element::Contact | Element::Byline | Element::Affiliation => return,
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
