//! A request's body that tells when it is through: the time to write it and the time to answer it are two.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::oneshot;

/// A request's body, given to the connection piece by piece, that tells when the last piece was taken.
pub struct Paced {
    rest: Bytes,
    written: Option<oneshot::Sender<()>>,
}

/// What a connection is given at a time: hyper takes the next piece when it has room, so the last one is taken about
/// when the network took the one before.
const PIECE: usize = 64 << 10;

impl Paced {
    /// The body, and what resolves when it is through.
    pub fn new(bytes: Bytes) -> (Self, oneshot::Receiver<()>) {
        let (written, through) = oneshot::channel();
        (Self { rest: bytes, written: Some(written) }, through)
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
        if self.rest.is_empty()
            && let Some(written) = self.written.take()
        {
            // The one who waits may have had its answer already.
            let _ = written.send(());
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
