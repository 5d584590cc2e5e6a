//! The daemon's own JSON, version 1: the article as a newsroom writes it for this program.
//!
//! Strict where ninjs is lenient: it has one author, who wants to hear of a misspelt key before the story is out.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use serde_json::error::Category;

use super::decode::{checked, without_place};
use super::html::{self, web_address};
use super::text::{one_line, prose};
use super::{Action, Article, Author, Body, Concept, DecodeError, Guid, Kind, Media, MediaRendition};
use super::{Urgency, Version, WireId};

/// The key that marks a document as ours.
pub(super) const MARKER: &str = "newswired";

/// One version of a story, as a newsroom hands it to newswired. Keys that are not listed here are refused.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "newswired article, version 1")]
#[schemars(extend("not" = {"required": ["body_html", "body_text"]}))]
pub struct ArticleV1 {
    /// The version of this format. Always 1.
    #[serde(rename = "newswired", deserialize_with = "format_version")]
    #[schemars(range(min = 1, max = 1))]
    pub format: u64,
    /// The id of the wire that publishes the story, as the daemon's configuration names it. Without it, the wire of
    /// the intake that the document came through.
    #[schemars(pattern(r"^[a-z0-9_-]+$"))]
    pub wire: Option<String>,
    /// The story's name, a URI of printable ASCII characters that stays the same for all of its versions:
    /// `urn:newsml:example.org:20261124:ferry-vote`.
    #[schemars(with = "String", url, length(max = 1024))]
    pub guid: Guid,
    /// The story's revision. A higher one supersedes a lower one; the same one again is taken for a repeat. 1 for a
    /// first publication; every other action has to say it.
    #[schemars(with = "Option<u64>", range(min = 1, max = 9_223_372_036_854_775_807_u64))]
    pub version: Option<Version>,
    /// What this version is to its readers. `kill` withdraws the story for good, `withhold` until further notice.
    /// Without it, `publish`.
    pub action: Option<Action>,
    /// 1 (flash) to 9, IPTC's scale. Without it, 5.
    #[schemars(with = "Option<u8>", range(min = 1, max = 9))]
    pub urgency: Option<Urgency>,
    /// The language of the text, a BCP 47 tag: `en-US`.
    #[schemars(pattern(r"^[A-Za-z0-9]+(-[A-Za-z0-9]+)*$"))]
    pub language: Option<String>,
    /// The newsroom's short name for the story: `US-FERRY-VOTE`.
    pub slugline: Option<String>,
    /// The headline, plain text on one line. Only a kill or a withhold may be without.
    pub headline: Option<String>,
    /// A second headline, plain text on one line.
    pub subheadline: Option<String>,
    /// The abstract, plain text.
    pub summary: Option<String>,
    /// The byline as a line, when the authors below do not say it all: `By Ada Quill and Tom Reed`.
    pub byline: Option<String>,
    /// The reporters, in the order of the byline.
    #[serde(default)]
    pub authors: Vec<AuthorV1>,
    /// Where the story was reported from, as readers see it: `PORT AREN, Maine`.
    pub dateline: Option<String>,
    /// The text as HTML. Scripts, styles and unknown tags fall away. Either this or `body_text`; only a kill or a
    /// withhold may be without both.
    pub body_html: Option<String>,
    /// The text as plain text: a blank line between paragraphs.
    pub body_text: Option<String>,
    /// What the story is about, as terms of a vocabulary.
    #[serde(default)]
    pub subjects: Vec<ConceptV1>,
    /// What kind of text it is, as terms of a vocabulary.
    #[serde(default)]
    pub genres: Vec<ConceptV1>,
    /// Which places it is about, as terms of a vocabulary.
    #[serde(default)]
    pub places: Vec<ConceptV1>,
    /// The newsroom's own sections: `politics`.
    #[serde(default)]
    pub sections: Vec<String>,
    /// Words to find the story by.
    #[serde(default)]
    pub keywords: Vec<String>,
    /// A note to the partners' editors. It never reaches a reader.
    pub editor_note: Option<String>,
    /// What a correction corrects, or why a kill kills, in words for readers and editors.
    pub notice: Option<String>,
    /// When the story was first made (RFC 3339, with a zone).
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub created: Option<Timestamp>,
    /// When this version was made (RFC 3339, with a zone).
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub versioned: Option<Timestamp>,
    /// Nothing leaves before this time (RFC 3339, with a zone).
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub embargo: Option<Timestamp>,
    /// Nothing leaves after this time (RFC 3339, with a zone).
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub expires: Option<Timestamp>,
    /// Until when those who have the story may keep it (RFC 3339, with a zone). Then it is withdrawn. A later version may
    /// move it. Without it, as long as the wire's policies let it be kept.
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub rights_until: Option<Timestamp>,
    /// The story's address on the wire's own site: http or https.
    #[schemars(url)]
    pub canonical_url: Option<String>,
    /// Whose the story is: `Harbor Press News Foundation`.
    pub copyright_holder: Option<String>,
    /// The line that says so: `© 2026 Harbor Press News Foundation`.
    pub copyright_notice: Option<String>,
    /// On what terms it may be used, in words.
    pub usage_terms: Option<String>,
    /// Pictures and other assets that go with the story. In-line pictures stand in `body_html`.
    #[serde(default)]
    pub media: Vec<MediaV1>,
}

/// A reporter.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AuthorV1 {
    /// `Ada Quill`
    pub name: String,
    /// `Transport Reporter`
    pub role: Option<String>,
    /// The organisation the author reports for, when it is not the wire.
    pub affiliation: Option<String>,
    /// An address or other URI that names the author.
    pub uri: Option<String>,
}

/// A term of a vocabulary, by its code or by its name.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("anyOf" = [{"required": ["code"]}, {"required": ["name"]}]))]
pub struct ConceptV1 {
    /// The code without its vocabulary: `11000000`.
    pub code: Option<String>,
    /// The vocabulary: `medtop` for IPTC media topics, otherwise its URI or the newsroom's own word.
    pub scheme: Option<String>,
    /// `politics`
    pub name: Option<String>,
}

/// A picture or other asset that goes with the story.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MediaV1 {
    /// The asset's own name, a URI.
    pub uri: Option<String>,
    /// `picture`, `graphic`, `video` or `audio`.
    pub kind: MediaKindV1,
    /// The asset's title.
    pub headline: Option<String>,
    /// What readers see below it.
    pub caption: Option<String>,
    /// What stands in for it where it cannot be seen.
    pub alt: Option<String>,
    /// Who made it: `Lena Ortiz/Bay Pictures`.
    pub credit: Option<String>,
    /// Whose it is. Without it, the wire's own.
    pub holder: Option<String>,
    /// `© 2026 Bay Pictures`
    pub copyright_notice: Option<String>,
    /// On what terms it may be used, in words.
    pub usage_terms: Option<String>,
    /// Its files, the best first.
    #[serde(default)]
    pub renditions: Vec<MediaRenditionV1>,
}

/// What an asset is.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MediaKindV1 {
    Picture,
    Graphic,
    Video,
    Audio,
}

/// One file of an asset.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MediaRenditionV1 {
    /// `main`, `thumbnail`
    pub name: String,
    /// Its address: http or https.
    #[schemars(url)]
    pub href: String,
    /// Its media type: `image/jpeg`.
    pub mime: Option<String>,
    /// In pixels.
    pub width: Option<u32>,
    /// In pixels.
    pub height: Option<u32>,
}

/// The JSON Schema (2020-12) of [`ArticleV1`].
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(ArticleV1).to_value()
}

fn format_version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    match u64::deserialize(deserializer)? {
        1 => Ok(1),
        other => Err(serde::de::Error::custom(format!("version {other} of this format is not known; write 1"))),
    }
}

/// The article that `text` holds.
pub(super) fn decode(text: &str, default_wire: &WireId) -> Result<Article, DecodeError> {
    let mut json = serde_json::Deserializer::from_str(text);
    let document: ArticleV1 = serde_path_to_error::deserialize(&mut json).map_err(|why| refusal(&why))?;
    json.end().map_err(|why| DecodeError::syntax(&why))?;
    document.into_article(default_wire)
}

fn refusal(error: &serde_path_to_error::Error<serde_json::Error>) -> DecodeError {
    let why = error.inner();
    if why.classify() != Category::Data {
        return DecodeError::syntax(why);
    }
    let said = without_place(why);
    let parent = error.path().to_string();
    let (path, problem) = match Complaint::of(&said) {
        // serde names the unknown key in the path, a missing one it cannot.
        Complaint::Unknown { key, known } => {
            let path = if parent.ends_with(key) { parent } else { child(&parent, key) };
            (path, format!("unknown key {key:?}{}", suggestion(key, &known)))
        }
        Complaint::Missing { key } => (child(&parent, key), "is missing; it has to be given".to_owned()),
        Complaint::Choice { given, known } => {
            (parent, format!("unknown value {given:?}; use one of {}{}", known.join(", "), suggestion(given, &known)))
        }
        Complaint::Other => (parent, said.clone()),
    };
    let path = if path == "." { "the document".to_owned() } else { path };
    let place = format!(" (line {}, column {})", why.line(), why.column());
    DecodeError::content(Kind::OwnV1, path, problem + &place)
}

/// serde's complaints in their parts. It sets every name between backticks: the one it met, then those it knows.
enum Complaint<'s> {
    Unknown { key: &'s str, known: Vec<&'s str> },
    Missing { key: &'s str },
    Choice { given: &'s str, known: Vec<&'s str> },
    Other,
}

impl<'s> Complaint<'s> {
    fn of(said: &'s str) -> Self {
        for (start, make) in [
            ("unknown field `", (|key, known| Self::Unknown { key, known }) as fn(&'s str, Vec<&'s str>) -> Self),
            ("missing field `", |key, _| Self::Missing { key }),
            ("unknown variant `", |given, known| Self::Choice { given, known }),
        ] {
            // What was met may itself hold backticks; what is expected never does.
            if let Some((met, expected)) =
                said.strip_prefix(start).and_then(|rest| rest.split_once("`, expected").or(rest.split_once('`')))
            {
                return make(met, expected.split('`').skip(1).step_by(2).collect());
            }
        }
        Self::Other
    }
}

fn child(parent: &str, key: &str) -> String {
    if parent == "." { key.to_owned() } else { format!("{parent}.{key}") }
}

fn suggestion(given: &str, known: &[&str]) -> String {
    // A key as long as a story has no neighbour worth the search.
    const LONGEST_TYPO: usize = 64;
    let near = |word: &&&str| strsim::damerau_levenshtein(given, word) <= 1 + word.len() / 4;
    let best = known
        .iter()
        .filter(|_| given.len() <= LONGEST_TYPO)
        .filter(near)
        .min_by_key(|word| strsim::damerau_levenshtein(given, word));
    best.map_or_else(String::new, |word| format!("; did you mean {word:?}?"))
}

fn refuse<T>(path: impl Into<String>, problem: impl Into<String>) -> Result<T, DecodeError> {
    Err(DecodeError::content(Kind::OwnV1, path, problem))
}

fn line(text: Option<String>) -> Option<String> {
    text.as_deref().and_then(one_line)
}

fn lines(texts: Vec<String>, list: &str) -> Result<Vec<String>, DecodeError> {
    bounded(list, texts.len())?;
    Ok(texts.iter().filter_map(|text| one_line(text)).collect())
}

/// The most items that a list may have. Real ones have dozens; what is made of them is compared with one another
/// later, which takes quadratic time.
const MOST_ITEMS: usize = 1000;

fn bounded(list: &str, items: usize) -> Result<(), DecodeError> {
    if items > MOST_ITEMS {
        return refuse(list, format!("has {items} items; at most {MOST_ITEMS} are taken"));
    }
    Ok(())
}

impl ArticleV1 {
    fn into_article(self, default_wire: &WireId) -> Result<Article, DecodeError> {
        let action = self.action.unwrap_or(Action::Publish);
        let body = self.body(action)?;
        let version = match (self.version, action) {
            (Some(version), _) => version,
            (None, Action::Publish) => Version::FIRST,
            (None, Action::Update | Action::Correct | Action::Kill | Action::Withhold) => {
                let problem = format!("is missing; to {action} a story takes a version above the one it replaces");
                return refuse("version", problem);
            }
        };
        let headline = match line(self.headline) {
            Some(headline) => headline,
            None if action.withdraws() => self.guid.to_string(),
            None => return refuse("headline", format!("is missing; a story to {action} needs one")),
        };
        let wire = match self.wire.as_deref() {
            None => default_wire.clone(),
            Some(id) if is_wire_id(id) => WireId::new(id),
            Some(id) => {
                let problem = format!("{id:?} is no wire's id; an id has lower-case letters, digits, - and _ only");
                return refuse("wire", problem);
            }
        };
        let language = line(self.language);
        if let Some(tag) = language.as_deref().filter(|tag| !is_language_tag(tag)) {
            return refuse(
                "language",
                format!("{tag:?} is no language tag; write one as BCP 47 does, such as \"en-US\""),
            );
        }
        let article = Article {
            wire,
            guid: self.guid,
            version,
            action,
            urgency: self.urgency.unwrap_or(Urgency::NORMAL),
            language,
            slugline: line(self.slugline),
            headline,
            subheadline: line(self.subheadline),
            summary: line(self.summary),
            byline: line(self.byline),
            authors: each(self.authors, "authors", author)?,
            dateline: line(self.dateline),
            body,
            subjects: each(self.subjects, "subjects", concept)?,
            genres: each(self.genres, "genres", concept)?,
            places: each(self.places, "places", concept)?,
            sections: lines(self.sections, "sections")?,
            keywords: lines(self.keywords, "keywords")?,
            editor_note: self.editor_note.as_deref().and_then(prose),
            notice: self.notice.as_deref().and_then(prose),
            created: self.created,
            versioned: self.versioned,
            embargo: self.embargo,
            expires: self.expires,
            rights_until: self.rights_until,
            canonical: self.canonical_url.map(|url| address(&url, "canonical_url")).transpose()?,
            copyright_holder: line(self.copyright_holder),
            copyright_notice: line(self.copyright_notice),
            usage_terms: self.usage_terms.as_deref().and_then(prose),
            media: each(self.media, "media", media)?,
        };
        checked(article, Kind::OwnV1)
    }

    fn body(&self, action: Action) -> Result<Body, DecodeError> {
        let (path, body) = match (&self.body_html, &self.body_text) {
            (Some(_), Some(_)) => return refuse("body_text", "stands beside body_html; give one of the two"),
            (Some(html), None) => ("body_html", html::parse_at(html, self.canonical_url.as_deref())),
            (None, Some(text)) => ("body_text", html::from_text(text)),
            (None, None) if action.withdraws() => return Ok(Body::default()),
            (None, None) => return refuse("body_html", "is missing; give the text as body_html or body_text"),
        };
        if body.text().trim().is_empty() && !action.withdraws() {
            return refuse(path, format!("holds no text; a story to {action} needs some"));
        }
        Ok(body)
    }
}

/// Every item made, or refused with its place in the list.
fn each<T, U>(
    items: Vec<T>,
    list: &str,
    make: impl Fn(T, &str) -> Result<U, DecodeError>,
) -> Result<Vec<U>, DecodeError> {
    bounded(list, items.len())?;
    items.into_iter().enumerate().map(|(at, item)| make(item, &format!("{list}[{at}]"))).collect()
}

fn author(author: AuthorV1, path: &str) -> Result<Author, DecodeError> {
    let Some(name) = one_line(&author.name) else {
        return refuse(format!("{path}.name"), "is empty; give the author's name, or leave the author out");
    };
    Ok(Author { name, role: line(author.role), affiliation: line(author.affiliation), uri: line(author.uri) })
}

fn concept(concept: ConceptV1, path: &str) -> Result<Concept, DecodeError> {
    let concept = Concept { code: line(concept.code), scheme: line(concept.scheme), name: line(concept.name) };
    if concept.code.is_none() && concept.name.is_none() {
        return refuse(path, "has neither a code nor a name; give one of them");
    }
    Ok(concept)
}

fn media(media: MediaV1, path: &str) -> Result<Media, DecodeError> {
    let kind = match media.kind {
        MediaKindV1::Picture => "picture",
        MediaKindV1::Graphic => "graphic",
        MediaKindV1::Video => "video",
        MediaKindV1::Audio => "audio",
    };
    Ok(Media {
        uri: line(media.uri),
        kind: kind.to_owned(),
        headline: line(media.headline),
        caption: line(media.caption),
        alt: line(media.alt),
        credit: line(media.credit),
        holder: line(media.holder),
        copyright_notice: line(media.copyright_notice),
        usage_terms: media.usage_terms.as_deref().and_then(prose),
        renditions: each(media.renditions, &format!("{path}.renditions"), |file, path| {
            let Some(name) = one_line(&file.name) else {
                return refuse(format!("{path}.name"), "is empty; call the file \"main\", for example");
            };
            let href = address(&file.href, &format!("{path}.href"))?;
            Ok(MediaRendition { name, href, mime: line(file.mime), width: file.width, height: file.height })
        })?,
    })
}

fn address(url: &str, path: &str) -> Result<String, DecodeError> {
    match web_address(url) {
        Some(address) => Ok(address),
        None => refuse(path, format!("{url:?} is not an http or https address; write it in full")),
    }
}

fn is_wire_id(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'))
}

fn is_language_tag(tag: &str) -> bool {
    tag.split('-').all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests;
