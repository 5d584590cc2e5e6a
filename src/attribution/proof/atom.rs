//! Reads Atom entries, and deleted entries.
//!
//! What readers see is the HTML in `content`; the fields are `author/name`, `rights` and the link to the original. Atom
//! knows neither an author's affiliation, nor a contact, nor a logo of an entry: those stand in the content alone. A
//! deleted entry shows readers nothing.

use roxmltree::{Document, Node};

use super::xml::{attribute, path, text, words};
use super::{Lack, Mode, Seen, Spot, html};
use crate::config::Element;

const ATOM: &str = "http://www.w3.org/2005/Atom";
const TOMBSTONES: &str = "http://purl.org/atompub/tombstones/1.0";

pub fn read(bytes: &[u8], mode: Mode) -> Result<Seen, Lack> {
    let unreadable = |why: String| Lack::Unreadable { place: "the Atom document", why };
    let source = std::str::from_utf8(bytes).map_err(|why| unreadable(why.to_string()))?;
    let document = Document::parse(source).map_err(|why| unreadable(why.to_string()))?;
    let root = document.root_element();
    let mut seen = Seen::default();
    if root.has_tag_name((TOMBSTONES, "deleted-entry")) {
        return Ok(seen);
    }
    if !root.has_tag_name((ATOM, "entry")) {
        return Err(unreadable(format!("its root is <{}>", root.tag_name().name())));
    }

    let said = |node| text(node, mode);
    // Each author has an element of their own; together they are the byline.
    let authors: Vec<Spot> = all(root, "author").flat_map(|author| all(author, "name")).map(said).collect();
    let together: Vec<&str> = authors.iter().map(|name| name.text.as_str()).collect();
    let byline = authors.first().map(|first| Spot { at: first.at.clone(), text: together.join(", ") });
    seen.field(Element::Byline, "author/name", byline);
    seen.field(Element::Licence, "rights", all(root, "rights").map(said));
    seen.field(Element::Line, "rights", all(root, "rights").map(said));
    let alternates = all(root, "link").filter(|link| link.attribute("rel") == Some("alternate"));
    seen.field(Element::Canonical, "link alternate", alternates.filter_map(|link| attribute(link, "href", mode)));
    for content in all(root, "content") {
        if content.attribute("type") != Some("html") {
            return Err(unreadable(format!("the content at {} is not HTML", path(content))));
        }
        seen.views.push(html::view("content", &words(content), mode));
    }
    Ok(seen)
}

fn all<'a, 'i: 'a>(node: Node<'a, 'i>, name: &'static str) -> impl Iterator<Item = Node<'a, 'i>> {
    node.children().filter(move |child| child.has_tag_name((ATOM, name)))
}
