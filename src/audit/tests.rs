//! Pages as themes make them, good ones and broken ones.

use super::*;
use crate::article::Inline;
use crate::attribution::media;
use crate::attribution::sample::{article, own, wire};
use crate::config::{Edition, Format, Terms};
use crate::render::rendition;

/// A page as a theme would make it of what it was sent.
fn page(wire: &Wire, change: impl Fn(String) -> String) -> String {
    let document = rendition(&article(), &own(wire.clone()), &Edition::plain(Format::Json)).unwrap().document;
    let document: serde_json::Value = serde_json::from_slice(document.bytes()).unwrap();
    let body = document["body_html"].as_str().unwrap();
    // What WordPress's wptexturize does to text.
    let body = body.replace(" -- ", " &#8212; ").replace("...", "&#8230;").replace("'s", "&#8217;s");
    change(format!(
        r##"<!DOCTYPE html><html lang="en"><head><title>{headline} &#8211; Island Post</title>
<link rel="canonical" href="https://island-post.example/2026/ferry">
<style>.x{{}}</style><script>var a = "By nobody";</script></head><body class="single">
<header><a href="#content">Skip to content</a><p class="site-title"><a href="/">Island Post</a></p>
<img src="/logo.svg" alt="Island Post"></header>
<nav><ul><li><a href="/news">News</a></li></ul></nav>
<main id="content"><h1 class="entry-title">{headline}</h1><div class="entry-content">{body}</div></main>
<footer><p>Proudly powered by a content management system</p></footer></body></html>"##,
        headline = article().headline,
    ))
}

fn findings(html: &str, wire: &Wire) -> Findings {
    let policies = own(wire.clone());
    let mut attribution = Attribution::resolve(&article(), &policies, &Edition::plain(Format::Json)).unwrap();
    attribution.credit_media(&media::sift(&article(), wire));
    audit(html, &article(), &attribution, wire)
}

#[test]
fn a_page_with_everything_has_no_breach() {
    let wire = wire();
    let found = findings(&page(&wire, |html| html), &wire);
    assert_eq!(found.breaches, [] as [&str; 0]);
    assert_eq!(found.text.kept, found.text.paragraphs);
    assert!(found.headline.kept);
    let places: Vec<String> = found
        .elements
        .iter()
        .map(|element| format!("{}: {}", element.name, element.found.as_ref().map_or("", |found| found.at.as_str())))
        .collect();
    insta::assert_snapshot!(places.join("\n"), @"
    logo: body:nth-of-type(1) > main:nth-of-type(1) > div:nth-of-type(1) > div:nth-of-type(1) > figure:nth-of-type(1) > img:nth-of-type(1)
    byline: body:nth-of-type(1) > main:nth-of-type(1) > div:nth-of-type(1) > div:nth-of-type(1) > p:nth-of-type(1)
    affiliation: body:nth-of-type(1) > main:nth-of-type(1) > div:nth-of-type(1) > div:nth-of-type(1) > p:nth-of-type(1)
    licence: body:nth-of-type(1) > main:nth-of-type(1) > div:nth-of-type(1) > div:nth-of-type(1) > p:nth-of-type(2) > a:nth-of-type(1)
    contact: body:nth-of-type(1) > main:nth-of-type(1) > div:nth-of-type(1) > div:nth-of-type(1) > p:nth-of-type(3)
    ");
}

#[test]
fn a_theme_may_set_the_byline_and_copy_the_logo() {
    let wire = wire();
    let found = findings(
        &page(&wire, |html| {
            html.replace(
                "<p>By Ada Quill, Transport Reporter, <a href=\"https://harborpress.example/\">Harbor Press News Foundation</a></p>",
                "<div class=\"author\"><span>Ada Quill</span></div><div>Harbor Press News Foundation</div>",
            )
            .replace("https://cdn.harborpress.example/logo.png?w=200&amp;h=40", "/wp-content/uploads/2026/11/Logo.png")
        }),
        &wire,
    );
    assert_eq!(found.breaches, [] as [&str; 0]);
}

#[test]
fn every_element_that_is_taken_away_or_hidden_is_missed() {
    let wire = wire();
    let logo = "https://cdn.harborpress.example/logo.png?w=200&amp;h=40";
    let cases: [(&str, &str, &str); 7] = [
        ("logo", &format!("{logo}\" alt=\"Harbor Press News Foundation\""), "/other.png\" alt=\"A harbor\""),
        ("logo", "alt=\"Harbor Press News Foundation\"", "alt=\"\""),
        ("byline", "By Ada Quill", "By staff"),
        ("affiliation", "\">Harbor Press News Foundation</a>", "\">our partners</a>"),
        ("licence", "legitimate news publisher", "publisher"),
        ("contact", ">licensing@harborpress.example<", ">write to us<"),
        ("contact", "<p>Licensing:", "<p style=\"display:none\">Licensing:"),
    ];
    for (name, what, instead) in cases {
        let html = page(&wire, |html| {
            assert!(html.contains(what), "{what}");
            html.replace(what, instead)
        });
        let found = findings(&html, &wire);
        let lacking: Vec<&str> =
            found.elements.iter().filter(|one| one.found.is_none()).map(|one| one.name.as_str()).collect();
        assert!(lacking.contains(&name), "{what} → {instead}: {lacking:?}");
        assert!(!found.breaches.is_empty());
    }
    let hidden = page(&wire, |html| html.replace("<div class=\"attribution\">", "<div class=\"attribution\" hidden>"));
    assert_eq!(findings(&hidden, &wire).breaches.len(), 5);
}

#[test]
fn what_may_be_changed_is_the_wires_to_say() {
    let sent = "The Port Aren Harbor Council voted 7-2 on Tuesday to reopen the";
    let mut wire = wire();
    let another = |html: String| {
        assert!(html.contains(sent), "{html}");
        html.replace(sent, "By seven votes to two councillors decided this week to bring back the")
            .replace(&article().headline, "Ferry is back")
    };
    let breaches = |wire: &Wire| findings(&page(wire, another), wire).breaches;

    wire.edits = Edits::Free;
    assert_eq!(breaches(&wire), [] as [&str; 0]);
    wire.keep_headline = true;
    assert_eq!(breaches(&wire), ["the headline was changed, which the wire does not allow"]);
    wire.keep_headline = false;
    wire.edits = Edits::Style;
    assert_eq!(breaches(&wire).len(), 1, "{:?}", breaches(&wire));
    wire.edits = Edits::None;
    assert_eq!(breaches(&wire).len(), 2, "{:?}", breaches(&wire));
}

#[test]
fn a_cut_is_missed_where_it_is_not_allowed() {
    let mut wire = wire();
    let first = article().body.blocks.iter().find_map(|block| match block {
        crate::article::Block::Paragraph(inlines) => match inlines.as_slice() {
            [Inline::Text(text), ..] => Some(text.clone()),
            _ => None,
        },
        _ => None,
    });
    let first = first.expect("the sample begins with text");
    let cut = |html: String| html.replace(first.trim(), "");
    wire.edits = Edits::Shorten;
    let found = findings(&page(&wire, cut), &wire);
    assert_eq!(found.breaches, [] as [&str; 0]);
    assert_eq!(found.text.missing.len() + found.text.changed.len(), 1);
    wire.edits = Edits::None;
    assert_eq!(findings(&page(&wire, cut), &wire).breaches.len(), 1);
}

#[test]
fn a_line_has_to_link_where_the_policy_says() {
    let mut wire = wire();
    let source = Terms {
        text: Some(crate::config::Line::parse("First published by {{ agency }}.").unwrap()),
        link: Some(crate::config::Link::Home),
        ..Terms::default()
    };
    wire.elements.insert("source".into(), source);
    assert_eq!(findings(&page(&wire, |html| html), &wire).breaches, [] as [&str; 0]);
    let unlinked = |html: String| html.replace("<a href=\"https://harborpress.example/\">First", "<a href=\"/\">First");
    let found = findings(&page(&wire, unlinked), &wire);
    assert_eq!(found.breaches.len(), 1, "{:?}", found.breaches);
}

#[test]
fn another_page_is_not_taken_for_the_story() {
    let wire = wire();
    let found = findings("<html><body><h1>Weather</h1><p>It rains in Port Aren today.</p></body></html>", &wire);
    assert_eq!(found.elements.iter().filter(|one| one.found.is_some()).count(), 0);
    assert!(found.breaches.iter().any(|breach| breach.contains("right page")), "{:?}", found.breaches);
    let page = page(&wire, |html| html);
    assert_eq!(about(&page, ["Weather", "", article().headline.as_str()]), Some(2));
    assert_eq!(about("<h1>Weather</h1>", [article().headline.as_str()]), None);
}

#[test]
fn a_page_of_megabytes_is_read_in_seconds() {
    let wire = wire();
    let filler = "<p>Menu</p>".repeat(200_000);
    let words = "officials voted harbor ".repeat(100_000);
    let page = page(&wire, |html| {
        let changed = html.replace("voted 7-2", "voted 8-1");
        changed.replace("<footer>", &format!("<aside>{filler}<p>{words}</p></aside><footer>"))
    });
    let begun = std::time::Instant::now();
    let found = findings(&page, &wire);
    assert!(found.elements.iter().all(|element| element.found.is_some()));
    assert_eq!(found.text.changed.len(), 1);
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
}

#[test]
fn a_page_hides_what_its_plain_rules_hide_whatever_else_its_style_sheets_say() {
    let wire = wire();
    let hidden =
        page(&wire, |html| html.replace("<style>", "<style>p:nonsense-of(x){display:none} .attribution{display:none}"));
    let lost = findings(&hidden, &wire).elements.into_iter().filter(|element| element.found.is_none()).count();
    assert_eq!(lost, 5);
    let decorated = page(&wire, |html| html.replace("<style>", "<style>.attribution::before{display:none}"));
    assert_eq!(findings(&decorated, &wire).breaches, [] as [&str; 0]);
}

#[test]
fn a_page_of_endless_elements_is_read_too() {
    let wire = wire();
    let page = page(&wire, |html| html.replace("<footer>", &format!("{}<footer>", "<span>".repeat(20_000))));
    assert_eq!(findings(&page, &wire).breaches, [] as [&str; 0]);
}

#[test]
fn a_lazy_logo_is_a_logo() {
    let wire = wire();
    let page =
        page(&wire, |html| html.replace("<img src=\"https", "<img src=\"data:image/gif;base64,R0\" data-src=\"https"));
    assert_eq!(findings(&page, &wire).breaches, [] as [&str; 0]);
}

#[test]
fn a_paragraph_in_other_words_is_a_breach_where_only_style_may_change() {
    let reworded = |html: String| {
        let sent = "voted 7-2 on Tuesday to reopen the";
        assert!(html.contains(sent));
        html.replace(sent, "agreed this week to bring back the")
    };
    let mut wire = wire();
    for (edits, breaches) in [(Edits::None, 1), (Edits::Style, 1), (Edits::Shorten, 1), (Edits::Free, 0)] {
        wire.edits = edits;
        let found = findings(&page(&wire, reworded), &wire);
        assert_eq!((found.text.changed.len(), found.text.missing.len()), (1, 0), "{:?}", found.text);
        assert_eq!(found.breaches.len(), breaches, "{edits:?}: {:?}", found.breaches);
        assert!(found.breaches.iter().all(|breach| breach.contains("in other words")), "{:?}", found.breaches);
    }
}
