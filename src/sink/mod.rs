//! A subscriber to try things with: what `newswired sink` runs, and the demo and the tests receive with.
//!
//! It does what a careful partner's receiver does: verifies the signature and the digest, answers well to what it has and
//! drops it, and never goes back in versions. What it checks with is written from the standards and shares nothing with
//! the sender. Its memory is two versions a story.

mod verify;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::Secret;
use crate::serve;

/// The largest document that is received, in bytes.
const LARGEST: usize = 64 << 20;

/// How a sink behaves.
#[derive(Debug, Clone)]
pub struct SinkOptions {
    pub listen: SocketAddr,
    /// Each body becomes a file here.
    pub dir: Option<PathBuf>,
    /// With it, what is not signed with it is refused.
    pub secret: Option<Secret>,
    /// What a good request is answered with.
    pub status: u16,
    /// So many requests are answered 503 first.
    pub fail_first: u64,
    /// Sent with every answer that is not a success.
    pub retry_after: Option<Duration>,
    /// A pause before each answer.
    pub delay: Duration,
    /// No request is ever answered.
    pub hang: bool,
}

impl Default for SinkOptions {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            dir: None,
            secret: None,
            status: 200,
            fail_first: 0,
            retry_after: None,
            delay: Duration::ZERO,
            hang: false,
        }
    }
}

/// What a sink counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Requests with a document.
    pub received: u64,
    /// Those that were right and were answered with a success.
    pub accepted: u64,
    /// Those whose version was here already: answered well, and dropped.
    pub repeats: u64,
    pub bad_signature: u64,
    pub bad_digest: u64,
    /// Requests whose version was lower than one that came before, whatever that one was answered.
    pub versions_back: u64,
    /// Requests without a header that every request must have.
    pub incomplete: u64,
    /// Answered 503 because the sink was told to.
    pub failed_on_purpose: u64,
    /// Never answered because the sink was told to.
    pub hung: u64,
    pub stories: u64,
    pub bytes: u64,
}

/// A request that came in.
#[derive(Debug, Clone)]
pub struct Received {
    pub at: Timestamp,
    pub story: String,
    pub version: u64,
    pub action: String,
    pub attempt: u64,
    pub message_id: String,
    pub content_type: String,
    pub body: Bytes,
    /// What it was answered.
    pub status: u16,
    /// What is wrong with it; empty for a right one.
    pub problems: Vec<String>,
    /// This version was here already.
    pub repeat: bool,
}

/// A running sink.
pub struct Sink {
    address: SocketAddr,
    desk: Arc<Desk>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

struct Desk {
    options: SinkOptions,
    state: Mutex<Book>,
    received: mpsc::Sender<Received>,
}

#[derive(Default)]
struct Book {
    stats: Stats,
    /// The highest version accepted of each story.
    highest: HashMap<String, u64>,
    /// The highest version that came of each story, accepted or not.
    seen: HashMap<String, u64>,
    files: u64,
}

/// Requests that may wait to be read by whoever started the sink. When it is full, answers wait too.
const UNREAD: usize = 1024;

impl Sink {
    /// Starts one. Every request is also told on the channel; who does not care may drop it.
    ///
    /// # Errors
    /// When the address cannot be listened on or the directory cannot be made.
    pub async fn start(options: SinkOptions) -> Result<(Self, mpsc::Receiver<Received>), String> {
        if let Some(dir) = &options.dir {
            std::fs::create_dir_all(dir).map_err(|why| format!("cannot make {}: {why}", dir.display()))?;
        }
        let listener = serve::listen(options.listen, "the sink", None, None).await?;
        let address = listener.address()?;
        let (tell, received) = mpsc::channel(UNREAD);
        let stop = CancellationToken::new();
        let desk = Arc::new(Desk { options, state: Mutex::default(), received: tell });
        let router = Router::new()
            .route("/stats", get(stats))
            .fallback(receive)
            .layer(DefaultBodyLimit::max(LARGEST))
            .with_state(Arc::clone(&desk));
        let task = tokio::spawn(serve::serve(listener, router, stop.clone()));
        Ok((Self { address, desk, stop, task }, received))
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn stats(&self) -> Stats {
        self.desk.book().stats.clone()
    }

    /// The highest version received of each story.
    pub fn stories(&self) -> HashMap<String, u64> {
        self.desk.book().highest.clone()
    }

    pub async fn stop(self) {
        self.stop.cancel();
        // A panic of the task's was printed where it happened.
        let _ = self.task.await;
    }
}

async fn stats(State(desk): State<Arc<Desk>>) -> Response {
    axum::Json(desk.book().stats.clone()).into_response()
}

async fn receive(State(desk): State<Arc<Desk>>, headers: HeaderMap, body: Bytes) -> Response {
    if desk.options.hang {
        desk.book().stats.hung += 1;
        // Until the client gives up, or the listener closes the connection.
        std::future::pending::<()>().await;
    }
    let received = desk.judge(&headers, body);
    let status = StatusCode::from_u16(received.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let text = received.problems.join("; ");
    // Nobody may be reading.
    let _ = desk.received.send(received).await;
    // It has arrived, whether or not the sender still waits for the answer then.
    tokio::time::sleep(desk.options.delay).await;
    let mut response = (status, text).into_response();
    if let Some(after) = desk.options.retry_after.filter(|_| !status.is_success()) {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(after.as_secs()));
    }
    response
}

impl Desk {
    fn book(&self) -> std::sync::MutexGuard<'_, Book> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn judge(&self, headers: &HeaderMap, body: Bytes) -> Received {
        let at = Timestamp::now();
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        let mut problems = verify::missing(headers);
        let incomplete = !problems.is_empty();
        let version = text("newswire-version").parse().unwrap_or(0);
        let story = text("newswire-story");
        let mut book = self.book();
        let mut status = self.options.status;
        let stats = &mut book.stats;
        stats.received += 1;
        stats.bytes += body.len() as u64;
        stats.incomplete += u64::from(incomplete);
        if incomplete {
            status = 400;
        }
        if let Some(secret) = &self.options.secret
            && let Err(why) = verify::signature(headers, &body, secret.expose(), at)
        {
            problems.push(why);
            stats.bad_signature += 1;
            status = 401;
        }
        if let Err(why) = verify::digest(headers, &body) {
            problems.push(why);
            stats.bad_digest += 1;
            status = 400;
        }
        // What was signed and digested is what came; what is kept is the document.
        let body = verify::document(headers, &body, LARGEST).unwrap_or_else(|why| {
            problems.push(why);
            status = 400;
            body
        });
        let sound = problems.is_empty();
        let on_purpose = sound && stats.failed_on_purpose < self.options.fail_first;
        let mut repeat = false;
        if sound {
            let seen = book.seen.get(&story).copied().unwrap_or(0);
            if version < seen {
                problems.push(format!("version {version} came after version {seen}"));
                book.stats.versions_back += 1;
            }
            book.seen.insert(story.clone(), seen.max(version));
        }
        if on_purpose {
            book.stats.failed_on_purpose += 1;
            status = 503;
        } else if sound && (200..300).contains(&status) {
            let highest = book.highest.get(&story).copied().unwrap_or(0);
            repeat = highest == version;
            if version <= highest {
                // It is here, or something newer is: the sender has done its part.
                book.stats.repeats += u64::from(repeat);
                book.stats.accepted += 1;
            } else if let Err(why) = self.store(&mut book, &story, version, &text("content-type"), &body) {
                problems.push(why);
                status = 500;
            } else {
                book.highest.insert(story.clone(), version);
                book.stats.accepted += 1;
                book.stats.stories = book.highest.len() as u64;
            }
        }
        drop(book);
        Received {
            at,
            story,
            version,
            action: text("newswire-action"),
            attempt: text("newswire-attempt").parse().unwrap_or(0),
            message_id: text("webhook-id"),
            content_type: text("content-type"),
            body,
            status,
            problems,
            repeat,
        }
    }

    /// A file whose name the sender cannot steer out of the directory.
    fn store(&self, book: &mut Book, story: &str, version: u64, kind: &str, body: &[u8]) -> Result<(), String> {
        let Some(dir) = &self.options.dir else { return Ok(()) };
        book.files += 1;
        let name: String =
            story.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).take(80).collect();
        let extension = if kind.contains("xml") {
            "xml"
        } else if kind.contains("json") {
            "json"
        } else {
            "bin"
        };
        let path = dir.join(format!("{:06}-{name}-v{version}.{extension}", book.files));
        std::fs::write(&path, body).map_err(|why| format!("cannot write {}: {why}", path.display()))
    }
}
