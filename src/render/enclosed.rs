//! The files of media that go with a document: which of them, and what the document calls them.
//!
//! Names and ids are made of the article alone, so that a document can be written and proved before anything is fetched,
//! and is the same at every attempt (promise 9). Only media that the wire lets pass is among them, one file of each asset.
//! A file that turned out to be gone is taken out before anything else is done with the article: no format, no policy and
//! no proof ever hears of it.
//!
//! It does not know how files are fetched or where they go.

use std::borrow::Cow;
use std::collections::BTreeSet;

use sha2::{Digest, Sha256};
use url::Url;

use crate::article::body::Image;
use crate::article::{Article, Block, Media, MediaRendition};
use crate::attribution::media::{self, sift};
use crate::config::{MediaReference, MediaType, MediaWay, NameFields, Wire};

/// The most files that go with one story; of further assets it has the addresses. An attempt asks for each of them.
const MOST: usize = 20;

/// A file of media that goes with a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaFile {
    /// Where it is fetched from.
    pub address: String,
    /// Its id, or its file's name: what the document calls it, where it does not name the address.
    pub name: String,
}

/// An article and the files that go with it.
pub struct Enclosed<'a> {
    /// With the names of its files in it where the document is to have them, and without those that are gone.
    pub article: Cow<'a, Article>,
    pub files: Vec<MediaFile>,
}

impl Enclosed<'_> {
    /// Those that the document names by their ids.
    pub fn by_id(&self, way: MediaWay) -> &[MediaFile] {
        match way {
            MediaWay::Enclosed { refer: MediaReference::Id, .. } => &self.files,
            MediaWay::Enclosed { refer: MediaReference::Name | MediaReference::Address, .. } | MediaWay::Linked => &[],
        }
    }
}

/// Chooses the files of `article` that go with it. Those at the addresses `gone` are not to be had.
pub fn enclose<'a>(article: &'a Article, wire: &Wire, way: MediaWay, gone: &BTreeSet<String>) -> Enclosed<'a> {
    let (refer, largest_width) = match way {
        MediaWay::Enclosed { refer, largest_width, missing: _ } if !article.action.withdraws() => {
            (refer, largest_width)
        }
        // What has to come down needs no picture.
        MediaWay::Enclosed { .. } | MediaWay::Linked => {
            return Enclosed { article: Cow::Borrowed(article), files: Vec::new() };
        }
    };
    let passed = sift(article, wire).passed;
    let mut own = article.clone();
    let mut files: Vec<MediaFile> = Vec::new();
    own.media.clear();
    for asset in &article.media {
        let mut asset_left = asset.clone();
        if passed.iter().any(|it| std::ptr::eq(*it, asset)) {
            let had = asset_left.renditions.len();
            asset_left.renditions.retain(|file| !gone.contains(&file.href));
            for file in asset.renditions.iter().filter(|file| gone.contains(&file.href)) {
                own.body = media::without(Cow::Owned(own.body), &file.href).into_owned();
            }
            if had > 0 && asset_left.renditions.is_empty() {
                continue;
            }
            let known = |files: &[MediaFile], file: &MediaRendition| files.iter().any(|it| it.address == file.href);
            if let Some(file) = best(&asset_left, largest_width)
                && (files.len() < MOST || known(&files, file))
            {
                let name = name(article, file, refer);
                if !known(&files, file) {
                    files.push(MediaFile { address: file.href.clone(), name: name.clone() });
                }
                if refer == MediaReference::Name {
                    for any in &asset_left.renditions {
                        rename(&mut own.body.blocks, &any.href, &name);
                    }
                    asset_left.renditions = vec![MediaRendition { href: name, ..file.clone() }];
                }
            }
        }
        own.media.push(asset_left);
    }
    Enclosed { article: Cow::Owned(own), files }
}

/// The widest file that is not wider than it may be; where all are, the narrowest. One of no known width is taken where
/// there is no other. Nothing where there is none that could be fetched.
fn best(asset: &Media, largest_width: Option<u32>) -> Option<&MediaRendition> {
    let fetched =
        |file: &&MediaRendition| Url::parse(&file.href).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
    let files: Vec<_> = asset.renditions.iter().filter(fetched).collect();
    let largest = largest_width.unwrap_or(u32::MAX);
    let fits = |file: &&MediaRendition| file.width.is_some_and(|width| width <= largest);
    // Of equals the first: a newsroom names its best file first.
    let widest = files.iter().copied().filter(fits).rev().max_by_key(|file| file.width);
    let unknown = files.iter().copied().find(|file| file.width.is_none());
    widest.or(unknown).or_else(|| files.iter().copied().min_by_key(|file| file.width))
}

/// How many hexadecimal digits of a digest stand in a name. As many as Superdesk's own ids have (an `ObjectId` of
/// MongoDB), which is what its family knows as an id.
const DIGITS: usize = 24;

/// What the document calls `file`. An id is of one version of the story: a picture that was exchanged under its old
/// address is another one to those who keep what they have by its id. A name is of the story, whose next version writes
/// over the file.
fn name(article: &Article, file: &MediaRendition, refer: MediaReference) -> String {
    let digest = |text: String| -> String {
        let hex = Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        hex[..DIGITS].to_owned()
    };
    match refer {
        MediaReference::Id => digest(format!("{}\n{}\n{}", file.href, article.guid, article.version)),
        MediaReference::Name | MediaReference::Address => {
            let fields = NameFields::of(&article.guid);
            format!("{}-{}{}", fields.id(), digest(file.href.clone()), ending(file))
        }
    }
}

/// By what the article says that it is, or else by the ending in its address.
fn ending(file: &MediaRendition) -> String {
    let in_address = || {
        let url = Url::parse(&file.href).ok()?;
        let (_, ending) = url.path().rsplit_once('.')?;
        MediaType::called(ending)
    };
    let known = file.mime.as_deref().and_then(MediaType::named).or_else(in_address);
    known.map(|known| format!(".{}", known.extension())).unwrap_or_default()
}

/// Images at `address` stand under `name`.
fn rename(blocks: &mut [Block], address: &str, name: &str) {
    for block in blocks {
        match block {
            Block::Image(Image { src, .. }) if src == address => name.clone_into(src),
            Block::Quote(inner) => rename(inner, address, name),
            Block::List { items, .. } => items.iter_mut().for_each(|item| rename(item, address, name)),
            Block::Image(_)
            | Block::Paragraph(_)
            | Block::Heading(..)
            | Block::Preformatted(_)
            | Block::Rule
            | Block::Table(_) => {}
        }
    }
}
