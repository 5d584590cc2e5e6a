//! The text of the story: NITF's elements drive the same tree that HTML's tags do, so that text is never lost nor
//! reordered, and the tree stays shallow, by the same code.
//!
//! What is written there is NITF's own, and with many agencies HTML too (`b`, `h3`, `div`): a name that is not NITF's
//! is taken for HTML's. A note that is not for publication (`type="npa"`) is for editors. A picture of which nothing
//! more is said than a caption stands where it stood; one with a credit, or whose file is not at hand, goes among the
//! article's media, where its rights are looked at.

use super::Nitf;
use super::byline;
use super::media::{self, Asset};
use crate::article::html::Writer;
use crate::article::xml::{Element, Node};
use crate::article::{Author, Block, Body, DecodeError, Media};

/// How many elements `body.end` may have. The schema has two; each is looked for in the whole text.
const MOST_ENDINGS: usize = 100;

/// What readers see of the story, and what stands between it.
pub struct Content {
    pub body: Body,
    pub media: Vec<Media>,
    pub byline: Option<String>,
    pub authors: Vec<Author>,
    /// From notes within the text.
    pub editor_note: Option<String>,
}

/// Whether a note is not for readers.
pub fn is_for_editors(note: &Element) -> bool {
    note.attribute("type") == Some("npa") || note.attribute("noteclass") == Some("editorsnote")
}

impl Content {
    pub fn of(nitf: &Nitf<'_>) -> Result<Self, DecodeError> {
        let mut walk = Walk { writer: Writer::new(nitf.document.length()), media: Vec::new(), notes: Vec::new(), nitf };
        // An asset outside of the text goes with it all the same.
        for asset in nitf.all("media") {
            walk.associate(asset, media::of(asset))?;
        }
        let bodies = nitf.root.find("body.content", &|element| element.name == "note");
        for body in &bodies {
            walk.children(body)?;
        }
        if bodies.is_empty() {
            walk.bare_body()?;
        }
        let Walk { writer, media, notes, .. } = walk;
        let mut body = writer.finish();
        body.blocks.extend(ending(nitf, &body)?);
        let bylines = bylines(nitf, &bodies)?;
        let lines: Vec<String> = bylines.iter().filter_map(|byline| byline::line(byline)).collect();
        let editor_note = (!notes.is_empty()).then(|| notes.join("\n"));
        let byline = (!lines.is_empty()).then(|| lines.join("; "));
        Ok(Self { body, media, byline, authors: bylines.into_iter().flat_map(byline::authors).collect(), editor_note })
    }
}

/// Those of the head; a document that has none there has them in its blocks.
fn bylines<'d>(nitf: &Nitf<'d>, bodies: &[&'d Element]) -> Result<Vec<&'d Element>, DecodeError> {
    let bylines = nitf.bounded("byline")?;
    if !bylines.is_empty() {
        return Ok(bylines);
    }
    let blocks = bodies.iter().flat_map(|body| body.all("block"));
    Ok(blocks.filter_map(|block| block.child("byline")).take(super::MOST_ITEMS).collect())
}

/// `body.end`: the tagline and the bibliography close the text, unless it says the same already, or the tagline
/// repeats what was said to editors, as one widespread system writes it.
fn ending(nitf: &Nitf<'_>, body: &Body) -> Result<Vec<Block>, DecodeError> {
    let folded = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut said = folded(&body.text());
    for message in nitf.all("ed-msg") {
        said.push('\n');
        said.push_str(&message.line_of("info").unwrap_or_default());
    }
    let mut blocks = Vec::new();
    let mut parts = 0;
    for end in nitf.root.find("body.end", &|element| element.name == "body.content") {
        for part in end.elements().filter(|part| !is_for_editors(part)) {
            parts += 1;
            if parts > MOST_ENDINGS {
                return nitf
                    .refuse(end, format!("has more than {MOST_ENDINGS} parts; it takes a tagline and a bibliography"));
            }
            let repeats = part.line().is_none_or(|line| said.contains(&line));
            if !repeats {
                let mut walk =
                    Walk { writer: Writer::new(nitf.document.length()), media: Vec::new(), notes: Vec::new(), nitf };
                walk.element(part)?;
                blocks.extend(walk.writer.finish().blocks);
            }
        }
    }
    Ok(blocks)
}

struct Walk<'w, 'd> {
    writer: Writer,
    media: Vec<Media>,
    notes: Vec<String>,
    nitf: &'w Nitf<'d>,
}

impl Walk<'_, '_> {
    fn children(&mut self, element: &Element) -> Result<(), DecodeError> {
        for node in &element.children {
            match node {
                Node::Text(text) => self.writer.text(text),
                Node::Element(element) => self.element(element)?,
            }
        }
        Ok(())
    }

    fn element(&mut self, element: &Element) -> Result<(), DecodeError> {
        let name = match element.name.as_str() {
            // Data on the block, not text; and data in place of a file.
            "tobject" | "key-list" | "media-object" | "media-metadata" | "nitf-col" | "nitf-colgroup" => return Ok(()),
            "media" => return self.media(element),
            "note" if is_for_editors(element) => {
                self.notes.extend(element.line());
                return Ok(());
            }
            "frac" => return self.fraction(element),
            "table" => return self.table(element),
            "hl1" | "hl2" => "h2",
            "bq" => "blockquote",
            "object.title" => "cite",
            "em" => match element.attribute("class").map(str::trim) {
                Some("bold" | "strong" | "b") => "b",
                Some("underscore" | "underline" | "u") => "u",
                Some(_) | None => "i",
            },
            // What NITF has on a line of its own and HTML under no such name.
            "block" | "byline" | "byttl" | "credit" | "datasource" | "dateline" | "distributor" | "fn" | "note"
            | "abstract" | "tagline" | "bibliography" | "media-caption" | "media-producer" | "nitf-table"
            | "nitf-table-summary" | "custom-table" => "div",
            other => other,
        };
        self.writer.start(name, element.attributes.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        self.children(element)?;
        self.writer.end(name);
        Ok(())
    }

    /// The foot stands before the rows, and is shown below them.
    fn table(&mut self, table: &Element) -> Result<(), DecodeError> {
        let is_foot = |node: &&Node| matches!(node, Node::Element(element) if element.name == "tfoot");
        self.writer.start("table", []);
        let rows = table.children.iter().filter(|node| !is_foot(node));
        for node in rows.chain(table.children.iter().filter(is_foot)) {
            match node {
                Node::Text(text) => self.writer.text(text),
                Node::Element(element) => self.element(element)?,
            }
        }
        self.writer.end("table");
        Ok(())
    }

    /// `<frac><frac-num>1</frac-num><frac-den>2</frac-den></frac>`: 1/2.
    fn fraction(&mut self, fraction: &Element) -> Result<(), DecodeError> {
        let parted = fraction.child("frac-sep").and_then(Element::line).is_some();
        for node in &fraction.children {
            match node {
                Node::Text(text) => self.writer.text(text),
                Node::Element(part) => {
                    if part.name == "frac-den" && !parted {
                        self.writer.text("/");
                    }
                    self.children(part)?;
                }
            }
        }
        Ok(())
    }

    fn media(&mut self, element: &Element) -> Result<(), DecodeError> {
        match media::of(element) {
            Asset::Plain { src, alt, width, height } => {
                self.writer.start("figure", []);
                let attributes = [("src", Some(src)), ("alt", alt), ("width", width), ("height", height)];
                let attributes = attributes.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?)));
                self.writer.start("img", attributes);
                for caption in element.all("media-caption") {
                    self.writer.start("figcaption", []);
                    self.children(caption)?;
                    self.writer.end("figcaption");
                }
                self.writer.end("figure");
                Ok(())
            }
            asset => self.associate(element, asset),
        }
    }

    fn associate(&mut self, element: &Element, asset: Asset) -> Result<(), DecodeError> {
        let media = match asset {
            Asset::Rights(media) => *media,
            Asset::Plain { .. } => media::with_rights(element),
            // What is neither seen nor heard: its caption is text, and leads there.
            Asset::Other { href } => {
                self.writer.start("p", []);
                self.writer.start("a", [("href", href.as_str())]);
                for caption in element.all("media-caption") {
                    self.children(caption)?;
                }
                self.writer.end("a");
                self.writer.end("p");
                return Ok(());
            }
        };
        if self.media.len() >= super::MOST_ITEMS {
            return self
                .nitf
                .refuse(element, format!("stands here too often; at most {} are taken", super::MOST_ITEMS));
        }
        self.media.push(media);
        Ok(())
    }

    /// A body without `body.content`: all that is no head of it.
    fn bare_body(&mut self) -> Result<(), DecodeError> {
        for body in self.nitf.root.all("body") {
            for node in &body.children {
                match node {
                    Node::Text(text) => self.writer.text(text),
                    Node::Element(part) if matches!(part.name.as_str(), "body.head" | "body.end" | "media") => {}
                    Node::Element(part) => self.element(part)?,
                }
            }
        }
        Ok(())
    }
}
