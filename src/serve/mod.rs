//! An HTTP listener with bounds: what the HTTP intake, the admin port and the sink stand on.
//!
//! Nobody who connects can take more than a bounded part of it: connections, their handshakes, the size and the time of a
//! request's head, and the time that an answer waits to be read are all bounded here. How much of a body is read, and for
//! how long, is its route's affair. With a certificate everything is in TLS, 1.2 or later.

mod bearer;
mod problem;
mod tls;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use rustix::net::sockopt::set_tcp_user_timeout;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use bearer::{Bearers, Token};
pub use problem::{problem, unavailable, unknown};

use self::tls::Shown;
use crate::config::ClientCertificate;

/// Connections at once. Every listener is for machines of the agency's own; a few hundred are a fault somewhere.
const CONNECTIONS: usize = 512;

/// To agree on TLS, and to receive a request's head.
const HEAD_TIME: Duration = Duration::from_secs(10);

/// How long an answer may wait for the other side to read on (RFC 5482).
const UNREAD: Duration = Duration::from_secs(if cfg!(test) { 1 } else { 30 });

/// The longest a stop waits for requests under way.
const LAST_ANSWERS: Duration = Duration::from_secs(5);

/// A request's head is at most this long, in bytes.
const HEAD_LIMIT: usize = 32 << 10;

/// Fields in a request's head.
const HEADERS: usize = 64;

/// Who sent a request.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

/// A port that is open, and what it shows.
#[derive(Clone)]
pub struct Listener {
    tcp: Arc<TcpListener>,
    /// The address that was asked for.
    asked: SocketAddr,
    tls: Option<Arc<Shown>>,
    what: &'static str,
}

/// A listener, and what is served there.
#[derive(Clone)]
pub struct Served {
    pub listener: Listener,
    pub router: Router,
}

impl Listener {
    /// Where it is.
    ///
    /// # Errors
    /// When the system does not know.
    pub fn address(&self) -> Result<SocketAddr, String> {
        self.tcp.local_addr().map_err(|why| format!("{}: {why}", self.what))
    }
}

/// Opens a listener; with a certificate, for TLS alone. The port of `open` stays as it is where the address is the same,
/// and nobody who comes is turned away in between.
///
/// # Errors
/// With the address and what to look for.
pub async fn listen(
    address: SocketAddr,
    what: &'static str,
    certificate: Option<&ClientCertificate>,
    open: Option<&Listener>,
) -> Result<Listener, String> {
    let tls = certificate.map(Shown::new).transpose().map_err(|why| format!("{what}.tls: {why}"))?.map(Arc::new);
    if let Some(open) = open.filter(|open| open.asked == address) {
        return Ok(Listener { tls, ..open.clone() });
    }
    let tcp = TcpListener::bind(address).await.map_err(|why| {
        format!("{what} cannot listen on {address}: {why}; is another program there? choose another address")
    })?;
    Ok(Listener { tcp: Arc::new(tcp), asked: address, tls, what })
}

/// Serves `router` until `stop`, then finishes what is under way, within a bound.
pub async fn serve(listener: Listener, router: Router, stop: CancellationToken) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    loop {
        let place = tokio::select! {
            () = stop.cancelled() => break,
            place = Arc::clone(&places).acquire_owned() => place,
        };
        // Those that have ended would stay in the set for good.
        while connections.try_join_next().is_some() {}
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.tcp.accept() => accepted,
        };
        let (Ok((stream, peer)), Ok(place)) = (accepted, place) else {
            // Out of file descriptors, most likely: others may be closed soon.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        bound(&stream);
        let (router, watcher) = (router.clone(), graceful.watcher());
        let (tls, what) = (listener.tls.clone(), listener.what);
        connections.spawn(async move {
            match tls {
                None => talk(stream, peer, router, watcher).await,
                Some(tls) => match tls.agree(stream, HEAD_TIME).await {
                    Ok(stream) => talk(stream, peer, router, watcher).await,
                    Err(why) => tracing::debug!(listener = what, %peer, reason = why, "no TLS"),
                },
            }
            drop(place);
        });
    }
    let _ = tokio::time::timeout(LAST_ANSWERS, graceful.shutdown()).await;
    connections.shutdown().await;
}

/// What the kernel is to do with it. A system that cannot goes without.
fn bound(stream: &TcpStream) {
    // Answers are small and wanted at once.
    let _ = stream.set_nodelay(true);
    let _ = set_tcp_user_timeout(stream, u32::try_from(UNREAD.as_millis()).unwrap_or(u32::MAX));
}

/// Answers what comes on a connection until it ends.
async fn talk(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: SocketAddr,
    router: Router,
    watcher: Watcher,
) {
    let service = TowerToHyperService::new(router);
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(HEAD_LIMIT)
        .max_headers(HEADERS)
        .serve_connection(
            TokioIo::new(stream),
            hyper::service::service_fn(move |mut request: hyper::Request<Incoming>| {
                request.extensions_mut().insert(Peer(peer));
                let service = service.clone();
                async move { Ok::<_, Infallible>(answer(service, request).await) }
            }),
        );
    // A connection that breaks is the other side's affair; what it had asked for is answered or was not taken.
    let _ = watcher.watch(connection).await;
}

async fn answer(
    service: TowerToHyperService<Router>,
    request: hyper::Request<Incoming>,
) -> hyper::Response<axum::body::Body> {
    match hyper::service::Service::call(&service, request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use axum::body::{Body, Bytes};
    use axum::routing::get;
    use tokio::io::AsyncWriteExt;
    use tokio::sync::oneshot;

    use super::*;

    /// An answer without an end that tells when nobody sends it any more.
    fn endless(over: oneshot::Sender<()>) -> Body {
        let stream = futures_util::stream::unfold(over, |over| async move {
            Some((Ok::<_, Infallible>(Bytes::from_static(&[0; 4096])), over))
        });
        Body::from_stream(stream)
    }

    #[tokio::test]
    async fn who_does_not_read_its_answer_loses_its_place() {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listener = listen(address, "the test", None, None).await.unwrap();
        let address = listener.address().unwrap();
        let (over, ended) = oneshot::channel();
        let over = Arc::new(std::sync::Mutex::new(Some(over)));
        let answer = move || {
            let over = over.lock().unwrap().take().unwrap();
            async move { endless(over) }
        };
        let stop = CancellationToken::new();
        let serving = tokio::spawn(serve(listener, Router::new().route("/", get(answer)), stop.clone()));
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        let ended = tokio::time::timeout(Duration::from_secs(20), ended).await;
        assert!(matches!(ended, Ok(Err(_))), "it is still being sent");
        drop(stream);
        stop.cancel();
        serving.await.unwrap();
    }
}
