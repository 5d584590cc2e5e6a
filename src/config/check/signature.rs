//! Rules about signatures.

use std::collections::BTreeSet;

use http::{HeaderName, HeaderValue};

use super::Checks;
use super::http::is_ours;
use crate::config::place::KeyPath;
use crate::config::suggest::mend;
use crate::config::{
    Auth, BodySignature, Component, HttpPush, Key, MessageAlgorithm, MessageParameter, MessageSignature, SecretRef,
};

/// The fields that every push has, besides those of its own configuration.
const FIELDS: [&str; 12] = [
    "content-digest",
    "content-type",
    "idempotency-key",
    "newswire-action",
    "newswire-attempt",
    "newswire-sequence",
    "newswire-story",
    "newswire-urgency",
    "newswire-version",
    "user-agent",
    "webhook-id",
    "webhook-timestamp",
];

impl Checks<'_, '_> {
    pub(super) fn signatures(&mut self, path: &KeyPath, push: &HttpPush) {
        if let Some(secret) = &push.signing_secret {
            self.key(&path.key("signing_secret"), secret);
            if !push.signing.is_empty() {
                let message = "signing_secret is the short form of signing; write all secrets in that list";
                self.report.key(&path.key("signing_secret"), message);
            }
        }
        let list = path.key("signing");
        for (index, one) in push.signing.iter().enumerate() {
            self.key(&list.key(index.to_string()).key("secret"), &one.secret);
        }
        let whole = !push.signing.is_empty() && !self.report.is_broken(&list);
        if whole && push.signing.iter().all(|one| one.until.is_some()) {
            let message = "every secret has an end, after which requests would not be signed; leave until out of the \
                           one that stays";
            self.error(&list, message);
        }
        if let Some(signature) = &push.message_signature {
            self.message_signature(&path.key("message_signature"), signature, push);
        }
        if let Some(signature) = &push.body_signature {
            self.body_signature(&path.key("body_signature"), signature, push);
        }
    }

    fn key(&mut self, path: &KeyPath, secret: &SecretRef) -> Option<Key> {
        match Key::read(&self.secret(path, secret)?) {
            Ok(key) => Some(key),
            Err(why) => {
                self.error(path, why);
                None
            }
        }
    }

    fn message_signature(&mut self, path: &KeyPath, signature: &MessageSignature, push: &HttpPush) {
        let at = path.key("key");
        match (self.key(&at, &signature.key), signature.algorithm) {
            (Some(Key::Shared(_)), MessageAlgorithm::Ed25519) => {
                let message = "the algorithm \"ed25519\" needs a private key, in PEM or after \"whsk_\"; write one, or \
                               take \"hmac-sha256\"";
                self.error(&at, message);
            }
            (Some(Key::Ed25519(_)), MessageAlgorithm::HmacSha256) => {
                let message = "the algorithm \"hmac-sha256\" needs a secret that both sides share, and this is a private \
                               key; write one, or take \"ed25519\"";
                self.error(&at, message);
            }
            (
                Some(Key::Shared(_) | Key::Ed25519(_)) | None,
                MessageAlgorithm::Ed25519 | MessageAlgorithm::HmacSha256,
            ) => {}
        }
        // RFC 9651 §3.3.3.
        if signature.keyid.is_empty() || !signature.keyid.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            self.error(&path.key("keyid"), "the receiver finds the key by its name; write one in plain letters");
        }
        let label = signature.label.as_bytes();
        let fits = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(byte);
        if !(1..=64).contains(&label.len()) || !label[0].is_ascii_lowercase() || !label.iter().all(fits) {
            let message = "a label begins with a letter and is made of 1 to 64 of a-z, 0-9, \"-\" and \"_\"";
            self.error(&path.key("label"), message);
        }
        self.components(&path.key("components"), &signature.components, push);
        let list = path.key("parameters");
        let mut seen = BTreeSet::new();
        for (index, parameter) in signature.parameters.iter().enumerate() {
            if !seen.insert(parameter) {
                self.error(&list.key(index.to_string()), "this stands in the list already; remove it");
            }
        }
        if !seen.contains(&MessageParameter::Created) {
            let message = "without \"created\" an old request could be sent again as a new one; add it";
            self.error(&list, message);
        }
    }

    fn components(&mut self, path: &KeyPath, components: &[Component], push: &HttpPush) {
        let own = push.signed_headers();
        let known: Vec<&str> = FIELDS.into_iter().chain(own.iter().map(String::as_str)).collect();
        let mut seen = BTreeSet::new();
        for (index, component) in components.iter().enumerate() {
            let at = path.key(index.to_string());
            if !seen.insert(component.as_str()) {
                self.error(&at, "this stands in the list already; remove it");
            } else if let Component::Field(name) = component
                && !known.contains(&name.as_str())
            {
                self.error(
                    &at,
                    format!("requests have no header {:?}; {}", name.as_str(), mend(name.as_str(), &known)),
                );
            }
        }
        if !seen.contains("content-digest") {
            self.error(path, "without \"content-digest\" the document is not signed; add it");
        }
    }

    fn body_signature(&mut self, path: &KeyPath, signature: &BodySignature, push: &HttpPush) {
        let at = path.key("secret");
        if let Some(Key::Ed25519(_)) = self.key(&at, &signature.secret) {
            self.error(&at, "this is a private key, and an HMAC needs a secret that both sides share; write one");
        }
        let scheme = signature.scheme();
        let at = path.key("header");
        let auth = push.auth.as_ref().map(Auth::header);
        match scheme.header.map(|name| (name, HeaderName::from_bytes(name.as_bytes()))) {
            None => {
                let message =
                    "there is no header for the signature; add header = \"x-signature\", or preset = \"github\"";
                self.error(path, message);
            }
            Some((name, Err(_))) => {
                self.error(&at, format!("{name:?} is not a header's name; use letters, digits and \"-\""));
            }
            Some((name, Ok(known))) if is_ours(&known) => {
                self.error(&at, format!("newswired writes the header {name:?} itself; use another"));
            }
            Some((name, Ok(known))) if auth.flatten().is_some_and(|auth| known == *auth) => {
                self.error(&at, format!("auth writes the header {name:?}; use another"));
            }
            Some((_, Ok(_))) => {}
        }
        if HeaderValue::from_str(scheme.prefix).is_err() {
            self.error(&path.key("prefix"), "the prefix holds a character that no header can carry; use plain letters");
        }
    }
}
