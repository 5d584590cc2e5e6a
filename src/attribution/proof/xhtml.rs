//! What readers see of XHTML, read as XML by an XML parser.
//!
//! The rules are HTML's, but the tree is not: in XML `<p/>` is empty, and nothing is closed or moved by itself.

use roxmltree::Node;

use super::html::{is_closed, is_dot, is_inline, is_unseen};
use super::style::hides;
use super::xml::{path, step, words};
use super::{Images, Link, Mode, Passages, Spot, Trail, View, fold};

/// What readers see of `element`, found at `place` of the document.
pub fn view(place: &'static str, element: Node<'_, '_>, mode: Mode) -> View {
    let mut reader = Reader { passages: Passages::along(Trail::new(mode, "/")), ..Reader::default() };
    reader.passages.trail.enter(|| path(element));
    reader.walk(element);
    View {
        place,
        passages: reader.passages.finish(),
        whole: None,
        images: Some(reader.images),
        links: Some(reader.links),
    }
}

#[derive(Default)]
struct Reader {
    passages: Passages,
    images: Images,
    links: Vec<Link>,
}

impl Reader {
    fn walk(&mut self, element: Node<'_, '_>) {
        let name = element.tag_name().name();
        let hidden = element.attribute("hidden").is_some() || element.attribute("style").is_some_and(hides);
        if hidden || is_unseen(name) {
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
                    && let Some(href) = element.attribute("href")
                {
                    let spot = Spot { at: self.passages.trail.here(), text: fold(&words(element)) };
                    self.links.push(Link { href: href.to_owned(), passage: self.passages.number(), spot });
                }
                let closed = is_closed(name, element.attribute("open"));
                for child in element.children() {
                    if closed && child.tag_name().name() != "summary" {
                        continue;
                    }
                    if child.is_text() {
                        self.passages.text(child.text().unwrap_or_default());
                    } else if child.is_element() {
                        self.passages.trail.enter(|| step(child));
                        self.walk(child);
                        self.passages.trail.leave();
                    }
                }
                if boundary {
                    self.passages.boundary();
                }
            }
        }
    }

    fn image(&mut self, element: Node<'_, '_>) {
        let attr = |name| element.attribute(name).unwrap_or_default();
        let sized = [attr("width"), attr("height")].iter().all(|size| !matches!(size.trim(), "0" | "0px"));
        if sized {
            let spot = Spot { at: self.passages.trail.here(), text: attr("src").to_owned() };
            let is_mute = attr("alt").trim().is_empty() || is_dot(attr("width"), attr("height"));
            if is_mute { self.images.mute.push(spot) } else { self.images.shown.push(spot) }
        }
    }
}
