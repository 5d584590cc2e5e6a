//! Text as it may enter an article.

use std::borrow::Cow;

use memchr::{memchr_iter, memchr2, memchr3, memchr3_iter, memmem};

/// `text` without the characters that XML 1.0 forbids (§2.2): the C0 controls but tab, line feed and carriage
/// return, U+FFFE and U+FFFF. They are not text in any format, and one of them would make a whole document
/// unreadable at the partner.
pub fn clean(text: &str) -> Cow<'_, str> {
    // Nearly every text is clean, and a look at its bytes is all that it costs. The two characters beyond the controls
    // begin with this byte, as few others do.
    let may_be_forbidden = |byte: u8| (byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r')) || byte == 0xef;
    // To the end whatever is found, which is how a machine can look at many bytes at once.
    if !text.bytes().fold(false, |found, byte| found | may_be_forbidden(byte)) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().filter(|c| is_xml_char(*c)).collect())
}

/// `char` in XML 1.0, §2.2.
pub fn is_xml_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}')
}

/// `text` on one line: cleaned, runs of white space folded to one space, ends trimmed. `None` when nothing is left.
pub fn one_line(text: &str) -> Option<String> {
    let mut folded = String::with_capacity(text.len());
    fold_into(&mut folded, text);
    (!folded.is_empty()).then_some(folded)
}

/// Appends `text` as [`one_line`] has it.
pub fn fold_into(out: &mut String, text: &str) {
    let text = clean(text);
    if is_folded(&text) {
        return out.push_str(&text);
    }
    let mut gap = "";
    for word in text.split_whitespace() {
        out.push_str(gap);
        out.push_str(word);
        gap = " ";
    }
}

/// Whether all white space in `text` is single spaces between words, as it nearly always is.
fn is_folded(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_white = |at: usize| text[at..].starts_with(char::is_whitespace);
    ![bytes.first(), bytes.last()].contains(&Some(&b' '))
        && memchr3(b'\t', b'\n', b'\r', bytes).is_none()
        && memmem::find(bytes, b"  ").is_none()
        && memchr2(0x0b, 0x0c, bytes).is_none()
        // Beyond ASCII, white space begins with one of four bytes.
        && !memchr3_iter(0xc2, 0xe2, 0xe3, bytes).any(is_white)
        && !memchr_iter(0xe1, bytes).any(is_white)
}

/// `text` as a note of one or more lines: cleaned, line ends as `\n`, ends trimmed. `None` when nothing is left.
pub fn prose(text: &str) -> Option<String> {
    let cleaned = clean(text).replace("\r\n", "\n").replace('\r', "\n");
    let trimmed = cleaned.trim();
    (!trimmed.is_empty()).then(|| trimmed.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn folding_is_splitting_and_joining(
            text in "[a“é\u{a0}\u{85}\u{2003}\u{3000}\u{1680}\u{180e}\u{fffd} \t\n\u{b}\u{0}\u{fffe}]{0,12}"
        ) {
            let plain: String = text.chars().filter(|c| is_xml_char(*c)).collect();
            let words: Vec<&str> = plain.split_whitespace().collect();
            prop_assert_eq!(one_line(&text).unwrap_or_default(), words.join(" "));
            prop_assert_eq!(clean(&text), plain);
        }
    }
}
