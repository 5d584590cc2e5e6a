//! The body tree as NITF 3.6 has it.
//!
//! NITF's block elements are few: every heading is an `hl2`, a quotation is a `bq` around a `block`, and a picture
//! stands between paragraphs. Of the inlines, bold and italic are an `em` with a class, and `sub` and `sup` stand
//! only within a `num` and hold only text.

use std::io::Result;

use crate::article::body::{Cell, Image, Table, inline_text};
use crate::article::{Block, Inline};
use crate::render::xml::Xml;

pub fn blocks(xml: &mut Xml, blocks: &[Block]) -> Result<()> {
    for block in blocks {
        self::block(xml, block)?;
        xml.line_end()?;
    }
    Ok(())
}

/// A picture; `class` tells the agency's logo from the story's own.
pub fn image(xml: &mut Xml, image: &Image, class: Option<&str>) -> Result<()> {
    xml.element("media", &[("media-type", Some("image")), ("class", class)], |xml| {
        let (width, height) = (image.width.map(|px| px.to_string()), image.height.map(|px| px.to_string()));
        let reference = [
            ("source", Some(image.src.as_str())),
            ("alternate-text", Some(image.alt.as_str())),
            ("width", width.as_deref()),
            ("height", height.as_deref()),
        ];
        xml.empty("media-reference", &reference)?;
        if image.caption.is_empty() {
            return Ok(());
        }
        xml.element("media-caption", &[], |xml| inlines(xml, &image.caption, false))
    })
}

/// `inlines` within an element that takes enriched text. `linked` says that an `a` is open: links do not nest.
pub fn inlines(xml: &mut Xml, inlines: &[Inline], linked: bool) -> Result<()> {
    inlines.iter().try_for_each(|inline| self::inline(xml, inline, linked))
}

fn block(xml: &mut Xml, block: &Block) -> Result<()> {
    match block {
        Block::Paragraph(text) => xml.element("p", &[], |xml| inlines(xml, text, false)),
        Block::Heading(_, text) => xml.element("hl2", &[], |xml| inlines(xml, text, false)),
        // A list without items is invalid.
        Block::List { items, .. } if items.is_empty() => Ok(()),
        Block::List { ordered, items } => xml.element(if *ordered { "ol" } else { "ul" }, &[], |xml| {
            items.iter().try_for_each(|item| xml.element("li", &[], |xml| self::item(xml, item)))
        }),
        Block::Quote(inner) => xml.element("bq", &[], |xml| xml.element("block", &[], |xml| blocks(xml, inner))),
        Block::Preformatted(text) => xml.leaf("pre", &[], text),
        Block::Rule => xml.empty("hr", &[]),
        Block::Table(table) => xml.element("table", &[], |xml| self::table(xml, table)),
        Block::Image(picture) => image(xml, picture, None),
    }
}

/// An item with a single paragraph, perhaps with lists below it, needs no `p`.
fn item(xml: &mut Xml, item: &[Block]) -> Result<()> {
    let paragraphs = item.iter().filter(|block| matches!(block, Block::Paragraph(_))).count();
    match item.split_first() {
        Some((Block::Paragraph(text), rest)) if paragraphs == 1 => {
            inlines(xml, text, false)?;
            blocks(xml, rest)
        }
        _ => blocks(xml, item),
    }
}

fn table(xml: &mut Xml, table: &Table) -> Result<()> {
    if !table.caption.is_empty() {
        xml.element("caption", &[], |xml| inlines(xml, &table.caption, false))?;
    }
    // A row without cells is invalid.
    for row in table.rows.iter().filter(|row| !row.is_empty()) {
        xml.element("tr", &[], |xml| row.iter().try_for_each(|cell| self::cell(xml, cell)))?;
    }
    Ok(())
}

fn cell(xml: &mut Xml, cell: &Cell) -> Result<()> {
    let span = |span: u16| (span > 1).then(|| span.to_string());
    let (colspan, rowspan) = (span(cell.colspan), span(cell.rowspan));
    let spans = [("colspan", colspan.as_deref()), ("rowspan", rowspan.as_deref())];
    xml.element(if cell.header { "th" } else { "td" }, &spans, |xml| inlines(xml, &cell.content, false))
}

fn inline(xml: &mut Xml, inline: &Inline, linked: bool) -> Result<()> {
    let mut em = |class, children| xml.element("em", &[("class", Some(class))], |xml| inlines(xml, children, linked));
    match inline {
        Inline::Strong(children) => em("bold", children),
        Inline::Emphasis(children) => em("italic", children),
        Inline::Underline(children) => em("underscore", children),
        Inline::Text(text) => xml.text(text),
        Inline::Break => xml.empty("br", &[]),
        Inline::Sub(children) => num(xml, "sub", children),
        Inline::Sup(children) => num(xml, "sup", children),
        Inline::Link { children, .. } if linked => inlines(xml, children, linked),
        Inline::Link { href, children } => {
            xml.element("a", &[("href", Some(href))], |xml| inlines(xml, children, true))
        }
    }
}

fn num(xml: &mut Xml, name: &str, children: &[Inline]) -> Result<()> {
    let mut text = String::new();
    inline_text(children, &mut text);
    xml.element("num", &[], |xml| xml.leaf(name, &[], &text))
}
