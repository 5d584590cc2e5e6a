//! Where html5ever's tree builder puts what it builds.

use std::borrow::Cow;
use std::cell::{Ref, RefCell};
use std::num::NonZeroU32;

use html5ever::interface::{ElementFlags, NodeOrText, QuirksMode, TreeSink};
use html5ever::tendril::StrTendril;
use html5ever::{Attribute, QualName};

use super::{DOCUMENT, Id, Node, Tree, What};

/// Bytes of an ordinary article to a node of it.
const BYTES_A_NODE: usize = 24;

/// The list while html5ever builds.
pub struct Sink(RefCell<Tree>);

impl Sink {
    pub fn for_text(html: &str) -> Self {
        let mut tree = Tree { nodes: Vec::with_capacity(html.len() / BYTES_A_NODE + 8) };
        tree.add(What::Other);
        Self(RefCell::new(tree))
    }
}

impl Tree {
    fn node_mut(&mut self, id: Id) -> &mut Node {
        &mut self.nodes[id.index()]
    }

    fn add(&mut self, what: What) -> Id {
        self.nodes.push(Node { parent: None, first: None, last: None, before: None, after: None, what });
        // A list of more nodes than this has numbers for would take some hundred gigabytes.
        let number = u32::try_from(self.nodes.len()).ok().and_then(NonZeroU32::new);
        Id(number.unwrap_or(NonZeroU32::MAX))
    }

    fn add_child(&mut self, child: NodeOrText<Id>) -> Id {
        match child {
            NodeOrText::AppendNode(id) => {
                self.detach(id);
                id
            }
            NodeOrText::AppendText(text) => self.add(What::Text(text)),
        }
    }

    /// Makes the node at `id` the last child of `parent`.
    fn append(&mut self, parent: Id, id: Id) {
        let before = self.node_mut(parent).last.replace(id);
        let node = self.node_mut(id);
        (node.parent, node.before) = (Some(parent), before);
        match before {
            Some(before) => self.node_mut(before).after = Some(id),
            None => self.node_mut(parent).first = Some(id),
        }
    }

    /// Puts the node at `id` before `sibling`, which has a parent.
    fn insert(&mut self, parent: Id, sibling: Id, id: Id) {
        let before = self.node_mut(sibling).before.replace(id);
        let node = self.node_mut(id);
        (node.parent, node.before, node.after) = (Some(parent), before, Some(sibling));
        match before {
            Some(before) => self.node_mut(before).after = Some(id),
            None => self.node_mut(parent).first = Some(id),
        }
    }

    fn detach(&mut self, id: Id) {
        let node = self.node_mut(id);
        let Some(parent) = node.parent.take() else { return };
        let (before, after) = (node.before.take(), node.after.take());
        match before {
            Some(before) => self.node_mut(before).after = after,
            None => self.node_mut(parent).first = after,
        }
        match after {
            Some(after) => self.node_mut(after).before = before,
            None => self.node_mut(parent).last = before,
        }
    }
}

impl TreeSink for Sink {
    type Handle = Id;
    type Output = Tree;
    type ElemName<'a> = Ref<'a, QualName>;

    fn finish(self) -> Tree {
        self.0.into_inner()
    }

    fn parse_error(&self, _: Cow<'static, str>) {}

    fn set_quirks_mode(&self, _: QuirksMode) {}

    fn get_document(&self) -> Id {
        DOCUMENT
    }

    fn same_node(&self, one: &Id, other: &Id) -> bool {
        one == other
    }

    fn elem_name<'a>(&'a self, id: &'a Id) -> Ref<'a, QualName> {
        Ref::map(self.0.borrow(), |tree| match &tree.node(*id).what {
            What::Element(name, _) => name,
            // The tree builder asks for the names of elements alone.
            What::Text(_) | What::Other => unreachable!("only an element has a name"),
        })
    }

    fn create_element(&self, name: QualName, attributes: Vec<Attribute>, flags: ElementFlags) -> Id {
        let mut tree = self.0.borrow_mut();
        let id = tree.add(What::Element(name, attributes));
        if flags.template {
            let contents = tree.add(What::Other);
            tree.append(id, contents);
        }
        id
    }

    fn create_comment(&self, _: StrTendril) -> Id {
        self.0.borrow_mut().add(What::Other)
    }

    fn create_pi(&self, _: StrTendril, _: StrTendril) -> Id {
        self.0.borrow_mut().add(What::Other)
    }

    fn append_doctype_to_document(&self, _: StrTendril, _: StrTendril, _: StrTendril) {}

    fn append(&self, parent: &Id, child: NodeOrText<Id>) {
        let mut tree = self.0.borrow_mut();
        let id = tree.add_child(child);
        tree.append(*parent, id);
    }

    fn append_before_sibling(&self, sibling: &Id, child: NodeOrText<Id>) {
        let mut tree = self.0.borrow_mut();
        let id = tree.add_child(child);
        if let Some(parent) = tree.node(*sibling).parent {
            tree.insert(parent, *sibling, id);
        }
    }

    fn append_based_on_parent_node(&self, element: &Id, before: &Id, child: NodeOrText<Id>) {
        let has_parent = self.0.borrow().node(*element).parent.is_some();
        if has_parent { self.append_before_sibling(element, child) } else { self.append(before, child) }
    }

    fn get_template_contents(&self, template: &Id) -> Id {
        // They were made together.
        template.next()
    }

    fn add_attrs_if_missing(&self, id: &Id, more: Vec<Attribute>) {
        if let What::Element(_, attributes) = &mut self.0.borrow_mut().node_mut(*id).what {
            for attribute in more {
                if attributes.iter().all(|it| it.name != attribute.name) {
                    attributes.push(attribute);
                }
            }
        }
    }

    fn remove_from_parent(&self, id: &Id) {
        self.0.borrow_mut().detach(*id);
    }

    fn reparent_children(&self, from: &Id, to: &Id) {
        let mut tree = self.0.borrow_mut();
        let mut next = tree.node(*from).first;
        while let Some(id) = next {
            next = tree.node(id).after;
            tree.detach(id);
            tree.append(*to, id);
        }
    }

    /// HTML within a formula stays there, where nobody sees it.
    fn is_mathml_annotation_xml_integration_point(&self, id: &Id) -> bool {
        let tree = self.0.borrow();
        let encoding = tree.element(*id).and_then(|element| element.attr("encoding")).unwrap_or_default();
        ["text/html", "application/xhtml+xml"].iter().any(|html| encoding.eq_ignore_ascii_case(html))
    }
}
