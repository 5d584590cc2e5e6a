//! Standard Webhooks: HMAC-SHA256 (`v1`) or Ed25519 (`v1a`) over `id.timestamp.body`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use ed25519_dalek::SigningKey;
use ed25519_dalek::ed25519::signature::MultipartSigner;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::Sha256;

use crate::config::Key;
use crate::transport::DoorError;

/// The length of a signature by a shared key, as nearly all are.
const ONE: usize = 47;

/// One key or more, of which one at least has no end.
pub struct WebhookSigner(Box<[(Signer, Option<Timestamp>)]>);

enum Signer {
    V1(Box<Hmac<Sha256>>),
    V1a(Box<SigningKey>),
}

impl WebhookSigner {
    /// With each key the instant from which it is not used any more.
    ///
    /// # Errors
    /// When each of them has an end, after which requests would not be signed.
    pub fn new(keys: Vec<(Key, Option<Timestamp>)>) -> Result<Self, DoorError> {
        let wrong = |why: &dyn std::fmt::Display| DoorError::Setting(why.to_string());
        if keys.iter().all(|(_, until)| until.is_some()) {
            return Err(wrong(&"every secret of signing has an end; leave until out of the one that stays"));
        }
        let signer = |key| match key {
            Key::Shared(key) => Hmac::new_from_slice(&key).map(Box::new).map(Signer::V1).map_err(|why| wrong(&why)),
            Key::Ed25519(key) => Ok(Signer::V1a(key)),
        };
        let signers = keys.into_iter().map(|(key, until)| Ok((signer(key)?, until)));
        signers.collect::<Result<_, _>>().map(Self)
    }

    /// The value of `webhook-signature`: one for each key, separated by spaces.
    pub fn sign(&self, id: &str, now: Timestamp, body: &[u8]) -> String {
        let mut seconds = itoa::Buffer::new();
        let signed = [id.as_bytes(), b".", seconds.format(now.as_second()).as_bytes(), b".", body];
        let mut signatures = String::with_capacity(ONE);
        for (signer, _) in self.0.iter().filter(|(_, until)| until.is_none_or(|until| now < until)) {
            if !signatures.is_empty() {
                signatures.push(' ');
            }
            match signer {
                Signer::V1(mac) => {
                    let mut mac = mac.clone();
                    signed.iter().for_each(|part| mac.update(part));
                    signatures.push_str("v1,");
                    BASE64.encode_string(mac.finalize().into_bytes(), &mut signatures);
                }
                Signer::V1a(key) => {
                    signatures.push_str("v1a,");
                    let signature = key.multipart_sign(&signed);
                    BASE64.encode_string(signature.to_bytes(), &mut signatures);
                }
            }
        }
        signatures
    }
}
