//! Rules about format profiles, and about the names by which destinations choose one.

use super::Checks;
use crate::config::place::KeyPath;
use crate::config::suggest::mend;
use crate::config::{Field, Format, FormatName, NitfOptions, TemplateOptions};

impl Checks<'_, '_> {
    pub(super) fn profiles(&mut self) {
        let config = self.config;
        for (name, profile) in &config.profiles {
            let path = KeyPath::new(["profiles", name]);
            self.id(&path, "profile name");
            if let Some(words) = profile.words {
                self.in_bounds(&path.key("words"), words.into());
            }
            // Every shortened story ends with it, whatever else the story has or lacks.
            let has = [Field::Agency, Field::ArticleUrl];
            let more = profile.more.iter().flat_map(|more| Field::ALL.into_iter().filter(|field| more.names(*field)));
            for field in more.filter(|field| !has.contains(field)) {
                let message = format!("there is no {:?} here; use \"agency\" or \"article_url\"", field.as_str());
                self.error(&path.key("more"), message);
            }
            if let Some(options) = &profile.nitf {
                self.nitf(&path.key("nitf"), profile.format, options);
            }
            match (profile.format == Format::Template, &profile.template) {
                (true, Some(template)) => self.template(&path.key("template"), template),
                (true, None) if !self.report.is_broken(&path.key("template")) => {
                    let message = format!("the format \"template\" needs one; add [profiles.{name}.template]");
                    self.error(&path.key("format"), message);
                }
                (false, Some(_)) => {
                    let message = format!(
                        "the format {:?} is made by no template; remove this table, or write format = \"template\"",
                        profile.format.as_str()
                    );
                    self.report.key(&path.key("template"), message);
                }
                (true, None) | (false, None) => {}
            }
            if Format::named(name).is_some() || name == Format::Template.as_str() {
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

    fn template(&mut self, path: &KeyPath, template: &TemplateOptions) {
        let extension = &template.extension;
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        if !(1..=16).contains(&extension.len()) || !extension.bytes().all(plain) {
            let message = format!("{extension:?} is no file name's ending; write for example \"html\"");
            self.error(&path.key("extension"), message);
        }
        if template.output_limit.get() == 0 {
            self.error(&path.key("output_limit"), "no document is that small; write a larger size");
        }
    }

    /// Checks that `name`, given at `path`, is a format or a profile.
    pub(super) fn format_name(&mut self, path: &KeyPath, name: &FormatName) {
        let name = name.as_str();
        let config = self.config;
        let mut known: Vec<&str> = Format::ALL.map(Format::as_str).into();
        known.extend(config.profiles.keys().map(String::as_str));
        if name == Format::Template.as_str() {
            let message = "a template is named by its profile; write [profiles.NAME] with format = \"template\", and that \
                           NAME here";
            self.error(path, message);
        } else if !known.contains(&name) && !self.report.is_broken(&KeyPath::new(["profiles", name])) {
            self.error(path, format!("unknown format {name:?}; {}", mend(name, &known)));
        }
    }
}
