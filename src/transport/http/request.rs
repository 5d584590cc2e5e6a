//! The request: what stays the same for a destination is made once, the rest per parcel.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Uri};
use jiff::Timestamp;
use secrecy::zeroize::Zeroizing;
use url::form_urlencoded;

use super::signature::{SignatureSources, Signed, Signers};
use crate::config::{Auth, Compression, HttpPush, Secret, SecretRef};
use crate::transport::client::{Address, Paced, USER_AGENT};
use crate::transport::credential::{self, Hidden};
use crate::transport::{DoorError, Parcel};

/// The part of a request that is the same for all of a destination's parcels, as its secrets are now.
pub struct Head {
    /// With a place for every header that a parcel adds, so that a copy of it never has to grow.
    fixed: HeaderMap,
    signers: Signers,
    /// The header that holds a credential, which is for the door's own host alone.
    credential: Option<HeaderName>,
    /// What stands in the query of the door's own host: `name=value`, encoded.
    key: Option<Zeroizing<String>>,
    hidden: Hidden,
}

/// What a head is made of, its secrets by reference.
pub struct Sources {
    fixed: HeaderMap,
    auth: Option<Auth>,
    signatures: SignatureSources,
}

const CONTENT_DIGEST: HeaderName = HeaderName::from_static("content-digest");
const WEBHOOK_ID: HeaderName = HeaderName::from_static("webhook-id");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const WEBHOOK_TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const STORY: HeaderName = HeaderName::from_static("newswire-story");
const VERSION: HeaderName = HeaderName::from_static("newswire-version");
const ACTION: HeaderName = HeaderName::from_static("newswire-action");
const URGENCY: HeaderName = HeaderName::from_static("newswire-urgency");
const ATTEMPT: HeaderName = HeaderName::from_static("newswire-attempt");
const SEQUENCE: HeaderName = HeaderName::from_static("newswire-sequence");

/// The bytes that are sent, and their SHA-256. Digest and signature are of these.
#[derive(Clone, Copy)]
pub struct Sent<'a> {
    pub bytes: &'a Bytes,
    pub digest: &'a [u8; 32],
    /// Whether they are the document, or the nothing that goes with a `DELETE`.
    pub is_document: bool,
}

/// What one attempt sends, wherever it is led.
#[derive(Clone, Copy)]
pub struct Push<'a> {
    pub parcel: &'a Parcel,
    pub sent: Sent<'a>,
    /// The access token, where the door asks for such.
    pub token: Option<&'a HeaderValue>,
}

/// Where a request goes.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    pub method: &'a Method,
    pub address: &'a Address,
    /// The path and the query.
    pub uri: &'a Uri,
    /// Whether it is the door's own host, which gets the credentials.
    pub is_own: bool,
}

impl Sources {
    pub fn new(push: &HttpPush, address: &Address) -> Result<Self, DoorError> {
        let host = HeaderValue::from_str(address.authority()).map_err(|why| DoorError::Setting(why.to_string()))?;
        let mut fixed = HeaderMap::new();
        for (name, value) in &push.headers {
            let wrong = |why: &dyn std::fmt::Display| DoorError::Setting(format!("the header {name:?}: {why}"));
            let known = name.parse::<HeaderName>().map_err(|why| wrong(&why))?;
            fixed.insert(known, HeaderValue::from_str(value).map_err(|why| wrong(&why))?);
        }
        fixed.insert(header::HOST, host);
        fixed.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
        if let Some(Compression::Gzip) = push.compression {
            fixed.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        let signatures = SignatureSources {
            webhook: push.webhook_secrets(),
            message: push.message_signature.clone(),
            body: push.body_signature.clone(),
        };
        Ok(Self { fixed, auth: push.auth.clone(), signatures })
    }

    /// The secrets that a head is made with.
    pub fn secrets(&self) -> Vec<SecretRef> {
        let auth = self.auth.as_ref().and_then(|auth| match auth {
            Auth::Bearer(secret)
            | Auth::Basic { password: secret, .. }
            | Auth::Header { value: secret, .. }
            | Auth::Query { value: secret, .. } => Some(secret),
            // It is not in a head: tokens have a life of their own.
            Auth::Oauth(_) => None,
        });
        auth.into_iter().chain(self.signatures.secrets()).cloned().collect()
    }

    /// Reads the secrets.
    pub fn head(&self) -> Result<Head, DoorError> {
        let mut fixed = self.fixed.clone();
        let (mut credential, mut key, mut hidden) = (None, None, Hidden::default());
        match &self.auth {
            Some(Auth::Oauth(_)) => {
                fixed.insert(header::AUTHORIZATION, HeaderValue::from_static(""));
                credential = Some(header::AUTHORIZATION);
            }
            Some(Auth::Query { name, value }) => {
                let value = value.resolve()?;
                let pair = pair(name, &value);
                hidden.add(pair.split_once('=').map(|(_, value)| value));
                hidden.add(Some(value.expose()));
                key = Some(pair);
            }
            Some(Auth::Bearer(token)) => {
                let token = token.resolve()?;
                fixed.insert(header::AUTHORIZATION, credential::header("Bearer ", &token)?);
                hidden.add(Some(token.expose()));
                credential = Some(header::AUTHORIZATION);
            }
            Some(Auth::Basic { user, password }) => {
                let password = password.resolve()?;
                let value = credential::basic(user, &password)?;
                hidden.add(Some(password.expose()));
                hidden.add(value.to_str().ok().and_then(|value| value.strip_prefix("Basic ")));
                fixed.insert(header::AUTHORIZATION, value);
                credential = Some(header::AUTHORIZATION);
            }
            Some(Auth::Header { name, value }) => {
                let known = name.parse::<HeaderName>();
                let known = known.map_err(|_| DoorError::Setting(format!("{name:?} is not a header's name")))?;
                let value = value.resolve()?;
                fixed.insert(&known, credential::header("", &value)?);
                hidden.add(Some(value.expose()));
                credential = Some(known);
            }
            None => {}
        }
        let signers = self.signatures.signers()?;
        let of_a_parcel = [
            header::CONTENT_TYPE,
            CONTENT_DIGEST,
            WEBHOOK_ID,
            IDEMPOTENCY_KEY,
            WEBHOOK_TIMESTAMP,
            STORY,
            VERSION,
            ACTION,
            URGENCY,
            ATTEMPT,
            SEQUENCE,
        ];
        for name in of_a_parcel.into_iter().chain(signers.headers()) {
            fixed.insert(name, HeaderValue::from_static(""));
        }
        Ok(Head { fixed, signers, credential, key, hidden })
    }
}

impl Head {
    /// The path and the query at the door's own host, with the key in it where there is one.
    ///
    /// # Errors
    /// When the two do not make an address. The message does not repeat the key.
    pub fn uri<'a>(&self, uri: Cow<'a, Uri>) -> Result<Cow<'a, Uri>, String> {
        let Some(key) = &self.key else { return Ok(uri) };
        let plain = uri.to_string();
        let mut text = Zeroizing::new(String::with_capacity(plain.len() + 1 + key.len()));
        let mark = if plain.contains('?') { "&" } else { "?" };
        text.extend([plain.as_str(), mark, key.as_str()]);
        // One copy, which is wiped with the request.
        let whole = Uri::from_maybe_shared(Bytes::from_owner(text));
        whole.map(Cow::Owned).map_err(|_| "the key in the query makes the address too long".to_owned())
    }

    /// What an answer says, without the secrets that it may repeat.
    pub fn hide(&self, said: &[u8], token: Option<&HeaderValue>) -> String {
        let said = self.hidden.out_of(said);
        let token = token.and_then(|token| token.to_str().ok()?.strip_prefix("Bearer "));
        String::from_utf8_lossy(&Hidden::new(token).out_of(&said)).into_owned()
    }

    /// # Errors
    /// When a value cannot stand in a header; the article's own rules make that impossible for its fields.
    pub fn request(&self, target: Target<'_>, push: Push<'_>, body: Paced) -> Result<Request<Paced>, String> {
        let Push { parcel, sent, token } = push;
        let now = Timestamp::now();
        let text = |name: &HeaderName, value: String| {
            HeaderValue::from_maybe_shared(Bytes::from(value))
                .map_err(|_| format!("the value of {name} cannot stand in a header"))
        };
        let id = text(&WEBHOOK_ID, parcel.message_id.clone())?;
        let digest = format!("sha-256=:{}:", BASE64.encode(sent.digest));
        let mut headers = self.fixed.clone();
        if sent.is_document {
            let content_type = parcel.document.content_type().to_owned();
            headers.insert(header::CONTENT_TYPE, text(&header::CONTENT_TYPE, content_type)?);
        } else {
            headers.remove(header::CONTENT_TYPE);
            headers.remove(header::CONTENT_ENCODING);
        }
        headers.insert(CONTENT_DIGEST, text(&CONTENT_DIGEST, digest)?);
        headers.insert(IDEMPOTENCY_KEY, id.clone());
        headers.insert(WEBHOOK_ID, id);
        headers.insert(WEBHOOK_TIMESTAMP, now.as_second().into());
        headers.insert(STORY, text(&STORY, parcel.story.to_string())?);
        headers.insert(VERSION, text(&VERSION, parcel.version.to_string())?);
        headers.insert(ACTION, HeaderValue::from_static(parcel.action.as_str()));
        headers.insert(URGENCY, text(&URGENCY, parcel.urgency.to_string())?);
        headers.insert(ATTEMPT, parcel.attempt.into());
        headers.insert(SEQUENCE, parcel.sequence.into());
        let Target { method, address, uri, is_own } = target;
        if is_own {
            if let Some(token) = token {
                headers.insert(header::AUTHORIZATION, token.clone());
            }
        } else {
            let host = HeaderValue::from_str(address.authority()).map_err(|why| why.to_string())?;
            headers.insert(header::HOST, host);
            if let Some(credential) = &self.credential {
                headers.remove(credential);
            }
        }
        let (tls, authority, id) = (address.tls, address.authority(), parcel.message_id.as_str());
        self.signers.sign(&Signed { method, tls, authority, target: uri, id, now, sent }, &mut headers)?;
        let mut request = Request::new(body);
        *request.method_mut() = method.clone();
        *request.uri_mut() = uri.clone();
        *request.headers_mut() = headers;
        Ok(request)
    }
}

/// A parameter of a query.
fn pair(name: &str, value: &Secret) -> Zeroizing<String> {
    let encoded = |text| form_urlencoded::byte_serialize(text);
    let mut pair = Zeroizing::new(String::with_capacity(3 * (name.len() + value.expose().len()) + 1));
    pair.extend(encoded(name.as_bytes()));
    pair.push('=');
    pair.extend(encoded(value.expose().as_bytes()));
    pair
}
