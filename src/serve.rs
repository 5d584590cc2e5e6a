//! An HTTP listener with bounds: what the HTTP intake, the admin port and the sink stand on.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Connections at once. Both listeners are for machines of the agency's own; a few hundred are a fault somewhere.
const CONNECTIONS: usize = 512;

/// To receive a request's head.
const HEAD_TIME: Duration = Duration::from_secs(10);

/// The longest a stop waits for requests under way.
const LAST_ANSWERS: Duration = Duration::from_secs(5);

/// A request's head is at most this long, in bytes.
const HEAD_LIMIT: usize = 32 << 10;

/// Opens a listener.
///
/// # Errors
/// With the address and what to look for.
pub async fn listen(address: SocketAddr, what: &str) -> Result<TcpListener, String> {
    TcpListener::bind(address).await.map_err(|why| {
        format!("{what} cannot listen on {address}: {why}; is another program there? choose another address")
    })
}

/// Serves `router` until `stop`, then finishes what is under way, within a bound.
pub async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) {
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
            accepted = listener.accept() => accepted,
        };
        let (Ok((stream, _)), Ok(place)) = (accepted, place) else {
            // Out of file descriptors, most likely: others may be closed soon.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        // Answers are small and wanted at once.
        let _ = stream.set_nodelay(true);
        let service = TowerToHyperService::new(router.clone());
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIME)
            .max_buf_size(HEAD_LIMIT.max(8192))
            .max_headers(64)
            .serve_connection(
                TokioIo::new(stream),
                hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
                    let service = service.clone();
                    async move { Ok::<_, Infallible>(answer(service, request).await) }
                }),
            );
        let watched = graceful.watch(connection);
        connections.spawn(async move {
            // A connection that breaks is the other side's affair; what it had asked for is answered or was not taken.
            let _ = watched.await;
            drop(place);
        });
    }
    let _ = tokio::time::timeout(LAST_ANSWERS, graceful.shutdown()).await;
    connections.shutdown().await;
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
