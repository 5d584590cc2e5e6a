//! Media that is somebody else's: an agency photo in the story is not the wire's to give.
//!
//! Media whose holder is named and is not the wire is dropped, passes with its owner's credit, or leaves its credit
//! alone behind, as the wire's policy says. Media without a holder is the wire's own, unless a rule knows better.

use std::borrow::Cow;
use std::collections::HashMap;

use super::{fits, tidy};
use crate::article::body::{Image, inline_text};
use crate::article::{Article, Block, Body, Inline, Media};
use crate::config::{MediaRule, MediaUse, Wire};

/// An article's media, sorted by what the policy lets pass.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sifted<'a> {
    /// What goes with the story, in the article's order.
    pub passed: Vec<&'a Media>,
    /// Those of the passed that belong to somebody else, and need their credit.
    pub credited: Vec<&'a Media>,
    /// What the story goes without.
    pub dropped: Vec<&'a Media>,
    /// Those of the dropped whose caption and credit stand in their place.
    pub credit_only: Vec<&'a Media>,
    /// Those of somebody else by the addresses of their files.
    files: HashMap<String, Theirs<'a>>,
}

/// What becomes of an image in the text that is somebody else's.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Theirs<'a> {
    Dropped,
    /// Several assets may be of one file, each with its own credit.
    Credited(Vec<&'a Media>),
    CreditOnly(&'a Media),
}

/// Sorts the media of `article` by the policy of `wire`.
pub fn sift<'a>(article: &'a Article, wire: &Wire) -> Sifted<'a> {
    let own: Vec<String> = [&wire.name, &wire.short_name]
        .into_iter()
        .chain(&wire.own_holders)
        .filter_map(|name| tidy(name))
        .map(|name| name.to_lowercase())
        .collect();
    let mut sifted = Sifted::default();
    for media in &article.media {
        let holder = media.holder.as_deref().and_then(tidy);
        let is_own = holder.as_ref().is_none_or(|holder| own.contains(&holder.to_lowercase()));
        let usual = if is_own { wire.own_media } else { wire.third_party_media };
        let owner = holder.or_else(|| media.credit.as_deref().and_then(tidy));
        let rule = wire.media_rules.iter().find(|rule| is_for(rule, article, media, owner.as_deref()));
        match rule.map_or(usual, |rule| rule.policy) {
            MediaUse::Pass => sifted.passed.push(media),
            MediaUse::Drop => sifted.dropped.push(media),
            MediaUse::CreditOnly => {
                sifted.dropped.push(media);
                sifted.credit_only.push(media);
            }
            MediaUse::Credit => {
                sifted.passed.push(media);
                sifted.credited.push(media);
            }
        }
    }
    let mut files: HashMap<String, Theirs<'a>> = HashMap::new();
    for media in &sifted.credited {
        for file in files_of(media) {
            let theirs = files.entry(file).or_insert_with(|| Theirs::Credited(Vec::new()));
            if let Theirs::Credited(owners) = theirs {
                owners.push(media);
            }
        }
    }
    // What one asset forbids, no other allows.
    for media in &sifted.dropped {
        files.extend(files_of(media).map(|file| (file, Theirs::Dropped)));
    }
    for media in &sifted.credit_only {
        files.extend(files_of(media).map(|file| (file, Theirs::CreditOnly(media))));
    }
    sifted.files = files;
    sifted
}

fn files_of(media: &Media) -> impl Iterator<Item = String> {
    let addresses = media.renditions.iter().map(|file| &file.href).chain(&media.uri);
    addresses.map(|address| file_of(address))
}

fn is_for(rule: &MediaRule, article: &Article, media: &Media, owner: Option<&str>) -> bool {
    let is = |pattern: &Option<String>, text: Option<&str>| {
        pattern.as_ref().is_none_or(|pattern| text.is_some_and(|text| fits(pattern, text)))
    };
    let has_keyword = |word: &String| article.keywords.iter().any(|keyword| fits(word, keyword));
    is(&rule.owner, owner)
        && is(&rule.usage, media.usage_terms.as_deref())
        && rule.keyword.as_ref().is_none_or(has_keyword)
}

/// What a file is known by whatever size of it is asked for: the address without the query and the size in its name,
/// where the path names a file (`…/photo.jpg?w=640`, and WordPress's `…/photo-1024x683.jpg`); whole, where the query may
/// be what tells one picture from another (`…/image?id=7`). The scheme makes no difference.
fn file_of(address: &str) -> String {
    let address = ["https:", "http:"].into_iter().find_map(|scheme| address.strip_prefix(scheme)).unwrap_or(address);
    let path = address.split(['?', '#']).next().unwrap_or_default();
    let Some((before, ending)) = path.rsplit_once('.').filter(|(_, ending)| !ending.contains('/')) else {
        return address.to_owned();
    };
    let is_size = |size: &str| {
        let number = |text: &str| !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
        size == "scaled" || size.split_once('x').is_some_and(|(width, height)| number(width) && number(height))
    };
    let name = before.rsplit_once('-').filter(|(_, size)| is_size(size)).map_or(before, |(name, _)| name);
    format!("{name}.{ending}")
}

/// `body` without the images at `address`.
pub fn without<'b>(body: Cow<'b, Body>, address: &str) -> Cow<'b, Body> {
    if !shows(&body.blocks, address) {
        return body;
    }
    let mut keep = |image: &Image| (image.src != address).then(|| Block::Image(image.clone()));
    Cow::Owned(Body { blocks: sifted(&body.blocks, &mut keep) })
}

fn shows(blocks: &[Block], address: &str) -> bool {
    blocks.iter().any(|block| match block {
        Block::Image(image) => image.src == address,
        Block::Quote(inner) => shows(inner, address),
        Block::List { items, .. } => items.iter().any(|item| shows(item, address)),
        Block::Paragraph(_) | Block::Heading(..) | Block::Preformatted(_) | Block::Rule | Block::Table(_) => false,
    })
}

/// `blocks` with every image as `keep` has it.
fn sifted(blocks: &[Block], keep: &mut dyn FnMut(&Image) -> Option<Block>) -> Vec<Block> {
    let mut kept = Vec::new();
    for block in blocks {
        kept.extend(match block {
            Block::Image(image) => keep(image),
            Block::Quote(inner) => Some(Block::Quote(sifted(inner, keep))),
            Block::List { ordered, items } => {
                let items = items.iter().map(|item| sifted(item, keep)).collect();
                Some(Block::List { ordered: *ordered, items })
            }
            Block::Paragraph(_) | Block::Heading(..) | Block::Preformatted(_) | Block::Rule | Block::Table(_) => {
                Some(block.clone())
            }
        });
    }
    kept
}

/// Who is to be named beside an asset: its credit, or else its holder.
pub fn credit(media: &Media) -> Option<String> {
    [&media.credit, &media.holder].into_iter().find_map(|text| text.as_deref().and_then(tidy))
}

impl Sifted<'_> {
    /// `body` under the same policy: an image in the text that is a file of a dropped asset is left out, or its caption
    /// and credit stand in its place; one that is a file of a credited asset says whose it is.
    pub fn body<'b>(&self, body: &'b Body) -> Cow<'b, Body> {
        if self.files.is_empty() && self.credit_only.is_empty() {
            return Cow::Borrowed(body);
        }
        let mut told: Vec<&Media> = Vec::new();
        let mut keep = |image: &Image| match self.files.get(&file_of(&image.src)) {
            None => Some(Block::Image(image.clone())),
            Some(Theirs::Dropped) => None,
            Some(Theirs::Credited(owners)) => {
                Some(Block::Image(owners.iter().fold(image.clone(), |image, media| credited(image, media))))
            }
            Some(Theirs::CreditOnly(media)) => {
                told.push(media);
                in_words(media)
            }
        };
        let mut blocks = sifted(&body.blocks, &mut keep);
        let untold = self.credit_only.iter().filter(|media| !told.contains(media));
        blocks.extend(untold.filter_map(|media| in_words(media)));
        Cow::Owned(Body { blocks })
    }

    /// The credits of the media that pass with them, each with the addresses of the asset's files.
    pub fn credits(&self) -> impl Iterator<Item = (String, Vec<String>)> {
        let with_files = self.credited.iter().filter(|media| !media.renditions.is_empty());
        with_files.filter_map(|media| {
            let files = media.renditions.iter().map(|file| file.href.clone()).collect();
            Some((credit(media)?, files))
        })
    }
}

/// What stands in the place of a picture that does not go with the story.
fn in_words(media: &Media) -> Option<Block> {
    let caption = media.caption.as_deref().and_then(tidy);
    let text = match (caption, credit(media)) {
        (Some(caption), Some(credit)) if !caption.contains(&credit) => format!("{caption} ({credit})"),
        (Some(text), _) | (None, Some(text)) => text,
        (None, None) => return None,
    };
    Some(Block::Paragraph(vec![Inline::Text(text)]))
}

fn credited(mut image: Image, media: &Media) -> Image {
    if let Some(credit) = credit(media) {
        let mut caption = String::new();
        inline_text(&image.caption, &mut caption);
        if !caption.contains(&credit) {
            let gap = if image.caption.is_empty() { "" } else { " " };
            image.caption.push(Inline::Text(format!("{gap}({credit})")));
        }
    }
    image
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribution::sample::{article, picture, wire};

    fn inline(src: &str) -> Block {
        Block::Image(Image { src: src.into(), alt: "A ferry".into(), ..Image::default() })
    }

    #[test]
    fn a_third_partys_picture_is_dropped_from_the_media_and_from_the_text() {
        let mut article = article();
        article.media = vec![picture("own", Some("hpnf ")), picture("theirs", Some("REUTERS")), picture("free", None)];
        article.body.blocks.push(Block::Quote(vec![
            inline("https://cdn.harborpress.example/theirs.jpg"),
            inline("https://cdn.harborpress.example/theirs.jpg?w=640#top"),
            inline("http://cdn.harborpress.example/theirs-1024x683.jpg"),
            inline("//cdn.harborpress.example/theirs-scaled.jpg"),
            inline("https://cdn.harborpress.example/own.jpg"),
        ]));
        let sifted = sift(&article, &wire());
        assert_eq!(sifted.dropped, [&article.media[1]]);
        assert_eq!(sifted.passed, [&article.media[0], &article.media[2]]);
        assert_eq!(
            sifted.body(&article.body).blocks.last(),
            Some(&Block::Quote(vec![inline("https://cdn.harborpress.example/own.jpg")]))
        );
    }

    #[test]
    fn a_file_of_two_owners_is_credited_to_both() {
        let mut article = article();
        article.media = vec![picture("theirs", Some("REUTERS")), picture("theirs", Some("AFP"))];
        article.media.iter_mut().for_each(|media| media.credit = None);
        article.body.blocks = vec![inline("https://cdn.harborpress.example/theirs.jpg")];
        let mut wire = wire();
        wire.third_party_media = MediaUse::Credit;
        assert_eq!(sift(&article, &wire).body(&article.body).text(), "(REUTERS) (AFP)");
    }

    #[test]
    fn a_third_partys_picture_passes_with_its_credit_where_the_wire_says_so() {
        let mut article = article();
        article.media = vec![picture("theirs", Some("REUTERS"))];
        article.media[0].credit = Some("REUTERS/Jonathan Ernst".into());
        article.body.blocks = vec![inline("https://cdn.harborpress.example/theirs.jpg")];
        let mut wire = wire();
        wire.third_party_media = MediaUse::Credit;
        let sifted = sift(&article, &wire);
        assert_eq!((sifted.passed.len(), sifted.dropped.len()), (1, 0));
        assert_eq!(sifted.body(&article.body).text(), "(REUTERS/Jonathan Ernst)");

        wire.own_holders = vec!["Reuters".into()];
        assert_eq!(sift(&article, &wire).credited, [] as [&Media; 0]);
    }
}
