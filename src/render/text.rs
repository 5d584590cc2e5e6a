//! Plain text: UTF-8, one line a paragraph, a blank line between blocks.
//!
//! Lines are not wrapped, since whoever shows the text knows better how wide it is. A link is its text and its address
//! in angle brackets; a picture is a line in square brackets with its alternative text and address, its caption below.
//! The byline and the dateline stand at the top, the rest of the attribution at the end.

use std::borrow::Cow;

use super::{Manuscript, Render, RenderError, figure};
use crate::article::body::{Image, Table};
use crate::article::{Block, Inline, clean};
use crate::config::FormatProfile;

pub struct Text;

impl Render for Text {
    fn content_type(&self, _: &FormatProfile) -> Cow<'static, str> {
        "text/plain; charset=utf-8".into()
    }

    fn extension(&self, _: &FormatProfile) -> Cow<'static, str> {
        "txt".into()
    }

    fn render(&self, manuscript: &Manuscript<'_>) -> Result<Vec<u8>, RenderError> {
        Ok(document(manuscript).into_bytes())
    }
}

/// What a page says, for who reads no HTML: its links and its pictures with their addresses.
#[cfg(feature = "mail")]
pub fn text_of_html(html: &str) -> String {
    let body = crate::article::parse_html(html);
    clean(&blocks(&body.blocks, "\n\n")).into_owned() + "\n"
}

fn document(manuscript: &Manuscript<'_>) -> String {
    let [byline, opening, closing] = manuscript.byline_apart();
    let mut blocks = vec![folded(&manuscript.headline())];
    blocks.extend(manuscript.subheadline().map(folded));
    let dateline = manuscript.article.dateline.as_deref().map(folded);
    let top: Vec<String> = byline.iter().map(credit).chain(dateline).collect();
    blocks.push(top.join("\n"));
    blocks.extend(manuscript.notice().map(folded));
    blocks.extend(manuscript.summary().map(folded));
    blocks.extend(opening.iter().map(credit));
    blocks.extend(manuscript.body.blocks.iter().map(block));
    blocks.extend(figure::blocks(manuscript).iter().map(block));
    blocks.extend(closing.iter().map(credit));
    blocks.retain(|block| !block.trim().is_empty());
    clean(&blocks.join("\n\n")).into_owned() + "\n"
}

/// A block of the attribution. A picture without a text counts readers: whoever makes a web page of the text needs its
/// address, and a profile for print has none.
fn credit(block: &Block) -> String {
    match block {
        Block::Image(image) => picture(if image.alt.is_empty() { "Counter" } else { "Logo" }, image),
        block => self::block(block),
    }
}

/// `text` on one line.
fn folded(text: &str) -> String {
    text.replace("\r\n", " ").replace(['\r', '\n'], " ")
}

fn block(block: &Block) -> String {
    match block {
        Block::Paragraph(inlines) | Block::Heading(_, inlines) => line(inlines),
        Block::List { ordered, items } => list(*ordered, items),
        Block::Quote(inner) => indented(&blocks(inner, "\n\n"), "> ", "> "),
        Block::Preformatted(text) => text.replace("\r\n", "\n").replace('\r', "\n"),
        Block::Rule => "* * *".to_owned(),
        Block::Table(table) => self::table(table),
        Block::Image(image) => picture("Picture", image),
    }
}

fn blocks(blocks: &[Block], between: &str) -> String {
    let blocks: Vec<String> = blocks.iter().map(block).filter(|block| !block.trim().is_empty()).collect();
    blocks.join(between)
}

/// `text` with `first` before its first line and `rest` before the others; nothing stands after the last word of a line.
fn indented(text: &str, first: &str, rest: &str) -> String {
    let lines = text.split('\n').enumerate();
    let lines: Vec<String> = lines
        .map(|(at, line)| {
            let mark = if at == 0 { first } else { rest };
            if line.is_empty() { mark.trim_end().to_owned() } else { format!("{mark}{line}") }
        })
        .collect();
    lines.join("\n")
}

fn list(ordered: bool, items: &[Vec<Block>]) -> String {
    let items = items.iter().enumerate().map(|(at, item)| {
        let mark = if ordered { format!("{}. ", at + 1) } else { "- ".to_owned() };
        indented(&blocks(item, "\n"), &mark, &" ".repeat(mark.len()))
    });
    items.collect::<Vec<_>>().join("\n")
}

/// A row a line, its cells set apart by tabs.
fn table(table: &Table) -> String {
    let caption = line(&table.caption);
    let rows = table.rows.iter().map(|row| {
        let cells = row.iter().map(|cell| line(&cell.content).replace(['\n', '\t'], " "));
        cells.collect::<Vec<_>>().join("\t")
    });
    let lines: Vec<String> = Some(caption).into_iter().chain(rows).filter(|line| !line.trim().is_empty()).collect();
    lines.join("\n")
}

fn picture(kind: &str, image: &Image) -> String {
    let alt = folded(&image.alt);
    let named = if alt.trim().is_empty() { String::new() } else { format!(": {alt}") };
    let mut text = format!("[{kind}{named} <{}>]", folded(&image.src));
    let caption = line(&image.caption);
    if !caption.trim().is_empty() {
        text.push('\n');
        text.push_str(&caption);
    }
    text
}

/// Text on one line, but for the line breaks in it.
fn line(inlines: &[Inline]) -> String {
    let mut out = String::new();
    for inline in inlines {
        match inline {
            Inline::Text(text) => out.push_str(&folded(text)),
            Inline::Break => out.push('\n'),
            Inline::Strong(children)
            | Inline::Emphasis(children)
            | Inline::Underline(children)
            | Inline::Sub(children)
            | Inline::Sup(children) => out.push_str(&line(children)),
            Inline::Link { href, children } => {
                let text = line(children);
                out.push_str(&text);
                let says_it = text == *href || href.strip_prefix("mailto:") == Some(&text);
                if !says_it && !text.trim().is_empty() {
                    out.extend([" <", &folded(href), ">"]);
                }
            }
        }
    }
    out
}
