//! IPTC NITF 3.x, as agencies really write it.
//!
//! Real NITF is a family of dialects: with and without a namespace, elements out of the schema's order or in places
//! where it has none. So what describes the story is looked for anywhere outside of the text, by name, and the first
//! that says anything counts. Lenient where nothing is lost by it: unknown elements are passed over, and their text
//! stays where it is part of the story. A field that would change what readers get (a status, an embargo, a version)
//! and cannot be understood refuses the document.
//!
//! What an article has and NITF has no field for, and what NITF says and an article has no place for, is listed in
//! `docs/articles.md`.

mod byline;
mod content;
mod docdata;
mod identity;
mod media;
#[cfg(test)]
mod tests;

pub use content::Content;

use super::decode::checked;
use super::html::web_address;
use super::text::{one_line, prose};
use super::xml::{Document, Element};
use super::{Action, Article, DecodeError, Kind, WireId};
use identity::Identity;

/// The most items that a list may have. Real ones have dozens; what is made of them is compared with one another
/// later, which takes quadratic time.
const MOST_ITEMS: usize = 1000;

/// The article that `document` describes.
pub(super) fn decode(document: &Document<'_>, wire: &WireId) -> Result<Article, DecodeError> {
    let nitf = Nitf { document, root: &document.root, kind: Kind::Nitf };
    let identity = identity::of(&nitf, wire)?;
    match article(&nitf, wire, identity.clone()) {
        // A story that has to come down comes down, whatever else is wrong with the document that says so.
        Err(_) if identity.action.withdraws() => {
            let mut bare = Article::bare(wire.clone(), identity.guid, identity.version, identity.action);
            bare.headline = nitf.headline(identity.action).unwrap_or(bare.headline);
            (bare.notice, bare.editor_note) = nitf.notice_and_note(identity.action);
            Ok(bare)
        }
        article => article,
    }
}

fn article(nitf: &Nitf<'_>, wire: &WireId, identity: Identity) -> Result<Article, DecodeError> {
    let Identity { guid, version, action } = identity;
    let content = Content::of(nitf)?;
    let headline = match nitf.headline(action) {
        Some(headline) => headline,
        None if action.withdraws() => guid.to_string(),
        None => {
            return nitf.refuse_as(
                nitf.root,
                "hl1",
                "is missing, and there is neither a title nor a slugline in its place",
            );
        }
    };
    let summary = nitf.line("abstract");
    let body = match content.body {
        body if action.withdraws() || !body.text().trim().is_empty() => body,
        // A short item may have an abstract and nothing more; that is its text then.
        _ => match &summary {
            Some(text) => super::html::from_text(text),
            None => {
                let problem = format!("holds no text, nor does an abstract; a story to {action} needs some");
                return nitf.refuse_as(nitf.root, "body.content", problem);
            }
        },
    };
    let (notice, note) = nitf.notice_and_note(action);
    let times = nitf.times(note.as_deref(), action)?;
    let article = Article {
        wire: wire.clone(),
        guid,
        version,
        action,
        urgency: nitf.urgency()?,
        language: nitf.language(),
        slugline: nitf.slugline(),
        headline,
        subheadline: nitf.subheadline(),
        summary,
        byline: content.byline,
        authors: content.authors,
        dateline: nitf.dateline(),
        body,
        subjects: nitf.subjects()?,
        genres: nitf.genres()?,
        places: nitf.places()?,
        sections: nitf.sections()?,
        keywords: nitf.keywords()?,
        editor_note: [note, content.editor_note].into_iter().flatten().reduce(|one, other| format!("{one}\n{other}")),
        notice,
        created: None,
        versioned: times.issued,
        embargo: times.embargo,
        expires: times.expires,
        rights_until: times.rights_until,
        canonical: nitf.all("pubdata").into_iter().find_map(|data| data.attribute("ex-ref").and_then(web_address)),
        copyright_holder: nitf.all("doc.copyright").into_iter().find_map(|it| it.line_of("holder")),
        copyright_notice: nitf.copyright_notice(),
        usage_terms: nitf.usage_terms(),
        media: content.media,
    };
    checked(article, nitf.kind)
}

/// A NITF document, or one that stands within another format's item.
pub struct Nitf<'d> {
    pub document: &'d Document<'d>,
    pub root: &'d Element,
    /// What the whole document is.
    pub kind: Kind,
}

/// Whether an element is text of the story rather than a word on it.
fn is_text(element: &Element) -> bool {
    matches!(element.name.as_str(), "body.content" | "body.end")
}

impl<'d> Nitf<'d> {
    pub fn refuse<T>(&self, element: &Element, problem: impl Into<String>) -> Result<T, DecodeError> {
        self.document.refuse(self.kind, element, problem)
    }

    pub fn refuse_as<T>(&self, element: &Element, path: &str, problem: impl Into<String>) -> Result<T, DecodeError> {
        self.document.refuse_as(self.kind, element, path, problem)
    }

    /// All elements called `name` that describe the story.
    pub fn all(&self, name: &str) -> Vec<&'d Element> {
        self.root.find(name, &is_text)
    }

    /// As [`Self::all`], for what an article has a list of.
    fn bounded(&self, name: &str) -> Result<Vec<&'d Element>, DecodeError> {
        let found = self.all(name);
        match found.get(MOST_ITEMS) {
            Some(one_too_many) => {
                let problem = format!("stands here {} times; at most {MOST_ITEMS} are taken", found.len());
                self.refuse(one_too_many, problem)
            }
            None => Ok(found),
        }
    }

    /// The first text in an element called `name`.
    pub fn line(&self, name: &str) -> Option<String> {
        self.all(name).into_iter().find_map(Element::line)
    }

    /// The content of `<meta name="…">`.
    fn meta(&self, name: &str) -> Option<String> {
        let metas = self.all("meta");
        let mut named =
            metas.iter().filter(|meta| meta.attribute("name").is_some_and(|it| it.eq_ignore_ascii_case(name)));
        named.find_map(|meta| meta.line_of("content"))
    }

    pub fn headline(&self, action: Action) -> Option<String> {
        let headlines = self.all("hl1");
        // Those who write several mark the one that readers see.
        let marked = headlines.iter().find(|it| it.attribute("id") == Some("headline")).and_then(|it| it.line());
        let first = || headlines.iter().find_map(|it| it.line());
        let headline = marked.or_else(first).or_else(|| self.line("title")).or_else(|| self.slugline())?;
        // What says so in the headline says it in the action too.
        let order = match action {
            Action::Kill => "KILL:",
            Action::Withhold => "WITHHOLD:",
            Action::Publish | Action::Update | Action::Correct => return Some(headline),
        };
        headline.strip_prefix(order).and_then(one_line).or(Some(headline))
    }

    /// AP keeps there what the headline was before, too.
    pub fn subheadline(&self) -> Option<String> {
        let lines = self.all("hl2");
        lines.into_iter().filter(|line| line.attribute("id") != Some("originalHeadline")).find_map(Element::line)
    }

    fn slugline(&self) -> Option<String> {
        let key = || self.all("du-key").into_iter().find_map(|it| it.line_of("key"));
        self.meta("slugline").or_else(|| self.meta("anpa-keyword")).or_else(key)
    }

    fn language(&self) -> Option<String> {
        let tag = ["baselang", "xml:lang"].iter().find_map(|name| self.root.line_of(name));
        tag.map(|tag| tag.replace('_', "-"))
    }

    /// Where it was reported from. The date beside it is no part of it.
    pub fn dateline(&self) -> Option<String> {
        self.all("dateline").into_iter().find_map(|dateline| {
            let locations = dateline.find("location", &|_| false);
            let place = |location: &Element| {
                // City, state and country with nothing between them.
                let bare = location.children.iter().all(|node| match node {
                    super::xml::Node::Text(text) => text.trim().is_empty(),
                    super::xml::Node::Element(_) => true,
                });
                let parts: Vec<String> = location.elements().filter_map(Element::line).collect();
                if bare { one_line(&parts.join(", ")) } else { location.line() }
            };
            let located: Vec<String> = locations.into_iter().filter_map(place).collect();
            one_line(&located.join("; ")).or_else(|| dateline.line_without(&|part| part.name == "story.date"))
        })
    }

    /// What a correction corrects or why a kill kills, for readers too; and what is for editors alone.
    fn notice_and_note(&self, action: Action) -> (Option<String>, Option<String>) {
        let correction = self.all("correction").into_iter().find_map(|it| it.attribute("info").and_then(prose));
        let messages = self.all("ed-msg").into_iter().filter_map(|it| {
            let info = it.attribute("info").and_then(prose).or_else(|| it.line())?;
            // Who writes both often opens the one with the other.
            let alone = correction.as_deref().filter(|_| !action.withdraws()).and_then(|said| info.strip_prefix(said));
            alone.map_or(Some(info.clone()), prose)
        });
        let notes = self.all("note").into_iter().filter(|note| content::is_for_editors(note)).filter_map(Element::line);
        let said: Vec<String> = messages.chain(notes).collect();
        (correction.clone(), (!said.is_empty()).then(|| said.join("\n")))
    }

    fn copyright_notice(&self) -> Option<String> {
        let notes = self.all("note");
        let notice =
            notes.iter().filter(|note| note.attribute("noteclass") == Some("cpyrt")).find_map(|note| note.line());
        notice.or_else(|| self.line("copyrite"))
    }

    /// The limitations, in the head or for readers, and where they name places, those.
    fn usage_terms(&self) -> Option<String> {
        let rights = self.all("doc.rights");
        let said = |name| rights.iter().find_map(|it| it.attribute(name).and_then(prose));
        let limits = said("limitations").or_else(|| self.line("rights.limitations"));
        let worldwide =
            |place: &String| ["worldwide", "world", "global"].iter().any(|it| place.eq_ignore_ascii_case(it));
        let geography = said("geography").or_else(|| self.line("rights.geography")).filter(|place| !worldwide(place));
        let parts = [limits, geography.map(|place| format!("Geography: {place}."))];
        parts.into_iter().flatten().reduce(|one, other| format!("{one} {other}"))
    }
}
