//! A file's name that is safe wherever it is written.
//!
//! A name is a path below the folder of its door. Whatever it was made of, it is made of `A-Z`, `a-z`, `0-9`, `.`, `-`, `_`
//! and, between folders, `/`: nothing of it is empty, begins with a dot or a hyphen, or climbs. It fits every file system
//! and object store, and needs quoting in no protocol.

use std::fmt;

use sha2::{Digest, Sha256};

/// The longest part between two slashes, in bytes. File systems take 255; a prefix, a suffix and a checksum's ending are
/// added to it.
const LONGEST_PART: usize = 180;

/// How deep below the door's folder a file may stand.
const DEEPEST: usize = 8;

/// The bytes of a digest that stand in a name, in hexadecimal digits twice as many.
const DIGEST: usize = 8;

/// A path below the folder of a door, safe to use there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileName(String);

impl FileName {
    /// `text` made safe; nothing where nothing is left of it. What is too long is cut, and has a digest of all of `text`
    /// in its stead, so that two names that differ stay two.
    pub fn safe(text: &str) -> Option<Self> {
        Self::marked(text, &digest(text))
    }

    /// As [`Self::safe`], with `mark` in the stead of what was cut.
    pub(super) fn marked(text: &str, mark: &str) -> Option<Self> {
        let parts: Vec<String> = text.split('/').map(part).filter(|part| !part.is_empty()).collect();
        if parts.is_empty() {
            return None;
        }
        // What is too deep stands in one folder.
        let (above, below) = parts.split_at(parts.len().min(DEEPEST - 1));
        let mut parts = above.to_vec();
        parts.extend((!below.is_empty()).then(|| below.join("-")));
        let short: Vec<String> = parts.into_iter().map(|part| shortened(part, mark)).collect();
        Some(Self(short.join("/")))
    }

    /// A name that was safe when it was written down.
    pub fn read(text: &str) -> Option<Self> {
        Self::safe(text).filter(|name| name.0 == text)
    }

    /// A name that is made of one that is safe, and of parts that were checked when they were configured.
    pub(super) fn of_checked(text: String) -> Self {
        Self(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The folder below the door's own, empty for that one; and the last part.
    pub fn split(&self) -> (&str, &str) {
        self.0.rsplit_once('/').unwrap_or(("", &self.0))
    }

    /// The same with `more` after its last part's stem: `a/b.xml` becomes `a/b-kill.xml`. `more` is safe in a name.
    pub fn beside(&self, more: &'static str) -> Self {
        let (_, last) = self.split();
        let at = self.0.len() - last.len() + last.rfind('.').unwrap_or(last.len());
        let (stem, ending) = self.0.split_at(at);
        Self(format!("{stem}{more}{ending}"))
    }

    /// The same with `more` at its end: `a/b.xml` becomes `a/b.xml.sha256`. `more` is safe in a name.
    pub fn with_ending(&self, more: &'static str) -> Self {
        Self(format!("{}{more}", self.0))
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `text` as one part of a path.
fn part(text: &str) -> String {
    let mut part = String::with_capacity(text.len());
    for c in text.chars() {
        let c = if c.is_ascii_alphanumeric() || matches!(c, '.' | '_') { c } else { '-' };
        if !matches!(c, '.' | '-') || !part.ends_with(c) {
            part.push(c);
        }
    }
    part.trim_matches(['.', '-']).to_owned()
}

fn shortened(part: String, mark: &str) -> String {
    if part.len() <= LONGEST_PART {
        return part;
    }
    let ending = part.rsplit_once('.').map(|(_, ending)| ending).filter(|ending| ending.len() <= 16);
    let ending = ending.map(|ending| format!(".{ending}")).unwrap_or_default();
    // A part is ASCII, so it can be cut anywhere.
    let stem = part[..LONGEST_PART - ending.len() - mark.len() - 1].trim_end_matches(['.', '-']);
    format!("{stem}-{mark}{ending}")
}

/// The start of a text's SHA-256, in hexadecimal digits.
pub(super) fn digest(text: &str) -> String {
    Sha256::digest(text).iter().take(DIGEST).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn safe(text: &str) -> String {
        FileName::safe(text).map(|name| name.0).unwrap_or_default()
    }

    #[test]
    fn what_is_unsafe_is_taken_out() {
        for (text, name) in [
            ("wire/ferry-vote.xml", "wire/ferry-vote.xml"),
            ("../../etc/passwd", "etc/passwd"),
            ("/etc//./passwd", "etc/passwd"),
            ("..\\..\\boot.ini", "boot.ini"),
            (".ssh/authorized_keys", "ssh/authorized_keys"),
            ("a\0b\n.xml", "a-b-.xml"),
            ("-rf .xml", "rf-.xml"),
            ("Fähre & Hafen.xml", "F-hre-Hafen.xml"),
            ("a..b.", "a.b"),
            ("a/b/c/d/e/f/g/h/i/j", "a/b/c/d/e/f/g/h-i-j"),
            ("…/..", ""),
        ] {
            assert_eq!(safe(text), name, "{text:?}");
        }
        let long = format!("{}.xml", "x".repeat(400));
        assert_eq!(safe(&long).len(), LONGEST_PART);
        assert!(safe(&long).ends_with(".xml"));
        assert_ne!(safe(&long), safe(&long.replace(".xml", "x.xml")), "what was cut tells them apart");
    }

    #[test]
    fn a_name_beside_another() {
        let name = FileName::safe("a.b/c.d.xml").unwrap();
        assert_eq!(name.beside("-kill").as_str(), "a.b/c.d-kill.xml");
        assert_eq!(FileName::safe("a.b/c").unwrap().beside("-kill").as_str(), "a.b/c-kill");
        assert_eq!(name.with_ending(".sha256").as_str(), "a.b/c.d.xml.sha256");
    }

    proptest! {
        #[test]
        fn no_text_climbs(text in "(\\.|/|\\\\|[ -~]|\\PC|[\\x00-\\x1f]){0,400}") {
            let Some(name) = FileName::safe(&text) else { return Ok(()) };
            let parts: Vec<&str> = name.as_str().split('/').collect();
            prop_assert!(parts.len() <= DEEPEST);
            for part in parts {
                prop_assert!((1..=LONGEST_PART).contains(&part.len()), "{part:?}");
                prop_assert!(!part.starts_with(['.', '-']) && !part.contains("..") && !part.ends_with('.'), "{part:?}");
                prop_assert!(part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)), "{part:?}");
            }
            // What was written down is read again as it was.
            prop_assert_eq!(FileName::read(name.as_str()), Some(name.clone()));
        }
    }
}
