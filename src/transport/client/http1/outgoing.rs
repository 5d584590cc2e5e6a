//! A request on its way: its head as bytes, and its body as it is.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::Method;
use tokio::io::AsyncWrite;
use tokio::time::Instant;

use crate::transport::client::Request;
use crate::transport::client::paced::Written;

/// A request, and how much of it was given to the network.
pub struct Outgoing {
    head: Vec<u8>,
    body: Bytes,
    given: usize,
    through: bool,
}

/// What a head has beside its target and its fields, nearly always at most.
const BESIDE_THEM: usize = 64;

impl Outgoing {
    /// The head by RFC 9112 §2. Nothing in it ends a line before its time: a URI cannot hold a line's end, and fields take no
    /// value that does.
    pub fn new(request: Request) -> Self {
        let Request { method, uri, fields, body } = request;
        let body = body.rest();
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        let mut head = Vec::with_capacity(target.len() + fields.lines().len() + BESIDE_THEM);
        for piece in [method.as_str(), " ", target, " HTTP/1.1\r\n"] {
            head.extend_from_slice(piece.as_bytes());
        }
        head.extend_from_slice(fields.lines());
        let anticipates = [Method::POST, Method::PUT, Method::PATCH].contains(&method);
        // RFC 9110 §8.6: no length where there is no content and none is expected.
        if (anticipates || !body.is_empty()) && !fields.has_length() {
            for piece in ["content-length: ", itoa::Buffer::new().format(body.len()), "\r\n"] {
                head.extend_from_slice(piece.as_bytes());
            }
        }
        head.extend_from_slice(b"\r\n");
        Self { head, body, given: 0, through: false }
    }

    /// Whether the other side may have any of it.
    pub fn is_begun(&self) -> bool {
        self.given > 0
    }

    /// Gives the network as much as it takes, and notes when that is all.
    pub fn poll_write<T: AsyncWrite + ?Sized>(
        &mut self,
        mut io: Pin<&mut T>,
        context: &mut Context<'_>,
        written: &Written,
    ) -> Poll<io::Result<()>> {
        if self.through {
            return Poll::Ready(Ok(()));
        }
        while self.given < self.head.len() + self.body.len() {
            let head = &self.head[self.given.min(self.head.len())..];
            let body = &self.body[self.given.saturating_sub(self.head.len())..];
            let pieces = [IoSlice::new(head), IoSlice::new(body)];
            let pieces = if head.is_empty() { &pieces[1..] } else { &pieces[..] };
            match ready!(io.as_mut().poll_write_vectored(context, pieces))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                taken => self.given += taken,
            }
        }
        ready!(io.poll_flush(context))?;
        self.through = true;
        // An answer may be long in coming.
        (self.head, self.body) = (Vec::new(), Bytes::new());
        written.note(Instant::now());
        Poll::Ready(Ok(()))
    }
}
