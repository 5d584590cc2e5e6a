//! What readers see of an HTML fragment, read by the HTML5 rules.

use scraper::{ElementRef, Html, Node, Selector};

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

/// Declarations by which a style hides what it is on, without spaces.
const HIDING: [&str; 5] = ["display:none", "visibility:hidden", "visibility:collapse", "opacity:0", "font-size:0"];

/// What readers see of `html`, found at `place` of the document.
pub fn view(place: &'static str, html: &str, mode: Mode) -> View {
    seen(place, &Html::parse_fragment(html), mode)
}

/// What readers see of a document.
pub fn seen(place: &'static str, html: &Html, mode: Mode) -> View {
    let mut reader = Reader { passages: Passages::along(Trail::new(mode, " > ")), ..Reader::default() };
    if mode == Mode::Explain {
        reader.passages.trail.enter(|| place.to_owned());
    }
    reader.walk(html.root_element());
    View {
        place,
        passages: reader.passages.finish(),
        whole: None,
        images: Some(reader.images),
        links: Some(reader.links),
    }
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
    let page = Html::parse_document(html);
    let mut reader = Reader { passages: Passages::along(Trail::new(Mode::Explain, " > ")), ..Reader::default() };
    // Whatever else a style sheet does, what it hides by plain rules is hidden.
    reader.hiding = style::hiding(&page).unwrap_or_default();
    reader.walk(page.root_element());
    let mut found = WebPage {
        passages: reader.passages.finish(),
        pictures: reader.pictures,
        links: reader.links,
        canonical: None,
        headlines: Vec::new(),
    };
    let mut titles = Vec::new();
    for element in page.root_element().descendants().filter_map(ElementRef::wrap) {
        let attr = |name| element.value().attr(name).unwrap_or_default();
        let text = || fold(&element.text().collect::<String>());
        match element.value().name() {
            "h1" => found.headlines.push(text()),
            "title" => titles.push(text()),
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
    let document = Html::parse_document(html);
    let mut reader = Reader { passages: Passages::along(Trail::new(mode, " > ")), ..Reader::default() };
    reader.hiding = style::hiding(&document)?;
    reader.walk(document.root_element());
    let (images, links) = (Some(reader.images), Some(reader.links));
    let is_canonical =
        |link: &ElementRef<'_>| link.attr("rel").is_some_and(|rel| rel.eq_ignore_ascii_case("canonical"));
    let own =
        document.root_element().descendent_elements().filter(|it| it.value().name() == "link").filter(is_canonical);
    let own =
        own.filter_map(|link| Some(Spot { at: "link[rel=canonical]".to_owned(), text: link.attr("href")?.to_owned() }));
    let own = own.collect();
    Ok((View { place, passages: reader.passages.finish(), whole: None, images, links }, own))
}

#[derive(Default)]
struct Reader {
    /// What a style sheet hides.
    hiding: Vec<Selector>,
    passages: Passages,
    images: Images,
    /// All images, with their alternative texts.
    pictures: Vec<(Spot, String)>,
    links: Vec<Link>,
}

impl Reader {
    fn walk(&mut self, element: ElementRef<'_>) {
        let name = element.value().name();
        if is_unseen(name) || is_hidden(element) || self.hiding.iter().any(|it| it.matches(&element)) {
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
                    && let Some(href) = element.value().attr("href")
                {
                    let text = fold(&element.text().collect::<String>());
                    let spot = Spot { at: self.passages.trail.here(), text };
                    self.links.push(Link { href: href.to_owned(), passage: self.passages.number(), spot });
                }
                for child in element.children() {
                    match child.value() {
                        Node::Text(text) => self.passages.text(text),
                        Node::Element(_) => {
                            if let Some(child) = ElementRef::wrap(child) {
                                self.passages.trail.enter(|| step(child));
                                self.walk(child);
                                self.passages.trail.leave();
                            }
                        }
                        Node::Document
                        | Node::Fragment
                        | Node::Doctype(_)
                        | Node::Comment(_)
                        | Node::ProcessingInstruction(_) => {}
                    }
                }
                if boundary {
                    self.passages.boundary();
                }
            }
        }
    }

    fn image(&mut self, element: ElementRef<'_>) {
        let attr = |name| element.value().attr(name).unwrap_or_default();
        let sized = [attr("width"), attr("height")].iter().all(|size| !matches!(size.trim(), "0" | "0px"));
        if sized {
            let spot = Spot { at: self.passages.trail.here(), text: attr("src").to_owned() };
            self.pictures.push((spot.clone(), attr("alt").to_owned()));
            if attr("alt").trim().is_empty() { self.images.mute.push(spot) } else { self.images.shown.push(spot) }
        }
    }
}

/// The element as a selector among its parent's children.
fn step(element: ElementRef<'_>) -> String {
    let name = element.value().name();
    let before = element.prev_siblings().filter_map(ElementRef::wrap).filter(|other| other.value().name() == name);
    format!("{name}:nth-of-type({})", before.count() + 1)
}

fn is_hidden(element: ElementRef<'_>) -> bool {
    let style = element.value().attr("style").unwrap_or_default();
    element.value().attr("hidden").is_some() || hides(style)
}

/// Whether a `style` hides what it is on.
pub fn hides(style: &str) -> bool {
    let style: String = style.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_lowercase();
    style.split(';').any(|declaration| {
        let declaration = declaration.trim_end_matches("!important");
        HIDING.iter().any(|hiding| {
            declaration.strip_prefix(hiding).is_some_and(|rest| {
                rest.is_empty() || rest == "." || rest.trim_start_matches(['.', '0']).trim_end_matches("px").is_empty()
            })
        })
    })
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
        ] {
            assert_eq!(passages(unseen), [] as [&str; 0], "in {unseen}");
        }
        assert_eq!(passages("<span style='opacity:0.9;font-size:08px'>By Ada</span>"), ["By Ada"]);
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
            "<img src='l.png' alt='HPNF' hidden>",
            "<!--<img src='l.png' alt='HPNF'>-->",
            "<div hidden><img src='l.png' alt='HPNF'></div>",
        ] {
            assert_eq!(images(none), [] as [&str; 0], "in {none}");
        }
    }
}
