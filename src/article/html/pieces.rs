//! HTML in pieces that the tokenizer reads in linear time.
//!
//! The tokenizer compares every attribute of a tag with all before it, so that one tag of a few megabytes would hold a
//! core for minutes. No caller can stop it halfway; but whoever hands it the input can see a tag coming. [`Pieces`]
//! cuts the input before every `<`, walks each tag by the rules of the HTML standard (§13.2.5, tag name to
//! self-closing start tag), and hands on at most [`MOST_ATTRIBUTES`] of its attributes. Comments and declarations,
//! which show nothing, are handed on as an empty comment: they still part the text before them from the text after.

/// How many attributes of a tag are read. Those that matter here are six, and editors write about a dozen.
const MOST_ATTRIBUTES: usize = 100;

/// What closes a tag whose attributes were cut off.
const TAG_END: &str = ">";

/// What stands for a comment or declaration. Without it `&am<!-- -->p;` would be one character.
const NOTHING: &str = "<!---->";

pub struct Pieces<'a> {
    rest: &'a str,
    /// A tag was cut short; its end is still to be handed on.
    cut: bool,
}

impl<'a> Pieces<'a> {
    pub fn new(html: &'a str) -> Self {
        Self { rest: html, cut: false }
    }

    /// The next piece. `raw` names the element that the tokenizer is in, when its content is mere text.
    pub fn next(&mut self, raw: Option<&str>) -> Option<&'a str> {
        if std::mem::take(&mut self.cut) {
            return Some(TAG_END);
        }
        let text = match raw {
            Some(name) => end_tag_of(self.rest, name),
            None => self.rest.find('<').unwrap_or(self.rest.len()),
        };
        if text > 0 {
            return Some(self.take(text));
        }
        Some(match *self.rest.as_bytes() {
            [] => return None,
            [b'<', b'!', b'-', b'-', ..] => self.skip(comment(self.rest)),
            [b'<', b'/', next, ..] if next.is_ascii_alphabetic() => self.tag(),
            [b'<', b'!' | b'?' | b'/', _, ..] => self.skip(self.rest.find('>').map_or(self.rest.len(), |at| at + 1)),
            [b'<', next, ..] if next.is_ascii_alphabetic() => self.tag(),
            // No tag but a character that a writer forgot to escape: `3 < 4`.
            _ => self.take(self.rest[1..].find('<').map_or(self.rest.len(), |at| at + 1)),
        })
    }

    fn tag(&mut self) -> &'a str {
        let tag = walk_tag(self.rest.as_bytes());
        let piece = &self.rest[..tag.kept];
        self.cut = tag.kept < tag.end;
        self.rest = &self.rest[tag.end..];
        piece
    }

    fn take(&mut self, length: usize) -> &'a str {
        let (piece, rest) = self.rest.split_at(length);
        self.rest = rest;
        piece
    }

    fn skip(&mut self, length: usize) -> &'static str {
        self.rest = &self.rest[length..];
        NOTHING
    }
}

/// Where the end tag of `name` begins, or the end of `html`.
fn end_tag_of(html: &str, name: &str) -> usize {
    let bytes = html.as_bytes();
    let mut from = 0;
    while let Some(at) = html[from..].find("</").map(|at| from + at) {
        let after = at + 2 + name.len();
        let named = bytes.get(at + 2..after).is_some_and(|found| found.eq_ignore_ascii_case(name.as_bytes()));
        if named && bytes.get(after).is_some_and(|next| is_space(*next) || matches!(next, b'/' | b'>')) {
            return at;
        }
        from = at + 2;
    }
    html.len()
}

/// The length of the comment that `html` begins with; one that nobody closed goes on to the end.
fn comment(html: &str) -> usize {
    const OPEN: usize = "<!--".len();
    for abrupt in [">", "->"] {
        if html[OPEN..].starts_with(abrupt) {
            return OPEN + abrupt.len();
        }
    }
    let mut from = OPEN;
    while let Some(at) = html[from..].find("--").map(|at| from + at) {
        match html.as_bytes().get(at + 2..) {
            Some([b'>', ..]) => return at + 3,
            Some([b'!', b'>', ..]) => return at + 4,
            _ => from = at + 1,
        }
    }
    html.len()
}

struct Walked {
    /// The length of the tag, `>` included.
    end: usize,
    /// The length of what is handed on: shorter than `end` when there were too many attributes.
    kept: usize,
}

enum State {
    Name,
    BeforeAttribute,
    Attribute,
    AfterAttribute,
    BeforeValue,
    Quoted(u8),
    Unquoted,
    /// After a quoted value, or after a `/`: the next attribute may begin with no space between.
    Between,
}

fn walk_tag(tag: &[u8]) -> Walked {
    let mut state = State::Name;
    let mut attributes = 0;
    let mut kept = None;
    for (at, &byte) in tag.iter().enumerate().skip(1) {
        let ends = byte == b'>' && !matches!(state, State::Quoted(_));
        if ends {
            return Walked { end: at + 1, kept: kept.unwrap_or(at + 1) };
        }
        let was_in_attribute = matches!(state, State::Attribute);
        state = match state {
            // The `/` of an end tag belongs to its opening.
            State::Name if at == 1 => State::Name,
            State::Name => match byte {
                b'/' => State::Between,
                byte if is_space(byte) => State::BeforeAttribute,
                _ => State::Name,
            },
            State::BeforeAttribute | State::Between => match byte {
                b'/' => State::Between,
                byte if is_space(byte) => State::BeforeAttribute,
                // An `=` here begins a name.
                _ => State::Attribute,
            },
            State::Attribute => match byte {
                b'/' => State::Between,
                b'=' => State::BeforeValue,
                byte if is_space(byte) => State::AfterAttribute,
                _ => State::Attribute,
            },
            State::AfterAttribute => match byte {
                b'/' => State::Between,
                b'=' => State::BeforeValue,
                byte if is_space(byte) => State::AfterAttribute,
                _ => State::Attribute,
            },
            State::BeforeValue => match byte {
                b'"' | b'\'' => State::Quoted(byte),
                byte if is_space(byte) => State::BeforeValue,
                _ => State::Unquoted,
            },
            State::Quoted(quote) if byte == quote => State::Between,
            State::Quoted(quote) => State::Quoted(quote),
            State::Unquoted if is_space(byte) => State::BeforeAttribute,
            State::Unquoted => State::Unquoted,
        };
        if matches!(state, State::Attribute) && !was_in_attribute {
            attributes += 1;
            if attributes == MOST_ATTRIBUTES + 1 {
                kept = Some(at);
            }
        }
    }
    // The input ends inside the tag. The tokenizer shows nothing of such a tag.
    Walked { end: tag.len(), kept: kept.unwrap_or(tag.len()) }
}

/// White space as HTML counts it. A carriage return becomes a line feed before the tokenizer looks.
fn is_space(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | b'\x0c' | b'\r' | b' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(html: &str) -> Vec<&str> {
        let mut pieces = Pieces::new(html);
        std::iter::from_fn(|| pieces.next(None)).collect()
    }

    #[test]
    fn every_tag_is_a_piece_and_comments_are_empty() {
        assert_eq!(
            all("a<p title='>'>b<!-- c > --!><!--><!doctype html></ x>d</p\n/>3 < 4 <5<"),
            ["a", "<p title='>'>", "b", NOTHING, NOTHING, NOTHING, NOTHING, "d", "</p\n/>", "3 ", "< 4 ", "<5", "<"]
        );
    }

    #[test]
    fn raw_text_ends_at_its_own_end_tag() {
        let mut pieces = Pieces::new("a</b></scripts></SCRIPT >c");
        assert_eq!(pieces.next(Some("script")), Some("a</b></scripts>"));
        assert_eq!(pieces.next(Some("script")), Some("</SCRIPT >"));
        assert_eq!(pieces.next(None), Some("c"));
        assert_eq!(pieces.next(None), None);
    }

    #[test]
    fn attributes_beyond_the_limit_are_cut_off() {
        let many: String = (0..10_000).map(|n| format!(" a{n}=\">\"")).collect();
        let html = format!("<a{many}>text");
        let pieces = all(&html);
        assert_eq!(pieces.len(), 3);
        assert_eq!(pieces[0].matches('=').count(), MOST_ATTRIBUTES);
        assert_eq!(pieces[1..], [">", "text"]);
    }
}
