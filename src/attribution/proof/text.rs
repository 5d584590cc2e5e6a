//! Reads plain text.
//!
//! It has no fields: what readers see is all there is. A passage is a line. A line in square brackets that ends with an
//! address in angle brackets is a picture, and what stands before the address its alternative text; in any other line
//! an address in angle brackets is where the words before it lead.

use super::{Images, Lack, Link, Mode, Seen, Spot, View, lines};

pub fn read(bytes: &[u8], mode: Mode) -> Result<Seen, Lack> {
    let place = "the text";
    let unreadable = |why: String| Lack::Unreadable { place, why };
    let text = std::str::from_utf8(bytes).map_err(|why| unreadable(why.to_string()))?;
    if let Some(control) = text.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\t' | '\u{7f}'..='\u{9f}')) {
        return Err(unreadable(format!("it has the control character {control:?}")));
    }
    let passages = lines("the text,", text, mode);
    let mut images = Images::default();
    let mut links = Vec::new();
    for (passage, Spot { at, text }) in passages.iter().enumerate() {
        match picture(text) {
            Some((alt, address)) => {
                let spot = Spot { at: at.clone(), text: address.to_owned() };
                if alt.is_empty() { images.mute.push(spot) } else { images.shown.push(spot) }
            }
            None => links.extend(leads(text).map(|(href, text)| {
                let spot = Spot { at: at.clone(), text: text.to_owned() };
                Link { href, passage, spot }
            })),
        }
    }
    let mut seen = Seen::default();
    seen.views.push(View { place, passages, whole: Some(text.to_owned()), images: Some(images), links: Some(links) });
    Ok(seen)
}

/// The alternative text and the address in `[Logo: Harbor Press <https://…>]`; `[Counter <https://…>]` has no text.
fn picture(line: &str) -> Option<(&str, &str)> {
    let inner = line.strip_prefix('[')?.strip_suffix(">]")?;
    let (before, address) = inner.rsplit_once('<')?;
    let (_, alt) = before.split_once(':').unwrap_or_default();
    Some((alt.trim(), address))
}

/// The addresses in a line, each with the words that lead there: those before an address in angle brackets, or the
/// address itself.
fn leads(line: &str) -> impl Iterator<Item = (String, &str)> {
    let bracketed = line.match_indices('<').filter_map(|(at, _)| {
        let address = &line[at + 1..at + line[at..].find('>')?];
        address.contains(':').then(|| (address.to_owned(), line[..at].trim_end()))
    });
    let bare = line.split_whitespace().filter_map(|word| {
        let word = word.trim_matches(|c: char| "()<>[].,;:!?\"'".contains(c));
        if word.contains("://") {
            Some((word.to_owned(), word))
        } else {
            word.contains('@').then(|| (format!("mailto:{word}"), word))
        }
    });
    bracketed.chain(bare)
}
