//! Access tokens by client credentials (OAuth 2.0, RFC 6749 §4.4): asked for once, used by all requests until shortly before
//! their end.
//!
//! However many requests wait for a token, one question is under way. A token is asked for anew before the old one ends, and
//! when a server says that it does not know it (401). That there is none is the door's trouble: nothing of the document has
//! left then.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, WeakShared};
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Request, StatusCode, Uri};
use jiff::Timestamp;
use secrecy::zeroize::Zeroizing;
use serde::Deserialize;
use tokio::time::Instant;
use url::form_urlencoded;

use crate::config::{AuthStyle, Oauth, Secret};
use crate::fresh::Fresh;
use crate::transport::client::{Address, Answer, Client, Failed, Paced, Settings, Trust, USER_AGENT};
use crate::transport::credential::{self, Hidden};
use crate::transport::{Class, DoorError, Outcome, outcome};

/// How long before its end a token is replaced, at most: it has to be good when it arrives. Of one that lives for less than
/// ten minutes it is a tenth of its life.
const BEFORE_END: Duration = Duration::from_secs(60);

/// After a token could not be replaced, the old one is used for so long before the next try, while it lasts.
const BETWEEN: Duration = Duration::from_secs(10);

/// The longest life that is believed. Who says that a token is good for longer may mean milliseconds.
const LONGEST_LIFE: u64 = 366 * 24 * 3_600;

/// How much of an answer is read, in bytes. Tokens have a few hundred, and a few thousand with a list of rights in them.
const LONGEST_ANSWER: usize = 64 << 10;

/// The value of `authorization`.
pub type Token = HeaderValue;

/// The tokens of one door.
pub struct Tokens(Arc<Desk>);

struct Desk {
    client: Client,
    address: Address,
    uri: Uri,
    question: Fresh<Form>,
    state: Mutex<State>,
}

/// A request for a token, as the secret is now.
struct Form {
    headers: HeaderMap,
    body: Bytes,
    hidden: Hidden,
}

#[derive(Default)]
struct State {
    held: Option<Held>,
    /// Others wait for the answer. When they have all gone, so has the question.
    asked: Option<WeakShared<Question>>,
}

type Question = BoxFuture<'static, Result<Token, Outcome>>;

#[derive(Clone)]
struct Held {
    token: Token,
    /// `None`: nobody said how long it is good for.
    life: Option<Life>,
}

#[derive(Clone, Copy)]
struct Life {
    replace: Instant,
    end: Instant,
}

/// RFC 6749 §5.1.
#[derive(Deserialize)]
struct Granted<'a> {
    /// Left where it came, if it needs no unescaping.
    #[serde(borrow)]
    access_token: Cow<'a, str>,
    #[serde(default)]
    token_type: Option<String>,
    #[serde(default)]
    expires_in: Option<serde_json::Value>,
}

impl Tokens {
    /// `settings` are those of the door, which hold for the token endpoint too, except for whom to trust.
    pub fn new(oauth: &Oauth, settings: &Settings<'_>) -> Result<Self, DoorError> {
        let address = Address::parse(&oauth.token_url)?;
        let uri = address.path().parse::<Uri>().map_err(|why| DoorError::Setting(why.to_string()))?;
        let trust = Trust { ca_file: oauth.ca_file.as_deref(), ..Trust::default() };
        let settings = Settings { trust, answer_limit: LONGEST_ANSWER, ..settings.elsewhere() };
        let client = Client::new(&address, &settings)?;
        let host = HeaderValue::from_str(address.authority()).map_err(|why| DoorError::Setting(why.to_string()))?;
        let asks = oauth.clone();
        let question = Fresh::new([&oauth.client_secret], move || form(&asks, &host))?;
        Ok(Self(Arc::new(Desk { client, address, uri, question, state: Mutex::default() })))
    }

    /// A token that is good now.
    ///
    /// # Errors
    /// The outcome of an attempt that has none.
    pub async fn current(&self) -> Result<Token, Outcome> {
        let question = {
            let mut state = self.0.locked();
            match &state.held {
                Some(held) if held.life.is_none_or(|life| Instant::now() < life.replace) => {
                    return Ok(held.token.clone());
                }
                Some(_) | None => self.0.asked(&mut state),
            }
        };
        question.await
    }

    /// A token after a server did not know `this` one.
    ///
    /// # Errors
    /// The outcome of an attempt that has none.
    pub async fn instead_of(&self, this: &Token) -> Result<Token, Outcome> {
        {
            let mut state = self.0.locked();
            // Another request may have found that out before, and there is a new one.
            if state.held.as_ref().is_some_and(|held| held.token == this) {
                state.held = None;
            }
        }
        self.current().await
    }
}

impl Desk {
    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The question that is under way, or a new one.
    fn asked(self: &Arc<Self>, state: &mut State) -> Shared<Question> {
        let asked = state.asked.as_ref().and_then(WeakShared::upgrade);
        asked.unwrap_or_else(|| {
            let desk = Arc::clone(self);
            let question = async move {
                let answer = desk.ask().await;
                desk.note(answer)
            };
            let question = question.boxed().shared();
            state.asked = question.downgrade();
            question
        })
    }

    /// Keeps what came of a question. While the old token is good, it does not matter that there is no new one.
    fn note(&self, answer: Result<Held, Outcome>) -> Result<Token, Outcome> {
        let mut state = self.locked();
        state.asked = None;
        match answer {
            Ok(held) => {
                let token = held.token.clone();
                state.held = Some(held);
                Ok(token)
            }
            Err(outcome) => {
                let now = Instant::now();
                let held = state.held.as_mut().filter(|held| held.life.is_none_or(|life| now < life.end));
                let Some(held) = held else { return Err(outcome) };
                held.life = held.life.map(|life| Life { replace: now + BETWEEN, ..life });
                Ok(held.token.clone())
            }
        }
    }

    async fn ask(&self) -> Result<Held, Outcome> {
        let form = self.question.current().await;
        let began = Instant::now();
        let request = |paced: Paced| {
            let mut request = Request::new(paced);
            *request.method_mut() = Method::POST;
            *request.uri_mut() = self.uri.clone();
            *request.headers_mut() = form.headers.clone();
            Ok(request)
        };
        let none = |why: &str, retry_after| Outcome {
            class: Class::Deferred { retry_after, maybe_document: false },
            status: None,
            detail: format!("no access token from {}: {why}", self.address.authority()),
            remote: None,
        };
        let answer = self.client.send(&form.body, request).await.map_err(|failed| {
            let (Failed::NotConnected(why) | Failed::Unknown(why) | Failed::Impossible(why)) = failed;
            none(&why, None)
        })?;
        read(&answer, began).map_err(|why| {
            let said = form.hidden.out_of(&answer.start);
            let classed = outcome::classify(answer.status, &answer.headers, &said, Timestamp::now());
            let retry_after = match classed.class {
                Class::Deferred { retry_after, .. } | Class::Unknown { retry_after } => retry_after,
                Class::Delivered | Class::Refused | Class::Gone => None,
            };
            match (answer.status, why) {
                (_, Some(why)) => none(why, retry_after),
                (StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, None) => {
                    none(&format!("{}; check client_id, client_secret and scope", classed.detail), retry_after)
                }
                (_, None) => none(&classed.detail, retry_after),
            }
        })
    }
}

/// # Errors
/// What is wrong with a success, which is not repeated since it may hold a token; nothing where the status says it.
fn read(answer: &Answer, now: Instant) -> Result<Held, Option<&'static str>> {
    if answer.status != StatusCode::OK {
        return Err(None);
    }
    let granted: Granted<'_> =
        serde_json::from_slice(&answer.start).map_err(|_| Some("answered with what is no token"))?;
    if granted.token_type.is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer")) {
        return Err(Some("answered with a token that is no bearer token"));
    }
    let token = Some(&*granted.access_token).filter(|token| !token.is_empty());
    let token = token.and_then(|token| credential::header("Bearer ", &Secret::new(token)).ok());
    let token = token.ok_or(Some("answered with a token that cannot stand in a header"))?;
    let seconds = granted.expires_in.and_then(|life| life.as_u64().or_else(|| life.as_str()?.parse().ok()));
    let life = seconds.filter(|seconds| *seconds > 0).map(|seconds| {
        let life = Duration::from_secs(seconds.min(LONGEST_LIFE));
        Life { replace: now + (life - BEFORE_END.min(life / 10)), end: now + life }
    });
    Ok(Held { token, life })
}

/// The token in an answer, for the tests that try any.
#[cfg(any(test, fuzzing))]
pub fn granted(answer: &Answer) -> Result<Token, Option<&'static str>> {
    read(answer, Instant::now()).map(|held| held.token)
}

fn form(oauth: &Oauth, host: &HeaderValue) -> Result<Form, DoorError> {
    let secret = oauth.client_secret.resolve()?;
    let mut headers = HeaderMap::new();
    headers.insert(header::HOST, host.clone());
    headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
    let encoded = |text: &str| Zeroizing::new(form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>());
    let coded = encoded(secret.expose());
    let mut hidden = Hidden::new([secret.expose(), &coded]);
    // Room for all of it, so that no part is left behind where it does not fit.
    let plain = oauth.client_id.len()
        + oauth.scope.as_deref().map_or(0, str::len)
        + oauth.audience.as_deref().map_or(0, str::len);
    let mut body = Zeroizing::new(String::with_capacity(128 + 3 * plain + coded.len()));
    body.push_str("grant_type=client_credentials");
    for (name, value) in [("scope", &oauth.scope), ("audience", &oauth.audience)] {
        if let Some(value) = value {
            body.extend(["&", name, "=", encoded(value).as_str()]);
        }
    }
    match oauth.auth_style {
        AuthStyle::Basic => {
            // RFC 6749 §2.3.1: both are encoded as in a form first.
            let value = credential::basic(&encoded(&oauth.client_id), &Secret::new(&coded))?;
            hidden.add(value.to_str().ok().and_then(|value| value.strip_prefix("Basic ")));
            headers.insert(header::AUTHORIZATION, value);
        }
        AuthStyle::Body => {
            body.extend(["&client_id=", encoded(&oauth.client_id).as_str(), "&client_secret=", coded.as_str()]);
        }
    }
    Ok(Form { headers, body: Bytes::from_owner(body), hidden })
}
