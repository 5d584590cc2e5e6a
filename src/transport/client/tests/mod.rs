//! The client against real servers: hyper's over rustls, and peers that are played frame by frame.

mod addresses;
mod connections;
mod frames;
mod http1;
mod http2;
mod look;
mod proxies;
mod timeouts;
mod trust;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use http::header::{self, HeaderMap};
use http::{Request, Response, Version};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tempfile::NamedTempFile;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::names::Names;
use super::*;

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(20);

const TIMEOUTS: Timeouts = Timeouts { connect: LONG, write: LONG, answer: LONG };

/// A certificate of 127.0.0.1, and a file for those who are to trust it.
struct Identity {
    ca: NamedTempFile,
    certificate: rustls::pki_types::CertificateDer<'static>,
    key: Vec<u8>,
}

impl Identity {
    fn new() -> Self {
        Self::of(&["127.0.0.1"])
    }

    fn of(names: &[&str]) -> Self {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        let ca = NamedTempFile::new().unwrap();
        std::fs::write(ca.path(), made.cert.pem()).unwrap();
        Self { ca, certificate: made.cert.der().clone(), key: made.signing_key.serialize_der() }
    }

    fn acceptor(&self, protocols: &[&str]) -> TlsAcceptor {
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(self.key.clone()));
        let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate.clone()], key)
            .unwrap();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        Arc::new(config).into()
    }
}

fn network() -> Arc<Network> {
    Arc::new(Network::default())
}

fn settings(network: &Arc<Network>) -> Settings<'_> {
    Settings { connections: 64, ..Settings::plain(TIMEOUTS, 1_024, network) }
}

fn trusting(identity: Option<&Identity>) -> Trust<'_> {
    Trust { ca_file: identity.map(|identity| identity.ca.path()), ..Trust::default() }
}

/// A client of a server on this machine; with `identity` it is one of TLS.
fn client(port: u16, identity: Option<&Identity>, settings: Settings<'_>) -> Client {
    let scheme = if identity.is_some() { "https" } else { "http" };
    let address = Address::parse(&format!("{scheme}://127.0.0.1:{port}/in?x=1")).unwrap();
    Client::new(&address, &Settings { trust: trusting(identity), ..settings }).unwrap()
}

/// Where a peer is played by hand.
async fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// A request as the doors make it: the host in its header, and nothing but the path in its line.
async fn post(client: &Client, body: &'static [u8]) -> Result<Answer, Failed> {
    let head = |body| {
        Request::post("/in?x=1")
            .header(header::HOST, client.address.authority())
            .header(header::USER_AGENT, USER_AGENT)
            .body(body)
            .map_err(|why| why.to_string())
    };
    tokio::time::timeout(2 * LONG, client.send(&Bytes::from_static(body), head)).await.expect("it always returns")
}

/// A request as a server got it.
#[derive(Debug, Clone)]
struct Got {
    /// Counted from 1.
    connection: usize,
    version: Version,
    authority: Option<String>,
    target: String,
    headers: HeaderMap,
    body: Bytes,
}

/// A server that answers when its gate is open.
struct Server {
    port: u16,
    got: watch::Receiver<Vec<Got>>,
    open: watch::Sender<bool>,
    _task: JoinSet<()>,
}

impl Server {
    /// One of TLS that speaks `protocols`; a peer may have `most` streams at a time.
    async fn tls(identity: &Identity, protocols: &[&str], most: u32) -> Self {
        Self::start(Some(identity.acceptor(protocols)), most).await
    }

    async fn plain() -> Self {
        Self::start(None, 0).await
    }

    async fn start(acceptor: Option<TlsAcceptor>, most: u32) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (log, got) = watch::channel(Vec::new());
        let (open, gate) = watch::channel(true);
        let mut task = JoinSet::new();
        task.spawn(async move {
            let (mut connections, mut number) = (JoinSet::new(), 0);
            while let Ok((stream, _)) = listener.accept().await {
                number += 1;
                let (acceptor, log, gate) = (acceptor.clone(), log.clone(), gate.clone());
                connections.spawn(async move {
                    let service = service_fn(move |request| answer(number, request, log.clone(), gate.clone()));
                    let Some(acceptor) = acceptor else {
                        let plain = hyper::server::conn::http1::Builder::new();
                        let _ = plain.serve_connection(TokioIo::new(stream), service).await;
                        return;
                    };
                    let stream = match acceptor.accept(stream).into_fallible().await {
                        Ok(stream) => stream,
                        Err((_, mut stream)) => {
                            // Closed at once, it might take back what it said of that.
                            let _ = stream.read_to_end(&mut Vec::new()).await;
                            return;
                        }
                    };
                    let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                    let stream = TokioIo::new(stream);
                    if http2 {
                        let mut server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                        let _ = server.max_concurrent_streams(most).serve_connection(stream, service).await;
                    } else {
                        let server = hyper::server::conn::http1::Builder::new();
                        let _ = server.serve_connection(stream, service).await;
                    }
                });
            }
        });
        Self { port, got, open, _task: task }
    }

    fn got(&self) -> Vec<Got> {
        self.got.borrow().clone()
    }

    /// Waits until so many requests are there, answered or not.
    async fn has_got(&mut self, number: usize) {
        let there = self.got.wait_for(|got| got.len() >= number);
        tokio::time::timeout(LONG, there).await.expect("they come").unwrap();
    }

    /// How many connections brought a request.
    fn connections(&self) -> usize {
        self.got().iter().map(|got| got.connection).collect::<std::collections::BTreeSet<_>>().len()
    }
}

async fn answer(
    connection: usize,
    request: Request<Incoming>,
    log: watch::Sender<Vec<Got>>,
    mut gate: watch::Receiver<bool>,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let (head, body) = request.into_parts();
    let got = Got {
        connection,
        version: head.version,
        authority: head.uri.authority().map(ToString::to_string),
        target: head.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
        headers: head.headers,
        body: body.collect().await?.to_bytes(),
    };
    log.send_modify(|all| all.push(got));
    // The gate's owner may have gone: then nothing is kept closed.
    let _ = gate.wait_for(|open| *open).await;
    Ok(Response::new(Full::from("ok")))
}

/// Waits until it is so.
async fn until(what: impl Fn() -> bool) {
    let so = async {
        while !what() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG, so).await.expect("it becomes so");
}
