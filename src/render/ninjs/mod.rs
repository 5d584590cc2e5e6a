//! The ninjs family: IPTC ninjs 1.3, 1.6, 2.2 and 3.1, and the dialect of 1.x that Superdesk's software reads.
//!
//! The schemas allow no property that they do not name, and no null. A withdrawal keeps the story's name, has a version
//! of its own and says `canceled` (or `withheld`) in the publication status, with the reason in the editors' note, as
//! the standard has it; of the story it carries nothing but what has to be known to take it down. The standard has no
//! status for a correction: that one says so in the editors' note.
//!
//! What all versions say alike is here. [`v1`] writes texts, associations and files by key, [`v3`] in lists, and
//! [`v2`] the same in lower case; [`superdesk`] writes what its receivers read. Where each field of an article goes
//! stands in docs/formats/ninjs.md.

mod superdesk;
mod v1;
mod v2;
mod v3;

pub use superdesk::Superdesk;
pub use v1::{Ninjs13, Ninjs16};
pub use v2::Ninjs22;
pub use v3::Ninjs31;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use super::Manuscript;
use crate::article::{Action, Concept, Media};

/// `pubstatus`.
fn status(action: Action) -> &'static str {
    match action {
        Action::Publish | Action::Update | Action::Correct => "usable",
        Action::Kill => "canceled",
        Action::Withhold => "withheld",
    }
}

/// `ednote`. A correction opens with the word, which is how editors and their software know it for one.
fn editors_note(manuscript: &Manuscript<'_>) -> Option<String> {
    let note = manuscript.for_editors();
    if manuscript.article.action != Action::Correct {
        return note;
    }
    match note {
        None => Some("CORRECTION.".to_owned()),
        Some(note) => {
            let opening = note.split(|c: char| !c.is_alphabetic()).next().unwrap_or_default();
            let says_so = ["corrects", "correction"].iter().any(|word| opening.eq_ignore_ascii_case(word));
            Some(if says_so { note } else { format!("CORRECTION. {note}") })
        }
    }
}

/// `usageterms`: the terms, and until when the story may be kept, which no field of ninjs says.
fn terms(manuscript: &Manuscript<'_>) -> Option<String> {
    let until = manuscript.rights_until().map(|until| format!("Not to be kept after {until}."));
    sentences([manuscript.attribution.usage_terms(manuscript.article), until])
}

/// `usageterms` where nothing else can say whom to ask: the terms, and the contact after them.
fn terms_and_contact(manuscript: &Manuscript<'_>) -> Option<String> {
    let contact = manuscript.attribution.contact.as_ref().map(|contact| format!("Licensing: {contact}"));
    sentences([terms(manuscript), contact])
}

fn sentences(parts: [Option<String>; 2]) -> Option<String> {
    parts.into_iter().flatten().reduce(|one, other| format!("{one} {other}"))
}

/// `type` of an asset, where it is one that the schemas know.
fn kind(asset: &Media) -> Option<&'static str> {
    ["audio", "video", "picture", "graphic"].into_iter().find(|kind| *kind == asset.kind)
}

/// The name of the asset in the place `at` among the associations: the first is the one that goes with the story
/// wherever it is shown.
fn role(at: usize, first: &str) -> String {
    if at == 0 { first.to_owned() } else { format!("media{}", at + 1) }
}

/// The standard wants a URI of every item; an asset without one is named after its story.
fn asset_uri(manuscript: &Manuscript<'_>, asset: &Media, role: &str) -> String {
    asset.uri.clone().filter(|uri| is_uri(uri)).unwrap_or_else(|| {
        let guid = manuscript.article.guid.as_str();
        let mark = if guid.contains('#') { "-" } else { "#" };
        format!("{guid}{mark}{role}")
    })
}

/// The key for a file called `name`, as the schema's pattern for properties allows it and not yet taken.
fn free_name(name: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let name: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    let name = if name.is_empty() { "main".to_owned() } else { name };
    let mut free = name.clone();
    let mut number = 2;
    while is_taken(&free) {
        free = format!("{name}_{number}");
        number += 1;
    }
    free
}

/// `type` of a contact: how it is used.
fn contact_type(contact: &str) -> &'static str {
    if contact.contains("://") {
        "web"
    } else if contact.contains('@') {
        "email"
    } else {
        "other"
    }
}

/// The URI of the vocabulary that `concept` is of, where there is one: the trade's short names are spelled out, the
/// newsroom's own words are none.
fn vocabulary(concept: &Concept) -> Option<String> {
    concept.scheme.as_deref().and_then(|scheme| match scheme {
        "medtop" => Some("http://cv.iptc.org/newscodes/mediatopic/".to_owned()),
        "subj" => Some("http://cv.iptc.org/newscodes/subjectcode/".to_owned()),
        "genre" => Some("http://cv.iptc.org/newscodes/genre/".to_owned()),
        other => is_uri(other).then(|| other.to_owned()),
    })
}

/// All but RFC 3986's unreserved characters.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The URI of the term `code` of `vocabulary`.
fn term_uri(mut vocabulary: String, code: &str) -> String {
    if !vocabulary.ends_with(['/', '#', ':', '=']) {
        vocabulary.push('/');
    }
    vocabulary.extend(utf8_percent_encode(code, RESERVED));
    vocabulary
}

fn is_uri(text: &str) -> bool {
    text.is_ascii() && !text.contains(char::is_whitespace) && Url::parse(text).is_ok()
}
