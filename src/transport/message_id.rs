//! The name of a message: derived, so that a restart cannot forget it.

use sha2::{Digest, Sha256};

use crate::article::{Guid, Version};

/// The message id of one version of a story at one destination: the same at every attempt, and no two alike.
pub fn message_id(destination: &str, story: &Guid, version: Version) -> String {
    let mut hash = Sha256::new();
    // The unit separator stands in no name and in no URI.
    hash.update(format!("{destination}\u{1f}{story}\u{1f}{version}"));
    let digest = hash.finalize();
    let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("msg_{hex}")
}

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
