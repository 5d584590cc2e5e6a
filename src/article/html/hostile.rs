//! Input that is made to hurt. Each would take minutes, or all memory, if the work grew faster than the input; with
//! work in proportion each takes a moment even in a debug build.

use super::tests::depth;
use super::*;
use crate::article::body::DEEPEST;

const MANY: usize = 200_000;

/// Parses and drops `html`; the tree must stay shallow.
fn survives(what: &str, html: &str) -> Body {
    let body = parse(html);
    assert!(depth(&body.blocks) <= DEEPEST, "{what} goes too deep");
    body
}

#[test]
fn tags_that_nobody_closes() {
    for tag in ["div", "b", "a href=https://x.org/", "table"] {
        survives(tag, &format!("<{tag}>").repeat(MANY));
    }
    for tag in ["ul", "li", "blockquote", "td", "p", "figure", "q", "template", "h1", "pre", "dl", "table", "b", "div"]
    {
        survives(tag, &format!("<{tag}>x").repeat(MANY / 10));
    }
}

#[test]
fn tags_that_nobody_opened() {
    for tag in ["div", "b", "a", "table", "ul", "li", "blockquote", "td", "p", "figure"] {
        survives(tag, &format!("</{tag}>").repeat(MANY / 10));
        survives(tag, &(format!("<{tag}>").repeat(MANY / 10) + &format!("</{tag}>").repeat(MANY / 10)));
    }
}

#[test]
fn tags_that_cross() {
    survives("marks", &"<b><i><u></b><sub></i>x<p></u>".repeat(MANY / 8));
    survives("containers", &"<ul><blockquote><ol></ul><li>x</blockquote>".repeat(MANY / 8));
    survives("tables", &"<table><tr><td><ul><table>x</td></ul>".repeat(MANY / 8));
    let towers = ["ul", "blockquote"].map(|tag| format!("<{tag}>").repeat(MANY / 2)).concat();
    survives("towers", &(towers + &"</blockquote>x</ul>y".repeat(MANY / 4)));
}

#[test]
fn lifted_text_stays() {
    let body = survives(
        "list",
        &("<ul><li>a<table><tr><td>b</table><b>c</b>".repeat(100) + "</ul>".repeat(100).as_str() + "d"),
    );
    let letters: String = body.text().split_whitespace().collect();
    assert_eq!(letters, "abc".repeat(100) + "d");
    assert_eq!(body.blocks.len(), 2, "as many lists are closed as were opened");
}

#[test]
fn a_tree_as_deep_as_may_be_survives_the_ledger() {
    let marks = "<a href=https://x.org/><b><i><u><sub><sup>";
    let body = survives("all", &format!("{}<table><tr><td>{marks}x", "<ul><li>".repeat(DEEPEST)));
    assert!(depth(&body.blocks) > DEEPEST / 2);
    let json = serde_json::to_string(&body).unwrap();
    assert_eq!(serde_json::from_str::<Body>(&json).unwrap(), body);
}

#[test]
fn a_tag_of_many_attributes() {
    let attributes: String = (0..500_000).map(|n| format!(" a{n}")).collect();
    let body = survives("attributes", &format!("<p{attributes}>text</p{attributes}>"));
    assert_eq!(body.text(), "text");
    survives("in a raw end tag", &format!("<title>t</title{attributes}>text"));
    survives("that never ends", &format!("<a{attributes}"));
}

#[test]
fn a_link_that_goes_on_is_not_copied_without_end() {
    let href = format!("https://x.org/{}", "a".repeat(8_000));
    let body = survives("link", &format!("<a href={href}>{}", "<p>x".repeat(MANY)));
    let addresses: usize = body
        .blocks
        .iter()
        .map(|block| match block {
            Block::Paragraph(children) => match &children[..] {
                [Inline::Link { href, .. }] => href.len(),
                _ => 0,
            },
            _ => 0,
        })
        .sum();
    assert!(addresses < 1_000_000, "{addresses} bytes of addresses");
    assert_eq!(body.text().matches('x').count(), MANY);
}

#[test]
fn megabytes_of_anything() {
    for part in
        ["<!--", "<!-- -", "<!---->", "--", "<!", "</", "<", "&", "&amp", "&#", "&#x41", "<br>", "<hr>", "\"'", "</x"]
    {
        survives(part, &part.repeat(400_000 / part.len()));
        survives(part, &format!("<title>{}", part.repeat(400_000 / part.len())));
    }
    survives("a name", &format!("<{}", "x".repeat(2_000_000)));
    survives("a value", &format!("<img src='data:{}' alt=a>", "x".repeat(2_000_000)));
    survives("a word", &"x".repeat(5_000_000));
}
