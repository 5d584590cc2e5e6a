//! The request: what stays the same for a destination is made once, the rest per parcel.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Uri};
use jiff::Timestamp;

use super::signature::Signer;
use crate::config::{Auth, Compression, HttpPush};
use crate::transport::client::{Address, Paced, USER_AGENT};
use crate::transport::{DoorError, Parcel};

/// The part of a request that is the same for all of a destination's parcels.
pub struct Head {
    pub address: Address,
    uri: Uri,
    fixed: HeaderMap,
    signer: Option<Signer>,
}

/// The bytes of a document as they are sent, and their SHA-256. Digest and signature are of these.
#[derive(Clone, Copy)]
pub struct Sent<'a> {
    pub bytes: &'a Bytes,
    pub digest: &'a [u8; 32],
}

impl Head {
    pub fn new(push: &HttpPush) -> Result<Self, DoorError> {
        let address = Address::parse(&push.url)?;
        let setting = |why: &dyn std::fmt::Display| DoorError::Setting(why.to_string());
        let uri = address.path().parse::<Uri>().map_err(|why| setting(&why))?;
        let mut fixed = HeaderMap::new();
        fixed.insert(header::HOST, HeaderValue::from_str(address.authority()).map_err(|why| setting(&why))?);
        fixed.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
        if let Some(Compression::Gzip) = push.compression {
            fixed.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        if let Some(auth) = &push.auth {
            let (name, value) = authorization(auth)?;
            fixed.insert(name, value);
        }
        let signer = match &push.signing_secret {
            Some(secret) => Some(Signer::new(&secret.resolve()?).map_err(DoorError::Setting)?),
            None => None,
        };
        Ok(Self { address, uri, fixed, signer })
    }

    /// # Errors
    /// When a value cannot stand in a header; the article's own rules make that impossible for its fields.
    pub fn request(
        &self,
        parcel: &Parcel,
        sent: Sent<'_>,
        now: Timestamp,
        body: Paced,
    ) -> Result<Request<Paced>, String> {
        let mut headers = self.fixed.clone();
        let mut put = |name: &'static str, value: &str| -> Result<(), String> {
            let value =
                HeaderValue::from_str(value).map_err(|_| format!("the value of {name} cannot stand in a header"))?;
            headers.insert(HeaderName::from_static(name), value);
            Ok(())
        };
        put("content-type", parcel.document.content_type())?;
        put("content-digest", &format!("sha-256=:{}:", BASE64.encode(sent.digest)))?;
        put("webhook-id", &parcel.message_id)?;
        put("idempotency-key", &parcel.message_id)?;
        put("webhook-timestamp", &now.as_second().to_string())?;
        if let Some(signer) = &self.signer {
            put("webhook-signature", &signer.sign(&parcel.message_id, now.as_second(), sent.bytes))?;
        }
        put("newswire-story", parcel.story.as_str())?;
        put("newswire-version", &parcel.version.to_string())?;
        put("newswire-action", parcel.action.as_str())?;
        put("newswire-urgency", &parcel.urgency.to_string())?;
        put("newswire-attempt", &parcel.attempt.to_string())?;
        put("newswire-sequence", &parcel.sequence.to_string())?;
        let mut request = Request::new(body);
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = headers;
        Ok(request)
    }
}

fn authorization(auth: &Auth) -> Result<(HeaderName, HeaderValue), DoorError> {
    let (name, text) = match auth {
        Auth::Bearer(token) => (header::AUTHORIZATION, format!("Bearer {}", token.resolve()?.expose())),
        Auth::Basic { user, password } => {
            let pair = format!("{user}:{}", password.resolve()?.expose());
            (header::AUTHORIZATION, format!("Basic {}", BASE64.encode(pair)))
        }
        Auth::Header { name, value } => {
            let name = name.parse().map_err(|_| DoorError::Setting(format!("{name:?} is not a header's name")))?;
            (name, value.resolve()?.expose().to_owned())
        }
    };
    // The value is a secret: the message does not repeat it, and hyper does not index or print it.
    let mut value = HeaderValue::from_str(&text)
        .map_err(|_| DoorError::Setting("a secret holds characters that cannot stand in a header".to_owned()))?;
    value.set_sensitive(true);
    Ok((name, value))
}
