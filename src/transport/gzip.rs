//! Documents compressed for those doors that ask for it (RFC 9110 §8.4.1.3): once for all of them, not once an attempt.
//!
//! A document is compressed as a whole after it was proved. The same document makes the same bytes every time (promise
//! 9): the header holds no time and no name.

use std::io::Write;
use std::sync::Arc;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use sha2::{Digest, Sha256};

use crate::attribution::Proved;

/// Memory for compressed documents, in bytes. What is sent now is a few documents; an old one is compressed again.
const BUDGET: u64 = 8 << 20;

/// A document as it is sent.
#[derive(Debug, PartialEq, Eq)]
pub struct Compressed {
    pub bytes: Bytes,
    /// The SHA-256 of these bytes: `content-digest` is of the content as it is encoded (RFC 9530 §2).
    pub digest: [u8; 32],
}

/// The compressed documents, by the digest of what is in them.
pub struct Gzip(Cache<[u8; 32], Arc<Compressed>, ByBytes>);

#[derive(Clone)]
struct ByBytes;

impl Weighter<[u8; 32], Arc<Compressed>> for ByBytes {
    fn weight(&self, _: &[u8; 32], compressed: &Arc<Compressed>) -> u64 {
        // What the entry costs beside its bytes.
        256 + compressed.bytes.len() as u64
    }
}

impl Default for Gzip {
    fn default() -> Self {
        // About as many entries as fit with the 2 kB that an ordinary article comes to.
        Self(Cache::with_weighter(4_000, BUDGET, ByBytes))
    }
}

impl Gzip {
    /// The document, compressed. Who asks for the same one meanwhile waits for this making.
    pub fn of(&self, document: &Proved) -> Arc<Compressed> {
        let made = self.0.get_or_insert_with(document.digest(), || {
            Ok::<_, std::convert::Infallible>(Arc::new(compress(document.bytes())))
        });
        let Ok(compressed) = made;
        compressed
    }
}

/// Compressed, and kept nowhere.
pub fn compress(document: &[u8]) -> Compressed {
    let mut encoder = GzEncoder::new(Vec::with_capacity(document.len() / 2), Compression::default());
    // Both write to memory, which takes all that it is given.
    let written = encoder.write_all(document).and_then(|()| encoder.finish());
    let bytes = Bytes::from(written.unwrap_or_default());
    let digest = Sha256::digest(&bytes).into();
    Compressed { bytes, digest }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_compressed_comes_out_again(document in prop::collection::vec(any::<u8>(), 0..5_000)) {
            let compressed = compress(&document);
            let mut again = Vec::new();
            GzDecoder::new(&compressed.bytes[..]).read_to_end(&mut again).unwrap();
            prop_assert_eq!(&again, &document);
            prop_assert_eq!(&compressed.digest[..], &Sha256::digest(&compressed.bytes)[..]);
            prop_assert_eq!(compress(&document), compressed);
        }
    }

    /// RFC 1952 §2.3: no time, no name, no comment.
    #[test]
    fn nothing_but_the_document_decides_the_bytes() {
        let head = &compress(b"a story").bytes[..10];
        assert_eq!((&head[..3], head[3], &head[4..8]), (&[0x1f, 0x8b, 8][..], 0, &[0; 4][..]));
    }
}
