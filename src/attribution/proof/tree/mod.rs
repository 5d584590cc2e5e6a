//! HTML as the HTML standard's tree builder makes it of any bytes, kept for one reading.
//!
//! html5ever builds; what it builds is one list of nodes, in which texts are slices of the document and attributes are
//! as they came. A text may be in several nodes next to each other, and nothing is ever taken out of the list. Plain
//! markup is cut into tokens here ([`plain`]), any other by html5ever. Scraper makes the same tree, which the tests
//! compare, at three times the cost: it can also be searched by selectors and written again, and a proof does neither.

mod plain;
mod sink;
#[cfg(test)]
mod tests;

use std::num::NonZeroU32;

use html5ever::driver::{ParseOpts, parse_document, parse_fragment};
use html5ever::tendril::{StrTendril, TendrilSink};
use html5ever::tree_builder::{TreeBuilder, TreeBuilderOpts, TreeSink, create_element};
use html5ever::{Attribute, QualName, local_name, ns};

use plain::NotPlain;
use sink::Sink;

/// A document, or the article alone.
pub struct Tree {
    nodes: Vec<Node>,
}

/// The number of a node in the list, from one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Id(NonZeroU32);

struct Node {
    parent: Option<Id>,
    /// The first and the last child.
    first: Option<Id>,
    last: Option<Id>,
    /// The siblings on both sides.
    before: Option<Id>,
    after: Option<Id>,
    what: What,
}

enum What {
    Element(QualName, Vec<Attribute>),
    Text(StrTendril),
    /// The document itself, a comment, the contents of a template.
    Other,
}

/// An element in its tree.
#[derive(Clone, Copy)]
pub struct Element<'t> {
    tree: &'t Tree,
    id: Id,
    name: &'t QualName,
    attributes: &'t [Attribute],
}

/// What an element has in it.
pub enum Child<'t> {
    Element(Element<'t>),
    Text(&'t str),
}

impl Tree {
    /// Reads a whole page.
    pub fn of_page(html: &str) -> Self {
        Self::of_plain_page(html)
            .unwrap_or_else(|NotPlain| parse_document(Sink::for_text(html), ParseOpts::default()).one(html))
    }

    fn of_plain_page(html: &str) -> Result<Self, NotPlain> {
        let builder = TreeBuilder::new(Sink::for_text(html), TreeBuilderOpts::default());
        plain::tokens(html, &builder)?;
        Ok(builder.sink.finish())
    }

    /// Reads what is to stand in the body of a page.
    pub fn of_fragment(html: &str) -> Self {
        Self::of_plain_fragment(html).unwrap_or_else(|NotPlain| {
            parse_fragment(Sink::for_text(html), ParseOpts::default(), body(), Vec::new(), false).one(html)
        })
    }

    fn of_plain_fragment(html: &str) -> Result<Self, NotPlain> {
        let sink = Sink::for_text(html);
        let within = create_element(&sink, body(), Vec::new());
        let builder = TreeBuilder::new_for_fragment(sink, within, None, TreeBuilderOpts::default());
        plain::tokens(html, &builder)?;
        Ok(builder.sink.finish())
    }

    /// All elements, each before those in it.
    pub fn elements(&self) -> impl Iterator<Item = Element<'_>> {
        self.below(DOCUMENT).filter_map(|id| self.element(id))
    }

    /// The `html` element, which every page and every fragment has.
    pub fn root(&self) -> Option<Element<'_>> {
        self.children(DOCUMENT).find_map(|id| self.element(id))
    }

    fn element(&self, id: Id) -> Option<Element<'_>> {
        match &self.node(id).what {
            What::Element(name, attributes) => Some(Element { tree: self, id, name, attributes }),
            What::Text(_) | What::Other => None,
        }
    }

    fn children(&self, id: Id) -> impl Iterator<Item = Id> {
        std::iter::successors(self.node(id).first, |id| self.node(*id).after)
    }

    /// All nodes in the one at `top`, in the order of the document.
    fn below(&self, top: Id) -> impl Iterator<Item = Id> {
        let next = move |id: &Id| {
            let mut at = *id;
            if let Some(child) = self.node(at).first {
                return Some(child);
            }
            while at != top {
                let node = self.node(at);
                match node.after {
                    Some(after) => return Some(after),
                    None => at = node.parent?,
                }
            }
            None
        };
        std::iter::successors(self.node(top).first, next)
    }

    fn node(&self, id: Id) -> &Node {
        &self.nodes[id.index()]
    }
}

impl<'t> Element<'t> {
    pub fn name(self) -> &'t str {
        &self.name.local
    }

    pub fn attr(self, name: &str) -> Option<&'t str> {
        attr(self.attributes, name)
    }

    pub fn id(self) -> Id {
        self.id
    }

    /// The names of its attributes.
    pub fn attributes(self) -> impl Iterator<Item = &'t str> {
        self.attributes.iter().map(|attribute| &*attribute.name.local)
    }

    /// The elements and texts in it, without comments and without what a template holds back.
    pub fn children(self) -> impl Iterator<Item = Child<'t>> {
        self.tree.children(self.id).filter_map(move |id| match &self.tree.node(id).what {
            What::Element(name, attributes) => Some(Child::Element(Element { tree: self.tree, id, name, attributes })),
            What::Text(text) => Some(Child::Text(text)),
            What::Other => None,
        })
    }

    /// All text in it.
    pub fn text(self) -> String {
        let text = |id| match &self.tree.node(id).what {
            What::Text(text) => Some(&**text),
            What::Element(..) | What::Other => None,
        };
        self.tree.below(self.id).filter_map(text).collect()
    }
}

fn attr<'a>(attributes: &'a [Attribute], name: &str) -> Option<&'a str> {
    let found = attributes.iter().find(|it| it.name.ns == ns!() && *it.name.local == *name);
    found.map(|attribute| &*attribute.value)
}

/// Whether a page, or a fragment, is read the short way.
#[cfg(test)]
pub fn is_plain(html: &str) -> bool {
    if html.starts_with("<!") { Tree::of_plain_page(html).is_ok() } else { Tree::of_plain_fragment(html).is_ok() }
}

fn body() -> QualName {
    QualName::new(None, ns!(html), local_name!("body"))
}

const DOCUMENT: Id = Id(NonZeroU32::MIN);

impl Id {
    fn index(self) -> usize {
        self.0.get() as usize - 1
    }

    /// The node that was made right after this one.
    fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}
