//! Text as it may enter an article.

use std::borrow::Cow;

/// `text` without the characters that XML 1.0 forbids (§2.2): the C0 controls but tab, line feed and carriage
/// return, U+FFFE and U+FFFF. They are not text in any format, and one of them would make a whole document
/// unreadable at the partner.
pub fn clean(text: &str) -> Cow<'_, str> {
    // Nearly every text is clean, and a look at its bytes is all that it costs. The two characters beyond the controls
    // begin with this byte, as few others do.
    let may_be_forbidden = |byte: u8| (byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r')) || byte == 0xef;
    if !text.bytes().any(may_be_forbidden) {
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
    let mut gap = "";
    for word in clean(text).split_whitespace() {
        out.push_str(gap);
        out.push_str(word);
        gap = " ";
    }
}

/// `text` as a note of one or more lines: cleaned, line ends as `\n`, ends trimmed. `None` when nothing is left.
pub fn prose(text: &str) -> Option<String> {
    let cleaned = clean(text).replace("\r\n", "\n").replace('\r', "\n");
    let trimmed = cleaned.trim();
    (!trimmed.is_empty()).then(|| trimmed.to_owned())
}
