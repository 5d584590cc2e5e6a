//! What styles hide: those of an element, and those of a page's own style sheets.
//!
//! Only declarations that hide count, and they count in whatever medium they are for: a licence line that is gone from
//! a small screen has not been kept. Style sheets elsewhere are not fetched.

use scraper::{Html, Selector};

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

/// Whether a `style` hides what it is on: by saying so, by making it nothing, by cutting it away, or by moving it off the
/// page, which is how themes hide texts for screen readers alone.
pub fn hides(style: &str) -> bool {
    let style: String = style.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_lowercase();
    let declarations: Vec<(&str, &str)> =
        style.split(';').filter_map(|it| it.trim_end_matches("!important").split_once(':')).collect();
    let has = |name: &str, is: &dyn Fn(&str) -> bool| declarations.iter().any(|it| it.0 == name && is(it.1));
    let is = |name: &str, wanted: &str| has(name, &|value| value == wanted);

    let is_off = is("display", "none")
        || is("visibility", "hidden")
        || is("visibility", "collapse")
        || is("content-visibility", "hidden");
    let is_nothing = has("opacity", &is_zero)
        || has("font-size", &is_zero)
        || has("font", &|value| value.starts_with("0/"))
        || has("transform", &|value| matches!(value, "scale(0)" | "scale(0,0)"));
    let is_cut =
        has("clip", &is_empty_rectangle) || has("clip-path", &|value| matches!(value, "inset(50%)" | "inset(100%)"));
    let is_clipped = is("overflow", "hidden") || is("overflow", "clip");
    let is_flat = |name| has(name, &|value| is_zero(value) || value == "1px");
    let is_squeezed = is_clipped && ["width", "height", "max-width", "max-height"].into_iter().any(is_flat);
    let is_placed = is("position", "absolute") || is("position", "fixed");
    let is_away = has("text-indent", &is_far)
        || (is_placed && ["left", "top", "right", "bottom"].into_iter().any(|side| has(side, &is_far)));
    is_off || is_nothing || is_cut || is_squeezed || is_away
}

/// The number of a length, in whatever unit.
fn number(length: &str) -> Option<f32> {
    length.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == '%').parse().ok()
}

fn is_zero(length: &str) -> bool {
    number(length) == Some(0.0)
}

/// Whether a length leads off any screen.
fn is_far(length: &str) -> bool {
    number(length).is_some_and(|number| number <= -999.0)
}

/// Whether a `rect(…)` without spaces has room for nothing: all its sides are at 0 or 1 pixel.
fn is_empty_rectangle(value: &str) -> bool {
    let inner = value.strip_prefix("rect(").and_then(|rest| rest.strip_suffix(')'));
    inner.is_some_and(|sides| sides.replace("px", "").chars().all(|c| matches!(c, '0' | '1' | ',')))
}
