//! HTTP intake: `POST /v1/articles`.
//!
//! | answer | meaning |
//! | --- | --- |
//! | 202 | accepted: the commit is on the disk; guid, version and number of deliveries |
//! | 200 | exactly this was accepted before |
//! | 400, 415, 422 | not an article: kept in quarantine, with the reason as `application/problem+json` (RFC 9457) |
//! | 401 | the bearer token is not the configured one |
//! | 408 | the request did not arrive in time |
//! | 409 | this guid and version were accepted before with other content |
//! | 413 | larger than `intake.article_limit` |
//! | 503 | the ledger cannot write: nothing was taken, send it again |

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::json;

use super::traced::{Received, Source};
use super::{Arrival, Inbox, Rejection, Taken};
use crate::article::DecodeError;
use crate::ledger::LedgerError;
use crate::serve::{Bearers, Peer, problem, unavailable, unknown};
use crate::telemetry::{Attributes, Kind, TRACEPARENT, TRACESTATE, TraceContext};

/// Where articles are posted to.
const ARTICLES: &str = "/v1/articles";

/// What a request is answered from.
struct Desk {
    inbox: Arc<Inbox>,
    bearers: Bearers,
    read_timeout: Duration,
    /// `http` or `https`.
    scheme: &'static str,
}

/// The intake's routes. `read_timeout` is for the whole request; `tls`: it comes in TLS.
pub fn router(inbox: Arc<Inbox>, bearers: Bearers, read_timeout: Duration, tls: bool) -> Router {
    let desk = Desk { inbox, bearers, read_timeout, scheme: if tls { "https" } else { "http" } };
    Router::new()
        .route(ARTICLES, post(receive))
        // The limit that counts is the configured one, below.
        .layer(DefaultBodyLimit::disable())
        .with_state(Arc::new(desk))
}

async fn receive(State(desk): State<Arc<Desk>>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    if desk.bearers.who(&parts.headers).await.is_none() {
        let from = parts.extensions.get::<Peer>().map_or_else(String::new, |Peer(peer)| format!(" from {}", peer.ip()));
        desk.inbox.turned_away("http", &format!("a wrong token{from}"));
        return unknown(
            "the bearer token is missing or wrong; send \"Authorization: Bearer TOKEN\" with the token of intake.http",
        );
    }
    let received = desk.inbox.received(|| carried(&parts.headers));
    if let Some(why) = desk.inbox.closed() {
        return unavailable(&why);
    }
    let limit = desk.inbox.limit();
    let bytes = match tokio::time::timeout(desk.read_timeout, Limited::new(body, limit).collect()).await {
        Ok(Ok(collected)) => collected.to_bytes(),
        Ok(Err(why)) if why.is::<LengthLimitError>() => {
            let why = format!("the article is larger than intake.article_limit, {limit} bytes");
            desk.inbox.turned_away("http", &why);
            return problem(StatusCode::PAYLOAD_TOO_LARGE, "Article too large", &why);
        }
        Ok(Err(why)) => {
            return problem(StatusCode::BAD_REQUEST, "Request broken off", &format!("the body ended early: {why}"));
        }
        Err(_) => {
            let why = format!("the request did not arrive within {:?}", desk.read_timeout);
            return problem(StatusCode::REQUEST_TIMEOUT, "Request too slow", &why);
        }
    };
    let content_type = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let (trace, size) = (received.as_ref().map(Received::context), bytes.len());
    let arrival = Arrival { intake: "http", source: "http".to_owned(), content_type, bytes, trace };
    let taken = desk.inbox.take(arrival).await;
    let response = answer(&taken);
    let status = response.status();
    desk.inbox.settled(received.map(|received| (received, told(&parts, desk.scheme, size, status))), &taken);
    response
}

fn answer(taken: &Result<Taken, LedgerError>) -> Response {
    match taken {
        Ok(Taken::Accepted { article, deliveries, .. }) => {
            let body = json!({ "guid": article.guid, "version": article.version, "deliveries": deliveries });
            (StatusCode::ACCEPTED, axum::Json(body)).into_response()
        }
        Ok(Taken::Repeated { article, deliveries, .. }) => {
            let body =
                json!({ "guid": article.guid, "version": article.version, "deliveries": deliveries, "repeated": true });
            (StatusCode::OK, axum::Json(body)).into_response()
        }
        Ok(Taken::Quarantined { id, why, .. }) => {
            let (status, title) = meaning(why);
            problem(status, title, &format!("{why} (kept in quarantine as entry {id})"))
        }
        Err(why) => unavailable(&why.to_string()),
    }
}

/// The trace that a request brings with it.
fn carried(headers: &HeaderMap) -> Option<TraceContext> {
    let all = |name| headers.get_all(name).iter().map(HeaderValue::as_bytes);
    TraceContext::read(all(TRACEPARENT), all(TRACESTATE))
}

/// The request, as traces have it.
fn told(parts: &Parts, scheme: &'static str, size: usize, status: StatusCode) -> Source {
    let attributes = Attributes::default()
        .text("http.request.method", "POST")
        .text("http.route", ARTICLES)
        .text("url.path", ARTICLES)
        .text("url.scheme", scheme)
        .number("http.request.body.size", size)
        .number("http.response.status_code", status.as_u16());
    let attributes = match parts.extensions.get::<Peer>() {
        Some(Peer(peer)) => attributes.text("client.address", peer.ip().to_string()),
        None => attributes,
    };
    let attributes = match status.is_server_error() {
        true => attributes.text("error.type", status.as_u16().to_string()),
        false => attributes,
    };
    Source { kind: Kind::Server, name: format!("POST {ARTICLES}").into(), attributes }
}

fn meaning(why: &Rejection) -> (StatusCode, &'static str) {
    match why {
        Rejection::Undecodable(DecodeError::UnsupportedType { .. }) => {
            (StatusCode::UNSUPPORTED_MEDIA_TYPE, "Not a format that is taken")
        }
        Rejection::Undecodable(DecodeError::Syntax { .. }) => (StatusCode::BAD_REQUEST, "Not readable"),
        Rejection::Undecodable(DecodeError::Content { .. }) | Rejection::UnknownWire(_) => {
            (StatusCode::UNPROCESSABLE_ENTITY, "Not an article")
        }
        Rejection::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "Article too large"),
        Rejection::Conflict { .. } => (StatusCode::CONFLICT, "Accepted before with other content"),
        Rejection::Broke(_) => (StatusCode::INTERNAL_SERVER_ERROR, "A defect of newswired"),
    }
}
