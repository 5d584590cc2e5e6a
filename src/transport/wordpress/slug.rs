//! A post's slug: made of the story's guid alone, so that the post is found again whatever became of an answer, and
//! whatever a later version changed.

use sha2::{Digest, Sha256};

use crate::article::Guid;

/// The longest part that is taken from the guid. WordPress keeps 200 characters, and adds `__trashed` to those of posts
/// in the trash.
const LONGEST_NAME: usize = 60;

/// The slug of `story`'s post: `{id}` in `pattern` is the start of the guid's SHA-256, `{name}` what is readable of its
/// last part. It is made of `a-z`, `0-9` and `-`, which WordPress leaves as they are.
pub fn slug(pattern: &str, story: &Guid) -> String {
    let digest = Sha256::digest(story.as_str());
    let id: String = digest.iter().take(5).map(|byte| format!("{byte:02x}")).collect();
    let slug = pattern.replace("{id}", &id).replace("{name}", &name(story));
    tidy(&slug)
}

/// The last part of a guid that says something: of `urn:newsml:paper.example:20261124:ferry-vote` it is `ferry-vote`.
fn name(story: &Guid) -> String {
    let parts = story.as_str().split([':', '/', '?', '#', ',', ';']);
    let last = parts.rev().map(tidy).find(|part| !part.is_empty()).unwrap_or_default();
    let cut = last.get(..LONGEST_NAME).unwrap_or(&last);
    cut.trim_end_matches('-').to_owned()
}

fn tidy(text: &str) -> String {
    let mut tidy = String::new();
    for c in text.chars().map(|c| c.to_ascii_lowercase()) {
        if c.is_ascii_alphanumeric() {
            tidy.push(c);
        } else if !tidy.ends_with('-') && !tidy.is_empty() {
            tidy.push('-');
        }
    }
    tidy.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(guid: &str) -> String {
        slug("{name}-{id}", &guid.parse().unwrap())
    }

    #[test]
    fn it_is_readable_and_tells_stories_apart() {
        insta::assert_snapshot!(of("urn:newsml:paper.example:20261124:Ferry_vote"), @"ferry-vote-1568dc1992");
        assert_ne!(of("urn:a:ferry-vote"), of("urn:b:ferry-vote"));
        assert!(of("https://paper.example/2026/ferry/").starts_with("ferry-"));
        assert_eq!(slug("wire-{id}", &"urn:a:b".parse().unwrap()).len(), "wire-".len() + 10);
    }

    proptest! {
        #[test]
        fn wordpress_leaves_it_as_it_is(tail in "[!-~]{1,300}", pattern in prop::sample::select(vec!["{name}-{id}", "{id}", "a-{id}--{name}"])) {
            if let Ok(guid) = format!("urn:x:{tail}").parse() {
                let slug = slug(pattern, &guid);
                prop_assert!(slug.len() <= 100 && slug.len() >= 10, "{slug}");
                prop_assert!(slug.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'), "{slug}");
                prop_assert!(!slug.contains("--") && !slug.starts_with('-') && !slug.ends_with('-'), "{slug}");
            }
        }
    }
}
