//! That a template gets everything, escapes it, keeps its bounds, and leaves out nothing unseen.

use std::sync::Arc;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;
use crate::article::{Action, Article};
use crate::attribution::sample::{article, own, paragraph, wire};
use crate::config::{Edition, Format, TemplateFile, TemplateOptions};
use crate::render::{Flaw, Rendition, rendition};

fn edition(source: &str, content_type: &str, limit: usize) -> Edition {
    let options = TemplateOptions {
        file: TemplateFile { path: "story.html".into(), source: source.into() },
        content_type: content_type.parse().unwrap(),
        extension: "html".into(),
        output_limit: format!("{limit}B").parse().unwrap(),
    };
    let profile = FormatProfile { template: Some(options), ..FormatProfile::plain(Format::Template) };
    Edition { profile: Arc::new(profile), ..Edition::plain(Format::Template) }
}

fn made(article: &Article, source: &str, content_type: &str) -> Result<Rendition, Flaw> {
    rendition(article, &own(wire()), &edition(source, content_type, 1_000_000))
}

/// The document, which has to be proved.
fn text(article: &Article, source: &str, content_type: &str) -> String {
    let rendition = made(article, source, content_type).unwrap_or_else(|why| panic!("{why}"));
    String::from_utf8(rendition.document.bytes().to_vec()).unwrap()
}

/// What `source` makes, proved or not: of a withdrawal nothing is asked.
fn raw(source: &str, content_type: &str) -> Result<String, String> {
    let killed = Article { action: Action::Kill, ..article() };
    let rendition = made(&killed, source, content_type).map_err(|why| why.to_string())?;
    Ok(String::from_utf8(rendition.document.bytes().to_vec()).unwrap())
}

fn refused(source: &str) -> String {
    raw(source, "text/html").unwrap_err()
}

const PAGE: &str = r#"<!DOCTYPE html>
<html lang="{{ language }}"><head><title>{{ headline }}</title><style>.aside { color: red }</style></head>
<body><h1>{{ headline }}</h1>
{% if summary %}<p class="aside">{{ summary }}</p>{% endif %}
<p>{{ attribution.byline }}</p>
{{ story_html }}
<footer>{{ closing_html }}</footer>
</body></html>"#;

const FEED: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0"><channel><item><guid isPermaLink="false">{{ guid }}</guid><title>{{ headline }}</title>
<link>{{ canonical_url }}</link>{% for keyword in keywords %}<category>{{ keyword }}</category>{% endfor %}
<description>{{ body_html }}</description></item></channel></rss>"#;

const OBJECT: &str = r#"{"title": {{ headline }}, "deck": {{ subheadline }}, "html": {{ body_html }},
"who": [{% for author in authors %}{{ {"name": author.name, "role": author.role} }}{% if not loop.last %},{% endif %}{% endfor %}]}"#;

const PLAIN: &str = "{{ headline }}\n{{ attribution.byline }}\n\n{{ story_text }}\n\n{{ attribution.licence.line }}\n\
                     Licensing: {{ attribution.contact }}\nLogo: <{{ attribution.logo.url }}>\n";

#[test]
fn a_document_of_every_type_is_made_and_proved() {
    for (source, content_type) in
        [(PAGE, "text/html"), (FEED, "application/rss+xml"), (OBJECT, "application/json"), (PLAIN, "text/plain")]
    {
        let rendition = made(&article(), source, content_type).unwrap_or_else(|why| panic!("{content_type}: {why}"));
        assert_eq!(rendition.document.content_type(), format!("{content_type}; charset=utf-8"));
        assert_eq!(text(&article(), source, content_type), text(&article(), source, content_type));
    }
    insta::assert_snapshot!("page.html", text(&article(), PAGE, "text/html"));
}

#[test]
fn every_field_of_our_own_json_has_its_name_here() {
    fn within(value: &Json, shape: &Json, path: &str) {
        match (value, shape) {
            (Json::Object(fields), Json::Object(shape)) => {
                for (name, value) in fields {
                    let shape = shape.get(name).unwrap_or_else(|| panic!("{path}.{name} is not in fields.json"));
                    within(value, shape, &format!("{path}.{name}"));
                }
            }
            (Json::Array(items), Json::Array(shape)) => items.iter().for_each(|item| within(item, &shape[0], path)),
            (Json::Object(_) | Json::Array(_), other) => panic!("{path} is {other} in fields.json"),
            (_, shape) => assert!(shape.is_null(), "{path} is {shape} in fields.json"),
        }
    }
    let proved = rendition(&article(), &own(wire()), &Edition::plain(Format::Json)).unwrap().document;
    within(&serde_json::from_slice(proved.bytes()).unwrap(), &FIELDS, "");
}

#[test]
fn what_an_article_lacks_is_nothing_and_no_error() {
    let all = "[{{ summary }}{{ dateline }}{% for word in keywords %}{{ word }}{% endfor %}{% if attribution.logo %}x{% endif %}]";
    let mut bare = Article::bare(article().wire, article().guid, article().version, Action::Kill);
    bare.headline = "H".into();
    let source = format!("{all}{{% for author in authors %}}{{{{ author.role }}}}{{% endfor %}}");
    let mut plain = wire();
    plain.logo = None;
    let document = rendition(&bare, &own(plain), &edition(&source, "text/plain", 100)).unwrap().document;
    assert_eq!(document.bytes(), "[]");
    assert_eq!(raw("{{ expires }}", "application/json").unwrap(), "null");
}

#[test]
fn a_slip_is_told_with_its_place_and_the_right_name() {
    insta::assert_snapshot!(refused("<p>\n  {{ headlin }}</p>"), @r#"story.html:2:6: there is no field "headlin"; did you mean "headline"?"#);
    insta::assert_snapshot!(refused("headlinex\n{% if x_y_z %}{% endif %}"), @r#"story.html:2:7: there is no field "x_y_z"; the fields are those of newswired's own JSON"#);
    insta::assert_snapshot!(refused("é {{ attribution.licence.lin }}"), @r#"story.html:1:17: ".licence.lin" is not there; look for a slip, or ask first: {% if … is defined %}"#);
    insta::assert_snapshot!(refused("\n{% for author in authors %}{{ author.nme }}{% endfor %}"), @r#"story.html:2:31: "author.nme" is not there; look for a slip, or ask first: {% if … is defined %}"#);
    insta::assert_snapshot!(refused("{{ headline | shout }}"), @"story.html:1:15: unknown filter: filter shout is unknown");
    insta::assert_snapshot!(refused("<p>{{ headline </p>"), @"story.html:1:17: syntax error: unexpected `/`");
    insta::assert_snapshot!(refused("{% if headline %}"), @"story.html:1:16: syntax error: unexpected end of input, expected end of block");
}

#[test]
fn a_template_stands_alone() {
    for statement in [
        "{% include '/etc/passwd' %}",
        "{% extends 'x' %}",
        "{% import 'x' as y %}",
        "{% from 'x' import y %}",
        "{% macro x() %}{% endmacro %}",
        "{% block x %}{% endblock %}",
    ] {
        let said = refused(statement);
        assert!(said.contains("a template stands alone"), "{statement}: {said}");
    }
    insta::assert_snapshot!(refused("\n {% include '/etc/passwd' %}"), @"story.html:2:5: syntax error: unknown statement include; a template stands alone, with if, for, set, filter and with");
    assert!(refused("{% set x = namespace() %}").contains("there is no field \"namespace\""));
}

#[test]
fn work_and_output_are_bounded() {
    let loops = "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}";
    let recursion = "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}";
    let wide = "{% for a in range(100000) %}{{ body_html }}{% endfor %}";
    let long = "{{ 'x' * 100000000 }}";
    let product = "{% for a in range(3000) %}{{ body_html * 10 }}{% endfor %}";
    for source in [loops, recursion, wide, long, product] {
        let began = Instant::now();
        let said = refused(source);
        assert!(began.elapsed() < Duration::from_secs(20), "{source} took {:?}", began.elapsed());
        assert!(said.starts_with("story.html:"), "{source}: {said}");
    }
    insta::assert_snapshot!(refused(loops), @"story.html:1:41: it takes more than 1000000 steps for one document; look for a loop within a loop");
    insta::assert_snapshot!(refused(wide), @"story.html:1:1: the document would have more than 1000000 bytes; make it shorter, or raise output_limit");
    let exactly = |limit| {
        rendition(&Article { action: Action::Kill, ..article() }, &own(wire()), &edition("12345", "text/plain", limit))
    };
    assert!(exactly(5).is_ok() && exactly(4).is_err());
}

#[test]
fn what_leaves_an_element_out_or_hides_it_is_not_proved() {
    let lacks = |source: &str, content_type: &str, element: &str| {
        let flaw = made(&article(), source, content_type).err().unwrap_or_else(|| panic!("proved: {source}"));
        assert!(matches!(&flaw, Flaw::Unproved(_)), "{flaw}");
        assert!(flaw.to_string().contains(element), "{element}: {flaw}");
    };
    for (gone, element) in [
        ("{{ attribution.byline }}", "byline"),
        ("{{ attribution.licence.line }}", "licence"),
        ("{{ attribution.contact }}", "contact"),
        ("{{ attribution.logo.url }}", "logo"),
    ] {
        lacks(&PLAIN.replace(gone, ""), "text/plain", element);
    }
    for (shown, hidden) in [
        ("<footer>", "<footer hidden>"),
        ("<footer>", "<footer style='display:none'>"),
        ("<footer>", "<style>footer { display: none }</style><footer>"),
        ("<footer>", "<style>@media print { body > footer, .x { color: red; display: none } }</style><footer>"),
        ("<footer>", "<style>/* } */ .a{} .b, footer{visibility:hidden}</style><footer>"),
        ("<footer>", "<style>footer { display: /* on paper */ none }</style><footer>"),
        ("<footer>", "<!--"),
        ("<body>", "<body hidden>"),
        ("<html", "<html style='display:none'"),
        ("{{ closing_html }}", ""),
    ] {
        lacks(&PAGE.replace(shown, hidden), "text/html", "licence");
    }
    let odd = PAGE.replace("<footer>", "<style>footer:has(~ ::x) { display: none }</style><footer>");
    lacks(&odd, "text/html", "cannot be followed");
    lacks(&FEED.replace("{{ body_html }}", "{{ story_html }}"), "application/xml", "licence");
    lacks(&FEED.replace("{{ body_html }}", "<!-- {{ body_html }} -->"), "application/xml", "licence");
    lacks(&OBJECT.replace("{{ body_html }}", "{{ story_html }}"), "application/json", "licence");
    lacks("{", "application/json", "cannot be read");
    lacks("<a><b></a>", "application/xml", "cannot be read");
}

#[test]
fn a_stylesheet_that_hides_something_else_hides_nothing_here() {
    for style in ["nav { display: none }", "footer .ad, footer + p { display:none }", "footer { opacity: 0.5 }"] {
        text(&article(), &PAGE.replace("<footer>", &format!("<style>{style}</style><footer>")), "text/html");
    }
}

#[test]
fn a_withdrawal_owes_nothing_and_says_so() {
    let killed = Article { action: Action::Kill, ..article() };
    let page = text(&killed, PAGE, "text/html");
    assert!(page.contains("has been withdrawn") && !page.contains("voted 7-2"), "{page}");
}

/// Words that would break a document, were they not escaped.
fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z<>&\"'/\\\\{}%# ;]{1,30}",
        prop::sample::select(vec![
            "</h1><script>alert(1)</script>",
            "\"}, {\"x\": \"",
            "]]>",
            "<!--",
            "{{ headline }}",
            "&amp;lt;",
            "\u{2028}"
        ])
        .prop_map(str::to_owned),
    ]
    .prop_filter_map("is seen", |text| {
        crate::article::clean(&text)
            .split_whitespace()
            .next()
            .map(|_| text.split_whitespace().collect::<Vec<_>>().join(" "))
    })
}

proptest! {
    #[test]
    fn no_text_breaks_out_of_its_place(headline in hostile(), words in hostile()) {
        let mut article = article();
        article.headline = headline.clone();
        article.keywords = vec![words.clone()];
        article.body.blocks.insert(0, paragraph(&words));

        let page = scraper::Html::parse_document(&text(&article, PAGE, "text/html"));
        let heading = page.select(&scraper::Selector::parse("h1").unwrap()).next().unwrap();
        prop_assert_eq!(heading.text().collect::<String>(), headline.clone());
        prop_assert!(page.select(&scraper::Selector::parse("script").unwrap()).next().is_none());

        let feed = text(&article, FEED, "application/rss+xml");
        let feed = roxmltree::Document::parse(&feed).unwrap();
        let texts = |name: &str| feed.descendants().find(|node| node.has_tag_name(name)).and_then(|node| node.text()).unwrap_or_default().to_owned();
        prop_assert_eq!(texts("title"), headline.clone());
        prop_assert_eq!(texts("category"), words);

        let object: Json = serde_json::from_str(&text(&article, OBJECT, "application/json")).unwrap();
        prop_assert_eq!(object["title"].as_str(), Some(headline.as_str()));
        prop_assert_eq!(object.as_object().unwrap().len(), 4);
    }

    #[test]
    fn no_template_panics(source in "[a-z{}%#|.()\\[\\]\"' ~+*-]{0,60}") {
        for content_type in ["text/html", "application/json"] {
            let _ = raw(&source, content_type);
            let _ = raw(&format!("{{% {source} %}}"), content_type);
            let _ = raw(&format!("{{{{ {source} }}}}"), content_type);
        }
    }
}
