//! `contentSet`: the text of the item, and files elsewhere.
//!
//! Several contents of one item are the same in other forms. The one that says most is taken: NITF or XHTML, then HTML,
//! then plain text.

use super::{Item, MOST_ITEMS};
use crate::article::html::{self, Writer, web_address};
use crate::article::nitf::{self, Nitf};
use crate::article::xml::{Element, Node};
use crate::article::{Action, Author, Body, DecodeError, Kind, Media, MediaRendition};

pub struct Content<'d> {
    pub body: Body,
    pub media: Vec<Media>,
    /// What an inner NITF says beyond its text.
    pub nitf: Option<Nitf<'d>>,
    pub byline: Option<String>,
    pub authors: Vec<Author>,
    pub editor_note: Option<String>,
}

impl<'d> Content<'d> {
    pub fn of(item: &Item<'d>, action: Action) -> Result<Self, DecodeError> {
        let contents: Vec<&Element> = item.root.all("contentSet").flat_map(Element::elements).collect();
        let mut texts: Vec<(u8, &Element)> = contents.iter().filter_map(|it| Some((rank(it)?, *it))).collect();
        texts.sort_by_key(|(rank, _)| *rank);
        let mut content = Self::none();
        for (_, text) in texts {
            let candidate = Self::text(item, text)?;
            if !candidate.body.text().trim().is_empty() {
                content = candidate;
                break;
            }
        }
        if content.body.text().trim().is_empty() && !action.withdraws() {
            // A short item may have a description and nothing more; that is its text then.
            match item.summary() {
                Some(summary) => content.body = html::from_text(&summary),
                None => {
                    let problem = format!("holds no text, nor does a description; a story to {action} needs some");
                    let place = item.root.child("contentSet").unwrap_or(item.root);
                    return item.refuse_as(place, "contentSet", problem);
                }
            }
        }
        let files = contents.into_iter().filter(|it| it.name == "remoteContent").chain(item.all("link"));
        content.media.extend(files.filter_map(remote));
        match content.media.len() > MOST_ITEMS {
            true => {
                item.refuse_as(item.root, "remoteContent", format!("stands too often; at most {MOST_ITEMS} are taken"))
            }
            false => Ok(content),
        }
    }

    fn none() -> Self {
        Self {
            body: Body::default(),
            media: Vec::new(),
            nitf: None,
            byline: None,
            authors: Vec::new(),
            editor_note: None,
        }
    }

    fn text(item: &Item<'d>, text: &'d Element) -> Result<Self, DecodeError> {
        if text.name == "inlineData" {
            let data = raw(text);
            let body = if is_html(text) { html::parse(&data) } else { html::from_text(&data) };
            return Ok(Self { body, ..Self::none() });
        }
        match text.elements().next() {
            Some(root) if root.name == "nitf" => {
                let nitf = Nitf { document: item.document, root, kind: Kind::NewsMlG2 };
                let nitf::Content { body, media, byline, authors, editor_note } = nitf::Content::of(&nitf)?;
                Ok(Self { body, media, nitf: Some(nitf), byline, authors, editor_note })
            }
            _ => {
                let mut writer = Writer::new(item.document.length());
                xhtml(&mut writer, text);
                Ok(Self { body: writer.finish(), ..Self::none() })
            }
        }
    }
}

/// Better ones first; `None` for what is no text.
fn rank(content: &Element) -> Option<u8> {
    match content.name.as_str() {
        "inlineXML" => Some(0),
        // Data in an encoding of its own is a file.
        "inlineData" if content.attribute("encoding").is_none() => Some(if is_html(content) { 1 } else { 2 }),
        _ => None,
    }
}

fn is_html(data: &Element) -> bool {
    content_type(data).contains("html")
}

fn content_type(content: &Element) -> String {
    content.attribute("contenttype").unwrap_or_default().trim().to_ascii_lowercase()
}

/// Text as it was written, its line ends kept; elements that some put there are taken for their text.
fn raw(data: &Element) -> String {
    let mut out = String::new();
    for node in &data.children {
        match node {
            Node::Text(text) => out.push_str(text),
            Node::Element(element) => out.push_str(&raw(element)),
        }
    }
    out
}

fn xhtml(writer: &mut Writer, element: &Element) {
    for node in &element.children {
        match node {
            Node::Text(text) => writer.text(text),
            Node::Element(element) => {
                let attributes = element.attributes.iter().map(|(name, value)| (name.as_str(), value.as_str()));
                writer.start(&element.name, attributes);
                xhtml(writer, element);
                writer.end(&element.name);
            }
        }
    }
}

/// A file at an address, of a type that is seen or heard.
fn remote(content: &Element) -> Option<Media> {
    let kind = match content_type(content).split('/').next() {
        Some("image") => "picture",
        Some("video") => "video",
        Some("audio") => "audio",
        _ => return None,
    };
    let pixels = |name: &str| content.attribute(name)?.trim().parse().ok();
    let rendition = MediaRendition {
        name: content.attribute("rendition").map_or("main", super::bare).to_owned(),
        href: content.attribute("href").and_then(web_address)?,
        mime: content.line_of("contenttype"),
        width: pixels("width"),
        height: pixels("height"),
    };
    Some(Media {
        uri: content.line_of("residref"),
        kind: kind.to_owned(),
        headline: content.child("title").and_then(Element::line),
        renditions: vec![rendition],
        ..Media::default()
    })
}
