//! What the readers of XML share. Names are compared without their namespace, as most receivers do.

use roxmltree::Node;

use super::{Mode, Spot, fold};

pub fn is(node: Node<'_, '_>, name: &str) -> bool {
    node.is_element() && node.tag_name().name() == name
}

/// The elements at `path` below `node`.
pub fn all<'a, 'i>(node: Node<'a, 'i>, path: &[&str]) -> Vec<Node<'a, 'i>> {
    let Some((name, rest)) = path.split_first() else { return vec![node] };
    node.children().filter(|child| is(*child, name)).flat_map(|child| all(child, rest)).collect()
}

/// What the elements at `path` below `node` say.
pub fn texts(node: Node<'_, '_>, path: &[&str], mode: Mode) -> Vec<Spot> {
    all(node, path).into_iter().map(|node| text(node, mode)).collect()
}

pub fn text(node: Node<'_, '_>, mode: Mode) -> Spot {
    Spot { at: place(node, mode), text: fold(&words(node)) }
}

/// All text in `node`. Comments are none.
pub fn words(node: Node<'_, '_>) -> String {
    node.descendants().filter(Node::is_text).filter_map(|node| node.text()).collect()
}

/// What `node` says in an attribute.
pub fn attribute(node: Node<'_, '_>, name: &str, mode: Mode) -> Option<Spot> {
    let at = if mode == Mode::Explain { format!("{}/@{name}", path(node)) } else { String::new() };
    Some(Spot { at, text: node.attribute(name)?.to_owned() })
}

/// The XPath of an element where somebody wants to know it.
pub fn place(node: Node<'_, '_>, mode: Mode) -> String {
    if mode == Mode::Explain { path(node) } else { String::new() }
}

/// The XPath of an element, names without their namespace.
pub fn path(node: Node<'_, '_>) -> String {
    let mut steps: Vec<String> = node.ancestors().filter(Node::is_element).map(step).collect();
    steps.reverse();
    format!("/{}", steps.join("/"))
}

pub fn step(node: Node<'_, '_>) -> String {
    let name = node.tag_name().name();
    let same = |other: &Node<'_, '_>| is(*other, name);
    let before = node.prev_siblings().skip(1).filter(same).count();
    let alone = before == 0 && !node.next_siblings().skip(1).any(|other| same(&other));
    if alone { name.to_owned() } else { format!("{name}[{}]", before + 1) }
}
