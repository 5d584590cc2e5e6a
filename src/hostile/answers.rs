//! What partners' servers answer.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::parts;
use crate::transport::answered;

/// A status, header lines and a body: read by everything that reads answers. What comes of it fits a line of a log, a
/// header and an address.
pub fn answers(bytes: &[u8]) {
    let [head, body] = parts(bytes);
    let mut lines = head.split(|byte| *byte == b'\n');
    let status = lines.next().and_then(|line| StatusCode::from_bytes(line).ok()).unwrap_or(StatusCode::OK);
    let mut headers = HeaderMap::new();
    for line in lines {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let (name, value) = (HeaderName::from_bytes(&line[..colon]), HeaderValue::from_bytes(&line[colon + 1..]));
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    answered::all(status, &headers, &Bytes::copy_from_slice(body));
}

/// What comes on a connection of HTTP/1.1: the same answer however it is cut, and no more of it than is meant.
pub fn http1(bytes: &[u8]) {
    answered::http1(bytes);
}
