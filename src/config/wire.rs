//! A wire: an agency's service, and what its licence demands of every republisher.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An agency's service, by its id in `[wires.ID]`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Wire {
    /// The agency's full name, as readers see it: `Harbor Press News Foundation`.
    pub name: String,
    /// Its short name: `HPNF`.
    pub short_name: String,
    /// The agency's own site, to which its name links.
    #[serde(default)]
    pub url: Option<String>,
    /// Whom to ask about licensing: a mail or web address, shown to readers.
    #[serde(default)]
    pub contact: Option<String>,
    #[serde(default)]
    pub licence: Option<Licence>,
    #[serde(default)]
    pub logo: Option<Logo>,
    /// How a reporter's affiliation with the wire reads in the byline. Default: the wire's name.
    #[serde(default)]
    pub affiliation: Option<String>,
    /// The word before the names in a byline. Default: `By`.
    #[serde(default = "by")]
    pub byline_word: String,
    /// What every republication must carry. A required element that cannot be supplied or proved stops the delivery.
    #[serde(default = "all_elements")]
    pub require: BTreeSet<Element>,
    /// What becomes of media that is not the wire's own.
    #[serde(default)]
    pub third_party_media: ThirdParty,
    /// The holder names that count as the wire's own, besides its name and short name.
    #[serde(default)]
    pub own_holders: Vec<String>,
}

/// The terms under which the wire gives its stories away.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Licence {
    /// An identifier, for example `CC-BY-ND-4.0`.
    #[serde(default)]
    pub id: Option<String>,
    /// The address of the full terms.
    #[serde(default)]
    pub url: Option<String>,
    /// The line that readers see, word for word.
    pub line: String,
}

/// The agency's logo.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Logo {
    /// `https` address of the image.
    pub url: String,
    /// The alternative text. Default: the wire's name.
    #[serde(default)]
    pub alt: Option<String>,
    /// In pixels.
    #[serde(default)]
    pub width: Option<u32>,
    /// In pixels.
    #[serde(default)]
    pub height: Option<u32>,
}

/// One thing that a republication must carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Element {
    /// The logo as an image with alternative text.
    Logo,
    /// The reporter's name.
    Byline,
    /// The reporter's affiliation with the wire.
    Affiliation,
    /// The licence line.
    Licence,
    /// The address for questions about licensing.
    Contact,
}

impl Element {
    pub const ALL: [Self; 5] = [Self::Logo, Self::Byline, Self::Affiliation, Self::Licence, Self::Contact];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Logo => "logo",
            Self::Byline => "byline",
            Self::Affiliation => "affiliation",
            Self::Licence => "licence",
            Self::Contact => "contact",
        }
    }
}

/// What becomes of media that belongs to somebody else.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ThirdParty {
    /// The story goes without it.
    #[default]
    Drop,
    /// It passes with its owner's credit.
    Credit,
}

fn by() -> String {
    "By".to_owned()
}

fn all_elements() -> BTreeSet<Element> {
    Element::ALL.into()
}
