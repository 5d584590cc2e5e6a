//! All that reads partners' answers, for the tests that try it with answers that nobody would send.

use ::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use jiff::Timestamp;

use super::client::{self, Answer};
use super::{Class, Outcome, http, outcome, wordpress};

/// Reads one answer in every way in which answers are read.
pub fn all(status: StatusCode, headers: &HeaderMap, body: &Bytes) {
    let answer = Answer { status, headers: headers.clone(), start: body.clone(), whole: true };
    let now = Timestamp::UNIX_EPOCH;
    told(&outcome::classify(status, headers, body, now));
    http::answered::all(&answer);
    for outcome in wordpress::answered(&answer) {
        told(&outcome);
    }
}

/// Reads what comes on a connection of HTTP/1.1.
pub fn http1(bytes: &[u8]) {
    client::http1_tried(bytes);
}

/// What is told of it is one line of bounded length, and no wait is longer than a month.
fn told(outcome: &Outcome) {
    one_line(&outcome.detail);
    let retry_after = match outcome.class {
        Class::Deferred { retry_after, .. } | Class::Unknown { retry_after } => retry_after,
        Class::Delivered | Class::Refused | Class::Gone => None,
    };
    assert!(retry_after.is_none_or(|after| after.as_secs() <= 31 * 86_400), "{retry_after:?}");
}

pub(super) fn one_line(text: &str) {
    assert!(text.len() < 5_000, "{} bytes are told", text.len());
    let odd = text.chars().find(|c| c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'));
    assert!(odd.is_none(), "{odd:?} is told: {text:?}");
}
