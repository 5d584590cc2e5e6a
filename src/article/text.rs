//! Text as it may enter an article.

/// `text` without the characters that XML 1.0 forbids (§2.2): the C0 controls but tab, line feed and carriage
/// return, U+FFFE and U+FFFF. They are not text in any format, and one of them would make a whole document
/// unreadable at the partner.
pub fn clean(text: &str) -> String {
    text.chars().filter(|c| is_xml_char(*c)).collect()
}

/// `char` in XML 1.0, §2.2.
pub fn is_xml_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}')
}

/// `text` on one line: cleaned, runs of white space folded to one space, ends trimmed. `None` when nothing is left.
pub fn one_line(text: &str) -> Option<String> {
    let cleaned = clean(text);
    let folded = cleaned.split_whitespace().collect::<Vec<_>>().join(" ");
    (!folded.is_empty()).then_some(folded)
}

/// `text` as a note of one or more lines: cleaned, line ends as `\n`, ends trimmed. `None` when nothing is left.
pub fn prose(text: &str) -> Option<String> {
    let cleaned = clean(text).replace("\r\n", "\n").replace('\r', "\n");
    let trimmed = cleaned.trim();
    (!trimmed.is_empty()).then(|| trimmed.to_owned())
}
