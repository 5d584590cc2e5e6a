//! Reads NITF 3.6.
//!
//! What readers see of it is `body.content` without the notes marked as not for publication (`note@type="npa"`); the
//! fields are `byline`, `tagline`, `doc.rights` and the logo's `media`. Element names are compared without their
//! namespace, as most receivers do.

use roxmltree::{Document, Node};

use super::{Lack, Passages, Seen, View, html};
use crate::config::Element;

/// NITF's inline elements: they do not end a passage.
const INLINE: [&str; 21] = [
    "a",
    "chron",
    "classifier",
    "copyrite",
    "em",
    "event",
    "function",
    "lang",
    "location",
    "money",
    "num",
    "object.title",
    "org",
    "person",
    "postaddr",
    "pronounce",
    "q",
    "sub",
    "sup",
    "frac",
    "virtloc",
];

pub fn read(bytes: &[u8]) -> Result<Seen, Lack> {
    let unreadable = |why: String| Lack::Unreadable { place: "the NITF document", why };
    let text = std::str::from_utf8(bytes).map_err(|why| unreadable(why.to_string()))?;
    let document = Document::parse(text).map_err(|why| unreadable(why.to_string()))?;
    let root = document.root_element();
    if root.tag_name().name() != "nitf" {
        return Err(unreadable(format!("its root is <{}>", root.tag_name().name())));
    }

    let mut seen = Seen::default();
    let bylines = || texts(root, "body.head", "byline");
    seen.field(Element::Byline, "body.head/byline", bylines());
    seen.field(Element::Affiliation, "body.head/byline", bylines());
    seen.field(Element::Licence, "body.end/tagline", texts(root, "body.end", "tagline"));
    seen.field(Element::Licence, "doc.rights@limitations", rights(root, "limitations"));
    seen.field(Element::Contact, "doc.rights@agent", rights(root, "agent"));

    let mut logos = Vec::new();
    for media in root.descendants().filter(|node| is(*node, "media")) {
        if media.attribute("class") == Some("agency-logo") {
            walk(media, &mut Passages::default(), &mut logos);
        }
    }
    seen.field(Element::Logo, "media class agency-logo", logos);

    let mut passages = Passages::default();
    let mut images = Vec::new();
    for content in root.children().filter(|node| is(*node, "body")).flat_map(|body| body.children()) {
        if is(content, "body.content") {
            walk(content, &mut passages, &mut images);
        }
    }
    let place = "body.content";
    seen.views.push(View { place, passages: passages.finish(), whole: None, images: Some(images) });
    Ok(seen)
}

fn is(node: Node<'_, '_>, name: &str) -> bool {
    node.is_element() && node.tag_name().name() == name
}

/// What the elements called `name` within `part` of the body say.
fn texts(root: Node<'_, '_>, part: &str, name: &str) -> Vec<String> {
    root.descendants()
        .filter(|node| is(*node, name) && node.parent().is_some_and(|parent| is(parent, part)))
        .map(|node| {
            let mut passages = Passages::default();
            walk(node, &mut passages, &mut Vec::new());
            passages.finish().join(" ")
        })
        .collect()
}

fn rights(root: Node<'_, '_>, attribute: &str) -> Vec<String> {
    root.descendants()
        .filter(|node| is(*node, "doc.rights"))
        .filter_map(|node| node.attribute(attribute).map(str::to_owned))
        .collect()
}

fn walk(element: Node<'_, '_>, passages: &mut Passages, images: &mut Vec<String>) {
    let name = element.tag_name().name();
    let hidden = element.attribute("style").is_some_and(html::hides);
    if hidden || (name == "note" && element.attribute("type") == Some("npa")) {
        return;
    }
    match name {
        "br" => passages.text(" "),
        "media-metadata" | "media-object" => {}
        "media-reference" => {
            let named = element.attribute("alternate-text").is_some_and(|text| !text.trim().is_empty());
            images.extend(element.attribute("source").filter(|_| named).map(str::to_owned));
        }
        _ => {
            let boundary = !INLINE.contains(&name);
            if boundary {
                passages.boundary();
            }
            for child in element.children() {
                if child.is_text() {
                    passages.text(child.text().unwrap_or_default());
                } else if child.is_element() {
                    walk(child, passages, images);
                }
            }
            if boundary {
                passages.boundary();
            }
        }
    }
}
