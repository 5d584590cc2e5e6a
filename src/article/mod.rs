//! The article: one version of a story as the newsroom published it.
//!
//! Bytes become an [`Article`] once, in a decoder of this module, and the inside never asks again: every text is
//! free of the characters that XML forbids, every time is an instant, the body is a small tree ([`body`]), the guid
//! is a URI. What cannot become one is refused with the place and the reason ([`DecodeError`]), so that intake can
//! set it aside whole (promise 10).
//!
//! This module knows nothing of partners, of policies, or of where the bytes came from.

pub mod body;
mod decode;
mod html;
mod ids;
mod iri;
mod json;
mod newsml;
mod ninjs;
mod nitf;
mod note;
#[cfg(test)]
pub(crate) mod samples;
mod terms;
mod text;
mod when;
mod xml;

pub use body::{Block, Body, Inline};
pub use decode::{DecodeError, Kind, decode};
#[cfg(any(test, fuzzing, feature = "mail"))]
pub(crate) use html::parse as parse_html;
pub use ids::{Action, Guid, Urgency, Version, WireId};
pub use iri::iri;
pub use json::{ArticleV1, schema};
pub use text::{clean, one_line};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One version of a story, decoded and checked.
///
/// The ledger keeps it as the JSON of this type, so a field that is added needs a default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Article {
    /// The wire that publishes it.
    pub wire: WireId,
    /// The story's name, the same for all of its versions.
    pub guid: Guid,
    /// The story's revision; a higher one supersedes a lower one.
    pub version: Version,
    /// What this version is to its readers.
    pub action: Action,
    /// 1 (flash) to 9.
    pub urgency: Urgency,
    /// BCP 47 tag, for example `en-US`.
    #[serde(default)]
    pub language: Option<String>,
    /// The newsroom's short name for the story.
    #[serde(default)]
    pub slugline: Option<String>,
    pub headline: String,
    #[serde(default)]
    pub subheadline: Option<String>,
    /// The abstract, as plain text.
    #[serde(default)]
    pub summary: Option<String>,
    /// The byline as the newsroom wrote it, when it wrote one as a line.
    #[serde(default)]
    pub byline: Option<String>,
    #[serde(default)]
    pub authors: Vec<Author>,
    /// Where it was reported from, as readers see it (`PORT AREN, Maine`).
    #[serde(default)]
    pub dateline: Option<String>,
    pub body: Body,
    #[serde(default)]
    pub subjects: Vec<Concept>,
    #[serde(default)]
    pub genres: Vec<Concept>,
    #[serde(default)]
    pub places: Vec<Concept>,
    /// The newsroom's own sections, such as `politics`.
    #[serde(default)]
    pub sections: Vec<String>,
    #[serde(default)]
    pub keywords: Vec<String>,
    /// For editors only: it never reaches a reader's text.
    #[serde(default)]
    pub editor_note: Option<String>,
    /// What a correction corrects or why a kill kills, in words for readers and editors.
    #[serde(default)]
    pub notice: Option<String>,
    /// When the story was first made.
    #[serde(default)]
    pub created: Option<Timestamp>,
    /// When this version was made.
    #[serde(default)]
    pub versioned: Option<Timestamp>,
    /// No byte leaves before this time.
    #[serde(default)]
    pub embargo: Option<Timestamp>,
    /// Nothing leaves after this time.
    #[serde(default)]
    pub expires: Option<Timestamp>,
    /// Until when those who have the story may keep it; then it is withdrawn. It wins over how long the policies let it
    /// be kept, and a later version may move it.
    #[serde(default)]
    pub rights_until: Option<Timestamp>,
    /// The address of the story on the wire's own site.
    #[serde(default)]
    pub canonical: Option<String>,
    #[serde(default)]
    pub copyright_holder: Option<String>,
    #[serde(default)]
    pub copyright_notice: Option<String>,
    #[serde(default)]
    pub usage_terms: Option<String>,
    /// Associated pictures and other assets; in-line images stand in the body.
    #[serde(default)]
    pub media: Vec<Media>,
}

impl Article {
    /// An article of which no more is known; its headline is its guid.
    pub fn bare(wire: WireId, guid: Guid, version: Version, action: Action) -> Self {
        Self {
            headline: guid.to_string(),
            wire,
            guid,
            version,
            action,
            urgency: Urgency::NORMAL,
            language: None,
            slugline: None,
            subheadline: None,
            summary: None,
            byline: None,
            authors: Vec::new(),
            dateline: None,
            body: Body::default(),
            subjects: Vec::new(),
            genres: Vec::new(),
            places: Vec::new(),
            sections: Vec::new(),
            keywords: Vec::new(),
            editor_note: None,
            notice: None,
            created: None,
            versioned: None,
            embargo: None,
            expires: None,
            rights_until: None,
            canonical: None,
            copyright_holder: None,
            copyright_notice: None,
            usage_terms: None,
            media: Vec::new(),
        }
    }
}

/// A reporter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Author {
    pub name: String,
    /// `Civil Rights Reporter`
    #[serde(default)]
    pub role: Option<String>,
    /// The organisation the author reports for, when it is not the wire.
    #[serde(default)]
    pub affiliation: Option<String>,
    #[serde(default)]
    pub uri: Option<String>,
}

/// A term of a controlled vocabulary: a subject, a genre, a place.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Concept {
    /// The code without its scheme: `11000000`.
    #[serde(default)]
    pub code: Option<String>,
    /// The vocabulary: `medtop` for IPTC media topics, otherwise its URI or the newsroom's own word.
    #[serde(default)]
    pub scheme: Option<String>,
    #[serde(default)]
    pub name: Option<String>,
}

impl Concept {
    /// `medtop:11000000`, or the bare code where no scheme was given.
    pub fn qcode(&self) -> Option<String> {
        let code = self.code.as_deref()?;
        Some(match self.scheme.as_deref() {
            Some(scheme) => format!("{scheme}:{code}"),
            None => code.to_owned(),
        })
    }
}

/// An asset that goes with the story.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Media {
    pub uri: Option<String>,
    /// `picture`, `graphic`, `video`, `audio`, as ninjs names them.
    pub kind: String,
    #[serde(default)]
    pub headline: Option<String>,
    #[serde(default)]
    pub caption: Option<String>,
    #[serde(default)]
    pub alt: Option<String>,
    /// Who made it: `Lena Ortiz/Bay Pictures`.
    #[serde(default)]
    pub credit: Option<String>,
    /// Whose it is; nobody named means the wire's own.
    #[serde(default)]
    pub holder: Option<String>,
    #[serde(default)]
    pub copyright_notice: Option<String>,
    #[serde(default)]
    pub usage_terms: Option<String>,
    #[serde(default)]
    pub renditions: Vec<MediaRendition>,
}

/// One file of an asset. (A *rendition* without more is a document's, never this.)
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaRendition {
    pub name: String,
    pub href: String,
    #[serde(default)]
    pub mime: Option<String>,
    #[serde(default)]
    pub width: Option<u32>,
    #[serde(default)]
    pub height: Option<u32>,
}
