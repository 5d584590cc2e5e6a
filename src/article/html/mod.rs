//! HTML becomes a [`Body`].
//!
//! A newsroom's editor sends whatever HTML it sends: whole pages, fragments, tags that nobody closed. This module
//! keeps what [`super::body`] can say and drops the rest, and it holds to three things whatever comes in: it never
//! fails, text that a reader would see is never lost nor reordered, and time and memory grow with the length of the
//! input and no faster.
//!
//! The last is why it stands on html5ever's tokenizer alone. The tree builder follows the HTML standard, and the
//! standard's handling of misnested formatting is quadratic: a few megabytes of unclosed tags would hold a core for
//! minutes. Here the tags drive [`tree::Tree`] directly, whose state is a handful of open containers and the set of
//! marks in force. Even the tokenizer has one such corner, a tag with very many attributes; [`pieces`] keeps it out.
//!
//! What falls away, and what stays of it:
//! - `script`, `style`, `title`, `template` and comments go with their content; an unknown tag goes, its text stays.
//! - A link needs an `http`, `https` or `mailto` address, or a relative one and a page to read it against; without one
//!   its text stays.
//! - A picture needs an `http` or `https` address in the same way; without one (`data:` above all) its alternative text
//!   takes its place. A picture that shows an emoji is its alternative text.
//! - A player or frame (`iframe`, `video`, `audio`, `embed`, `object`) becomes a link to what it would have shown.
//! - A table's cell holds text only: its paragraphs, lists and inner tables become lines, its pictures follow the table.

mod address;
mod line;
mod pieces;
mod table;
mod tree;

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod tests;

pub(super) use address::web_address;

use std::cell::{Cell, RefCell};

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts};
use html5ever::{Attribute, LocalName, QualName, ns};

use super::body::{Block, Body, Inline};
use super::text;
use address::Page;
use tree::Tree;

/// The body that `html`, a fragment or a whole page, shows to a reader.
pub fn parse(html: &str) -> Body {
    parse_at(html, None)
}

/// As [`parse`], of the page at `address`: there its relative links lead.
pub fn parse_at(html: &str, address: Option<&str>) -> Body {
    let sink = Sink { tree: RefCell::new(Tree::new(html.len(), Page::at(address))), raw: Cell::new(None) };
    // The tokenizer would discard the mark at the start of every piece, where it is a character of the text.
    let html = html.strip_prefix('\u{feff}').unwrap_or(html);
    let tokenizer = Tokenizer::new(sink, TokenizerOpts { discard_bom: false, ..TokenizerOpts::default() });
    let queue = BufferQueue::default();
    let mut pieces = pieces::Pieces::new(html);
    while let Some(piece) = pieces.next(tokenizer.sink.raw.get()) {
        queue.push_back(StrTendril::from_slice(piece));
        // The sink never asks for a pause, so that each piece is read to its end.
        let _done = tokenizer.feed(&queue);
    }
    tokenizer.end();
    tokenizer.sink.tree.into_inner().finish()
}

/// The body that plain text says: paragraphs stand apart by blank lines, a single line end is a line break.
pub fn from_text(plain: &str) -> Body {
    let plain = plain.replace("\r\n", "\n").replace('\r', "\n");
    let mut blocks = Vec::new();
    let mut inlines = Vec::new();
    // One blank line after the last ends the last paragraph.
    for line in plain.split('\n').chain([""]) {
        match text::one_line(line) {
            Some(line) => {
                if !inlines.is_empty() {
                    inlines.push(Inline::Break);
                }
                inlines.push(Inline::Text(line));
            }
            None if inlines.is_empty() => {}
            None => blocks.push(Block::Paragraph(std::mem::take(&mut inlines))),
        }
    }
    Body { blocks }
}

/// A body that is written tag by tag, for formats that are no HTML but say the same with elements of their own. It
/// holds to the same three things.
pub struct Writer(Tree);

impl Writer {
    /// `length` is that of the document, in bytes.
    pub fn new(length: usize) -> Self {
        Self(Tree::new(length, Page::default()))
    }

    /// The start tag of HTML's element `name`.
    pub fn start<'a>(&mut self, name: &str, attributes: impl IntoIterator<Item = (&'a str, &'a str)>) {
        let attribute = |(name, value): (&str, &str)| Attribute {
            name: QualName::new(None, ns!(), LocalName::from(name)),
            value: StrTendril::from_slice(value),
        };
        self.0.start(&Tag {
            kind: TagKind::StartTag,
            name: LocalName::from(name),
            self_closing: false,
            attrs: attributes.into_iter().map(attribute).collect(),
            had_duplicate_attributes: false,
        });
    }

    pub fn end(&mut self, name: &str) {
        self.0.end(name);
    }

    pub fn text(&mut self, text: &str) {
        self.0.text(text);
    }

    pub fn finish(self) -> Body {
        self.0.finish()
    }
}

struct Sink {
    tree: RefCell<Tree>,
    /// The element whose content the tokenizer is to read as mere text, until its end tag.
    raw: Cell<Option<&'static str>>,
}

impl TokenSink for Sink {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut tree = self.tree.borrow_mut();
        match token {
            Token::CharacterTokens(text) => tree.text(&text),
            Token::TagToken(tag) if tag.kind == TagKind::EndTag => {
                self.raw.set(None);
                tree.end(&tag.name);
            }
            Token::TagToken(tag) => {
                tree.start(&tag);
                if tag.self_closing {
                    // XHTML's `<iframe/>` and `<b/>` mean an empty element. HTML would read on for the end tag, and
                    // the rest of the story would be inside.
                    tree.end(&tag.name);
                } else if let Some((name, kind)) = raw_text(&tag.name) {
                    self.raw.set(Some(name));
                    return TokenSinkResult::RawData(kind);
                }
            }
            Token::DoctypeToken(_)
            | Token::CommentToken(_)
            | Token::NullCharacterToken
            | Token::EOFToken
            | Token::ParseError(_) => {}
        }
        TokenSinkResult::Continue
    }
}

/// The elements in whose content `<` opens no tag (HTML, "parsing elements that contain only text"). A script is
/// read as raw text too: its escaped states could only hide more of the story, never show more.
fn raw_text(name: &str) -> Option<(&'static str, RawKind)> {
    match name {
        "script" => Some(("script", RawKind::Rawtext)),
        "style" => Some(("style", RawKind::Rawtext)),
        "iframe" => Some(("iframe", RawKind::Rawtext)),
        "title" => Some(("title", RawKind::Rcdata)),
        "textarea" => Some(("textarea", RawKind::Rcdata)),
        _ => None,
    }
}
