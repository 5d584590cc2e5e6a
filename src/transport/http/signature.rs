//! Standard Webhooks signatures, version 1: HMAC-SHA256 over `id.timestamp.body`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::config::Secret;

/// A signing key, ready for use.
#[derive(Clone)]
pub struct Signer(Hmac<Sha256>);

impl Signer {
    /// `whsec_` and base64, as the standard writes secrets; any other text is the key itself.
    ///
    /// # Errors
    /// When what follows `whsec_` is not base64. The message does not repeat it.
    pub fn new(secret: &Secret) -> Result<Self, String> {
        let text = secret.expose();
        let key = match text.strip_prefix("whsec_") {
            Some(encoded) => BASE64
                .decode(encoded)
                .map_err(|_| "the signing secret begins with \"whsec_\" but what follows is not base64".to_owned())?,
            None => text.as_bytes().to_vec(),
        };
        Hmac::new_from_slice(&key).map(Self).map_err(|why| why.to_string())
    }

    /// The value of `webhook-signature`. `timestamp` is in seconds since 1970.
    pub fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let mut mac = self.0.clone();
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        format!("v1,{}", BASE64.encode(mac.finalize().into_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_independent_verifier_accepts_the_signature() {
        let encoded = BASE64.encode([7; 24]);
        let signer = Signer::new(&Secret::new(&format!("whsec_{encoded}"))).unwrap();
        let now = jiff::Timestamp::now().as_second();
        let body = br#"{"headline":"Harbor council votes"}"#;
        let mut headers = http::HeaderMap::new();
        headers.insert("webhook-id", "msg_1".parse().unwrap());
        headers.insert("webhook-timestamp", now.to_string().parse().unwrap());
        headers.insert("webhook-signature", signer.sign("msg_1", now, body).parse().unwrap());
        let verifier = standardwebhooks::Webhook::new(&encoded).unwrap();
        verifier.verify(body, &headers).unwrap();
        assert!(verifier.verify(b"{}", &headers).is_err());
    }

    #[test]
    fn a_broken_secret_is_not_repeated() {
        let why = Signer::new(&Secret::new("whsec_%%%hunter2")).err().unwrap();
        assert!(!why.contains("hunter2"));
    }
}
