//! IPTC ninjs 1.3 and 1.6: one object a story, with the role of each text in its name (`headline_sub`), associations
//! and files by key.
//!
//! 1.3 is 1.6 without an expiry, contacts and machine-readable rights. There the contact ends the usage terms, which
//! are what an editor reads before asking.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::{
    asset_uri, contact_type, editors_note, free_name, is_uri, kind, role, status, terms, terms_and_contact, vocabulary,
};
use crate::article::{Author, Concept, Media};
use crate::attribution::{Attribution, Logo, media};
use crate::config::FormatProfile;
use crate::render::{Manuscript, Render, RenderError, html};

pub struct Ninjs13;

impl Render for Ninjs13 {
    fn content_type(&self, _: &FormatProfile) -> Cow<'static, str> {
        "application/ninjs+json; charset=utf-8".into()
    }

    fn extension(&self, _: &FormatProfile) -> Cow<'static, str> {
        "json".into()
    }

    fn render(&self, manuscript: &Manuscript<'_>) -> Result<Vec<u8>, RenderError> {
        let mut item = item(manuscript);
        item.standard = Some(NINJS_1_3);
        item.expires = None;
        item.rightsinfo = None;
        item.infosource.iter_mut().for_each(|source| source.contactinfo.clear());
        item.usageterms = terms_and_contact(manuscript);
        Ok(serde_json::to_vec(&item)?)
    }
}

pub struct Ninjs16;

impl Render for Ninjs16 {
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

#[derive(Default, Serialize)]
struct Item<'a> {
    uri: String,
    #[serde(rename = "$standard", skip_serializing_if = "Option::is_none")]
    standard: Option<Standard>,
    #[serde(skip_serializing_if = "Option::is_none")]
    r#type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mimetype: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    representationtype: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    firstcreated: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    versioncreated: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    embargoed: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pubstatus: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    urgency: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    copyrightholder: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    copyrightnotice: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usageterms: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ednote: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    byline: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    headline: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    headline_sub: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    slugline: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    located: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description_text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body_html: Option<String>,
    /// Of a picture: the alternative text, where Superdesk's family of receivers looks for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    body_text: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    person: Vec<Term<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    place: Vec<Term<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    subject: Vec<Term<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    genre: Vec<Term<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    infosource: Vec<Source<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rightsinfo: Option<Rights<'a>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    renditions: BTreeMap<String, File<'a>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    associations: BTreeMap<String, Item<'a>>,
}

#[derive(Serialize)]
struct Standard {
    name: &'static str,
    version: &'static str,
    schema: &'static str,
}

const NINJS_1_3: Standard =
    Standard { name: "ninjs", version: "1.3", schema: "https://iptc.org/std/ninjs/ninjs-schema_1.3.json" };

const NINJS_1_6: Standard =
    Standard { name: "ninjs", version: "1.6", schema: "https://iptc.org/std/ninjs/ninjs-schema_1.6.json" };

#[derive(Default, Serialize)]
struct Term<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rel: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scheme: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
}

#[derive(Serialize)]
struct Source<'a> {
    name: &'a str,
    rel: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    contactinfo: Vec<Contact<'a>>,
}

#[derive(Serialize)]
struct Contact<'a> {
    r#type: &'static str,
    value: &'a str,
}

#[derive(Serialize)]
struct Rights<'a> {
    linkedrights: &'a str,
}

#[derive(Serialize)]
struct File<'a> {
    href: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    mimetype: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    width: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    height: Option<u32>,
}

fn item<'a>(manuscript: &'a Manuscript<'a>) -> Item<'a> {
    let article = manuscript.article;
    let attribution = manuscript.attribution;
    let (embargo, expires) = manuscript.embargo_and_expiry();
    let withdraws = article.action.withdraws();
    let mut associations = BTreeMap::new();
    for (at, asset) in manuscript.media.iter().enumerate() {
        let role = role(at, "featuremedia");
        let picture = picture(manuscript, asset, &role);
        associations.insert(role, picture);
    }
    if let Some(logo) = attribution.logo.as_ref().filter(|_| !withdraws) {
        associations.insert("logo".to_owned(), logo_item(logo));
    }
    let keywords = article.keywords.iter().map(|word| labelled(word, "keyword"));
    let sections = article.sections.iter().map(|section| labelled(section, "section"));
    Item {
        uri: article.guid.as_str().to_owned(),
        standard: Some(NINJS_1_6),
        r#type: Some("text"),
        mimetype: Some("text/html"),
        representationtype: Some(if withdraws { "incomplete" } else { "complete" }),
        profile: Some(if manuscript.media.is_empty() { "text" } else { "text-photo" }),
        version: Some(article.version.to_string()),
        firstcreated: article.created,
        versioncreated: article.versioned,
        embargoed: embargo,
        expires,
        pubstatus: Some(status(article.action)),
        urgency: Some(article.urgency.get()),
        copyrightholder: Some(manuscript.copyright_holder()),
        copyrightnotice: article.copyright_notice.as_deref(),
        usageterms: terms(manuscript),
        ednote: editors_note(manuscript),
        language: article.language.as_deref(),
        byline: Some(attribution.byline_without_word()).filter(|byline| !byline.is_empty()),
        headline: Some(&article.headline),
        headline_sub: manuscript.subheadline(),
        slugline: article.slugline.as_deref(),
        located: article.dateline.as_deref(),
        description_text: manuscript.summary(),
        body_html: Some(html::html(manuscript)),
        person: article.authors.iter().map(author).collect(),
        place: article.places.iter().map(term).collect(),
        subject: article.subjects.iter().map(term).chain(sections).chain(keywords).collect(),
        genre: article.genres.iter().map(term).collect(),
        infosource: vec![source(attribution)],
        rightsinfo: attribution
            .licence
            .as_ref()
            .and_then(|licence| Some(Rights { linkedrights: licence.url.as_deref().filter(|url| is_uri(url))? })),
        renditions: article.canonical.iter().map(|href| ("canonical_web".to_owned(), File::page(href))).collect(),
        associations,
        ..Item::default()
    }
}

impl<'a> File<'a> {
    /// The story as a page of the wire's own site.
    fn page(href: &'a str) -> Self {
        Self { href, mimetype: Some("text/html"), width: None, height: None }
    }
}

fn picture<'a>(manuscript: &Manuscript<'a>, asset: &'a Media, role: &str) -> Item<'a> {
    let mut renditions = BTreeMap::new();
    for file in asset.renditions.iter().filter(|file| is_uri(&file.href)) {
        let name = free_name(&file.name, |name| renditions.contains_key(name));
        let file = File { href: &file.href, mimetype: file.mime.as_deref(), width: file.width, height: file.height };
        renditions.insert(name, file);
    }
    Item {
        uri: asset_uri(manuscript, asset, role),
        r#type: kind(asset),
        headline: asset.headline.as_deref(),
        description_text: asset.caption.as_deref(),
        body_text: asset.alt.as_deref(),
        byline: media::credit(asset),
        copyrightholder: asset.holder.as_deref(),
        copyrightnotice: asset.copyright_notice.as_deref(),
        usageterms: asset.usage_terms.clone(),
        renditions,
        ..Item::default()
    }
}

fn logo_item(logo: &Logo) -> Item<'_> {
    let file = File { href: &logo.url, mimetype: None, width: logo.width, height: logo.height };
    Item {
        uri: logo.url.clone(),
        r#type: Some("graphic"),
        headline: Some(&logo.alt),
        body_text: Some(&logo.alt),
        renditions: BTreeMap::from([("main".to_owned(), file)]),
        ..Item::default()
    }
}

fn source(attribution: &Attribution) -> Source<'_> {
    let contact = attribution.contact.as_deref().map(|value| Contact { r#type: contact_type(value), value });
    Source { name: &attribution.agency.name, rel: "originator", contactinfo: contact.into_iter().collect() }
}

fn labelled<'a>(name: &'a str, rel: &'static str) -> Term<'a> {
    Term { name: Some(name), rel: Some(rel), ..Term::default() }
}

/// A reporter; what they are and whom they report for stands in the byline.
fn author(author: &Author) -> Term<'_> {
    Term { code: author.uri.clone().filter(|uri| is_uri(uri)), ..labelled(&author.name, "author") }
}

/// A concept with its scheme as the URI that the schema wants; a scheme that is none stays in the code.
fn term(concept: &Concept) -> Term<'_> {
    let scheme = vocabulary(concept);
    let code = if scheme.is_some() { concept.code.clone() } else { concept.qcode() };
    Term { name: concept.name.as_deref(), scheme, code, rel: None }
}
