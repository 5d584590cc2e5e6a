//! IPTC ninjs 1.6.
//!
//! The schema allows no property that it does not name, and no null. A withdrawal keeps the story's `uri` and says
//! `pubstatus: canceled` (or `withheld`), as the standard has it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use url::Url;

use super::{Manuscript, Render, RenderError, html};
use crate::article::{Action, Concept, Media};
use crate::attribution::{Attribution, Logo, media};
use crate::config::FormatProfile;

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

const STANDARD: Standard =
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
    let mut associations: BTreeMap<String, Item<'a>> =
        manuscript.media.iter().enumerate().map(|(at, asset)| (role(at), picture(manuscript, asset, at))).collect();
    if let Some(logo) = attribution.logo.as_ref().filter(|_| !withdraws) {
        associations.insert("logo".to_owned(), logo_item(logo));
    }
    let keywords = article.keywords.iter().map(|word| labelled(word, "keyword"));
    let sections = article.sections.iter().map(|section| labelled(section, "section"));
    Item {
        uri: article.guid.as_str().to_owned(),
        standard: Some(STANDARD),
        r#type: Some("text"),
        mimetype: Some("text/html"),
        representationtype: Some(if withdraws { "incomplete" } else { "complete" }),
        profile: Some(if manuscript.media.is_empty() { "text" } else { "text-photo" }),
        version: Some(article.version.to_string()),
        firstcreated: article.created,
        versioncreated: article.versioned,
        embargoed: embargo,
        expires,
        pubstatus: Some(match article.action {
            Action::Publish | Action::Update | Action::Correct => "usable",
            Action::Kill => "canceled",
            Action::Withhold => "withheld",
        }),
        urgency: Some(article.urgency.get()),
        copyrightholder: Some(manuscript.copyright_holder()),
        copyrightnotice: article.copyright_notice.as_deref(),
        usageterms: attribution.usage_terms(article),
        ednote: manuscript.for_editors(),
        language: article.language.as_deref(),
        byline: Some(attribution.byline_without_word()).filter(|byline| !byline.is_empty()),
        headline: Some(&article.headline),
        headline_sub: manuscript.subheadline(),
        slugline: article.slugline.as_deref(),
        located: article.dateline.as_deref(),
        description_text: manuscript.summary(),
        body_html: Some(html::html(manuscript)),
        person: article.authors.iter().map(|author| labelled(&author.name, "author")).collect(),
        place: article.places.iter().map(term).collect(),
        subject: article.subjects.iter().map(term).chain(sections).chain(keywords).collect(),
        genre: article.genres.iter().map(term).collect(),
        infosource: vec![source(attribution)],
        rightsinfo: attribution
            .licence
            .as_ref()
            .and_then(|licence| Some(Rights { linkedrights: licence.url.as_deref().filter(|url| is_uri(url))? })),
        associations,
        ..Item::default()
    }
}

/// The name of an association: the first is the picture that goes with the story.
fn role(at: usize) -> String {
    if at == 0 { "featuremedia".to_owned() } else { format!("media{}", at + 1) }
}

fn picture<'a>(manuscript: &Manuscript<'a>, asset: &'a Media, at: usize) -> Item<'a> {
    // The standard wants a `uri` of every item; an asset without one is named after its story.
    let uri = asset.uri.clone().filter(|uri| is_uri(uri)).unwrap_or_else(|| {
        let guid = manuscript.article.guid.as_str();
        let mark = if guid.contains('#') { "-" } else { "#" };
        format!("{guid}{mark}{}", role(at))
    });
    let mut renditions = BTreeMap::new();
    for file in asset.renditions.iter().filter(|file| is_uri(&file.href)) {
        let name = rendition_name(&file.name, &renditions);
        let file = File { href: &file.href, mimetype: file.mime.as_deref(), width: file.width, height: file.height };
        renditions.insert(name, file);
    }
    const TYPES: [&str; 6] = ["text", "audio", "video", "picture", "graphic", "composite"];
    Item {
        uri,
        r#type: TYPES.into_iter().find(|kind| *kind == asset.kind),
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

/// `name` as the schema's pattern for properties allows it, and not yet taken.
fn rendition_name(name: &str, taken: &BTreeMap<String, File<'_>>) -> String {
    let name: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    let name = if name.is_empty() { "main".to_owned() } else { name };
    let mut free = name.clone();
    let mut number = 2;
    while taken.contains_key(&free) {
        free = format!("{name}_{number}");
        number += 1;
    }
    free
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
    let contact = attribution.contact.as_deref().map(|value| {
        let kind = if value.contains("://") {
            "web"
        } else if value.contains('@') {
            "email"
        } else {
            "other"
        };
        Contact { r#type: kind, value }
    });
    Source { name: &attribution.agency.name, rel: "originator", contactinfo: contact.into_iter().collect() }
}

fn labelled<'a>(name: &'a str, rel: &'static str) -> Term<'a> {
    Term { name: Some(name), rel: Some(rel), ..Term::default() }
}

/// A concept with its scheme as the URI that the schema wants; a scheme that is none stays in the code.
fn term(concept: &Concept) -> Term<'_> {
    let scheme = concept.scheme.as_deref().and_then(|scheme| match scheme {
        "medtop" => Some("http://cv.iptc.org/newscodes/mediatopic/".to_owned()),
        "subj" => Some("http://cv.iptc.org/newscodes/subjectcode/".to_owned()),
        "genre" => Some("http://cv.iptc.org/newscodes/genre/".to_owned()),
        other => is_uri(other).then(|| other.to_owned()),
    });
    let code = if scheme.is_some() { concept.code.clone() } else { concept.qcode() };
    Term { name: concept.name.as_deref(), scheme, code, rel: None }
}

fn is_uri(text: &str) -> bool {
    text.is_ascii() && !text.contains(char::is_whitespace) && Url::parse(text).is_ok()
}
