//! What operators see and order by HTTP, below `/v1/` on the admin port. The same as the verbs of the command line.
//!
//! | request | what it does |
//! | --- | --- |
//! | `GET /v1/live`, `?q=…&sort=…&trouble=…&page=…&size=…` | the wire and its destinations at a glance, and each change (server-sent events) |
//! | `GET /v1/partners`, with the same | the same, once |
//! | `GET /v1/partners/ID` | a partner's lanes, what each got last, and what it gets next |
//! | `POST /v1/partners/ID/test` | tries a partner's doors without news, as `newswired partner test` does |
//! | `GET /v1/stories?q=…` | stories by guid or headline |
//! | `GET /v1/story?guid=…` | one story, its versions, and every destination's part in it |
//! | `GET /v1/why?guid=…&to=…` | the same as the verb |
//! | `GET /v1/orders`, `?all=true` | orders that are not at their end; all of them |
//! | `GET /v1/orders/ID` | one order |
//! | `POST /v1/orders` | gives one: `{"order": "suspend", "to": "island-post", "reason": "…"}` |
//! | `POST /v1/orders/ID/stop` | ends one; what it did so far stands |
//! | `GET /v1/quarantine`, `?all=true` | what could not be accepted |
//! | `GET /v1/quarantine/ID` | one entry, whole |
//! | `POST /v1/quarantine/ID/retry`, `…/discard` | has an entry tried again; puts it away |
//!
//! What changes something asks for one of `admin.tokens`. So does what only tells, but for who sits at this machine: where
//! the port listens on loopback, and the request is for it by that name. A page of somebody else's that a browser here was
//! led to by a name of its own (DNS rebinding) is told nothing.
//!
//! Every call that changes something is a line of the log, with who made it, from where, and what came of it; so is every
//! token that is not known.

mod door;
mod live;
mod look;
mod orders;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::board::Board;
use crate::current::Current;
use crate::intake::Contracts;
use crate::ledger::{LedgerError, SqliteReader};
use crate::serve::{Bearers, Peer, problem, unavailable, unknown};

/// Requests that look into the ledger at once; each has a thread meanwhile.
const AT_ONCE: usize = 8;

/// What proxies add to what they hand on (RFC 7239; RFC 9110 §7.6.3; and what is usual).
const HANDED_ON: [&str; 5] = ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip"];

/// Pages that are kept up to date at once.
const WATCHERS: usize = 64;

/// What operators' requests are answered from.
pub struct Desk {
    pub bearers: Bearers,
    /// The port listens on loopback.
    pub is_local: bool,
    pub ledger: PathBuf,
    /// The configuration's file. What is asked of the configuration is asked of it as it is now, as the verbs do.
    pub config: PathBuf,
    pub contracts: Arc<Current<Contracts>>,
    pub board: Arc<Board>,
    /// The daemon's intake is stopping: nobody is kept up to date any more.
    pub stopping: CancellationToken,
}

/// The desk with its bounds.
struct Room {
    desk: Desk,
    places: Semaphore,
    watchers: Arc<Semaphore>,
}

/// Who makes a request: the name of the token's holder.
#[derive(Debug, Clone)]
struct Operator(String);

/// Why a request is not done.
#[derive(Debug)]
enum Refusal {
    /// The request says something that cannot be.
    Wrong(String),
    NotThere(String),
    /// It is too late for it, or the daemon refused it.
    Conflict(String),
    /// Too many ask at once.
    Busy,
    Ledger(LedgerError),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Listing {
    #[serde(default)]
    all: bool,
}

/// The routes.
pub fn router(desk: Desk) -> Router {
    let room = Arc::new(Room { desk, places: Semaphore::new(AT_ONCE), watchers: Arc::new(Semaphore::new(WATCHERS)) });
    Router::new()
        .route("/v1/live", get(live::live))
        .route("/v1/partners", get(live::once))
        .route("/v1/partners/{id}", get(look::partner))
        .route("/v1/partners/{id}/test", post(door::test))
        .route("/v1/stories", get(look::stories))
        .route("/v1/story", get(look::story))
        .route("/v1/why", get(look::why))
        .route("/v1/orders", get(orders::orders).post(orders::order))
        .route("/v1/orders/{id}", get(orders::one_order))
        .route("/v1/orders/{id}/stop", post(orders::stop))
        .route("/v1/quarantine", get(orders::quarantine))
        .route("/v1/quarantine/{id}", get(orders::one_entry))
        .route("/v1/quarantine/{id}/{word}", post(orders::decide))
        .layer(middleware::from_fn_with_state(Arc::clone(&room), known))
        .with_state(room)
}

impl Room {
    /// Looks into the ledger, on a thread of its own.
    async fn look<T: Send + 'static>(
        self: &Arc<Self>,
        ask: impl FnOnce(&Desk, &SqliteReader) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        // The semaphore is never closed.
        let _place = self.places.acquire().await.map_err(|_| LedgerError::Closed)?;
        let room = Arc::clone(self);
        let looked = tokio::task::spawn_blocking(move || {
            let reader = SqliteReader::open(&room.desk.ledger)?;
            ask(&room.desk, &reader)
        });
        looked.await.map_err(|why| LedgerError::Unavailable(why.to_string()))?
    }
}

/// Lets those in who are known, and says who the others are.
async fn known(State(room): State<Arc<Room>>, mut request: Request, next: Next) -> Response {
    if let Some(name) = room.desk.bearers.who(request.headers()).await {
        request.extensions_mut().insert(Operator(name));
        return next.run(request).await;
    }
    let shown = request.headers().contains_key(header::AUTHORIZATION);
    if request.method() == Method::GET && !shown && room.desk.is_local && is_for_loopback(&request) {
        return next.run(request).await;
    }
    if shown {
        let (method, path) = (request.method(), request.uri().path());
        tracing::warn!(from = %from(&request), %method, path, "a wrong token at the admin port");
    }
    unknown("the bearer token is missing or wrong; send \"Authorization: Bearer TOKEN\" with one of admin.tokens")
}

/// Whether a request names this machine as nobody else can (RFC 6761 §6.3, RFC 1122 §3.2.1.3, RFC 4291 §2.5.3).
fn is_for_loopback(request: &Request) -> bool {
    // A proxy on this machine hands on what others ask, and may name this machine in doing so.
    if HANDED_ON.iter().any(|name| request.headers().contains_key(*name)) {
        return false;
    }
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = match host.strip_prefix('[') {
        Some(address) => address.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn from(request: &Request) -> String {
    request.extensions().get::<Peer>().map_or_else(|| "somewhere".to_owned(), |Peer(peer)| peer.ip().to_string())
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Self::Wrong(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::NotThere(_) => StatusCode::NOT_FOUND,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Ledger(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wrong(why) | Self::NotThere(why) | Self::Conflict(why) => f.write_str(why),
            Self::Busy => f.write_str("too many pages are open; close some"),
            Self::Ledger(why) => why.fmt(f),
        }
    }
}

impl From<LedgerError> for Refusal {
    fn from(why: LedgerError) -> Self {
        Self::Ledger(why)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = self.status();
        match self {
            Self::Wrong(why) => problem(status, "Not an order", &why),
            Self::NotThere(why) => problem(status, "Not there", &why),
            Self::Conflict(why) => problem(status, "Not possible", &why),
            Self::Busy => problem(status, "Busy", &self.to_string()),
            Self::Ledger(why) => unavailable(&why.to_string()),
        }
    }
}
