//! What an answer means, as a pure function of its status, headers and start.

use std::time::Duration;

use http::{HeaderMap, StatusCode, header};
use jiff::Timestamp;

use super::client::Failed;
use super::{Class, Outcome};

/// How much of an answer's body is told to the operator.
const EXCERPT: usize = 200;

/// Classes an answer: 2xx is delivered; 400, 413, 415 and 422 refuse the document; 410 says that the door is gone. After
/// 500, 502 and 504 the document may have been stored all the same, so a kill of it has to follow. All else is the
/// door's trouble; a status that is not one of those that doors in trouble use may be one document's doing, so that one
/// lets others go first.
pub fn classify(status: StatusCode, headers: &HeaderMap, start: &[u8], now: Timestamp) -> Outcome {
    let retry_after = headers.get(header::RETRY_AFTER).and_then(|value| parse_retry_after(value.to_str().ok()?, now));
    let class = match status.as_u16() {
        200..=299 => Class::Delivered,
        400 | 413 | 415 | 422 => Class::Refused,
        410 => Class::Gone,
        500 | 502 | 504 => Class::Unknown { retry_after },
        code => {
            let door = matches!(code, 300..=399 | 401 | 403 | 404 | 407 | 408 | 425 | 429 | 503);
            Class::Deferred { retry_after, maybe_document: !door }
        }
    };
    let mut detail = format!("answered {status}");
    if class != Class::Delivered {
        let excerpt = excerpt(start);
        if !excerpt.is_empty() {
            detail = format!("{detail}: {excerpt}");
        }
    }
    Outcome { class, status: Some(status.as_u16()), detail, remote: None }
}

impl From<Failed> for Outcome {
    fn from(failed: Failed) -> Self {
        let (class, detail) = match failed {
            Failed::NotConnected(why) => (Class::Deferred { retry_after: None, maybe_document: false }, why),
            Failed::Unknown(why) => (Class::Unknown { retry_after: None }, why),
            Failed::Impossible(why) => (Class::Refused, format!("not sent: {why}")),
        };
        Self { class, status: None, detail, remote: None }
    }
}

/// RFC 9110 §10.2.3: seconds, or a date.
fn parse_retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let at = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
    Some(Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO))
}

/// The start of a body on one line, with control characters escaped.
pub fn excerpt(start: &[u8]) -> String {
    let text = String::from_utf8_lossy(&start[..start.len().min(EXCERPT)]);
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().flat_map(|c| if c.is_control() { c.escape_default().collect::<Vec<_>>() } else { vec![c] }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(status: u16, retry: Option<&str>) -> Class {
        let now = "2026-11-24T12:00:00Z".parse().unwrap();
        let mut headers = HeaderMap::new();
        if let Some(retry) = retry {
            headers.insert(header::RETRY_AFTER, retry.parse().unwrap());
        }
        classify(StatusCode::from_u16(status).unwrap(), &headers, b"", now).class
    }

    #[test]
    fn every_status_has_its_class() {
        for status in [200, 201, 202, 204] {
            assert_eq!(class(status, None), Class::Delivered);
        }
        for status in [400, 413, 415, 422] {
            assert_eq!(class(status, None), Class::Refused);
        }
        assert_eq!(class(410, None), Class::Gone);
        for status in [301, 302, 401, 403, 404, 408, 429, 503] {
            assert_eq!(class(status, None), Class::Deferred { retry_after: None, maybe_document: false }, "{status}");
        }
        for status in [405, 409, 414, 431, 501, 507] {
            assert_eq!(class(status, None), Class::Deferred { retry_after: None, maybe_document: true }, "{status}");
        }
        let after = Some(Duration::from_secs(9));
        for status in [500, 502, 504] {
            assert_eq!(class(status, Some("9")), Class::Unknown { retry_after: after }, "{status}");
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let after = |text| match class(429, Some(text)) {
            Class::Deferred { retry_after, .. } => retry_after,
            other => panic!("{other:?}"),
        };
        assert_eq!(after("120"), Some(Duration::from_secs(120)));
        assert_eq!(after("Tue, 24 Nov 2026 12:01:00 GMT"), Some(Duration::from_secs(60)));
        assert_eq!(after("Tue, 24 Nov 2026 11:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(after("soon"), None);
    }

    #[test]
    fn an_answer_cannot_break_a_log_line() {
        let now = Timestamp::UNIX_EPOCH;
        let outcome = classify(StatusCode::IM_A_TEAPOT, &HeaderMap::new(), b"a\r\nb\x1b[31m\x00", now);
        assert_eq!(outcome.detail, "answered 418 I'm a teapot: a b\\u{1b}[31m\\u{0}");
    }
}
