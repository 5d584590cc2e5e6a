//! The keys that signatures are made with, read out of secrets.
//!
//! A secret says by its first letters what it is: `whsec_` and base64 is a shared key, `whsk_` and base64 the private half
//! of an Ed25519 pair (Standard Webhooks writes both so), a PEM block the same as other software writes it (RFC 8410);
//! any other text is a shared key as it stands. No message repeats any of it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ed25519_dalek::{KEYPAIR_LENGTH, SECRET_KEY_LENGTH, SigningKey};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use secrecy::zeroize::Zeroizing;

use super::Secret;

/// A key, wiped when dropped.
pub enum Key {
    /// Both sides have it.
    Shared(Zeroizing<Vec<u8>>),
    /// The private half of a pair: who verifies needs the public one.
    Ed25519(Box<SigningKey>),
}

impl Key {
    /// # Errors
    /// What is wrong with the secret, and how to mend it.
    pub fn read(secret: &Secret) -> Result<Self, String> {
        let text = secret.expose();
        if let Some(encoded) = text.strip_prefix("whsec_") {
            return Ok(Self::Shared(base64("whsec_", encoded)?));
        }
        if let Some(encoded) = text.strip_prefix("whsk_") {
            return of_bytes(&base64("whsk_", encoded)?).map(Self::Ed25519);
        }
        if text.starts_with("whpk_") {
            return Err("the secret is a public key, with which nothing can be signed; the private one begins with \
                        \"whsk_\""
                .to_owned());
        }
        if text.starts_with("-----BEGIN ") {
            let read = PrivatePkcs8KeyDer::from_pem_slice(text.as_bytes()).ok();
            // What rustls read is ours to wipe.
            let der = read.map(|key| Zeroizing::new(key.secret_pkcs8_der().to_vec()));
            let seed = der.as_ref().and_then(|der| seed(der));
            let key = seed.ok_or(
                "the secret is no private key of Ed25519 in PEM; make one with openssl genpkey -algorithm ed25519",
            )?;
            return Ok(Self::Ed25519(Box::new(SigningKey::from_bytes(&key))));
        }
        Ok(Self::Shared(Zeroizing::new(text.as_bytes().to_vec())))
    }
}

fn base64(prefix: &str, encoded: &str) -> Result<Zeroizing<Vec<u8>>, String> {
    let bytes = BASE64.decode(encoded).map(Zeroizing::new).ok().filter(|bytes| !bytes.is_empty());
    bytes.ok_or_else(|| format!("what follows {prefix:?} in the secret is not base64; copy the secret again"))
}

/// The private key, or it and its public key after it, as most libraries keep a pair.
fn of_bytes(bytes: &[u8]) -> Result<Box<SigningKey>, String> {
    let key = match bytes.len() {
        SECRET_KEY_LENGTH => bytes.try_into().ok().map(SigningKey::from_bytes),
        KEYPAIR_LENGTH => bytes.try_into().ok().and_then(|pair| SigningKey::from_keypair_bytes(pair).ok()),
        _ => None,
    };
    key.map(Box::new).ok_or_else(|| {
        format!(
            "what follows \"whsk_\" in the secret is no private key of Ed25519, which is {SECRET_KEY_LENGTH} bytes, or \
             {KEYPAIR_LENGTH} with its public key after it; copy the secret again"
        )
    })
}

/// The private key in a PKCS #8 document (RFC 5958 §2, RFC 8410 §7): version 1, or version 2, which has the public key at
/// its end. There is one way to write each in DER.
fn seed(der: &[u8]) -> Option<Zeroizing<[u8; SECRET_KEY_LENGTH]>> {
    const V1: &[u8] = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20";
    const V2: &[u8] = b"\x30\x51\x02\x01\x01\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20";
    let key = match (der.strip_prefix(V1), der.strip_prefix(V2)) {
        (Some(key), _) => key,
        (None, Some(rest)) => rest.get(..SECRET_KEY_LENGTH)?,
        (None, None) => return None,
    };
    key.try_into().ok().map(Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn public(text: &str) -> Result<[u8; 32], String> {
        match Key::read(&Secret::new(text))? {
            Key::Ed25519(key) => Ok(key.verifying_key().to_bytes()),
            Key::Shared(_) => panic!("{text} is a shared key"),
        }
    }

    /// RFC 8032 §7.1, test 1; RFC 8410 §10.3 writes its key in both versions.
    #[test]
    fn a_private_key_is_read_however_it_is_written() {
        let hex = |text: &str| {
            (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect::<Vec<u8>>()
        };
        let private = hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
        let known = hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
        assert_eq!(public(&format!("whsk_{}", BASE64.encode(&private))).unwrap()[..], known);
        let pair = [private.clone(), known.clone()].concat();
        assert_eq!(public(&format!("whsk_{}", BASE64.encode(&pair))).unwrap()[..], known);
        let torn = [private, vec![7; 32]].concat();
        assert!(public(&format!("whsk_{}", BASE64.encode(torn))).is_err(), "another key's public half");

        let v1 = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----";
        let known = BASE64.decode("Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=").unwrap();
        assert_eq!(public(v1).unwrap()[..], known);
        let der = [
            b"\x30\x51\x02\x01\x01\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20",
            &[9; 32][..],
            b"\x81\x21\x00",
            &[1; 32],
        ];
        assert_eq!(seed(&der.concat()).map(|key| *key), Some([9; 32]));
    }

    #[test]
    fn a_broken_secret_says_what_it_should_be_and_is_not_repeated() {
        let error = |text: &str| Key::read(&Secret::new(text)).err().unwrap();
        insta::assert_snapshot!(error("whsec_%%%hunter2"), @r#"what follows "whsec_" in the secret is not base64; copy the secret again"#);
        insta::assert_snapshot!(error("whsec_"), @r#"what follows "whsec_" in the secret is not base64; copy the secret again"#);
        insta::assert_snapshot!(error("whsk_aHVudGVyMg=="), @r#"what follows "whsk_" in the secret is no private key of Ed25519, which is 32 bytes, or 64 with its public key after it; copy the secret again"#);
        insta::assert_snapshot!(error("whpk_aHVudGVyMg=="), @r#"the secret is a public key, with which nothing can be signed; the private one begins with "whsk_""#);
        insta::assert_snapshot!(error("-----BEGIN PRIVATE KEY-----\naHVudGVyMg==\n-----END PRIVATE KEY-----"), @"the secret is no private key of Ed25519 in PEM; make one with openssl genpkey -algorithm ed25519");
    }
}
