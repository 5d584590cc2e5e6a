//! A line of text under way: runs of characters, each with the marks that are in force.
//!
//! Marks are a set, not a tree: text is strong or it is not, however many tags say so and in whatever order they close.
//! That keeps every step independent of what stands open, and the tree of [`Inline`]s, at most [`MOST_MARKS`] deep,
//! is made once when the line is complete.

use std::rc::Rc;

use crate::article::body::Inline;
use crate::article::text::is_xml_char;

/// How deep inlines can nest: each mark once, a link counting as one.
pub const MOST_MARKS: usize = Mark::TOGGLES + 1;

#[derive(Clone, Debug)]
pub enum Mark {
    Strong,
    Emphasis,
    Underline,
    Sub,
    Sup,
    Link(Rc<str>),
}

impl Mark {
    /// How many marks there are beside the link.
    const TOGGLES: usize = 5;

    /// The mark that the tag `name` stands for, links aside.
    pub fn of(name: &str) -> Option<Self> {
        match name {
            "b" | "strong" => Some(Self::Strong),
            "i" | "em" | "cite" => Some(Self::Emphasis),
            "u" | "ins" => Some(Self::Underline),
            "sub" => Some(Self::Sub),
            "sup" => Some(Self::Sup),
            _ => None,
        }
    }

    /// Its place in [`Marks::open`].
    fn toggle(&self) -> Option<usize> {
        match self {
            Self::Strong => Some(0),
            Self::Emphasis => Some(1),
            Self::Underline => Some(2),
            Self::Sub => Some(3),
            Self::Sup => Some(4),
            Self::Link(_) => None,
        }
    }

    /// Whether one node of the tree can stand for both.
    fn continues(&self, other: &Self) -> bool {
        match (self, other) {
            // By identity: comparing text would cost its length at every run.
            (Self::Link(one), Self::Link(other)) => Rc::ptr_eq(one, other),
            (Self::Link(_), _) | (_, Self::Link(_)) => false,
            (one, other) => one.toggle() == other.toggle(),
        }
    }
}

/// The marks in force, in the order in which they were opened.
#[derive(Clone, Debug)]
pub struct Marks {
    active: Rc<[Mark]>,
    /// How many tags of each mark stand open.
    open: [u32; Mark::TOGGLES],
}

impl Default for Marks {
    fn default() -> Self {
        Self { active: Rc::new([]), open: [0; Mark::TOGGLES] }
    }
}

impl Marks {
    pub fn open(&mut self, mark: Mark) {
        if let Some(at) = mark.toggle() {
            self.open[at] = self.open[at].saturating_add(1);
            if self.open[at] > 1 {
                return;
            }
        } else {
            self.close_link();
        }
        self.active = self.active.iter().cloned().chain([mark]).collect();
    }

    /// An end tag without a start tag closes nothing.
    pub fn close(&mut self, mark: &Mark) {
        let Some(at) = mark.toggle() else { return self.close_link() };
        match self.open[at] {
            0 => {}
            1 => {
                self.open[at] = 0;
                self.active = self.active.iter().filter(|other| !other.continues(mark)).cloned().collect();
            }
            _ => self.open[at] -= 1,
        }
    }

    /// Links do not nest.
    pub fn close_link(&mut self) {
        if self.active.iter().any(|mark| mark.toggle().is_none()) {
            self.active = self.active.iter().filter(|mark| mark.toggle().is_some()).cloned().collect();
        }
    }
}

enum Run {
    Text(Rc<[Mark]>, String),
    Break,
}

#[derive(Default)]
pub struct Line {
    runs: Vec<Run>,
    /// Whether there is anything a reader would see.
    visible: bool,
}

impl Line {
    /// Adds text, white space folded as HTML does (CSS `white-space: normal`).
    pub fn push(&mut self, text: &str, marks: &Marks) {
        let mut words = text.split(is_html_space).peekable();
        while let Some(word) = words.next() {
            if !word.is_empty() {
                self.append(word, marks);
            }
            if words.peek().is_some() && !self.at_space() {
                self.append(" ", marks);
            }
        }
    }

    fn append(&mut self, piece: &str, marks: &Marks) {
        let piece = piece.chars().filter(|c| is_xml_char(*c));
        if let Some(Run::Text(same, text)) = self.runs.last_mut()
            && Rc::ptr_eq(same, &marks.active)
        {
            let before = text.len();
            text.extend(piece);
            self.visible |= !text[before..].trim().is_empty();
        } else {
            let text: String = piece.collect();
            if !text.is_empty() {
                self.visible |= !text.trim().is_empty();
                self.runs.push(Run::Text(marks.active.clone(), text));
            }
        }
    }

    /// Ends the line of text and begins the next within the same block.
    pub fn push_break(&mut self) {
        self.trim_space();
        self.runs.push(Run::Break);
    }

    /// As [`Self::push_break`], unless nothing stands before it: where blocks meet that may not be blocks.
    pub fn boundary(&mut self) {
        self.trim_space();
        if matches!(self.runs.last(), Some(Run::Text(..))) {
            self.runs.push(Run::Break);
        }
    }

    /// The finished line, and an empty one in its place. Nothing that a reader would see: no inlines.
    ///
    /// `copies` is how many more bytes of addresses may be written. A link that nobody closed goes on in every line
    /// that follows, and its address with it; past this limit the link ends while its text stays.
    pub fn finish(&mut self, copies: &mut usize) -> Vec<Inline> {
        let mut runs = std::mem::take(&mut self.runs);
        if !std::mem::take(&mut self.visible) {
            return Vec::new();
        }
        let leading = runs.iter().take_while(|run| matches!(run, Run::Break)).count();
        runs.drain(..leading);
        while let Some(Run::Break) = trim_end(&mut runs) {
            runs.pop();
        }
        nest(runs, copies)
    }

    fn at_space(&self) -> bool {
        match self.runs.last() {
            Some(Run::Text(_, text)) => text.ends_with(' '),
            Some(Run::Break) | None => true,
        }
    }

    fn trim_space(&mut self) {
        trim_end(&mut self.runs);
    }
}

/// Takes the space off the end; returns the last run that is left.
fn trim_end(runs: &mut Vec<Run>) -> Option<&Run> {
    if let Some(Run::Text(_, text)) = runs.last_mut() {
        text.truncate(text.trim_end_matches(' ').len());
        if text.is_empty() {
            runs.pop();
        }
    }
    runs.last()
}

fn nest(runs: Vec<Run>, copies: &mut usize) -> Vec<Inline> {
    let mut out = Vec::new();
    let mut open: Vec<(Mark, Vec<Inline>)> = Vec::new();
    for run in runs {
        let node = match run {
            Run::Break => Inline::Break,
            Run::Text(marks, text) => {
                let shared = open.iter().zip(marks.iter()).take_while(|((one, _), other)| one.continues(other)).count();
                while open.len() > shared {
                    close(&mut open, &mut out);
                }
                for mark in &marks[shared..] {
                    if let Mark::Link(href) = mark {
                        match copies.checked_sub(href.len()) {
                            Some(left) => *copies = left,
                            None => continue,
                        }
                    }
                    open.push((mark.clone(), Vec::new()));
                }
                Inline::Text(text)
            }
        };
        let children = open.last_mut().map_or(&mut out, |(_, children)| children);
        match (children.last_mut(), node) {
            // A mark that marks nothing stood between the two.
            (Some(Inline::Text(before)), Inline::Text(text)) => before.push_str(&text),
            (_, node) => children.push(node),
        }
    }
    while !open.is_empty() {
        close(&mut open, &mut out);
    }
    out.shrink_to_fit();
    out
}

fn close(open: &mut Vec<(Mark, Vec<Inline>)>, out: &mut Vec<Inline>) {
    let Some((mark, mut children)) = open.pop() else { return };
    children.shrink_to_fit();
    let node = match mark {
        Mark::Strong => Inline::Strong(children),
        Mark::Emphasis => Inline::Emphasis(children),
        Mark::Underline => Inline::Underline(children),
        Mark::Sub => Inline::Sub(children),
        Mark::Sup => Inline::Sup(children),
        Mark::Link(href) => Inline::Link { href: href.to_string(), children },
    };
    open.last_mut().map_or(out, |(_, children)| children).push(node);
}

/// HTML's white space; a no-break space is text.
fn is_html_space(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\x0c' | '\r' | ' ')
}
