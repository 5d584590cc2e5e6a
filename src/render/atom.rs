//! Atom (RFC 4287): one entry for each version of a story.
//!
//! The entry's `id` is the story's guid and stays; `updated` is the version's time, by which receivers know the newer
//! one. Atom has no field for a version, an action or an embargo. The story's text is HTML in `content`, with its
//! pictures and its attribution.
//!
//! A withdrawal is a deleted entry (RFC 6721): a document of its own kind, which says which entry is gone and why.

use std::borrow::Cow;
use std::io::Result;

use super::xml::Xml;
use super::{Manuscript, Render, RenderError, html};
use crate::article::{Action, Concept, iri};
use crate::config::FormatProfile;

const ATOM: &str = "http://www.w3.org/2005/Atom";

/// RFC 6721 §3.
const TOMBSTONES: &str = "http://purl.org/atompub/tombstones/1.0";

pub struct Atom;

impl Render for Atom {
    fn content_type(&self, _: &FormatProfile) -> Cow<'static, str> {
        "application/atom+xml; type=entry; charset=utf-8".into()
    }

    fn content_type_of(&self, action: Action, profile: &FormatProfile) -> Cow<'static, str> {
        // RFC 6721 §4.
        if action.withdraws() {
            "application/atomdeleted+xml; charset=utf-8".into()
        } else {
            self.content_type(profile)
        }
    }

    fn extension(&self, _: &FormatProfile) -> Cow<'static, str> {
        "atom".into()
    }

    fn render(&self, manuscript: &Manuscript<'_>) -> std::result::Result<Vec<u8>, RenderError> {
        let mut xml = Xml::document()?;
        if manuscript.article.action.withdraws() {
            tombstone(&mut xml, manuscript)?
        } else {
            entry(&mut xml, manuscript)?
        }
        xml.line_end()?;
        Ok(xml.into_bytes())
    }
}

/// An element with nothing but text, on a line of its own.
fn text(xml: &mut Xml, name: &str, text: &str) -> Result<()> {
    xml.leaf(name, &[], text)?;
    xml.line_end()
}

fn link(xml: &mut Xml, rel: &str, href: &str, kind: Option<&str>, title: Option<&str>) -> Result<()> {
    let Some(href) = iri(href) else { return Ok(()) };
    xml.empty("link", &[("rel", Some(rel)), ("type", kind), ("title", title), ("href", Some(&href))])?;
    xml.line_end()
}

fn person(xml: &mut Xml, element: &str, name: &str, uri: Option<&str>) -> Result<()> {
    xml.element(element, &[], |xml| {
        xml.leaf("name", &[], name)?;
        uri.and_then(iri).map_or(Ok(()), |uri| xml.leaf("uri", &[], &uri))
    })?;
    xml.line_end()
}

fn entry(xml: &mut Xml, manuscript: &Manuscript<'_>) -> Result<()> {
    let Manuscript { article, attribution, .. } = *manuscript;
    xml.element("entry", &[("xmlns", Some(ATOM)), ("xml:lang", article.language.as_deref())], |xml| {
        xml.line_end()?;
        text(xml, "id", &id(manuscript))?;
        text(xml, "title", &manuscript.headline())?;
        text(xml, "updated", &manuscript.made().to_string())?;
        article.created.map_or(Ok(()), |at| text(xml, "published", &at.to_string()))?;
        authors(xml, manuscript)?;
        let parts = [article.copyright_notice.clone(), attribution.usage_terms(article)];
        let rights: Vec<String> = parts.into_iter().flatten().collect();
        if !rights.is_empty() {
            text(xml, "rights", &rights.join(" "))?;
        }
        categories(xml, manuscript)?;
        if let Some(canonical) = &article.canonical {
            link(xml, "alternate", canonical, Some("text/html"), None)?;
        }
        if let Some(url) = attribution.licence.as_ref().and_then(|licence| licence.url.as_deref()) {
            // RFC 4946.
            link(xml, "license", url, None, None)?;
        }
        for asset in &manuscript.media {
            let title = [&asset.headline, &asset.alt, &asset.caption].into_iter().flatten().next();
            for file in &asset.renditions {
                link(xml, "enclosure", &file.href, media_type(file.mime.as_deref()), title.map(String::as_str))?;
            }
        }
        manuscript.summary().map_or(Ok(()), |summary| text(xml, "summary", summary))?;
        xml.leaf("content", &[("type", Some("html"))], &html::illustrated(manuscript))?;
        xml.line_end()
    })
}

/// The guid, as the IRI that it has to be.
fn id(manuscript: &Manuscript<'_>) -> String {
    let guid = manuscript.article.guid.as_str();
    iri(guid).unwrap_or_else(|| guid.to_owned())
}

/// An entry has at least one author (RFC 4287 §4.1.2).
fn authors(xml: &mut Xml, manuscript: &Manuscript<'_>) -> Result<()> {
    let Manuscript { article, attribution, .. } = *manuscript;
    if article.authors.is_empty() {
        let byline = attribution.byline_without_word();
        let name = if byline.is_empty() { &attribution.agency.name } else { &byline };
        return person(xml, "author", name, None);
    }
    article.authors.iter().try_for_each(|author| person(xml, "author", &author.name, author.uri.as_deref()))
}

fn categories(xml: &mut Xml, manuscript: &Manuscript<'_>) -> Result<()> {
    let article = manuscript.article;
    let mut category = |scheme: Option<&str>, term: &str, label: Option<&str>| {
        xml.empty("category", &[("scheme", scheme), ("term", Some(term)), ("label", label)])?;
        xml.line_end()
    };
    for concept in article.subjects.iter().chain(&article.genres).chain(&article.places) {
        let (scheme, term) = named(concept);
        category(scheme.as_deref(), &term, concept.name.as_deref())?;
    }
    article.sections.iter().chain(&article.keywords).try_for_each(|word| category(None, word, None))
}

/// The scheme of a term as the IRI that it has to be, and the term in it. A scheme that is none stays in the term.
fn named(concept: &Concept) -> (Option<String>, String) {
    let name = || concept.name.clone().unwrap_or_default();
    let Some(code) = &concept.code else { return (None, name()) };
    let scheme = match concept.scheme.as_deref() {
        Some("medtop") => Some("http://cv.iptc.org/newscodes/mediatopic/".to_owned()),
        Some("subj") => Some("http://cv.iptc.org/newscodes/subjectcode/".to_owned()),
        Some("genre") => Some("http://cv.iptc.org/newscodes/genre/".to_owned()),
        Some(other) => iri(other),
        None => None,
    };
    match scheme {
        Some(scheme) => (Some(scheme), code.clone()),
        None => (None, concept.qcode().unwrap_or_else(name)),
    }
}

/// A media type as RFC 4287's schema allows it; parameters are cut off.
fn media_type(mime: Option<&str>) -> Option<&str> {
    let bare = mime?.split(';').next()?.trim();
    let (kind, subtype) = bare.split_once('/')?;
    let is_token = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&byte))
    };
    (is_token(kind) && is_token(subtype)).then_some(bare)
}

/// RFC 6721 §3.
fn tombstone(xml: &mut Xml, manuscript: &Manuscript<'_>) -> Result<()> {
    let Manuscript { article, attribution, .. } = *manuscript;
    let (id, when) = (id(manuscript), manuscript.made().to_string());
    let attributes = [
        ("xmlns:at", Some(TOMBSTONES)),
        ("xmlns", Some(ATOM)),
        ("xml:lang", article.language.as_deref()),
        ("ref", Some(id.as_str())),
        ("when", Some(when.as_str())),
    ];
    xml.element("at:deleted-entry", &attributes, |xml| {
        xml.line_end()?;
        xml.element("at:by", &[], |xml| {
            xml.leaf("name", &[], &attribution.agency.name)?;
            attribution.agency.url.as_deref().and_then(iri).map_or(Ok(()), |uri| xml.leaf("uri", &[], &uri))
        })?;
        xml.line_end()?;
        text(xml, "at:comment", &manuscript.body.text())?;
        article.canonical.as_deref().map_or(Ok(()), |url| link(xml, "alternate", url, Some("text/html"), None))
    })
}
