//! The names and numbers an article goes by: each a type of its own, made only by parsing.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

/// The longest guid that is accepted, in bytes. A guid is a key in the ledger and a header at the partner; real ones
/// stay below 200.
pub const LONGEST_GUID: usize = 1024;

/// A story's name: an absolute URI (`urn:newsml:…`, `tag:…`, `https://…`), kept exactly as the newsroom wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Guid(Arc<str>);

impl Guid {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Guid {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.len() > LONGEST_GUID {
            return Err(format!("a guid of {} bytes is too long; the limit is {LONGEST_GUID} bytes", text.len()));
        }
        // RFC 3986 allows printable ASCII only; this also keeps the guid fit for a header.
        if let Some(odd) = text.chars().find(|c| !c.is_ascii_graphic()) {
            return Err(format!("the guid {text:?} is not a URI: it contains {odd:?}; percent-encode it"));
        }
        match Url::parse(text) {
            Ok(_) => Ok(Self(text.into())),
            Err(why) => Err(format!(
                "the guid {text:?} is not a URI ({why}); use for example \"urn:newsml:example.org:20261124:{}\"",
                if text.is_empty() { "my-story" } else { text }
            )),
        }
    }
}

impl TryFrom<String> for Guid {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Guid> for String {
    fn from(guid: Guid) -> Self {
        guid.0.as_ref().to_owned()
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A story's revision, 1 or more. It fits a signed 64-bit integer, as ledgers keep it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct Version(i64);

impl Version {
    pub const FIRST: Self = Self(1);

    pub fn get(self) -> u64 {
        self.0.unsigned_abs()
    }

    /// The one after it, if there can be one.
    pub fn next(self) -> Option<Self> {
        self.0.checked_add(1).map(Self)
    }

    /// For the ledger's columns.
    pub fn as_i64(self) -> i64 {
        self.0
    }
}

impl TryFrom<u64> for Version {
    type Error = String;

    fn try_from(number: u64) -> Result<Self, String> {
        match i64::try_from(number) {
            Ok(number) if number >= 1 => Ok(Self(number)),
            _ => Err(format!("the version {number} is not between 1 and {}", i64::MAX)),
        }
    }
}

impl From<Version> for u64 {
    fn from(version: Version) -> Self {
        version.get()
    }
}

impl FromStr for Version {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.trim()
            .parse::<u64>()
            .map_err(|_| format!("the version {text:?} is not a whole number"))
            .and_then(Self::try_from)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// What a version is to its readers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// The story's first appearance.
    Publish,
    /// There is more to tell.
    Update,
    /// Something was wrong.
    Correct,
    /// Withdraw: it must come down.
    Kill,
    /// Take down until further notice.
    Withhold,
}

impl Action {
    pub const ALL: [Self; 5] = [Self::Publish, Self::Update, Self::Correct, Self::Kill, Self::Withhold];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Update => "update",
            Self::Correct => "correct",
            Self::Kill => "kill",
            Self::Withhold => "withhold",
        }
    }

    /// Whether it takes the story down. Such a version goes to whoever has the story, ahead of everything else.
    pub fn withdraws(self) -> bool {
        matches!(self, Self::Kill | Self::Withhold)
    }
}

impl FromStr for Action {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|action| action.as_str() == text)
            .ok_or_else(|| format!("unknown action {text:?}; use publish, update, correct, kill or withhold"))
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// 1 (flash) to 9, IPTC's scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Urgency(u8);

impl Urgency {
    /// What a story without one is given: NITF calls 5 "normal".
    pub const NORMAL: Self = Self(5);

    pub fn get(self) -> u8 {
        self.0
    }
}

impl TryFrom<u8> for Urgency {
    type Error = String;

    fn try_from(number: u8) -> Result<Self, String> {
        if (1..=9).contains(&number) {
            Ok(Self(number))
        } else {
            Err(format!("the urgency {number} is not between 1 (flash) and 9"))
        }
    }
}

impl From<Urgency> for u8 {
    fn from(urgency: Urgency) -> Self {
        urgency.0
    }
}

impl fmt::Display for Urgency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A wire's id in configuration: lower-case letters, digits, `-` and `_`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct WireId(Arc<str>);

impl WireId {
    pub fn new(id: &str) -> Self {
        Self(id.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for WireId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
