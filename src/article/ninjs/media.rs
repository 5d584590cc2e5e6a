//! Associated assets, and the story's own address.

use super::object::{Object, Text};
use crate::article::html::web_address;
use crate::article::text::one_line;
use crate::article::{DecodeError, Kind, Media, MediaRendition};

/// How deep galleries may nest.
const DEEPEST_GALLERY: usize = 3;

/// The pictures, graphics, videos and audios that go with the story, the one that is featured first and logos last.
/// Associated texts are stories of their own; of a gallery the pictures count.
pub fn associated(item: &Object) -> Result<Vec<Media>, DecodeError> {
    let mut media = Vec::new();
    collect(item, DEEPEST_GALLERY, &mut media)?;
    Ok(media)
}

fn collect(item: &Object, deeper: usize, media: &mut Vec<Media>) -> Result<(), DecodeError> {
    let mut assets = item.named(&["associations"])?;
    assets.sort_by_key(|(name, _)| place_of(name.unwrap_or_default()));
    for (_, asset) in assets {
        let renditions = renditions(&asset)?;
        let kind = asset.line(&["type"])?.map(|kind| kind.to_ascii_lowercase());
        let kind = match kind.as_deref() {
            Some("picture" | "image" | "photo") => "picture",
            Some("graphic") => "graphic",
            Some("video") => "video",
            Some("audio") => "audio",
            Some("text") => continue,
            Some(_) | None => match kind_of(&renditions) {
                Some(kind) => kind,
                None => {
                    if deeper > 0 {
                        collect(&asset, deeper - 1, media)?;
                    }
                    continue;
                }
            },
        };
        let descriptions = asset.texts("description", "descriptions")?;
        let headlines = asset.texts("headline", "headlines")?;
        media.push(Media {
            uri: asset.line(&["uri", "guid"])?,
            kind: kind.to_owned(),
            headline: headlines.first().and_then(Text::line),
            caption: caption(&descriptions),
            alt: match descriptions.iter().find(|text| is_alt(text)) {
                Some(alt) => alt.line(),
                // Superdesk keeps the alternative text in the picture's body, and 1.x has no better place for it.
                None => match item.kind {
                    Kind::Superdesk | Kind::Ninjs1 => asset.line(&["body_text"])?,
                    Kind::OwnV1 | Kind::Ninjs2 | Kind::Ninjs3 | Kind::Nitf | Kind::NewsMlG2 => None,
                },
            },
            credit: asset.line(&["byline", "by"])?,
            holder: asset.line(&["copyrightholder", "copyrightHolder"])?,
            copyright_notice: asset.line(&["copyrightnotice", "copyrightNotice"])?,
            usage_terms: asset.prose(&["usageterms", "usageTerms"])?,
            renditions,
        });
    }
    Ok(())
}

/// Associations that come by key come in the order of their keys, which says nothing of what they are for.
fn place_of(name: &str) -> u8 {
    let name = name.to_ascii_lowercase();
    if name.starts_with("feature") || name.starts_with("main") {
        0
    } else if name.starts_with("logo") {
        2
    } else {
        1
    }
}

/// The address of the rendition that says it is the canonical one (`canonical-web`); Superdesk has its own fields for
/// such things.
pub fn canonical(item: &Object) -> Result<Option<String>, DecodeError> {
    if let Some(address) = item.extra("canonical_url").and_then(web_address) {
        return Ok(Some(address));
    }
    for (name, rendition) in item.named(&["renditions"])? {
        if name.is_some_and(|name| name.to_ascii_lowercase().starts_with("canonical")) {
            return Ok(rendition.text(&["href"])?.and_then(web_address));
        }
    }
    Ok(None)
}

/// Whether a description describes a picture rather than the story.
pub fn is_caption_or_alt(text: &Text) -> bool {
    is_alt(text) || text.role == Some("caption")
}

fn is_alt(text: &Text) -> bool {
    text.role.is_some_and(|role| role.to_ascii_lowercase().starts_with("alt"))
}

fn caption(descriptions: &[Text]) -> Option<String> {
    let rank = |text: &&Text| match text.role {
        Some("caption") => 0,
        Some("main" | "text") | None => 1,
        _ => 2,
    };
    descriptions.iter().filter(|text| !is_alt(text)).min_by_key(rank).and_then(Text::line)
}

/// The files that can be fetched, the largest first: Superdesk also lists some that only its own servers know.
fn renditions(asset: &Object) -> Result<Vec<MediaRendition>, DecodeError> {
    let mut renditions = Vec::new();
    for (name, file) in asset.named(&["renditions"])? {
        let Some(href) = file.text(&["href"])?.and_then(web_address) else { continue };
        renditions.push(MediaRendition {
            name: name.and_then(one_line).unwrap_or_else(|| "main".to_owned()),
            href,
            mime: file.line(&["mimetype", "contenttype", "contentType"])?,
            width: file.pixels("width"),
            height: file.pixels("height"),
        });
    }
    renditions.sort_by_key(|file| {
        let area = u64::from(file.width.unwrap_or(0)) * u64::from(file.height.unwrap_or(0));
        let best = matches!(file.name.to_ascii_lowercase().as_str(), "original" | "highres" | "main");
        std::cmp::Reverse((area, best))
    });
    Ok(renditions)
}

fn kind_of(renditions: &[MediaRendition]) -> Option<&'static str> {
    let mime = renditions.iter().find_map(|file| file.mime.as_deref())?;
    match mime.split('/').next() {
        Some("image") => Some("picture"),
        Some("video") => Some("video"),
        Some("audio") => Some("audio"),
        _ => None,
    }
}
