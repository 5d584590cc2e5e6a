//! What plain text and Atom promise beside what every format does.

use super::{article, generated, killed, paragraph, rendered, text, wire};
use crate::article::body::{Cell, Table};
use crate::article::{Action, Article, Block, Body, Inline};
use crate::config::Format;

fn plain(blocks: Vec<Block>) -> String {
    let article = Article { body: Body { blocks }, media: Vec::new(), dateline: None, summary: None, ..article() };
    let article = Article { subheadline: None, ..article };
    let text = text(&article, Format::Text);
    let body = text.split_once("Foundation <https://harborpress.example/>\n\n").unwrap().1;
    body.split_once("\n\n[Logo").unwrap().0.to_owned()
}

#[test]
fn blocks_in_plain_text() {
    let inlines = |text: &str| vec![Inline::Text(text.into())];
    let cell = |text: &str| Cell { header: false, colspan: 1, rowspan: 1, content: inlines(text) };
    let link = |href: &str, text: &str| Inline::Link { href: href.into(), children: inlines(text) };
    let nested = Block::List { ordered: true, items: vec![vec![paragraph("deep")], vec![paragraph("er")]] };
    insta::assert_snapshot!(plain(vec![
        paragraph("One\nline."),
        Block::Paragraph(vec![
            Inline::Text("See ".into()),
            link("https://a.example/", "here"),
            Inline::Text(", ".into()),
            link("https://a.example/b", "https://a.example/b"),
            Inline::Text(" or ".into()),
            link("mailto:a@b.example", "a@b.example"),
            Inline::Break,
            Inline::Text("CO".into()),
            Inline::Sub(inlines("2")),
        ]),
        Block::Heading(2, inlines("Next")),
        Block::List {
            ordered: false,
            items: vec![vec![paragraph("first"), paragraph("more")], vec![paragraph("second"), nested]],
        },
        Block::Quote(vec![paragraph("Quoted."), paragraph("Twice.")]),
        Block::Preformatted("a  b\r\n  c".into()),
        Block::Table(Table {
            caption: inlines("Fares"),
            rows: vec![vec![cell("Adult"), cell("$4")], vec![cell("Child\tor dog"), cell("")]],
        }),
        Block::Paragraph(Vec::new()),
        Block::Rule,
        paragraph("End."),
    ]), @r"
One line.

See here <https://a.example/>, https://a.example/b or a@b.example
CO2

Next

- first
  more
- second
  1. deep
  2. er

> Quoted.
>
> Twice.

a  b
  c

Fares
Adult	$4
Child or dog	

* * *

End.
");
}

#[test]
fn plain_text_has_one_blank_line_between_blocks_and_none_at_its_ends() {
    for article in generated::sample() {
        let text = text(article, Format::Text);
        assert!(text.ends_with('\n') && !text.ends_with("\n\n"), "{text:?}");
        assert!(!text.contains('\r'), "{text:?}");
        let preformatted = article.body.blocks.iter().any(|block| !matches!(block, Block::Paragraph(_)));
        assert!(preformatted || !text.contains("\n\n\n"), "{text:?}");
    }
}

#[test]
fn an_entry_keeps_its_id_and_a_deleted_entry_names_it() {
    let version = |number: u64, at: &str| Article {
        version: number.try_into().unwrap(),
        versioned: Some(at.parse().unwrap()),
        ..article()
    };
    let guid = article().guid.to_string();
    let first = text(&version(1, "2026-11-24T10:15:00Z"), Format::Atom);
    let second = text(&version(2, "2026-11-24T11:15:00Z"), Format::Atom);
    for entry in [&first, &second] {
        assert!(entry.contains(&format!("<id>{guid}</id>")));
        assert!(entry.contains("<published>2026-11-24T10:15:00Z</published>"));
    }
    assert!(first.contains("<updated>2026-11-24T10:15:00Z</updated>"));
    assert!(second.contains("<updated>2026-11-24T11:15:00Z</updated>"));
    let gone = text(&killed(), Format::Atom);
    assert!(gone.contains(&format!("ref=\"{guid}\" when=\"2026-11-24T11:10:00.25Z\"")), "{gone}");
}

#[test]
fn a_deleted_entry_has_a_content_type_of_its_own() {
    for action in Action::ALL {
        let article = Article { action, ..article() };
        let proved = rendered(&article, wire(), Format::Atom).unwrap().document;
        let kind = if action.withdraws() { "application/atomdeleted+xml" } else { "application/atom+xml" };
        assert!(proved.content_type().starts_with(kind), "{action:?}: {}", proved.content_type());
    }
}

/// What RFC 4287 §4.1.2 asks of an entry that stands alone.
#[test]
fn every_entry_has_what_an_entry_has_to_have() {
    for article in generated::sample() {
        let entry = text(article, Format::Atom);
        let tree = roxmltree::Document::parse(&entry).unwrap();
        let count = |name: &str| {
            tree.root_element()
                .children()
                .filter(|node| node.has_tag_name(("http://www.w3.org/2005/Atom", name)))
                .count()
        };
        if article.action.withdraws() {
            assert_eq!(tree.root_element().attributes().filter(|at| matches!(at.name(), "ref" | "when")).count(), 2);
            continue;
        }
        for (name, least, most) in [
            ("id", 1, 1),
            ("title", 1, 1),
            ("updated", 1, 1),
            ("published", 0, 1),
            ("rights", 0, 1),
            ("summary", 0, 1),
            ("content", 1, 1),
            ("author", 1, usize::MAX),
        ] {
            assert!((least..=most).contains(&count(name)), "{name} stands {} times in {entry}", count(name));
        }
        let alternates = tree.descendants().filter(|node| node.attribute("rel") == Some("alternate"));
        assert!(alternates.count() <= 1, "one of a type");
        for node in tree.descendants().filter(|node| node.has_tag_name(("http://www.w3.org/2005/Atom", "category"))) {
            assert!(node.attribute("term").is_some(), "{entry}");
        }
    }
}
