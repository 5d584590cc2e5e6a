//! Rules about format profiles, and about the names by which destinations choose one.

use super::Checks;
use crate::config::place::KeyPath;
use crate::config::suggest::mend;
use crate::config::{Format, FormatName, NitfOptions};

impl Checks<'_, '_> {
    pub(super) fn profiles(&mut self) {
        let config = self.config;
        for (name, profile) in &config.profiles {
            let path = KeyPath::new(["profiles", name]);
            self.id(&path, "profile name");
            if let Some(words) = profile.words {
                self.in_bounds(&path.key("words"), words.into());
            }
            if let Some(options) = &profile.nitf {
                self.nitf(&path.key("nitf"), profile.format, options);
            }
            if Format::named(name).is_some() {
                let message =
                    format!("{name:?} is the name of a format; give the profile another, such as \"our-{name}\"");
                self.report.key(&path, message);
            }
        }
    }

    fn nitf(&mut self, path: &KeyPath, format: Format, options: &NitfOptions) {
        if format != Format::Nitf {
            let message = format!("options of nitf, but the format is {:?}; remove them", format.as_str());
            self.report.key(path, message);
        }
        // PubidChar in XML 1.0, §2.3, but for the line ends; it stands in quotes.
        let is_public = |c: char| c.is_ascii_alphanumeric() || " -'()+,./:=?;!*#@$_%".contains(c);
        if let Some(version) = &options.version
            && (version.trim().is_empty() || !version.chars().all(is_public))
        {
            let message =
                format!("{version:?} is no public identifier; write for example \"-//IPTC//DTD NITF 3.6//EN\"");
            self.error(&path.key("version"), message);
        }
        for name in options.meta.iter().flat_map(|meta| meta.keys()) {
            if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || "._:-".contains(c)) {
                let message =
                    format!("{name:?} cannot name a meta element; use letters, digits, \"-\", \"_\", \".\" and \":\"");
                self.report.key(&path.key("meta").key(name), message);
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
