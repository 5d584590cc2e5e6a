//! The body as HTML, for the formats that carry HTML in a field.
//!
//! It begins with a tag, since some receivers cut what stands before the first one, and is well-formed as XML too,
//! since others read it with XML parsers.

use super::{Manuscript, figure};
use crate::article::body::{Cell, Image, Table};
use crate::article::{Block, Inline, clean};

/// The text readers see, with the attribution in a `div` of its own before and after it.
pub fn html(manuscript: &Manuscript<'_>) -> String {
    let mut parts = Parts::default();
    parts.within("div", "attribution", &manuscript.opening);
    parts.add(&manuscript.body.blocks);
    parts.within("div", "attribution", &manuscript.closing);
    parts.html()
}

/// A text as HTML on one line, without tags. Quotes stay as they are, which only attributes mind.
pub fn line(text: &str) -> String {
    let mut html = Html::default();
    html.text(&text.split_whitespace().collect::<Vec<_>>().join(" "));
    html.out.replace("&quot;", "\"")
}

/// One paragraph of plain text.
pub fn paragraph(text: &str) -> String {
    let mut html = Html::default();
    html.wrapped("p", |html| html.text(text));
    html.out
}

/// `blocks` alone, as the same HTML.
pub fn of(blocks: &[Block]) -> String {
    let mut html = Html::default();
    html.blocks(blocks);
    html.out
}

/// A text that is put together of several parts.
#[derive(Default)]
pub struct Parts(Html);

impl Parts {
    pub fn add(&mut self, blocks: &[Block]) {
        self.0.blocks(blocks);
    }

    /// `blocks` in an element of a class of their own; nothing where there are none.
    pub fn within(&mut self, tag: &str, class: &str, blocks: &[Block]) {
        if !blocks.is_empty() {
            self.0.raw(&format!("<{tag} class=\"{class}\">"));
            self.0.blocks(blocks);
            self.0.raw(&format!("</{tag}>"));
        }
    }

    pub fn html(self) -> String {
        self.0.out
    }
}

/// As [`html`], after what is corrected and the assets that go with the story, for formats that have no field for those
/// which readers are shown.
pub fn illustrated(manuscript: &Manuscript<'_>) -> String {
    let mut html = Html::default();
    if let Some(notice) = manuscript.notice() {
        html.line("notice", |html| html.text(notice));
    }
    html.blocks(&figure::blocks(manuscript));
    html.out + &self::html(manuscript)
}

/// HTML under way. Only what is written here can stand in a document: nothing of an article is markup.
#[derive(Default)]
pub struct Html {
    out: String,
    /// Whether an `a` is open: HTML has no links within links.
    linked: bool,
}

impl Html {
    pub fn finish(self) -> String {
        self.out
    }

    pub fn raw(&mut self, markup: &str) {
        self.out.push_str(markup);
    }

    /// HTML §13.3, "escaping a string"; good for text and for attributes in double quotes.
    pub fn text(&mut self, text: &str) {
        let text = clean(text);
        let mut from = 0;
        for (at, byte) in text.bytes().enumerate() {
            let escaped = match byte {
                b'&' => "&amp;",
                b'<' => "&lt;",
                b'>' => "&gt;",
                b'"' => "&quot;",
                _ => continue,
            };
            self.raw(&text[from..at]);
            self.raw(escaped);
            from = at + 1;
        }
        self.raw(&text[from..]);
    }

    pub fn attribute(&mut self, name: &str, value: &str) {
        self.raw(" ");
        self.raw(name);
        self.raw("=\"");
        self.text(value);
        self.raw("\"");
    }

    fn number(&mut self, name: &str, value: Option<u32>) {
        if let Some(value) = value {
            self.attribute(name, &value.to_string());
        }
    }

    /// An element without content.
    pub fn void(&mut self, tag: &str, attributes: &[(&str, &str)]) {
        self.raw("<");
        self.raw(tag);
        attributes.iter().for_each(|(name, value)| self.attribute(name, value));
        self.raw("/>");
    }

    /// A paragraph of a class.
    pub fn line(&mut self, class: &str, inner: impl FnOnce(&mut Self)) {
        self.raw("<p");
        self.attribute("class", class);
        self.raw(">");
        inner(self);
        self.raw("</p>");
    }

    pub fn wrapped(&mut self, tag: &str, inner: impl FnOnce(&mut Self)) {
        self.raw("<");
        self.raw(tag);
        self.raw(">");
        inner(self);
        self.raw("</");
        self.raw(tag);
        self.raw(">");
    }

    pub fn blocks(&mut self, blocks: &[Block]) {
        blocks.iter().for_each(|block| self.block(block));
    }

    fn block(&mut self, block: &Block) {
        match block {
            Block::Paragraph(inlines) => self.wrapped("p", |html| html.inlines(inlines)),
            Block::Heading(level, inlines) => {
                let tag = ["h1", "h2", "h3", "h4", "h5", "h6"][usize::from((*level).clamp(1, 6)) - 1];
                self.wrapped(tag, |html| html.inlines(inlines));
            }
            Block::List { ordered, items } => {
                let tag = if *ordered { "ol" } else { "ul" };
                self.wrapped(tag, |html| items.iter().for_each(|item| html.item(item)));
            }
            Block::Quote(inner) => self.wrapped("blockquote", |html| html.blocks(inner)),
            Block::Preformatted(text) => self.wrapped("pre", |html| {
                // A line end right after the tag is not part of the text.
                if text.starts_with('\n') {
                    html.raw("\n");
                }
                html.text(text);
            }),
            Block::Rule => self.raw("<hr/>"),
            Block::Table(table) => self.wrapped("table", |html| html.table(table)),
            Block::Image(image) => self.wrapped("figure", |html| html.image(image)),
        }
    }

    pub fn attribution(&mut self, blocks: &[Block]) {
        if !blocks.is_empty() {
            self.raw("<div class=\"attribution\">");
            self.blocks(blocks);
            self.raw("</div>");
        }
    }

    /// An item with a single paragraph, perhaps with lists below it, needs no `p`.
    fn item(&mut self, item: &[Block]) {
        let paragraphs = item.iter().filter(|block| matches!(block, Block::Paragraph(_))).count();
        self.wrapped("li", |html| match item.split_first() {
            Some((Block::Paragraph(inlines), rest)) if paragraphs == 1 => {
                html.inlines(inlines);
                html.blocks(rest);
            }
            _ => html.blocks(item),
        });
    }

    fn table(&mut self, table: &Table) {
        if !table.caption.is_empty() {
            self.wrapped("caption", |html| html.inlines(&table.caption));
        }
        if !table.rows.is_empty() {
            self.wrapped("tbody", |html| {
                for row in &table.rows {
                    html.wrapped("tr", |html| row.iter().for_each(|cell| html.cell(cell)));
                }
            });
        }
    }

    fn cell(&mut self, cell: &Cell) {
        let tag = if cell.header { "th" } else { "td" };
        self.raw("<");
        self.raw(tag);
        self.number("colspan", Some(cell.colspan.into()).filter(|span| *span > 1));
        self.number("rowspan", Some(cell.rowspan.into()).filter(|span| *span > 1));
        self.raw(">");
        self.inlines(&cell.content);
        self.raw("</");
        self.raw(tag);
        self.raw(">");
    }

    fn image(&mut self, image: &Image) {
        self.raw("<img");
        self.attribute("src", &image.src);
        self.attribute("alt", &image.alt);
        self.number("width", image.width);
        self.number("height", image.height);
        self.raw("/>");
        if !image.caption.is_empty() {
            self.wrapped("figcaption", |html| html.inlines(&image.caption));
        }
    }

    pub fn inlines(&mut self, inlines: &[Inline]) {
        inlines.iter().for_each(|inline| self.inline(inline));
    }

    fn inline(&mut self, inline: &Inline) {
        match inline {
            Inline::Text(text) => self.text(text),
            Inline::Break => self.raw("<br/>"),
            Inline::Strong(children) => self.wrapped("strong", |html| html.inlines(children)),
            Inline::Emphasis(children) => self.wrapped("em", |html| html.inlines(children)),
            Inline::Underline(children) => self.wrapped("u", |html| html.inlines(children)),
            Inline::Sub(children) => self.wrapped("sub", |html| html.inlines(children)),
            Inline::Sup(children) => self.wrapped("sup", |html| html.inlines(children)),
            Inline::Link { children, .. } if self.linked => self.inlines(children),
            Inline::Link { href, children } => {
                self.raw("<a");
                self.attribute("href", href);
                self.raw(">");
                self.linked = true;
                self.inlines(children);
                self.linked = false;
                self.raw("</a>");
            }
        }
    }
}
