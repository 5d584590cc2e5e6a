//! The sink: a process that all doors are in. It reads each request to its end, counts it, and answers 200.
//!
//! A door is known by the number that its path ends with. Where doors are ill, two of ten hang: they take a request
//! whole and never answer. One of ten takes one request a second, however many come.

use std::collections::{HashMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

use crate::control::{self, Role, now};
use crate::support::Outcome;
use crate::tls;

pub const ROLE: &str = "--sink";

/// Addresses of loopback that the doors are spread over: each has its own ports for those who connect.
pub const ADDRESSES: u8 = 8;

/// Connections that may wait to be accepted; thousands are opened at once.
const WAITING: u32 = 4096;

/// The least time between two answers of a slow door.
const SLOW: Duration = Duration::from_secs(1);

/// The sink's process, as the benchmark knows it.
pub struct Sink {
    role: Role,
    pub addresses: Vec<SocketAddr>,
}

/// When a story was at a door.
#[derive(Debug, Clone, Copy)]
pub struct Arrival {
    pub story: usize,
    pub door: usize,
    /// By [`now`].
    pub at: u64,
}

/// What the sink has seen.
#[derive(Debug, Clone, Default)]
pub struct Look {
    /// Requests that were answered.
    pub count: u64,
    /// The bytes of their bodies.
    pub bytes: u64,
    /// The times that were [aimed](Sink::aim) at and have come, by [`now`].
    pub reached: Vec<u64>,
}

/// What a door does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    Well,
    Slow,
    Hanging,
}

impl Health {
    /// Of a door, where doors are ill.
    pub fn of(door: usize) -> Self {
        match door % 10 {
            3 | 7 => Self::Hanging,
            5 => Self::Slow,
            _ => Self::Well,
        }
    }
}

impl Sink {
    /// `certificate` is a directory with one, where the doors speak TLS.
    pub async fn start(certificate: Option<&Path>) -> Outcome<Self> {
        let certificate = certificate.map(|path| path.display().to_string());
        let arguments: Vec<&str> = [ROLE].into_iter().chain(certificate.as_deref()).collect();
        let mut role = Role::start(&arguments).await?;
        let addresses = role.ask("addresses").await?;
        let addresses = addresses.split(' ').map(str::parse).collect::<Result<_, _>>()?;
        Ok(Self { role, addresses })
    }

    pub async fn look(&mut self) -> Outcome<Look> {
        let answer = self.role.ask("look").await?;
        let mut numbers = answer.split(' ').map(str::parse);
        let mut next = || numbers.next().ok_or("the sink says too little");
        Ok(Look { count: next()??, bytes: next()??, reached: numbers.collect::<Result<_, _>>()? })
    }

    /// Has the time noted at which so many more have arrived, and so many more after those. To be said before they can.
    pub async fn aim(&mut self, after: &[u64]) -> Outcome<()> {
        let after: Vec<String> = after.iter().map(u64::to_string).collect();
        self.role.ask(&format!("aim {}", after.join(" "))).await?;
        Ok(())
    }

    /// Waits for the first of those times.
    pub async fn reached(&mut self) -> Outcome<u64> {
        let began = std::time::Instant::now();
        loop {
            if let Some(reached) = self.look().await?.reached.first() {
                return Ok(*reached);
            }
            if began.elapsed() > PATIENCE {
                return Err("what is sent does not arrive".into());
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// From now on some doors are ill, or none.
    pub async fn ill(&mut self, ill: bool) -> Outcome<()> {
        self.role.ask(&format!("ill {ill}")).await?;
        Ok(())
    }

    /// From now on each arrival is noted.
    pub async fn note(&mut self) -> Outcome<()> {
        self.role.ask("note").await?;
        Ok(())
    }

    /// What was noted since the last time.
    pub async fn noted(&mut self) -> Outcome<Vec<Arrival>> {
        let noted = self.role.ask("noted").await?;
        let mut numbers = noted.split_ascii_whitespace().map(str::parse::<u64>);
        let mut arrivals = Vec::new();
        while let (Some(story), Some(door), Some(at)) = (numbers.next(), numbers.next(), numbers.next()) {
            arrivals.push(Arrival { story: story? as usize, door: door? as usize, at: at? });
        }
        Ok(arrivals)
    }

    /// Returns when nothing has arrived for a while.
    pub async fn quiet(&mut self) -> Outcome<u64> {
        let mut before = self.look().await?.count;
        loop {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let now = self.look().await?.count;
            if now == before {
                return Ok(now);
            }
            before = now;
        }
    }
}

/// Nothing that a benchmark waits for takes longer, or something is broken.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// What the doors share.
struct Doors {
    count: AtomicU64,
    bytes: AtomicU64,
    /// The next count whose time is wanted; the largest number where none is.
    target: AtomicU64,
    targets: Mutex<VecDeque<u64>>,
    reached: Mutex<Vec<u64>>,
    is_ill: AtomicBool,
    /// The next answer of each slow door.
    slow: Mutex<HashMap<usize, Instant>>,
    is_noting: AtomicBool,
    noted: Mutex<Vec<Arrival>>,
}

/// The process.
pub async fn run(certificate: Option<&Path>) -> Outcome<()> {
    let doors = Arc::new(Doors {
        count: AtomicU64::new(0),
        bytes: AtomicU64::new(0),
        target: AtomicU64::new(u64::MAX),
        targets: Mutex::default(),
        reached: Mutex::default(),
        is_ill: AtomicBool::new(false),
        slow: Mutex::default(),
        is_noting: AtomicBool::new(false),
        noted: Mutex::default(),
    });
    let acceptor = certificate.map(tls::acceptor).transpose()?;
    let mut addresses = Vec::new();
    for number in 1..=ADDRESSES {
        let socket = TcpSocket::new_v4()?;
        socket.bind((Ipv4Addr::new(127, 0, 0, number), 0).into())?;
        let listener = socket.listen(WAITING)?;
        addresses.push(listener.local_addr()?.to_string());
        let (doors, acceptor) = (Arc::clone(&doors), acceptor.clone());
        tokio::spawn(async move {
            if let Err(why) = accept(listener, acceptor, doors).await {
                // Whoever waits for a door that is not there would wait in vain.
                eprintln!("the sink takes no more connections: {why}");
                std::process::exit(1);
            }
        });
    }
    let addresses = addresses.join(" ");
    control::answer(async |line| doors.answer(line, &addresses)).await
}

async fn accept(listener: TcpListener, acceptor: Option<TlsAcceptor>, doors: Arc<Doors>) -> std::io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(serve(stream, acceptor.clone(), Arc::clone(&doors)));
    }
}

async fn serve(stream: TcpStream, acceptor: Option<TlsAcceptor>, doors: Arc<Doors>) {
    let service = service_fn(move |request| receive(Arc::clone(&doors), request));
    let http = hyper::server::conn::http1::Builder::new();
    // Whoever closes a connection at a bad moment knows why.
    let _ = match acceptor {
        None => http.serve_connection(TokioIo::new(stream), service).await,
        Some(acceptor) => match acceptor.accept(stream).await {
            Ok(stream) => http.serve_connection(TokioIo::new(stream), service).await,
            Err(_) => Ok(()),
        },
    };
}

async fn receive(doors: Arc<Doors>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let (head, body) = request.into_parts();
    let bytes = body.collect().await?.to_bytes().len() as u64;
    if doors.is_ill.load(Ordering::Relaxed) {
        doors.suffer(door(&head)).await;
    }
    if doors.is_noting.load(Ordering::Relaxed) {
        let at = now();
        lock(&doors.noted).push(Arrival { story: story(&head), door: door(&head), at });
    }
    doors.bytes.fetch_add(bytes, Ordering::Relaxed);
    let count = doors.count.fetch_add(1, Ordering::SeqCst) + 1;
    if count == doors.target.load(Ordering::SeqCst) {
        lock(&doors.reached).push(now());
        doors.next_target();
    }
    Ok(Response::new(Full::default()))
}

impl Doors {
    /// What an ill door does with a request before it answers.
    async fn suffer(&self, door: usize) {
        match Health::of(door) {
            Health::Well => {}
            Health::Hanging => std::future::pending().await,
            Health::Slow => {
                let turn = {
                    let mut slow = lock(&self.slow);
                    let next = slow.entry(door).or_insert_with(Instant::now);
                    *next = (*next + SLOW).max(Instant::now());
                    *next
                };
                tokio::time::sleep_until(turn).await;
            }
        }
    }

    fn next_target(&self) {
        let next = lock(&self.targets).pop_front().unwrap_or(u64::MAX);
        self.target.store(next, Ordering::SeqCst);
    }

    fn answer(&self, line: &str, addresses: &str) -> Outcome<String> {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let said = match verb {
            "addresses" => addresses.to_owned(),
            "look" => {
                let (count, bytes) = (self.count.load(Ordering::SeqCst), self.bytes.load(Ordering::SeqCst));
                let reached = lock(&self.reached);
                reached.iter().fold(format!("{count} {bytes}"), |line, at| format!("{line} {at}"))
            }
            "aim" => {
                lock(&self.reached).clear();
                lock(&self.targets).clear();
                let mut at = self.count.load(Ordering::SeqCst);
                for after in rest.split(' ') {
                    at += after.parse::<u64>()?;
                    lock(&self.targets).push_back(at);
                }
                self.next_target();
                String::new()
            }
            "ill" => {
                self.is_ill.store(rest.parse()?, Ordering::SeqCst);
                String::new()
            }
            "note" => {
                lock(&self.noted).clear();
                self.is_noting.store(true, Ordering::SeqCst);
                String::new()
            }
            "noted" => {
                let noted = std::mem::take(&mut *lock(&self.noted));
                let words: Vec<String> =
                    noted.iter().map(|one| format!("{} {} {}", one.story, one.door, one.at)).collect();
                words.join(" ")
            }
            other => return Err(format!("the sink does not know {other:?}").into()),
        };
        Ok(said)
    }
}

fn door(head: &Parts) -> usize {
    head.uri.path().trim_start_matches('/').parse().unwrap_or(0)
}

/// The number that a story's name ends with.
fn story(head: &Parts) -> usize {
    let name = head.headers.get("newswire-story").and_then(|name| name.to_str().ok()).unwrap_or_default();
    name.rsplit('-').next().and_then(|number| number.parse().ok()).unwrap_or(usize::MAX)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
