//! One connection, and one request on it: of HTTP/1.1 as [`Http1`] does it, of HTTP/2 as hyper and h2 do.

use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper::rt::Executor;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep, sleep, timeout};
use tokio_rustls::client::TlsStream;

use super::clock::Clock;
use super::http1::{self, Http1};
use super::paced::Written;
use super::pool::{LONGEST_IDLE, Place, Pool};
use super::{Answer, Paced, Request, tls};
use crate::transport::Timeouts;

/// How long a connection that nobody wants any more may take to say goodbye.
const LONGEST_CLOSE: Duration = Duration::from_secs(5);

/// Room for answers of HTTP/2 that nobody has read yet, for one and for all of a connection. Answers are receipts; hyper's
/// own windows, of megabytes, are for downloads.
const STREAM_WINDOW: u32 = 64 << 10;
const CONNECTION_WINDOW: u32 = 1 << 20;

/// How long a peer of HTTP/2 may take to say how many requests it allows at a time: that is the first thing it sends (RFC
/// 9113 §3.4). An answer to the first request shows that it has.
pub const SETTLING: Duration = Duration::from_secs(1);

/// Held by whoever may still use a connection. Once all have dropped it, the connection ends.
type Wanted = Arc<oneshot::Sender<Infallible>>;

/// What one request is sent on.
pub struct Connection {
    sender: Sender,
    written: Arc<Written>,
    /// The one timer of the requests on it, since to set a timer further costs less than to set a new one.
    timer: Pin<Box<Sleep>>,
    /// When its last request ended.
    since: Instant,
    expires: Instant,
}

enum Sender {
    Http1(Http1),
    Http2(Stream),
}

/// A request's place on a connection of HTTP/2.
pub struct Stream {
    sender: http2::SendRequest<Paced>,
    pool: Arc<Pool>,
    number: u64,
    broken: bool,
    _wanted: Wanted,
}

/// A connection of HTTP/2, which takes many requests.
pub struct Multiplexed {
    sender: http2::SendRequest<Paced>,
    /// As its pool knows it.
    pub number: u64,
    streams: usize,
    running: Running,
    /// Until then its peer may not have said how many it allows.
    settled: Instant,
    since: Instant,
    expires: Instant,
    wanted: Wanted,
}

type Http2 = http2::Connection<TokioIo<TlsStream<TcpStream>>, Paced, Tasks>;

/// The connection while it runs: it knows how many requests its peer allows at a time, which may change.
type Running = Arc<Mutex<Option<Http2>>>;

/// The tasks of a connection, which end with it.
#[derive(Clone, Default)]
struct Tasks(Arc<Mutex<JoinSet<()>>>);

impl<F: Future<Output: Send> + Send + 'static> Executor<F> for Tasks {
    fn execute(&self, task: F) {
        let mut tasks = locked(&self.0);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move {
            let _ = task.await;
        });
    }
}

impl Tasks {
    /// Waits until all have ended.
    async fn ended(self) {
        let mut tasks = std::mem::take(&mut *locked(&self.0));
        while tasks.join_next().await.is_some() {}
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What came of a request.
pub enum Exchange {
    /// The other side certainly has not begun with it. The connection is of no use.
    NotBegun(String),
    /// The same, and another connection would not help: it has too much to do.
    Declined(String),
    /// The answer, and whether the connection can take another request.
    Answered(Answer, bool),
    /// The answer was lost: the request may have arrived.
    Unknown(String),
    /// The request cannot be written.
    Impossible(String),
}

impl Connection {
    fn new(sender: Sender, now: Instant, expires: Instant) -> Self {
        // Each request sets the timer before it waits for it.
        Self { sender, written: Written::new(), timer: Box::pin(sleep(LONGEST_IDLE)), since: now, expires }
    }

    /// A request's place, as a connection.
    pub fn multiplexed(stream: Stream, now: Instant) -> Self {
        Self::new(Sender::Http2(stream), now, now)
    }

    pub fn is_closed(&mut self) -> bool {
        match &mut self.sender {
            Sender::Http1(http1) => http1.is_closed(),
            Sender::Http2(stream) => stream.sender.is_closed(),
        }
    }

    pub fn is_usable(&mut self, now: Instant) -> bool {
        now < self.expires && now.duration_since(self.since) < LONGEST_IDLE && !self.is_closed()
    }

    /// Lies in its pool until it is used again; a place on a shared one is given up.
    pub fn rest(mut self, pool: &Arc<Pool>) {
        match self.sender {
            Sender::Http1(..) => {
                self.since = Instant::now();
                pool.put(self);
            }
            Sender::Http2(_) => {}
        }
    }

    /// Makes one request and reads its answer, at most `answer_limit` bytes of its body.
    pub async fn exchange<R: Into<Request>>(
        &mut self,
        body: Bytes,
        head: impl FnOnce(Paced) -> Result<R, String>,
        authority: &str,
        timeouts: &Timeouts,
        answer_limit: usize,
    ) -> Exchange {
        let began = Instant::now();
        let request = match head(Paced::new(body, &self.written, began)) {
            Ok(request) => request.into(),
            Err(why) => return Exchange::Impossible(why),
        };
        let clock = Clock::start(self.timer.as_mut(), &self.written, timeouts, began);
        match &mut self.sender {
            Sender::Http1(http1) => http1.exchange(request, clock, answer_limit).await,
            // In a place of its own: most are of HTTP/1.1, and this needs three times the room.
            Sender::Http2(stream) => Box::pin(stream.exchange(request, authority, clock, answer_limit)).await,
        }
    }
}

impl Stream {
    async fn exchange(
        &mut self,
        request: Request,
        authority: &str,
        mut clock: Clock<'_>,
        answer_limit: usize,
    ) -> Exchange {
        let request = match request.for_http2(authority) {
            Ok(request) => request,
            Err(why) => return Exchange::Impossible(why),
        };
        let answer = match clock.within(self.sender.try_send_request(request)).await {
            Ok(answer) => answer,
            Err(late) => {
                self.broken = true;
                return Exchange::Unknown(clock.told(&late));
            }
        };
        let response = match answer {
            Ok(response) => response,
            Err(mut failed) => {
                let never_taken = failed.take_message().is_some();
                let ended = never_processed(failed.error());
                let why = format!("the connection broke: {}", told(&failed.into_error()));
                // A stream that is refused says nothing about its connection.
                self.broken |= ended != Some(Unprocessed::Refused);
                return match ended {
                    _ if never_taken => Exchange::NotBegun(why),
                    Some(Unprocessed::GoneAway | Unprocessed::Strangers) => Exchange::NotBegun(why),
                    Some(Unprocessed::Refused) => Exchange::Declined(why),
                    None => Exchange::Unknown(why),
                };
            }
        };
        let (parts, body) = response.into_parts();
        let read = clock.within(read(body, answer_limit)).await;
        self.broken |= read.is_err();
        let (start, whole) = read.unwrap_or_default();
        let reusable = whole && clock.is_through();
        Exchange::Answered(Answer { status: parts.status, headers: parts.headers, start, whole }, reusable)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.pool.stream_ended(self.number, self.broken);
    }
}

impl Multiplexed {
    pub fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Whether it may take further requests. What is on it goes on without that.
    pub fn is_usable(&self, now: Instant) -> bool {
        let idle = self.streams == 0 && now.duration_since(self.since) >= LONGEST_IDLE;
        !self.is_closed() && now < self.expires && !idle
    }

    pub fn has_room(&self, now: Instant) -> bool {
        let most = locked(&self.running).as_ref().map_or(0, Http2::current_max_send_streams);
        self.streams < if self.is_young(now) { most.min(1) } else { most }
    }

    /// Whether there may be more room in a moment.
    pub fn is_young(&self, now: Instant) -> bool {
        now < self.settled
    }

    pub fn stream(&mut self, pool: &Arc<Pool>) -> Stream {
        self.streams += 1;
        Stream {
            sender: self.sender.clone(),
            pool: Arc::clone(pool),
            number: self.number,
            broken: false,
            _wanted: Arc::clone(&self.wanted),
        }
    }

    pub fn ended(&mut self, now: Instant) {
        self.streams -= 1;
        self.settled = self.settled.min(now);
        self.since = now;
    }
}

/// What a peer of HTTP/2 says that it certainly did not do anything with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unprocessed {
    /// RFC 9113 §8.7: `REFUSED_STREAM`.
    Refused,
    /// RFC 9113 §6.8: its stream comes after the last one that `GOAWAY` names. h2 gives this error to no other.
    GoneAway,
    /// RFC 8446 §4.4.2.4: the handshake, which is over for us first, ends without a certificate that the peer takes.
    Strangers,
}

fn never_processed(error: &hyper::Error) -> Option<Unprocessed> {
    let mut behind = error.source();
    while let Some(error) = behind {
        if error.downcast_ref::<io::Error>().is_some_and(tls::refuses_us) {
            return Some(Unprocessed::Strangers);
        }
        behind = error.source();
    }
    let told = error.source()?.downcast_ref::<h2::Error>().filter(|error| error.is_remote())?;
    if told.is_go_away() {
        Some(Unprocessed::GoneAway)
    } else if told.is_reset() && told.reason() == Some(h2::Reason::REFUSED_STREAM) {
        Some(Unprocessed::Refused)
    } else {
        None
    }
}

/// An error with what is behind it, which says more.
fn told(error: &hyper::Error) -> String {
    let mut text = error.to_string();
    let mut behind = error.source();
    while let Some(error) = behind {
        let words = error.downcast_ref::<io::Error>().map_or_else(|| error.to_string(), tls::told);
        text = format!("{text}: {words}");
        behind = error.source();
    }
    text
}

/// The start of an answer's body, up to the limit, and whether that was all of it.
async fn read(mut body: Incoming, limit: usize) -> (Bytes, bool) {
    let mut start = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return (start.into(), false) };
        if let Some(data) = frame.data_ref() {
            let room = limit.saturating_sub(start.len());
            start.extend_from_slice(&data[..data.len().min(room)]);
            if data.len() > room {
                return (start.into(), false);
            }
        }
    }
    (start.into(), true)
}

/// Begins HTTP/1.1 on a stream that is connected.
pub fn http1(stream: http1::Stream, place: Place, expires: Instant) -> Connection {
    Connection::new(Sender::Http1(Http1::new(stream, place)), Instant::now(), expires)
}

/// Begins HTTP/2 on a stream that is connected.
pub async fn http2(
    stream: TlsStream<TcpStream>,
    mut place: Place,
    expires: Instant,
    pool: &Arc<Pool>,
) -> Result<Connection, String> {
    let tasks = Tasks::default();
    let (sender, connection) = http2::Builder::new(tasks.clone())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|why| why.to_string())?;
    let running = Arc::new(Mutex::new(Some(connection)));
    let connection = Arc::clone(&running);
    let run = async move {
        std::future::poll_fn(|context| {
            let mut running = locked(&connection);
            let ended = running.as_mut().map_or(Poll::Ready(Ok(())), |running| Pin::new(running).poll(context));
            if ended.is_ready() {
                // What was given to it and not begun is told so now.
                *running = None;
            }
            ended.map(drop)
        })
        .await;
        tasks.ended().await;
    };
    let (wanted, unwanted) = oneshot::channel();
    let (wanted, now) = (Arc::new(wanted), Instant::now());
    let stream = pool.share(Multiplexed {
        sender,
        number: 0,
        streams: 0,
        running,
        settled: now + SETTLING,
        since: now,
        expires,
        wanted,
    });
    place.made(true);
    tokio::spawn(live(run, unwanted, place));
    Ok(Connection::multiplexed(stream, now))
}

/// A connection's life. It is owned by those who want it, and ends with them. What goes wrong with it is told by the
/// requests that were on it. Now and then it looks after its door's idle ones.
async fn live<C: Future>(connection: C, mut unwanted: oneshot::Receiver<Infallible>, place: Place) {
    let mut connection = pin!(connection);
    loop {
        tokio::select! {
            biased;
            _ = &mut connection => return,
            _ = &mut unwanted => break,
            () = sleep(LONGEST_IDLE) => place.sweep(),
        }
    }
    // A peer that takes no bytes any more does not keep the place.
    let _ = timeout(LONGEST_CLOSE, connection).await;
}
