//! A configuration as it was said: what all layers come to, before the types and their defaults.
//!
//! It is kept of the configuration that is in force, so that it can be told what another one would change. Packed, ten
//! thousand partners are a few hundred kilobytes. Secrets stand in it as references alone (promise 11).

use std::io::{self, BufWriter, Read};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::Config;

/// What a configuration says, and what stands in the files that it takes text from.
#[derive(Debug, Clone, PartialEq)]
pub struct Tree(pub(super) Value);

/// A [`Tree`] in few bytes: JSON, compressed by gzip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed(Vec<u8>);

impl Tree {
    /// Of `config`, which was made of `said`.
    pub(super) fn new(mut said: Value, config: &Config) -> Self {
        // A template that was written anew is another one, whatever its file is called.
        for (name, profile) in &config.profiles {
            let Some(template) = &profile.template else { continue };
            let table = ["profiles", name, "template"]
                .iter()
                .try_fold(&mut said, |node, part| node.as_object_mut()?.get_mut(*part))
                .and_then(Value::as_object_mut);
            if let Some(table) = table {
                let digest = Sha256::digest(template.file.source.as_bytes());
                let digest = digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
                table.insert(CONTENT.to_owned(), Value::String(format!("sha-256 {digest}")));
            }
        }
        Self(said)
    }

    /// In few bytes.
    pub fn pack(&self) -> Packed {
        // A tree is written in pieces of a few bytes, and for each piece that it takes the encoder clears all of its room.
        let mut zip = BufWriter::with_capacity(PIECE, GzEncoder::new(Vec::new(), Compression::fast()));
        // None of this can fail: the text goes to memory, and a tree of JSON is JSON.
        let written = serde_json::to_writer(&mut zip, &self.0).map_err(io::Error::from);
        let zipped = written.and_then(|()| Ok(zip.into_inner()?)).and_then(GzEncoder::finish);
        debug_assert!(zipped.is_ok());
        Packed(zipped.unwrap_or_default())
    }
}

/// What is packed at a time, in bytes.
const PIECE: usize = 64 << 10;

/// The key beside a file's name that stands for what is in it.
pub(super) const CONTENT: &str = "file's content";

impl Packed {
    /// What [`Packed::bytes`] gave.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The tree again.
    ///
    /// # Errors
    /// When these are not the bytes of a tree.
    pub fn unpack(&self) -> Result<Tree, io::Error> {
        let mut text = Vec::new();
        GzDecoder::new(self.0.as_slice()).read_to_end(&mut text)?;
        let said: Map<String, Value> = serde_json::from_slice(&text)?;
        Ok(Tree(Value::Object(said)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_packed_is_the_same_again() {
        let tree = Tree(json!({ "partners": { "a": { "name": "Ä", "paused": true, "n": [1, 2.5, null] } } }));
        let packed = tree.pack();
        assert_eq!(Packed::from_bytes(packed.bytes().to_vec()).unpack().unwrap(), tree);
        assert!(Packed::from_bytes(packed.bytes()[..packed.bytes().len() / 2].to_vec()).unpack().is_err());
        assert!(Packed::from_bytes(Vec::new()).unpack().is_err());
    }

    #[test]
    fn ten_thousand_partners_are_small() {
        let partner = |n: usize| {
            let door =
                json!({ "format": "ninjs", "http": { "url": format!("https://partner-{n}.example/in/{}", n * 7919) } });
            (format!("partner-{n}"), json!({ "name": format!("Partner {n}"), "destinations": { "main": door } }))
        };
        let partners: Map<String, Value> = (0..10_000).map(partner).collect();
        let packed = Tree(json!({ "partners": partners })).pack();
        assert!(packed.bytes().len() < 500_000, "{}", packed.bytes().len());
    }
}
