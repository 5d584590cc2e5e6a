//! What a partner's system calls a story, read out of its answers and kept between attempts.
//!
//! The ledger keeps it and does not read it. What was taken down has no id any more: an empty one stands for that, since the
//! ledger keeps the last one that it was told.

use http::header;
use percent_encoding::percent_decode_str;
use serde_json::Value;
use url::Url;

use crate::config::RemoteId;
use crate::transport::Parcel;
use crate::transport::client::Answer;

/// The longest id that is kept, in bytes. Real ones are numbers and UUIDs, and some are addresses.
const LONGEST: usize = 512;

/// That there is none any more.
pub const NONE: &str = "";

/// The id of the parcel's story, if there is one.
pub fn known(parcel: &Parcel) -> Option<&str> {
    parcel.remote.as_deref().filter(|id| *id != NONE)
}

/// The id in an answer.
pub fn find(place: &RemoteId, answer: &Answer) -> Option<String> {
    let id = match place {
        RemoteId::Header(name) => {
            let value = answer.headers.get(name)?.to_str().ok()?.trim();
            let is_address = [header::LOCATION, header::CONTENT_LOCATION]
                .iter()
                .any(|known| known.as_str().eq_ignore_ascii_case(name));
            if is_address { last_segment(value)? } else { value.to_owned() }
        }
        RemoteId::Json(pointer) => {
            let answer: Value = serde_json::from_slice(&answer.start).ok()?;
            match answer.pointer(pointer)? {
                Value::String(text) => text.clone(),
                Value::Number(number) if number.is_u64() || number.is_i64() => number.to_string(),
                Value::Number(_) | Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
            }
        }
    };
    let fits = !id.is_empty() && id.len() <= LONGEST && !id.chars().any(char::is_control);
    fits.then_some(id)
}

/// The last part of an address's path that is not empty, decoded. It may be relative.
fn last_segment(address: &str) -> Option<String> {
    let base = Url::parse("http://base.invalid/").ok()?;
    let url = base.join(address).ok()?;
    let last = url.path_segments()?.rfind(|segment| !segment.is_empty())?;
    Some(percent_decode_str(last).decode_utf8().ok()?.into_owned())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, StatusCode};

    use super::*;

    fn found(place: &RemoteId, header: Option<(&'static str, &str)>, body: &'static str) -> Option<String> {
        let mut headers = HeaderMap::new();
        if let Some((name, value)) = header {
            headers.insert(name, value.parse().unwrap());
        }
        find(place, &Answer { status: StatusCode::CREATED, headers, start: Bytes::from(body), whole: true })
    }

    #[test]
    fn an_id_is_found_where_it_is_said_to_be() {
        let location = RemoteId::Header("Location".into());
        for (address, id) in [
            ("https://paper.example/api/items/42", Some("42")),
            ("/api/items/a%2Fb/", Some("a/b")),
            ("items/42?x=/y", Some("42")),
            ("/", None),
            ("https://[", None),
        ] {
            assert_eq!(found(&location, Some(("location", address)), "").as_deref(), id, "{address}");
        }
        assert_eq!(found(&RemoteId::Header("x-id".into()), Some(("x-id", " /4/2 ")), "").as_deref(), Some("/4/2"));
        assert_eq!(found(&location, None, ""), None);
        let json = RemoteId::Json("/data/0/id".into());
        for (body, id) in [
            (r#"{"data":[{"id":"a b"}]}"#, Some("a b")),
            (r#"{"data":[{"id":42}]}"#, Some("42")),
            (r#"{"data":[{"id":4.2}]}"#, None),
            (r#"{"data":[{"id":""}]}"#, None),
            (r#"{"data":[{"id":"a\nb"}]}"#, None),
            (r#"{"data":[]}"#, None),
            (r#"{"data":[{"id":"cut of"#, None),
        ] {
            assert_eq!(found(&json, None, body).as_deref(), id, "{body}");
        }
        let long = format!("x{}", "y".repeat(LONGEST));
        assert_eq!(found(&RemoteId::Header("x-id".into()), Some(("x-id", &long)), ""), None);
    }
}
