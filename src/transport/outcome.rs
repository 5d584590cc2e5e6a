//! What an answer means, as a pure function of its status, headers and start.

use std::time::Duration;

use http::{HeaderMap, StatusCode, header};
use jiff::Timestamp;

use super::client::Failed;
use super::{Class, Outcome};

/// How much of an answer's body is told to the operator.
const EXCERPT: usize = 200;

/// How long a sentence may get that holds words from outside, in bytes, about.
const LONGEST_DETAIL: usize = 2_000;

/// No `Retry-After` means longer than this, whatever it says: a lane has a limit of its own, and sums of times an end.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(30 * 86_400);

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
    let reason = status.canonical_reason().unwrap_or("<unknown status code>");
    let mut detail = ["answered ", status.as_str(), " ", reason].concat();
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
        Self { class, status: None, detail: plain(&detail), remote: None }
    }
}

/// RFC 9110 §10.2.3: seconds, or a date, as far as they make sense.
fn parse_retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    let after = if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // More than 64 bits of seconds are longer than anything.
        value.parse().map_or(LONGEST_RETRY_AFTER, Duration::from_secs)
    } else {
        let at = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
        Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO)
    };
    Some(after.min(LONGEST_RETRY_AFTER))
}

/// The start of a body on one line, with what cannot be seen escaped.
pub fn excerpt(start: &[u8]) -> String {
    let text = String::from_utf8_lossy(&start[..start.len().min(EXCERPT)]);
    plain(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// What came from outside as one line of a log: what cannot be seen, or would change what is seen beside it, is escaped,
/// and a text that is too long is cut.
fn plain(text: &str) -> String {
    let mut line = String::new();
    for c in text.chars() {
        if line.len() >= LONGEST_DETAIL {
            line.push('…');
            break;
        }
        if is_unseen(c) { line.extend(c.escape_unicode()) } else { line.push(c) }
    }
    line
}

/// Controls, line ends, what sets the direction of text (Unicode's bidirectional algorithm, UAX #9 §2), and what has no
/// width (`Default_Ignorable_Code_Point`).
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
        )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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
        for nonsense in ["soon", "", "-5", "+5", "1e9", "5 seconds", "Tue, 24 Nov 2026"] {
            assert_eq!(after(nonsense), None, "{nonsense}");
        }
        let thousand_years = "31556952000";
        for long in [thousand_years, "18446744073709551615", "99999999999999999999999", "Fri, 24 Nov 3026 12:00:00 GMT"]
        {
            assert_eq!(after(long), Some(LONGEST_RETRY_AFTER), "{long}");
        }
    }

    #[test]
    fn an_answer_cannot_break_a_log_line() {
        let now = Timestamp::UNIX_EPOCH;
        let outcome = classify(StatusCode::IM_A_TEAPOT, &HeaderMap::new(), b"a\r\nb\x1b[31m\x00", now);
        assert_eq!(outcome.detail, "answered 418 I'm a teapot: a b\\u{1b}[31m\\u{0}");
    }

    proptest! {
        /// Whatever is said outside, a line of ours stays a line, reads in one direction, and ends.
        #[test]
        fn what_is_said_outside_cannot_change_what_we_say(said in any::<String>(), more in any::<Vec<char>>(), times in 1_usize..40) {
            let said = format!("{said}{}", more.iter().collect::<String>()).repeat(times);
            let failed: Outcome = Failed::Unknown(said.clone()).into();
            for line in [failed.detail, excerpt(said.as_bytes())] {
                prop_assert!(!line.chars().any(is_unseen), "{line:?}");
                prop_assert!(line.len() < LONGEST_DETAIL + 20);
            }
        }
    }

    #[test]
    fn what_sets_the_direction_of_text_is_shown() {
        let said = "ok \u{202e}gpj.exe\u{2066}\u{200b}\u{feff}\u{e0041} caf\u{e9} \u{0627}";
        insta::assert_snapshot!(excerpt(said.as_bytes()), @r#"ok \u{202e}gpj.exe\u{2066}\u{200b}\u{feff}\u{e0041} café ا"#);
    }
}
