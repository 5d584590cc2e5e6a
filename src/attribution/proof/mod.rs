//! The proof that a finished document carries its attribution.
//!
//! It reads the bytes as a partner's own software would, with parsers of their own, and asks two things of every
//! required element: that the format's own field says it, and that readers see it. A comment, a script, a hidden
//! element and a note for editors are seen by nobody. It shares no code with what wrote the bytes, and knows nothing
//! of how they came about; an error in a format's writer has to be made a second time, here, to leave the house.
//!
//! Only this module makes a [`Proved`], and a transport takes nothing else.

mod atom;
mod html;
mod json;
mod newsml;
mod ninjs;
mod nitf;
mod page;
mod seen;
mod style;
mod template;
mod text;
mod tree;
mod wordpress;
mod xhtml;
mod xml;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::{Attribution, Required};
use crate::config::{Element, Format, FormatProfile};
pub use html::{WebPage, web_page};
use seen::{Images, Mode, Passages, Seen, Sought, Trail, View, fold, lines};
pub use seen::{Link, Spot};
#[cfg(test)]
pub use tree::is_plain;

/// A finished document that carries its attribution.
#[derive(Clone, PartialEq, Eq)]
pub struct Proved {
    bytes: Bytes,
    content_type: Cow<'static, str>,
    format: Format,
    digest: [u8; 32],
    required: Arc<Vec<Required>>,
}

impl Proved {
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The value of `content-type`, with its charset.
    pub fn content_type(&self) -> &str {
        &self.content_type
    }

    pub fn format(&self) -> Format {
        self.format
    }

    /// What `bytes`, the document as its receiver says that it stored it, lacks of what this one was proved to carry.
    pub fn lacks_when_stored_as(&self, bytes: &[u8]) -> Vec<Lack> {
        lacks(&FormatProfile::plain(self.format), bytes, &self.required)
    }

    /// The SHA-256 of the bytes, as `content-digest` (RFC 9530) and the ledger want it.
    pub fn digest(&self) -> &[u8; 32] {
        &self.digest
    }
}

impl fmt::Debug for Proved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proved({}, {} bytes)", self.format.as_str(), self.bytes.len())
    }
}

/// A finished document that does not leave the house. It keeps the bytes, so that quarantine can show them.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
pub struct Unproved {
    pub bytes: Bytes,
    pub format: Format,
    /// Never empty.
    pub missing: Vec<Lack>,
}

/// What the proof did not find.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Lack {
    #[error("{place} cannot be read: {why}")]
    Unreadable { place: &'static str, why: String },
    #[error("the {name} {wanted:?} is not in {place}")]
    Absent { element: Element, name: String, wanted: String, place: &'static str },
}

impl fmt::Display for Unproved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} document does not carry its attribution: ", self.format.as_str())?;
        let mut before: Option<&Lack> = None;
        for lack in &self.missing {
            match (before, lack) {
                (Some(Lack::Absent { name: same, .. }), Lack::Absent { name, place, .. }) if same == name => {
                    write!(f, ", nor in {place}")?;
                }
                (Some(_), lack) => write!(f, "; {lack}")?,
                (None, lack) => write!(f, "{lack}")?,
            }
            before = Some(lack);
        }
        Ok(())
    }
}

impl fmt::Debug for Unproved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unproved({self}, {} bytes)", self.bytes.len())
    }
}

/// Reads `bytes` as a document of `profile` and lets it pass when it carries everything that `attribution` requires.
/// A document that owes nothing (a kill) still has to be readable.
///
/// # Errors
/// [`Unproved`] with everything that was not found, and where it was looked for.
pub fn prove(
    profile: &FormatProfile,
    content_type: Cow<'static, str>,
    bytes: Vec<u8>,
    attribution: &Attribution,
) -> Result<Proved, Unproved> {
    let format = profile.format;
    let missing = lacks(profile, &bytes, attribution.required());
    let bytes = Bytes::from(bytes);
    if missing.is_empty() {
        let digest = Sha256::digest(&bytes).into();
        Ok(Proved { bytes, content_type, format, digest, required: Arc::clone(&attribution.required) })
    } else {
        Err(Unproved { bytes, format, missing })
    }
}

/// What of a document carries one required element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// As an operator knows the element: `logo`, `climate-fund.licence`.
    pub name: String,
    /// Where it stands (an XPath, a JSON pointer, a CSS selector, a line) and what it says there.
    pub found: Vec<(String, String)>,
}

/// Where in a document of `profile` every element stands that `attribution` requires, and what it says.
///
/// # Errors
/// When the document cannot be read.
pub fn explain(profile: &FormatProfile, bytes: &[u8], attribution: &Attribution) -> Result<Vec<Explained>, Lack> {
    let seen = read(profile, bytes, Mode::Explain)?;
    let explained = |required: &Required| {
        let found = seen.seek(required).into_iter().filter_map(|Sought { place, found }| {
            let Spot { at, text } = found?;
            Some((if at.is_empty() { place.to_owned() } else { at.clone() }, text.clone()))
        });
        Explained { name: required.name.clone(), found: found.collect() }
    };
    Ok(attribution.required().iter().map(explained).collect())
}

fn lacks(profile: &FormatProfile, bytes: &[u8], required: &[Required]) -> Vec<Lack> {
    let seen = match read(profile, bytes, Mode::Prove) {
        Ok(seen) => seen,
        Err(lack) => return vec![lack],
    };
    let of = |required: &Required| {
        let sought = seen.seek(required).into_iter().filter(|sought| sought.found.is_none());
        let lack = |Sought { place, .. }| Lack::Absent {
            element: required.element,
            name: required.name.clone(),
            wanted: required.needles.join(" … "),
            place,
        };
        let mut lacks: Vec<Lack> = sought.map(lack).collect();
        // A format may have several places of one name.
        lacks.dedup();
        lacks
    };
    required.iter().flat_map(of).collect()
}

fn read(profile: &FormatProfile, bytes: &[u8], mode: Mode) -> Result<Seen, Lack> {
    match profile.format {
        Format::Json => json::own(bytes, mode),
        Format::Ninjs13 => ninjs::ninjs13(bytes, mode),
        Format::Ninjs16 => ninjs::ninjs16(bytes, mode),
        Format::Ninjs22 => ninjs::ninjs22(bytes, mode),
        Format::Ninjs31 => ninjs::ninjs31(bytes, mode),
        Format::SuperdeskNinjs => ninjs::superdesk(bytes, mode),
        Format::Nitf => nitf::read(bytes, profile.dialect().encoding, mode),
        Format::NewsMlG2 => newsml::read(bytes, mode),
        Format::Html => page::document(bytes, mode),
        Format::HtmlFragment => page::fragment(bytes, mode),
        Format::Text => text::read(bytes, mode),
        Format::Atom => atom::read(bytes, mode),
        Format::Template => template::read(profile.template.as_ref(), bytes, mode),
        Format::WordPress => wordpress::read(bytes, mode),
    }
}
