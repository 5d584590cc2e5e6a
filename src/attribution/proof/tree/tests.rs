//! That the tree, and what is read from it, is what scraper makes of the same bytes, whatever they are.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use scraper::{ElementRef, Html, Node};

use super::*;
use crate::attribution::proof::html::{is_closed, is_dot, is_inline, is_unseen, seen};
use crate::attribution::proof::seen::{Mode, Passages, fold};
use crate::attribution::proof::style::hides;

/// A tree in lines: how deep, and what. Texts next to each other are one.
#[derive(Debug, Default, PartialEq)]
struct Outline(Vec<(usize, String)>);

impl Outline {
    fn element(&mut self, depth: usize, name: &QualName, attributes: impl Iterator<Item = (String, String)>) {
        let attributes: BTreeMap<String, String> = attributes.collect();
        self.0.push((depth, format!("<{} {}> {attributes:?}", &*name.ns, &*name.local)));
    }

    fn text(&mut self, depth: usize, text: &str) {
        match self.0.last_mut().filter(|last| last.0 == depth && last.1.starts_with('"')) {
            Some((_, before)) => before.push_str(text),
            None => self.0.push((depth, format!("\"{text}"))),
        }
    }
}

fn ours(tree: &Tree) -> Outline {
    let mut outline = Outline::default();
    for id in tree.below(DOCUMENT) {
        let depth = std::iter::successors(tree.node(id).parent, |id| tree.node(*id).parent).count();
        match &tree.node(id).what {
            What::Element(name, attributes) => {
                let attributes = attributes.iter().map(|it| (format!("{:?}", it.name), it.value.to_string()));
                outline.element(depth, name, attributes);
            }
            What::Text(text) => outline.text(depth, text),
            What::Other => {}
        }
    }
    outline
}

fn theirs(html: &Html) -> Outline {
    let mut outline = Outline::default();
    for node in html.tree.root().descendants() {
        let depth = node.ancestors().count();
        match node.value() {
            Node::Element(element) => {
                let attributes = element.attrs.iter().map(|(name, value)| (format!("{name:?}"), value.to_string()));
                outline.element(depth, &element.name, attributes);
            }
            Node::Text(text) => outline.text(depth, text),
            Node::Document | Node::Fragment | Node::Doctype(_) | Node::Comment(_) | Node::ProcessingInstruction(_) => {}
        }
    }
    outline
}

/// What readers see, as scraper's tree has it: passages, links with the passages that they are in, images that have a
/// text, images that have none.
#[derive(Debug, Default, PartialEq)]
struct Shown {
    passages: Vec<(String, String)>,
    links: Vec<(String, usize, String)>,
    shown: Vec<String>,
    mute: Vec<String>,
}

fn seen_in_scrapers(html: &Html) -> Shown {
    let mut shown = Shown::default();
    let mut passages = Passages::along(crate::attribution::proof::seen::Trail::new(Mode::Explain, " > "));
    passages.trail.enter(|| "test".to_owned());
    walk(html.root_element(), &mut passages, &mut shown);
    shown.passages = passages.finish().into_iter().map(|spot| (spot.at, spot.text)).collect();
    shown
}

fn walk(element: ElementRef<'_>, passages: &mut Passages, shown: &mut Shown) {
    let (name, attr) = (element.value().name(), |name| element.value().attr(name));
    if is_unseen(name) || attr("hidden").is_some() || attr("style").is_some_and(hides) {
        return;
    }
    match name {
        "br" => passages.text(" "),
        "img" => {
            let attr = |name| attr(name).unwrap_or_default();
            if [attr("width"), attr("height")].iter().all(|size| !matches!(size.trim(), "0" | "0px")) {
                let is_mute = attr("alt").trim().is_empty() || is_dot(attr("width"), attr("height"));
                let images = if is_mute { &mut shown.mute } else { &mut shown.shown };
                images.push(attr("src").to_owned());
            }
        }
        _ => {
            if !is_inline(name) {
                passages.boundary();
            }
            if name == "a"
                && let Some(href) = attr("href")
            {
                let text = fold(&element.text().collect::<String>());
                shown.links.push((href.to_owned(), passages.number(), text));
            }
            let closed = is_closed(name, attr("open"));
            let mut before: BTreeMap<&str, usize> = BTreeMap::new();
            for child in element.children() {
                if let Some(text) = child.value().as_text().filter(|_| !closed) {
                    passages.text(text);
                } else if let Some(child) = ElementRef::wrap(child) {
                    let name = child.value().name();
                    let number = before.entry(name).or_default();
                    *number += 1;
                    passages.trail.enter(|| format!("{name}:nth-of-type({number})"));
                    if !closed || name == "summary" {
                        walk(child, passages, shown);
                    }
                    passages.trail.leave();
                }
            }
            if !is_inline(name) {
                passages.boundary();
            }
        }
    }
}

fn seen_in_ours(tree: &Tree) -> Shown {
    let view = seen("test", tree, Mode::Explain);
    let images = view.images.unwrap();
    Shown {
        passages: view.passages.into_iter().map(|spot| (spot.at, spot.text)).collect(),
        links: view.links.unwrap().into_iter().map(|link| (link.href, link.passage, link.spot.text)).collect(),
        shown: images.shown.into_iter().map(|spot| spot.text).collect(),
        mute: images.mute.into_iter().map(|spot| spot.text).collect(),
    }
}

fn is_read_as_scraper_does(html: &str) -> Result<(), TestCaseError> {
    for (tree, oracle) in
        [(Tree::of_page(html), Html::parse_document(html)), (Tree::of_fragment(html), Html::parse_fragment(html))]
    {
        prop_assert_eq!(ours(&tree), theirs(&oracle));
        prop_assert_eq!(seen_in_ours(&tree), seen_in_scrapers(&oracle));
        // What is asked of an element by its name is not what it says in another namespace.
        for (ours, theirs) in tree.elements().zip(oracle.tree.root().descendants().filter_map(ElementRef::wrap)) {
            prop_assert!(["href", "rel", "encoding"].iter().all(|name| ours.attr(name) == theirs.attr(name)));
        }
    }
    Ok(())
}

const NAMES: &str = "p p p div a a b b i strong em font nobr span br img hr h1 h2 ul li dl dd table table tbody tr td th caption \
    colgroup col select option optgroup form button input details summary template frameset frame html head body \
    title meta link base pre ruby rt svg math mi desc foreignObject applet marquee object figure image center \
    address dialog my-name x";

/// Elements that have the tokenizer read what follows in another way.
const RAW: &str = "script style textarea xmp iframe noembed noframes noscript plaintext listing";

const TEXTS: &[&str] = &[
    "By Ada",
    " ",
    "\n",
    "  two  spaces ",
    "\u{a0}",
    "“quoted”",
    "=",
    "\"",
    "'",
    ">",
    "/>",
    "]]>",
    "&amp;",
    "&lt;p&gt;",
    "&quot;",
    "&#39;",
    "&apos;",
    "&#91;",
    "&#10;",
    "&#126;",
    "&#0060;",
    "x",
];

const ODD_TEXTS: &[&str] = &[
    "\r",
    "\r\n",
    "\0",
    "&",
    "&amp",
    "&ampx",
    "&copy;",
    "&notin;",
    "&notit;",
    "&#x41;",
    "&#13;",
    "&#128;",
    "&#+65;",
    "&#65",
    "&#;",
    "&#0;",
    "&#x80;",
    "&#xd800;",
    "<",
    "< p>",
    "</",
    "</ p>",
    "<!-- By Ada -->",
    "<!--",
    "-->",
    "<!-->",
    "<!---->",
    "<![CDATA[By Ada]]>",
    "<?php x ?>",
    "<!DOCTYPE html>",
    "<!doctype html SYSTEM 'x'>",
    "<",
    "\u{feff}",
    "</>",
    "<p",
    "<p a='",
    "\u{c}",
    "\t",
];

fn plain_attribute() -> impl Strategy<Value = String> {
    let names =
        select(&["href", "src", "alt", "class", "width", "height", "open", "hidden", "rel", "data-src", "type"][..]);
    let values =
        select(&["", "https://x.example/?a=1&amp;b=2", "0", "1", "1px", "By Ada", " a  b ", "hidden", "“", "<b>"][..]);
    let style = select(&["display:none", "color: red", "left:-9999px; position:absolute", "opacity: 0"][..]);
    let style = style.prop_map(|style| format!(" style=\"{style}\""));
    prop_oneof![4 => (names, values).prop_map(|(name, value)| format!(" {name}=\"{value}\"")), 1 => style]
}

fn odd_attribute() -> impl Strategy<Value = String> {
    let odd = &[
        " hidden",
        " HIDDEN=''",
        " href=x",
        " href='a\"b'",
        " a=\"&ampx\" b",
        "  class = \"x\"",
        "/",
        "\nid=\"x\"",
        " =x",
        " a=1 a=2",
        " a=\"1\" a=\"2\"",
        " style=display:none",
        "\t",
        " encoding=\"x\"",
        " xlink:href=\"x\"",
        " a=\"\"b=\"\"",
        " definitionurl=\"x\"",
        " /x",
        " <p",
        " a=\"\r\n\"",
        " a=\"&copy;\"",
        " a=\"&ltx\"",
    ];
    select(&odd[..]).prop_map(str::to_owned)
}

fn tag(names: &'static str, attributes: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    let names: Vec<&str> = names.split(' ').collect();
    let start = (select(names.clone()), vec(attributes, 0..3), select(&["", "", "", "/", " /"][..]));
    let start = start.prop_map(|(name, attributes, end)| format!("<{name}{}{end}>", attributes.concat()));
    prop_oneof![3 => start, 2 => select(names).prop_map(|name| format!("</{name}>"))]
}

/// Markup as it is meant to be written, though elements are not closed where they should be.
fn plain() -> impl Strategy<Value = String> {
    let text = select(TEXTS).prop_map(str::to_owned);
    let part = prop_oneof![3 => tag(NAMES, plain_attribute()), 2 => text];
    (select(&["", "", "<!DOCTYPE html>"][..]), vec(part, 0..40))
        .prop_map(|(start, parts)| start.to_owned() + &parts.concat())
}

/// Anything.
fn hostile() -> impl Strategy<Value = String> {
    let attribute = || prop_oneof![plain_attribute(), odd_attribute()];
    let capitals = (tag(NAMES, attribute()), any::<bool>());
    let capitals = capitals.prop_map(|(tag, is_shouted)| if is_shouted { tag.to_uppercase() } else { tag });
    let part = prop_oneof![
        6 => tag(NAMES, plain_attribute()),
        3 => capitals,
        2 => tag(RAW, attribute()),
        4 => select(TEXTS).prop_map(str::to_owned),
        3 => select(ODD_TEXTS).prop_map(str::to_owned),
        1 => "[ -~“\\t\\r\\n\\x00]{0,8}",
    ];
    vec(part, 0..40).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn plain_markup_is_read_as_scraper_does(html in plain()) {
        is_read_as_scraper_does(&html)?;
    }

    #[test]
    fn hostile_markup_is_read_as_scraper_does(html in hostile()) {
        is_read_as_scraper_does(&html)?;
    }

    #[test]
    fn markup_with_one_byte_wrong_is_read_as_scraper_does(html in plain(), at in any::<prop::sample::Index>(), byte in "[ -~\\x00\\n\\r“]") {
        let mut at = at.index(html.len() + 1);
        while !html.is_char_boundary(at) {
            at -= 1;
        }
        let skipped = html[at..].chars().next().map_or(0, char::len_utf8);
        is_read_as_scraper_does(&format!("{}{byte}{}", &html[..at], &html[at..]))?;
        is_read_as_scraper_does(&format!("{}{byte}{}", &html[..at], &html[at + skipped..]))?;
        is_read_as_scraper_does(&html[..at])?;
    }
}

#[test]
fn what_is_written_as_it_is_meant_is_plain() {
    for html in [
        "",
        "By Ada",
        "<p>By <strong>Ada</strong> &amp; <a href=\"https://x.example/?a=1&amp;b=2\" rel=\"license\">Jo</a><br/></p>",
        "<ul><li>“one”</li></ul><figure><img src=\"a\" alt=\"\" /></figure>",
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>A &lt;b&gt;</title></head><body></body></html>",
    ] {
        assert!(is_plain(html), "{html}");
    }
    let odd = r#"
        <P> | <p > | <p a> | <p a=b> | <p a='b'> | <p a="b"c="d"> | <p a="b" a="c"> | <p  a="b">
        <p a="&b"> | <p a="&copy;"> | </p > | </p a="b"> | </p/> | <p | < | a < b | & | &amp | &copy;
        &#x27; | &#128; | &#13; | &#+39; | &#; | <!-- a --> | <!doctype html> | <br/ > | <1> | <-a>
        <p a="b> | <script></script> | <style></style> | <plaintext> | <textarea><b></textarea>
        <title>a</titles></title>
    "#;
    let odd = odd.lines().flat_map(|line| line.trim().split(" | ")).filter(|html| !html.is_empty());
    for html in odd.chain(["<p\n>", "a\rb", "a\0b", "\u{feff}a"]) {
        assert!(!is_plain(html), "{html}");
    }
}

#[test]
fn what_is_tried_as_plain_mostly_is() {
    let mut runner = TestRunner::deterministic();
    let tried = (0..200).map(|_| plain().new_tree(&mut runner).expect("nothing is filtered out").current());
    let plain = tried.filter(|html| is_plain(html)).count();
    assert!(plain >= 100, "only {plain} of 200 are read the short way");
}

/// The standard keeps within the formula what scraper's tree lets out of it.
#[test]
fn html_in_a_formula_is_not_seen() {
    let html = "<p>one</p><math><annotation-xml encoding=\"Text/HTML\"><p>By Ada</p></annotation-xml></math>";
    let passages = |html| seen_in_ours(&Tree::of_fragment(html)).passages.into_iter().map(|(_, text)| text);
    assert_eq!(passages(html).collect::<Vec<_>>(), ["one"]);
    assert!(passages(&html.replace("Text/HTML", "x")).any(|text| text == "By Ada"), "a browser shows that");
}

/// On a stack as small as a thread may have.
#[test]
fn markup_without_end_takes_no_stack() {
    let deep = ["<div>", "<b>", "<a href=\"x\"><div>", "<div x>", "<template>", "<svg>", "<table><tr><td>"];
    let read = move || {
        for open in deep {
            let html = open.repeat(3_000) + "By Ada";
            for tree in [Tree::of_page(&html), Tree::of_fragment(&html)] {
                assert!(tree.elements().count() >= 3_000);
                assert!(tree.root().unwrap().text().ends_with("By Ada"), "{open}");
                let _ = seen("test", &tree, Mode::Explain);
            }
        }
    };
    std::thread::Builder::new().stack_size(1 << 20).spawn(read).unwrap().join().unwrap();
}
