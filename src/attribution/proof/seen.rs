//! What a reader found in a document, and whether a required element is among it.

use memchr::memmem::Finder;
use memchr::{memchr_iter, memchr3_iter};

use super::super::Required;
use crate::config::Element;

/// Whether a reader also keeps where things stand. Finding a place in a tree costs more than reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Prove,
    Explain,
}

/// What was found in a document.
#[derive(Debug, Default)]
pub struct Seen {
    /// The format's own fields, each with the element it is for.
    fields: Vec<Field>,
    /// The texts that readers may be shown. Each has to carry everything that it can.
    pub views: Vec<View>,
}

/// A text and where it stands: an XPath, a JSON pointer, a CSS selector, a line. Empty when nobody asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spot {
    pub at: String,
    pub text: String,
}

#[derive(Debug)]
struct Field {
    element: Element,
    place: &'static str,
    texts: Vec<Spot>,
}

#[derive(Debug, Default)]
pub struct View {
    pub place: &'static str,
    /// Passages as readers tell them apart, white space folded.
    pub passages: Vec<Spot>,
    /// Plain text as a whole and as it came, where a line may end within a passage: a licence line may span several.
    pub whole: Option<String>,
    /// The addresses of the images; `None` where the view can show no image.
    pub images: Option<Images>,
    /// `None` where the view can hold no link.
    pub links: Option<Vec<Link>>,
}

/// A link in a passage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub href: String,
    /// The number of the passage that it stands in.
    pub passage: usize,
    /// What is to be clicked.
    pub spot: Spot,
}

#[derive(Debug, Default)]
pub struct Images {
    /// With an alternative text, and so for readers.
    pub shown: Vec<Spot>,
    /// Without: they count readers, or decorate.
    pub mute: Vec<Spot>,
}

impl From<String> for Spot {
    fn from(text: String) -> Self {
        Self { at: String::new(), text }
    }
}

/// One place that a required element was looked for in, and what stands there, if it does.
pub struct Sought<'s> {
    pub place: &'static str,
    pub found: Option<&'s Spot>,
}

impl Seen {
    /// `place` is a field of the format for `element`, and `texts` are what stands in it.
    pub fn field<T: Into<Spot>>(&mut self, element: Element, place: &'static str, texts: impl IntoIterator<Item = T>) {
        let folded = |text: T| {
            let Spot { at, text } = text.into();
            Spot { at, text: fold(&text) }
        };
        self.fields.push(Field { element, place, texts: texts.into_iter().map(folded).collect() });
    }

    /// Looks for `required` in every place that has to carry it. Where a format has no field for an element, what
    /// readers see has to do; an element that no place can hold is sought, in vain, in the document as a whole.
    pub fn seek(&self, required: &Required) -> Vec<Sought<'_>> {
        let wanted = Wanted::new(required);
        let of_element = |field: &&Field| required.in_field && field.element == required.element;
        let fields: Vec<Sought<'_>> = self
            .fields
            .iter()
            .filter(of_element)
            .map(|field| Sought { place: field.place, found: field.texts.iter().find(|spot| wanted.is_in(&spot.text)) })
            .collect();
        let views = self.views.iter().filter_map(|view| Some(Sought { place: view.place, found: view.seek(&wanted)? }));
        let sought: Vec<Sought<'_>> = match required.element {
            // One place is enough for an address.
            Element::Canonical => {
                let all: Vec<_> = fields.into_iter().chain(views).collect();
                match all.iter().position(|sought| sought.found.is_some()) {
                    Some(at) => all.into_iter().skip(at).take(1).collect(),
                    None => all,
                }
            }
            // A picture's credit stands with the picture: where that is not shown, it is not owed.
            Element::Credit => {
                let owes = |view: &&View| view.pictures(required) || (fields.is_empty() && view.images.is_none());
                let views: Vec<&View> = self.views.iter().filter(owes).collect();
                let views =
                    views.into_iter().filter_map(|view| Some(Sought { place: view.place, found: view.seek(&wanted)? }));
                return fields.into_iter().chain(views).collect();
            }
            Element::Logo
            | Element::Byline
            | Element::Affiliation
            | Element::Licence
            | Element::Contact
            | Element::Tracking
            | Element::Line => fields.into_iter().chain(views).collect(),
        };
        if sought.is_empty() || self.views.is_empty() {
            return vec![Sought { place: "any place of this format", found: None }];
        }
        sought
    }
}

impl View {
    /// What in this view carries `required`; `None` when the view cannot hold such a thing.
    fn seek(&self, wanted: &Wanted<'_>) -> Option<Option<&Spot>> {
        let required = wanted.required;
        let passage = |spot: &&Spot| wanted.is_in(&spot.text);
        Some(match required.element {
            Element::Logo => self.images.as_ref()?.shown.iter().find(passage),
            Element::Tracking => {
                let images = self.images.as_ref()?;
                images.mute.iter().chain(&images.shown).find(passage)
            }
            Element::Canonical => {
                let links = self.links.as_ref()?;
                let is_it = |link: &&Link| !link.spot.text.is_empty() && required.needles.contains(&link.href);
                links.iter().find(is_it).map(|link| &link.spot)
            }
            Element::Byline
            | Element::Affiliation
            | Element::Licence
            | Element::Contact
            | Element::Line
            | Element::Credit => {
                let linked = |is_there: &dyn Fn(usize) -> bool| match (&required.href, &self.links) {
                    (Some(wanted), Some(links)) => {
                        let there = |link: &&Link| is_there(link.passage) && !link.spot.text.is_empty();
                        links.iter().filter(there).any(|link| link.href == *wanted)
                    }
                    (Some(_), None) | (None, _) => true,
                };
                let found = self
                    .passages
                    .iter()
                    .enumerate()
                    .find(|(at, spot)| passage(spot) && linked(&|passage| passage == *at));
                let found = found.map(|(_, spot)| spot);
                let spans_lines = matches!(required.element, Element::Licence | Element::Contact | Element::Line);
                found.or_else(|| {
                    let whole = self.whole.as_ref().filter(|_| spans_lines && linked(&|_| true));
                    let whole = whole.filter(|whole| wanted.is_in(&fold(whole)));
                    whole.and_then(|_| self.passages.first())
                })
            }
        })
    }

    /// Whether it shows one of the pictures that the element is about.
    fn pictures(&self, required: &Required) -> bool {
        self.images.iter().flat_map(|images| &images.shown).any(|image| required.pictures.contains(&image.text))
    }
}

/// A required element, ready to be looked for in many texts.
struct Wanted<'r> {
    required: &'r Required,
    finders: Vec<Finder<'r>>,
}

impl<'r> Wanted<'r> {
    fn new(required: &'r Required) -> Self {
        Self { required, finders: required.needles.iter().map(|needle| Finder::new(needle.as_str())).collect() }
    }

    /// Whether `text` has all the needles in it; of addresses, whether it is one.
    fn is_in(&self, text: &str) -> bool {
        let needles = &self.required.needles;
        let all_found = || self.finders.iter().all(|finder| finder.find(text.as_bytes()).is_some());
        match self.required.element {
            Element::Logo | Element::Canonical | Element::Tracking => needles.iter().any(|needle| needle == text),
            Element::Licence | Element::Line | Element::Credit => all_found(),
            Element::Byline | Element::Affiliation | Element::Contact => {
                all_found() && needles.iter().all(|needle| has_word(text, needle))
            }
        }
    }
}

/// Whether `needle` is in `text` between characters that part words and addresses: who reads `Sunderland` has not read
/// `Sun`.
fn has_word(text: &str, needle: &str) -> bool {
    if needle.is_empty() {
        return true;
    }
    let mut from = 0;
    while let Some(at) = text[from..].find(needle).map(|at| from + at) {
        let end = at + needle.len();
        let joins = |c: &char| c.is_alphanumeric() || matches!(c, '_' | '%' | '+' | '-' | '@');
        let before = text[..at].chars().next_back().filter(|c| joins(c) || *c == '.');
        let after = text[end..].strip_prefix('.').unwrap_or(&text[end..]).chars().next();
        let dotted = text[end..].starts_with('.');
        let after = after.filter(|c| if dotted { c.is_alphanumeric() } else { joins(c) });
        if before.is_none() && after.is_none() {
            return true;
        }
        from = at + needle.chars().next().map_or(1, char::len_utf8);
    }
    false
}

/// Runs of white space as one space, ends trimmed.
pub fn fold(text: &str) -> String {
    // Nearly every passage is folded already.
    if is_folded(text) {
        return text.to_owned();
    }
    let mut folded = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !folded.is_empty() {
            folded.push(' ');
        }
        folded.push_str(word);
    }
    folded
}

/// Whether all white space in `text` is single spaces between words.
fn is_folded(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_white = |at: usize| text[at..].starts_with(char::is_whitespace);
    let next_to_each_other = bytes.iter().zip(bytes.get(1..).unwrap_or_default());
    // To the end whatever is found, which is how a machine can look at many bytes at once.
    let is_odd = next_to_each_other.fold(false, |odd, (one, next)| odd | (*one < b' ') | ((*one | *next) == b' '));
    let is_word_end = |byte: Option<&u8>| byte.is_none_or(|byte| *byte > b' ');
    !is_odd
        && is_word_end(bytes.first())
        && is_word_end(bytes.last())
        // Beyond ASCII, white space begins with one of four bytes.
        && !memchr3_iter(0xc2, 0xe2, 0xe3, bytes).any(is_white)
        && !memchr_iter(0xe1, bytes).any(is_white)
}

/// The lines of a plain text.
pub fn lines(place: &str, text: &str, mode: Mode) -> Vec<Spot> {
    let at = |number: usize| if mode == Mode::Explain { format!("{place} line {}", number + 1) } else { String::new() };
    text.lines().enumerate().map(|(number, line)| Spot { at: at(number), text: fold(line) }).collect()
}

/// Where a reader stands in a tree; kept only when somebody wants to know.
#[derive(Debug, Default)]
pub struct Trail {
    steps: Vec<String>,
    kept: bool,
    between: &'static str,
}

impl Trail {
    pub fn new(mode: Mode, between: &'static str) -> Self {
        Self { steps: Vec::new(), kept: mode == Mode::Explain, between }
    }

    pub fn enter(&mut self, step: impl FnOnce() -> String) {
        if self.kept {
            self.steps.push(step());
        }
    }

    pub fn leave(&mut self) {
        self.steps.pop();
    }

    pub fn here(&self) -> String {
        self.steps.join(self.between)
    }
}

/// Collects passages from a stream of text and boundaries.
#[derive(Debug, Default)]
pub struct Passages {
    done: Vec<Spot>,
    open: String,
    at: String,
    pub trail: Trail,
}

impl Passages {
    pub fn along(trail: Trail) -> Self {
        Self { trail, ..Self::default() }
    }

    pub fn text(&mut self, text: &str) {
        if self.trail.kept && self.open.trim().is_empty() {
            self.at = self.trail.here();
        }
        self.open.push_str(text);
    }

    pub fn boundary(&mut self) {
        let text = fold(&self.open);
        self.open.clear();
        if !text.is_empty() {
            self.done.push(Spot { at: std::mem::take(&mut self.at), text });
        }
    }

    /// The number of the passage that is open, or will be next.
    pub fn number(&self) -> usize {
        self.done.len()
    }

    pub fn finish(mut self) -> Vec<Spot> {
        self.boundary();
        self.done
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::fold;
    use crate::attribution::Required;
    use crate::attribution::proof::{Mode, text};
    use crate::config::Element;

    proptest! {
        #[test]
        fn folding_is_splitting_and_joining(
            text in "[a“é\u{a0}\u{85}\u{2003}\u{205f}\u{3000}\u{1680}\u{180e}\u{fffd} \t\n\r\u{b}\u{0}]{0,12}"
        ) {
            prop_assert_eq!(fold(&text), text.split_whitespace().collect::<Vec<_>>().join(" "));
        }
    }

    #[test]
    fn no_white_space_is_overlooked_wherever_it_stands() {
        for c in (char::MIN..=char::MAX).filter(|c| c.is_whitespace()) {
            for (text, folded) in [(format!("a{c}{c}b"), "a b"), (format!("{c}ab"), "ab"), (format!("ab{c}"), "ab")] {
                assert_eq!(fold(&text), folded, "{text:?}");
            }
        }
    }

    #[test]
    fn a_line_over_several_lines_links_all_the_same() {
        let required = Required {
            name: "tagline".to_owned(),
            element: Element::Line,
            needles: vec!["Read the original at Harbor Press.".to_owned()],
            href: Some("https://harborpress.example/a".to_owned()),
            in_field: true,
            pictures: Vec::new(),
        };
        let is_found = |document: &str| {
            let seen = text::read(document.as_bytes(), Mode::Prove).unwrap();
            seen.seek(&required).iter().all(|sought| sought.found.is_some())
        };
        assert!(is_found("Read the original at\nHarbor Press. <https://harborpress.example/a>\n"));
        assert!(!is_found("Read the original at\nHarbor Press.\n"));
        assert!(!is_found("Read the original at\nHarbor Press. <https://harborpress.example/b>\n"));
    }
}
