//! An HMAC of the body and of nothing else, in a header of the receiver's choosing. It says nothing of when and to whom it
//! was sent, so it keeps nobody from sending the same again; a receiver that can takes one of the other kinds.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use http::HeaderName;
use sha1::Sha1;
use sha2::{Sha256, Sha512};

use crate::config::{BodyAlgorithm, BodyEncoding, BodySignature, Key};
use crate::transport::DoorError;

pub struct BodySigner {
    pub header: HeaderName,
    mac: Code,
    encoding: BodyEncoding,
    prefix: String,
}

enum Code {
    Sha1(Box<Hmac<Sha1>>),
    Sha256(Box<Hmac<Sha256>>),
    Sha512(Box<Hmac<Sha512>>),
}

impl BodySigner {
    pub fn new(how: &BodySignature, key: &Key) -> Result<Self, DoorError> {
        let wrong = |why: &dyn std::fmt::Display| DoorError::Setting(why.to_string());
        let scheme = how.scheme();
        let header = scheme.header.and_then(|name| name.parse().ok());
        let header = header.ok_or_else(|| wrong(&"body_signature has no header's name; add header or preset"))?;
        let Key::Shared(key) = key else {
            return Err(wrong(&"the secret of body_signature is a private key; write one that both sides share"));
        };
        let mac = match scheme.algorithm {
            BodyAlgorithm::Sha1 => Hmac::new_from_slice(key).map(Box::new).map(Code::Sha1),
            BodyAlgorithm::Sha256 => Hmac::new_from_slice(key).map(Box::new).map(Code::Sha256),
            BodyAlgorithm::Sha512 => Hmac::new_from_slice(key).map(Box::new).map(Code::Sha512),
        };
        let mac = mac.map_err(|why| wrong(&why))?;
        Ok(Self { header, mac, encoding: scheme.encoding, prefix: scheme.prefix.to_owned() })
    }

    /// The header's value.
    pub fn sign(&self, body: &[u8]) -> String {
        let mut text = self.prefix.clone();
        match &self.mac {
            Code::Sha1(mac) => self.write(&of(&**mac, body), &mut text),
            Code::Sha256(mac) => self.write(&of(&**mac, body), &mut text),
            Code::Sha512(mac) => self.write(&of(&**mac, body), &mut text),
        }
        text
    }

    fn write(&self, code: &[u8], text: &mut String) {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        match self.encoding {
            BodyEncoding::Base64 => BASE64.encode_string(code, text),
            BodyEncoding::Hex => {
                for byte in code {
                    text.extend([byte >> 4, byte & 15].map(|digit| char::from(HEX[usize::from(digit)])));
                }
            }
        }
    }
}

fn of<M: Mac + Clone>(mac: &M, body: &[u8]) -> Vec<u8> {
    let mut mac = mac.clone();
    mac.update(body);
    mac.finalize().into_bytes().to_vec()
}
