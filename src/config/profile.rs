//! A format profile: a format with its options, under a name that destinations use.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Config;

/// The format of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Format {
    /// newswired's own JSON, version 1.
    #[serde(rename = "json")]
    Json,
    /// IPTC ninjs 1.6.
    #[serde(rename = "ninjs-1.6")]
    Ninjs16,
    /// IPTC NITF 3.6.
    #[serde(rename = "nitf")]
    Nitf,
}

impl Format {
    pub const ALL: [Self; 3] = [Self::Json, Self::Ninjs16, Self::Nitf];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Ninjs16 => "ninjs-1.6",
            Self::Nitf => "nitf",
        }
    }

    /// The format of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == name)
    }
}

/// What a destination's documents are written in: a format's name, which means the format as its standard has it, or
/// the name of one of `[profiles.NAME]`.
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
}

impl FormatProfile {
    /// The format as its standard has it.
    pub fn plain(format: Format) -> Self {
        Self { format }
    }
}

impl Config {
    /// The profile of that name, or the plain format; `None` when there is neither.
    pub fn format_profile(&self, name: &FormatName) -> Option<Arc<FormatProfile>> {
        let plain = || Some(Arc::new(FormatProfile::plain(Format::named(name.as_str())?)));
        self.profiles.get(name.as_str()).cloned().or_else(plain)
    }
}
