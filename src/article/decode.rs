//! Bytes and their content type become an [`Article`].

use std::fmt;

use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

use super::{Article, WireId, json, newsml, ninjs, nitf, xml};

/// What a document is: the formats an article may arrive in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The daemon's own JSON, version 1.
    OwnV1,
    /// IPTC ninjs 1.0 to 1.6: `headline`, `body_html`, associations by name.
    Ninjs1,
    /// IPTC ninjs 2.x: `headlines[]`, `bodies[]`, lower-case names.
    Ninjs2,
    /// IPTC ninjs 3.x: as 2.x, with names in camel case.
    Ninjs3,
    /// What Superdesk calls ninjs: 1.x with a `guid` for the `uri`, and more fields.
    Superdesk,
    /// IPTC NITF 3.x.
    Nitf,
    /// A text item of IPTC NewsML-G2.
    NewsMlG2,
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OwnV1 => "newswired article",
            Self::Ninjs1 => "ninjs 1.x",
            Self::Ninjs2 => "ninjs 2.x",
            Self::Ninjs3 => "ninjs 3.x",
            Self::Superdesk => "Superdesk ninjs",
            Self::Nitf => "NITF",
            Self::NewsMlG2 => "NewsML-G2",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why bytes did not become an article. Each variant is an answer to the sender.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Not a type that is read here: HTTP 415 (RFC 9110 §15.5.16).
    #[error("the content type {content_type:?} {why}")]
    UnsupportedType { content_type: String, why: &'static str },
    /// Not JSON in UTF-8, nor XML: HTTP 400. Line and column count from 1, the column in bytes.
    #[error("line {line}, column {column}: {problem}")]
    Syntax { line: usize, column: usize, problem: String },
    /// JSON or XML, but no article: HTTP 422 (RFC 9110 §15.5.21).
    #[error("{path}: {problem} (read as {kind})")]
    Content {
        kind: Kind,
        /// The field at fault: `authors[0].name`; in XML an element and perhaps its attribute: `doc-id@id-string`.
        path: String,
        /// What is wrong with it, and how to mend it.
        problem: String,
    },
}

impl DecodeError {
    pub(super) fn content(kind: Kind, path: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Content { kind, path: shortened(path.into()), problem: shortened(problem.into()) }
    }

    /// For JSON that cannot be read as JSON.
    pub(super) fn syntax(why: &serde_json::Error) -> Self {
        let problem = match without_place(why) {
            problem if why.is_eof() => format!("the JSON is truncated: {problem}"),
            problem => format!("not JSON: {problem}"),
        };
        Self::Syntax { line: why.line(), column: why.column(), problem }
    }

    /// For XML that cannot be read as XML.
    pub(super) fn xml(line: usize, column: usize, problem: impl Into<String>) -> Self {
        Self::Syntax { line, column, problem: shortened(problem.into()) }
    }
}

/// `message` at a length that a log line can bear: a document may have keys and values as long as a story.
fn shortened(mut message: String) -> String {
    const LONGEST: usize = 400;
    if message.len() > LONGEST {
        message.truncate(message.floor_char_boundary(LONGEST));
        message.push('…');
    }
    message
}

/// What serde_json says, without the place that it puts at the end.
pub(super) fn without_place(why: &serde_json::Error) -> String {
    let said = why.to_string();
    match said.rfind(" at line ") {
        Some(at) => said[..at].to_owned(),
        None => said,
    }
}

/// The article that `bytes` hold.
///
/// `content_type` is the value of the HTTP header or the AMQP property, parameters included. A type that says no more
/// than JSON (`application/json`) or XML (`application/xml`, `text/xml`) leaves it to the document what it is, and one
/// that says nothing (`application/octet-stream`, none) leaves that too: what begins with `<` is XML. JSON with the
/// key `newswired` is our own, other JSON is ninjs; XML is told by its root element. `default_wire` is the wire of a
/// document that names none; none but our own does.
///
/// # Errors
/// See [`DecodeError`]; its text is fit for the sender and for the operator.
pub fn decode(bytes: &[u8], content_type: Option<&str>, default_wire: &WireId) -> Result<Article, DecodeError> {
    let claim = Claim::of(content_type)?;
    let is_own = match claim.says {
        Says::Own => Some(true),
        Says::Ninjs => Some(false),
        Says::Json => None,
        Says::Nothing if !begins_as_xml(bytes) => None,
        Says::Xml | Says::Nothing => return decode_xml(bytes, claim.charset, default_wire),
    };
    if claim.charset.is_some_and(|charset| !["utf-8", "utf8"].iter().any(|utf8| charset.eq_ignore_ascii_case(utf8))) {
        return claim.refuse("names a charset other than UTF-8; JSON travels as UTF-8 (RFC 8259 §8.1)");
    }
    let text = utf8_text_of(bytes)?;
    let is_own = match is_own {
        Some(is_own) => is_own,
        None => has_marker(text)?,
    };
    if is_own {
        return json::decode(text, default_wire);
    }
    let document = serde_json::from_str(text).map_err(|why| DecodeError::syntax(&why))?;
    ninjs::decode(&document, default_wire)
}

fn decode_xml(bytes: &[u8], charset: Option<&str>, default_wire: &WireId) -> Result<Article, DecodeError> {
    let text = xml::text_of(bytes, charset)?;
    let document = xml::Document::parse(&text)?;
    match document.root.name.as_str() {
        "nitf" => nitf::decode(&document, default_wire),
        name if newsml::is_root(name) => newsml::decode(&document, default_wire),
        other => {
            let (line, column) = document.place(document.root.at);
            let problem = format!("<{other}> is not read here; send NITF 3 (<nitf>) or NewsML-G2 (<newsItem>)");
            Err(DecodeError::xml(line, column, problem))
        }
    }
}

/// Whether the first character that is no white space is a `<`, in UTF-16 too.
fn begins_as_xml(bytes: &[u8]) -> bool {
    let marks: [&[u8]; 3] = [b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"];
    let unmarked = marks.iter().find_map(|mark| bytes.strip_prefix(*mark)).unwrap_or(bytes);
    unmarked.iter().find(|byte| !byte.is_ascii_whitespace() && **byte != 0) == Some(&b'<')
}

/// A content type.
struct Claim<'c> {
    content_type: &'c str,
    says: Says,
    charset: Option<&'c str>,
}

/// What a content type says about the document.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Says {
    Own,
    Ninjs,
    Json,
    Xml,
    Nothing,
}

impl<'c> Claim<'c> {
    fn of(content_type: Option<&'c str>) -> Result<Self, DecodeError> {
        let content_type = content_type.unwrap_or_default().trim();
        let mut parts = content_type.split(';').map(str::trim);
        let says = match parts.next().unwrap_or_default().to_ascii_lowercase().as_str() {
            "application/vnd.newswired.article+json" => Some(Says::Own),
            "application/ninjs+json" => Some(Says::Ninjs),
            "application/json" => Some(Says::Json),
            // Which of the two it is, the root element says; the IANA's register has the `text` ones.
            "application/nitf+xml"
            | "text/vnd.iptc.nitf"
            | "application/vnd.iptc.g2.newsitem+xml"
            | "application/vnd.iptc.g2.newsmessage+xml"
            | "application/xml"
            | "text/xml" => Some(Says::Xml),
            "" | "application/octet-stream" => Some(Says::Nothing),
            _ => None,
        };
        let charset = parts.find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches('"'))
        });
        let claim = Self { content_type, says: says.unwrap_or(Says::Nothing), charset };
        match says {
            Some(_) => Ok(claim),
            None => claim.refuse(
                "is not read here; send application/vnd.newswired.article+json, application/ninjs+json, \
                 application/nitf+xml, application/vnd.iptc.g2.newsitem+xml, application/json or application/xml",
            ),
        }
    }

    fn refuse<T>(&self, why: &'static str) -> Result<T, DecodeError> {
        Err(DecodeError::UnsupportedType { content_type: self.content_type.to_owned(), why })
    }
}

/// `bytes` as UTF-8, without the byte order mark that RFC 8259 §8.1 lets a reader ignore.
pub(super) fn utf8_text_of(bytes: &[u8]) -> Result<&str, DecodeError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    std::str::from_utf8(bytes).map_err(|why| {
        let (before, after) = bytes.split_at(why.valid_up_to());
        let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let problem = match (why.error_len(), after.first()) {
            (Some(_), Some(byte)) => format!("the byte 0x{byte:02X} is not UTF-8; encode the document as UTF-8"),
            _ => "the document is truncated in the middle of a character".to_owned(),
        };
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        DecodeError::Syntax { line, column: before.len() - line_start + 1, problem }
    })
}

/// Whether the document is an object with our own marker, found in one pass that keeps nothing.
fn has_marker(text: &str) -> Result<bool, DecodeError> {
    struct Marker;

    impl<'de> Visitor<'de> for Marker {
        type Value = bool;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a JSON object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
            let mut found = false;
            while let Some(key) = map.next_key::<std::borrow::Cow<'de, str>>()? {
                map.next_value::<IgnoredAny>()?;
                found |= key == json::MARKER;
            }
            Ok(found)
        }
    }

    let mut json = serde_json::Deserializer::from_str(text);
    match json.deserialize_map(Marker) {
        Ok(found) => Ok(found),
        // JSON, but not an object: the decoder says what is wanted in its place.
        Err(why) if why.is_data() => Ok(false),
        Err(why) => Err(DecodeError::syntax(&why)),
    }
}

/// What holds of every article, whatever it came in.
pub(super) fn checked(article: Article, kind: Kind) -> Result<Article, DecodeError> {
    let ends = [("expires", article.expires), ("rights_until", article.rights_until)];
    for (path, end) in ends {
        if let (Some(embargo), Some(end)) = (article.embargo, end)
            && end <= embargo
            && !article.action.withdraws()
        {
            let problem = format!("{end} is not after the end of the embargo, {embargo}: the story could never leave");
            return Err(DecodeError::content(kind, path, problem));
        }
    }
    Ok(article)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire() -> WireId {
        WireId::new("hpnf")
    }

    const OWN: &str = r#"{"newswired": 1, "guid": "urn:x:1", "headline": "H", "body_text": "B"}"#;
    const NINJS: &str = r#"{"uri": "urn:x:1", "headline": "H", "body_text": "B"}"#;

    #[test]
    fn the_type_or_the_document_says_what_it_is() {
        for kind in [None, Some(""), Some("application/json; charset=\"UTF-8\""), Some("application/octet-stream")] {
            assert_eq!(decode(OWN.as_bytes(), kind, &wire()).unwrap().headline, "H", "{kind:?}");
            assert_eq!(decode(NINJS.as_bytes(), kind, &wire()).unwrap().headline, "H", "{kind:?}");
        }
        assert!(decode(OWN.as_bytes(), Some("Application/Vnd.Newswired.Article+JSON"), &wire()).is_ok());
        assert!(decode(NINJS.as_bytes(), Some("application/ninjs+json;charset=utf-8"), &wire()).is_ok());
    }

    #[test]
    fn other_types_and_charsets_are_refused() {
        for content_type in ["text/html", "application/rss+xml", "application/json; charset=iso-8859-1", "json"] {
            let error = decode(OWN.as_bytes(), Some(content_type), &wire()).unwrap_err();
            assert!(matches!(error, DecodeError::UnsupportedType { .. }), "{content_type}: {error}");
        }
        insta::assert_snapshot!(
            decode(b"", Some("text/html"), &wire()).unwrap_err(),
            @r#"the content type "text/html" is not read here; send application/vnd.newswired.article+json, application/ninjs+json, application/nitf+xml, application/vnd.iptc.g2.newsitem+xml, application/json or application/xml"#
        );
    }

    const NITF: &str = "<nitf><doc-id id-string='urn:x:1'/><hl1>H</hl1><body.content><p>é</p></body.content></nitf>";
    const NEWSML: &str = "<newsItem guid='urn:x:1'><contentMeta><headline>H</headline></contentMeta><contentSet>\
                          <inlineData>B</inlineData></contentSet></newsItem>";

    #[test]
    fn xml_is_told_by_its_root_whatever_type_it_comes_under() {
        let types = [
            None,
            Some("application/octet-stream"),
            Some("application/xml"),
            Some("text/xml; charset=utf-8"),
            Some("Application/NITF+xml"),
            Some("text/vnd.IPTC.NITF"),
            Some("application/vnd.iptc.g2.newsitem+xml"),
            Some("application/vnd.iptc.g2.newsmessage+xml"),
        ];
        for document in [NITF, NEWSML] {
            for content_type in types {
                for bytes in [document.to_owned(), format!("\u{feff}\n{document}")] {
                    let article = decode(bytes.as_bytes(), content_type, &wire());
                    assert_eq!(article.unwrap_or_else(|why| panic!("{content_type:?}: {why}")).headline, "H");
                }
            }
            let wide: Vec<u8> = format!("\u{feff}{document}").encode_utf16().flat_map(u16::to_le_bytes).collect();
            assert_eq!(decode(&wide, None, &wire()).unwrap().headline, "H");
            let error = decode(document.as_bytes(), Some("application/json"), &wire()).unwrap_err();
            assert!(matches!(error, DecodeError::Syntax { line: 1, column: 1, .. }), "{error}");
        }
        let latin: Vec<u8> = NITF.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
        assert_eq!(decode(&latin, Some("text/xml; charset=\"ISO-8859-1\""), &wire()).unwrap().body.text(), "é");
    }

    #[test]
    fn xml_that_is_something_else_is_told_so() {
        let said = |text: &str| decode(text.as_bytes(), None, &wire()).unwrap_err().to_string();
        insta::assert_snapshot!(said("<?xml version='1.0'?>\n<rss/>"), @"line 2, column 1: <rss> is not read here; send NITF 3 (<nitf>) or NewsML-G2 (<newsItem>)");
        assert!(decode(b"{}", Some("text/xml"), &wire()).is_err());
    }

    #[test]
    fn broken_json_is_told_with_its_place() {
        let said = |bytes: &[u8]| decode(bytes, None, &wire()).unwrap_err().to_string();
        insta::assert_snapshot!(said(b"{\n \"uri\": \"x"), @"line 2, column 10: the JSON is truncated: EOF while parsing a string");
        insta::assert_snapshot!(said(b""), @"line 1, column 0: the JSON is truncated: EOF while parsing a value");
        insta::assert_snapshot!(said(b"{\n\"a\" 1}"), @"line 2, column 5: not JSON: expected `:`");
        insta::assert_snapshot!(said(b"{}\n{\"a\": \"\xff\"}"), @"line 2, column 8: the byte 0xFF is not UTF-8; encode the document as UTF-8");
        insta::assert_snapshot!(said(b"\"\xe2\x82"), @"line 1, column 2: the document is truncated in the middle of a character");
        insta::assert_snapshot!(said("[".repeat(100_000).as_bytes()), @"line 1, column 128: not JSON: recursion limit exceeded");
        assert!(said(b"{} x").contains("trailing characters"));
    }

    #[test]
    fn json_that_is_no_object_is_told_so() {
        for text in ["[]", "1", "null", "\"x\""] {
            let error = decode(text.as_bytes(), None, &wire()).unwrap_err();
            assert!(matches!(error, DecodeError::Content { .. }), "{text}: {error}");
            let own = Some("application/vnd.newswired.article+json");
            let error = decode(text.as_bytes(), own, &wire()).unwrap_err();
            assert!(matches!(error, DecodeError::Content { .. }), "{text}: {error}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_ignored() {
        assert!(decode(format!("\u{feff}{OWN}").as_bytes(), None, &wire()).is_ok());
    }

    #[test]
    fn a_story_that_could_never_leave_is_refused() {
        let document = NINJS.replace(
            "\"B\"",
            "\"B\", \"embargoed\": \"2026-11-24T12:00:00Z\", \"expires\": \"2026-11-24T13:00:00+01:00\"",
        );
        insta::assert_snapshot!(
            decode(document.as_bytes(), None, &wire()).unwrap_err(),
            @"expires: 2026-11-24T12:00:00Z is not after the end of the embargo, 2026-11-24T12:00:00Z: the story could never leave (read as ninjs 1.x)"
        );
    }

    #[test]
    fn a_story_that_nobody_could_ever_publish_is_refused() {
        let own = |action: &str, until: &str| {
            let more = format!(
                "\"B\", \"embargo\": \"2026-11-24T12:00:00Z\", \"rights_until\": \"{until}\", \"version\": 2, \"action\": \"{action}\""
            );
            decode(OWN.replace("\"B\"", &more).as_bytes(), None, &wire())
        };
        insta::assert_snapshot!(
            own("update", "2026-11-24T13:00:00+01:00").unwrap_err(),
            @"rights_until: 2026-11-24T12:00:00Z is not after the end of the embargo, 2026-11-24T12:00:00Z: the story could never leave (read as newswired article)"
        );
        assert!(own("update", "2026-11-24T12:00:01Z").is_ok());
        assert!(own("kill", "2026-11-24T12:00:00Z").is_ok(), "what takes a story down is never held up");
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(bytes: Vec<u8>, text in "[\\[\\]{}\",:0-9a-z \\\\]{0,80}") {
            let _ = decode(&bytes, None, &wire());
            let _ = decode(text.as_bytes(), None, &wire());
        }
    }
}
