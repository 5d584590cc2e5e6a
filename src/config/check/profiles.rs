//! Rules about format profiles, and about the names by which destinations choose one.

use super::Checks;
use crate::config::place::KeyPath;
use crate::config::suggest::mend;
use crate::config::{Format, FormatName};

impl Checks<'_, '_> {
    pub(super) fn profiles(&mut self) {
        let config = self.config;
        for (name, profile) in &config.profiles {
            let path = KeyPath::new(["profiles", name]);
            self.id(&path, "profile name");
            if let Some(words) = profile.words {
                self.in_bounds(&path.key("words"), words.into());
            }
            if Format::named(name).is_some() {
                let message =
                    format!("{name:?} is the name of a format; give the profile another, such as \"our-{name}\"");
                self.report.key(&path, message);
            }
        }
    }

    /// Checks that `name`, given at `path`, is a format or a profile.
    pub(super) fn format_name(&mut self, path: &KeyPath, name: &FormatName) {
        let name = name.as_str();
        let config = self.config;
        let mut known: Vec<&str> = Format::ALL.map(Format::as_str).into();
        known.extend(config.profiles.keys().map(String::as_str));
        if !known.contains(&name) && !self.report.is_broken(&KeyPath::new(["profiles", name])) {
            self.error(path, format!("unknown format {name:?}; {}", mend(name, &known)));
        }
    }
}
