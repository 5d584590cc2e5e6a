//! A finished document in the encoding of its dialect.

use crate::config::NitfEncoding;

/// `document` in `encoding`. What the encoding has not becomes a numeric reference: names and markup are ASCII, so that
/// it can only stand in text and in the values of attributes, where a reference may.
pub fn encoded(document: String, encoding: NitfEncoding) -> Vec<u8> {
    let first_missing = match encoding {
        NitfEncoding::Utf8 => return document.into_bytes(),
        NitfEncoding::Latin1 => '\u{100}',
        NitfEncoding::Ascii => '\u{80}',
    };
    let mut bytes = Vec::with_capacity(document.len());
    for c in document.chars() {
        // The C1 controls of ISO 8859-1 are letters to the many who read it as Windows-1252.
        let doubtful = matches!(c, '\u{80}'..='\u{9f}');
        match u8::try_from(c).ok().filter(|_| c < first_missing && !doubtful) {
            Some(byte) => bytes.push(byte),
            None => bytes.extend_from_slice(format!("&#{};", u32::from(c)).as_bytes()),
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_encoding_has_not_becomes_a_reference() {
        let document = "<p a=\"é\">Straße \u{85} – 🚒</p>";
        let encoded = |encoding| encoded(document.to_owned(), encoding);
        assert_eq!(encoded(NitfEncoding::Utf8), document.as_bytes());
        assert_eq!(encoded(NitfEncoding::Latin1), b"<p a=\"\xe9\">Stra\xdfe &#133; &#8211; &#128658;</p>");
        assert_eq!(encoded(NitfEncoding::Ascii), b"<p a=\"&#233;\">Stra&#223;e &#133; &#8211; &#128658;</p>");
    }
}
