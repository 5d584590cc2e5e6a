//! Reads the formats that are HTML: a page, and the article alone.
//!
//! A script or a style sheet may hide or replace what stands beside it, and whether it does cannot be told from the
//! document: so a document that has one is not read at all.

use scraper::{ElementRef, Html};

use super::{Lack, Mode, Seen, Spot, html};
use crate::config::Element;

pub fn document(bytes: &[u8], mode: Mode) -> Result<Seen, Lack> {
    let page = parsed(bytes, Html::parse_document)?;
    let mut seen = Seen::default();
    let meta = |name| attributes(&page, "meta", ("name", name), "content");
    seen.field(Element::Byline, "meta author", meta("author"));
    seen.field(Element::Affiliation, "meta author", meta("author"));
    seen.field(Element::Licence, "meta dcterms.rights", meta("dcterms.rights"));
    seen.field(Element::Line, "meta dcterms.rights", meta("dcterms.rights"));
    seen.field(Element::Canonical, "link canonical", attributes(&page, "link", ("rel", "canonical"), "href"));
    seen.views.push(html::seen("the page", &page, mode));
    Ok(seen)
}

pub fn fragment(bytes: &[u8], mode: Mode) -> Result<Seen, Lack> {
    let article = parsed(bytes, Html::parse_fragment)?;
    let mut seen = Seen::default();
    seen.views.push(html::seen("the article", &article, mode));
    Ok(seen)
}

fn parsed(bytes: &[u8], parse: impl FnOnce(&str) -> Html) -> Result<Html, Lack> {
    let unreadable = |why: String| Lack::Unreadable { place: "the HTML document", why };
    let text = std::str::from_utf8(bytes).map_err(|why| unreadable(why.to_string()))?;
    let html = parse(text);
    let at_work = elements(&html).find(|element| {
        let element = element.value();
        match element.name() {
            "script" | "style" | "base" => true,
            "link" => element.attr("rel").unwrap_or_default().to_ascii_lowercase().contains("stylesheet"),
            "meta" => element.attr("http-equiv").is_some(),
            _ => element.attrs().any(|(name, _)| name.starts_with("on")),
        }
    });
    match at_work {
        None => Ok(html),
        Some(element) => {
            Err(unreadable(format!("it has a <{}> that may change what readers see", element.value().name())))
        }
    }
}

fn elements(html: &Html) -> impl Iterator<Item = ElementRef<'_>> {
    html.root_element().descendants().filter_map(ElementRef::wrap)
}

/// What the elements called `name` that have a `mark` say in an attribute.
fn attributes(html: &Html, name: &str, mark: (&str, &str), attribute: &str) -> Vec<Spot> {
    elements(html)
        .map(|element| element.value())
        .filter(|element| element.name() == name && element.attr(mark.0) == Some(mark.1))
        .filter_map(|element| {
            let at = format!("{name}[{}=\"{}\"]", mark.0, mark.1);
            Some(Spot { at, text: element.attr(attribute)?.to_owned() })
        })
        .collect()
}
