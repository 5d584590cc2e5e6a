//! Assets that go with the story as blocks of its text, for the formats that have no field for them.

use super::Manuscript;
use crate::article::body::{Image, passages};
use crate::article::{Block, Inline, Media};
use crate::attribution::media;
use crate::config::Element;

/// The caption of an asset with its credit, since receivers keep that alone.
pub fn caption(asset: &Media) -> Option<String> {
    with_credit(asset, media::credit(asset))
}

fn with_credit(asset: &Media, credit: Option<String>) -> Option<String> {
    match (asset.caption.as_deref(), credit) {
        (Some(caption), Some(credit)) if !caption.contains(&credit) => Some(format!("{caption} ({credit})")),
        (Some(caption), _) => Some(caption.to_owned()),
        (None, Some(credit)) => Some(format!("({credit})")),
        (None, None) => None,
    }
}

/// The assets that may go with the story, but for those that stand in its text already, with their credit.
pub fn blocks(manuscript: &Manuscript<'_>) -> Vec<Block> {
    let mut shown = Vec::new();
    images(&manuscript.body.blocks, &mut shown);
    let passages = passages(&manuscript.body.blocks);
    let credits = manuscript.attribution.required().iter().filter(|required| required.element == Element::Credit);
    let uncredited: Vec<&str> = credits
        .filter(|credit| !credit.needles.iter().all(|name| passages.iter().any(|passage| passage.contains(name))))
        .flat_map(|credit| credit.pictures.iter().map(String::as_str))
        .collect();
    let among = |asset: &Media, files: &[&str]| asset.renditions.iter().any(|file| files.contains(&file.href.as_str()));
    let stands = |asset: &Media| among(asset, &shown) && !among(asset, &uncredited);
    manuscript.media.iter().filter(|asset| !stands(asset)).filter_map(|asset| block(asset)).collect()
}

/// An asset by its first and best file: a picture as a picture, anything else as a link.
fn block(asset: &Media) -> Option<Block> {
    let file = asset.renditions.first()?;
    let named = [&asset.alt, &asset.headline, &asset.caption].into_iter().flatten().next();
    // There is no other place for the holder.
    let credit = media::credit(asset).map(|credit| match asset.holder.as_deref() {
        Some(holder) if !credit.contains(holder) => format!("{credit}/{holder}"),
        _ => credit,
    });
    let caption = with_credit(asset, credit);
    if matches!(asset.kind.as_str(), "picture" | "graphic") {
        return Some(Block::Image(Image {
            src: file.href.clone(),
            alt: named.cloned().unwrap_or_default(),
            caption: caption.map(Inline::Text).into_iter().collect(),
            width: file.width,
            height: file.height,
        }));
    }
    let children = vec![Inline::Text(asset.headline.clone().unwrap_or_else(|| file.href.clone()))];
    let mut inlines = vec![Inline::Link { href: file.href.clone(), children }];
    if let Some(caption) = caption {
        inlines.extend([Inline::Break, Inline::Text(caption)]);
    }
    Some(Block::Paragraph(inlines))
}

/// The addresses of the images in `blocks`.
fn images<'a>(blocks: &'a [Block], found: &mut Vec<&'a str>) {
    for block in blocks {
        match block {
            Block::Image(image) => found.push(&image.src),
            Block::Quote(inner) => images(inner, found),
            Block::List { items, .. } => items.iter().for_each(|item| images(item, found)),
            Block::Paragraph(_) | Block::Heading(..) | Block::Preformatted(_) | Block::Rule | Block::Table(_) => {}
        }
    }
}
