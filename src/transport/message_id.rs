//! The name of a message: derived, so that a restart cannot forget it.

use sha2::{Digest, Sha256};

use crate::article::{Guid, Version};

/// The message id of one version of a story at one destination: the same at every attempt, and no two alike.
pub fn message_id(destination: &str, story: &Guid, version: Version) -> String {
    let mut hash = Sha256::new();
    // The unit separator stands in no name and in no URI.
    hash.update(format!("{destination}\u{1f}{story}\u{1f}{version}"));
    let mut id = String::with_capacity(PREFIX.len() + 2 * KEPT);
    id.push_str(PREFIX);
    for byte in hash.finalize().iter().take(KEPT) {
        id.extend([byte >> 4, byte & 15].map(|digit| char::from(HEX[usize::from(digit)])));
    }
    id
}

const PREFIX: &str = "msg_";

/// Bytes of the digest that the id has.
const KEPT: usize = 16;

const HEX: &[u8; 16] = b"0123456789abcdef";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_is_stable_and_tells_deliveries_apart() {
        let story: Guid = "urn:x:a".parse().unwrap();
        let two = Version::try_from(2).unwrap();
        let id = message_id("a/main", &story, Version::FIRST);
        assert_eq!(id, message_id("a/main", &story, Version::FIRST));
        assert_ne!(id, message_id("a/main", &story, two));
        assert_ne!(id, message_id("b/main", &story, Version::FIRST));
        assert_eq!(id.len(), 36);
    }
}
