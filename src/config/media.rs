//! The files of media: which are fetched and how they are kept, and which destinations take them.

use std::collections::BTreeSet;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AddressBlock, Config, Size, Span};

/// How files of media are fetched and kept: `[media]`. Nothing is fetched unless a destination takes such files.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MediaStore {
    /// Where fetched files are kept. Left out: `media` beside the ledger's file.
    pub dir: Option<PathBuf>,
    /// The largest file that is taken.
    pub largest: Size,
    /// What is taken, by what the bytes are; what their server calls them counts for nothing. Default: the pictures.
    pub types: BTreeSet<MediaType>,
    /// The room for kept files. Beyond it those go that were not used for the longest time, and are fetched again where
    /// they are needed again.
    pub budget: Size,
    /// For a whole file, with every redirect on the way to it.
    pub timeout: Span,
    /// Files that are fetched at once; half of them at most from one host.
    #[schemars(range(min = 1, max = 64))]
    pub at_once: u16,
    /// How long an attempt waits for a file that is being fetched, before others of its lane have their turn.
    pub patience: Span,
    /// How long a story waits for a file that cannot be fetched, before the file counts as missing.
    pub give_up_after: Span,
    /// Addresses that are not of the Internet, and files may be fetched from: `["10.1.2.0/24"]`. Those of
    /// `delivery.allow_addresses` come on top.
    pub allow_addresses: Vec<AddressBlock>,
}

impl Default for MediaStore {
    fn default() -> Self {
        Self {
            dir: None,
            largest: Size::from_mib(32),
            types: MediaType::PICTURES.into(),
            budget: Size::from_mib(2048),
            timeout: Span::from_secs(60),
            at_once: 4,
            patience: Span::from_secs(2),
            give_up_after: Span::from_secs(600),
            allow_addresses: Vec::new(),
        }
    }
}

/// What a file of media may be. Formats that can hold a script (SVG, HTML, PDF) are none of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum MediaType {
    #[serde(rename = "image/jpeg")]
    Jpeg,
    #[serde(rename = "image/png")]
    Png,
    #[serde(rename = "image/gif")]
    Gif,
    #[serde(rename = "image/webp")]
    WebP,
    #[serde(rename = "image/avif")]
    Avif,
    #[serde(rename = "audio/mpeg")]
    Mp3,
    #[serde(rename = "video/mp4")]
    Mp4,
}

impl MediaType {
    pub const ALL: [Self; 7] = [Self::Jpeg, Self::Png, Self::Gif, Self::WebP, Self::Avif, Self::Mp3, Self::Mp4];

    const PICTURES: [Self; 5] = [Self::Jpeg, Self::Png, Self::Gif, Self::WebP, Self::Avif];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Gif => "image/gif",
            Self::WebP => "image/webp",
            Self::Avif => "image/avif",
            Self::Mp3 => "audio/mpeg",
            Self::Mp4 => "video/mp4",
        }
    }

    /// What a file of it is called after the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::Gif => "gif",
            Self::WebP => "webp",
            Self::Avif => "avif",
            Self::Mp3 => "mp3",
            Self::Mp4 => "mp4",
        }
    }

    /// The one of this name, whatever parameters follow it.
    pub fn named(text: &str) -> Option<Self> {
        let name = text.split(';').next().unwrap_or_default().trim();
        Self::ALL.into_iter().find(|known| known.as_str().eq_ignore_ascii_case(name))
    }

    /// The one whose files are called `extension` after the dot.
    pub fn called(extension: &str) -> Option<Self> {
        let extension = if extension.eq_ignore_ascii_case("jpeg") { "jpg" } else { extension };
        Self::ALL.into_iter().find(|known| known.extension().eq_ignore_ascii_case(extension))
    }
}

/// Files of media that are pushed before the story that names them, as Superdesk's family takes them:
/// `[destinations.NAME.http.media]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MediaPush {
    /// Where files are pushed to, and asked for by their id below it; at the host of `url`:
    /// `https://newsroom.example/push_binary`.
    pub assets_url: String,
    /// Of a picture in several sizes, the widest goes that is not wider than this, in pixels. Default: the widest.
    #[serde(default)]
    #[schemars(range(min = 1, max = 100_000))]
    pub largest_width: Option<u32>,
    /// What becomes of a story one of whose files is gone. Default: `without`.
    #[serde(default)]
    pub missing: MissingMedia,
}

/// Files of media that stand beside the story's own file: `[destinations.NAME.sftp.file.sidecars]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sidecars {
    /// How the document names them: by the `name` of the sidecar, which stands in the same folder, or by the `address`
    /// that it was fetched from. Default: `name`.
    #[serde(default)]
    pub refer: SidecarReference,
    /// Of a picture in several sizes, the widest goes that is not wider than this, in pixels. Default: the widest.
    #[serde(default)]
    #[schemars(range(min = 1, max = 100_000))]
    pub largest_width: Option<u32>,
    /// What becomes of a story one of whose files is gone. Default: `without`.
    #[serde(default)]
    pub missing: MissingMedia,
}

/// How a document names its sidecars.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SidecarReference {
    #[default]
    Name,
    Address,
}

/// What becomes of a story one of whose files is gone, is of no type that is taken, or could not be fetched for as long
/// as a story waits for it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MissingMedia {
    /// It goes out without that file, and names it nowhere.
    #[default]
    Without,
    /// It waits for its next version, or for an operator.
    Wait,
}

/// Which files of a story's media go with its document: a part of the edition, since the document names them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum MediaWay {
    /// None: the document has their addresses.
    #[default]
    Linked,
    /// One of each asset.
    Enclosed { refer: MediaReference, largest_width: Option<u32>, missing: MissingMedia },
}

/// How a document names a file that goes with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MediaReference {
    /// By an id, beside its address.
    Id,
    /// By the name of a file, in the stead of its address.
    Name,
    /// By the address that it was fetched from.
    Address,
}

impl MediaPush {
    pub fn way(&self) -> MediaWay {
        let Self { largest_width, missing, .. } = *self;
        MediaWay::Enclosed { refer: MediaReference::Id, largest_width, missing }
    }
}

impl Sidecars {
    pub fn way(&self) -> MediaWay {
        let Self { refer, largest_width, missing } = *self;
        let refer = match refer {
            SidecarReference::Name => MediaReference::Name,
            SidecarReference::Address => MediaReference::Address,
        };
        MediaWay::Enclosed { refer, largest_width, missing }
    }
}

impl Config {
    /// Where fetched files are kept.
    pub fn media_dir(&self) -> PathBuf {
        self.media.dir.clone().unwrap_or_else(|| self.ledger.path.with_file_name("media"))
    }

    /// Whether any destination takes files of media.
    pub fn takes_media(&self) -> bool {
        let destinations = self.partners.values().flat_map(|partner| partner.destinations.values());
        destinations.into_iter().any(|destination| destination.media() != MediaWay::Linked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_known_by_its_name_and_by_its_ending() {
        for known in MediaType::ALL {
            assert_eq!(serde_json::to_value(known).unwrap(), known.as_str());
            assert_eq!(MediaType::named(&format!("{}; q=1", known.as_str().to_uppercase())), Some(known));
            assert_eq!(MediaType::called(known.extension()), Some(known));
        }
        assert_eq!(MediaType::called("JPEG"), Some(MediaType::Jpeg));
        for none in ["image/svg+xml", "text/html", "application/pdf", ""] {
            assert_eq!(MediaType::named(none), None, "{none}");
        }
    }
}
