//! Where, and for what, a wire lets its stories be used.

use std::collections::BTreeSet;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Country;

/// Where and for what republishers may use the stories: `limits` of a wire, or of a policy that its stories carry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// The only countries in which they may be used. Empty: everywhere but in `not_in`.
    #[serde(default)]
    pub only_in: BTreeSet<Country>,
    /// The countries in which they may not be used.
    #[serde(default)]
    pub not_in: BTreeSet<Country>,
    /// The only uses that they are for. Empty: all but those of `not_for`.
    #[serde(default)]
    pub only_for: BTreeSet<Use>,
    /// The uses that they are not for.
    #[serde(default)]
    pub not_for: BTreeSet<Use>,
}

impl Limits {
    /// Whether it matters where a partner publishes.
    pub fn by_country(&self) -> bool {
        !self.only_in.is_empty() || !self.not_in.is_empty()
    }

    /// Whether it matters how a partner publishes.
    pub fn by_use(&self) -> bool {
        !self.only_for.is_empty() || !self.not_for.is_empty()
    }

    pub fn allow_in(&self, country: Country) -> bool {
        (self.only_in.is_empty() || self.only_in.contains(&country)) && !self.not_in.contains(&country)
    }

    pub fn allow_for(&self, way: Use) -> bool {
        (self.only_for.is_empty() || self.only_for.contains(&way)) && !self.not_for.contains(&way)
    }
}

/// A way to publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Use {
    /// On sites and in apps.
    Online,
    /// In newspapers and magazines.
    Print,
    /// On radio and television.
    Broadcast,
}

impl Use {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Print => "print",
            Self::Broadcast => "broadcast",
        }
    }
}

impl fmt::Display for Use {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
