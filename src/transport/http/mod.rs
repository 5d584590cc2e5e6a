//! A push by HTTP: the document as it is, with what it is in the headers.
//!
//! An attempt is one request, but for those that certainly were not taken and may be made again at once: one that was led
//! elsewhere, and one whose access token was not known. Files of media go before it, where the door takes them. What tells one that certainly did not arrive from one that may have
//! is the [`client`](super::client)'s to say; what an answer means is [`outcome`]'s, and what it means to one way of the
//! door is its [`way`]'s.

#[cfg(any(test, fuzzing))]
pub(super) mod answered;
mod assets;
mod auth;
mod knock;
mod redirect;
mod remote;
mod request;
mod signature;
mod token;
mod way;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{HeaderValue, StatusCode, Uri};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use self::assets::Assets;
use self::knock::Shows;
use self::redirect::Redirects;
use self::request::{Head, Push, Sent, Sources, Target, What};
use self::token::Tokens;
use self::way::{Way, Ways};
use super::client::{Address, Answer, Client, Failed, Settings};
use super::gzip::{Gzip, compress};
use super::knock::Steps;
use super::{Call, Class, DoorError, Messenger, Notice, Outcome, Parcel, Transport, outcome};
use crate::config::{Auth, Compression, HttpPush, RemoteId};
use crate::fresh::Fresh;
use crate::telemetry::{Attributes, Kind};

/// A partner's HTTP endpoint.
pub struct HttpDoor {
    client: Client,
    ways: Ways,
    head: Fresh<Head>,
    tokens: Option<Tokens>,
    redirects: Redirects,
    shows: Shows,
    /// Where documents go compressed.
    gzip: Option<Arc<Gzip>>,
    // Boxed, since few doors have them and there may be ten thousand doors.
    remote_id: Option<Box<RemoteId>>,
    assets: Option<Box<Assets>>,
}

/// The SHA-256 of nothing.
const NOTHING: [u8; 32] = [
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27, 0xae, 0x41,
    0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
];

/// An answer, and why the push was not led on where it leads elsewhere.
struct Answered {
    answer: Answer,
    not_followed: Option<String>,
    is_own: bool,
    /// What it may repeat.
    token: Option<HeaderValue>,
}

impl HttpDoor {
    /// Reads the secrets and certificates that `push` refers to.
    pub fn new(push: &HttpPush, settings: &Settings<'_>, gzip: &Arc<Gzip>) -> Result<Self, DoorError> {
        let address = Address::parse(push.url.fixed())?;
        let sources = Sources::new(push)?;
        let tokens = match &push.auth {
            Some(Auth::Oauth(oauth)) => Some(Tokens::new(oauth, settings)?),
            Some(Auth::Bearer(_) | Auth::Basic { .. } | Auth::Header { .. } | Auth::Query { .. }) | None => None,
        };
        Ok(Self {
            client: Client::new(&address, settings)?,
            ways: Ways::new(push, &address)?,
            head: Fresh::new(&sources.secrets(), move || sources.head())?,
            tokens,
            redirects: Redirects::new(&push.redirects, &address, settings)?,
            remote_id: push.remote_id.clone().map(Box::new),
            shows: Shows::of(push),
            assets: push.media.as_deref().map(Assets::new).transpose()?.map(Box::new),
            gzip: push.compression.map(|Compression::Gzip| Arc::clone(gzip)),
        })
    }

    async fn attempt(&self, parcel: &Parcel) -> Result<Outcome, Outcome> {
        let not_sent = |why| Outcome::refused_here(format!("not sent: {why}"));
        let head = self.head.current().await;
        let way = self.ways.of(parcel);
        let uri = way.uri(parcel).and_then(|uri| head.credential.uri(uri)).map_err(not_sent)?;
        let (nothing, compressed);
        let sent = if !way.has_body() {
            nothing = Bytes::new();
            Sent { bytes: &nothing, digest: &NOTHING, is_document: false }
        } else if let Some(gzip) = &self.gzip {
            compressed = gzip.of(&parcel.document);
            Sent { bytes: &compressed.bytes, digest: &compressed.digest, is_document: true }
        } else {
            Sent { bytes: parcel.document.bytes(), digest: parcel.document.digest(), is_document: true }
        };
        let push = Push { what: What::Parcel(parcel), sent, token: None };
        let answered = match &self.tokens {
            None => {
                self.push_files(&head, parcel, None).await?;
                self.push(&head, way, &uri, push).await?
            }
            Some(tokens) => {
                let token = tokens.current().await?;
                let token = match self.push_files(&head, parcel, Some(&token)).await {
                    Ok(()) => token,
                    Err(outcome) if outcome.status == Some(StatusCode::UNAUTHORIZED.as_u16()) => {
                        let token = tokens.instead_of(&token).await?;
                        self.push_files(&head, parcel, Some(&token)).await?;
                        token
                    }
                    Err(outcome) => return Err(outcome),
                };
                // In a place of its own, since few doors have tokens.
                Box::pin(self.push_with(tokens, &token, &head, way, &uri, push)).await?
            }
        };
        let mut outcome = judge(&head, way, &answered);
        if outcome.class == Class::Delivered {
            outcome.remote = self.remember(way, parcel, &answered.answer);
        }
        Ok(outcome)
    }

    /// What is no news goes the way of a story's first version.
    async fn attempt_to_tell(&self, notice: &Notice) -> Result<Outcome, Outcome> {
        let not_sent = |why| Outcome::refused_here(format!("not sent: {why}"));
        let head = self.head.current().await;
        let way = self.ways.first();
        let uri = way.uri_of_no_story().and_then(|uri| head.credential.uri(uri)).map_err(not_sent)?;
        let (compressed, digest);
        let sent = if self.gzip.is_some() {
            compressed = compress(&notice.body);
            Sent { bytes: &compressed.bytes, digest: &compressed.digest, is_document: true }
        } else {
            digest = Sha256::digest(&notice.body).into();
            Sent { bytes: &notice.body, digest: &digest, is_document: true }
        };
        let push = Push { what: What::Notice(notice), sent, token: None };
        let answered = match &self.tokens {
            None => self.push(&head, way, &uri, push).await?,
            Some(tokens) => {
                let token = tokens.current().await?;
                self.push_with(tokens, &token, &head, way, &uri, push).await?
            }
        };
        Ok(judge(&head, way, &answered))
    }

    /// Makes the request with an access token, and once more where that is not known.
    async fn push_with(
        &self,
        tokens: &Tokens,
        token: &HeaderValue,
        head: &Head,
        way: &Way,
        uri: &Uri,
        push: Push<'_>,
    ) -> Result<Answered, Outcome> {
        let answered = self.push(head, way, uri, Push { token: Some(token), ..push }).await?;
        // It was not taken, so it can be made again; the token may have been called back before its end.
        if answered.is_own && answered.answer.status == StatusCode::UNAUTHORIZED {
            let token = tokens.instead_of(token).await?;
            return Ok(self.push(head, way, uri, Push { token: Some(&token), ..push }).await?);
        }
        Ok(answered)
    }

    /// Makes the request, wherever it is led.
    async fn push(&self, head: &Head, way: &Way, uri: &Uri, push: Push<'_>) -> Result<Answered, Failed> {
        let method = way.method;
        let (mut client, mut target) =
            (&self.client, Target { method, address: self.client.address(), uri, is_own: true });
        let (mut followed, mut there) = (0, None);
        loop {
            let answer = client.send(push.sent.bytes, |body| head.request(target, push, body)).await?;
            let (is_own, token) = (target.is_own, push.token.cloned());
            match self.redirects.next(answer.status, &answer.headers, target.address, target.uri, followed) {
                Ok(None) => return Ok(Answered { answer, not_followed: None, is_own, token }),
                Err(why) => return Ok(Answered { answer, not_followed: Some(why), is_own, token }),
                Ok(Some(next)) => {
                    followed += 1;
                    client = next.to.client.as_ref().unwrap_or(&self.client);
                    let uri = there.insert(next.uri);
                    target = Target { method, address: &next.to.address, uri, is_own: next.to.client.is_none() };
                }
            }
        }
    }

    /// What the next attempt of this story has to know.
    fn remember(&self, way: &Way, parcel: &Parcel, answer: &Answer) -> Option<String> {
        let place = self.remote_id.as_ref()?;
        if parcel.action.withdraws() {
            // What was deleted cannot be changed: if the story comes back, it is a new one there.
            return (!way.has_body()).then(|| remote::NONE.to_owned());
        }
        let found = remote::find(place, answer);
        if found.is_none() && remote::known(parcel).is_none() {
            let (story, version, host) = (&parcel.story, parcel.version, self.client.address().authority());
            tracing::warn!(%story, %version, host, "the answer holds no remote_id; a later version is sent as a first one");
        }
        found
    }
}

/// What the answer means.
fn judge(head: &Head, way: &Way, answered: &Answered) -> Outcome {
    let Answered { answer, not_followed, token, .. } = answered;
    let Answer { status, headers, start, .. } = answer;
    // A success is not repeated.
    let said = if status.is_success() { String::new() } else { head.credential.hide(start, token.as_ref()) };
    let mut outcome = outcome::classify(*status, headers, said.as_bytes(), Timestamp::now());
    outcome.class = way.class(*status, outcome.class);
    if let Some(why) = not_followed {
        outcome.detail = format!("answered {status}: {}", head.credential.hide(why.as_bytes(), token.as_ref()));
    }
    if outcome.class != Class::Delivered && status.is_success() {
        outcome.detail = format!("answered {status}, which is none of the statuses of success");
    }
    outcome
}

impl Messenger for HttpDoor {
    fn tell<'a>(&'a self, notice: &'a Notice) -> BoxFuture<'a, Outcome> {
        self.attempt_to_tell(notice).map(|ended| ended.unwrap_or_else(|outcome| outcome)).boxed()
    }
}

impl Transport for HttpDoor {
    fn send<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Outcome> {
        self.attempt(parcel).map(|ended| ended.unwrap_or_else(|outcome| outcome)).boxed()
    }

    fn in_network(&self) -> Duration {
        self.client.timeouts().in_network()
    }

    fn call(&self, parcel: &Parcel) -> Call {
        let way = self.ways.of(parcel);
        // Without the query, which may hold a key.
        let path = way.uri(parcel).map(|uri| uri.path().to_owned()).unwrap_or_default();
        let address = self.client.address();
        let scheme = if address.tls { "https" } else { "http" };
        let attributes = Attributes::default()
            .text("http.request.method", way.method.to_string())
            .text("url.full", format!("{scheme}://{}{path}", address.authority()))
            .text("server.address", address.host.to_string())
            .number("server.port", address.port);
        let attributes = match parcel.attempt {
            0 | 1 => attributes,
            again => attributes.number("http.request.resend_count", again - 1),
        };
        let (kind, status) = (Kind::Client, Some("http.response.status_code"));
        Call { kind, name: way.method.to_string().into(), attributes, status }
    }

    fn knock<'a>(&'a self, steps: &'a mut Steps) -> BoxFuture<'a, ()> {
        self.try_without_document(steps).boxed()
    }
}

#[cfg(test)]
mod tests;
