//! Paragraphs against what stands on a page.

use std::collections::HashSet;

use similar::TextDiff;

/// What became of a paragraph.
#[derive(Debug, Clone, PartialEq)]
pub enum Fate {
    Kept,
    /// In other words, in the passage of that number.
    Changed {
        passage: usize,
        alike: f32,
    },
    Missing,
}

/// Less alike than this, a passage is another text.
const SAME_TEXT: f32 = 0.5;

/// `text` without what typography changes: quotation marks, dashes, ellipses and spaces of all kinds are as a typewriter
/// has them.
pub fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '‘' | '’' | '‚' | '‹' | '›' | '′' => plain.push('\''),
            '“' | '”' | '„' | '«' | '»' | '″' => plain.push('"'),
            '‐'..='―' | '−' => plain.push('-'),
            '…' => plain.push_str("..."),
            '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' => {}
            c if c.is_whitespace() => plain.push(' '),
            c => plain.push(c),
        }
    }
    let dashed = plain.replace("---", "-").replace("--", "-");
    dashed.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The different words of a passage, which is plain, and how many it has.
pub struct Words<'p> {
    different: HashSet<&'p str>,
    number: usize,
}

impl<'p> Words<'p> {
    pub fn of(passage: &'p str) -> Self {
        Self { different: passage.split(' ').collect(), number: passage.split(' ').count() }
    }

    /// Whether nothing of so many other words can be more alike than `most`: then there is no need to compare.
    fn differ(&self, other: &Self, most: f32) -> bool {
        let (least, all) = (self.number.min(other.number), self.number + other.number);
        let shared = self.different.intersection(&other.different).count();
        let fewest = self.different.len().min(other.different.len());
        2.0 * least as f32 <= most * all as f32 || (shared as f32) < most * fewest as f32
    }
}

/// What became of `sent` among the passages of a page, which are plain, each with its words.
pub fn fate(sent: &str, passages: &[String], words: &[Words<'_>]) -> Fate {
    let sent = plain(sent);
    if passages.iter().any(|passage| passage.contains(&sent)) {
        return Fate::Kept;
    }
    let own = Words::of(&sent);
    let mut best = Fate::Missing;
    let mut most = SAME_TEXT;
    for (at, (passage, theirs)) in passages.iter().zip(words).enumerate() {
        // The comparison is expensive, and a passage that shares few words, or has many more, cannot win it.
        if own.differ(theirs, most) {
            continue;
        }
        let alike = TextDiff::from_words(sent.as_str(), passage.as_str()).ratio();
        if alike > most {
            most = alike;
            best = Fate::Changed { passage: at, alike };
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typography_is_not_a_change() {
        let page = [plain("“We’ll see”, she said — and left …")];
        assert_eq!(fate("\"We'll see\", she said -- and\u{a0}left ...", &page, &[]), Fate::Kept);
    }

    #[test]
    fn another_word_is_a_change_and_another_text_is_none() {
        let page =
            ["Menu".to_owned(), "The council voted 7-2 on Monday to reopen the line, officials said.".to_owned()];
        let words: Vec<Words<'_>> = page.iter().map(|passage| Words::of(passage)).collect();
        let fate = |sent| fate(sent, &page, &words);
        let Fate::Changed { passage: 1, alike } = fate("The council voted 7-2 on Tuesday to reopen the line.") else {
            panic!("not changed")
        };
        assert!((0.7..0.95).contains(&alike), "{alike}");
        assert_eq!(fate("The mayor did not answer any questions."), Fate::Missing);
    }
}
