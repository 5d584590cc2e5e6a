//! Attribution policies: what a wire, and others through whose hands a story went, ask of every republisher.
//!
//! A policy is a list of elements. Six are known by name, and what they say comes from the policy's own keys and from
//! the article ([`Element`]); any number of *lines* say what the policy writes for them. Policies stack: a wire's
//! stories carry its own policy and those it names in `policies`, as far as each is for them.

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Format, Licence, Limits, Line, Logo, Span, Subscription};
use crate::article::{Action, WireId};

/// A policy's id: of `[policies.ID]`, or of the wire whose own policy it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct PolicyId(Arc<str>);

impl PolicyId {
    pub fn new(id: &str) -> Self {
        Self(id.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&WireId> for PolicyId {
    fn from(wire: &WireId) -> Self {
        Self::new(wire.as_str())
    }
}

impl Borrow<str> for PolicyId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PolicyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The policy of somebody other than the wire, by its id in `[policies.ID]`: of the outlet that a story came from, of a
/// distributor, of whoever paid for the reporting. Whatever it gives is required of republishers.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    pub role: Role,
    /// Its name, as readers see it.
    pub name: String,
    /// Its site, to which lines can link.
    #[serde(default)]
    pub url: Option<String>,
    /// How a reporter's affiliation with it reads in the byline. Left out: the byline does not name it.
    #[serde(default)]
    pub affiliation: Option<String>,
    #[serde(default)]
    pub licence: Option<Licence>,
    #[serde(default)]
    pub logo: Option<Logo>,
    /// Whom to ask: a mail or web address, shown to readers.
    #[serde(default)]
    pub contact: Option<String>,
    /// The address of a picture of 1×1 pixels by which readers are counted.
    #[serde(default)]
    pub tracking: Option<Line>,
    /// The terms of single elements, and lines of text.
    #[serde(default)]
    pub elements: BTreeMap<String, Terms>,
    /// How long a republisher may keep a story that carries it, counted from when its first version was accepted.
    #[serde(default)]
    pub retention: Option<Span>,
    /// Where and for what republishers may use a story that carries it.
    #[serde(default)]
    pub limits: Limits,
    /// The stories that carry it, among those of the wires that name it. Left out: all of them.
    #[serde(default)]
    pub stories: Option<Subscription>,
}

/// Whose policy it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Who made the story.
    Originator,
    /// Who hands it on.
    Distributor,
    /// Who paid for it.
    Funder,
}

/// One thing that a republication must carry, known by its name. Every other name in `elements` is a line of text.
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
    /// The story's address on the wire's own site, as the original of all copies.
    Canonical,
    /// The picture by which readers are counted.
    Tracking,
    /// A line of the policy's own.
    #[serde(skip)]
    Line,
    /// The credit of somebody else's picture.
    #[serde(skip)]
    Credit,
}

impl Element {
    /// Those that `require` can list.
    pub const NAMED: [Self; 7] =
        [Self::Logo, Self::Byline, Self::Affiliation, Self::Licence, Self::Contact, Self::Canonical, Self::Tracking];

    /// Those that a wire requires when it does not say which.
    pub const USUAL: [Self; 5] = [Self::Logo, Self::Byline, Self::Affiliation, Self::Licence, Self::Contact];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Logo => "logo",
            Self::Byline => "byline",
            Self::Affiliation => "affiliation",
            Self::Licence => "licence",
            Self::Contact => "contact",
            Self::Canonical => "canonical",
            Self::Tracking => "tracking",
            Self::Line => "line",
            Self::Credit => "credit",
        }
    }

    /// The element of this name; a line, when no other has it.
    pub fn named(name: &str) -> Self {
        Self::NAMED.into_iter().find(|element| element.as_str() == name).unwrap_or(Self::Line)
    }
}

/// The terms of one element: `[wires.ID.elements.NAME]`. A name that is none of the known elements makes a line.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// What the line says. Only lines have it.
    #[serde(default)]
    pub text: Option<Line>,
    /// Where the line links to. Only lines have it.
    #[serde(default)]
    pub link: Option<Link>,
    /// Where readers see it. Default: at the end.
    #[serde(default)]
    pub position: Option<Position>,
    /// Where readers see it in the documents of single formats: `{ nitf = "top" }`
    #[serde(default)]
    pub position_in: BTreeMap<Format, Position>,
    /// Whether a document may go out without it. Default: of a known element, whether `require` lists it; of a line, yes,
    /// it is required.
    #[serde(default)]
    pub required: Option<bool>,
    /// The actions whose documents carry it. Default: `publish`, `update`, `correct`. A withdrawal never does.
    #[serde(default)]
    pub actions: BTreeSet<Action>,
    /// The media that carry it. Default: `online` and `print`; tracking and the canonical address: `online`.
    #[serde(default)]
    pub media: BTreeSet<Medium>,
    /// What a partner's contract may do with it. Default: nothing.
    #[serde(default)]
    pub waivable: BTreeSet<Freedom>,
}

/// Where a line links to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Link {
    /// The story on the wire's own site, its canonical address.
    Article,
    /// The site of whose policy it is.
    Home,
    /// Any other address.
    #[serde(untagged)]
    Address(String),
}

/// Where in a story readers see an element.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Position {
    /// Before the text.
    Top,
    /// Right below the byline, wherever that stands.
    Byline,
    /// After the text.
    #[default]
    End,
}

/// What readers read a document in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Medium {
    #[default]
    Online,
    Print,
}

/// What a wire lets a partner's contract do with an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Freedom {
    /// It may stand elsewhere.
    Move,
    /// It may say it in other words.
    Reword,
    /// It may be left out.
    Drop,
}

/// What a partner's contract does with one element.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// It is left out.
    #[serde(default)]
    pub drop: bool,
    /// It says this instead. Lines, `licence`, `contact` and `affiliation` can be reworded.
    #[serde(default)]
    pub text: Option<Line>,
    /// It stands here instead.
    #[serde(default)]
    pub position: Option<Position>,
}

impl Change {
    /// What the contract needs to be free to do.
    pub fn needs(&self) -> impl Iterator<Item = (&'static str, Freedom)> {
        let needs = [
            ("drop", Freedom::Drop, self.drop),
            ("text", Freedom::Reword, self.text.is_some()),
            ("position", Freedom::Move, self.position.is_some()),
        ];
        needs.into_iter().filter(|(.., does)| *does).map(|(key, freedom, _)| (key, freedom))
    }
}

impl Freedom {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Move => "move",
            Self::Reword => "reword",
            Self::Drop => "drop",
        }
    }
}

/// What a partner's contract changes, by policy and element. A wire's own policy has the wire's id.
pub type Changes = BTreeMap<PolicyId, BTreeMap<String, Change>>;

/// How far a republisher may change the story's own words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Edits {
    /// Not at all (a no-derivatives licence).
    None,
    /// House style, time and place.
    Style,
    /// Style, and shorter.
    #[default]
    Shorten,
    /// As it likes, and says so.
    Free,
}
