//! The request: what stays the same for a destination is made once, the rest per parcel.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Uri};
use jiff::Timestamp;

use super::auth::{self, Credential};
use super::signature::{SignatureSources, Signed, Signers};
use crate::config::{Auth, Compression, HttpPush, SecretRef};
use crate::telemetry;
use crate::transport::client::{Address, Paced, USER_AGENT};
use crate::transport::knock::is_test;
use crate::transport::{DoorError, Notice, Parcel};

/// The part of a request that is the same for all of a destination's parcels, as its secrets are now.
pub struct Head {
    fixed: Fixed,
    /// What a request's headers come to, so that their map never has to grow.
    number: usize,
    /// The partner is told the trace.
    trace_context: bool,
    signers: Signers,
    pub credential: Credential,
}

/// What a head is made of, its secrets by reference.
pub struct Sources {
    fixed: Fixed,
    auth: Option<Auth>,
    trace_context: bool,
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
const TEST: HeaderName = HeaderName::from_static("newswire-test");
const TRACEPARENT: HeaderName = HeaderName::from_static(telemetry::TRACEPARENT);
const TRACESTATE: HeaderName = HeaderName::from_static(telemetry::TRACESTATE);

/// The value of [`TEST`], where there is one.
const YES: HeaderValue = HeaderValue::from_static("true");

/// The length of a SHA-256 as a field of RFC 9530.
const DIGEST: usize = 54;

/// How many headers a parcel adds: those above without the last three, which few have, and its type.
const OF_A_PARCEL: usize = 11;

/// Headers that are the same for all requests. Ten thousand doors have as many of these, so they are no map, and a door
/// whose secrets stand in none of them has one list.
type Fixed = Arc<[(HeaderName, HeaderValue)]>;

fn listed(headers: HeaderMap) -> Fixed {
    // A name is left out where it is that of the value before, and there is one value for each.
    headers.into_iter().filter_map(|(name, value)| Some((name?, value))).collect()
}

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
    pub what: What<'a>,
    pub sent: Sent<'a>,
    /// The access token, where the door asks for such.
    pub token: Option<&'a HeaderValue>,
}

/// What the request is about.
#[derive(Clone, Copy)]
pub enum What<'a> {
    Parcel(&'a Parcel),
    Notice(&'a Notice),
}

impl<'a> What<'a> {
    fn id(self) -> &'a str {
        match self {
            Self::Parcel(parcel) => &parcel.message_id,
            Self::Notice(notice) => &notice.id,
        }
    }

    fn content_type(self) -> &'a str {
        match self {
            Self::Parcel(parcel) => parcel.document.content_type(),
            Self::Notice(_) => Notice::CONTENT_TYPE,
        }
    }
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
        Ok(Self { fixed: listed(fixed), auth: push.auth.clone(), trace_context: push.trace_context, signatures })
    }

    /// The secrets that a head is made with.
    pub fn secrets(&self) -> Vec<SecretRef> {
        let auth = self.auth.as_ref().and_then(auth::secret);
        auth.into_iter().chain(self.signatures.secrets()).cloned().collect()
    }

    /// Reads the secrets.
    pub fn head(&self) -> Result<Head, DoorError> {
        let (fixed, credential) = match &self.auth {
            Some(auth) => {
                let mut fixed: HeaderMap = self.fixed.iter().cloned().collect();
                let credential = Credential::read(auth, &mut fixed)?;
                (listed(fixed), credential)
            }
            None => (Arc::clone(&self.fixed), Credential::default()),
        };
        let signers = self.signatures.signers()?;
        let number = fixed.len() + OF_A_PARCEL + signers.headers().count();
        Ok(Head { fixed, number, trace_context: self.trace_context, signers, credential })
    }
}

impl Head {
    /// A request that carries no document, to the door's own host: a question, or a file of `content_type`, which has the
    /// body's signature.
    ///
    /// # Errors
    /// When a value cannot stand in a header.
    pub fn ask(
        &self,
        Target { method, uri, .. }: Target<'_>,
        token: Option<&HeaderValue>,
        content_type: Option<&str>,
        bytes: &Bytes,
        body: Paced,
    ) -> Result<Request<Paced>, String> {
        let mut headers = HeaderMap::with_capacity(self.number);
        headers.extend(self.fixed.iter().cloned());
        headers.remove(header::CONTENT_ENCODING);
        headers.remove(header::CONTENT_TYPE);
        if let Some(token) = token {
            headers.insert(header::AUTHORIZATION, token.clone());
        }
        if let Some(content_type) = content_type {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_str(content_type).map_err(|why| why.to_string())?);
            self.signers.sign_body(bytes, &mut headers)?;
        }
        let mut request = Request::new(body);
        *request.method_mut() = method.clone();
        *request.uri_mut() = uri.clone();
        *request.headers_mut() = headers;
        Ok(request)
    }

    /// # Errors
    /// When a value cannot stand in a header; the article's own rules make that impossible for its fields.
    pub fn request(&self, target: Target<'_>, push: Push<'_>, body: Paced) -> Result<Request<Paced>, String> {
        let Push { what, sent, token } = push;
        let now = Timestamp::now();
        let text = |name: &HeaderName, value: String| {
            HeaderValue::from_maybe_shared(Bytes::from(value))
                .map_err(|_| format!("the value of {name} cannot stand in a header"))
        };
        let id = text(&WEBHOOK_ID, what.id().to_owned())?;
        let mut digest = String::with_capacity(DIGEST);
        digest.push_str("sha-256=:");
        BASE64.encode_string(sent.digest, &mut digest);
        digest.push(':');
        let mut headers = HeaderMap::with_capacity(self.number);
        headers.extend(self.fixed.iter().cloned());
        if sent.is_document {
            let content_type = what.content_type().to_owned();
            headers.insert(header::CONTENT_TYPE, text(&header::CONTENT_TYPE, content_type)?);
        } else {
            headers.remove(header::CONTENT_TYPE);
            headers.remove(header::CONTENT_ENCODING);
        }
        headers.insert(CONTENT_DIGEST, text(&CONTENT_DIGEST, digest)?);
        headers.insert(IDEMPOTENCY_KEY, id.clone());
        headers.insert(WEBHOOK_ID, id);
        headers.insert(WEBHOOK_TIMESTAMP, now.as_second().into());
        match what {
            What::Parcel(parcel) => {
                headers.insert(STORY, text(&STORY, parcel.story.to_string())?);
                headers.insert(VERSION, text(&VERSION, parcel.version.to_string())?);
                headers.insert(ACTION, HeaderValue::from_static(parcel.action.as_str()));
                headers.insert(URGENCY, text(&URGENCY, parcel.urgency.to_string())?);
                headers.insert(ATTEMPT, parcel.attempt.into());
                if is_test(&parcel.story) {
                    // It has no number: the destination's sequence is of news.
                    headers.insert(TEST, YES);
                } else {
                    headers.insert(SEQUENCE, parcel.sequence.into());
                }
                if let Some(trace) = parcel.trace.as_ref().filter(|_| self.trace_context) {
                    headers.insert(TRACEPARENT, text(&TRACEPARENT, trace.traceparent())?);
                    if let Some(state) = trace.tracestate() {
                        headers.insert(TRACESTATE, text(&TRACESTATE, state.to_owned())?);
                    }
                }
            }
            What::Notice(notice) => {
                headers.insert(ATTEMPT, notice.attempt.into());
            }
        }
        let Target { method, address, uri, is_own } = target;
        if is_own {
            if let Some(token) = token {
                headers.insert(header::AUTHORIZATION, token.clone());
            }
        } else {
            let host = HeaderValue::from_str(address.authority()).map_err(|why| why.to_string())?;
            headers.insert(header::HOST, host);
            self.credential.leave_out(&mut headers);
        }
        let (tls, authority, id) = (address.tls, address.authority(), what.id());
        self.signers.sign(&Signed { method, tls, authority, target: uri, id, now, sent }, &mut headers)?;
        let mut request = Request::new(body);
        *request.method_mut() = method.clone();
        *request.uri_mut() = uri.clone();
        *request.headers_mut() = headers;
        Ok(request)
    }

    /// A question without a document, and without a signature, since there is nothing to sign.
    pub fn question(&self, method: &Method, uri: &Uri, token: Option<&HeaderValue>, body: Paced) -> Request<Paced> {
        let mut headers: HeaderMap = self.fixed.iter().cloned().collect();
        headers.remove(header::CONTENT_TYPE);
        headers.remove(header::CONTENT_ENCODING);
        headers.insert(TEST, YES);
        headers.extend(token.map(|token| (header::AUTHORIZATION, token.clone())));
        let mut request = Request::new(body);
        *request.method_mut() = method.clone();
        *request.uri_mut() = uri.clone();
        *request.headers_mut() = headers;
        request
    }
}
