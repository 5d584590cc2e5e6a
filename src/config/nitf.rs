//! The dialects of NITF: what a receiver's parser expects of a document beside what the schema says.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Options of the format `nitf`: `[profiles.NAME.nitf]`. A key that is left out is as the preset has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NitfOptions {
    /// Whose receivers the document is for. Default: `standard`, which is valid by the schema of NITF 3.6.
    #[serde(default)]
    pub preset: NitfPreset,
    /// Whether the elements are in NITF's namespace.
    #[serde(default)]
    pub namespace: Option<bool>,
    /// What `nitf@version` says, and the public identifier in the DOCTYPE: `-//IPTC//DTD NITF 3.4//EN`.
    #[serde(default)]
    pub version: Option<String>,
    /// Whether the document has a DOCTYPE.
    #[serde(default)]
    pub doctype: Option<bool>,
    /// How characters become bytes; those that the encoding has not become numeric references.
    #[serde(default)]
    pub encoding: Option<NitfEncoding>,
    /// Whether the text stands in `<block id="Main">`, rather than directly in `body.content`.
    #[serde(default)]
    pub block: Option<bool>,
    #[serde(default)]
    pub byline: Option<NitfByline>,
    #[serde(default)]
    pub id: Option<NitfId>,
    #[serde(default)]
    pub dates: Option<NitfDates>,
    /// The `meta` elements in the head, by name: `anpa-keyword = "slugline"`. Takes the place of the preset's.
    #[serde(default)]
    pub meta: Option<BTreeMap<String, NitfMeta>>,
}

/// A family of receivers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NitfPreset {
    /// What the schema of NITF 3.6 calls valid.
    #[default]
    Standard,
    /// Receivers of AP's documents: version 3.4, a byline with its parts.
    Ap,
    /// Superdesk's generic parser: no namespace, no block, the slugline as `anpa-keyword`.
    Superdesk,
}

/// How characters become bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum NitfEncoding {
    #[serde(rename = "utf-8")]
    Utf8,
    #[serde(rename = "iso-8859-1")]
    Latin1,
    #[serde(rename = "us-ascii")]
    Ascii,
}

impl NitfEncoding {
    /// Its name in the XML declaration and in `charset`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Utf8 => "utf-8",
            Self::Latin1 => "iso-8859-1",
            Self::Ascii => "us-ascii",
        }
    }
}

/// What stands in `byline`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NitfByline {
    /// Text alone, which every receiver reads.
    Plain,
    /// The names as text; role and affiliation in `byttl`, the affiliation in `org`.
    Structured,
}

/// What `doc-id` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NitfId {
    /// The story: the same in all of its versions, so that a receiver overwrites.
    Story,
    /// The version; then `du-key` names the story.
    Version,
}

/// How `norm` attributes write an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NitfDates {
    /// `20261124T111000Z`, as NITF's documentation asks.
    Basic,
    /// `2026-11-24T11:10:00Z`
    Extended,
}

/// What a `meta` element says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NitfMeta {
    Slugline,
    /// The first section.
    Section,
    /// All keywords, with commas between.
    Keywords,
    Language,
    Guid,
    Version,
    /// `publish`, `update`, `correct`, `kill` or `withhold`.
    Action,
    /// 1 (flash) to 9, where `urgency@ed-urg` ends at 8.
    Urgency,
    /// The number of words of the text.
    Words,
}

/// A dialect with nothing left open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NitfDialect {
    pub namespace: bool,
    pub version: String,
    pub doctype: bool,
    pub encoding: NitfEncoding,
    pub block: bool,
    pub byline: NitfByline,
    pub id: NitfId,
    pub dates: NitfDates,
    pub meta: BTreeMap<String, NitfMeta>,
}

impl NitfOptions {
    pub fn dialect(&self) -> NitfDialect {
        let preset = NitfDialect::preset(self.preset);
        NitfDialect {
            namespace: self.namespace.unwrap_or(preset.namespace),
            version: self.version.clone().unwrap_or(preset.version),
            doctype: self.doctype.unwrap_or(preset.doctype),
            encoding: self.encoding.unwrap_or(preset.encoding),
            block: self.block.unwrap_or(preset.block),
            byline: self.byline.unwrap_or(preset.byline),
            id: self.id.unwrap_or(preset.id),
            dates: self.dates.unwrap_or(preset.dates),
            meta: self.meta.clone().unwrap_or(preset.meta),
        }
    }
}

impl NitfDialect {
    fn preset(preset: NitfPreset) -> Self {
        let meta =
            |names: &[(&str, NitfMeta)]| names.iter().map(|(name, field)| ((*name).to_owned(), *field)).collect();
        let standard = Self {
            namespace: true,
            version: "-//IPTC//DTD NITF 3.6//EN".to_owned(),
            doctype: false,
            encoding: NitfEncoding::Utf8,
            block: true,
            byline: NitfByline::Plain,
            id: NitfId::Story,
            dates: NitfDates::Basic,
            meta: meta(&[("slugline", NitfMeta::Slugline), ("section", NitfMeta::Section)]),
        };
        match preset {
            NitfPreset::Standard => standard,
            NitfPreset::Ap => {
                Self { version: "-//IPTC//DTD NITF 3.4//EN".to_owned(), byline: NitfByline::Structured, ..standard }
            }
            NitfPreset::Superdesk => Self {
                namespace: false,
                block: false,
                meta: meta(&[
                    ("anpa-keyword", NitfMeta::Slugline),
                    ("anpa-category", NitfMeta::Section),
                    ("anpa-wordcount", NitfMeta::Words),
                ]),
                ..standard
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_takes_the_place_of_the_presets() {
        let options: NitfOptions =
            toml::from_str("preset = \"superdesk\"\nblock = true\n[meta]\nslug = \"slugline\"").unwrap();
        let dialect = options.dialect();
        assert!(!dialect.namespace && dialect.block);
        assert_eq!(dialect.meta, BTreeMap::from([("slug".to_owned(), NitfMeta::Slugline)]));
        assert_eq!(NitfOptions::default().dialect(), NitfDialect::preset(NitfPreset::Standard));
        for encoding in [NitfEncoding::Utf8, NitfEncoding::Latin1, NitfEncoding::Ascii] {
            let named: NitfOptions = toml::from_str(&format!("encoding = \"{}\"", encoding.as_str())).unwrap();
            assert_eq!(named.encoding, Some(encoding));
        }
    }
}
