//! Signatures, by which a receiver can tell that a push is the agency's and came as it was sent.
//!
//! There are three kinds, and a door may have all of them: Standard Webhooks ([`webhook`]), HTTP Message Signatures
//! ([`message`]), and a plain HMAC of the body ([`body`]). Each is of the bytes that are sent, compressed or not, and
//! reads them where they lie, once. Keys were prepared before: what an attempt pays is the signing.

mod body;
mod message;
#[cfg(test)]
mod tests;
mod webhook;

use http::{HeaderName, Method, Uri};
use jiff::Timestamp;

use self::body::BodySigner;
use self::message::MessageSigner;
use self::webhook::WebhookSigner;
use super::request::Sent;
use crate::config::{BodySignature, Key, MessageSignature, SecretRef, SigningSecret};
use crate::transport::DoorError;
use crate::transport::client::Fields;

/// What signs a door's requests, its keys by reference.
pub struct SignatureSources {
    pub webhook: Vec<SigningSecret>,
    pub message: Option<Box<MessageSignature>>,
    pub body: Option<Box<BodySignature>>,
}

/// What signs a door's requests, ready for use.
pub struct Signers {
    webhook: Option<WebhookSigner>,
    // Boxed, since few doors have them and there may be ten thousand doors.
    message: Option<Box<MessageSigner>>,
    body: Option<Box<BodySigner>>,
}

/// A request as its signatures see it.
pub struct Signed<'a> {
    pub method: &'a Method,
    pub tls: bool,
    pub authority: &'a str,
    /// The path and the query.
    pub target: &'a Uri,
    /// The message's id.
    pub id: &'a str,
    pub now: Timestamp,
    pub sent: Sent<'a>,
}

const WEBHOOK_SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");
const SIGNATURE: HeaderName = HeaderName::from_static("signature");
const SIGNATURE_INPUT: HeaderName = HeaderName::from_static("signature-input");

impl SignatureSources {
    pub fn secrets(&self) -> impl Iterator<Item = &SecretRef> {
        let webhook = self.webhook.iter().map(|one| &one.secret);
        let message = self.message.as_ref().map(|message| &message.key);
        webhook.chain(message).chain(self.body.as_ref().map(|body| &body.secret))
    }

    /// Reads the keys.
    pub fn signers(&self) -> Result<Signers, DoorError> {
        let key = |secret: &SecretRef| Key::read(&secret.resolve()?).map_err(DoorError::Setting);
        let mut webhook = Vec::new();
        for SigningSecret { secret, until } in &self.webhook {
            webhook.push((key(secret)?, *until));
        }
        let webhook = (!webhook.is_empty()).then(|| WebhookSigner::new(webhook)).transpose()?;
        let message = self.message.as_ref().map(|how| MessageSigner::new(how, key(&how.key)?)).transpose()?;
        let body = self.body.as_ref().map(|how| BodySigner::new(how, &key(&how.secret)?)).transpose()?;
        Ok(Signers { webhook, message: message.map(Box::new), body: body.map(Box::new) })
    }
}

impl Signers {
    /// The headers that hold the signatures.
    pub fn headers(&self) -> impl Iterator<Item = HeaderName> {
        let webhook = self.webhook.as_ref().map(|_| WEBHOOK_SIGNATURE);
        let message = self.message.as_ref().map(|_| [SIGNATURE_INPUT, SIGNATURE]);
        let body = self.body.as_ref().map(|body| body.header.clone());
        webhook.into_iter().chain(message.into_iter().flatten()).chain(body)
    }

    /// Puts the signatures of a request into its `fields`, which hold all else that it has.
    ///
    /// # Errors
    /// When a part that is to be signed is not in it, or a signature cannot stand in a header.
    pub fn sign(&self, request: &Signed<'_>, fields: &mut Fields) -> Result<(), String> {
        if let Some(webhook) = &self.webhook {
            let signature = webhook.sign(request.id, request.now, request.sent.bytes);
            fields.add(&WEBHOOK_SIGNATURE, &signature)?;
        }
        self.sign_body(request.sent.bytes, fields)?;
        if let Some(message) = &self.message {
            let (input, signature) = message.sign(request, fields)?;
            fields.add(&SIGNATURE_INPUT, &input)?;
            fields.add(&SIGNATURE, &signature)?;
        }
        Ok(())
    }

    /// Puts the signature of the body alone into `fields`, where the door has such.
    ///
    /// # Errors
    /// When it cannot stand in a header.
    pub fn sign_body(&self, bytes: &[u8], fields: &mut Fields) -> Result<(), String> {
        if let Some(body) = &self.body {
            fields.add(&body.header, &body.sign(bytes))?;
        }
        Ok(())
    }
}
