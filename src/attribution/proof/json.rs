//! Reads the formats that are JSON: newswired's own, and ninjs 1.6.

use serde_json::Value;

use super::{Lack, Seen, View, fold, html};
use crate::config::Element;

/// newswired's own JSON, version 1.
pub fn own(bytes: &[u8]) -> Result<Seen, Lack> {
    let document = parse(bytes)?;
    let attribution = &document["attribution"];
    let mut seen = Seen::default();
    let byline = || text(&attribution["byline"]);
    seen.field(Element::Byline, "attribution.byline", byline());
    seen.field(Element::Affiliation, "attribution.byline", byline());
    seen.field(Element::Licence, "attribution.licence.line", text(&attribution["licence"]["line"]));
    seen.field(Element::Contact, "attribution.contact", text(&attribution["contact"]));
    let logo = &attribution["logo"];
    let named = text(&logo["alt"]).is_some_and(|alt| !alt.trim().is_empty());
    seen.field(Element::Logo, "attribution.logo", text(&logo["url"]).filter(|_| named));

    seen.views.push(html::view("body_html", document["body_html"].as_str().unwrap_or_default()));
    let plain = document["body_text"].as_str().unwrap_or_default();
    seen.views.push(View {
        place: "body_text",
        passages: plain.lines().map(fold).collect(),
        whole: Some(fold(plain)),
        images: None,
    });
    Ok(seen)
}

/// IPTC ninjs 1.6.
pub fn ninjs(bytes: &[u8]) -> Result<Seen, Lack> {
    let document = parse(bytes)?;
    let mut seen = Seen::default();
    seen.field(Element::Byline, "byline", text(&document["byline"]));
    seen.field(Element::Affiliation, "byline", text(&document["byline"]));
    seen.field(Element::Licence, "usageterms", text(&document["usageterms"]));
    let sources = items(&document["infosource"]);
    let contacts = sources.iter().flat_map(|source| items(&source["contactinfo"]));
    seen.field(
        Element::Contact,
        "infosource.contactinfo",
        contacts.filter_map(|contact| text(&contact["value"])).collect::<Vec<_>>(),
    );
    let files = document["associations"]["logo"]["renditions"].as_object();
    let files = files.into_iter().flat_map(serde_json::Map::values);
    seen.field(
        Element::Logo,
        "associations.logo.renditions",
        files.filter_map(|file| text(&file["href"])).collect::<Vec<_>>(),
    );
    seen.views.push(html::view("body_html", document["body_html"].as_str().unwrap_or_default()));
    Ok(seen)
}

fn parse(bytes: &[u8]) -> Result<Value, Lack> {
    let unreadable = |why: String| Lack::Unreadable { place: "the JSON document", why };
    match serde_json::from_slice(bytes) {
        Ok(document @ Value::Object(_)) => Ok(document),
        Ok(_) => Err(unreadable("it is not an object".to_owned())),
        Err(why) => Err(unreadable(why.to_string())),
    }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
