//! The body of an article: a small tree of blocks and inlines.
//!
//! Whatever HTML the newsroom's editor produced, this is all that is left of it, and all that a format has to know.
//! Everything else (scripts, styles, event handlers, unknown tags) has fallen away while its text stayed. The tree is
//! at most [`DEEPEST`] levels deep, so that walking it by recursion is safe.

use serde::{Deserialize, Serialize};

use super::text::{fold_into, one_line};

/// How deep blocks and inlines may nest. Real articles stay below 8; what is deeper is lifted to this level.
pub const DEEPEST: usize = 24;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Body {
    pub blocks: Vec<Block>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Block {
    Paragraph(Vec<Inline>),
    /// Level 1 to 6, as HTML counts them.
    Heading(u8, Vec<Inline>),
    List {
        ordered: bool,
        items: Vec<Vec<Block>>,
    },
    Quote(Vec<Block>),
    /// Text whose spaces and line ends count.
    Preformatted(String),
    Rule,
    Table(Table),
    Image(Image),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Inline {
    Text(String),
    Break,
    Strong(Vec<Inline>),
    Emphasis(Vec<Inline>),
    Underline(Vec<Inline>),
    Sub(Vec<Inline>),
    Sup(Vec<Inline>),
    /// `href` is an absolute `http`, `https` or `mailto` address.
    Link {
        href: String,
        children: Vec<Inline>,
    },
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    #[serde(default)]
    pub caption: Vec<Inline>,
    pub rows: Vec<Vec<Cell>>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    /// A `th`.
    pub header: bool,
    /// 1 or more.
    pub colspan: u16,
    /// 1 or more.
    pub rowspan: u16,
    pub content: Vec<Inline>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    pub src: String,
    pub alt: String,
    #[serde(default)]
    pub caption: Vec<Inline>,
    #[serde(default)]
    pub width: Option<u32>,
    #[serde(default)]
    pub height: Option<u32>,
}

impl Body {
    /// The text that readers see, blocks on lines of their own.
    pub fn text(&self) -> String {
        text(&self.blocks)
    }

    /// The number of words that readers see.
    pub fn words(&self) -> usize {
        self.text().split_whitespace().count()
    }
}

/// The text that readers see of `blocks`, each on lines of its own.
pub fn text<'b>(blocks: impl IntoIterator<Item = &'b Block>) -> String {
    let mut out = String::new();
    for block in blocks {
        block_text(block, &mut out);
    }
    out.truncate(out.trim_end().len());
    out
}

fn block_text(block: &Block, out: &mut String) {
    match block {
        Block::Paragraph(inlines) | Block::Heading(_, inlines) => line(inlines, out),
        Block::List { items, .. } => items.iter().flatten().for_each(|block| block_text(block, out)),
        Block::Quote(blocks) => blocks.iter().for_each(|block| block_text(block, out)),
        Block::Preformatted(text) => {
            out.push_str(text);
            out.push('\n');
        }
        Block::Rule => {}
        Block::Table(table) => {
            if !table.caption.is_empty() {
                line(&table.caption, out);
            }
            for row in &table.rows {
                for (at, cell) in row.iter().enumerate() {
                    if at > 0 {
                        out.push('\t');
                    }
                    inline_text(&cell.content, out);
                }
                out.push('\n');
            }
        }
        Block::Image(image) => {
            if !image.caption.is_empty() {
                line(&image.caption, out);
            }
        }
    }
}

/// The passages of `blocks`, in order: the text of each paragraph, heading, cell and caption, white space folded.
pub fn passages(blocks: &[Block]) -> Vec<String> {
    let mut passages = Vec::new();
    each_passage(blocks, &mut |text| passages.extend(one_line(text)));
    passages
}

/// The same passages, a line each.
pub fn lines(blocks: &[Block]) -> String {
    let mut lines = String::new();
    each_passage(blocks, &mut |text| {
        fold_into(&mut lines, text);
        lines.push('\n');
    });
    lines
}

fn each_passage(blocks: &[Block], then: &mut dyn FnMut(&str)) {
    let mut text = String::new();
    let mut inlines = |inlines: &[Inline], then: &mut dyn FnMut(&str)| {
        text.clear();
        inline_text(inlines, &mut text);
        then(&text);
    };
    for block in blocks {
        match block {
            Block::Paragraph(content) | Block::Heading(_, content) => inlines(content, then),
            Block::List { items, .. } => items.iter().for_each(|item| each_passage(item, then)),
            Block::Quote(inner) => each_passage(inner, then),
            Block::Preformatted(text) => then(text),
            Block::Rule => {}
            Block::Table(table) => {
                inlines(&table.caption, then);
                table.rows.iter().flatten().for_each(|cell| inlines(&cell.content, then));
            }
            Block::Image(image) => inlines(&image.caption, then),
        }
    }
}

/// The text of `inlines`, white space folded; `None` where readers see nothing.
pub fn passage(inlines: &[Inline]) -> Option<String> {
    let mut text = String::new();
    inline_text(inlines, &mut text);
    one_line(&text)
}

fn line(inlines: &[Inline], out: &mut String) {
    inline_text(inlines, out);
    out.push('\n');
}

/// Appends the text of `inlines` as readers see it; a line break becomes a line end.
pub fn inline_text(inlines: &[Inline], out: &mut String) {
    for inline in inlines {
        match inline {
            Inline::Text(text) => out.push_str(text),
            Inline::Break => out.push('\n'),
            Inline::Strong(children)
            | Inline::Emphasis(children)
            | Inline::Underline(children)
            | Inline::Sub(children)
            | Inline::Sup(children)
            | Inline::Link { children, .. } => inline_text(children, out),
        }
    }
}
