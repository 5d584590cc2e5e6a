//! A receiver's checks, written from the standards: Standard Webhooks, RFC 9530, and newswired's own headers.

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use flate2::read::GzDecoder;
use hmac::{Hmac, KeyInit, Mac};
use http::HeaderMap;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

/// How far a request's clock may be off, in seconds: what the Standard Webhooks libraries allow.
const TOLERANCE: i64 = 300;

/// The headers that every request has.
const REQUIRED: [&str; 10] = [
    "content-type",
    "webhook-id",
    "webhook-timestamp",
    "idempotency-key",
    "content-digest",
    "newswire-story",
    "newswire-version",
    "newswire-action",
    "newswire-urgency",
    "newswire-attempt",
];

/// What is missing or contradicts itself among the headers.
pub fn missing(headers: &HeaderMap) -> Vec<String> {
    let mut problems: Vec<_> = REQUIRED
        .iter()
        .filter(|name| text(headers, name).is_empty())
        .map(|name| format!("the header {name} is missing"))
        .collect();
    if text(headers, "idempotency-key") != text(headers, "webhook-id") {
        problems.push("idempotency-key and webhook-id differ".to_owned());
    }
    if text(headers, "newswire-version").parse::<u64>().is_err() {
        problems.push("newswire-version is not a number".to_owned());
    }
    problems
}

/// `webhook-signature`: one of the signatures, separated by spaces, must be `v1,` and the base64 of an HMAC-SHA256 over
/// `id.timestamp.body`, and the timestamp must be recent.
pub fn signature(headers: &HeaderMap, body: &[u8], secret: &str, now: Timestamp) -> Result<(), String> {
    let id = text(headers, "webhook-id");
    let timestamp = text(headers, "webhook-timestamp");
    let sent: i64 = timestamp.parse().map_err(|_| "webhook-timestamp is not a number of seconds".to_owned())?;
    if (now.as_second() - sent).abs() > TOLERANCE {
        return Err(format!("webhook-timestamp is more than {TOLERANCE} seconds off"));
    }
    let key = match secret.strip_prefix("whsec_") {
        Some(encoded) => {
            BASE64.decode(encoded).map_err(|_| "the sink's secret is not base64 after whsec_".to_owned())?
        }
        None => secret.as_bytes().to_vec(),
    };
    let good = text(headers, "webhook-signature")
        .split(' ')
        .filter_map(|one| BASE64.decode(one.strip_prefix("v1,")?).ok())
        .any(|code| {
            let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&key) else { return false };
            for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
                mac.update(part);
            }
            mac.verify_slice(&code).is_ok()
        });
    if good { Ok(()) } else { Err("the signature is missing or wrong".to_owned()) }
}

/// `content-digest: sha-256=:BASE64:` (RFC 9530 §2).
pub fn digest(headers: &HeaderMap, body: &[u8]) -> Result<(), String> {
    let stated = text(headers, "content-digest");
    let encoded = stated.strip_prefix("sha-256=:").and_then(|rest| rest.strip_suffix(':'));
    let stated = encoded.and_then(|encoded| BASE64.decode(encoded).ok());
    if stated.as_deref() == Some(&Sha256::digest(body)[..]) {
        Ok(())
    } else {
        Err("content-digest is missing or does not match the body".to_owned())
    }
}

/// The document in a body that `content-encoding` may say is compressed; at most `largest` bytes of it.
pub fn document(headers: &HeaderMap, body: &Bytes, largest: usize) -> Result<Bytes, String> {
    match text(headers, "content-encoding") {
        "" => Ok(body.clone()),
        "gzip" => {
            let (mut document, most) = (Vec::new(), u64::try_from(largest).unwrap_or(u64::MAX));
            let mut read = GzDecoder::new(&body[..]).take(most.saturating_add(1));
            read.read_to_end(&mut document).map_err(|why| format!("the body is not gzip: {why}"))?;
            if document.len() > largest { Err("the document is too large".to_owned()) } else { Ok(document.into()) }
        }
        other => Err(format!("the content-encoding {other:?} is not known here")),
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(secret: &str, body: &[u8], now: Timestamp) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("webhook-id", "msg_1".parse().unwrap());
        headers.insert("webhook-timestamp", now.as_second().to_string().parse().unwrap());
        let signer = standardwebhooks::Webhook::new(secret.strip_prefix("whsec_").unwrap()).unwrap();
        let signed = signer.sign("msg_1", now.as_second(), body).unwrap();
        headers.insert("webhook-signature", format!("v1,AAAA {signed}").parse().unwrap());
        headers
    }

    #[test]
    fn another_implementations_signature_is_good_and_every_change_of_it_is_not() {
        let secret = format!("whsec_{}", BASE64.encode([9; 32]));
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let headers = headers(&secret, b"body", now);
        assert_eq!(signature(&headers, b"body", &secret, now), Ok(()));
        assert!(signature(&headers, b"Body", &secret, now).is_err());
        assert!(signature(&headers, b"body", "another", now).is_err());
        let late = Timestamp::from_second(1_800_000_301).unwrap();
        assert!(signature(&headers, b"body", &secret, late).unwrap_err().contains("300 seconds"));
        let mut other = headers.clone();
        other.insert("webhook-id", "msg_2".parse().unwrap());
        assert!(signature(&other, b"body", &secret, now).is_err());
    }

    #[test]
    fn a_compressed_document_comes_out_within_its_bound() {
        use std::io::Write;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(&[b'x'; 100_000]).unwrap();
        let body = Bytes::from(encoder.finish().unwrap());
        let mut headers = HeaderMap::new();
        assert_eq!(document(&headers, &body, 10), Ok(body.clone()), "it was not said to be compressed");
        headers.insert("content-encoding", "gzip".parse().unwrap());
        assert_eq!(document(&headers, &body, 100_000).unwrap(), [b'x'; 100_000][..]);
        assert_eq!(document(&headers, &body, 99_999).unwrap_err(), "the document is too large");
        assert!(document(&headers, &body.slice(..50), 100_000).unwrap_err().starts_with("the body is not gzip"));
        headers.insert("content-encoding", "br".parse().unwrap());
        assert!(document(&headers, &body, 100_000).unwrap_err().contains("\"br\""));
    }

    #[test]
    fn a_digest_is_checked() {
        let mut headers = HeaderMap::new();
        assert!(digest(&headers, b"").is_err());
        // RFC 9530 gives this digest for its example content.
        let example = "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:";
        headers.insert("content-digest", example.parse().unwrap());
        assert_eq!(digest(&headers, b"{\"hello\": \"world\"}"), Ok(()));
        assert!(digest(&headers, b"{\"hello\": \"World\"}").is_err());
    }
}
