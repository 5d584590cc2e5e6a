//! Bodies nobody would write: every block and inline, nested, with odd characters.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::{article, body_of, extract, generated, schemas, text};
use crate::article::body::{Cell, Image, Table};
use crate::article::{Article, Block, Body, Inline, clean};
use crate::attribution::proof::is_plain;
use crate::config::{Format, MediaUse, Wire};

fn words() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[a-zäß ]{0,12}",
        2 => "[<>&\"' \\n\\]\\-!;#]{0,8}",
        2 => proptest::collection::vec(any::<char>(), 0..6).prop_map(|chars| clean(&chars.into_iter().collect::<String>()).into_owned()),
        1 => prop::sample::select(vec!["]]>", "<!--", "</p>", "&amp;", "\u{2028}", "\u{85}", "\u{a0}", "\r", "\u{feff}", "\u{202e}", "\u{1f469}\u{200d}\u{1f692}"])
            .prop_map(str::to_owned),
    ]
}

fn inlines() -> impl Strategy<Value = Vec<Inline>> {
    let leaf = prop_oneof![8 => words().prop_map(Inline::Text), 1 => Just(Inline::Break)];
    let inline = leaf.prop_recursive(4, 12, 3, |inner| {
        let children = || proptest::collection::vec(inner.clone(), 0..3);
        prop_oneof![
            children().prop_map(Inline::Strong),
            children().prop_map(Inline::Emphasis),
            children().prop_map(Inline::Underline),
            children().prop_map(Inline::Sub),
            children().prop_map(Inline::Sup),
            (words(), children())
                .prop_map(|(path, children)| Inline::Link { href: format!("https://a.example/{path}"), children }),
        ]
    });
    proptest::collection::vec(inline, 0..4)
}

fn table() -> impl Strategy<Value = Table> {
    let cell = (any::<bool>(), 0..4_u16, 0..4_u16, inlines()).prop_map(|(header, colspan, rowspan, content)| Cell {
        header,
        colspan,
        rowspan,
        content,
    });
    let rows = proptest::collection::vec(proptest::collection::vec(cell, 0..3), 0..3);
    (inlines(), rows).prop_map(|(caption, rows)| Table { caption, rows })
}

fn image() -> impl Strategy<Value = Image> {
    let size = proptest::option::of(0..5000_u32);
    (words(), words(), inlines(), size.clone(), size).prop_map(|(src, alt, caption, width, height)| Image {
        src,
        alt,
        caption,
        width,
        height,
    })
}

pub(super) fn bodies() -> impl Strategy<Value = Body> {
    let leaf = prop_oneof![
        4 => inlines().prop_map(Block::Paragraph),
        1 => (0..9_u8, inlines()).prop_map(|(level, inlines)| Block::Heading(level, inlines)),
        1 => words().prop_map(Block::Preformatted),
        1 => Just(Block::Rule),
        1 => table().prop_map(Block::Table),
        1 => image().prop_map(Block::Image),
    ];
    let block = leaf.prop_recursive(4, 16, 3, |inner| {
        let blocks = || proptest::collection::vec(inner.clone(), 0..3);
        prop_oneof![
            (any::<bool>(), proptest::collection::vec(blocks(), 0..3))
                .prop_map(|(ordered, items)| Block::List { ordered, items }),
            blocks().prop_map(Block::Quote),
        ]
    });
    proptest::collection::vec(block, 0..5).prop_map(|blocks| Body { blocks })
}

fn with(body: Body) -> Article {
    Article { body, media: Vec::new(), ..article() }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn every_character_of_the_body_arrives_in_order_and_the_rendition_is_proved(body in bodies()) {
        let article = with(body);
        let written = extract::written(&article);
        for format in Format::ALL {
            let proved = super::rendered(&article, super::wire(), format).unwrap().document;
            let seen = extract::seen(format, std::str::from_utf8(proved.bytes()).unwrap());
            prop_assert!(extract::stands(format, &written, &seen), "{format:?}: {written:?} was read as {seen:?}");
        }
    }
}

/// Every generated article in every format: proved, valid, and with all of its text in order.
fn hold(articles: &[Article]) {
    for format in Format::ALL {
        let mut documents = Vec::new();
        for article in articles {
            let proved = super::rendered(article, super::wire(), format)
                .unwrap_or_else(|why| panic!("{why}\n{article:?}"))
                .document;
            let document = String::from_utf8(proved.bytes().to_vec()).unwrap();
            let (written, seen) = (extract::written(article), extract::seen(format, &document));
            assert!(extract::stands(format, &written, &seen), "{format:?}: {written:?} was read as {seen:?}");
            documents.push(document);
        }
        if let Some((kind, _)) = schemas::OFFICIAL.into_iter().find(|(_, other)| *other == format) {
            schemas::assert_valid(kind, &documents);
        }
    }
}

/// What WordPress lets every author write (`wp_kses_post`), as far as we write it, with its attributes.
const KSES: [(&str, &[&str]); 30] = [
    ("a", &["href"]),
    ("blockquote", &[]),
    ("br", &[]),
    ("caption", &[]),
    ("div", &["class"]),
    ("em", &[]),
    ("figcaption", &[]),
    ("figure", &[]),
    ("h1", &[]),
    ("h2", &[]),
    ("h3", &[]),
    ("h4", &[]),
    ("h5", &[]),
    ("h6", &[]),
    ("hr", &[]),
    ("img", &["src", "alt", "width", "height"]),
    ("li", &[]),
    ("ol", &[]),
    ("p", &[]),
    ("pre", &[]),
    ("strong", &[]),
    ("sub", &[]),
    ("sup", &[]),
    ("table", &[]),
    ("tbody", &[]),
    ("td", &["colspan", "rowspan"]),
    ("th", &["colspan", "rowspan"]),
    ("tr", &[]),
    ("u", &[]),
    ("ul", &[]),
];

proptest! {
    /// Whatever the body, WordPress's filters have nothing to take out, to break lines at, or to run as a shortcode.
    #[test]
    fn the_content_of_a_post_is_what_every_author_may_write(body in bodies()) {
        let document: serde_json::Value = serde_json::from_str(&text(&with(body), Format::WordPress)).unwrap();
        let content = document["content"].as_str().unwrap();
        prop_assert!(!content.contains(['[', ']']), "{content}");
        let html = scraper::Html::parse_fragment(content);
        for element in html.root_element().descendent_elements().skip(1) {
            let name = element.value().name();
            let allowed = KSES.iter().find(|(tag, _)| *tag == name);
            let odd = element.value().attrs().find(|(attr, _)| !allowed.is_some_and(|(_, attrs)| attrs.contains(attr)));
            prop_assert!(allowed.is_some() && odd.is_none(), "<{name}> with {odd:?} in {content}");
        }
        for outside in content.split("<pre>").map(|part| part.rsplit("</pre>").next().unwrap_or_default()) {
            prop_assert!(!outside.contains(['\n', '\r']), "{content:?}");
        }
    }
}

#[test]
fn what_a_newsroom_may_send_arrives_whole_proved_and_valid() {
    hold(generated::sample());
}

/// Somebody else's pictures pass with their credit, by whatever files and texts they have.
#[test]
fn a_picture_of_somebody_else_is_credited_in_every_format() {
    let wire = Wire { third_party_media: MediaUse::Credit, ..super::wire() };
    let logo = super::wire().logo.unwrap().url;
    for article in generated::sample() {
        let mut article = article.clone();
        // The logo is nobody else's.
        article.media.retain(|asset| asset.renditions.iter().all(|file| file.href != logo));
        // A post shows pictures alone: a story that goes with a film or a sound of somebody else is held.
        for format in Format::ALL.into_iter().filter(|format| *format != Format::WordPress) {
            if let Err(why) = super::rendered(&article, wire.clone(), format) {
                panic!("{format:?}: {why}\n{:?}", article.media);
            }
        }
    }
}

#[test]
#[ignore = "takes minutes"]
fn ten_thousand_articles_arrive_whole_proved_and_valid() {
    for articles in generated::many(10_000).chunks(500) {
        hold(articles);
    }
}

#[test]
fn every_body_is_valid() {
    let mut runner = TestRunner::deterministic();
    let articles: Vec<Article> = (0..200).map(|_| with(bodies().new_tree(&mut runner).unwrap().current())).collect();
    for (kind, format) in schemas::OFFICIAL {
        schemas::assert_valid(kind, &articles.iter().map(|article| text(article, format)).collect::<Vec<_>>());
    }
}

/// So that the proof reads it the short way.
#[test]
fn html_is_written_as_plain_as_it_can_be() {
    let is_html = |format: &Format| body_of(*format).is_some() || matches!(format, Format::Html | Format::HtmlFragment);
    for article in generated::sample().iter().take(100) {
        for format in Format::ALL.into_iter().filter(is_html) {
            let document = text(article, format);
            let html = match body_of(format) {
                Some(pointer) => {
                    let document: serde_json::Value = serde_json::from_str(&document).unwrap();
                    document.pointer(pointer).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
                }
                None => document,
            };
            assert!(is_plain(&html), "{}: {html}", format.as_str());
        }
    }
}
