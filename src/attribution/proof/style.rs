//! What styles hide: those of an element, and those of a page's own style sheets.
//!
//! Only declarations that hide count, and they count in whatever medium they are for: a licence line that is gone from
//! a small screen has not been kept. Style sheets elsewhere are not fetched.

use std::collections::HashSet;

use scraper::{ElementRef, Html, Selector};

use super::tree::{Id, Tree};

/// The most rules that may hide something: every element of the page is held against each of them.
const MOST_RULES: usize = 100;

/// The elements of `page` that its style sheets hide. `html` is what it was read from.
///
/// # Errors
/// When one hides something by a selector that is not understood here, or very many do.
pub fn hidden(page: &Tree, html: &str) -> Result<HashSet<Id>, String> {
    let not_followed = |selector: String| {
        format!("its style sheet hides {selector:?}, which cannot be followed here; hide it by a class")
    };
    let hiding: Vec<Selector> = all(page).into_iter().collect::<Result<_, _>>().map_err(not_followed)?;
    match hiding.len() > MOST_RULES {
        true => Err(format!("its style sheets hide by {} rules; at most {MOST_RULES} are followed", hiding.len())),
        false => matching(page, html, &hiding)
            .ok_or_else(|| "its style sheet hides something, and its markup is too broken to say what".to_owned()),
    }
}

/// As far as it can be followed: what is hidden by the first style sheets in `page`, which is somebody else's.
pub fn plainly_hidden(page: &Tree, html: &str) -> HashSet<Id> {
    let hiding: Vec<Selector> = all(page).into_iter().filter_map(Result::ok).take(MOST_RULES).collect();
    matching(page, html, &hiding).unwrap_or_default()
}

/// The selectors that hide something, each parsed, or as it is written.
fn all(page: &Tree) -> Vec<Result<Selector, String>> {
    let mut hiding = Vec::new();
    for sheet in page.elements().filter(|element| element.name() == "style") {
        let sheet = without_comments(&sheet.text());
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

/// The elements that match one of `selectors`. Scraper can tell, of a tree of its own: the elements are the same, in the
/// same order, or else there is no answer.
fn matching(page: &Tree, html: &str, selectors: &[Selector]) -> Option<HashSet<Id>> {
    if selectors.is_empty() {
        return Some(HashSet::new());
    }
    let theirs = Html::parse_document(html);
    let theirs: Vec<ElementRef<'_>> = theirs.tree.root().descendants().filter_map(ElementRef::wrap).collect();
    let is_same = page.elements().map(|ours| ours.name()).eq(theirs.iter().map(|theirs| theirs.value().name()));
    let matches = |element: &ElementRef<'_>| selectors.iter().any(|selector| selector.matches(element));
    let matching = page.elements().zip(theirs).filter(|(_, theirs)| matches(theirs)).map(|(ours, _)| ours.id());
    is_same.then(|| matching.collect())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn hidden_in(html: &str) -> Result<Vec<String>, String> {
        let page = Tree::of_page(html);
        let hidden = hidden(&page, html)?;
        Ok(page.elements().filter(|element| hidden.contains(&element.id())).map(|element| element.text()).collect())
    }

    #[test]
    fn a_style_sheet_hides_what_its_selectors_match_and_nothing_else() {
        let style = "<style>.a > b, td + td { display: none } i { color: red }</style>";
        for (html, want) in [
            ("<p class=a>one<b>two</b><i>three<b>four</b></i>", vec!["two"]),
            // What the tree builder moves is found where it has been moved to.
            ("<table class=a><b>one</b><tr><td>two<td>three</table><p class=a>four<b>five</b>", vec!["three", "five"]),
            ("<div class=a><!-- b --><template><b>one</b></template><b>two</b></div>", vec!["two"]),
            ("<b>one</b>", vec![]),
        ] {
            assert_eq!(hidden_in(&format!("{style}{html}")).unwrap(), want, "in {html}");
        }
        assert_eq!(hidden_in("<p class=a><b>one</b></p>").unwrap(), [] as [&str; 0]);
    }

    #[test]
    fn where_the_elements_are_not_the_same_nothing_is_said() {
        let formula = "<math><annotation-xml encoding='text/html'><style><b></style><i></i></annotation-xml></math>";
        let html = format!("<style>.a {{ display: none }}</style>{formula}<p class=a>one</p>");
        assert!(hidden_in(&html).unwrap_err().contains("too broken"));
        assert!(plainly_hidden(&Tree::of_page(&html), &html).is_empty());
    }
}
