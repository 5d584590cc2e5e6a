//! Attribution: what those through whose hands a story went demand of whoever republishes it, resolved to words and
//! addresses for one article, and the proof that a finished document carries it.
//!
//! Promise 6: no attribution, no delivery. What leaves was checked by code that reads the finished bytes and shares
//! nothing with the code that wrote them. So this module has two halves that meet only in [`Attribution::required`]:
//! the policies ([`Policies`], [`Attribution`], what of it readers see in `visible`, the [`media`] rules), which
//! the formats write from, and the [`mod@proof`], which reads what they wrote.
//!
//! A required element that neither a policy nor the article can supply stops the delivery here, before anything is
//! written ([`Missing`]). An element that a policy has without requiring it is written all the same where it can be,
//! and not asked for. A withdrawal (`kill`, `withhold`) owes nothing: nobody is to republish it.
//!
//! This module knows nothing of how a format is written, nor of partners and their doors.

mod byline;
pub mod media;
mod policies;
pub mod proof;
mod resolve;
#[cfg(any(test, fuzzing))]
pub(crate) mod sample;
#[cfg(test)]
mod tests;
mod visible;

pub use policies::Policies;
pub use proof::{Explained, Lack, Proved, Unproved, explain, prove};
pub use visible::contact_href;

use std::fmt;
use std::sync::Arc;

use url::Url;

use crate::article::one_line as tidy;
use crate::article::{Article, Guid, Version};
use crate::config::{Element, PolicyId, Position, Role};
use media::Sifted;
use visible::Piece;

/// The policies, resolved for one article and one edition. Every text in it is clean, on one line and trimmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribution {
    pub agency: Agency,
    /// How the reporter's affiliation with the wire reads: `Daily Caller News Foundation`. With other policies that ask
    /// for theirs, all of them.
    pub affiliation: String,
    /// The wire's own.
    pub logo: Option<Logo>,
    /// The wire's own.
    pub licence: Option<Licence>,
    /// A mail or web address for questions about licensing, the wire's own.
    pub contact: Option<String>,
    /// What others' policies, and the wire's own, have readers told in words of their own.
    pub lines: Vec<CreditLine>,
    /// The others whose policies the story carries.
    pub others: Vec<OtherParty>,
    byline: String,
    byline_without_word: String,
    /// Which of the affiliations links to the agency's site.
    own_affiliation: Option<String>,
    /// Credit lines of earlier days, as patterns.
    former: Vec<String>,
    pieces: Vec<(Position, Piece)>,
    /// Shared with the document that was proved to carry it.
    required: Arc<Vec<Required>>,
}

/// The agency behind the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agency {
    pub name: String,
    pub short_name: String,
    pub url: Option<String>,
}

/// An originator, distributor or funder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherParty {
    pub role: Role,
    pub name: String,
    pub url: Option<String>,
}

/// A logo, as it stands in documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logo {
    pub url: String,
    /// Never empty.
    pub alt: String,
    pub width: Option<u32>,
    pub height: Option<u32>,
}

/// The terms, as they stand in documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Licence {
    pub id: Option<String>,
    pub url: Option<String>,
    pub line: String,
}

/// A line for readers, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreditLine {
    pub text: String,
    pub href: Option<String>,
}

/// One element that the finished document must carry: all of `needles` together, in one and the same passage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Required {
    /// As an operator knows it: `logo`; of another policy, `climate-fund.logo`.
    pub name: String,
    pub element: Element,
    pub needles: Vec<String>,
    /// Where the passage has to link to, in documents that can hold a link.
    pub href: Option<String>,
    /// Whether the format's own field for it has to say it too; of the logos only the wire's stands in one.
    pub in_field: bool,
    /// The addresses of the picture that the element is about: where it is shown, the element has to be.
    pub pictures: Vec<String>,
}

/// Required elements cannot be supplied, so the article cannot go out under these policies.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Missing {
    pub story: Guid,
    pub version: Version,
    pub wire: PolicyId,
    /// Each with the way to mend it; never empty.
    pub elements: Vec<(String, String)>,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { story, version, wire, elements } = self;
        write!(f, "story {story} version {version} cannot carry what the wire \"{wire}\" requires: ")?;
        for (at, (name, mend)) in elements.iter().enumerate() {
            write!(f, "{}{name}: {mend}", if at > 0 { "; " } else { "" })?;
        }
        write!(f, " (or set required = false in elements.NAME of the policy)")
    }
}

impl Attribution {
    /// What must be found in the finished document. The affiliation is the reporter's, so it is only found where the
    /// reporter's name stands too: a story that mentions the agency has not named its reporter's affiliation.
    pub fn required(&self) -> &[Required] {
        &self.required
    }

    /// Asks for the credits of somebody else's media that pass with them, too.
    pub fn credit_media(&mut self, sifted: &Sifted<'_>) {
        // What a newsroom sends as media and is the logo stands as the logo.
        let is_logo = |picture: &String| self.logo.as_ref().is_some_and(|logo| logo.url == *picture);
        let credits: Vec<_> = sifted.credits().filter(|(_, pictures)| !pictures.iter().any(is_logo)).collect();
        for (credit, pictures) in credits {
            Arc::make_mut(&mut self.required).push(Required {
                name: "credit".to_owned(),
                element: Element::Credit,
                needles: vec![credit],
                href: None,
                in_field: true,
                pictures,
            });
        }
    }

    /// The byline as readers see it: `By Amber Randall, Civil Rights Reporter, Daily Caller News Foundation`. Where no
    /// reporter is named, the affiliation alone.
    pub fn byline(&self) -> String {
        self.byline.clone()
    }

    /// The byline for fields whose name already says "by": names, roles and affiliation.
    pub fn byline_without_word(&self) -> String {
        self.byline_without_word.clone()
    }

    /// The licence line and the lines of all policies and, unless they say the same, what the article says of its use.
    pub fn usage_terms(&self, article: &Article) -> Option<String> {
        let own = article.usage_terms.as_deref().and_then(tidy);
        let licence = match (self.licence.as_ref().map(|licence| licence.line.as_str()), own) {
            (Some(line), Some(own)) if !line.contains(&own) && !own.contains(line) => Some(format!("{line} {own}")),
            (Some(line), Some(own)) if own.len() > line.len() => Some(own),
            (Some(line), _) => Some(line.to_owned()),
            (None, own) => own,
        };
        let mut terms = licence.unwrap_or_default();
        for line in &self.lines {
            if !terms.contains(&line.text) {
                let gap = if terms.is_empty() { "" } else { " " };
                terms = format!("{terms}{gap}{}", line.text);
            }
        }
        Some(terms).filter(|terms| !terms.is_empty())
    }
}

/// The address in the URL standard's own spelling, which every format can carry.
fn spelled(address: String) -> String {
    Url::parse(&address).map_or(address, Into::into)
}

/// Whether `text` has `what` standing by itself, and not as a part of a longer word or address: `Sun` is not in
/// `Sunderland`, nor `desk@hp.example` in `newsdesk@hp.example`.
fn stands_in(text: &str, what: &str) -> bool {
    let goes_on = |c: char| c.is_alphanumeric() || "_%+-@".contains(c);
    text.match_indices(what).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let mut after = text[at + what.len()..].chars();
        let next = after.next();
        // A full stop ends a sentence, or goes on with an address.
        let stops = next == Some('.') && !after.next().is_some_and(char::is_alphanumeric);
        !before.is_some_and(|c| goes_on(c) || c == '.') && (stops || !next.is_some_and(|c| goes_on(c) || c == '.'))
    })
}

/// Whether `text` fits `pattern`, in any case of letters; `*` stands for any text.
fn fits(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.to_lowercase(), text.to_lowercase());
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}
