//! What a republished page shows of a story and its terms: the look at what partners did with what they were sent.
//!
//! [`audit()`] reads a page as its visitors see it and says of every element that the wire's policies require whether
//! it is shown, and of the headline and every paragraph whether it stands as it was sent, and whether a change is more
//! than the policy allows. A page is another document than the one that was proved: a theme takes names apart, sets
//! quotation marks its own way, and keeps the logo among its own files. So this looks for the same things with a
//! milder eye, and promises less: what it finds is shown, and what it misses is for a person to look at.
//!
//! It fetches nothing, and knows nothing of partners.

mod page;
mod words;

use serde::Serialize;

use crate::article::Article;
use crate::article::body::passages;
use crate::attribution::{Attribution, Required};
use crate::config::{Edits, Element, Wire};
use page::Page;
use words::{Fate, Words, plain};

/// What was found on a page.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Findings {
    pub elements: Vec<Shown>,
    pub headline: Headline,
    pub text: Text,
    /// What the policy does not allow, a sentence each.
    pub breaches: Vec<String>,
}

/// A required element, and where the page shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shown {
    pub name: String,
    /// What it has to say.
    pub wanted: String,
    /// `None`: the page does not show it.
    pub found: Option<Standing>,
}

/// A place on a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// A CSS selector.
    pub at: String,
    pub says: String,
}

/// What became of the headline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Headline {
    pub kept: bool,
    /// The page's own, where it is another.
    pub instead: Option<String>,
}

/// What became of the story's paragraphs.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Text {
    pub paragraphs: usize,
    /// As they were sent, but for quotation marks, dashes and spaces.
    pub kept: usize,
    pub changed: Vec<Changed>,
    /// The beginnings of those that the page does not have.
    pub missing: Vec<String>,
}

/// A paragraph in other words.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Changed {
    pub sent: String,
    pub stands: String,
    /// How much of it is the same, 0 to 1.
    pub alike: f32,
}

/// A paragraph that is less alike than this was rewritten; house style changes less.
const STYLE: f32 = 0.85;

/// Reads `html`, a page on which `article` was republished, for what `attribution` requires and the edits that `wire`
/// allows.
pub fn audit(html: &str, article: &Article, attribution: &Attribution, wire: &Wire) -> Findings {
    let page = Page::read(html);
    let elements: Vec<Shown> =
        attribution.required().iter().map(|required| shown(&page, required, attribution)).collect();
    let headline = headline(&page, article);
    let text = text(&page, article, attribution);

    let mut breaches: Vec<String> = elements
        .iter()
        .filter(|element| element.found.is_none())
        .map(|element| format!("the page does not show the {} {:?}", element.name, element.wanted))
        .collect();
    if !headline.kept && (wire.keep_headline || wire.edits == Edits::None) {
        breaches.push("the headline was changed, which the wire does not allow".to_owned());
    }
    let rewritten = text.changed.iter().filter(|change| wire.edits == Edits::None || change.alike < STYLE).count();
    let (may_cut, may_rewrite) = match wire.edits {
        Edits::None | Edits::Style => (false, false),
        Edits::Shorten => (true, false),
        Edits::Free => (true, true),
    };
    if rewritten > 0 && !may_rewrite {
        breaches.push(format!("{} in other words, which the wire does not allow", paragraphs(rewritten)));
    }
    if !text.missing.is_empty() && !may_cut {
        breaches.push(format!("{} not there, which the wire does not allow", paragraphs(text.missing.len())));
    }
    if text.kept == 0 && text.changed.is_empty() && text.paragraphs > 0 {
        breaches.push("the page shows no paragraph of the story; is it the right page?".to_owned());
    }
    Findings { elements, headline, text, breaches }
}

/// The number of the first of `headlines` that a page has over it: which of several stories it is about.
pub fn about<'a>(html: &str, headlines: impl IntoIterator<Item = &'a str>) -> Option<usize> {
    let shown: Vec<String> = Page::read(html).headlines.iter().map(|shown| plain(shown)).collect();
    headlines.into_iter().position(|headline| {
        let headline = plain(headline);
        !headline.is_empty() && shown.iter().any(|shown| shown.contains(&headline))
    })
}

fn paragraphs(number: usize) -> String {
    if number == 1 { "1 paragraph is".to_owned() } else { format!("{number} paragraphs are") }
}

fn shown(page: &Page, required: &Required, attribution: &Attribution) -> Shown {
    let needles: Vec<String> = required.needles.iter().map(|needle| plain(needle)).collect();
    let found = match required.element {
        Element::Logo => page.logo(&required.needles, &attribution.agency),
        Element::Tracking => page.picture(&required.needles),
        Element::Canonical => page.canonical(&required.needles),
        Element::Byline
        | Element::Affiliation
        | Element::Licence
        | Element::Contact
        | Element::Line
        | Element::Credit => page.says(&needles, required.href.as_deref()),
    };
    let found = found.map(|(at, says)| Standing { at, says });
    Shown { name: required.name.clone(), wanted: required.needles.join(" … "), found }
}

fn headline(page: &Page, article: &Article) -> Headline {
    let wanted = plain(&article.headline);
    let kept = page.headlines.iter().any(|found| plain(found).contains(&wanted));
    let instead = if kept { None } else { page.headlines.first().cloned() };
    Headline { kept, instead }
}

fn text(page: &Page, article: &Article, attribution: &Attribution) -> Text {
    let body = attribution.without_credit(std::borrow::Cow::Borrowed(&article.body));
    let words: Vec<Words<'_>> = page.plain.iter().map(|passage| Words::of(passage)).collect();
    let mut text = Text::default();
    for sent in passages(&body.blocks) {
        text.paragraphs += 1;
        match words::fate(&sent, &page.plain, &words) {
            Fate::Kept => text.kept += 1,
            Fate::Changed { passage, alike } => {
                text.changed.push(Changed { sent, stands: page.passages[passage].text.clone(), alike });
            }
            Fate::Missing => text.missing.push(beginning(&sent)),
        }
    }
    text
}

/// Enough of a paragraph to know it again.
fn beginning(text: &str) -> String {
    const WORDS: usize = 12;
    let words: Vec<&str> = text.split_whitespace().take(WORDS + 1).collect();
    if words.len() > WORDS { format!("{} …", words[..WORDS].join(" ")) } else { words.join(" ") }
}

#[cfg(test)]
mod tests;
