//! Reads newswired's own JSON, and what every format in JSON is read with.

use serde_json::Value;

use super::{Lack, Mode, Seen, Spot, View, html, lines};
use crate::config::Element;

/// newswired's own JSON, version 1.
pub fn own(bytes: &[u8], mode: Mode) -> Result<Seen, Lack> {
    let document = parse(bytes)?;
    let mut seen = Seen::default();
    let at = |pointer: &str| spot(&document, pointer);
    seen.field(Element::Byline, "attribution.byline", at("/attribution/byline"));
    seen.field(Element::Affiliation, "attribution.byline", at("/attribution/byline"));
    seen.field(Element::Licence, "attribution.licence.line", at("/attribution/licence/line"));
    seen.field(Element::Contact, "attribution.contact", at("/attribution/contact"));
    seen.field(Element::Line, "usage_terms", at("/usage_terms"));
    seen.field(Element::Canonical, "canonical_url", at("/canonical_url"));
    let named = at("/attribution/logo/alt").is_some_and(|alt| !alt.text.trim().is_empty());
    seen.field(Element::Logo, "attribution.logo", at("/attribution/logo/url").filter(|_| named));
    seen.field(Element::Credit, "media.credit", each(&document, "/media", "/credit"));

    seen.views.push(html::view("body_html", document["body_html"].as_str().unwrap_or_default(), mode));
    let plain = document["body_text"].as_str().unwrap_or_default();
    seen.views.push(View {
        place: "body_text",
        passages: lines("body_text", plain, mode),
        whole: Some(plain.to_owned()),
        images: None,
        links: None,
    });
    Ok(seen)
}

pub fn parse(bytes: &[u8]) -> Result<Value, Lack> {
    let unreadable = |why: String| Lack::Unreadable { place: "the JSON document", why };
    match serde_json::from_slice(bytes) {
        Ok(document @ Value::Object(_)) => Ok(document),
        Ok(_) => Err(unreadable("it is not an object".to_owned())),
        Err(why) => Err(unreadable(why.to_string())),
    }
}

/// The text at `pointer`.
pub fn spot(document: &Value, pointer: &str) -> Option<Spot> {
    let text = document.pointer(pointer)?.as_str()?.to_owned();
    Some(Spot { at: pointer.to_owned(), text })
}

/// The texts at `below` of every item of the list or table at `pointer`.
pub fn each(document: &Value, pointer: &str, below: &str) -> Vec<Spot> {
    let names: Vec<String> = match document.pointer(pointer) {
        Some(Value::Array(items)) => (0..items.len()).map(|at| at.to_string()).collect(),
        Some(Value::Object(items)) => items.keys().map(|name| name.replace('~', "~0").replace('/', "~1")).collect(),
        _ => Vec::new(),
    };
    names.iter().filter_map(|name| spot(document, &format!("{pointer}/{name}{below}"))).collect()
}
