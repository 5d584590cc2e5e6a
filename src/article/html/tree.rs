//! The tree under way: which containers stand open, and the line of text that is being written in the innermost.
//!
//! Paragraphs, headings and the many elements that are blocks and no more (`div`, `section`) never stand open: they
//! only end the line before them. What does stand open (quotes, lists, a table) is at most [`MOST_CONTAINERS`] deep;
//! a container beyond that is lifted, so that its lines become paragraphs of the one around it.

use html5ever::tokenizer::Tag;

use super::address::Page;
use super::line::{Line, MOST_MARKS, Mark, Marks};
use super::table::{Grid, cell_of, plain_cell};
use crate::article::body::{Block, Body, DEEPEST, Image, Inline};
use crate::article::text;

/// How many containers may stand in each other: one level is for the block inside, one for its text, the rest for
/// the marks of the text.
pub(super) const MOST_CONTAINERS: usize = DEEPEST - MOST_MARKS - 2;

/// How many bytes of addresses may be written beyond the length of the input, see [`Line::finish`].
const SPARE_COPIES: usize = 64 * 1024;

pub(super) enum Frame {
    Page(Vec<Block>),
    Quote(Vec<Block>),
    List { ordered: bool, items: Vec<Vec<Block>> },
    Item(Vec<Block>),
    Table(Box<Grid>),
}

/// What the line becomes when it is complete.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Shape {
    Paragraph,
    Heading(u8),
    Preformatted,
}

/// A figure that stands open: loose text in it is the caption of its picture.
#[derive(Default)]
struct Figure {
    in_caption: bool,
    /// Its picture has come; one that stands before the figure is not its own.
    has_image: bool,
    /// The caption is complete, or a paragraph has begun: what follows is text of its own.
    over: bool,
    /// A caption that stands before its picture.
    waiting: Vec<Inline>,
}

pub struct Tree {
    /// Innermost last. The first is the page and stays.
    pub(super) frames: Vec<Frame>,
    /// Containers too deep to be kept that stand open.
    pub(super) lifted: u32,
    pub(super) shape: Shape,
    pub(super) line: Line,
    /// The text of a preformatted block.
    pre: String,
    pub(super) marks: Marks,
    figure: Option<Figure>,
    /// A `video` or `audio` whose address is still to come: its title.
    player: Option<Option<String>>,
    quotations: u32,
    templates: u32,
    /// Inside an element whose text is not for readers.
    hidden: bool,
    pub(super) copies: usize,
    page: Page,
}

impl Tree {
    /// `length` is that of the input, in bytes; `page` is where it stands.
    pub fn new(length: usize, page: Page) -> Self {
        Self {
            frames: vec![Frame::Page(Vec::new())],
            lifted: 0,
            shape: Shape::Paragraph,
            line: Line::default(),
            pre: String::new(),
            marks: Marks::default(),
            figure: None,
            player: None,
            quotations: 0,
            templates: 0,
            hidden: false,
            copies: length.saturating_add(SPARE_COPIES),
            page,
        }
    }

    pub fn finish(mut self) -> Body {
        self.end_figure();
        while self.frames.len() > 1 {
            self.close_frame();
        }
        self.flush();
        match self.frames.pop() {
            Some(Frame::Page(blocks)) => Body { blocks },
            _ => Body::default(),
        }
    }

    pub fn text(&mut self, text: &str) {
        if self.hidden || self.templates > 0 {
            return;
        }
        if self.outside_cells() {
            if text.chars().all(|c| c.is_ascii_whitespace()) {
                return;
            }
            self.open_cell(plain_cell());
        }
        if self.shape != Shape::Preformatted {
            self.line.push(text, &self.marks);
        } else if self.in_table() {
            for (at, line) in text.split('\n').enumerate() {
                if at > 0 {
                    self.line.boundary();
                }
                self.line.push(line, &self.marks);
            }
        } else {
            self.pre.push_str(&text::clean(text));
        }
    }

    pub fn start(&mut self, tag: &Tag) {
        let name = &*tag.name;
        if name == "template" {
            self.templates = self.templates.saturating_add(1);
        }
        if self.templates > 0 {
            return;
        }
        if let Some(mark) = Mark::of(name) {
            return self.marks.open(mark);
        }
        match name {
            "script" | "style" | "title" => self.hidden = true,
            "a" => {
                self.marks.close_link();
                if let Some(href) = attribute(tag, "href").and_then(|href| self.page.link_address(href)) {
                    self.marks.open(Mark::Link(href.into()));
                }
            }
            "q" => {
                self.quotations = self.quotations.saturating_add(1);
                self.text("“");
            }
            "br" if self.shape == Shape::Preformatted => self.text("\n"),
            "br" => self.line.push_break(),
            "img" | "image" => self.image(tag),
            "hr" => {
                self.boundary();
                self.shape = Shape::Paragraph;
                if !self.in_table() {
                    self.push(Block::Rule);
                }
            }
            "p" => {
                self.boundary();
                if let Some(figure) = &mut self.figure {
                    figure.over |= !figure.in_caption;
                }
                // A paragraph ends a heading that nobody closed.
                if let Shape::Heading(_) = self.shape {
                    self.shape = Shape::Paragraph;
                }
            }
            "pre" | "listing" => self.reshape(Shape::Preformatted),
            "ul" | "menu" | "dir" => self.open_container(Frame::List { ordered: false, items: Vec::new() }),
            "ol" => self.open_container(Frame::List { ordered: true, items: Vec::new() }),
            "blockquote" => self.open_container(Frame::Quote(Vec::new())),
            "li" => self.open_item(),
            "table" => self.open_table(),
            "caption" => self.open_caption(),
            "tr" => self.open_row(),
            "td" | "th" => self.open_cell(cell_of(tag)),
            "thead" | "tbody" | "tfoot" => self.close_row(),
            "figure" => {
                self.boundary();
                self.end_figure();
                self.figure = (!self.in_table()).then(Figure::default);
            }
            "figcaption" => {
                self.boundary();
                if let Some(figure) = &mut self.figure {
                    (figure.in_caption, figure.over) = (true, false);
                }
            }
            "iframe" | "embed" => {
                self.hidden = name == "iframe";
                let src = source(tag).find(|src| self.page.web_address(src).is_some());
                self.player(src, title(tag));
            }
            "object" => self.player(attribute(tag, "data"), title(tag)),
            "video" | "audio" => match attribute(tag, "src") {
                Some(src) => self.player(Some(src), title(tag)),
                None => {
                    self.boundary();
                    self.player = Some(title(tag));
                }
            },
            "source" => {
                if let Some(title) = self.player.take() {
                    self.player(attribute(tag, "src"), title);
                }
            }
            name => match heading(name) {
                Some(level) => self.reshape(Shape::Heading(level)),
                None if is_block(name) => self.boundary(),
                None => {}
            },
        }
    }

    pub fn end(&mut self, name: &str) {
        if name == "template" {
            self.templates = self.templates.saturating_sub(1);
        }
        if self.templates > 0 {
            return;
        }
        if let Some(mark) = Mark::of(name) {
            return self.marks.close(&mark);
        }
        match name {
            "script" | "style" | "title" | "iframe" => self.hidden = false,
            "a" => self.marks.close_link(),
            "q" if self.quotations > 0 => {
                self.quotations -= 1;
                self.text("”");
            }
            "p" => self.boundary(),
            "pre" | "listing" => self.reshape(Shape::Paragraph),
            "ul" | "menu" | "dir" => self.close_container(|frame| matches!(frame, Frame::List { ordered: false, .. })),
            "ol" => self.close_container(|frame| matches!(frame, Frame::List { ordered: true, .. })),
            "blockquote" => self.close_container(|frame| matches!(frame, Frame::Quote(_))),
            "li" => self.close_item(),
            "table" => self.close_table(),
            "tr" | "thead" | "tbody" | "tfoot" => self.close_row(),
            "td" | "th" | "caption" => self.close_cell(),
            "figure" => {
                self.boundary();
                self.end_figure();
            }
            "figcaption" => {
                self.boundary();
                if let Some(figure) = &mut self.figure {
                    (figure.in_caption, figure.over) = (false, true);
                }
            }
            "video" | "audio" => {
                self.player = None;
                self.boundary();
            }
            name if heading(name).is_some() => self.reshape(Shape::Paragraph),
            name if is_block(name) => self.boundary(),
            _ => {}
        }
    }

    fn in_table(&self) -> bool {
        matches!(self.frames.last(), Some(Frame::Table(_)))
    }

    /// In a table, but in neither a cell nor the caption.
    pub(super) fn outside_cells(&self) -> bool {
        matches!(self.frames.last(), Some(Frame::Table(grid)) if !grid.is_writing())
    }

    /// Where one block ends and another may begin.
    pub(super) fn boundary(&mut self) {
        if self.in_table() {
            self.line.boundary();
        } else {
            self.flush();
        }
    }

    fn reshape(&mut self, shape: Shape) {
        self.boundary();
        self.shape = shape;
    }

    /// Makes a block of the line.
    fn flush(&mut self) {
        let pre = std::mem::take(&mut self.pre);
        if !pre.trim().is_empty() {
            let pre = pre.strip_prefix('\n').unwrap_or(&pre).trim_end();
            self.push(Block::Preformatted(pre.to_owned()));
        }
        let inlines = self.line.finish(&mut self.copies);
        if inlines.is_empty() {
            return;
        }
        match self.shape {
            Shape::Heading(level) => self.push(Block::Heading(level, inlines)),
            Shape::Paragraph | Shape::Preformatted => match &mut self.figure {
                Some(figure) if !figure.over => {
                    let caption = match last_block(&mut self.frames) {
                        Some(Block::Image(image)) if figure.has_image => &mut image.caption,
                        _ => &mut figure.waiting,
                    };
                    append_line(caption, inlines);
                }
                _ => self.push(Block::Paragraph(inlines)),
            },
        }
    }

    /// Adds a complete block to the innermost container.
    fn push(&mut self, mut block: Block) {
        if let (Some(figure), Block::Image(_)) = (&mut self.figure, &block) {
            figure.has_image = true;
        }
        if let Some(figure) = &mut self.figure
            && !figure.waiting.is_empty()
        {
            let waiting = std::mem::take(&mut figure.waiting);
            match &mut block {
                Block::Image(image) => image.caption = waiting,
                _ => self.place(Block::Paragraph(waiting)),
            }
        }
        self.place(block);
    }

    fn place(&mut self, block: Block) {
        match self.frames.last_mut() {
            Some(Frame::Page(blocks) | Frame::Quote(blocks) | Frame::Item(blocks)) => blocks.push(block),
            // What stands in a list but in no item belongs to the item before it: `<li>…</li><ul>…</ul>`.
            Some(Frame::List { items, .. }) => match items.last_mut() {
                Some(item) => item.push(block),
                None => items.push(vec![block]),
            },
            Some(Frame::Table(grid)) => grid.images.push(block),
            None => {}
        }
    }

    pub(super) fn end_figure(&mut self) {
        if !self.in_table() {
            self.flush();
        }
        if let Some(figure) = self.figure.take()
            && !figure.waiting.is_empty()
        {
            self.push(Block::Paragraph(figure.waiting));
        }
    }

    fn open_container(&mut self, frame: Frame) {
        if self.in_table() {
            return self.boundary();
        }
        self.end_figure();
        self.shape = Shape::Paragraph;
        if self.containers() < MOST_CONTAINERS {
            self.frames.push(frame);
        } else {
            self.lifted = self.lifted.saturating_add(1);
        }
    }

    pub(super) fn containers(&self) -> usize {
        self.frames.iter().filter(|frame| !matches!(frame, Frame::Page(_) | Frame::Item(_))).count()
    }

    fn close_container(&mut self, is_it: impl Fn(&Frame) -> bool) {
        if self.in_table() {
            return self.boundary();
        }
        self.flush();
        if self.lifted > 0 {
            self.lifted -= 1;
        } else if let Some(at) = self.frames.iter().rposition(is_it) {
            while self.frames.len() > at {
                self.close_frame();
            }
        }
    }

    pub(super) fn close_frame(&mut self) {
        self.close_cell_or_caption();
        self.end_figure();
        self.shape = Shape::Paragraph;
        let Some(frame) = self.frames.pop() else { return };
        match frame {
            Frame::Page(_) => self.frames.push(frame),
            Frame::Quote(blocks) => {
                if !blocks.is_empty() {
                    self.push(Block::Quote(blocks));
                }
            }
            Frame::List { ordered, mut items } => {
                items.retain(|item| !item.is_empty());
                if !items.is_empty() {
                    self.push(Block::List { ordered, items });
                }
            }
            Frame::Item(blocks) => {
                if let Some(Frame::List { items, .. }) = self.frames.last_mut() {
                    items.push(blocks);
                }
            }
            Frame::Table(grid) => grid.into_blocks().for_each(|block| self.push(block)),
        }
    }

    fn open_item(&mut self) {
        self.boundary();
        if self.in_table() || self.lifted > 0 {
            return;
        }
        if let Some(Frame::Item(_)) = self.frames.last() {
            self.close_frame();
        }
        if let Some(Frame::List { .. }) = self.frames.last() {
            self.end_figure();
            self.shape = Shape::Paragraph;
            self.frames.push(Frame::Item(Vec::new()));
        }
    }

    fn close_item(&mut self) {
        self.boundary();
        if self.in_table() || self.lifted > 0 {
            return;
        }
        // An item of an outer list is out of reach.
        if let Some(at) = self.frames.iter().rposition(|frame| matches!(frame, Frame::Item(_) | Frame::List { .. }))
            && matches!(self.frames[at], Frame::Item(_))
        {
            while self.frames.len() > at {
                self.close_frame();
            }
        }
    }

    fn image(&mut self, tag: &Tag) {
        let alt = attribute(tag, "alt").and_then(text::one_line).unwrap_or_default();
        let is_character = attribute(tag, "class").is_some_and(|class| class.contains("emoji"));
        let src = source(tag).find_map(|src| self.page.web_address(src));
        let Some(src) = src.filter(|_| !is_character || alt.is_empty()) else {
            return self.text(&alt);
        };
        let image = Block::Image(Image {
            src,
            alt,
            caption: Vec::new(),
            width: attribute(tag, "width").and_then(pixels),
            height: attribute(tag, "height").and_then(pixels),
        });
        if !self.in_table() {
            self.flush();
        }
        self.push(image);
    }

    /// A link in place of something that plays or shows at another address.
    fn player(&mut self, address: Option<&str>, title: Option<String>) {
        self.boundary();
        let Some(href) = address.and_then(|address| self.page.web_address(address)) else { return };
        let title = title.unwrap_or_else(|| href.clone());
        if self.in_table() {
            let outer = std::mem::take(&mut self.marks);
            self.marks.open(Mark::Link(href.into()));
            self.text(&title);
            self.marks = outer;
            self.boundary();
        } else {
            self.push(Block::Paragraph(vec![Inline::Link { href, children: vec![Inline::Text(title)] }]));
        }
    }
}

fn last_block(frames: &mut [Frame]) -> Option<&mut Block> {
    match frames.last_mut()? {
        Frame::Page(blocks) | Frame::Quote(blocks) | Frame::Item(blocks) => blocks.last_mut(),
        Frame::List { items, .. } => items.last_mut()?.last_mut(),
        Frame::Table(_) => None,
    }
}

pub(super) fn append_line(lines: &mut Vec<Inline>, line: Vec<Inline>) {
    if !lines.is_empty() && !line.is_empty() {
        lines.push(Inline::Break);
    }
    lines.extend(line);
}

pub(super) fn attribute<'t>(tag: &'t Tag, name: &str) -> Option<&'t str> {
    tag.attrs.iter().find(|attribute| &*attribute.name.local == name).map(|attribute| &*attribute.value)
}

/// The addresses that a picture or a frame may have: a page that loads them late has the real one beside a placeholder.
fn source(tag: &Tag) -> impl Iterator<Item = &str> {
    [attribute(tag, "src"), attribute(tag, "data-src")].into_iter().flatten()
}

fn title(tag: &Tag) -> Option<String> {
    [attribute(tag, "title"), attribute(tag, "aria-label")].into_iter().flatten().find_map(text::one_line)
}

/// `640` and `640px`; a share of the page (`100%`) is no size of the picture.
fn pixels(value: &str) -> Option<u32> {
    let value = value.trim();
    value.strip_suffix("px").unwrap_or(value).parse().ok().filter(|number| *number > 0)
}

fn heading(name: &str) -> Option<u8> {
    match name.as_bytes() {
        [b'h', level @ b'1'..=b'6'] => Some(level - b'0'),
        _ => None,
    }
}

/// The elements that stand on lines of their own (HTML, rendering, "flow content") and mean no more to a body.
fn is_block(name: &str) -> bool {
    matches!(
        name,
        "address"
            | "article"
            | "aside"
            | "body"
            | "center"
            | "dd"
            | "details"
            | "dialog"
            | "div"
            | "dl"
            | "dt"
            | "fieldset"
            | "footer"
            | "form"
            | "head"
            | "header"
            | "hgroup"
            | "html"
            | "legend"
            | "main"
            | "nav"
            | "optgroup"
            | "option"
            | "search"
            | "section"
            | "select"
            | "summary"
            | "textarea"
    )
}
