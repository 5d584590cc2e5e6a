//! What readers see of an HTML fragment, read by the HTML5 rules.

use std::collections::{BTreeMap, HashSet};

use super::tree::{Child, Element, Id, Tree};
use super::{Images, Link, Mode, Passages, Spot, Trail, View, fold, style};

/// Elements whose content is not shown as text of the page, or may not be.
pub fn is_unseen(name: &str) -> bool {
    matches!(
        name,
        "script"
            | "style"
            | "template"
            | "noscript"
            | "head"
            | "title"
            | "textarea"
            | "select"
            | "option"
            | "datalist"
            | "iframe"
            | "object"
            | "svg"
            | "math"
            | "dialog"
            | "canvas"
            | "video"
            | "audio"
            | "noframes"
            | "noembed"
    )
}

/// Elements that do not end a passage.
pub fn is_inline(name: &str) -> bool {
    matches!(
        name,
        "a" | "abbr"
            | "b"
            | "bdi"
            | "bdo"
            | "cite"
            | "code"
            | "data"
            | "del"
            | "dfn"
            | "em"
            | "font"
            | "i"
            | "ins"
            | "kbd"
            | "mark"
            | "q"
            | "s"
            | "small"
            | "span"
            | "strong"
            | "sub"
            | "sup"
            | "time"
            | "u"
            | "wbr"
    )
}

/// What readers see of `html`, found at `place` of the document.
pub fn view(place: &'static str, html: &str, mode: Mode) -> View {
    seen(place, &Tree::of_fragment(html), mode)
}

/// What readers see of a document.
pub fn seen(place: &'static str, html: &Tree, mode: Mode) -> View {
    let mut reader = Reader { passages: Passages::along(Trail::new(mode, " > ")), ..Reader::default() };
    reader.passages.trail.enter(|| place.to_owned());
    reader.read(html);
    reader.view(place)
}

/// A whole web page as its visitors see it; every text with the selector of where it stands.
#[derive(Debug)]
pub struct WebPage {
    pub passages: Vec<Spot>,
    /// The addresses of the images, each with its alternative text.
    pub pictures: Vec<(Spot, String)>,
    pub links: Vec<Link>,
    /// What the page says of where the original is.
    pub canonical: Option<String>,
    /// Headings of the first level, and the titles that the page gives itself.
    pub headlines: Vec<String>,
}

/// Reads `html` as a whole page.
pub fn web_page(html: &str) -> WebPage {
    let page = Tree::of_page(html);
    let mut reader = Reader { passages: Passages::along(Trail::new(Mode::Explain, " > ")), ..Reader::default() };
    // Whatever else a style sheet does, what it hides by plain rules is hidden.
    reader.hidden = style::plainly_hidden(&page, html);
    reader.read(&page);
    let mut found = WebPage {
        passages: reader.passages.finish(),
        pictures: reader.pictures,
        links: reader.links,
        canonical: None,
        headlines: Vec::new(),
    };
    let mut titles = Vec::new();
    for element in page.elements() {
        let attr = |name| element.attr(name).unwrap_or_default();
        match element.name() {
            "h1" => found.headlines.push(fold(&element.text())),
            "title" => titles.push(fold(&element.text())),
            "meta" if attr("property") == "og:title" => titles.push(fold(attr("content"))),
            "link" if attr("rel").eq_ignore_ascii_case("canonical") => found.canonical = Some(attr("href").to_owned()),
            _ => {}
        }
    }
    found.headlines.extend(titles);
    found
}

/// What readers see of a whole page, and the addresses that its head names as its own (`<link rel="canonical">`).
///
/// # Errors
/// When its style sheet hides something by rules that cannot be told here.
pub fn page(place: &'static str, html: &str, mode: Mode) -> Result<(View, Vec<Spot>), String> {
    let page = Tree::of_page(html);
    let mut reader = Reader { passages: Passages::along(Trail::new(mode, " > ")), ..Reader::default() };
    reader.hidden = style::hidden(&page, html)?;
    reader.read(&page);
    let is_canonical = |link: &Element<'_>| link.attr("rel").is_some_and(|rel| rel.eq_ignore_ascii_case("canonical"));
    let own = page.elements().filter(|it| it.name() == "link").filter(is_canonical);
    let own =
        own.filter_map(|link| Some(Spot { at: "link[rel=canonical]".to_owned(), text: link.attr("href")?.to_owned() }));
    let own = own.collect();
    Ok((reader.view(place), own))
}

#[derive(Default)]
struct Reader {
    /// What a style sheet hides.
    hidden: HashSet<Id>,
    passages: Passages,
    images: Images,
    /// All images, with their alternative texts.
    pictures: Vec<(Spot, String)>,
    links: Vec<Link>,
    depth: usize,
}

/// Elements within elements as far as browsers follow them; Blink stops here too. What a site sends back may be deeper,
/// and the stack is not.
const DEEPEST: usize = 512;

impl Reader {
    fn read(&mut self, html: &Tree) {
        if let Some(root) = html.root() {
            self.walk(root);
        }
    }

    fn view(self, place: &'static str) -> View {
        let (images, links) = (Some(self.images), Some(self.links));
        View { place, passages: self.passages.finish(), whole: None, images, links }
    }

    fn walk(&mut self, element: Element<'_>) {
        let name = element.name();
        if self.depth > DEEPEST || is_unseen(name) || is_hidden(element) || self.hidden.contains(&element.id()) {
            return;
        }
        match name {
            "br" => self.passages.text(" "),
            "img" => self.image(element),
            _ => {
                let boundary = !is_inline(name);
                if boundary {
                    self.passages.boundary();
                }
                if name == "a"
                    && let Some(href) = element.attr("href")
                {
                    let spot = Spot { at: self.passages.trail.here(), text: fold(&element.text()) };
                    self.links.push(Link { href: href.to_owned(), passage: self.passages.number(), spot });
                }
                let closed = is_closed(name, element.attr("open"));
                let mut before: BTreeMap<&str, usize> = BTreeMap::new();
                for child in element.children() {
                    match child {
                        Child::Text(text) if !closed => self.passages.text(text),
                        Child::Text(_) => {}
                        Child::Element(child) => {
                            let name = child.name();
                            // Counted along the way: looking back at every child takes for ever on a long page.
                            self.passages.trail.enter(|| {
                                let number = before.entry(name).or_default();
                                *number += 1;
                                format!("{name}:nth-of-type({number})")
                            });
                            if !closed || name == "summary" {
                                self.depth += 1;
                                self.walk(child);
                                self.depth -= 1;
                            }
                            self.passages.trail.leave();
                        }
                    }
                }
                if boundary {
                    self.passages.boundary();
                }
            }
        }
    }

    fn image(&mut self, element: Element<'_>) {
        let attr = |name| element.attr(name).unwrap_or_default();
        let sized = [attr("width"), attr("height")].iter().all(|size| !matches!(size.trim(), "0" | "0px"));
        if sized {
            let spot = Spot { at: self.passages.trail.here(), text: attr("src").to_owned() };
            // Themes keep the address elsewhere until a script shows the picture.
            let lazy = ["data-src", "data-lazy-src", "data-original"].into_iter().find_map(|name| element.attr(name));
            let is_held_back = spot.text.is_empty() || spot.text.starts_with("data:");
            let shown = lazy.filter(|_| is_held_back).map_or_else(|| spot.text.clone(), str::to_owned);
            self.pictures.push((Spot { text: shown, ..spot.clone() }, attr("alt").to_owned()));
            let is_mute = attr("alt").trim().is_empty() || is_dot(attr("width"), attr("height"));
            if is_mute { self.images.mute.push(spot) } else { self.images.shown.push(spot) }
        }
    }
}

fn is_hidden(element: Element<'_>) -> bool {
    element.attr("hidden").is_some() || element.attr("style").is_some_and(style::hides)
}

/// Whether it is a `details` of which readers see only the summary until they open it.
pub fn is_closed(name: &str, open: Option<&str>) -> bool {
    name == "details" && open.is_none()
}

/// Whether a picture is too small for anybody to see it, whatever its text says.
pub fn is_dot(width: &str, height: &str) -> bool {
    [width, height].iter().all(|size| matches!(size.trim(), "1" | "1px"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passages(html: &str) -> Vec<String> {
        view("test", html, Mode::Prove).passages.into_iter().map(|spot| spot.text).collect()
    }

    #[test]
    fn blocks_part_passages_and_inline_elements_do_not() {
        assert_eq!(
            passages("<p>By <b>Ada</b>\n Quill,<br>HPNF</p><ul><li>one<ul><li>two</li></ul></li></ul>three"),
            ["By Ada Quill, HPNF", "one", "two", "three"]
        );
        assert_eq!(passages("<table><tr><td>Ada</td><td>Quill</td></tr></table>"), ["Ada", "Quill"]);
    }

    #[test]
    fn endless_elements_are_followed_as_far_as_browsers_do() {
        assert_eq!(passages(&format!("<p>By Ada</p>{}By Jo", "<div>".repeat(5_000))), ["By Ada"]);
    }

    #[test]
    fn what_nobody_sees_is_not_found() {
        for unseen in [
            "<!-- By Ada -->",
            "<script>By Ada</script>",
            "<style>By Ada</style>",
            "<template><p>By Ada</p></template>",
            "<noscript>By Ada</noscript>",
            "<p hidden>By Ada</p>",
            "<div style='color: red; DISPLAY : none !important'><p>By Ada</p></div>",
            "<span style='visibility:hidden'>By Ada</span>",
            "<span style='opacity: 0.0'>By Ada</span>",
            "<span style='font-size:0px'>By Ada</span>",
            "<p title='By Ada'></p>",
            "<textarea>By Ada</textarea>",
            "<video src='v.mp4'>By Ada</video>",
            "<details>By Ada<p>By Ada</p></details>",
            "<p style='position:absolute; left:-9999px'>By Ada</p>",
            "<p style='text-indent: -9999px'>By Ada</p>",
            "<p style='position:absolute;clip:rect(1px, 1px, 1px, 1px)'>By Ada</p>",
            "<p style='clip-path: inset(50%)'>By Ada</p>",
            "<p style='height:0; overflow:hidden'>By Ada</p>",
            "<p style='width:1px;height:1px;overflow:hidden'>By Ada</p>",
            "<p style='font: 0/0 a'>By Ada</p>",
            "<p style='transform: scale(0)'>By Ada</p>",
        ] {
            assert_eq!(passages(unseen), [] as [&str; 0], "in {unseen}");
        }
        for seen in [
            "<span style='opacity:0.9;font-size:08px'>By Ada</span>",
            "<p style='overflow:hidden; height:1em'>By Ada</p>",
            "<p style='left:0; top:-2px; position:absolute'>By Ada</p>",
            "<p style='clip:rect(0,100px,20px,0); margin:0'>By Ada</p>",
            "<details open><p>By Ada</p></details>",
            "<details><summary>By Ada</summary><p>more</p></details>",
        ] {
            assert_eq!(passages(seen), ["By Ada"], "in {seen}");
        }
    }

    #[test]
    fn a_logo_is_an_image_with_a_text() {
        let images = |html| -> Vec<String> {
            view("test", html, Mode::Prove).images.unwrap().shown.into_iter().map(|spot| spot.text).collect()
        };
        assert_eq!(images("<figure><img src='l.png?a=1&amp;b=2' alt='HPNF'></figure>"), ["l.png?a=1&b=2"]);
        for none in [
            "<img src='l.png'>",
            "<img src='l.png' alt=' '>",
            "<img src='l.png' alt='HPNF' height=0>",
            "<img src='l.png' alt='HPNF' width=1 height='1px'>",
            "<img src='l.png' alt='HPNF' hidden>",
            "<!--<img src='l.png' alt='HPNF'>-->",
            "<div hidden><img src='l.png' alt='HPNF'></div>",
        ] {
            assert_eq!(images(none), [] as [&str; 0], "in {none}");
        }
    }
}
