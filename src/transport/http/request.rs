//! The request: what stays the same for a destination is made once, the rest per parcel.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Uri};
use jiff::Timestamp;

use super::auth::{self, Credential};
use super::signature::{SignatureSources, Signed, Signers};
use crate::config::{Auth, Compression, HttpPush, SecretRef};
use crate::telemetry;
use crate::transport::client::{Address, Fields, Paced, Request, USER_AGENT};
use crate::transport::knock::is_test;
use crate::transport::{DoorError, Notice, Parcel};

/// The part of a request that is the same for all of a destination's parcels, as its secrets are now.
pub struct Head {
    fixed: Fixed,
    /// The partner is told the trace.
    trace_context: bool,
    signers: Signers,
    pub credential: Credential,
}

/// What a head is made of, its secrets by reference.
pub struct Sources {
    fixed: Fixed,
    // Boxed: a door that signs may have none, and there may be ten thousand doors.
    auth: Option<Box<Auth>>,
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

/// What requests have of their own. The configuration's check refuses headers of these names; they are looked for here once
/// more, since none may be there twice.
const OF_A_REQUEST: [HeaderName; 16] = [
    header::HOST,
    header::USER_AGENT,
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
    TEST,
    TRACEPARENT,
    TRACESTATE,
];

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
    pub fn new(push: &HttpPush) -> Result<Self, DoorError> {
        let mut fixed = HeaderMap::new();
        for (name, value) in &push.headers {
            let wrong = |why: &dyn std::fmt::Display| DoorError::Setting(format!("the header {name:?}: {why}"));
            let known = name.parse::<HeaderName>().map_err(|why| wrong(&why))?;
            fixed.insert(known, HeaderValue::from_str(value).map_err(|why| wrong(&why))?);
        }
        if let Some(Compression::Gzip) = push.compression {
            fixed.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        let signatures = SignatureSources {
            webhook: push.webhook_secrets(),
            message: push.message_signature.clone(),
            body: push.body_signature.clone(),
        };
        Ok(Self {
            fixed: listed(fixed),
            auth: push.auth.clone().map(Box::new),
            trace_context: push.trace_context,
            signatures,
        })
    }

    /// The secrets that a head is made with.
    pub fn secrets(&self) -> Vec<SecretRef> {
        let auth = self.auth.as_deref().and_then(auth::secret);
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
        let is_own = |name: &HeaderName| OF_A_REQUEST.contains(name) || signers.headers().any(|own| own == *name);
        let fixed = if fixed.iter().any(|(name, _)| is_own(name)) {
            fixed.iter().filter(|(name, _)| !is_own(name)).cloned().collect()
        } else {
            fixed
        };
        Ok(Head { fixed, trace_context: self.trace_context, signers, credential })
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
        target: Target<'_>,
        token: Option<&HeaderValue>,
        content_type: Option<&str>,
        bytes: &Bytes,
        body: Paced,
    ) -> Result<Request, String> {
        let mut fields = self.without_document(target, token)?;
        if let Some(content_type) = content_type {
            fields.add(&header::CONTENT_TYPE, content_type)?;
            self.signers.sign_body(bytes, &mut fields)?;
        }
        Ok(Request { method: target.method.clone(), uri: target.uri.clone(), fields, body })
    }

    /// # Errors
    /// When a value cannot stand in a header; the article's own rules make that impossible for its fields.
    pub fn request(&self, target: Target<'_>, push: Push<'_>, body: Paced) -> Result<Request, String> {
        let Push { what, sent, token } = push;
        let Target { method, address, uri, is_own } = target;
        let now = Timestamp::now();
        let mut fields = begun(address)?;
        for (name, value) in &*self.fixed {
            let is_elsewhere = !is_own && self.credential.is_in(name);
            let is_of_a_document = !sent.is_document && *name == header::CONTENT_ENCODING;
            if !is_elsewhere && !is_of_a_document {
                fields.add_value(name, value);
            }
        }
        if let Some(token) = token.filter(|_| is_own) {
            fields.add_value(&header::AUTHORIZATION, token);
        }
        if sent.is_document {
            fields.add(&header::CONTENT_TYPE, what.content_type())?;
        }
        let mut digest = String::with_capacity(DIGEST);
        digest.push_str("sha-256=:");
        BASE64.encode_string(sent.digest, &mut digest);
        digest.push(':');
        fields.add(&CONTENT_DIGEST, &digest)?;
        fields.add(&IDEMPOTENCY_KEY, what.id())?;
        fields.add(&WEBHOOK_ID, what.id())?;
        fields.add_number(&WEBHOOK_TIMESTAMP, now.as_second());
        match what {
            What::Parcel(parcel) => {
                fields.add(&STORY, parcel.story.as_str())?;
                fields.add_number(&VERSION, parcel.version.get());
                fields.add(&ACTION, parcel.action.as_str())?;
                fields.add_number(&URGENCY, parcel.urgency.get());
                fields.add_number(&ATTEMPT, parcel.attempt);
                if is_test(&parcel.story) {
                    // It has no number: the destination's sequence is of news.
                    fields.add_value(&TEST, &YES);
                } else {
                    fields.add_number(&SEQUENCE, parcel.sequence);
                }
                if let Some(trace) = parcel.trace.as_ref().filter(|_| self.trace_context) {
                    fields.add(&TRACEPARENT, &trace.traceparent())?;
                    if let Some(state) = trace.tracestate() {
                        fields.add(&TRACESTATE, state)?;
                    }
                }
            }
            What::Notice(notice) => fields.add_number(&ATTEMPT, notice.attempt),
        }
        let (tls, authority, id) = (address.tls, address.authority(), what.id());
        self.signers.sign(&Signed { method, tls, authority, target: uri, id, now, sent }, &mut fields)?;
        Ok(Request { method: method.clone(), uri: uri.clone(), fields, body })
    }

    /// A question without a document, and without a signature, since there is nothing to sign.
    ///
    /// # Errors
    /// When the host's name cannot stand in a header.
    pub fn question(&self, target: Target<'_>, token: Option<&HeaderValue>, body: Paced) -> Result<Request, String> {
        let mut fields = self.without_document(target, token)?;
        fields.add_value(&TEST, &YES);
        Ok(Request { method: target.method.clone(), uri: target.uri.clone(), fields, body })
    }

    /// What is the same for all requests to the door's own host, without what is said of a document.
    fn without_document(&self, target: Target<'_>, token: Option<&HeaderValue>) -> Result<Fields, String> {
        let mut fields = begun(target.address)?;
        for (name, value) in self.fixed.iter().filter(|(name, _)| *name != header::CONTENT_ENCODING) {
            fields.add_value(name, value);
        }
        if let Some(token) = token {
            fields.add_value(&header::AUTHORIZATION, token);
        }
        Ok(fields)
    }
}

/// The fields of a request to that host: so far, where it goes and whose it is.
fn begun(address: &Address) -> Result<Fields, String> {
    let mut fields = Fields::for_push();
    fields.add(&header::HOST, address.authority())?;
    fields.add(&header::USER_AGENT, USER_AGENT)?;
    Ok(fields)
}
