//! The doors of all destinations, in this process: they read a request whole, note what is asked of them, answer 200.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::support::Outcome;

/// Addresses of loopback that the doors are spread over: each has its own ports for the daemons that come and go.
const ADDRESSES: u8 = 8;

/// All doors.
#[derive(Clone)]
pub struct Doors {
    pub addresses: Vec<SocketAddr>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    hanging: AtomicBool,
    hung: AtomicU64,
    arrived: AtomicU64,
    watched: Mutex<HashMap<String, Watched>>,
    /// Whoever waits for the next arrival, whatever it is.
    next: Mutex<Option<oneshot::Sender<Instant>>>,
    is_next_wanted: AtomicBool,
}

/// A version that somebody waits for.
struct Watched {
    version: String,
    wanted: usize,
    arrivals: Vec<Arrival>,
    all: oneshot::Sender<Vec<Arrival>>,
}

/// When a document was here whole, by both clocks.
#[derive(Debug, Clone, Copy)]
pub struct Arrival {
    pub at: Instant,
    pub clock: Timestamp,
}

/// Whether a door is of the fifth that can be told to hang.
pub fn may_hang(number: usize) -> bool {
    number % 5 == 4
}

impl Doors {
    pub async fn open() -> Outcome<Self> {
        Self::at(&Self::closed()?).await
    }

    /// Where doors could be: nobody listens there.
    pub fn closed() -> Outcome<Vec<SocketAddr>> {
        let free = |number| std::net::TcpListener::bind((Ipv4Addr::new(127, 0, 0, number), 0))?.local_addr();
        Ok((1..=ADDRESSES).map(free).collect::<Result<_, _>>()?)
    }

    pub async fn at(addresses: &[SocketAddr]) -> Outcome<Self> {
        let doors = Self { addresses: addresses.to_vec(), shared: Arc::default() };
        for address in addresses {
            tokio::spawn(serve(TcpListener::bind(address).await?, Arc::clone(&doors.shared)));
        }
        Ok(doors)
    }

    /// A fifth of the doors takes requests and answers none from now on, or answers again.
    pub fn hang(&self, hanging: bool) {
        self.shared.hanging.store(hanging, Ordering::SeqCst);
    }

    /// Requests that hanging doors have taken.
    pub fn hung(&self) -> u64 {
        self.shared.hung.load(Ordering::SeqCst)
    }

    /// Requests that were answered.
    pub fn arrived(&self) -> u64 {
        self.shared.arrived.load(Ordering::SeqCst)
    }

    /// Every arrival of a story's version, once `wanted` well doors have it.
    pub fn watch(&self, story: &str, version: u64, wanted: usize) -> oneshot::Receiver<Vec<Arrival>> {
        let (all, watching) = oneshot::channel();
        let watched = Watched { version: version.to_string(), wanted, arrivals: Vec::with_capacity(wanted), all };
        lock(&self.shared.watched).insert(story.to_owned(), watched);
        watching
    }

    /// The next arrival at a well door.
    pub fn next(&self) -> oneshot::Receiver<Instant> {
        let (sender, receiver) = oneshot::channel();
        *lock(&self.shared.next) = Some(sender);
        self.shared.is_next_wanted.store(true, Ordering::SeqCst);
        receiver
    }

    /// Returns when nothing has arrived for a while.
    pub async fn quiet(&self) {
        let mut before = None;
        while before != Some((self.arrived(), self.hung())) {
            before = Some((self.arrived(), self.hung()));
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) -> std::io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let shared = Arc::clone(&shared);
        tokio::spawn(
            hyper::server::conn::http1::Builder::new().serve_connection(
                TokioIo::new(stream),
                service_fn(move |request| receive(Arc::clone(&shared), request)),
            ),
        );
    }
}

async fn receive(shared: Arc<Shared>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let (head, body) = request.into_parts();
    body.collect().await?;
    let number = head.uri.path().trim_start_matches('/').parse().unwrap_or(0);
    if may_hang(number) && shared.hanging.load(Ordering::SeqCst) {
        shared.hung.fetch_add(1, Ordering::SeqCst);
        return std::future::pending().await;
    }
    shared.note(&head.headers);
    Ok(Response::new(Full::default()))
}

impl Shared {
    fn note(&self, headers: &HeaderMap) {
        let arrival = Arrival { at: Instant::now(), clock: Timestamp::now() };
        self.arrived.fetch_add(1, Ordering::SeqCst);
        if self.is_next_wanted.swap(false, Ordering::SeqCst)
            && let Some(next) = lock(&self.next).take()
        {
            let _ = next.send(arrival.at);
        }
        let said = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let story = said("newswire-story");
        let mut watched = lock(&self.watched);
        let Some(one) = watched.get_mut(story).filter(|one| one.version == said("newswire-version")) else { return };
        one.arrivals.push(arrival);
        if one.arrivals.len() == one.wanted
            && let Some(one) = watched.remove(story)
        {
            let _ = one.all.send(one.arrivals);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
