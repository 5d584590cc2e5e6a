//! A wire: an agency's service, and what its licence demands of every republisher.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Edits, Element, Limits, Line, PolicyId, Span, Terms};

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
    /// That word in stories of other languages, by language: `{ de = "Von", fr = "Par" }`
    #[serde(default)]
    pub byline_words: BTreeMap<String, String>,
    /// How a byline reads. Default: `{{ word }} {{ names }}, {{ affiliation }}`.
    #[serde(default)]
    pub byline: Option<Line>,
    /// The byline of a story that names no reporter. Left out: such a story has none.
    #[serde(default)]
    pub byline_of_nobody: Option<Line>,
    /// What every republication must carry. A required element that cannot be supplied or proved stops the delivery.
    #[serde(default = "usual_elements")]
    pub require: BTreeSet<Element>,
    /// The address of a picture of 1×1 pixels by which readers are counted.
    #[serde(default)]
    pub tracking: Option<Line>,
    /// The terms of single elements, and lines of text of the wire's own.
    #[serde(default)]
    pub elements: BTreeMap<String, Terms>,
    /// Policies of others that its stories carry too, from `[policies]`.
    #[serde(default)]
    pub policies: BTreeSet<PolicyId>,
    /// Credit lines that older stories still end with: what stands at a story's end and is one of them is left out, since
    /// today's terms take its place. `*` stands for any text.
    #[serde(default)]
    pub former_lines: Vec<String>,
    /// How far a republisher may change the story's own words.
    #[serde(default)]
    pub edits: Edits,
    /// Whether its headlines have to stand as they are, too.
    #[serde(default)]
    pub keep_headline: bool,
    /// What becomes of the wire's own media.
    #[serde(default = "pass")]
    pub own_media: MediaUse,
    /// What becomes of media that is not the wire's own. Default: the story goes without it.
    #[serde(default = "drop")]
    pub third_party_media: MediaUse,
    /// Media with a rule of its own; the first that fits holds.
    #[serde(default)]
    pub media_rules: Vec<MediaRule>,
    /// The holder names that count as the wire's own, besides its name and short name.
    #[serde(default)]
    pub own_holders: Vec<String>,
    /// How long a republisher may keep a story, counted from when its first version was accepted; then it is withdrawn.
    /// Where several policies say it of a story, the shortest holds. Default: for good.
    #[serde(default)]
    pub retention: Option<Span>,
    /// Where and for what republishers may use its stories.
    #[serde(default)]
    pub limits: Limits,
    /// For how long a withdrawal is tried at a door that does not take it. Default: `30d`.
    #[serde(default = "withdraw_for")]
    pub withdraw_for: Span,
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

/// What becomes of a picture or another asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MediaUse {
    /// It goes as it is.
    Pass,
    /// It passes with its owner's credit.
    Credit,
    /// Its caption and its owner's credit stand in its place.
    CreditOnly,
    /// The story goes without it.
    Drop,
}

/// What becomes of media that all the keys fit which are given. `*` stands for any text; cases of letters are alike.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MediaRule {
    /// The holder's name, or the credit where no holder is named: `"REUTERS*"`
    #[serde(default)]
    pub owner: Option<String>,
    /// What the asset says of its use: `"*not for republication*"`
    #[serde(default)]
    pub usage: Option<String>,
    /// A keyword of the story: `"PHOTO REUSE PROHIBITED"`
    #[serde(default)]
    pub keyword: Option<String>,
    pub policy: MediaUse,
}

impl Wire {
    /// For how long a withdrawal is tried where nothing else is said.
    pub const WITHDRAW_FOR: Span = Span::from_secs(30 * 86_400);
}

fn withdraw_for() -> Span {
    Wire::WITHDRAW_FOR
}

fn pass() -> MediaUse {
    MediaUse::Pass
}

fn drop() -> MediaUse {
    MediaUse::Drop
}

fn by() -> String {
    "By".to_owned()
}

fn usual_elements() -> BTreeSet<Element> {
    Element::USUAL.into()
}
