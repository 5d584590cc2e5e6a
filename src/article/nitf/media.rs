//! `media`: pictures and other assets.
//!
//! Whose a picture is decides whether it may leave, and NITF has no field that says it plainly. The holder is who the
//! `copyright` of a file names; failing that, the house in a credit of the form `Lena Ortiz/Bay Pictures`. A credit
//! that is a name alone is the wire's own photographer.

use crate::article::html::web_address;
use crate::article::text::{one_line, prose};
use crate::article::xml::Element;
use crate::article::{Media, MediaRendition};

/// What an element `media` becomes.
pub enum Asset {
    /// A picture at an address, of which nothing more is said than its caption.
    Plain { src: String, alt: Option<String>, width: Option<String>, height: Option<String> },
    /// An asset with somebody's rights, or more than the text can hold.
    Rights(Box<Media>),
    /// Something that is neither seen nor heard; where it is, if that is known.
    Other { href: String },
}

pub fn of(media: &Element) -> Asset {
    let reference = media.child("media-reference");
    let is_seen_or_heard = kind(media).is_some();
    if !is_seen_or_heard {
        let href = reference.and_then(|it| it.attribute("source")).unwrap_or_default();
        return Asset::Other { href: href.to_owned() };
    }
    let asset = with_rights(media);
    let more = asset.credit.is_some() || asset.holder.is_some() || asset.usage_terms.is_some();
    let associated = media.attribute("class") == Some("associated");
    match (reference, &asset.renditions[..]) {
        (Some(reference), [file])
            if !more && !associated && asset.kind == "picture" && asset.copyright_notice.is_none() =>
        {
            Asset::Plain {
                src: file.href.clone(),
                alt: asset.alt.clone(),
                width: reference.line_of("width"),
                height: reference.line_of("height"),
            }
        }
        _ => Asset::Rights(Box::new(asset)),
    }
}

/// Everything that is said of an asset.
pub fn with_rights(media: &Element) -> Media {
    let references: Vec<&Element> = media.all("media-reference").collect();
    let said = |name| references.iter().find_map(|reference| reference.line_of(name));
    let metadata = |name: &str| {
        let mut named = media.all("media-metadata").filter(|it| it.attribute("name") == Some(name));
        named.find_map(|it| it.attribute("value").and_then(prose))
    };
    let lines = |name| {
        let lines: Vec<String> = media.all(name).filter_map(Element::line).collect();
        one_line(&lines.join(" "))
    };
    let credit = lines("media-producer").or_else(|| said("source-credit"));
    let copyright = said("copyright");
    let holder = copyright.as_deref().and_then(holder).or_else(|| credit.as_deref().and_then(house));
    let caption = lines("media-caption").and_then(|caption| without_credit(&caption, credit.as_deref()));
    let renditions: Vec<MediaRendition> = references.iter().filter_map(|reference| rendition(reference)).collect();
    Media {
        // A file that only the agency's own systems know by its name.
        uri: if renditions.is_empty() { said("source") } else { None },
        kind: kind(media).unwrap_or("picture").to_owned(),
        headline: None,
        caption,
        alt: said("alternate-text"),
        copyright_notice: copyright.filter(|notice| Some(notice) != holder.as_ref()),
        credit,
        holder,
        usage_terms: metadata("usageterms"),
        renditions,
    }
}

fn rendition(reference: &Element) -> Option<MediaRendition> {
    let pixels = |name| reference.attribute(name)?.trim().trim_end_matches("px").parse().ok();
    Some(MediaRendition {
        name: reference.line_of("name").unwrap_or_else(|| "main".to_owned()),
        href: reference.attribute("source").and_then(web_address)?,
        mime: reference.line_of("mime-type"),
        width: pixels("width"),
        height: pixels("height"),
    })
}

fn kind(media: &Element) -> Option<&'static str> {
    match media.attribute("media-type").unwrap_or("image").trim().to_ascii_lowercase().as_str() {
        "image" | "picture" | "photo" => Some("picture"),
        "graphic" => Some("graphic"),
        "video" => Some("video"),
        "audio" => Some("audio"),
        _ => None,
    }
}

/// `© 2026 Bay Pictures. Used by permission.`: Bay Pictures.
fn holder(copyright: &str) -> Option<String> {
    let mut rest = copyright.trim();
    loop {
        let before = rest.len();
        for sign in ["©", "(c)", "(C)", "Copyright", "copyright", "COPYRIGHT"] {
            rest = rest.strip_prefix(sign).unwrap_or(rest).trim_start();
        }
        let year = rest.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '-' | '–'));
        if rest.len() - year.len() >= 4 {
            rest = year.trim_start_matches([',', ' ', ':']);
        }
        if rest.len() == before {
            break;
        }
    }
    let end = [". ", "; "].iter().filter_map(|end| rest.find(end)).min().unwrap_or(rest.len());
    one_line(rest[..end].trim_end_matches(['.', ';']))
}

/// The house in `Lena Ortiz/Bay Pictures`.
fn house(credit: &str) -> Option<String> {
    credit.rsplit_once('/').and_then(|(_, house)| one_line(house))
}

/// A caption without the credit that stands at its end in brackets, for receivers that keep nothing else.
fn without_credit(caption: &str, credit: Option<&str>) -> Option<String> {
    let bare = credit.and_then(|credit| {
        let rest = caption.strip_suffix(')')?.strip_suffix(credit)?.strip_suffix('(')?;
        (rest.is_empty() || rest.ends_with(' ')).then_some(rest)
    });
    one_line(bare.unwrap_or(caption))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_holder_is_who_the_copyright_names() {
        for (copyright, name) in [
            ("© 2026 Bay Pictures", Some("Bay Pictures")),
            ("© 2026 Bay Pictures. Used by permission; not included.", Some("Bay Pictures")),
            ("Copyright 2024-2026, Bay Pictures Ltd.", Some("Bay Pictures Ltd")),
            ("(c) Bay Pictures 2026", Some("Bay Pictures 2026")),
            ("Copyright © Bay Pictures", Some("Bay Pictures")),
            ("Bay Pictures", Some("Bay Pictures")),
            ("24 Hour Press", Some("24 Hour Press")),
            ("© 2026", None),
            ("", None),
        ] {
            assert_eq!(holder(copyright).as_deref(), name, "{copyright}");
        }
    }

    #[test]
    fn a_credit_names_a_house_after_its_stroke() {
        assert_eq!(house("Lena Ortiz/Bay Pictures").as_deref(), Some("Bay Pictures"));
        assert_eq!(house("Lena Ortiz"), None);
        assert_eq!(house("Lena Ortiz/"), None);
    }
}
