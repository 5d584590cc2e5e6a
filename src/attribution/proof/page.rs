//! Reads the formats that are HTML: a page, and the article alone.
//!
//! A script or a style sheet may hide or replace what stands beside it, and whether it does cannot be told from the
//! document: so a document that has one is not read at all.

use super::tree::{self, Tree};
use super::{Lack, Mode, Seen, Spot, html};
use crate::config::Element;

pub fn document(bytes: &[u8], mode: Mode) -> Result<Seen, Lack> {
    let page = Tree::of_page(text(bytes)?);
    let head = notes(&page)?;
    let mut seen = Seen::default();
    let meta = |name| says(&head, "meta", ("name", name), "content");
    seen.field(Element::Byline, "meta author", meta("author"));
    seen.field(Element::Affiliation, "meta author", meta("author"));
    seen.field(Element::Licence, "meta dcterms.rights", meta("dcterms.rights"));
    seen.field(Element::Line, "meta dcterms.rights", meta("dcterms.rights"));
    seen.field(Element::Canonical, "link canonical", says(&head, "link", ("rel", "canonical"), "href"));
    seen.views.push(html::seen("the page", &page, mode));
    Ok(seen)
}

pub fn fragment(bytes: &[u8], mode: Mode) -> Result<Seen, Lack> {
    let article = Tree::of_fragment(text(bytes)?);
    notes(&article)?;
    let mut seen = Seen::default();
    seen.views.push(html::seen("the article", &article, mode));
    Ok(seen)
}

fn text(bytes: &[u8]) -> Result<&str, Lack> {
    std::str::from_utf8(bytes).map_err(|why| unreadable(why.to_string()))
}

fn unreadable(why: String) -> Lack {
    Lack::Unreadable { place: "the HTML document", why }
}

/// What a document notes about itself, its `meta` and `link`, when nothing in it may change what readers see.
fn notes(html: &Tree) -> Result<Vec<tree::Element<'_>>, Lack> {
    let mut notes = Vec::new();
    for element in html.elements() {
        let name = element.name();
        let is_at_work = match name {
            "script" | "style" | "base" => true,
            "link" => element.attr("rel").unwrap_or_default().to_ascii_lowercase().contains("stylesheet"),
            "meta" => element.attr("http-equiv").is_some(),
            _ => element.attributes().any(|name| name.starts_with("on")),
        };
        if is_at_work {
            return Err(unreadable(format!("it has a <{name}> that may change what readers see")));
        }
        if matches!(name, "meta" | "link") {
            notes.push(element);
        }
    }
    Ok(notes)
}

/// What the `notes` called `name` that have a `mark` say in an attribute.
fn says(notes: &[tree::Element<'_>], name: &str, mark: (&str, &str), attribute: &str) -> Vec<Spot> {
    let marked = notes.iter().filter(|note| note.name() == name && note.attr(mark.0) == Some(mark.1));
    let spot = |note: &tree::Element<'_>| {
        let at = format!("{name}[{}=\"{}\"]", mark.0, mark.1);
        Some(Spot { at, text: note.attr(attribute)?.to_owned() })
    };
    marked.filter_map(spot).collect()
}
