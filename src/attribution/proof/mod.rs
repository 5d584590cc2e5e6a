//! The proof that a finished document carries its attribution.
//!
//! It reads the bytes as a partner's own software would, with parsers of their own, and asks two things of every
//! required element: that the format's own field says it, and that readers see it. A comment, a script, a hidden
//! element and a note for editors are seen by nobody. It shares no code with what wrote the bytes, and knows nothing
//! of how they came about; an error in a format's writer has to be made a second time, here, to leave the house.
//!
//! Only this module makes a [`Proved`], and a transport takes nothing else.

mod html;
mod json;
mod nitf;

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::{Attribution, Required};
use crate::config::{Element, Format, FormatProfile};

/// A finished document that carries its attribution.
#[derive(Clone, PartialEq, Eq)]
pub struct Proved {
    bytes: Bytes,
    content_type: Cow<'static, str>,
    format: Format,
    digest: [u8; 32],
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
    #[error("the {} {wanted:?} is not in {place}", .element.as_str())]
    Absent { element: Element, wanted: String, place: &'static str },
}

impl fmt::Display for Unproved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} document does not carry its attribution: ", self.format.as_str())?;
        let mut before: Option<&Lack> = None;
        for lack in &self.missing {
            match (before, lack) {
                (Some(Lack::Absent { element: same, .. }), Lack::Absent { element, place, .. }) if same == element => {
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
    let missing = match read(profile, &bytes) {
        Ok(seen) => attribution.required().iter().flat_map(|required| seen.lacks(required)).collect(),
        Err(lack) => vec![lack],
    };
    let bytes = Bytes::from(bytes);
    if missing.is_empty() {
        let digest = Sha256::digest(&bytes).into();
        Ok(Proved { bytes, content_type, format, digest })
    } else {
        Err(Unproved { bytes, format, missing })
    }
}

fn read(profile: &FormatProfile, bytes: &[u8]) -> Result<Seen, Lack> {
    match profile.format {
        Format::Json => json::own(bytes),
        Format::Ninjs16 => json::ninjs(bytes),
        Format::Nitf => nitf::read(bytes),
    }
}

/// What was found in a document.
#[derive(Debug, Default)]
struct Seen {
    /// The format's own fields, each with the element it is for.
    fields: Vec<Field>,
    /// The texts that readers may be shown. Each has to carry everything that it can.
    views: Vec<View>,
}

#[derive(Debug)]
struct Field {
    element: Element,
    place: &'static str,
    texts: Vec<String>,
}

#[derive(Debug, Default)]
struct View {
    place: &'static str,
    /// Passages as readers tell them apart, white space folded.
    passages: Vec<String>,
    /// Plain text as a whole, where a line may end within a passage: a licence line may span several.
    whole: Option<String>,
    /// The addresses of the images that have an alternative text; `None` where the view can show no image.
    images: Option<Vec<String>>,
}

impl Seen {
    fn field(&mut self, element: Element, place: &'static str, texts: impl IntoIterator<Item = String>) {
        self.fields.push(Field { element, place, texts: texts.into_iter().map(|text| fold(&text)).collect() });
    }

    /// Every place that should have carried `required` and does not. An element that no place is known for is
    /// carried nowhere.
    fn lacks(&self, required: &Required) -> Vec<Lack> {
        let element = required.element;
        let lack = |place| Lack::Absent { element, wanted: required.needles.join(" … "), place };
        let together = |text: &String| {
            required.needles.iter().all(|needle| match element {
                Element::Licence | Element::Logo => text.contains(needle.as_str()),
                Element::Byline | Element::Affiliation | Element::Contact => has_word(text, needle),
            })
        };
        let exactly = |text: &String| required.needles.contains(text);
        let says = |texts: &[String]| match element {
            Element::Logo => texts.iter().any(exactly),
            Element::Byline | Element::Affiliation | Element::Licence | Element::Contact => texts.iter().any(together),
        };
        let shows = |view: &View| match element {
            Element::Logo => view.images.as_deref().is_none_or(says),
            Element::Byline | Element::Affiliation => says(&view.passages),
            Element::Licence | Element::Contact => says(&view.passages) || view.whole.iter().any(together),
        };

        let fields = self.fields.iter().filter(|field| field.element == element);
        let fields: Vec<_> = fields.map(|field| (field.place, says(&field.texts))).collect();
        if fields.is_empty() || self.views.is_empty() {
            return vec![lack("any place of this format")];
        }
        let views = self.views.iter().map(|view| (view.place, shows(view)));
        fields.into_iter().chain(views).filter(|(_, found)| !found).map(|(place, _)| lack(place)).collect()
    }
}

/// Whether `needle` is in `text` between characters that part words and addresses: who reads `Sunderland` has not read
/// `Sun`.
fn has_word(text: &str, needle: &str) -> bool {
    if needle.is_empty() {
        return true;
    }
    let mut from = 0;
    while let Some(at) = text[from..].find(needle).map(|at| from + at) {
        let end = at + needle.len();
        let joins = |c: &char| c.is_alphanumeric() || matches!(c, '_' | '%' | '+' | '-' | '@');
        let before = text[..at].chars().next_back().filter(|c| joins(c) || *c == '.');
        let after = text[end..].strip_prefix('.').unwrap_or(&text[end..]).chars().next();
        let dotted = text[end..].starts_with('.');
        let after = after.filter(|c| if dotted { c.is_alphanumeric() } else { joins(c) });
        if before.is_none() && after.is_none() {
            return true;
        }
        from = at + needle.chars().next().map_or(1, char::len_utf8);
    }
    false
}

/// Runs of white space as one space, ends trimmed.
fn fold(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Collects passages from a stream of text and boundaries.
#[derive(Default)]
struct Passages {
    done: Vec<String>,
    open: String,
}

impl Passages {
    fn text(&mut self, text: &str) {
        self.open.push_str(text);
    }

    fn boundary(&mut self) {
        let passage = fold(&std::mem::take(&mut self.open));
        if !passage.is_empty() {
            self.done.push(passage);
        }
    }

    fn finish(mut self) -> Vec<String> {
        self.boundary();
        self.done
    }
}
