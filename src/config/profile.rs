//! A format profile: a format with its options, under a name that destinations use.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Changes, Config, Destination, Field, Line, MediaWay, Medium, NitfDialect, NitfOptions, Partner, PartnerId,
    TemplateOptions, Terms,
};

/// The format of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Format {
    /// newswired's own JSON, version 1.
    #[serde(rename = "json")]
    Json,
    /// IPTC ninjs 1.3.
    #[serde(rename = "ninjs-1.3")]
    Ninjs13,
    /// IPTC ninjs 1.6.
    #[serde(rename = "ninjs-1.6")]
    Ninjs16,
    /// IPTC ninjs 2.2.
    #[serde(rename = "ninjs-2.2")]
    Ninjs22,
    /// IPTC ninjs 3.1.
    #[serde(rename = "ninjs-3.1")]
    Ninjs31,
    /// The dialect of ninjs 1.x that Superdesk's Newsroom and Publisher read.
    #[serde(rename = "superdesk-ninjs")]
    SuperdeskNinjs,
    /// IPTC NITF 3.6.
    #[serde(rename = "nitf")]
    Nitf,
    /// IPTC NewsML-G2 2.35, with the text as XHTML.
    #[serde(rename = "newsml-g2")]
    NewsMlG2,
    /// A complete HTML document.
    #[serde(rename = "html")]
    Html,
    /// The article alone as HTML, to be set into a page.
    #[serde(rename = "html-fragment")]
    HtmlFragment,
    /// Plain text.
    #[serde(rename = "text")]
    Text,
    /// An Atom entry, or a deleted entry for a withdrawal.
    #[serde(rename = "atom")]
    Atom,
    /// A post of WordPress.
    #[serde(rename = "wordpress")]
    WordPress,
    /// Made by a template of the operator's; only in a profile, which has the template.
    #[serde(rename = "template")]
    Template,
}

impl Format {
    /// Those that a destination can name as they are.
    pub const ALL: [Self; 13] = [
        Self::Json,
        Self::Ninjs13,
        Self::Ninjs16,
        Self::Ninjs22,
        Self::Ninjs31,
        Self::SuperdeskNinjs,
        Self::Nitf,
        Self::NewsMlG2,
        Self::Html,
        Self::HtmlFragment,
        Self::Text,
        Self::Atom,
        Self::WordPress,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Ninjs13 => "ninjs-1.3",
            Self::Ninjs16 => "ninjs-1.6",
            Self::Ninjs22 => "ninjs-2.2",
            Self::Ninjs31 => "ninjs-3.1",
            Self::SuperdeskNinjs => "superdesk-ninjs",
            Self::Nitf => "nitf",
            Self::NewsMlG2 => "newsml-g2",
            Self::Html => "html",
            Self::HtmlFragment => "html-fragment",
            Self::Text => "text",
            Self::Atom => "atom",
            Self::WordPress => "wordpress",
            Self::Template => "template",
        }
    }

    /// The format of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == name)
    }
}

/// A format's name, which means the format as its standard has it, or the name of one of `[profiles.NAME]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct FormatName(Arc<str>);

impl FormatName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A format with its options: `[profiles.NAME]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FormatProfile {
    pub format: Format,
    /// What its readers read it in. Default: `online`.
    #[serde(default)]
    pub medium: Medium,
    /// The most words of a story; a longer one ends with the last block that fits. Left out: stories are whole.
    #[serde(default)]
    #[schemars(range(min = 20))]
    pub words: Option<u32>,
    /// What ends a story that was made shorter, linked to the story's canonical address.
    #[serde(default)]
    pub more: Option<Line>,
    /// For the format `nitf`: its dialect.
    #[serde(default)]
    pub nitf: Option<NitfOptions>,
    /// What makes the documents of the format `template`.
    #[serde(default)]
    pub template: Option<TemplateOptions>,
}

impl FormatProfile {
    /// The dialect in which it writes NITF.
    pub fn dialect(&self) -> NitfDialect {
        self.nitf.clone().unwrap_or_default().dialect()
    }

    /// The format as its standard has it.
    pub fn plain(format: Format) -> Self {
        Self { format, medium: Medium::Online, words: None, more: None, nitf: None, template: None }
    }
}

/// What a destination's documents are made like: a format profile, and what the partner's contract changes of the
/// attribution. Destinations with equal editions get the same bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Edition {
    pub profile: Arc<FormatProfile>,
    pub changes: Arc<Changes>,
    /// Whose it is, where a policy's text names the partner.
    pub partner: Option<PartnerId>,
    /// Which files of the story's media go with the document.
    pub media: MediaWay,
}

impl Edition {
    /// The format as its standard has it, for a partner whose contract changes nothing.
    pub fn plain(format: Format) -> Self {
        Self {
            profile: FormatProfile::plain(format).into(),
            changes: Arc::default(),
            partner: None,
            media: MediaWay::Linked,
        }
    }
}

impl Config {
    /// What the documents for one of a partner's destinations are made like; `None` when there is no such format.
    pub fn edition(&self, id: &PartnerId, partner: &Partner, destination: &Destination) -> Option<Edition> {
        let profile = self.format_profile(&destination.format)?;
        let partner_id = self.policies_name_the_partner().then(|| id.clone());
        let (changes, media) = (Arc::new(partner.attribution.clone()), destination.media());
        Some(Edition { profile, changes, partner: partner_id, media })
    }

    fn policies_name_the_partner(&self) -> bool {
        let bylines = self.wires.values().flat_map(|wire| [&wire.byline, &wire.byline_of_nobody]);
        if bylines.flatten().any(|line| line.names(Field::Partner)) {
            return true;
        }
        let of_wires = self.wires.values().map(|wire| (&wire.tracking, &wire.elements));
        let of_others = self.policies.values().map(|policy| (&policy.tracking, &policy.elements));
        of_wires.chain(of_others).any(|(tracking, elements)| {
            let lines = elements.values().filter_map(|terms: &Terms| terms.text.as_ref());
            tracking.iter().chain(lines).any(|line| line.names(Field::Partner))
        })
    }

    /// The profile of that name, or the plain format; `None` when there is neither.
    pub fn format_profile(&self, name: &FormatName) -> Option<Arc<FormatProfile>> {
        let plain = || Some(Arc::new(FormatProfile::plain(Format::named(name.as_str())?)));
        self.profiles.get(name.as_str()).cloned().or_else(plain)
    }
}
