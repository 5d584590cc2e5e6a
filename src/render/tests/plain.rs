//! What plain text promises beside what every format does.

use super::{article, generated, paragraph, text};
use crate::article::body::{Cell, Table};
use crate::article::{Article, Block, Body, Inline};
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
