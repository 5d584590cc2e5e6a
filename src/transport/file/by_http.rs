//! Requests to places that are reached by HTTP, and what their answers mean for a file.

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Uri};
use jiff::Timestamp;

use crate::fresh::Fresh;
use crate::transport::client::{Address, Answer, Client, Failed, Paced, Settings, USER_AGENT};
use crate::transport::credential::Hidden;
use crate::transport::{Class, DoorError, Outcome, Timeouts, outcome};

/// Makes requests to one place.
pub struct Caller {
    client: Client,
    fixed: HeaderMap,
    /// Who we are, where the place asks.
    authorization: Option<Fresh<HeaderValue>>,
}

impl Caller {
    pub fn new(address: &Address, settings: &Settings<'_>) -> Result<Self, DoorError> {
        let mut fixed = HeaderMap::new();
        let host = HeaderValue::from_str(address.authority()).map_err(|why| DoorError::Setting(why.to_string()))?;
        fixed.insert(header::HOST, host);
        fixed.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
        Ok(Self { client: Client::new(address, settings)?, fixed, authorization: None })
    }

    /// Every request says who we are by this header.
    #[cfg(feature = "webdav")]
    pub fn authorized(self, by: Fresh<HeaderValue>) -> Self {
        Self { authorization: Some(by), ..self }
    }

    pub fn timeouts(&self) -> &Timeouts {
        self.client.timeouts()
    }

    /// Makes one request to `target`, a path with its query.
    pub async fn ask(
        &self,
        method: &Method,
        target: &str,
        headers: &[(HeaderName, &str)],
        body: &Bytes,
    ) -> Result<Answer, Failed> {
        let mut fixed = self.fixed.clone();
        if let Some(authorization) = &self.authorization {
            fixed.insert(header::AUTHORIZATION, HeaderValue::clone(&*authorization.current().await));
        }
        let head = |paced: Paced| -> Result<Request<Paced>, String> {
            let mut all = fixed.clone();
            for (name, value) in headers {
                let value = HeaderValue::from_str(value)
                    .map_err(|_| format!("the value of {name} cannot stand in a header"))?;
                all.insert(name, value);
            }
            let mut request = Request::new(paced);
            // The target may be signed: it is not repeated.
            *request.uri_mut() = target.parse::<Uri>().map_err(|why| format!("the address cannot be used: {why}"))?;
            *request.method_mut() = method.clone();
            *request.headers_mut() = all;
            Ok(request)
        };
        let answer = self.client.send(body, head).await?;
        Ok(Hidden::of_header(fixed.get(header::AUTHORIZATION)).out_of_answer(answer))
    }
}

/// What an answer means that is not the one that was wanted. What the place says of one file (it may not be written, it
/// is locked) lets others go first; a place that does not know us says it of all.
pub fn read(answer: &Answer) -> Outcome {
    let mut outcome = outcome::classify(answer.status, &answer.headers, &answer.start, Timestamp::now());
    let retry_after = match outcome.class {
        Class::Deferred { retry_after, .. } | Class::Unknown { retry_after } => retry_after,
        Class::Delivered | Class::Refused | Class::Gone => None,
    };
    match answer.status.as_u16() {
        403 | 404 | 405 | 409 | 423 => outcome.class = Class::Deferred { retry_after, maybe_document: true },
        // No room: whatever is written next meets the same.
        507 => outcome.class = Class::Deferred { retry_after, maybe_document: false },
        // It was none of the answers that say that it was done.
        200..=299 => outcome.class = Class::Unknown { retry_after },
        _ => {}
    }
    outcome
}

/// The same for what changes nothing that anybody sees.
pub fn unchanged(outcome: Outcome) -> Outcome {
    let class = match outcome.class {
        Class::Unknown { retry_after } => Class::Deferred { retry_after, maybe_document: false },
        class @ (Class::Deferred { .. } | Class::Refused | Class::Gone | Class::Delivered) => class,
    };
    Outcome { class, ..outcome }
}

/// The outcome, with what was asked before what came of it.
pub fn with(outcome: Outcome, what: &str) -> Outcome {
    Outcome { detail: format!("{what}: {}", outcome.detail), ..outcome }
}
