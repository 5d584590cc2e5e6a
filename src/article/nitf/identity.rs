//! Which story it is, which version of it, and what that is to its readers.
//!
//! NITF's `doc-id` need not be a URI, and agencies' often are none; such a one becomes `urn:nitf:SOURCE:ID`. It should
//! stay the same for all versions, and some agencies put the version into it: it is taken out where its form leaves no
//! doubt. A number at the end that may as well tell one story from the next is left alone: two stories taken for one
//! would overtake each other.

use super::Nitf;
use crate::article::note::opens_with_a_correction;
use crate::article::xml::Element;
use crate::article::{Action, DecodeError, Guid, Version, WireId};

#[derive(Debug, Clone)]
pub struct Identity {
    pub guid: Guid,
    pub version: Version,
    pub action: Action,
}

/// What a document is named by: the element and its attribute, and the name.
struct Name<'d> {
    element: &'d Element,
    path: &'static str,
    id: String,
    source: Option<String>,
}

pub fn of(nitf: &Nitf<'_>, wire: &WireId) -> Result<Identity, DecodeError> {
    let Some(name) = name(nitf) else {
        let place = nitf.all("doc-id").first().copied().unwrap_or(nitf.root);
        let problem = "is missing; a story needs an id-string that stays the same for all of its versions";
        return nitf.refuse_as(place, "doc-id@id-string", problem);
    };
    let withdrawn = withdrawal(nitf)?;
    let stem = Stem::of(&name.id, name.source.as_deref());
    let guid = guid(nitf, &name, stem.id, wire)?;
    let version = version(nitf, &name, &stem)?;
    let (version, action) = match (withdrawn, version) {
        (Some(action), Some(version)) => (version, action),
        // Taken for the first version it would be a repeat of the story, and the story would stay up.
        (Some(action), None) => {
            let problem = format!("is missing; to {action} a story takes a version above the one that is out");
            return nitf.refuse_as(name.element, "du-key@version", problem);
        }
        (None, version) => {
            let version = version.unwrap_or(Version::FIRST);
            let updates = version > Version::FIRST || message_type(nitf).is_some_and(|it| it == "update");
            let action = match (is_correction(nitf), updates) {
                (true, _) => Action::Correct,
                (false, true) => Action::Update,
                (false, false) => Action::Publish,
            };
            (version, action)
        }
    };
    let guid = match other_story(nitf, &name, wire).filter(|_| action.withdraws()) {
        Some(other) => other,
        None => guid,
    };
    Ok(Identity { guid, version, action })
}

fn name<'d>(nitf: &Nitf<'d>) -> Option<Name<'d>> {
    let ids = nitf.all("doc-id");
    let named = ids.into_iter().find_map(|element| {
        let id = element.line_of("id-string")?;
        Some(Name { element, path: "doc-id@id-string", id, source: element.line_of("regsrc") })
    });
    let uno = || {
        let id = nitf.root.line_of("uno")?;
        Some(Name { element: nitf.root, path: "nitf@uno", id, source: None })
    };
    named.or_else(uno)
}

fn guid(nitf: &Nitf<'_>, name: &Name<'_>, id: &str, wire: &WireId) -> Result<Guid, DecodeError> {
    as_uri(id, name.source.as_deref(), wire).or_else(|why| nitf.refuse_as(name.element, name.path, why))
}

/// `id` itself where it is a URI.
fn as_uri(id: &str, source: Option<&str>, wire: &WireId) -> Result<Guid, String> {
    id.parse().or_else(|_| {
        let source = encoded(source.unwrap_or(wire.as_str()));
        format!("urn:nitf:{source}:{}", encoded(id)).parse()
    })
}

/// RFC 3986 §2.1, leaving what is unreserved.
fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// An id without the version in it, and that version.
struct Stem<'i> {
    id: &'i str,
    version: Option<u64>,
}

impl<'i> Stem<'i> {
    fn of(id: &'i str, source: Option<&str>) -> Self {
        let split = || newsml_revision(id).or_else(|| marked(id)).or_else(|| numbered_by_ntb(id, source));
        let (id, version) = split().map_or((id, None), |(id, version)| (id, Some(version)));
        Self { id, version }
    }
}

/// `urn:newsml:PROVIDER:DATE:ITEM:3U` (RFC 3085 §3.1).
fn newsml_revision(id: &str) -> Option<(&str, u64)> {
    let parts: Vec<&str> = id.split(':').collect();
    let [urn, newsml, _, date, _, revision] = parts[..] else { return None };
    let is_newsml = urn.eq_ignore_ascii_case("urn") && newsml.eq_ignore_ascii_case("newsml");
    let is_date = date.len() == 8 && date.bytes().all(|byte| byte.is_ascii_digit());
    let number = revision.trim_end_matches(['N', 'A', 'U']).parse().ok()?;
    (is_newsml && is_date).then(|| (&id[..id.len() - revision.len() - 1], number))
}

/// `…-v3`
fn marked(id: &str) -> Option<(&str, u64)> {
    let before = id.trim_end_matches(|c: char| c.is_ascii_digit());
    let number = id[before.len()..].parse().ok()?;
    let stem = before.strip_suffix(['v', 'V'])?.strip_suffix(['-', '_', '.', ':'])?;
    (!stem.is_empty()).then_some((stem, number))
}

/// `NTB8f2c…_00` is the first version of `NTB8f2c…`.
fn numbered_by_ntb<'i>(id: &'i str, source: Option<&str>) -> Option<(&'i str, u64)> {
    let (stem, number) = id.rsplit_once('_').filter(|_| source == Some("NTB"))?;
    Some((stem, number.parse::<u64>().ok()?.checked_add(1)?)).filter(|(stem, _)| !stem.is_empty())
}

/// From `du-key`, or from what `uno` has after the id, or from the id itself. Not a whole number: refused, since it
/// says nothing of how many came before.
fn version(nitf: &Nitf<'_>, name: &Name<'_>, stem: &Stem<'_>) -> Result<Option<Version>, DecodeError> {
    for key in nitf.all("du-key") {
        if let Some(text) = key.line_of("version") {
            let digits = text.strip_prefix(['v', 'V']).unwrap_or(&text);
            return digits.parse().map(Some).or_else(|why: String| {
                let why = format!("{why}; a version is a whole number that grows with every change of the story");
                nitf.refuse_as(key, "du-key@version", why)
            });
        }
    }
    let in_uno = nitf.root.line_of("uno").and_then(|uno| {
        let rest = uno.strip_prefix(stem.id)?;
        rest.strip_prefix([':', ';', '-', '_', '.'])?.trim_start_matches(['v', 'V']).parse::<u64>().ok()
    });
    match in_uno.filter(|_| name.path != "nitf@uno").or(stem.version) {
        None => Ok(None),
        Some(number) => Version::try_from(number).map(Some).or_else(|why| nitf.refuse_as(name.element, name.path, why)),
    }
}

/// Whether, and how, the document takes its story down.
fn withdrawal(nitf: &Nitf<'_>) -> Result<Option<Action>, DecodeError> {
    let docdata = nitf.all("docdata");
    let given = docdata.iter().find_map(|it| Some((*it, it.line_of("management-status")?.to_ascii_lowercase())));
    let by_status = match given.as_ref().map(|(_, status)| status.as_str()) {
        // An embargo is read where the times are.
        None | Some("usable" | "embargoed") => None,
        Some("canceled" | "cancelled" | "killed" | "kill") => Some(Action::Kill),
        Some("withheld" | "withhold") => Some(Action::Withhold),
        Some(other) => {
            let problem = format!("unknown status {other:?}; use usable, embargoed, withheld or canceled");
            let place = given.as_ref().map_or(nitf.root, |(element, _)| element);
            return nitf.refuse_as(place, "docdata@management-status", problem);
        }
    };
    // A message that says so counts even beside the status `usable`, which some systems write on everything.
    let by_message = match message_type(nitf).as_deref() {
        Some("kill" | "mandatory kill") => Some(Action::Kill),
        Some("withhold") => Some(Action::Withhold),
        Some(_) | None => None,
    };
    Ok(by_status.or(by_message))
}

fn message_type(nitf: &Nitf<'_>) -> Option<String> {
    let types =
        nitf.all("ed-msg").into_iter().filter_map(|it| it.line_of("msg-type")).map(|it| it.to_ascii_lowercase());
    let mut types: Vec<String> = types.collect();
    // Of several, the one that takes the story down.
    types.sort_by_key(|it| !matches!(it.as_str(), "kill" | "mandatory kill" | "withhold"));
    types.into_iter().next()
}

/// As agencies say it: with an element of its own, with the type of a message, or with a message's first word.
fn is_correction(nitf: &Nitf<'_>) -> bool {
    let says = |it: &Element| it.attribute("info").is_some_and(opens_with_a_correction);
    !nitf.all("correction").is_empty()
        || message_type(nitf).is_some_and(|it| it.starts_with("correct"))
        || nitf.all("ed-msg").into_iter().any(says)
}

/// A withdrawal may have an id of its own and name the story that it takes down.
fn other_story(nitf: &Nitf<'_>, name: &Name<'_>, wire: &WireId) -> Option<Guid> {
    let docdata = nitf.all("docdata").into_iter().find(|it| it.attribute("management-doc-idref").is_some())?;
    let status = docdata.line_of("management-idref-status").unwrap_or_default().to_ascii_lowercase();
    let takes_down = ["canceled", "cancelled", "killed", "withheld"].contains(&status.as_str());
    let other = docdata.line_of("management-doc-idref")?;
    let source = name.source.as_deref();
    let (own, stem) = (Stem::of(&name.id, source).id, Stem::of(&other, source).id);
    // Its own id with a version after it is the version before.
    let is_own = stem.strip_prefix(own).is_some_and(|rest| {
        rest.strip_prefix([':', ';', '-', '_', '.']).is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()))
            || rest.is_empty()
    });
    if !takes_down || is_own { None } else { as_uri(stem, source, wire).ok() }
}
