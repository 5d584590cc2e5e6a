//! Reads what an operator's template made. Nothing is known of its fields, so that everything has to be visible.
//!
//! HTML is read as a page. Of XML, the text of every element counts; of JSON, every string; those with markup in them
//! are read as HTML, since that is what their receivers do. Plain text is read by its lines. An address that stands by
//! itself, as a string, an attribute or a word, counts as a link and as a picture: so a document that is not shown as it
//! is hands on a logo.

use roxmltree::{Document, Node};
use serde_json::Value;

use super::html;
use super::{Images, Lack, Link, Mode, Seen, Spot, View, fold};
use crate::config::{Element, Markup, TemplateOptions};

const PLACE: &str = "the template's document";

pub fn read(options: Option<&TemplateOptions>, bytes: &[u8], mode: Mode) -> Result<Seen, Lack> {
    let unreadable = |why: String| Lack::Unreadable { place: PLACE, why };
    let options = options.ok_or_else(|| unreadable("its profile has no template".to_owned()))?;
    let text = std::str::from_utf8(bytes).map_err(|why| unreadable(why.to_string()))?;
    let mut reader = Reader::new(mode);
    match options.content_type.markup {
        Markup::Html => {
            let (view, own) = html::page(PLACE, text, mode).map_err(unreadable)?;
            reader.add(view);
            reader.own = own;
        }
        Markup::Xml => {
            // A DOCTYPE is none of a feed's business, and entities of one could hide what is read.
            let document = Document::parse(text).map_err(|why| unreadable(why.to_string()))?;
            reader.xml(document.root_element(), "");
        }
        Markup::Json => reader.json(&serde_json::from_str(text).map_err(|why| unreadable(why.to_string()))?, ""),
        Markup::Text => reader.plain(text, "line "),
    }
    Ok(reader.finish())
}

struct Reader {
    mode: Mode,
    passages: Vec<Spot>,
    /// Plain texts whole, each parted from the next by what no text has in it.
    whole: String,
    shown: Vec<Spot>,
    mute: Vec<Spot>,
    links: Vec<Link>,
    /// Addresses that stand by themselves, as links of the passage that they are in or before.
    addresses: Vec<Link>,
    /// Addresses that a page says are its own.
    own: Vec<Spot>,
    has_html: bool,
}

impl Reader {
    fn new(mode: Mode) -> Self {
        Self {
            mode,
            passages: Vec::new(),
            whole: String::new(),
            shown: Vec::new(),
            mute: Vec::new(),
            links: Vec::new(),
            addresses: Vec::new(),
            own: Vec::new(),
            has_html: false,
        }
    }

    fn add(&mut self, view: View) {
        self.has_html = true;
        let before = self.passages.len();
        self.passages.extend(view.passages);
        let Images { shown, mute } = view.images.unwrap_or_default();
        self.shown.extend(shown);
        self.mute.extend(mute);
        let links = view.links.unwrap_or_default().into_iter();
        self.links.extend(links.map(|link| Link { passage: link.passage + before, ..link }));
    }

    /// A text at `at`, which may be HTML.
    fn text(&mut self, text: &str, at: &str) {
        if has_markup(text) {
            self.add(html::view(PLACE, text, self.mode));
        } else {
            self.plain(text, &format!("{at} line "));
        }
    }

    fn plain(&mut self, text: &str, at: &str) {
        for (number, line) in text.lines().enumerate() {
            let here = if self.mode == Mode::Explain { format!("{at}{}", number + 1) } else { String::new() };
            let line = fold(line);
            let words = line.split(' ').map(|word| word.trim_matches(['<', '>', '(', ')', '[', ']', ',']));
            let addresses = words.filter(|word| word.starts_with("https://") || word.starts_with("http://"));
            let passage = self.passages.len();
            let alone = |word: &str| address(passage, here.clone(), word);
            self.addresses.extend(addresses.map(alone));
            if !line.is_empty() {
                self.passages.push(Spot { at: here, text: line });
            }
        }
        self.whole.push_str(text);
        self.whole.push('\u{0}');
    }

    fn json(&mut self, value: &Value, at: &str) {
        match value {
            Value::String(text) => self.text(text, at),
            Value::Array(items) => {
                for (number, item) in items.iter().enumerate() {
                    self.json(item, &format!("{at}/{number}"));
                }
            }
            Value::Object(fields) => {
                for (name, value) in fields {
                    self.json(value, &format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")));
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// An element that has text of its own is one passage, with all that is in it; any other is only where those stand.
    fn xml(&mut self, element: Node<'_, '_>, above: &str) {
        let at = format!("{above}/{}", element.tag_name().name());
        for attribute in element.attributes() {
            let value = attribute.value().trim();
            if value.starts_with("https://") || value.starts_with("http://") {
                let at = format!("{at}/@{}", attribute.name());
                self.addresses.push(address(self.passages.len(), at, value));
            }
        }
        let is_mixed =
            element.children().any(|node| node.is_text() && node.text().is_some_and(|text| !text.trim().is_empty()));
        if is_mixed {
            let within = element.descendants().filter(Node::is_text).filter_map(|node| node.text());
            self.text(&within.collect::<String>(), &at);
        }
        for child in element.children().filter(Node::is_element) {
            // Text within a passage has been read with it; addresses have not.
            if is_mixed { self.addresses_of(child, &at) } else { self.xml(child, &at) }
        }
    }

    fn addresses_of(&mut self, element: Node<'_, '_>, above: &str) {
        for node in element.descendants().filter(Node::is_element) {
            for attribute in node.attributes().filter(|attribute| attribute.value().starts_with("http")) {
                let passage = self.passages.len().saturating_sub(1);
                self.addresses.push(address(passage, above.to_owned(), attribute.value().trim()));
            }
        }
    }

    fn finish(mut self) -> Seen {
        let mut seen = Seen::default();
        let alone: Vec<Spot> = self.addresses.iter().map(|link| link.spot.clone()).collect();
        let own = self.own.into_iter().chain(alone.iter().cloned());
        seen.field(Element::Canonical, "an address in the template's document", own.collect::<Vec<_>>());
        self.shown.extend(alone);
        // A document without HTML has no links for its texts to be.
        let links = self.has_html.then(|| self.links.into_iter().chain(self.addresses).collect());
        seen.views.push(View {
            place: PLACE,
            passages: self.passages,
            whole: Some(self.whole),
            images: Some(Images { shown: self.shown, mute: self.mute }),
            links,
        });
        seen
    }
}

/// An address as a link of its own.
fn address(passage: usize, at: String, text: &str) -> Link {
    Link { href: text.to_owned(), passage, spot: Spot { at, text: text.to_owned() } }
}

/// Whether a text is HTML rather than words: a tag begins somewhere, and ends.
fn has_markup(text: &str) -> bool {
    text.match_indices('<').any(|(at, _)| {
        let rest = text[at + 1..].trim_start_matches('/');
        rest.starts_with(|c: char| c.is_ascii_alphabetic()) && rest.contains('>')
    })
}
