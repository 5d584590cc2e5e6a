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
    let mut hiding = Vec::new();
    let Ok(styles) = Selector::parse("style") else { return Ok(hiding) };
    for sheet in page.select(&styles) {
        let sheet = without_comments(&sheet.text().collect::<String>());
        for (selector, _) in rules(&sheet).filter(|(_, declarations)| hides(declarations)) {
            let followed = Selector::parse(selector);
            hiding.push(followed.map_err(|_| {
                format!("its style sheet hides {selector:?}, which cannot be followed here; hide it by a class")
            })?);
        }
    }
    match hiding.len() > MOST_RULES {
        true => Err(format!("its style sheets hide by {} rules; at most {MOST_RULES} are followed", hiding.len())),
        false => Ok(hiding),
    }
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
