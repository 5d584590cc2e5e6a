//! The baseline: a bare hyper client in a process of its own. A connection for each door, one post after another on
//! each, nothing looked at but the status.
//!
//! Beside the bare one, which sends the body and what a server needs to read it, there are two that also do what a
//! sender of signed news cannot do once for all doors: they make the headers that newswired sends and a signature for
//! each post, either over the body's digest, which is made once, or over the body, as Standard Webhooks ask.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::SendRequest;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use sha2::{Digest, Sha256};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

use crate::control::{self, Role, now};
use crate::support::Outcome;
use crate::support::http::start;
use crate::support::process::Process;
use crate::support::scene::SECRET;
use crate::tls;

pub const ROLE: &str = "--client";

/// Connections that are opened at once.
const TOGETHER: usize = 64;

/// What a client does beside posting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Bare,
    SignsDigest,
    SignsBody,
}

impl Kind {
    pub const ALL: [Self; 3] = [Self::Bare, Self::SignsDigest, Self::SignsBody];

    fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::SignsDigest => "digest",
            Self::SignsBody => "body",
        }
    }
}

/// The client's process, as the benchmark knows it.
pub struct Client {
    role: Role,
    doors: usize,
}

impl Client {
    /// Opens a connection for each door; `ca_file` where they speak TLS.
    pub async fn start(
        addresses: &[SocketAddr],
        doors: usize,
        document: &Path,
        ca_file: Option<&Path>,
    ) -> Outcome<Self> {
        let addresses: Vec<String> = addresses.iter().map(SocketAddr::to_string).collect();
        let (addresses, document) = (addresses.join(","), document.display().to_string());
        let ca_file = ca_file.map(|file| file.display().to_string());
        let mut role = Role::start(&[ROLE, &addresses, &document, ca_file.as_deref().unwrap_or_default()]).await?;
        role.ask(&format!("open {doors}")).await?;
        Ok(Self { role, doors })
    }

    pub fn process(&self) -> &Process {
        &self.role.process
    }

    /// Closes its connections, until they are opened again.
    pub async fn close(&mut self) -> Outcome<()> {
        self.role.ask("close").await?;
        Ok(())
    }

    pub async fn open(&mut self) -> Outcome<()> {
        self.role.ask(&format!("open {}", self.doors)).await?;
        Ok(())
    }

    /// Begins to post to every door, without a pause.
    pub async fn go(&mut self, kind: Kind) -> Outcome<()> {
        self.role.ask(&format!("go {}", kind.name())).await?;
        Ok(())
    }

    /// Ends that when the posts under way are answered.
    pub async fn stop(&mut self) -> Outcome<()> {
        self.role.ask("stop").await?;
        Ok(())
    }

    /// Posts once to every door; returns when that began, by [`now`].
    pub async fn once(&mut self, kind: Kind) -> Outcome<u64> {
        Ok(self.role.ask(&format!("once {}", kind.name())).await?.parse()?)
    }
}

/// The process.
pub async fn run(addresses: &str, document: &Path, ca_file: Option<&Path>) -> Outcome<()> {
    let addresses: Vec<SocketAddr> = addresses.split(',').map(str::parse).collect::<Result<_, _>>()?;
    let tls = ca_file.map(tls::client).transpose()?;
    let posts = Arc::new(Posts::new(std::fs::read(document)?.into())?);
    let mut doors: Vec<Door> = Vec::new();
    let mut working: JoinSet<Outcome<Door>> = JoinSet::new();
    let goes_on = Arc::new(AtomicBool::new(false));
    control::answer(async |line| {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let kind = || Kind::ALL.into_iter().find(|kind| kind.name() == rest).ok_or("there is no such client");
        let said = match verb {
            "open" => {
                let wanted: usize = rest.parse()?;
                while doors.len() < wanted {
                    let opening = (doors.len()..wanted.min(doors.len() + TOGETHER))
                        .map(|number| Door::open(number, addresses[number % addresses.len()], tls.clone()));
                    doors.extend(futures_util::future::try_join_all(opening).await?);
                }
                String::new()
            }
            "close" => {
                doors.clear();
                String::new()
            }
            "go" => {
                let kind = kind()?;
                goes_on.store(true, Ordering::SeqCst);
                for mut door in doors.drain(..) {
                    let (posts, goes_on) = (Arc::clone(&posts), Arc::clone(&goes_on));
                    working.spawn(async move {
                        while goes_on.load(Ordering::Relaxed) {
                            door.post(&posts, kind).await?;
                        }
                        Ok(door)
                    });
                }
                String::new()
            }
            "stop" => {
                goes_on.store(false, Ordering::SeqCst);
                while let Some(door) = working.join_next().await {
                    doors.push(door??);
                }
                String::new()
            }
            "once" => {
                let kind = kind()?;
                let began = now();
                for mut door in doors.drain(..) {
                    let posts = Arc::clone(&posts);
                    working.spawn(async move {
                        door.post(&posts, kind).await?;
                        Ok(door)
                    });
                }
                while let Some(door) = working.join_next().await {
                    doors.push(door??);
                }
                began.to_string()
            }
            other => return Err(format!("the client does not know {other:?}").into()),
        };
        Ok(said)
    })
    .await
}

/// A door, as a client knows it.
struct Door {
    path: String,
    authority: String,
    sender: SendRequest<Full<Bytes>>,
    /// What was posted to it, in the place of a story's version.
    version: u64,
}

/// What is the same for all posts.
struct Posts {
    document: Bytes,
    digest: String,
    key: Hmac<Sha256>,
}

impl Posts {
    fn new(document: Bytes) -> Outcome<Self> {
        let key = BASE64.decode(SECRET.trim_start_matches("whsec_"))?;
        let digest = format!("sha-256=:{}:", BASE64.encode(Sha256::digest(&document)));
        Ok(Self { document, digest, key: Hmac::new_from_slice(&key)? })
    }
}

impl Door {
    async fn open(number: usize, address: SocketAddr, tls: Option<Arc<ClientConfig>>) -> Outcome<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let sender = match tls {
            None => start(stream).await?,
            Some(tls) => {
                let name = ServerName::from(address.ip());
                start(TlsConnector::from(tls).connect(name, stream).await?).await?
            }
        };
        Ok(Self { path: format!("/{number}"), authority: address.to_string(), sender, version: 0 })
    }

    async fn post(&mut self, posts: &Posts, kind: Kind) -> Outcome<()> {
        let mut request = Request::post(&self.path)
            .header("host", &self.authority)
            .header("content-type", "application/json; charset=utf-8");
        if kind != Kind::Bare {
            self.version += 1;
            let id = format!("msg_{}_{}", self.path.trim_start_matches('/'), self.version);
            let seconds = now() / 1_000_000_000;
            let mut mac = posts.key.clone();
            mac.update(format!("{id}.{seconds}.").as_bytes());
            mac.update(if kind == Kind::SignsBody { &posts.document } else { posts.digest.as_bytes() });
            request = request
                .header("user-agent", "bench")
                .header("content-digest", &posts.digest)
                .header("webhook-id", &id)
                .header("idempotency-key", &id)
                .header("webhook-timestamp", seconds.to_string())
                .header("webhook-signature", format!("v1,{}", BASE64.encode(mac.finalize().into_bytes())))
                .header("newswire-story", "urn:newsml:wire.example.org:20261124:bench")
                .header("newswire-version", self.version.to_string())
                .header("newswire-action", "publish")
                .header("newswire-urgency", "5")
                .header("newswire-attempt", "1")
                .header("newswire-sequence", self.version.to_string());
        }
        let request = request.body(Full::new(posts.document.clone()))?;
        self.sender.ready().await?;
        let response = self.sender.send_request(request).await?;
        if response.status() != 200 {
            return Err(format!("the sink answered {}", response.status()).into());
        }
        response.into_body().collect().await?;
        Ok(())
    }
}
