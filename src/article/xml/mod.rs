//! XML becomes a small tree of elements, fit to be searched and walked.
//!
//! Agencies' XML is old, and not always what the schema says: so names are kept without their prefix, since one and
//! the same document comes with and without a namespace, and HTML's named characters (`&nbsp;`) are known although
//! nobody declared them. What this module holds to whatever comes in: nothing is ever fetched, a document that
//! declares entities of its own is refused (there is no billion laughs without them), elements are at most [`DEEPEST`]
//! deep, so that walking by recursion is safe, and time and memory grow with the length of the input and no faster.
//!
//! It knows nothing of what the elements mean.

mod encoding;
#[cfg(test)]
mod tests;

pub use encoding::text_of;

use html5ever::data::NAMED_ENTITIES;
use quick_xml::Reader;
use quick_xml::errors::{Error, IllFormedError};
use quick_xml::events::{BytesStart, Event};

use super::text::{clean, one_line};
use super::{DecodeError, Kind};

/// How deep elements may nest. Real documents stay below 30.
pub const DEEPEST: usize = 200;

/// The most elements that a document may have. Long articles with tables have a few thousand.
const MOST_ELEMENTS: usize = 200_000;

/// The most attributes that an element may have. Real ones have about a dozen.
const MOST_ATTRIBUTES: usize = 100;

/// A document that could be read, with its text for the sake of places in it.
pub struct Document<'t> {
    text: &'t str,
    pub root: Element,
}

#[derive(Debug)]
pub struct Element {
    /// Without its prefix.
    pub name: String,
    /// As written, `xml:lang` for example; declarations of namespaces among them.
    pub attributes: Vec<(String, String)>,
    pub children: Vec<Node>,
    /// Where it begins in the text, in bytes.
    pub at: usize,
}

#[derive(Debug)]
pub enum Node {
    Element(Element),
    Text(String),
}

impl<'t> Document<'t> {
    pub fn parse(text: &'t str) -> Result<Self, DecodeError> {
        let mut parser = Parser { text, reader: Reader::from_str(text), open: Vec::new(), root: None, elements: 0 };
        parser.run()?;
        match parser.root {
            Some(root) => Ok(Self { text, root }),
            None => refuse(text, text.len(), "the document is empty; there is no element in it"),
        }
    }

    /// A refusal of what stands at `element`.
    pub fn refuse<T>(&self, kind: Kind, element: &Element, problem: impl Into<String>) -> Result<T, DecodeError> {
        self.refuse_as(kind, element, &element.name, problem)
    }

    /// As [`Self::refuse`], naming what is at fault: an attribute of `element`, or what is missing there.
    pub fn refuse_as<T>(
        &self,
        kind: Kind,
        element: &Element,
        path: &str,
        problem: impl Into<String>,
    ) -> Result<T, DecodeError> {
        let (line, column) = self.place(element.at);
        Err(DecodeError::content(kind, path, problem.into() + &format!(" (line {line}, column {column})")))
    }

    /// How long the document is, in bytes.
    pub fn length(&self) -> usize {
        self.text.len()
    }

    /// Line and column, from 1, of what begins at `at`; the column in bytes.
    pub fn place(&self, at: usize) -> (usize, usize) {
        place_of(self.text, at)
    }
}

/// Line and column, from 1, of the byte at `at`.
pub fn place_of(text: &str, at: usize) -> (usize, usize) {
    let before = &text.as_bytes()[..at.min(text.len())];
    let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    (before.iter().filter(|byte| **byte == b'\n').count() + 1, before.len() - line_start + 1)
}

fn refuse<T>(text: &str, at: usize, problem: impl Into<String>) -> Result<T, DecodeError> {
    let (line, column) = place_of(text, at);
    Err(DecodeError::xml(line, column, problem))
}

impl Element {
    /// The value of an attribute, unless there is nothing in it.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        let value = self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        value.filter(|value| !value.trim().is_empty())
    }

    /// An attribute on one line.
    pub fn line_of(&self, name: &str) -> Option<String> {
        self.attribute(name).and_then(one_line)
    }

    pub fn elements(&self) -> impl Iterator<Item = &Element> {
        self.children.iter().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Text(_) => None,
        })
    }

    /// The children called `name`.
    pub fn all<'e, 'n>(&'e self, name: &'n str) -> impl Iterator<Item = &'e Element> + use<'e, 'n> {
        self.elements().filter(move |element| element.name == name)
    }

    pub fn child(&self, name: &str) -> Option<&Element> {
        self.elements().find(|element| element.name == name)
    }

    /// Everything below called `name`, in the order of the document, however deep; not below elements that `hides`.
    pub fn find<'e>(&'e self, name: &str, hides: &dyn Fn(&Element) -> bool) -> Vec<&'e Element> {
        let mut found = Vec::new();
        self.find_into(name, hides, &mut found);
        found
    }

    fn find_into<'e>(&'e self, name: &str, hides: &dyn Fn(&Element) -> bool, found: &mut Vec<&'e Element>) {
        for element in self.elements().filter(|element| !hides(element)) {
            if element.name == name {
                found.push(element);
            }
            element.find_into(name, hides, found);
        }
    }

    /// All text within, on one line. Elements that stand next to each other without a space are words of their own:
    /// `<name.given>Ada</name.given><name.family>Quill</name.family>`.
    pub fn line(&self) -> Option<String> {
        let mut out = String::new();
        self.text_into(&mut out, &|_| false);
        one_line(&out)
    }

    /// As [`Self::line`], without the text of elements that `hides`.
    pub fn line_without(&self, hides: &dyn Fn(&Element) -> bool) -> Option<String> {
        let mut out = String::new();
        self.text_into(&mut out, hides);
        one_line(&out)
    }

    fn text_into(&self, out: &mut String, hides: &dyn Fn(&Element) -> bool) {
        let mut after_element = false;
        for node in &self.children {
            match node {
                Node::Text(text) => {
                    out.push_str(text);
                    after_element = false;
                }
                Node::Element(element) if hides(element) => {}
                Node::Element(element) => {
                    if std::mem::replace(&mut after_element, true) {
                        out.push(' ');
                    }
                    element.text_into(out, hides);
                }
            }
        }
    }
}

struct Parser<'t> {
    text: &'t str,
    reader: Reader<&'t [u8]>,
    /// Elements whose end is still to come, the innermost last.
    open: Vec<Element>,
    root: Option<Element>,
    elements: usize,
}

impl Parser<'_> {
    fn run(&mut self) -> Result<(), DecodeError> {
        loop {
            let at = self.at();
            let event = match self.reader.read_event() {
                Ok(event) => event,
                Err(why) => return self.syntax(at, &why),
            };
            match event {
                Event::Start(tag) => {
                    let element = self.element(&tag, at)?;
                    if self.open.len() >= DEEPEST {
                        return self
                            .refuse(at, format!("elements nest deeper than {DEEPEST}; that is no news document"));
                    }
                    self.open.push(element);
                }
                Event::Empty(tag) => {
                    let element = self.element(&tag, at)?;
                    self.close(element);
                }
                Event::End(_) => {
                    // The reader refuses an end without a start.
                    if let Some(element) = self.open.pop() {
                        self.close(element);
                    }
                }
                Event::Text(text) => self.push(&text.xml10_content(), at)?,
                Event::CData(text) => self.push(&text.xml10_content(), at)?,
                Event::GeneralRef(name) => match character(&name) {
                    Some(text) => self.push(&text, at)?,
                    None => return self.unknown_entity(at, &name),
                },
                Event::DocType(declarations) => {
                    if declarations.contains("<!ENTITY") {
                        let problem = "the DOCTYPE declares entities, which are not read here; write the text that they \
                                       stand for in their place";
                        let within = self.text[at..].find("<!ENTITY").unwrap_or(0);
                        return self.refuse(at + within, problem);
                    }
                }
                Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
                Event::Eof => break,
            }
        }
        match self.open.last() {
            Some(element) => {
                self.refuse(self.text.len(), format!("the XML is truncated: <{}> is not closed", element.name))
            }
            None => Ok(()),
        }
    }

    fn at(&self) -> usize {
        usize::try_from(self.reader.buffer_position()).unwrap_or(usize::MAX)
    }

    fn refuse<T>(&self, at: usize, problem: impl Into<String>) -> Result<T, DecodeError> {
        refuse(self.text, at, problem)
    }

    fn element(&mut self, tag: &BytesStart<'_>, at: usize) -> Result<Element, DecodeError> {
        if self.root.is_some() {
            return self.refuse(at, "a second root element; a document has one");
        }
        self.elements += 1;
        if self.elements > MOST_ELEMENTS {
            return self.refuse(at, format!("more than {MOST_ELEMENTS} elements; that is no news document"));
        }
        let mut attributes = Vec::new();
        // Looking for doubles would take quadratic time; the first of them counts.
        for attribute in tag.attributes().with_checks(false) {
            if attributes.len() >= MOST_ATTRIBUTES {
                return self.refuse(at, format!("an element has more than {MOST_ATTRIBUTES} attributes"));
            }
            let attribute = match attribute {
                Ok(attribute) => attribute,
                Err(why) => {
                    return self.refuse(at, format!("not well-formed XML: an attribute of this element: {why}"));
                }
            };
            let name = attribute.key.as_ref().to_owned();
            // White space in an attribute is a space (XML 1.0 §3.3.3); one that is written as a reference stays.
            let spaced = attribute.value.replace(['\t', '\r', '\n'], " ");
            let value = match unescaped(&spaced) {
                Ok(value) => clean(&value),
                Err(Some(entity)) => return self.unknown_entity(at, entity),
                Err(None) => return self.bare_ampersand(at),
            };
            attributes.push((name, value));
        }
        let name = tag.local_name().as_ref().to_owned();
        Ok(Element { name, attributes, children: Vec::new(), at })
    }

    fn close(&mut self, element: Element) {
        match self.open.last_mut() {
            Some(parent) => parent.children.push(Node::Element(element)),
            None => self.root = Some(element),
        }
    }

    /// Text that XML forbids falls away, as it does everywhere in an article.
    fn push(&mut self, text: &str, at: usize) -> Result<(), DecodeError> {
        let Some(parent) = self.open.last_mut() else {
            return match text.trim_start_matches('\u{feff}').trim().is_empty() {
                true => Ok(()),
                false => self.refuse(at, "not well-formed XML: text outside of the root element"),
            };
        };
        match parent.children.last_mut() {
            Some(Node::Text(before)) => before.push_str(&clean(text)),
            Some(Node::Element(_)) | None => parent.children.push(Node::Text(clean(text))),
        }
        Ok(())
    }

    fn unknown_entity<T>(&self, at: usize, name: &str) -> Result<T, DecodeError> {
        self.refuse(at, format!("the entity &{name}; is not known here; write the character itself"))
    }

    fn bare_ampersand<T>(&self, at: usize) -> Result<T, DecodeError> {
        self.refuse(at, "not well-formed XML: a bare \"&\"; write \"&amp;\"")
    }

    fn syntax<T>(&self, at: usize, why: &Error) -> Result<T, DecodeError> {
        let at = usize::try_from(self.reader.error_position()).unwrap_or(at).max(at);
        match why {
            Error::IllFormed(IllFormedError::UnclosedReference) => self.bare_ampersand(at),
            Error::Syntax(why) => self.refuse(at, format!("the XML is truncated: {why}")),
            Error::IllFormed(why) => self.refuse(at, format!("not well-formed XML: {why}")),
            why => self.refuse(at, format!("not well-formed XML: {why}")),
        }
    }
}

/// What `&name;` stands for: a character by its number, or one that HTML has a name for, XML's five among them.
fn character(name: &str) -> Option<String> {
    let Some(number) = name.strip_prefix('#') else {
        let (first, second) = NAMED_ENTITIES.get(&format!("{name};"))?;
        // The table also holds the beginnings of names, which stand for nothing.
        return Some([*first, *second].into_iter().filter(|code| *code != 0).filter_map(char::from_u32).collect())
            .filter(|text: &String| !text.is_empty());
    };
    let code = match number.strip_prefix('x') {
        Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16),
        None => number.parse(),
    };
    // A character that XML forbids falls away later.
    code.ok().and_then(char::from_u32).map(String::from)
}

/// The value of an attribute. The error is the entity that is not known, or nothing for a `&` that begins none.
fn unescaped(raw: &str) -> Result<String, Option<&str>> {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((before, after)) = rest.split_once('&') {
        let (name, after) = after.split_once(';').ok_or(None)?;
        if !name.trim_start_matches('#').chars().all(char::is_alphanumeric) {
            return Err(None);
        }
        out.push_str(before);
        out.push_str(&character(name).ok_or(Some(name))?);
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}
