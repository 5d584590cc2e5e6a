//! What a page's own style sheets hide.
//!
//! Only declarations that hide count, and they count in whatever medium they are for: a licence line that is gone from
//! a small screen has not been kept. Style sheets elsewhere are not fetched.

use scraper::{Html, Selector};

use super::html::hides;

/// The most rules that may hide something: every element of the page is held against each of them.
const MOST_RULES: usize = 100;

/// What is hidden by the style sheets in `page`.
///
/// # Errors
/// When one hides something by a selector that is not understood here, or very many do.
pub fn hiding(page: &Html) -> Result<Vec<Selector>, String> {
    let not_followed = |selector: String| {
        format!("its style sheet hides {selector:?}, which cannot be followed here; hide it by a class")
    };
    let hiding: Vec<Selector> = all(page).into_iter().collect::<Result<_, _>>().map_err(not_followed)?;
    match hiding.len() > MOST_RULES {
        true => Err(format!("its style sheets hide by {} rules; at most {MOST_RULES} are followed", hiding.len())),
        false => Ok(hiding),
    }
}

/// As far as it can be followed: what is hidden by the first style sheets in `page`, which is somebody else's.
pub fn plainly_hiding(page: &Html) -> Vec<Selector> {
    all(page).into_iter().filter_map(Result::ok).take(MOST_RULES).collect()
}

/// The selectors that hide something, each parsed, or as it is written.
fn all(page: &Html) -> Vec<Result<Selector, String>> {
    let mut hiding = Vec::new();
    let Ok(styles) = Selector::parse("style") else { return hiding };
    for sheet in page.select(&styles) {
        let sheet = without_comments(&sheet.text().collect::<String>());
        for (selectors, _) in rules(&sheet).filter(|(_, declarations)| hides(declarations)) {
            // What a style sheet puts before and after an element is none of the document's text.
            let is_made = |selector: &str| [":before", ":after"].iter().any(|made| selector.trim_end().ends_with(made));
            if !selectors.split(',').all(is_made) {
                hiding.push(Selector::parse(selectors).map_err(|_| selectors.to_owned()));
            }
        }
    }
    hiding
}

/// Selectors with their declarations. A rule within `@media` is one like any other.
fn rules(sheet: &str) -> impl Iterator<Item = (&str, &str)> {
    sheet.split('}').filter_map(|rule| {
        let (selector, declarations) = rule.rsplit_once('{')?;
        let selector = selector.rsplit(['{', ';']).next().unwrap_or_default().trim();
        (!selector.is_empty() && !selector.starts_with('@')).then_some((selector, declarations))
    })
}

fn without_comments(sheet: &str) -> String {
    let mut out = String::new();
    let mut rest = sheet;
    while let Some((before, comment)) = rest.split_once("/*") {
        out.push_str(before);
        rest = comment.split_once("*/").map_or("", |(_, after)| after);
    }
    out + rest
}
