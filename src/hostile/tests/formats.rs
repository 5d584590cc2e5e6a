//! Every attack in every field, in every format: nothing is at work in the document, it has the shape that harmless words
//! give it, and the words have arrived as words.

use std::sync::Arc;
use std::time::{Duration, Instant};

use scraper::{Html, Node};
use serde_json::{Value, json};

use super::super::{oracle, written};
use super::attacks;
use crate::article::{self, Article, WireId, one_line};
use crate::attribution::{Policies, sample};
use crate::config::{Edition, Format, FormatProfile, MediaUse, TemplateFile, TemplateOptions};
use crate::render::rendition;

/// Every key of an article that holds text, as JSON pointers.
const TEXTS: [&str; 26] = [
    "/headline",
    "/subheadline",
    "/summary",
    "/byline",
    "/dateline",
    "/slugline",
    "/editor_note",
    "/notice",
    "/copyright_holder",
    "/copyright_notice",
    "/usage_terms",
    "/authors/0/name",
    "/authors/0/role",
    "/authors/0/affiliation",
    "/keywords/0",
    "/sections/0",
    "/subjects/0/name",
    "/genres/0/name",
    "/places/0/name",
    "/media/0/headline",
    "/media/0/caption",
    "/media/0/alt",
    "/media/0/credit",
    "/media/0/copyright_notice",
    "/media/0/usage_terms",
    "/body_text",
];

/// Keys that hold what software reads: where one is odd, it may be left out.
const TOKENS: [&str; 10] = [
    "/language",
    "/subjects/0/code",
    "/subjects/0/scheme",
    "/genres/0/code",
    "/places/0/scheme",
    "/places/0/code",
    "/media/0/uri",
    "/media/0/renditions/0/name",
    "/media/0/renditions/0/mime",
    "/authors/0/uri",
];

const ADDRESSES: [&str; 4] = ["/canonical_url", "/authors/0/uri", "/media/0/uri", "/media/0/renditions/0/href"];

/// An article as newsrooms send it, with one of everything.
fn sent(action: &str) -> Value {
    let concept = |code: &str| json!({ "code": code, "scheme": "medtop", "name": "x" });
    json!({
        "newswired": 1, "guid": "urn:test:hostile", "version": 2, "action": action, "urgency": 4, "language": "en",
        "headline": "x", "subheadline": "x", "summary": "x", "byline": "x", "dateline": "x", "slugline": "x",
        "editor_note": "x", "notice": "x", "copyright_holder": "x", "copyright_notice": "x", "usage_terms": "x",
        "authors": [{ "name": "x", "role": "x", "affiliation": "x", "uri": "https://x.example/ada" }],
        "keywords": ["x"], "sections": ["x"], "body_text": "x",
        "subjects": [concept("20000621")], "genres": [concept("20000622")], "places": [concept("20000623")],
        "canonical_url": "https://x.example/ferry",
        "media": [{
            "uri": "urn:test:picture", "kind": "picture", "headline": "x", "caption": "x", "alt": "x", "credit": "x",
            "copyright_notice": "x", "usage_terms": "x",
            "renditions": [{ "name": "main", "href": "https://x.example/p.jpg", "mime": "image/jpeg" }],
        }],
    })
}

/// The same with `text` in all of its texts, each with a number of its own after it.
fn sent_with(action: &str, text: &str) -> Value {
    let mut value = sent(action);
    for (number, pointer) in TEXTS.iter().enumerate() {
        // A line end in a body's text is one that readers see.
        let text = if *pointer == "/body_text" { one_line(text).unwrap() } else { text.to_owned() };
        *value.pointer_mut(pointer).unwrap() = numbered(&text, number).into();
    }
    value
}

fn numbered(text: &str, number: usize) -> String {
    format!("{text} number {number}.")
}

fn policies() -> Policies {
    let mut wire = sample::wire();
    wire.third_party_media = MediaUse::Credit;
    // What a byline says is the newsroom's; here it is none that the wire would ask for.
    wire.require.clear();
    Policies::own(WireId::new("hpnf"), Arc::new(wire))
}

fn decoded(value: &Value) -> Result<Article, String> {
    let decoded = article::decode(value.to_string().as_bytes(), Some("application/json"), &WireId::new("hpnf"));
    decoded.map_err(|why| why.to_string())
}

/// All that an article becomes: each format, and a template of each type of document.
fn editions() -> Vec<(String, Edition)> {
    const PAGE: &str = "<!DOCTYPE html><html lang=\"{{ language }}\"><head><title>{{ headline }}</title></head><body>\
        <h1>{{ headline }}</h1><img src=\"{{ attribution.logo.url }}\" alt=\"{{ summary }}\"><p title='{{ byline }}'>\
        {{ notice }}</p>{{ body_html }}</body></html>";
    const FEED: &str = "<rss version=\"2.0\"><item a='{{ byline }}'><title>{{ headline }}</title>{% for word in keywords %}\
        <category>{{ word }}</category>{% endfor %}<x type=\"html\">{{ body_html }}</x></item></rss>";
    const OBJECT: &str = r#"{"title": {{ headline }}, "word": {{ keywords }}, "body_html": {{ body_html }}}"#;
    let plain = Format::ALL.map(|format| (format.as_str().to_owned(), Edition::plain(format)));
    let templates = [(PAGE, "text/html"), (FEED, "application/rss+xml"), (OBJECT, "application/json")]
        .map(|(source, content_type)| (format!("a template's {content_type}"), of_template(source, content_type)));
    plain.into_iter().chain(templates).collect()
}

fn of_template(source: &str, content_type: &str) -> Edition {
    let options = TemplateOptions {
        file: TemplateFile { path: "story".into(), source: source.into() },
        content_type: content_type.parse().unwrap(),
        extension: "x".into(),
        output_limit: "1MiB".parse().unwrap(),
    };
    let profile = FormatProfile { template: Some(options), ..FormatProfile::plain(Format::Template) };
    Edition { profile: Arc::new(profile), ..Edition::plain(Format::Template) }
}

/// The document, in which nothing may be at work.
fn document(article: &Article, what: &str, edition: &Edition, attack: &str) -> (String, Vec<u8>) {
    let document = match rendition(article, &policies(), edition) {
        Ok(rendition) => rendition.document,
        Err(why) => panic!("{attack:?} has no document in {what}: {why}"),
    };
    let (content_type, bytes) = (document.content_type().to_owned(), document.bytes().to_vec());
    let found = oracle::in_document(&content_type, &bytes);
    assert!(found.is_empty(), "{attack:?} in {what}: {found:?}\n{}", String::from_utf8_lossy(&bytes));
    (content_type, bytes)
}

/// What a document is made of, and every text in it.
#[derive(Default)]
struct Read {
    shape: Vec<String>,
    texts: Vec<String>,
}

impl Read {
    fn of(content_type: &str, bytes: &[u8]) -> Self {
        let (mut read, text) = (Self::default(), String::from_utf8(bytes.to_vec()).unwrap());
        if content_type.contains("json") {
            read.json(&serde_json::from_str(&text).unwrap(), "");
        } else if content_type.contains("xml") {
            read.xml(&text);
        } else if content_type.contains("html") {
            read.html(&text);
        } else {
            read.texts.push(text);
        }
        read
    }

    fn html(&mut self, html: &str) {
        for node in Html::parse_document(html).tree.nodes() {
            match node.value() {
                Node::Element(element) => {
                    let mut attributes: Vec<&str> = element.attrs().map(|(name, _)| name).collect();
                    attributes.sort_unstable();
                    self.shape.push(format!("<{} {}>", element.name(), attributes.join(" ")));
                    self.texts.extend(element.attrs().map(|(_, value)| value.to_owned()));
                }
                Node::Text(text) => self.texts.push(text.to_string()),
                Node::Document
                | Node::Fragment
                | Node::Doctype(_)
                | Node::Comment(_)
                | Node::ProcessingInstruction(_) => {}
            }
        }
    }

    fn json(&mut self, value: &Value, at: &str) {
        let html: Vec<String> = oracle::html_in_json(value).into_iter().map(|(at, _)| at).collect();
        self.json_at(value, at, &html);
    }

    fn json_at(&mut self, value: &Value, at: &str, html: &[String]) {
        match value {
            Value::Object(fields) => {
                fields.iter().for_each(|(key, value)| self.json_at(value, &format!("{at}/{key}"), html))
            }
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(number, item)| self.json_at(item, &format!("{at}/{number}"), html));
            }
            Value::String(text) if html.iter().any(|place| place == at) => {
                self.shape.push(at.to_owned());
                self.html(text);
            }
            Value::String(text) => {
                self.shape.push(at.to_owned());
                self.texts.push(text.clone());
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => self.shape.push(at.to_owned()),
        }
    }

    fn xml(&mut self, text: &str) {
        let tree = roxmltree::Document::parse(text).unwrap();
        for node in tree.descendants() {
            if node.is_element() {
                let attributes: Vec<&str> = node.attributes().map(|attribute| attribute.name()).collect();
                self.shape.push(format!("<{} {}>", node.tag_name().name(), attributes.join(" ")));
                self.texts.extend(node.attributes().map(|attribute| attribute.value().to_owned()));
            } else if node.is_text() {
                // Only an element can have a type.
                let is_html = node.parent_element().is_some_and(|parent| parent.attribute("type") == Some("html"));
                let text = node.text().unwrap_or_default();
                if is_html { self.html(text) } else { self.texts.push(text.to_owned()) }
            }
        }
    }

    /// How often a text is there, whatever the white space.
    fn times(&self, text: &str) -> usize {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let folded = |it: &String| it.split_whitespace().collect::<Vec<_>>().join(" ");
        self.texts.iter().map(|it| folded(it).matches(&text).count()).sum()
    }
}

#[test]
fn a_text_is_a_text_in_every_field_of_every_format() {
    const HARMLESS: &str = "Plain words";
    let attacks = attacks("text.txt");
    for action in ["correct", "kill"] {
        let harmless = decoded(&sent_with(action, HARMLESS)).unwrap();
        for (what, edition) in editions() {
            let (content_type, bytes) = document(&harmless, &what, &edition, HARMLESS);
            let wanted = Read::of(&content_type, &bytes);
            assert!(what == "text" || wanted.shape.len() > 3, "{what} is not read");
            for attack in &attacks {
                let Some(words) = one_line(attack) else { panic!("{attack:?} is nothing") };
                let attacked = decoded(&sent_with(action, attack)).unwrap();
                let (content_type, bytes) = document(&attacked, &what, &edition, attack);
                let read = Read::of(&content_type, &bytes);
                assert_eq!(
                    read.shape,
                    wanted.shape,
                    "{attack:?} changes {action} in {what}\n{}",
                    String::from_utf8_lossy(&bytes)
                );
                for (number, pointer) in TEXTS.iter().enumerate() {
                    let (times, again) =
                        (wanted.times(&numbered(HARMLESS, number)), read.times(&numbered(&words, number)));
                    assert_eq!(
                        again,
                        times,
                        "{pointer} {attack:?} of {action} in {what}\n{}",
                        String::from_utf8_lossy(&bytes)
                    );
                }
            }
        }
    }
}

#[test]
fn what_software_reads_is_left_out_or_stands_as_it_is() {
    let editions = editions();
    for attack in attacks("text.txt").iter().chain(&attacks("links.txt")) {
        for pointer in TOKENS {
            let mut value = sent("publish");
            *value.pointer_mut(pointer).unwrap() = attack.as_str().into();
            // What is refused is told so that it can be read.
            match decoded(&value) {
                Err(why) => assert!(!why.contains(['\0', '\u{b}']), "{why:?}"),
                Ok(article) => {
                    // As many as one format of each kind.
                    for (what, edition) in
                        editions.iter().filter(|(what, _)| ["nitf", "newsml-g2", "html"].contains(&what.as_str()))
                    {
                        document(&article, what, edition, attack);
                    }
                }
            }
        }
    }
}

#[test]
fn an_address_leads_to_the_web_or_nowhere() {
    for attack in attacks("links.txt") {
        let mut articles = Vec::new();
        for pointer in ADDRESSES {
            let mut value = sent("publish");
            *value.pointer_mut(pointer).unwrap() = attack.as_str().into();
            articles.extend(decoded(&value));
        }
        let attribute = attack.replace('&', "&amp;").replace('"', "&quot;");
        for attribute in [attribute, attack.replace('"', "")] {
            let mut value = sent("publish");
            value.as_object_mut().unwrap().remove("body_text");
            value["body_html"] = format!(
                "<p><a href=\"{attribute}\">x</a><img src=\"{attribute}\" alt=x></p><iframe src=\"{attribute}\"></iframe>\
                 <video src=\"{attribute}\"></video><blockquote cite=\"{attribute}\">x</blockquote>"
            )
            .into();
            articles.push(decoded(&value).unwrap());
        }
        for article in articles {
            for (what, edition) in editions() {
                document(&article, &what, &edition, &attack);
            }
        }
    }
}

#[test]
fn nothing_of_a_body_is_at_work_in_any_format() {
    for attack in attacks("html.txt") {
        for body in [attack.clone(), format!("<table><tr><td><b>two {attack} three</b><td>x</table>")] {
            super::super::html(body.as_bytes());
            let mut value = sent("publish");
            value.as_object_mut().unwrap().remove("body_text");
            value["body_html"] = body.as_str().into();
            let article = match decoded(&value) {
                Ok(article) => article,
                Err(why) => {
                    assert!(why.contains("holds no text"), "{body}: {why}");
                    continue;
                }
            };
            for (what, edition) in editions() {
                document(&article, &what, &edition, &body);
            }
        }
        // The other formats that bring HTML.
        let superdesk = json!({ "guid": "urn:x:a", "headline": "h", "type": "text", "version": "1", "body_html": attack,
            "description_html": attack, "authors": [{ "name": "Ada" }] });
        let ninjs = json!({ "uri": "urn:x:a", "headlines": [{ "value": attack }], "by": "Ada",
            "bodies": [{ "contentType": "text/html", "value": attack }] });
        for document in [superdesk, ninjs] {
            super::super::ninjs(document.to_string().as_bytes());
        }
    }
}

#[test]
fn a_document_is_refused_or_has_nothing_at_work() {
    for attack in attacks("documents.txt") {
        let attack = attack.replace("\\\\", "\\");
        for content_type in ["application/json", "application/ninjs+json", "application/nitf+xml", "text/xml", ""] {
            let Ok(article) = article::decode(attack.as_bytes(), Some(content_type), &WireId::new("hpnf")) else {
                continue;
            };
            for format in Format::ALL {
                written::written(&Article { wire: WireId::new("hpnf"), ..article.clone() }, format);
            }
            let all = serde_json::to_string(&article).unwrap();
            assert!(!all.contains("root:") && !all.contains("hahaha"), "{attack}: {all}");
        }
    }
}

#[test]
fn a_template_reads_no_file_and_comes_to_its_end() {
    let article = Article { action: article::Action::Kill, ..sample::article() };
    for attack in attacks("templates.txt") {
        for content_type in ["text/html", "application/json", "text/plain"] {
            let (edition, began) = (of_template(&attack, content_type), Instant::now());
            let made = rendition(&article, &policies(), &edition);
            assert!(began.elapsed() < Duration::from_secs(30), "{attack} took {:?}", began.elapsed());
            if let Ok(rendition) = made {
                let text = String::from_utf8_lossy(rendition.document.bytes()).into_owned();
                assert!(text.len() <= 1 << 20 && !text.contains("root:") && !text.contains("/bin"), "{attack}: {text}");
            }
        }
    }
}
