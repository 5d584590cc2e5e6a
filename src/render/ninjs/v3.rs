//! IPTC ninjs 3.1: texts, associations and files in lists, each member with its role; names in camel case.

use jiff::Timestamp;
use serde::Serialize;
use std::borrow::Cow;

use super::{asset_uri, contact_type, editors_note, is_uri, kind, role, status, term_uri, terms, vocabulary};
use crate::article::{Author, Concept, Media};
use crate::attribution::{Attribution, Logo, media};
use crate::config::FormatProfile;
use crate::render::{Manuscript, Render, RenderError, html};

pub struct Ninjs31;

impl Render for Ninjs31 {
    fn content_type(&self, _: &FormatProfile) -> Cow<'static, str> {
        "application/ninjs+json; charset=utf-8".into()
    }

    fn extension(&self, _: &FormatProfile) -> Cow<'static, str> {
        "json".into()
    }

    fn render(&self, manuscript: &Manuscript<'_>) -> Result<Vec<u8>, RenderError> {
        Ok(serde_json::to_vec(&item(manuscript))?)
    }
}

/// A story; or, with a name, an item that is associated with it.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Item<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rel: Option<&'static str>,
    uri: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub standard: Option<Standard>,
    #[serde(skip_serializing_if = "Option::is_none")]
    r#type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    representation_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_created: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_created: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    embargoed_until: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub_status: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    urgency: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    copyright_holder: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    copyright_notice: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage_terms: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ed_note: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    slugline: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    located: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    headlines: Vec<Text<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    descriptions: Vec<Text<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    bodies: Vec<Text<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    people: Vec<Term<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    places: Vec<Term<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    subjects: Vec<Term<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    genres: Vec<Term<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    info_sources: Vec<Source<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rights_info: Option<Rights<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    renditions: Vec<File<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub associations: Vec<Item<'a>>,
}

#[derive(Serialize)]
pub struct Standard {
    pub name: &'static str,
    pub version: &'static str,
    pub schema: &'static str,
}

const NINJS_3_1: Standard =
    Standard { name: "ninjs", version: "3.1", schema: "https://iptc.org/std/ninjs/ninjs-schema_3.1.json" };

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Text<'a> {
    role: &'static str,
    content_type: &'static str,
    value: std::borrow::Cow<'a, str>,
}

#[derive(Default, Serialize)]
struct Term<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rel: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    literal: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Source<'a> {
    name: &'a str,
    role: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    uri: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    contact_info: Vec<Contact<'a>>,
}

#[derive(Serialize)]
struct Contact<'a> {
    r#type: &'static str,
    role: &'static str,
    value: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rights<'a> {
    linked_rights: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct File<'a> {
    name: &'a str,
    href: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    width: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    height: Option<u32>,
}

pub fn item<'a>(manuscript: &'a Manuscript<'a>) -> Item<'a> {
    let article = manuscript.article;
    let attribution = manuscript.attribution;
    let (embargo, expires) = manuscript.embargo_and_expiry();
    let withdraws = article.action.withdraws();
    let media = manuscript.media.iter().enumerate().map(|(at, asset)| picture(manuscript, asset, role(at, "featured")));
    let logo = attribution.logo.as_ref().filter(|_| !withdraws).map(logo);
    let keywords = article.keywords.iter().map(|word| labelled(word, "keyword"));
    let sections = article.sections.iter().map(|section| labelled(section, "section"));
    let body = Text { role: "main", content_type: "text/html", value: html::html(manuscript).into() };
    let licence = attribution.licence.as_ref().and_then(|licence| licence.url.as_deref());
    let page = |href: &'a String| File {
        name: "canonical-web",
        href,
        content_type: Some("text/html"),
        width: None,
        height: None,
    };
    Item {
        uri: article.guid.as_str().to_owned(),
        standard: Some(NINJS_3_1),
        r#type: Some("text"),
        representation_type: Some(if withdraws { "partial" } else { "full" }),
        profile: Some(if manuscript.media.is_empty() { "text" } else { "text-photo" }),
        version: Some(article.version.to_string()),
        first_created: article.created,
        version_created: article.versioned,
        embargoed_until: embargo,
        expires,
        pub_status: Some(status(article.action)),
        urgency: Some(article.urgency.get()),
        copyright_holder: Some(manuscript.copyright_holder()),
        copyright_notice: article.copyright_notice.as_deref(),
        usage_terms: terms(manuscript),
        ed_note: editors_note(manuscript),
        language: article.language.as_deref(),
        by: Some(attribution.byline_without_word()).filter(|byline| !byline.is_empty()),
        slugline: article.slugline.as_deref(),
        located: article.dateline.as_deref(),
        headlines: [
            Some(plain("main", &article.headline)),
            manuscript.subheadline().map(|text| plain("subhead", text)),
        ]
        .into_iter()
        .flatten()
        .collect(),
        descriptions: manuscript.summary().map(|text| plain("summary", text)).into_iter().collect(),
        bodies: vec![body],
        people: article.authors.iter().map(author).collect(),
        places: article.places.iter().map(term).collect(),
        subjects: article.subjects.iter().map(term).chain(sections).chain(keywords).collect(),
        genres: article.genres.iter().map(term).collect(),
        info_sources: vec![source(attribution)],
        rights_info: licence.filter(|url| is_uri(url)).map(|linked_rights| Rights { linked_rights }),
        renditions: article.canonical.iter().map(page).collect(),
        associations: media.chain(logo).collect(),
        ..Item::default()
    }
}

fn plain<'a>(role: &'static str, text: &'a str) -> Text<'a> {
    Text { role, content_type: "text/plain", value: text.into() }
}

fn picture<'a>(manuscript: &Manuscript<'a>, asset: &'a Media, role: String) -> Item<'a> {
    let file = |file: &'a crate::article::MediaRendition| File {
        name: &file.name,
        href: &file.href,
        content_type: file.mime.as_deref(),
        width: file.width,
        height: file.height,
    };
    let descriptions = [("caption", asset.caption.as_deref()), ("altText", asset.alt.as_deref())];
    Item {
        uri: asset_uri(manuscript, asset, &role),
        rel: Some(if role == "featured" { "featured" } else { "media" }),
        name: Some(role),
        r#type: kind(asset),
        headlines: asset.headline.iter().map(|text| plain("main", text)).collect(),
        descriptions: descriptions.into_iter().filter_map(|(role, text)| Some(plain(role, text?))).collect(),
        by: media::credit(asset),
        copyright_holder: asset.holder.as_deref(),
        copyright_notice: asset.copyright_notice.as_deref(),
        usage_terms: asset.usage_terms.clone(),
        renditions: asset.renditions.iter().filter(|file| is_uri(&file.href)).map(file).collect(),
        ..Item::default()
    }
}

fn logo(logo: &Logo) -> Item<'_> {
    let file = File { name: "main", href: &logo.url, content_type: None, width: logo.width, height: logo.height };
    Item {
        uri: logo.url.clone(),
        name: Some("logo".to_owned()),
        rel: Some("logo"),
        r#type: Some("graphic"),
        headlines: vec![plain("main", &logo.alt)],
        descriptions: vec![plain("altText", &logo.alt)],
        renditions: vec![file],
        ..Item::default()
    }
}

fn source(attribution: &Attribution) -> Source<'_> {
    let agency = &attribution.agency;
    let contact = |value| Contact { r#type: contact_type(value), role: "licensing", value };
    Source {
        name: &agency.name,
        role: "http://cv.iptc.org/newscodes/contentprodpartyrole/originator",
        uri: agency.url.as_deref().filter(|url| is_uri(url)),
        contact_info: attribution.contact.as_deref().map(contact).into_iter().collect(),
    }
}

fn labelled<'a>(name: &'a str, rel: &'static str) -> Term<'a> {
    Term { name: Some(name), rel: Some(rel), ..Term::default() }
}

/// A reporter; what they are and whom they report for stands in the byline.
fn author(author: &Author) -> Term<'_> {
    Term { uri: author.uri.clone().filter(|uri| is_uri(uri)), ..labelled(&author.name, "author") }
}

/// A concept as the URI of its term, with the bare code beside it, since what a URI spells with `%` is not for people.
/// Of a vocabulary that has no URI, the code with the vocabulary's name before it is all there is.
fn term(concept: &Concept) -> Term<'_> {
    let name = concept.name.as_deref();
    match (vocabulary(concept), &concept.code) {
        (Some(vocabulary), Some(code)) => {
            Term { name, uri: Some(term_uri(vocabulary, code)), literal: Some(code.clone()), rel: None }
        }
        (None, Some(_)) | (_, None) => Term { name, literal: concept.qcode(), ..Term::default() },
    }
}
