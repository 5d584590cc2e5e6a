//! IPTC ninjs, all versions, and Superdesk's dialect of it.
//!
//! One reader takes them all: what sets the versions apart is the names of the fields and whether texts, associations
//! and files come as keys or as a list, and real documents mix these. The [`Kind`] is found for the sake of messages,
//! and of the few rules that hold for Superdesk alone.
//!
//! Lenient where nothing is lost by it: unknown keys are passed over, `null` and the empty text count as absent, one
//! object will do for a list of one. A field that would change what readers get (a status, an embargo) and cannot be
//! understood refuses the document.

mod concepts;
mod media;
mod object;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

use super::decode::checked;
use super::html;
use super::json::MARKER;
use super::note::opens_with_a_correction;
use super::text::one_line;
use super::{Action, Article, Body, DecodeError, Guid, Kind, Urgency, Version, WireId};
use object::{Format, Object, Text};

/// The article that `document` describes.
pub(super) fn decode(document: &Value, wire: &WireId) -> Result<Article, DecodeError> {
    let Value::Object(map) = document else {
        let problem = "is not a JSON object; a ninjs document is one, with a \"uri\" and a headline";
        return Err(DecodeError::content(Kind::Ninjs1, "the document", problem));
    };
    let item = Object::root(map, kind_of(map));
    if map.contains_key(MARKER) {
        let problem = "marks the daemon's own format; send that as application/vnd.newswired.article+json";
        return item.refuse(MARKER, problem);
    }
    refuse_what_is_no_text(&item)?;
    let guid = guid(&item)?;
    let (version, action) = version_and_action(&item)?;
    match article(&item, wire, guid.clone(), version, action) {
        // A story that has to come down comes down, whatever else is wrong with the document that says so.
        Err(_) if action.withdraws() => {
            let mut bare = Article::bare(wire.clone(), guid, version, action);
            bare.headline = item.line(&["headline", "title"]).ok().flatten().unwrap_or(bare.headline);
            bare.editor_note = item.prose(&["ednote", "edNote"]).unwrap_or_default();
            Ok(bare)
        }
        article => article,
    }
}

fn article(item: &Object, wire: &WireId, guid: Guid, version: Version, action: Action) -> Result<Article, DecodeError> {
    let headlines = item.texts("headline", "headlines")?;
    let headline = match headline(item, &headlines)? {
        Some(headline) => headline,
        None if action.withdraws() => guid.to_string(),
        None => return item.refuse("headline", "is missing, and there is neither a title nor a slugline in its place"),
    };
    let summary = summary(&item.texts("description", "descriptions")?);
    let canonical = media::canonical(item)?;
    let body = body(item, action, canonical.as_deref())?;
    let editor_note = item.prose(&["ednote", "edNote"])?;
    let article = Article {
        wire: wire.clone(),
        guid,
        version,
        action,
        urgency: urgency(item)?,
        language: item.line(&["language"])?.map(|tag| tag.replace('_', "-")),
        slugline: item.line(&["slugline"])?,
        headline,
        subheadline: headlines
            .iter()
            .find(|text| is_subheadline(text))
            .and_then(Text::line)
            .or_else(|| item.extra("subheadline").and_then(one_line)),
        summary,
        byline: item.line(&["byline", "by"])?,
        authors: concepts::authors(item)?,
        dateline: item.line(&["located"])?,
        body,
        subjects: concepts::subjects(item)?,
        genres: concepts::all(item, &["genres", "genre"])?,
        places: concepts::all(item, &["places", "place"])?,
        sections: concepts::sections(item)?,
        keywords: concepts::keywords(item)?,
        // ninjs has no words for readers about a correction or a withdrawal: its note is for editors alone.
        notice: None,
        editor_note,
        created: item.time_if_readable(&["firstcreated", "firstCreated", "contentcreated", "contentCreated"]),
        versioned: item.time_if_readable(&["versioncreated", "versionCreated"]),
        embargo: item.time(&["embargoed", "embargoedUntil", "embargoeduntil"])?,
        expires: item.time(&["expires", "expiry"])?.or_else(|| item.extra("expires")?.trim().parse().ok()),
        // What ninjs says of rights it says in words, or in a language of somebody else's.
        rights_until: None,
        canonical,
        copyright_holder: item.line(&["copyrightholder", "copyrightHolder"])?,
        copyright_notice: item.line(&["copyrightnotice", "copyrightNotice"])?,
        usage_terms: item.prose(&["usageterms", "usageTerms"])?,
        media: media::associated(item)?,
    };
    checked(article, item.kind)
}

/// By `standard` (2.x and 3.x) or `$standard` (1.x) where it stands, otherwise by the names of the fields.
fn kind_of(map: &Map<String, Value>) -> Kind {
    let has = |keys: &[&str]| keys.iter().any(|key| map.contains_key(*key));
    let stated = ["standard", "$standard"].iter().find_map(|key| map.get(*key)?.get("version")?.as_str());
    match stated.map(|version| version.split('.').next().unwrap_or_default()) {
        Some("1") => return Kind::Ninjs1,
        Some("2") => return Kind::Ninjs2,
        Some("3") => return Kind::Ninjs3,
        _ => {}
    }
    if has(&["guid"]) && !has(&["uri"]) {
        Kind::Superdesk
    } else if has(&["versionCreated", "firstCreated", "pubStatus", "edNote", "copyrightNotice", "embargoedUntil"]) {
        Kind::Ninjs3
    } else if has(&["headlines", "bodies", "descriptions", "by", "people", "subjects", "places"]) {
        Kind::Ninjs2
    } else {
        Kind::Ninjs1
    }
}

/// This daemon carries stories. A picture or a video travels with its story, as an association.
fn refuse_what_is_no_text(item: &Object) -> Result<(), DecodeError> {
    // Superdesk writes `preformatted` for text with fixed lines; one agency leaves the type out.
    match item.line(&["type"])?.as_deref() {
        None | Some("text" | "composite" | "component" | "preformatted") => Ok(()),
        Some(other) => {
            let problem = format!(
                "{other:?} is not taken: this daemon carries text stories; send the story, with this item among its \
                 associations"
            );
            item.refuse("type", problem)
        }
    }
}

fn guid(item: &Object) -> Result<Guid, DecodeError> {
    let name = if item.kind == Kind::Superdesk { "guid" } else { "uri" };
    // A document that says it is ninjs 1.x may be Superdesk's all the same.
    match item.text(&[name, "guid"])?.map(str::trim) {
        Some(uri) => uri.parse().or_else(|why: String| item.refuse(name, why)),
        None => item.refuse(name, "is missing; a story needs a URI that stays the same for all of its versions"),
    }
}

/// The version, and what it is to its readers.
///
/// ninjs has a status for stories that come down (`pubstatus`), and none for what is new. A usable item is a
/// correction when something says so: a signal `sig:correction`, an association with a relation such as `corrects`, or
/// an editors' note that opens with the word, as agencies write it. Otherwise the first version is published and a
/// higher one updates.
fn version_and_action(item: &Object) -> Result<(Version, Action), DecodeError> {
    const STATUS: [&str; 2] = ["pubstatus", "pubStatus"];
    let given = version(item)?;
    let status = item.get(&STATUS).map_or(STATUS[0], |(name, _)| name);
    let withdrawn = match item.line(&STATUS)?.map(|status| status.to_ascii_lowercase()).as_deref() {
        None | Some("usable") => None,
        Some("canceled" | "cancelled" | "killed") => Some(Action::Kill),
        Some("withheld") => Some(Action::Withhold),
        Some("embargoed") => match item.time(&["embargoed", "embargoedUntil", "embargoeduntil"])? {
            Some(_) => None,
            None => return item.refuse(status, "is \"embargoed\", but no time is given; add when the embargo ends"),
        },
        Some(other) => {
            let problem = format!("unknown status {other:?}; use usable, withheld or canceled");
            return item.refuse(status, problem);
        }
    };
    match (withdrawn, given) {
        (Some(action), Some(version)) => Ok((version, action)),
        // Taken for the first version it would be a repeat of the story, and the story would stay up.
        (Some(action), None) => {
            let problem = format!("is missing; to {action} a story takes a version above the one that is out");
            item.refuse("version", problem)
        }
        (None, given) => {
            let version = given.unwrap_or(Version::FIRST);
            let action = if is_correction(item)? {
                Action::Correct
            } else if version > Version::FIRST {
                Action::Update
            } else {
                Action::Publish
            };
            Ok((version, action))
        }
    }
}

/// A whole number, as a text (as the standard has it) or as a number. `v3` and `3.0` are 3. A time or a hash is
/// refused: the one says nothing of how many came before, the other does not even grow.
fn version(item: &Object) -> Result<Option<Version>, DecodeError> {
    let text = match item.get(&["version"]) {
        None => return Ok(None),
        Some((_, Value::Number(number))) => number.to_string(),
        Some(_) => match item.line(&["version"])? {
            None => return Ok(None),
            Some(text) => text,
        },
    };
    let digits = text.strip_prefix(['v', 'V']).unwrap_or(&text);
    let digits = digits.strip_suffix(".0").unwrap_or(digits);
    digits.parse().map(Some).or_else(|why: String| {
        item.refuse("version", format!("{why}; a version is a whole number that grows with every change of the story"))
    })
}

fn is_correction(item: &Object) -> Result<bool, DecodeError> {
    let is_signal =
        |text: &str| text.rsplit([':', '/']).next().is_some_and(|code| code.eq_ignore_ascii_case("correction"));
    for signal in item.list(&["signals", "signal"])? {
        if signal.words(&["code", "qcode", "uri", "literal", "name"]).any(is_signal) {
            return Ok(true);
        }
    }
    for (_, association) in item.named(&["associations"])? {
        if association.line(&["rel"])?.is_some_and(|rel| rel.to_ascii_lowercase().starts_with("correct")) {
            return Ok(true);
        }
    }
    Ok(item.line(&["ednote", "edNote"])?.is_some_and(|note| opens_with_a_correction(&note)))
}

/// Absent or 0: normal. What lies off the scale is moved to its nearer end.
fn urgency(item: &Object) -> Result<Urgency, DecodeError> {
    let Some((name, value)) = item.get(&["urgency"]) else { return Ok(Urgency::NORMAL) };
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) if text.trim().is_empty() => return Ok(Urgency::NORMAL),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    match number {
        Some(number) if number.is_finite() && number < 1.0 => Ok(Urgency::NORMAL),
        Some(number) if number.is_finite() => {
            let nearest = (1..=9_u8).rev().find(|step| f64::from(*step) <= number).unwrap_or(1);
            Urgency::try_from(nearest).or_else(|why| item.refuse(name, why))
        }
        _ => item.refuse(name, "is not a number; give 1 (flash) to 9, or leave it out"),
    }
}

fn headline(item: &Object, headlines: &[Text]) -> Result<Option<String>, DecodeError> {
    let main = headlines.iter().find(|text| matches!(text.role, None | Some("main")));
    let other = || headlines.iter().find(|text| !is_subheadline(text));
    match main.or_else(other).and_then(Text::line) {
        Some(headline) => Ok(Some(headline)),
        None => item.line(&["title", "slugline"]),
    }
}

fn is_subheadline(text: &Text) -> bool {
    text.role.is_some_and(|role| role.starts_with("sub") || role == "deck")
}

/// The description that sums the story up; those that stand for a picture do not.
fn summary(descriptions: &[Text]) -> Option<String> {
    let rank = |text: &&Text| match text.role {
        Some("summary" | "abstract") => 0,
        Some("main" | "text") | None => 1,
        _ => 2,
    };
    descriptions.iter().filter(|text| !media::is_caption_or_alt(text)).min_by_key(rank).and_then(Text::line)
}

/// The story's text: the first of these that says anything: HTML before plain text, and the main one before others.
/// A short item may have a description and nothing more; that is its text then.
fn body(item: &Object, action: Action, canonical: Option<&str>) -> Result<Body, DecodeError> {
    let mut candidates = item.texts("body", "bodies")?;
    let rank = |text: &Text| match text.role {
        Some("teaser" | "summary" | "caption" | "lead") => 2,
        Some("main" | "html") | None => 0,
        Some(_) => 1,
    };
    candidates.sort_by_key(|text| (text.format != Format::Html, rank(text)));
    let descriptions = item.texts("description", "descriptions")?;
    candidates.extend(descriptions.into_iter().filter(|text| !media::is_caption_or_alt(text)));
    let body = candidates
        .iter()
        .map(|text| match text.format {
            Format::Html => html::parse_at(text.value, canonical),
            Format::Plain => html::from_text(text.value),
        })
        .find(|body| !body.text().trim().is_empty());
    match body {
        Some(body) => Ok(body),
        None if action.withdraws() => Ok(Body::default()),
        None => {
            let name = if matches!(item.kind, Kind::Ninjs1 | Kind::Superdesk) { "body_html" } else { "bodies" };
            item.refuse(name, format!("holds no text, nor does a description; a story to {action} needs some"))
        }
    }
}
