//! Reads NITF 3.6.
//!
//! What readers see of it is `body.content` without the notes marked as not for publication (`note@type="npa"`); the
//! fields are `byline`, `tagline`, `doc.rights` and the logo's `media`. Element names are compared without their
//! namespace, as most receivers do.

use std::borrow::Cow;

use roxmltree::{Document, Node, ParsingOptions};

use super::xml::{self, is, path, place, step};
use super::{Images, Lack, Link, Mode, Passages, Seen, Spot, Trail, View, style};
use crate::config::{Element, NitfEncoding};

/// NITF's inline elements: they do not end a passage.
fn is_inline(name: &str) -> bool {
    matches!(
        name,
        "a" | "chron"
            | "classifier"
            | "copyrite"
            | "em"
            | "event"
            | "function"
            | "lang"
            | "location"
            | "money"
            | "num"
            | "object.title"
            | "org"
            | "person"
            | "postaddr"
            | "pronounce"
            | "q"
            | "sub"
            | "sup"
            | "frac"
            | "virtloc"
    )
}

/// Reads a document that goes out with `charset` as what it says of its bytes.
pub fn read(bytes: &[u8], charset: NitfEncoding, mode: Mode) -> Result<Seen, Lack> {
    let unreadable = |why: String| Lack::Unreadable { place: "the NITF document", why };
    let text = decoded(bytes, charset).map_err(unreadable)?;
    // A document type may only be named: entities would let a text say something else to each receiver.
    let options = ParsingOptions { allow_dtd: names_a_doctype(&text), ..ParsingOptions::default() };
    let document = Document::parse_with_options(&text, options).map_err(|why| unreadable(why.to_string()))?;
    let root = document.root_element();
    if root.tag_name().name() != "nitf" {
        return Err(unreadable(format!("its root is <{}>", root.tag_name().name())));
    }

    let mut seen = Seen::default();
    let bylines = || texts(root, "body.head", "byline", mode);
    seen.field(Element::Byline, "body.head/byline", bylines());
    seen.field(Element::Affiliation, "body.head/byline", bylines());
    seen.field(Element::Licence, "body.end/tagline", texts(root, "body.end", "tagline", mode));
    seen.field(Element::Licence, "doc.rights@limitations", attributes(root, "doc.rights", "limitations", mode));
    seen.field(Element::Line, "doc.rights@limitations", attributes(root, "doc.rights", "limitations", mode));
    seen.field(Element::Contact, "doc.rights@agent", attributes(root, "doc.rights", "agent", mode));
    seen.field(Element::Canonical, "pubdata@ex-ref", attributes(root, "pubdata", "ex-ref", mode));
    let producers = texts(root, "media", "media-producer", mode);
    seen.field(Element::Credit, "media-producer", producers);

    let mut logos = Reader::default();
    for media in root.descendants().filter(|node| is(*node, "media")) {
        if media.attribute("class") == Some("agency-logo") {
            logos.walk(media);
        }
    }
    seen.field(Element::Logo, "media class agency-logo", logos.images.shown);

    let mut reader = Reader { passages: Passages::along(Trail::new(mode, "/")), ..Reader::default() };
    for content in root.children().filter(|node| is(*node, "body")).flat_map(|body| body.children()) {
        if is(content, "body.content") {
            reader.passages.trail.enter(|| path(content));
            reader.walk(content);
            reader.passages.trail.leave();
        }
    }
    let Reader { passages, images, links } = reader;
    let place = "body.content";
    seen.views.push(View { place, passages: passages.finish(), whole: None, images: Some(images), links: Some(links) });
    Ok(seen)
}

/// The text of a document whose declaration agrees with `charset`.
fn decoded(bytes: &[u8], charset: NitfEncoding) -> Result<Cow<'_, str>, String> {
    let start = String::from_utf8_lossy(&bytes[..bytes.len().min(128)]).to_ascii_lowercase();
    let declared = start.strip_prefix("<?xml").and_then(|rest| {
        let (_, name) = rest.split_once("?>")?.0.split_once("encoding=")?;
        name.trim_matches(['"', '\'', ' ']).split(['"', '\'']).next().map(str::to_owned)
    });
    let declared = declared.as_deref().unwrap_or("utf-8");
    match (declared, charset) {
        ("utf-8", NitfEncoding::Utf8) => std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|why| why.to_string()),
        ("iso-8859-1", NitfEncoding::Latin1) => Ok(bytes.iter().copied().map(char::from).collect()),
        ("us-ascii", NitfEncoding::Ascii) if bytes.is_ascii() => Ok(bytes.iter().copied().map(char::from).collect()),
        ("us-ascii", NitfEncoding::Ascii) => Err("it is not ASCII".to_owned()),
        (declared, charset) => Err(format!("it is declared as {declared} and sent as {}", charset.as_str())),
    }
}

/// Whether there is a document type, and it declares nothing. In text a `<` would be escaped.
fn names_a_doctype(text: &str) -> bool {
    text.contains("<!DOCTYPE") && !["<!ENTITY", "<!ATTLIST"].iter().any(|declaration| text.contains(declaration))
}

/// What the elements called `name` within a `parent` say.
fn texts(root: Node<'_, '_>, parent: &str, name: &str, mode: Mode) -> Vec<Spot> {
    root.descendants()
        .filter(|node| is(*node, name) && node.parent().is_some_and(|node| is(node, parent)))
        .map(|node| {
            let mut reader = Reader::default();
            reader.walk(node);
            let passages: Vec<String> = reader.passages.finish().into_iter().map(|spot| spot.text).collect();
            Spot { at: place(node, mode), text: passages.join(" ") }
        })
        .collect()
}

/// What the elements called `name` say in an attribute.
fn attributes(root: Node<'_, '_>, name: &str, attribute: &str, mode: Mode) -> Vec<Spot> {
    root.descendants().filter(|node| is(*node, name)).filter_map(|node| xml::attribute(node, attribute, mode)).collect()
}

#[derive(Default)]
struct Reader {
    passages: Passages,
    images: Images,
    links: Vec<Link>,
}

impl Reader {
    fn walk(&mut self, element: Node<'_, '_>) {
        let name = element.tag_name().name();
        let hidden = element.attribute("style").is_some_and(style::hides);
        if hidden || (name == "note" && element.attribute("type") == Some("npa")) {
            return;
        }
        match name {
            "br" => self.passages.text(" "),
            "media-metadata" | "media-object" => {}
            "media-reference" => {
                if let Some(source) = element.attribute("source") {
                    let named = element.attribute("alternate-text").is_some_and(|text| !text.trim().is_empty());
                    let spot = Spot { at: self.passages.trail.here(), text: source.to_owned() };
                    if named { self.images.shown.push(spot) } else { self.images.mute.push(spot) }
                }
            }
            _ => {
                let boundary = !is_inline(name);
                if boundary {
                    self.passages.boundary();
                }
                if name == "a"
                    && let Some(href) = element.attribute("href")
                {
                    let text = element.descendants().filter_map(|node| node.text().filter(|_| node.is_text()));
                    let text = super::fold(&text.collect::<String>());
                    let spot = Spot { at: self.passages.trail.here(), text };
                    self.links.push(Link { href: href.to_owned(), passage: self.passages.number(), spot });
                }
                for child in element.children() {
                    if child.is_text() {
                        self.passages.text(child.text().unwrap_or_default());
                    } else if child.is_element() {
                        self.passages.trail.enter(|| step(child));
                        self.walk(child);
                        self.passages.trail.leave();
                    }
                }
                if boundary {
                    self.passages.boundary();
                }
            }
        }
    }
}
