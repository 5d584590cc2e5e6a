//! Reads NewsML-G2 news items.
//!
//! What readers see is the XHTML in `contentSet/inlineXML`; the fields are `by`, `usageTerms`, the link to the original
//! and, of the source that is the originator, its contact and its logo.

use roxmltree::{Document, Node};

use super::xml::{all, attribute, text, texts};
use super::{Lack, Mode, Seen, xhtml};
use crate::config::Element;

pub fn read(bytes: &[u8], mode: Mode) -> Result<Seen, Lack> {
    let unreadable = |why: String| Lack::Unreadable { place: "the NewsML-G2 document", why };
    let source = std::str::from_utf8(bytes).map_err(|why| unreadable(why.to_string()))?;
    let document = Document::parse(source).map_err(|why| unreadable(why.to_string()))?;
    let root = document.root_element();
    if root.tag_name().name() != "newsItem" {
        return Err(unreadable(format!("its root is <{}>", root.tag_name().name())));
    }

    let mut seen = Seen::default();
    let bylines = || texts(root, &["contentMeta", "by"], mode);
    seen.field(Element::Byline, "contentMeta/by", bylines());
    seen.field(Element::Affiliation, "contentMeta/by", bylines());
    let terms = || texts(root, &["rightsInfo", "usageTerms"], mode);
    seen.field(Element::Licence, "rightsInfo/usageTerms", terms());
    seen.field(Element::Line, "rightsInfo/usageTerms", terms());
    let links = all(root, &["itemMeta", "link"]);
    let pages = links.iter().filter(|link| link.attribute("contenttype") == Some("text/html"));
    seen.field(Element::Canonical, "itemMeta/link", pages.filter_map(|link| attribute(*link, "href", mode)));

    let mut contacts = Vec::new();
    let mut logos = Vec::new();
    for source in all(root, &["contentMeta", "infoSource"]) {
        let roles = source.attribute("role").unwrap_or_default();
        if !roles.split_whitespace().any(|role| role == "cpprole:originator") {
            continue;
        }
        for contact in all(source, &["organisationDetails", "contactInfo"]) {
            contacts.extend(contact.children().filter(Node::is_element).map(|node| text(node, mode)));
        }
        for link in all(source, &["remoteInfo"]) {
            let named = texts(link, &["title"], mode).iter().any(|title| !title.text.is_empty());
            let is_logo = link.attribute("reluri") == Some("https://schema.org/logo");
            logos.extend(attribute(link, "href", mode).filter(|_| is_logo && named));
        }
    }
    seen.field(Element::Contact, "infoSource/contactInfo", contacts);
    seen.field(Element::Logo, "infoSource/remoteInfo", logos);

    // A receiver takes whichever of several it can read, so each has to carry everything.
    for content in all(root, &["contentSet", "inlineXML"]) {
        for inner in content.children().filter(Node::is_element) {
            seen.views.push(xhtml::view("contentSet/inlineXML", inner, mode));
        }
    }
    Ok(seen)
}
