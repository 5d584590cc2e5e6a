//! The name of a message: derived, so that a restart cannot forget it.

use sha2::{Digest, Sha256};

use crate::article::{Guid, Version};

/// The message id of one version of a story at one destination: the same at every attempt, and no two alike.
pub fn message_id(destination: &str, story: &Guid, version: Version) -> String {
    let mut hash = Sha256::new();
    // The unit separator stands in no name and in no URI.
    for part in [destination, "\u{1f}", story.as_str(), "\u{1f}", itoa::Buffer::new().format(version.get())] {
        hash.update(part);
    }
    let mut id = String::with_capacity(PREFIX.len() + 2 * KEPT);
    id.push_str(PREFIX);
    for byte in hash.finalize().iter().take(KEPT) {
        id.push(char::from(HEX[usize::from(byte >> 4)]));
        id.push(char::from(HEX[usize::from(byte & 15)]));
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
        // Who upgrades sends again what is known by this.
        assert_eq!(id, "msg_fe4187e47fad03e00e064667643a0b1a");
    }
}
