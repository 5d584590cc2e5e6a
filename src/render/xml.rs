//! The little of XML that the formats need: elements, attributes that are left out when there is nothing to say, and
//! text without the characters that XML forbids.

use std::io::Result;

use quick_xml::Writer;
use quick_xml::escape::partial_escape;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};

use crate::article::clean;

/// Attributes in the order they are written. One without a value, or with a blank one, is left out: an empty
/// `NMTOKEN` is invalid, and an empty text says nothing.
pub type Attributes<'a> = &'a [(&'a str, Option<&'a str>)];

pub struct Xml {
    out: Writer<Vec<u8>>,
}

impl Xml {
    /// A document in UTF-8 with its declaration.
    pub fn document() -> Result<Self> {
        Self::declared("UTF-8")
    }

    /// A document that says it is in `encoding`. What is written is UTF-8 all the same, and still to be encoded.
    pub fn declared(encoding: &str) -> Result<Self> {
        let mut out = Writer::new(Vec::new());
        out.write_event(Event::Decl(BytesDecl::new("1.0", Some(encoding), None)))?;
        let mut xml = Self { out };
        xml.line_end()?;
        Ok(xml)
    }

    pub fn into_bytes(self) -> Vec<u8> {
        self.out.into_inner()
    }

    /// The document type, by its public identifier; neither of the two may have a quote in it.
    pub fn doctype(&mut self, root: &str, public: &str, system: &str) -> Result<()> {
        let doctype = format!("{root} PUBLIC \"{public}\" \"{system}\"");
        self.out.write_event(Event::DocType(BytesText::from_escaped(doctype)))?;
        self.line_end()
    }

    pub fn element(
        &mut self,
        name: &str,
        attributes: Attributes<'_>,
        inner: impl FnOnce(&mut Self) -> Result<()>,
    ) -> Result<()> {
        self.out.write_event(Event::Start(start(name, attributes)))?;
        inner(self)?;
        self.out.write_event(Event::End(BytesEnd::new(name)))
    }

    pub fn empty(&mut self, name: &str, attributes: Attributes<'_>) -> Result<()> {
        self.out.write_event(Event::Empty(start(name, attributes)))
    }

    /// An element with nothing in it but text.
    pub fn leaf(&mut self, name: &str, attributes: Attributes<'_>, text: &str) -> Result<()> {
        self.element(name, attributes, |xml| xml.text(text))
    }

    /// Escaped as far as text needs it: some receivers do not know `&apos;`.
    pub fn text(&mut self, text: &str) -> Result<()> {
        self.out.write_event(Event::Text(BytesText::from_escaped(partial_escape(clean(text)))))
    }

    /// Markup that is well-formed by itself, such as the body as HTML.
    pub fn raw(&mut self, markup: &str) -> Result<()> {
        self.out.write_event(Event::Text(BytesText::from_escaped(markup)))
    }

    /// For people; only where white space means nothing.
    pub fn line_end(&mut self) -> Result<()> {
        self.text("\n")
    }
}

fn start<'a>(name: &'a str, attributes: Attributes<'_>) -> BytesStart<'a> {
    let mut start = BytesStart::new(name);
    for (name, value) in attributes {
        let value = clean(value.unwrap_or_default());
        if !value.trim().is_empty() {
            start.push_attribute((*name, &*value));
        }
    }
    start
}
