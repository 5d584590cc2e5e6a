//! What is at work in a document, read as a browser or a partner's software reads it.
//!
//! It lists what may stand in a document rather than what may not: the elements and attributes that the docs of the
//! formats promise, and addresses of the web and of mailboxes. Whatever else is there was brought by an article.

use scraper::{ElementRef, Html, Node};
use serde_json::Value;

/// The elements of a story.
const OF_A_STORY: [&str; 33] = [
    "a",
    "article",
    "blockquote",
    "br",
    "caption",
    "col",
    "colgroup",
    "div",
    "em",
    "figcaption",
    "figure",
    "footer",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hr",
    "img",
    "li",
    "ol",
    "p",
    "pre",
    "strong",
    "sub",
    "sup",
    "table",
    "tbody",
    "td",
    "th",
    "tr",
];

/// Besides those, some that stand around text, or in a page's head.
const OTHERS: [&str; 12] =
    ["ul", "u", "html", "head", "body", "title", "meta", "link", "main", "time", "thead", "tfoot"];

/// The attributes that say nothing but words and numbers.
const ATTRIBUTES: [&str; 15] = [
    "alt", "charset", "class", "colspan", "content", "datetime", "dir", "height", "lang", "name", "property", "rel",
    "rowspan", "title", "width",
];

/// What `html`, a page or a part of one, has at work in it: nothing, where all is well.
pub fn at_work(html: &str) -> Vec<String> {
    // A part of a page is set into others, and into tables, by whoever gets it; what a browser makes of it there is read
    // again after it was written out, as editors' software does: text must not become markup on the way (mXSS).
    let mut found = Vec::new();
    for around in [["", ""], ["<table><tr><td>", "</td></tr></table>"]] {
        let once = Html::parse_document(&format!("{}{html}{}", around[0], around[1]));
        let again = Html::parse_document(&once.html());
        found.extend(in_tree(&once));
        found.extend(in_tree(&again));
        if names(&once) != names(&again) {
            found.push("elements that come and go when it is written out and read again".to_owned());
        }
    }
    found
}

fn in_tree(page: &Html) -> Vec<String> {
    let mut found = Vec::new();
    for node in page.tree.nodes() {
        match node.value() {
            Node::Element(_) => {
                if let Some(element) = ElementRef::wrap(node) {
                    in_element(element, &mut found);
                }
            }
            Node::Comment(comment) => found.push(format!("a comment: {:?}", &**comment)),
            Node::ProcessingInstruction(_) => found.push("an instruction".to_owned()),
            Node::Document | Node::Fragment | Node::Doctype(_) | Node::Text(_) => {}
        }
    }
    found
}

fn in_element(element: ElementRef<'_>, found: &mut Vec<String>) {
    let tag = element.value();
    let name = tag.name();
    if &*tag.name.ns != "http://www.w3.org/1999/xhtml" || !(OF_A_STORY.contains(&name) || OTHERS.contains(&name)) {
        found.push(format!("<{name}>"));
    }
    for (attribute, value) in tag.attrs() {
        let is_fit = match (name, attribute) {
            ("a" | "link", "href") => leads(value, &["http", "https", "mailto", "tel"]),
            ("img", "src") => leads(value, &["http", "https"]),
            ("html", "xmlns" | "xml:lang") => true,
            (_, attribute) => ATTRIBUTES.contains(&attribute),
        };
        if !is_fit {
            found.push(format!("<{name} {attribute}={value:?}>"));
        }
    }
    if name == "link" && tag.attr("rel").is_some_and(|rel| rel.contains("stylesheet") || rel.contains("import")) {
        found.push("a style sheet".to_owned());
    }
}

/// Whether a browser takes an address for one of these schemes (URL standard, "basic URL parser": it leaves out controls
/// around an address, and tabs and line ends within).
fn leads(address: &str, schemes: &[&str]) -> bool {
    let seen: String =
        address.trim_matches(|c| c <= ' ').chars().filter(|c| !matches!(c, '\t' | '\n' | '\r')).collect();
    let Some((scheme, _)) = seen.split_once(':') else { return false };
    schemes.iter().any(|known| scheme.eq_ignore_ascii_case(known))
}

/// The names of all elements, in order.
pub fn names(page: &Html) -> Vec<String> {
    let elements = page.tree.nodes().filter_map(|node| node.value().as_element().map(|it| it.name().to_owned()));
    elements.collect()
}

/// Every text in a document of JSON that its readers take for HTML, by where it stands.
pub fn html_in_json(document: &Value) -> Vec<(String, &str)> {
    fn walk<'a>(value: &'a Value, at: &str, found: &mut Vec<(String, &'a str)>) {
        match value {
            Value::Object(fields) => {
                // ninjs 2 and 3 say beside a text what it is.
                let type_of = fields.get("contentType").or_else(|| fields.get("contenttype")).and_then(Value::as_str);
                for (key, value) in fields {
                    let at = format!("{at}/{key}");
                    let is_html = key.ends_with("html") || (key == "value" && type_of == Some("text/html"));
                    // A post of WordPress, which shows all three as HTML.
                    let is_post = fields.contains_key("excerpt") && ["title", "content", "excerpt"].contains(&&**key);
                    match value.as_str().filter(|_| is_html || is_post) {
                        Some(text) => found.push((at, text)),
                        None => walk(value, &at, found),
                    }
                }
            }
            Value::Array(items) => {
                for (number, item) in items.iter().enumerate() {
                    walk(item, &format!("{at}/{number}"), found);
                }
            }
            Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    let mut found = Vec::new();
    walk(document, "", &mut found);
    found
}

/// Every address in a document of JSON that its readers may follow, by where it stands.
pub fn addresses_in_json(document: &Value) -> Vec<(String, &str)> {
    fn walk<'a>(value: &'a Value, at: &str, found: &mut Vec<(String, &'a str)>) {
        match value {
            Value::Object(fields) => {
                for (key, value) in fields {
                    let at = format!("{at}/{key}");
                    match value.as_str() {
                        Some(text) if ["href", "url", "canonical_url", "src"].contains(&&**key) => {
                            found.push((at, text))
                        }
                        _ => walk(value, &at, found),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| walk(item, at, found)),
            Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    let mut found = Vec::new();
    walk(document, "", &mut found);
    found
}

/// What a finished document has at work in it, whatever it is.
pub fn in_document(content_type: &str, bytes: &[u8]) -> Vec<String> {
    let kind = content_type.split(';').next().unwrap_or_default();
    let text = String::from_utf8_lossy(bytes);
    if kind.ends_with("json") {
        let document: Value = match serde_json::from_slice(bytes) {
            Ok(document) => document,
            Err(why) => return vec![format!("no JSON: {why}")],
        };
        let html = html_in_json(&document).into_iter();
        let html = html.flat_map(|(at, html)| at_work(html).into_iter().map(move |what| format!("{at}: {what}")));
        let addresses = addresses_in_json(&document).into_iter();
        let odd = addresses.filter(|(_, address)| !leads(address, &["http", "https", "mailto", "tel", "urn", "tag"]));
        html.chain(odd.map(|(at, address)| format!("{at}: {address:?}"))).collect()
    } else if kind == "text/html" {
        at_work(&text)
    } else if kind.ends_with("xml") {
        in_xml(&text)
    } else {
        // Characters beyond ASCII all arrive, the controls of ISO 6429 among them: they are for whoever shows the text.
        text.chars().filter(|c| *c < ' ' && !matches!(c, '\n' | '\t')).map(|c| format!("{c:?}")).collect()
    }
}

/// Read strictly, as XML: no entities of its own, no instructions, and what stands in it as HTML is looked at as such.
fn in_xml(text: &str) -> Vec<String> {
    let tree = match roxmltree::Document::parse(text) {
        Ok(tree) => tree,
        Err(why) => return vec![format!("no XML: {why}")],
    };
    let mut found = Vec::new();
    for node in tree.descendants() {
        if node.is_comment() || node.is_pi() {
            found.push("a comment or an instruction".to_owned());
        }
        if !node.is_element() {
            continue;
        }
        let name = node.tag_name().name();
        if ["script", "style", "iframe", "object", "embed", "svg", "form", "base"].contains(&name) {
            found.push(format!("<{name}>"));
        }
        for attribute in node.attributes() {
            let lead = matches!(attribute.name(), "href" | "src" | "source" | "ex-ref" | "data-location");
            let schemes = ["http", "https", "mailto", "tel", "urn", "tag"];
            if attribute.name().starts_with("on")
                || attribute.name() == "style"
                || (lead && !leads(attribute.value(), &schemes))
            {
                found.push(format!("<{name} {}={:?}>", attribute.name(), attribute.value()));
            }
        }
        // Atom's text is HTML once more.
        if node.attribute("type") == Some("html") {
            found.extend(at_work(node.text().unwrap_or_default()));
        }
        // The text of NewsML-G2 is XHTML, which some read as HTML.
        if node.has_tag_name(("http://www.w3.org/1999/xhtml", "html")) {
            found.extend(at_work(&text[node.range()]));
        }
    }
    found
}
