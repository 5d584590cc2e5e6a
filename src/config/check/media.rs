//! Rules about the files of media.

use super::Checks;
use crate::config::place::KeyPath;
use crate::config::{Destination, Door, Format, HttpPush, MediaPush, SidecarReference, Sidecars};

impl Checks<'_, '_> {
    pub(super) fn media_store(&mut self) {
        let path = KeyPath::new(["media"]);
        let media = &self.config.media;
        for (key, size) in [("largest", media.largest), ("budget", media.budget)] {
            if size.get() == 0 {
                self.error(&path.key(key), "no file is that small; write a larger size");
            }
        }
        if media.budget < media.largest {
            let message = format!(
                "the largest file ({}) has no room in {}; raise budget or lower largest",
                media.largest, media.budget
            );
            self.error(&path.key("budget"), message);
        }
        if media.types.is_empty() {
            self.error(&path.key("types"), "nothing is taken; name a type, or remove the key for all pictures");
        }
        for (key, span) in
            [("timeout", media.timeout), ("patience", media.patience), ("give_up_after", media.give_up_after)]
        {
            self.not_zero(&path.key(key), Some(span));
        }
        self.in_bounds(&path.key("at_once"), media.at_once.into());
        if let Some(dir) = &media.dir {
            self.not_blank(&path.key("dir"), &dir.to_string_lossy());
        }
    }

    /// `path` is the destination's.
    pub(super) fn media(&mut self, path: &KeyPath, destination: &Destination, format: Option<Format>) {
        let Some(door) = destination.door() else { return };
        let path = path.key(door.table());
        if let Door::Http(push) = door
            && let Some(media) = &push.media
        {
            self.media_push(&path.key("media"), push, media, format);
        }
        if let Some(sidecars) = door.file().and_then(|rules| rules.sidecars.as_ref()) {
            self.sidecars(&path.below("file.sidecars"), sidecars, format);
        }
    }

    fn media_push(&mut self, path: &KeyPath, push: &HttpPush, media: &MediaPush, format: Option<Format>) {
        self.largest_width(path, media.largest_width);
        let at = path.key("assets_url");
        if let Some(url) = self.url(&at, &media.assets_url, &["https", "http"], "use the auth of the destination") {
            if url.query().is_some() || url.fragment().is_some() {
                self.error(&at, "ids of files are written after it; write it without \"?\" and \"#\"");
            }
            if url::Url::parse(push.url.fixed()).is_ok_and(|own| own.origin() != url.origin()) {
                let message = "this is another host than that of the destination's url, whose credentials it would get; \
                               write an address of the same host";
                self.error(&at, message);
            }
        }
        if let Some(format) = format.filter(|format| *format != Format::SuperdeskNinjs) {
            let message = format!(
                "the format {:?} cannot name a file by its id; write format = \"superdesk-ninjs\", or remove this table",
                format.as_str()
            );
            self.report.key(path, message);
        }
    }

    fn sidecars(&mut self, path: &KeyPath, sidecars: &Sidecars, format: Option<Format>) {
        self.largest_width(path, sidecars.largest_width);
        let Some(format) = format else { return };
        match (sidecars.refer, takes_names(format)) {
            (SidecarReference::Name, false) => {
                let message = format!(
                    "the format {:?} takes only whole addresses; write refer = \"address\" here, or another format",
                    format.as_str()
                );
                self.error(&path.key("refer"), message);
            }
            (SidecarReference::Name, true) | (SidecarReference::Address, _) => {}
        }
    }

    fn largest_width(&mut self, path: &KeyPath, width: Option<u32>) {
        if let Some(width) = width {
            self.in_bounds(&path.key("largest_width"), width.into());
        }
    }
}

/// Whether a document of it may name a file by a name alone. The schemas of the others want addresses with a scheme.
fn takes_names(format: Format) -> bool {
    match format {
        Format::Json | Format::Nitf | Format::Html | Format::HtmlFragment | Format::Text | Format::Template => true,
        Format::Ninjs13
        | Format::Ninjs16
        | Format::Ninjs22
        | Format::Ninjs31
        | Format::SuperdeskNinjs
        | Format::NewsMlG2
        | Format::Atom
        | Format::WordPress => false,
    }
}
