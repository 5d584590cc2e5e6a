//! What a receiver's parser finds in a finished document: readers that share nothing with the writers.

use scraper::{Html, Selector};

use super::{Manuscript, body_of, media, own, wire};
use crate::article::Article;
use crate::attribution::Attribution;
use crate::config::{Edition, Format};

/// `text` without what is not ink.
pub fn inked(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

/// The text of the body that has to stand in every document of `article`: pictures that may not leave are out of it,
/// and so is a credit that is said anew.
pub fn written(article: &Article) -> String {
    let edition = Edition::plain(Format::Json);
    let attribution = Attribution::resolve(article, &own(wire()), &edition).unwrap();
    let sifted = media::sift(article, &wire());
    inked(&Manuscript::new(article, &attribution, &edition.profile, &sifted).body.text())
}

/// Whether the text of the body, `written`, stands in a document of which `read` was read. Plain text has marks and
/// addresses between.
pub fn stands(format: Format, written: &str, read: &str) -> bool {
    match format {
        Format::Json
        | Format::Ninjs13
        | Format::Ninjs16
        | Format::Ninjs22
        | Format::Ninjs31
        | Format::SuperdeskNinjs
        | Format::WordPress
        | Format::Nitf
        | Format::NewsMlG2
        | Format::Html
        | Format::HtmlFragment
        | Format::Atom => read.contains(written),
        Format::Template => unreachable!("a template is no format by itself"),
        Format::Text => {
            let mut read = read.chars();
            written.chars().all(|c| read.any(|other| other == c))
        }
    }
}

/// The text that readers see of `document`, without white space.
pub fn seen(format: Format, document: &str) -> String {
    let text = match format {
        Format::Json
        | Format::Ninjs13
        | Format::Ninjs16
        | Format::Ninjs22
        | Format::Ninjs31
        | Format::SuperdeskNinjs
        | Format::WordPress => {
            let pointer = body_of(format).unwrap();
            let document: serde_json::Value = serde_json::from_str(document).unwrap();
            fragment(document.pointer(pointer).unwrap().as_str().unwrap())
        }
        Format::Template => unreachable!("a template is no format by itself"),
        Format::Nitf => nitf(document),
        Format::NewsMlG2 => xml(document, "body"),
        Format::Html => {
            let page = Html::parse_document(document);
            let article = page.select(&Selector::parse("article").unwrap()).next().unwrap();
            article.text().collect()
        }
        Format::HtmlFragment => fragment(document),
        Format::Text => document.to_owned(),
        Format::Atom => {
            let tree = roxmltree::Document::parse(document).unwrap();
            if tree.root_element().tag_name().name() == "deleted-entry" {
                xml(document, "comment")
            } else {
                fragment(&xml(document, "content"))
            }
        }
    };
    inked(&text)
}

/// The text of a NITF document of any dialect.
pub fn nitf(document: &str) -> String {
    xml(document, "body.content")
}

fn fragment(html: &str) -> String {
    Html::parse_fragment(html).root_element().text().collect()
}

fn xml(document: &str, name: &str) -> String {
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..Default::default() };
    let tree = roxmltree::Document::parse_with_options(document, options).unwrap();
    let element = tree.root().descendants().rfind(|node| node.tag_name().name() == name).unwrap();
    let texts = element.descendants().filter(|node| node.is_text()).filter_map(|node| node.text());
    texts.collect()
}
