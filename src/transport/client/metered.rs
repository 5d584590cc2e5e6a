//! A connection of HTTP/1.1 that lets no answer be longer than any that is meant.
//!
//! The body's limit bounds what is kept of an answer, and the time to answer bounds how long one takes. Neither keeps a
//! peer from sending as fast as it can what is not kept: interim answers without an end (RFC 9110 §15.2), say, which cost
//! the time of a processor that the other doors need (promise 7). So what comes in is counted from request to request.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A connection of which is counted what comes in.
pub struct Metered<T> {
    io: T,
    meter: Arc<Meter>,
}

/// What an answer may still bring, in bytes.
#[derive(Default)]
pub struct Meter(AtomicUsize);

impl Meter {
    /// A request begins, whose answer may be so long.
    pub fn begin(&self, most: usize) {
        self.0.store(most, Ordering::Relaxed);
    }

    fn take(&self, bytes: usize) -> bool {
        // The connection alone takes; a request that begins meanwhile has the last word, and the connection is its own.
        let left = self.0.load(Ordering::Relaxed);
        self.0.store(left.saturating_sub(bytes), Ordering::Relaxed);
        bytes <= left
    }
}

impl<T> Metered<T> {
    pub fn new(io: T, meter: &Arc<Meter>) -> Self {
        Self { io, meter: Arc::clone(meter) }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Metered<T> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(context, into))?;
        if self.meter.take(into.filled().len() - before) {
            Poll::Ready(Ok(()))
        } else {
            Poll::Ready(Err(io::Error::other("the answer is longer than any that is meant")))
        }
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Metered<T> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}
