//! A request's body that tells when it is through: the time to write it and the time to answer it are two.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Duration, Instant};

/// A request's body, given to the connection piece by piece, that notes when the last piece was taken.
pub struct Paced {
    rest: Bytes,
    written: Arc<Written>,
}

/// When a request was through. Whoever waits looks when its own timer fires, so nobody is woken for it; a connection has
/// one of these, and its requests use it in turn.
pub struct Written {
    base: Instant,
    /// Microseconds since `base`, and one; 0 for a request that is not through.
    at: AtomicU64,
}

/// What a connection is given at a time: hyper takes the next piece when it has room, so the last one is taken about
/// when the network took the one before.
const PIECE: usize = 64 << 10;

impl Written {
    pub fn new() -> Arc<Self> {
        Arc::new(Self { base: Instant::now(), at: AtomicU64::new(0) })
    }

    pub fn at(&self) -> Option<Instant> {
        let at = self.at.load(Ordering::Acquire);
        at.checked_sub(1).map(|micros| self.base + Duration::from_micros(micros))
    }

    /// A request begins; the one that used this before has to be through.
    pub fn begin(&self) {
        self.at.store(0, Ordering::Release);
    }

    pub fn note(&self, now: Instant) {
        let micros = u64::try_from(now.duration_since(self.base).as_micros()).unwrap_or(u64::MAX - 1);
        self.at.store(micros + 1, Ordering::Release);
    }
}

impl Paced {
    /// The body of a request that begins now. The one that used `written` before has to be through.
    pub fn new(bytes: Bytes, written: &Arc<Written>, now: Instant) -> Self {
        written.begin();
        if bytes.is_empty() {
            // Nobody asks an empty body for its pieces.
            written.note(now);
        }
        Self { rest: bytes, written: Arc::clone(written) }
    }

    /// What is not given away yet, for whoever notes by itself when that is through.
    pub fn rest(self) -> Bytes {
        self.rest
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
        if self.rest.is_empty() {
            self.written.note(Instant::now());
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
