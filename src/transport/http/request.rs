//! The request: what stays the same for a destination is made once, the rest per parcel.

use std::pin::Pin;
use std::task::{Context, Poll};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Uri};
use hyper::body::{Body, Frame, SizeHint};
use jiff::Timestamp;
use tokio::sync::oneshot;
use url::Url;

use super::DoorError;
use super::signature::Signer;
use crate::config::{Auth, HttpPush};
use crate::transport::Parcel;

const USER_AGENT: &str = concat!("newswired/", env!("CARGO_PKG_VERSION"));

/// Where an endpoint is.
#[derive(Debug, Clone)]
pub struct Address {
    pub tls: bool,
    /// Without the brackets of an IPv6 literal.
    pub host: String,
    pub port: u16,
    authority: String,
    path: String,
}

impl Address {
    fn parse(text: &str) -> Result<Self, DoorError> {
        let wrong = |why: &str| DoorError::Setting(format!("the url {text:?} cannot be used: {why}"));
        let url = Url::parse(text).map_err(|why| wrong(&why.to_string()))?;
        let host = url.host_str().ok_or_else(|| wrong("it names no host"))?;
        let port = url.port_or_known_default().ok_or_else(|| wrong("it must begin with https:// or http://"))?;
        let authority = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let path = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
        Ok(Self { tls: url.scheme() == "https", host: host.trim_matches(['[', ']']).to_owned(), port, authority, path })
    }

    pub fn authority(&self) -> &str {
        &self.authority
    }
}

/// The part of a request that is the same for all of a destination's parcels.
pub struct Head {
    pub address: Address,
    uri: Uri,
    fixed: HeaderMap,
    signer: Option<Signer>,
}

impl Head {
    pub fn new(push: &HttpPush) -> Result<Self, DoorError> {
        let address = Address::parse(&push.url)?;
        let setting = |why: &dyn std::fmt::Display| DoorError::Setting(why.to_string());
        let uri = address.path.parse::<Uri>().map_err(|why| setting(&why))?;
        let mut fixed = HeaderMap::new();
        fixed.insert(header::HOST, HeaderValue::from_str(&address.authority).map_err(|why| setting(&why))?);
        fixed.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
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
    pub fn request(&self, parcel: &Parcel, now: Timestamp, body: Paced) -> Result<Request<Paced>, String> {
        let document = &parcel.document;
        let mut headers = self.fixed.clone();
        let mut put = |name: &'static str, value: &str| -> Result<(), String> {
            let value =
                HeaderValue::from_str(value).map_err(|_| format!("the value of {name} cannot stand in a header"))?;
            headers.insert(HeaderName::from_static(name), value);
            Ok(())
        };
        put("content-type", document.content_type())?;
        put("content-digest", &format!("sha-256=:{}:", BASE64.encode(document.digest())))?;
        put("webhook-id", &parcel.message_id)?;
        put("idempotency-key", &parcel.message_id)?;
        put("webhook-timestamp", &now.as_second().to_string())?;
        if let Some(signer) = &self.signer {
            put("webhook-signature", &signer.sign(&parcel.message_id, now.as_second(), document.bytes()))?;
        }
        put("newswire-story", parcel.story.as_str())?;
        put("newswire-version", &parcel.version.to_string())?;
        put("newswire-action", parcel.action.as_str())?;
        put("newswire-urgency", &parcel.urgency.to_string())?;
        put("newswire-attempt", &parcel.attempt.to_string())?;
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

/// A request's body, given to the connection piece by piece, that tells when the last piece was taken.
pub struct Paced {
    rest: Bytes,
    written: Option<oneshot::Sender<()>>,
}

/// What a connection is given at a time: hyper takes the next piece when it has room, so the last one is taken about
/// when the network took the one before.
const PIECE: usize = 64 << 10;

impl Paced {
    /// The body, and what resolves when it is through.
    pub fn new(bytes: Bytes) -> (Self, oneshot::Receiver<()>) {
        let (written, through) = oneshot::channel();
        (Self { rest: bytes, written: Some(written) }, through)
    }
}

impl Body for Paced {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        let size = self.rest.len().min(PIECE);
        let piece = self.rest.split_to(size);
        if self.rest.is_empty()
            && let Some(written) = self.written.take()
        {
            // The one who waits may have had its answer already.
            let _ = written.send(());
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}
