//! A connection of HTTP/1.1 (RFC 9112), moved by whoever has a request on it.
//!
//! Ten thousand doors are as many connections. hyper's client gives each of them a task, a line of requests and two buffers,
//! some 20 kB that lie there between two requests, and has a request change from task to task twice
//! (docs/performance.md). Here a connection is its socket: what an exchange needs, it brings and takes away again.
//!
//! How much of a request was given to the network is known here to the byte. None at all: the attempt did not happen.
//! Any: its outcome is unknown until an answer says more, and that is what a kill goes by (promise 4). An answer may come
//! before the request is through, so both ways are looked at together.
//!
//! What an answer's bytes mean is for [`Answering`] to say. How long an exchange may take is for its [`Clock`]. When a
//! connection is used again, and how many there are, is for the pool.

mod answering;
mod outgoing;
#[cfg(test)]
mod tests;

#[cfg(any(test, fuzzing))]
pub use answering::tried;

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use http::Method;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;

use self::answering::{Answering, Come, NotAnAnswer};
use self::outgoing::Outgoing;
use super::Request;
use super::clock::Clock;
use super::connection::Exchange;
use super::paced::Written;
use super::pool::Place;
use super::tls;

/// What is read at a time. It stands on the stack, and holds nearly every answer whole.
const READ: usize = 8 << 10;

/// How long a connection that nobody wants any more may take to say goodbye.
const LONGEST_GOODBYE: Duration = Duration::from_secs(5);

/// A connection of HTTP/1.1.
pub struct Http1 {
    stream: Stream,
    place: Option<Place>,
    /// A request was begun on it that did not come to a good end: no other can follow.
    midway: bool,
}

/// What it runs on.
pub enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    /// It was taken away, to be closed.
    Gone,
}

/// What both kinds are while they are used.
trait Io: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Io for T {}

impl Stream {
    fn io(&mut self) -> Option<Pin<&mut dyn Io>> {
        match self {
            Self::Plain(stream) => Some(Pin::new(stream)),
            Self::Tls(stream) => Some(Pin::new(stream.as_mut())),
            Self::Gone => None,
        }
    }
}

impl Http1 {
    pub fn new(stream: Stream, mut place: Place) -> Self {
        place.made(false);
        Self { stream, place: Some(place), midway: false }
    }

    /// Whether another request can follow. Between two of them a peer has nothing to say but that it goes.
    pub fn is_closed(&mut self) -> bool {
        let Some(io) = self.stream.io() else { return true };
        let mut space = [0];
        let mut context = Context::from_waker(Waker::noop());
        self.midway || io.poll_read(&mut context, &mut ReadBuf::new(&mut space)).is_ready()
    }

    /// Makes one request and reads its answer, at most `answer_limit` bytes of its body.
    ///
    /// What it needs is made before the future is, so that this has no room for the request as well: ten thousand are under
    /// way at a time.
    pub fn exchange<'a>(
        &'a mut self,
        request: Request,
        mut clock: Clock<'a>,
        answer_limit: usize,
    ) -> impl Future<Output = Exchange> + use<'a> {
        let mut answer = Answering::new(request.method == Method::HEAD, answer_limit);
        let mut request = Outgoing::new(request);
        async move {
            let written = clock.written();
            self.midway = true;
            written.begin();
            let exchanged = poll_fn(|context| self.poll(context, &mut request, written, &mut answer));
            let ended = clock.within(exchanged).await;
            if let Some((answer, may_follow)) = answer.ended() {
                // A connection that still has some of this request to write is of no use to the next.
                self.midway = !(matches!(ended, Ok(Ok(()))) && clock.is_through());
                let reusable = may_follow && !self.midway;
                return Exchange::Answered(answer, reusable);
            }
            match ended {
                Err(late) => Exchange::Unknown(clock.told(&late)),
                Ok(Err(why)) if !request.is_begun() || why.refuses_us() => {
                    Exchange::NotBegun(format!("the connection broke: {why}"))
                }
                Ok(Err(why)) => Exchange::Unknown(format!("the connection broke: {why}")),
                Ok(Ok(())) => Exchange::Unknown("the connection ended without an answer".to_owned()),
            }
        }
    }

    /// Goes on with both ways as far as they go.
    fn poll(
        &mut self,
        context: &mut Context<'_>,
        request: &mut Outgoing,
        written: &Written,
        answer: &mut Answering,
    ) -> Poll<Result<(), Broke>> {
        let Some(mut io) = self.stream.io() else { return Poll::Ready(Err(Broke::Closed)) };
        let failed = match request.poll_write(io.as_mut(), context, written) {
            Poll::Ready(Err(why)) => Some(why),
            Poll::Ready(Ok(())) | Poll::Pending => None,
        };
        loop {
            let mut space = [const { MaybeUninit::uninit() }; READ];
            let mut read = ReadBuf::uninit(&mut space);
            match io.as_mut().poll_read(context, &mut read) {
                Poll::Ready(Ok(())) if read.filled().is_empty() => {
                    return Poll::Ready(answer.closed().map_err(|closed| failed.map_or(closed.into(), Broke::Io)));
                }
                Poll::Ready(Ok(())) => match answer.take(read.filled()) {
                    Ok(Come::All) => return Poll::Ready(Ok(())),
                    Ok(Come::More) => {}
                    Err(why) => return Poll::Ready(Err(why.into())),
                },
                // What could not be written says more than what could not be read after it. The peer may have answered
                // before it closed, so that was looked for first.
                Poll::Ready(Err(why)) => return Poll::Ready(Err(Broke::Io(failed.unwrap_or(why)))),
                Poll::Pending => {
                    return failed.map_or(Poll::Pending, |why| Poll::Ready(Err(Broke::Io(why))));
                }
            }
        }
    }
}

impl Drop for Http1 {
    /// A socket closes as it is dropped. Over TLS the peer is told first (RFC 8446 §6.1), unless it is left midway: what it
    /// has then is to look like what it is.
    fn drop(&mut self) {
        let stream = std::mem::replace(&mut self.stream, Stream::Gone);
        if let Stream::Tls(stream) = stream
            && !self.midway
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(goodbye(stream, self.place.take()));
        }
    }
}

/// A peer that takes no bytes any more does not keep the place.
async fn goodbye(mut stream: Box<TlsStream<TcpStream>>, place: Option<Place>) {
    let _ = timeout(LONGEST_GOODBYE, stream.shutdown()).await;
    drop(stream);
    drop(place);
}

/// Why there is no answer, or not all of it.
enum Broke {
    Io(io::Error),
    NotAnAnswer(NotAnAnswer),
    /// It was closed here.
    Closed,
}

impl Broke {
    /// RFC 8446 §4.4.2.4: the handshake, which is over for us first, ends without a certificate that the peer takes.
    fn refuses_us(&self) -> bool {
        match self {
            Self::Io(why) => tls::refuses_us(why),
            Self::NotAnAnswer(_) | Self::Closed => false,
        }
    }
}

impl From<NotAnAnswer> for Broke {
    fn from(why: NotAnAnswer) -> Self {
        Self::NotAnAnswer(why)
    }
}

impl fmt::Display for Broke {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(why) => f.write_str(&tls::told(why)),
            Self::NotAnAnswer(why) => why.fmt(f),
            Self::Closed => f.write_str("it is closed"),
        }
    }
}
