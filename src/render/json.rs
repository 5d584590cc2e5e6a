//! newswired's own JSON, version 1: the fields an article arrives with, and the attribution beside them.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::Serialize;

use super::{Manuscript, Render, RenderError, html};
use crate::article::{Concept, Media, body};
use crate::attribution::{Attribution, media};
use crate::config::{FormatProfile, Role};

pub struct Json;

impl Render for Json {
    fn content_type(&self, _: &FormatProfile) -> Cow<'static, str> {
        "application/json; charset=utf-8".into()
    }

    fn extension(&self, _: &FormatProfile) -> Cow<'static, str> {
        "json".into()
    }

    fn render(&self, manuscript: &Manuscript<'_>) -> Result<Vec<u8>, RenderError> {
        Ok(serde_json::to_vec(&document(manuscript))?)
    }
}

/// The document as a tree, for templates: they know its fields by the same names.
pub fn tree(manuscript: &Manuscript<'_>) -> Result<serde_json::Value, serde_json::Error> {
    serde_json::to_value(document(manuscript))
}

#[derive(Serialize)]
struct Document<'a> {
    newswired: u8,
    wire: &'a str,
    guid: &'a str,
    version: u64,
    action: &'static str,
    urgency: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    slugline: Option<&'a str>,
    headline: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    subheadline: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    byline: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    authors: Vec<Author<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dateline: Option<&'a str>,
    body_html: String,
    body_text: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    subjects: Vec<Term<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    genres: Vec<Term<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    places: Vec<Term<'a>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    sections: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    keywords: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    editor_note: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    versioned: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    embargo: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rights_until: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    canonical_url: Option<&'a str>,
    copyright_holder: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    copyright_notice: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage_terms: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    media: Vec<Asset<'a>>,
    attribution: Terms<'a>,
}

#[derive(Serialize)]
struct Author<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    affiliation: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uri: Option<&'a str>,
}

#[derive(Serialize)]
struct Term<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scheme: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
}

#[derive(Serialize)]
struct Asset<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    uri: Option<&'a str>,
    kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    headline: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    caption: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alt: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    credit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    holder: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    copyright_notice: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage_terms: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    renditions: Vec<File<'a>>,
}

#[derive(Serialize)]
struct File<'a> {
    name: &'a str,
    href: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    mime: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    width: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    height: Option<u32>,
}

/// What the licence demands, for a receiver that lays out the attribution itself.
#[derive(Serialize)]
struct Terms<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    byline: Option<String>,
    affiliation: &'a str,
    agency: Agency<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logo: Option<Logo<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    licence: Option<Licence<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    contact: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    lines: Vec<Line<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    others: Vec<Other<'a>>,
}

#[derive(Serialize)]
struct Agency<'a> {
    name: &'a str,
    short_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
}

#[derive(Serialize)]
struct Logo<'a> {
    url: &'a str,
    alt: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    width: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    height: Option<u32>,
}

/// A line that the text has, to be kept word for word.
#[derive(Serialize)]
struct Line<'a> {
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
}

/// Who else's terms the story carries.
#[derive(Serialize)]
struct Other<'a> {
    role: Role,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
}

#[derive(Serialize)]
struct Licence<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
    line: &'a str,
}

fn document<'a>(manuscript: &'a Manuscript<'a>) -> Document<'a> {
    let article = manuscript.article;
    let attribution = manuscript.attribution;
    let (embargo, expires) = manuscript.embargo_and_expiry();
    Document {
        newswired: 1,
        wire: article.wire.as_str(),
        guid: article.guid.as_str(),
        version: article.version.get(),
        action: article.action.as_str(),
        urgency: article.urgency.get(),
        language: article.language.as_deref(),
        slugline: article.slugline.as_deref(),
        headline: &article.headline,
        subheadline: manuscript.subheadline(),
        summary: manuscript.summary(),
        byline: byline(attribution),
        authors: article
            .authors
            .iter()
            .map(|author| Author {
                name: &author.name,
                role: author.role.as_deref(),
                affiliation: author.affiliation.as_deref(),
                uri: author.uri.as_deref(),
            })
            .collect(),
        dateline: article.dateline.as_deref(),
        body_html: html::html(manuscript),
        body_text: body::text(manuscript.blocks()),
        subjects: article.subjects.iter().map(term).collect(),
        genres: article.genres.iter().map(term).collect(),
        places: article.places.iter().map(term).collect(),
        sections: &article.sections,
        keywords: &article.keywords,
        editor_note: article.editor_note.as_deref(),
        notice: article.notice.as_deref(),
        created: article.created,
        versioned: article.versioned,
        embargo,
        expires,
        rights_until: manuscript.rights_until(),
        canonical_url: article.canonical.as_deref(),
        copyright_holder: manuscript.copyright_holder(),
        copyright_notice: article.copyright_notice.as_deref(),
        usage_terms: attribution.usage_terms(article),
        media: manuscript.media.iter().copied().map(asset).collect(),
        attribution: terms(attribution),
    }
}

fn byline(attribution: &Attribution) -> Option<String> {
    Some(attribution.byline()).filter(|byline| !byline.is_empty())
}

fn term(concept: &Concept) -> Term<'_> {
    Term { code: concept.code.as_deref(), scheme: concept.scheme.as_deref(), name: concept.name.as_deref() }
}

fn asset(asset: &Media) -> Asset<'_> {
    Asset {
        uri: asset.uri.as_deref(),
        kind: &asset.kind,
        headline: asset.headline.as_deref(),
        caption: asset.caption.as_deref(),
        alt: asset.alt.as_deref(),
        credit: media::credit(asset),
        holder: asset.holder.as_deref(),
        copyright_notice: asset.copyright_notice.as_deref(),
        usage_terms: asset.usage_terms.as_deref(),
        renditions: asset
            .renditions
            .iter()
            .map(|file| File {
                name: &file.name,
                href: &file.href,
                mime: file.mime.as_deref(),
                width: file.width,
                height: file.height,
            })
            .collect(),
    }
}

fn terms(attribution: &Attribution) -> Terms<'_> {
    let agency = &attribution.agency;
    Terms {
        byline: byline(attribution),
        affiliation: &attribution.affiliation,
        agency: Agency { name: &agency.name, short_name: &agency.short_name, url: agency.url.as_deref() },
        logo: attribution.logo.as_ref().map(|logo| Logo {
            url: &logo.url,
            alt: &logo.alt,
            width: logo.width,
            height: logo.height,
        }),
        licence: attribution.licence.as_ref().map(|licence| Licence {
            id: licence.id.as_deref(),
            url: licence.url.as_deref(),
            line: &licence.line,
        }),
        contact: attribution.contact.as_deref(),
        lines: attribution.lines.iter().map(|line| Line { text: &line.text, url: line.href.as_deref() }).collect(),
        others: attribution
            .others
            .iter()
            .map(|other| Other { role: other.role, name: &other.name, url: other.url.as_deref() })
            .collect(),
    }
}
