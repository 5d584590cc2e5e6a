//! What HTML documents promise beside what every format does.

use scraper::{ElementRef, Html, Selector};

use super::{article, generated, text};
use crate::article::Article;
use crate::config::Format;

/// Everything that the writer makes.
const ELEMENTS: [&str; 38] = [
    "a",
    "article",
    "blockquote",
    "body",
    "br",
    "caption",
    "div",
    "em",
    "figcaption",
    "figure",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "head",
    "header",
    "hr",
    "html",
    "img",
    "li",
    "link",
    "meta",
    "ol",
    "p",
    "pre",
    "strong",
    "sub",
    "sup",
    "table",
    "tbody",
    "td",
    "th",
    "title",
    "tr",
    "u",
    "ul",
];

const ATTRIBUTES: [&str; 14] = [
    "alt", "charset", "class", "colspan", "content", "dir", "height", "href", "lang", "name", "rel", "rowspan", "src",
    "width",
];

fn elements(html: &Html) -> impl Iterator<Item = ElementRef<'_>> {
    html.root_element().descendants().filter_map(ElementRef::wrap)
}

#[test]
fn nothing_but_what_the_writer_makes_stands_in_a_page() {
    for article in generated::sample() {
        for format in [Format::Html, Format::HtmlFragment] {
            let document = text(article, format);
            let html = match format {
                Format::Html => Html::parse_document(&document),
                _ => Html::parse_fragment(&document),
            };
            for element in elements(&html).map(|element| element.value()) {
                let known = ELEMENTS.contains(&element.name());
                assert!(known, "<{}> in {document}", element.name());
                for (name, value) in element.attrs() {
                    assert!(ATTRIBUTES.contains(&name), "{name} in {document}");
                    let leads = matches!(name, "href" | "src");
                    let scheme = ["http://", "https://", "mailto:"].iter().any(|scheme| value.starts_with(scheme));
                    assert!(!leads || scheme, "{name}={value:?}");
                }
            }
        }
    }
}

/// An HTML parser mends what is wrong: it may move, close and drop. In a sound document it finds as many elements as
/// were written, and ends where the document does.
#[test]
fn a_page_is_as_a_parser_reads_it() {
    for article in generated::sample() {
        let document = text(article, Format::Html);
        let html = Html::parse_document(&document);
        let written = document.matches('<').count() - document.matches("</").count() - 1;
        assert_eq!(elements(&html).count(), written, "in {document}");
    }
}

#[test]
fn a_page_says_its_language_and_its_direction() {
    let said =
        |language: Option<&str>, format| text(&Article { language: language.map(Into::into), ..article() }, format);
    assert!(said(Some("en-US"), Format::Html).contains("<html lang=\"en-US\" dir=\"ltr\">"));
    assert!(said(Some("ar-EG"), Format::Html).contains("<html lang=\"ar-EG\" dir=\"rtl\">"));
    assert!(said(None, Format::Html).contains("<html dir=\"auto\">"));
    assert!(said(Some("he"), Format::HtmlFragment).starts_with("<div lang=\"he\" dir=\"rtl\">\n<header>"));
    assert!(said(Some("en-US"), Format::HtmlFragment).starts_with("<header>"));
    assert!(said(Some("fa"), Format::NewsMlG2).contains("xml:lang=\"fa\" dir=\"rtl\""));
}

#[test]
fn the_fragment_is_what_stands_in_the_pages_article() {
    let selector = Selector::parse("article").unwrap();
    for article in generated::sample() {
        let article = Article { language: None, ..article.clone() };
        let page = Html::parse_document(&text(&article, Format::Html));
        let inner = page.select(&selector).next().unwrap().inner_html();
        let fragment = Html::parse_fragment(&text(&article, Format::HtmlFragment));
        assert_eq!(inner.trim(), fragment.root_element().inner_html().trim());
    }
}

#[test]
fn the_byline_is_shown_once_and_a_correction_says_what_it_corrects() {
    let corrected = Article { notice: Some("Corrects the count.".into()), ..article() };
    let escaped = text(&corrected, Format::Atom);
    assert!(escaped.contains("&lt;p class=\"notice\"&gt;Corrects the count.&lt;/p&gt;"), "{escaped}");
    assert!(text(&corrected, Format::NewsMlG2).contains("<body><p class=\"notice\">Corrects the count.</p>"));
    for format in [Format::Html, Format::HtmlFragment] {
        let text = text(&corrected, format);
        let body = &text[text.find("<header>").unwrap()..];
        assert_eq!(body.matches("Ada Quill").count(), 1, "{format:?}");
        assert!(body.contains("<p class=\"notice\">Corrects the count.</p>"), "{format:?}");
    }
}
