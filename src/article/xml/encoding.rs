//! Bytes of XML become text, whatever encoding they are in.
//!
//! What says the encoding, in the order in which it counts (RFC 7303 §3): a byte order mark, the `charset` of the
//! content type, the XML declaration, and otherwise it is UTF-8. One exception is made for senders that write
//! `charset=utf-8` on everything: bytes that are no UTF-8 are read as the document's own declaration says.
//!
//! Labels mean what the WHATWG's Encoding Standard says, as they do in browsers: `ISO-8859-1` is read as Windows-1252,
//! whose curly quotes and dashes stand where the other has only controls, and agencies write them under both names.

use std::borrow::Cow;

use encoding_rs::{DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE};

use super::place_of;
use crate::article::DecodeError;
use crate::article::decode::utf8_text_of;

/// The XML declaration is looked for in this many bytes.
const DECLARATION: usize = 256;

/// `bytes` as text. `charset` is that of the content type.
pub fn text_of<'b>(bytes: &'b [u8], charset: Option<&str>) -> Result<Cow<'b, str>, DecodeError> {
    if let Some((marked, length)) = Encoding::for_bom(bytes) {
        return decoded(&bytes[length..], marked);
    }
    let declared = declared(bytes).map(encoding).transpose()?;
    let said = charset.map(|label| encoding(label.as_bytes())).transpose()?;
    match said.or(declared).or_else(|| wide(bytes)) {
        Some(said) if said != UTF_8 => decoded(bytes, said),
        Some(_) | None => match (utf8_text_of(bytes), declared) {
            (Err(_), Some(other)) if other != UTF_8 => decoded(bytes, other),
            (text, _) => text.map(Cow::Borrowed).map_err(|why| match why {
                DecodeError::Syntax { line, column, problem } => {
                    DecodeError::Syntax { line, column, problem: problem + ", or declare what it is in" }
                }
                other @ (DecodeError::UnsupportedType { .. } | DecodeError::Content { .. }) => other,
            }),
        },
    }
}

/// The label in `<?xml version="1.0" encoding="…"?>`.
fn declared(bytes: &[u8]) -> Option<&[u8]> {
    let start = bytes.trim_ascii_start();
    let start = &start[..start.len().min(DECLARATION)];
    let declaration = start.strip_prefix(b"<?xml")?;
    let declaration = &declaration[..declaration.windows(2).position(|pair| pair == b"?>")?];
    let at = declaration.windows(8).position(|word| word == b"encoding")?;
    let value = declaration[at + 8..].trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    let (quote, value) = value.split_first()?;
    let end = value.iter().position(|byte| byte == quote)?;
    matches!(quote, b'"' | b'\'').then_some(&value[..end])
}

fn encoding(label: &[u8]) -> Result<&'static Encoding, DecodeError> {
    // What is declared in bytes that can be read one by one is not in an encoding of two.
    let single = |encoding: &'static Encoding| if [UTF_16LE, UTF_16BE].contains(&encoding) { UTF_8 } else { encoding };
    Encoding::for_label(label).map(single).ok_or_else(|| DecodeError::Syntax {
        line: 1,
        column: 1,
        problem: format!(
            "the encoding {:?} is not known; encode the document as UTF-8",
            String::from_utf8_lossy(&label[..label.len().min(40)])
        ),
    })
}

/// UTF-16 without a mark, told by the first `<` (XML 1.0, appendix F.1).
fn wide(bytes: &[u8]) -> Option<&'static Encoding> {
    match bytes {
        [b'<', 0, ..] => Some(UTF_16LE),
        [0, b'<', ..] => Some(UTF_16BE),
        _ => None,
    }
}

fn decoded<'b>(bytes: &'b [u8], encoding: &'static Encoding) -> Result<Cow<'b, str>, DecodeError> {
    if encoding == UTF_8 {
        return utf8_text_of(bytes).map(Cow::Borrowed);
    }
    if let Some(text) = encoding.decode_without_bom_handling_and_without_replacement(bytes) {
        return Ok(text);
    }
    // Once more, to see how far it goes.
    let mut decoder = encoding.new_decoder_without_bom_handling();
    let mut text = String::with_capacity(decoder.max_utf8_buffer_length_without_replacement(bytes.len()).unwrap_or(0));
    let (result, _) = decoder.decode_to_string_without_replacement(bytes, &mut text, true);
    let (line, column) = place_of(&text, text.len());
    let what = match result {
        DecoderResult::Malformed(..) => "here is no character of that encoding",
        DecoderResult::InputEmpty | DecoderResult::OutputFull => "it cannot be read to its end",
    };
    let problem = format!("the document is said to be {}, but {what}; declare what it is in", encoding.name());
    Err(DecodeError::Syntax { line, column, problem })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], charset: Option<&str>) -> String {
        text_of(bytes, charset).unwrap_or_else(|why| panic!("{charset:?}: {why}")).into_owned()
    }

    fn declaring(label: &str, bytes: &[u8]) -> Vec<u8> {
        [format!("<?xml version='1.0' encoding = \"{label}\"?>").as_bytes(), bytes].concat()
    }

    #[test]
    fn the_declaration_says_the_encoding() {
        for (label, bytes, text) in [
            ("ISO-8859-1", &b"caf\xe9"[..], "café"),
            ("iso-8859-1", b"\x93so\x94 \x96", "“so” –"),
            ("ISO-8859-15", b"\xa4 5", "€ 5"),
            ("windows-1252", b"\x80 5", "€ 5"),
            ("US-ASCII", b"plain", "plain"),
            ("UTF-8", "café €".as_bytes(), "café €"),
        ] {
            assert!(read(&declaring(label, bytes), None).ends_with(text), "{label}");
        }
        assert_eq!(read("café".as_bytes(), None), "café", "nothing is said: UTF-8");
    }

    #[test]
    fn the_content_type_counts_for_more_and_a_mark_for_most() {
        assert!(read(&declaring("UTF-8", b"caf\xe9"), Some("iso-8859-1")).ends_with("café"));
        assert!(read("\u{feff}<a>café</a>".as_bytes(), Some("iso-8859-1")).ends_with("café</a>"));
        for order in [u16::to_le_bytes, u16::to_be_bytes] {
            let wide = |text: &str| text.encode_utf16().flat_map(order).collect::<Vec<u8>>();
            assert_eq!(read(&wide("\u{feff}<a>é</a>"), None), "<a>é</a>");
            assert_eq!(read(&wide("<a>é</a>"), None), "<a>é</a>");
        }
    }

    #[test]
    fn a_charset_that_the_bytes_belie_gives_way_to_the_declaration() {
        assert!(read(&declaring("ISO-8859-1", b"caf\xe9"), Some("utf-8")).ends_with("café"));
        assert!(read(&declaring("ISO-8859-1", "café".as_bytes()), Some("utf-8")).ends_with("café"));
    }

    #[test]
    fn what_cannot_be_read_is_told_with_its_place() {
        let said = |bytes: &[u8], charset| text_of(bytes, charset).unwrap_err().to_string();
        insta::assert_snapshot!(said(b"<a>\ncaf\xe9</a>", None), @"line 2, column 4: the byte 0xE9 is not UTF-8; encode the document as UTF-8, or declare what it is in");
        insta::assert_snapshot!(said(&declaring("x-martian", b""), None), @r#"line 1, column 1: the encoding "x-martian" is not known; encode the document as UTF-8"#);
        insta::assert_snapshot!(said(b"<a>\n\x82", Some("shift_jis")), @"line 2, column 1: the document is said to be Shift_JIS, but here is no character of that encoding; declare what it is in");
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(bytes: Vec<u8>, label in "[a-z0-9-]{0,12}") {
            for charset in [None, Some(label.as_str()), Some("iso-2022-jp"), Some("utf-16"), Some("gb18030")] {
                let _ = text_of(&bytes, charset);
                let _ = text_of(&declaring(&label, &bytes), charset);
            }
        }
    }
}
