//! Media that is somebody else's: an agency photo in the story is not the wire's to give.
//!
//! Media whose holder is named and is not the wire is dropped, or passes with its owner's credit, as the wire's
//! policy says. Media without a holder is the wire's own.

use std::borrow::Cow;

use super::tidy;
use crate::article::body::{Image, inline_text};
use crate::article::{Article, Block, Body, Inline, Media};
use crate::config::{ThirdParty, Wire};

/// An article's media, sorted by what the policy lets pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sifted<'a> {
    /// What goes with the story, in the article's order.
    pub passed: Vec<&'a Media>,
    /// Those of the passed that belong to somebody else, and need their credit.
    pub credited: Vec<&'a Media>,
    /// What the story goes without.
    pub dropped: Vec<&'a Media>,
}

/// Sorts the media of `article` by the policy of `wire`.
pub fn sift<'a>(article: &'a Article, wire: &Wire) -> Sifted<'a> {
    let own: Vec<String> = [&wire.name, &wire.short_name]
        .into_iter()
        .chain(&wire.own_holders)
        .filter_map(|name| tidy(name))
        .map(|name| name.to_lowercase())
        .collect();
    let mut sifted = Sifted { passed: Vec::new(), credited: Vec::new(), dropped: Vec::new() };
    for media in &article.media {
        let holder = media.holder.as_deref().and_then(tidy).map(|holder| holder.to_lowercase());
        let third_party = holder.is_some_and(|holder| !own.contains(&holder));
        match wire.third_party_media {
            ThirdParty::Drop if third_party => sifted.dropped.push(media),
            ThirdParty::Credit if third_party => {
                sifted.passed.push(media);
                sifted.credited.push(media);
            }
            ThirdParty::Drop | ThirdParty::Credit => sifted.passed.push(media),
        }
    }
    sifted
}

/// Who is to be named beside an asset: its credit, or else its holder.
pub fn credit(media: &Media) -> Option<String> {
    [&media.credit, &media.holder].into_iter().find_map(|text| text.as_deref().and_then(tidy))
}

impl Sifted<'_> {
    /// `body` under the same policy: an image in the text that is a file of a dropped asset is left out, and one that
    /// is a file of a credited asset says whose it is.
    pub fn body<'b>(&self, body: &'b Body) -> Cow<'b, Body> {
        if self.dropped.is_empty() && self.credited.is_empty() {
            return Cow::Borrowed(body);
        }
        Cow::Owned(Body { blocks: self.blocks(&body.blocks) })
    }

    fn blocks(&self, blocks: &[Block]) -> Vec<Block> {
        blocks.iter().filter_map(|block| self.block(block)).collect()
    }

    fn block(&self, block: &Block) -> Option<Block> {
        Some(match block {
            Block::Image(image) if shown(&self.dropped, image).is_some() => return None,
            Block::Image(image) => Block::Image(self.image(image)),
            Block::Quote(inner) => Block::Quote(self.blocks(inner)),
            Block::List { ordered, items } => {
                Block::List { ordered: *ordered, items: items.iter().map(|item| self.blocks(item)).collect() }
            }
            Block::Paragraph(_) | Block::Heading(..) | Block::Preformatted(_) | Block::Rule | Block::Table(_) => {
                block.clone()
            }
        })
    }

    fn image(&self, image: &Image) -> Image {
        let mut image = image.clone();
        if let Some(credit) = shown(&self.credited, &image).and_then(credit) {
            let mut caption = String::new();
            inline_text(&image.caption, &mut caption);
            if !caption.contains(&credit) {
                let gap = if image.caption.is_empty() { "" } else { " " };
                image.caption.push(Inline::Text(format!("{gap}({credit})")));
            }
        }
        image
    }
}

/// The asset that has `image` among its files.
fn shown<'a>(media: &[&'a Media], image: &Image) -> Option<&'a Media> {
    let is_file =
        |media: &Media| media.renditions.iter().map(|file| &file.href).chain(&media.uri).any(|src| *src == image.src);
    media.iter().copied().find(|media| is_file(media))
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
    fn a_third_partys_picture_passes_with_its_credit_where_the_wire_says_so() {
        let mut article = article();
        article.media = vec![picture("theirs", Some("REUTERS"))];
        article.media[0].credit = Some("REUTERS/Jonathan Ernst".into());
        article.body.blocks = vec![inline("https://cdn.harborpress.example/theirs.jpg")];
        let mut wire = wire();
        wire.third_party_media = ThirdParty::Credit;
        let sifted = sift(&article, &wire);
        assert_eq!((sifted.passed.len(), sifted.dropped.len()), (1, 0));
        assert_eq!(sifted.body(&article.body).text(), "(REUTERS/Jonathan Ernst)");

        wire.own_holders = vec!["Reuters".into()];
        assert_eq!(sift(&article, &wire).credited, [] as [&Media; 0]);
    }
}
