//! The ninjs of Superdesk's family: Newsroom's `/push`, Publisher, and the plugin for WordPress.
//!
//! A dialect of ninjs 1.x with a `guid` for the `uri`, for which there is no schema; this is what those receivers' code
//! reads:
//! - `type` and `guid`, without which Newsroom answers with an error. The same `guid` again replaces the story.
//! - `pubstatus` `usable` or `canceled`: `withheld` is nothing to them, and the story would stay up.
//! - `body_html` that begins with a tag, since what stands before the first one is cut.
//! - `description_html` and `description_text`, `byline` without a word for "by", `located`, `firstpublished`.
//! - Times in whole seconds with `+0000` for the zone.
//! - Files by name, the best of them `original`. Newsroom makes thumbnails of `viewImage`, `baseImage` and `4-3` out of
//!   binaries that were pushed to it before, and fails where there are none: only a file that was pushed is called that
//!   here, and has its id as `media`, of which Newsroom makes its own `href`. `4-3` stays free, for it names a shape.
//!
//! `evolvedfrom` names the story that this one is a rewrite of under a new name. Here a story keeps its name for all of
//! its versions, so there is none.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use jiff::{RoundMode, Timestamp, TimestampRound, Unit};
use serde::{Serialize, Serializer};

use super::{asset_uri, editors_note, free_name, is_uri, kind, role, terms_and_contact, vocabulary};
use crate::article::{Action, Author, Concept, Media, MediaRendition};
use crate::attribution::{Logo, media};
use crate::config::FormatProfile;
use crate::render::{Manuscript, MediaFile, Render, RenderError, html};

pub struct Superdesk;

impl Render for Superdesk {
    fn content_type(&self, _: &FormatProfile) -> Cow<'static, str> {
        "application/json; charset=utf-8".into()
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
    guid: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    r#type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mimetype: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    firstcreated: Option<Second>,
    #[serde(skip_serializing_if = "Option::is_none")]
    versioncreated: Option<Second>,
    #[serde(skip_serializing_if = "Option::is_none")]
    firstpublished: Option<Second>,
    #[serde(skip_serializing_if = "Option::is_none")]
    embargoed: Option<Second>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pubstatus: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    urgency: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<u8>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    signal: Vec<Term<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    headline: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    slugline: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    byline: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    located: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ednote: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description_html: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description_text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body_html: Option<String>,
    /// Of a picture: the alternative text.
    #[serde(skip_serializing_if = "Option::is_none")]
    body_text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    copyrightholder: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    copyrightnotice: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usageterms: Option<String>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    keywords: &'a [String],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    service: Vec<Term<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    subject: Vec<Term<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    genre: Vec<Term<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    place: Vec<Term<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    authors: Vec<Person<'a>>,
    /// The newsroom's own fields, which receivers of the family show where they are set up to.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    extra: BTreeMap<&'static str, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    renditions: BTreeMap<String, File<'a>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    associations: BTreeMap<String, Item<'a>>,
}

#[derive(Default, Serialize)]
struct Term<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scheme: Option<String>,
}

/// `role` is what somebody did for the story; the title that readers see is the `jobtitle`.
#[derive(Serialize)]
struct Person<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
    name: &'a str,
    role: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    jobtitle: Option<Title<'a>>,
}

#[derive(Serialize)]
struct Title<'a> {
    name: &'a str,
}

#[derive(Serialize)]
struct File<'a> {
    href: &'a str,
    /// The id under which it was pushed before.
    #[serde(skip_serializing_if = "Option::is_none")]
    media: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mimetype: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    width: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    height: Option<u32>,
}

/// A time as the family's parser wants it: `2026-11-24T12:00:00+0000`.
struct Second(Timestamp);

impl Second {
    fn of(time: Timestamp, mode: RoundMode) -> Self {
        let whole = TimestampRound::new().smallest(Unit::Second).mode(mode);
        // It only fails within a second of the last one that there is.
        Self(time.round(whole).unwrap_or(time))
    }

    fn started(time: Timestamp) -> Self {
        Self::of(time, RoundMode::Floor)
    }

    /// What may happen from this time on does not happen early for a fraction of a second.
    fn complete(time: Timestamp) -> Self {
        Self::of(time, RoundMode::Ceil)
    }
}

impl fmt::Display for Second {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.strftime("%Y-%m-%dT%H:%M:%S+0000"))
    }
}

impl Serialize for Second {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

fn item<'a>(manuscript: &'a Manuscript<'a>) -> Item<'a> {
    let article = manuscript.article;
    let attribution = manuscript.attribution;
    let agency = &attribution.agency;
    let (embargo, expires) = manuscript.embargo_and_expiry();
    let mut associations = BTreeMap::new();
    for (at, asset) in manuscript.media.iter().enumerate() {
        let role = role(at, "featuremedia");
        let picture = picture(manuscript, asset, &role);
        associations.insert(role, picture);
    }
    if let Some(logo) = attribution.logo.as_ref().filter(|_| !article.action.withdraws()) {
        associations.insert("logo".to_owned(), logo_item(logo));
    }
    let own = [
        ("subheadline", manuscript.subheadline().map(str::to_owned)),
        ("canonical_url", article.canonical.clone()),
        ("expires", expires.map(|time| Second::started(time).to_string())),
    ];
    Item {
        guid: article.guid.as_str().to_owned(),
        r#type: Some("text"),
        mimetype: Some("text/html"),
        profile: Some("text"),
        version: Some(article.version.to_string()),
        firstcreated: article.created.map(Second::started),
        versioncreated: article.versioned.map(Second::started),
        firstpublished: article.created.max(embargo).map(Second::complete),
        embargoed: embargo.map(Second::complete),
        pubstatus: Some(match article.action {
            Action::Publish | Action::Update | Action::Correct => "usable",
            Action::Kill | Action::Withhold => "canceled",
        }),
        urgency: Some(article.urgency.get()),
        priority: Some(article.urgency.get().min(LEAST_PRIORITY)),
        signal: if article.action == Action::Correct { vec![correction()] } else { Vec::new() },
        language: article.language.as_deref(),
        source: Some(
            [agency.short_name.as_str(), &agency.name].into_iter().find(|name| !name.is_empty()).unwrap_or(""),
        ),
        headline: Some(&article.headline),
        slugline: article.slugline.as_deref(),
        byline: Some(attribution.byline_without_word()).filter(|byline| !byline.is_empty()),
        located: article.dateline.as_deref(),
        ednote: editors_note(manuscript),
        description_html: manuscript.summary().map(html::paragraph),
        description_text: manuscript.summary(),
        body_html: Some(html::html(manuscript)),
        copyrightholder: Some(manuscript.copyright_holder()),
        copyrightnotice: article.copyright_notice.as_deref(),
        usageterms: terms_and_contact(manuscript),
        keywords: &article.keywords,
        service: article.sections.iter().map(|section| section_of(section)).collect(),
        subject: article.subjects.iter().map(term).collect(),
        genre: article.genres.iter().map(term).collect(),
        place: article.places.iter().map(term).collect(),
        authors: article.authors.iter().map(author).collect(),
        extra: own.into_iter().filter_map(|(name, value)| Some((name, value?))).collect(),
        associations,
        ..Item::default()
    }
}

/// Superdesk's priorities go from 1 to 6, and say of a story what its urgency does.
const LEAST_PRIORITY: u8 = 6;

/// IPTC's signal of a correction.
fn correction() -> Term<'static> {
    let scheme = Some("http://cv.iptc.org/newscodes/signal/".to_owned());
    Term { code: Some("sig:correction".to_owned()), name: Some("Correction"), scheme }
}

fn section_of(section: &str) -> Term<'_> {
    Term { code: Some(section.to_owned()), name: Some(section), scheme: None }
}

/// A concept with its vocabulary's URI; the newsroom's own word for one will do here.
fn term(concept: &Concept) -> Term<'_> {
    let scheme = vocabulary(concept).or_else(|| concept.scheme.clone());
    Term { code: concept.code.clone(), name: concept.name.as_deref(), scheme }
}

fn author(author: &Author) -> Person<'_> {
    Person {
        code: author.uri.as_deref().filter(|uri| is_uri(uri)),
        name: &author.name,
        role: "writer",
        jobtitle: author.role.as_deref().map(|name| Title { name }),
    }
}

fn picture<'a>(manuscript: &Manuscript<'a>, asset: &'a Media, role: &str) -> Item<'a> {
    Item {
        guid: asset_uri(manuscript, asset, role),
        r#type: kind(asset),
        mimetype: asset.renditions.iter().find_map(|file| file.mime.as_deref()),
        pubstatus: Some("usable"),
        headline: asset.headline.as_deref(),
        byline: media::credit(asset),
        description_html: asset.caption.as_deref().map(html::paragraph),
        description_text: asset.caption.as_deref(),
        body_text: asset.alt.as_deref(),
        copyrightholder: asset.holder.as_deref(),
        copyrightnotice: asset.copyright_notice.as_deref(),
        usageterms: asset.usage_terms.clone(),
        renditions: files(&asset.renditions, manuscript.enclosed),
        ..Item::default()
    }
}

/// The files by name, the one that was pushed as the `original`, or else the largest.
fn files<'a>(renditions: &'a [MediaRendition], enclosed: &'a [MediaFile]) -> BTreeMap<String, File<'a>> {
    let area = |file: &MediaRendition| u64::from(file.width.unwrap_or(0)) * u64::from(file.height.unwrap_or(0));
    let best = renditions.iter().map(area).max();
    let id = |file: &MediaRendition| enclosed.iter().find(|pushed| pushed.address == file.href).map(|it| &*it.name);
    let mut files = BTreeMap::new();
    let pushed = renditions.iter().position(|file| id(file).is_some());
    let largest = || renditions.iter().position(|file| Some(area(file)) == best);
    let at = pushed.or_else(largest).unwrap_or_default();
    let original = renditions.get(at).map(|file| ("original", file));
    let others = renditions.iter().enumerate().filter(|(other, _)| *other != at);
    for (name, file) in original.into_iter().chain(others.map(|(_, file)| (file.name.as_str(), file))) {
        let file_of = |media| File {
            href: &file.href,
            media,
            mimetype: file.mime.as_deref(),
            width: file.width,
            height: file.height,
        };
        if is_uri(&file.href) {
            files.insert(free_name(name, |name| files.contains_key(name) || PUSHED.contains(&name)), file_of(None));
        }
        if let Some(id) = id(file).filter(|_| name == "original") {
            for name in ["original", "viewImage", "baseImage"] {
                files.insert(name.to_owned(), file_of(Some(id)));
            }
        }
    }
    files
}

/// The files that Newsroom takes for binaries which were pushed to it before.
const PUSHED: [&str; 3] = ["viewImage", "baseImage", "4-3"];

fn logo_item(logo: &Logo) -> Item<'_> {
    let file = File { href: &logo.url, media: None, mimetype: None, width: logo.width, height: logo.height };
    Item {
        guid: logo.url.clone(),
        r#type: Some("graphic"),
        pubstatus: Some("usable"),
        headline: Some(&logo.alt),
        body_text: Some(&logo.alt),
        renditions: BTreeMap::from([("original".to_owned(), file)]),
        ..Item::default()
    }
}
