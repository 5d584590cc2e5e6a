//! Articles in, deliveries out, as a ratio to a bare HTTP client that posts the same bytes to the same subscriber over
//! kept-alive connections, in the same run on the same machine.
//!
//! `cargo bench --bench deliveries` prints one table. Each row is the median of several rounds, and each round runs the
//! client and the daemon in turn, so that a machine that gets slower meanwhile does so for both. The subscriber is a
//! process of its own; the daemon is the real one, with its SQLite ledger on the disk under `target/`, every article
//! durable before its first request, every document rendered, proved, digested and signed.

use std::io::BufRead;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use comfy_table::{Table, presets};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use newswired::attribution::Policies;
use newswired::config::{Edition, Format, Secrets};
use newswired::daemon::Daemon;
use tokio::net::{TcpListener, TcpStream};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Deliveries of one round; the number of articles follows from that of the destinations.
const DELIVERIES: usize = 20_000;
const ROUNDS: usize = 5;
const DESTINATIONS: [usize; 2] = [100, 1_000];

const TOKEN: &str = "bench";
const SECRET: &str = "whsec_YmVuY2htYXJrIGJlbmNobWFyayBiZW5jaG1hcms=";

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn main() -> Outcome<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    if std::env::args().any(|argument| argument == "--subscriber") {
        return runtime.block_on(subscriber());
    }
    runtime.block_on(compare())
}

/// What a round came to.
#[derive(Clone, Copy)]
struct Round {
    /// Deliveries a second.
    rate: f64,
    /// Processor time of this process for one delivery, in microseconds.
    cpu: f64,
}

async fn compare() -> Outcome<()> {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY);
    table.set_header(["destinations", "client /s", "daemon /s", "ratio", "client CPU µs", "daemon CPU µs"]);
    let subscriber = Subscriber::start().await?;
    let mut size = 0;
    for destinations in DESTINATIONS {
        let mut rounds = Vec::new();
        for round in 0..ROUNDS {
            let scene = Scene::new(destinations, subscriber.address)?;
            let document = scene.document()?;
            size = document.len();
            let client = client(&subscriber, destinations, document).await?;
            let daemon = daemon(&subscriber, &scene, destinations).await?;
            eprintln!(
                "{destinations} destinations, round {}: client {:.0}/s, daemon {:.0}/s, ratio {:.2}",
                round + 1,
                client.rate,
                daemon.rate,
                daemon.rate / client.rate
            );
            rounds.push((client, daemon));
        }
        let of = |figure: fn(&(Round, Round)) -> f64| median(rounds.iter().map(figure).collect());
        table.add_row([
            destinations.to_string(),
            format!("{:.0}", of(|(client, _)| client.rate)),
            format!("{:.0}", of(|(_, daemon)| daemon.rate)),
            format!("{:.2}", of(|(client, daemon)| daemon.rate / client.rate)),
            format!("{:.1}", of(|(client, _)| client.cpu)),
            format!("{:.1}", of(|(_, daemon)| daemon.cpu)),
        ]);
    }
    println!("{table}");
    println!(
        "{DELIVERIES} deliveries of {size} bytes a round, medians of {ROUNDS} rounds; the subscriber shares the processors; one fdatasync takes {:.2} ms here",
        fdatasync()?.as_secs_f64() * 1e3
    );
    Ok(())
}

/// The baseline: a connection for each destination, one post after another on each, nothing looked at but the status.
async fn client(subscriber: &Subscriber, destinations: usize, document: Bytes) -> Outcome<Round> {
    let before = subscriber.count().await?;
    let mut senders = Vec::new();
    for _ in 0..destinations {
        senders.push(connect(subscriber.address).await?);
    }
    let clock = Clock::start()?;
    let each = DELIVERIES / destinations;
    let mut tasks = tokio::task::JoinSet::new();
    for mut sender in senders {
        let document = document.clone();
        let authority = subscriber.address.to_string();
        tasks.spawn(async move {
            for _ in 0..each {
                post(&mut sender, &authority, "/in", document.clone()).await?;
            }
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    let round = clock.stop(DELIVERIES)?;
    assert_eq!(subscriber.count().await? - before, (each * destinations) as u64, "the client's posts all arrived");
    Ok(round)
}

/// The daemon, from the first article offered to its intake to the last arrival.
async fn daemon(subscriber: &Subscriber, scene: &Scene, destinations: usize) -> Outcome<Round> {
    let config = newswired::config::load(&scene.dir.path().join("newswired.toml"), Secrets::Read)?;
    let daemon = Daemon::start(&config).await?;
    let intake = daemon.http_intake.ok_or("the daemon has no HTTP intake")?;
    let before = subscriber.count().await?;
    let articles = DELIVERIES / destinations;
    let owed = before + (articles * destinations) as u64;
    let mut sender = connect(intake).await?;
    let clock = Clock::start()?;
    for number in 0..articles {
        let status = post(&mut sender, &intake.to_string(), "/v1/articles", article(number)).await?;
        assert_eq!(status, 202, "the intake takes article {number}");
    }
    while subscriber.count().await? < owed {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let round = clock.stop(DELIVERIES)?;
    drop(sender);
    daemon.stop().await;
    assert_eq!(subscriber.count().await?, owed, "nothing was sent twice");
    Ok(round)
}

async fn connect(address: SocketAddr) -> Outcome<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    // Ends with its sender.
    tokio::spawn(connection);
    Ok(sender)
}

async fn post(sender: &mut SendRequest<Full<Bytes>>, authority: &str, path: &str, body: Bytes) -> Outcome<u16> {
    let request = Request::post(path)
        .header("host", authority)
        .header("authorization", format!("Bearer {TOKEN}"))
        .header("content-type", "application/json")
        .body(Full::new(body))?;
    sender.ready().await?;
    let response = sender.send_request(request).await?;
    let status = response.status().as_u16();
    response.into_body().collect().await?;
    Ok(status)
}

/// A story of about 6 kB, as an ordinary one is.
fn article(number: usize) -> Bytes {
    let sentence = "The Port Aren Harbor Council voted on Tuesday to reopen the Gull Island ferry, closed since 2022. ";
    let paragraph = format!("<p>{}</p>", sentence.repeat(5));
    let article = serde_json::json!({
        "newswired": 1,
        "guid": format!("urn:newsml:wire.example.org:20261124:bench-{number}"),
        "headline": "Harbor council votes to reopen ferry line",
        "language": "en-US",
        "authors": [{ "name": "Ada Quill", "role": "Transport Reporter" }],
        "body_html": paragraph.repeat(5),
    });
    Bytes::from(article.to_string())
}

/// A configuration with so many destinations, all of them doors of the one subscriber.
struct Scene {
    dir: tempfile::TempDir,
}

impl Scene {
    fn new(destinations: usize, subscriber: SocketAddr) -> Outcome<Self> {
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        let place = dir.path().display().to_string();
        std::fs::write(dir.path().join("token"), TOKEN)?;
        std::fs::write(dir.path().join("secret"), SECRET)?;
        let main = format!(
            r#"[ledger]
path = "{place}/ledger.sqlite"
[admin]
listen = "127.0.0.1:0"
[intake.http]
listen = "127.0.0.1:0"
token = "file:{place}/token"
[wires.hpnf]
name = "Harbor Press News Foundation"
short_name = "HPNF"
contact = "licensing@harborpress.example"
[wires.hpnf.licence]
line = "Free to republish with our logo, our reporter's byline and their affiliation."
[wires.hpnf.logo]
url = "https://harborpress.example/logo.png"
"#
        );
        std::fs::write(dir.path().join("newswired.toml"), main)?;
        std::fs::create_dir(dir.path().join("partners.d"))?;
        for number in 0..destinations {
            let partner = format!(
                "name = \"Partner {number}\"\n[destinations.main]\nformat = \"json\"\n[destinations.main.http]\nurl = \"http://{subscriber}/{number}\"\nsigning_secret = \"file:{place}/secret\"\n"
            );
            std::fs::write(dir.path().join("partners.d").join(format!("p{number}.toml")), partner)?;
        }
        Ok(Self { dir })
    }

    /// The document that the daemon sends, for the client to post the same.
    fn document(&self) -> Outcome<Bytes> {
        let config = newswired::config::load(&self.dir.path().join("newswired.toml"), Secrets::Read)?;
        let (id, wire) = config.wires.iter().next().ok_or("the configuration has a wire")?;
        let article = newswired::article::decode(&article(0), None, id)?;
        let policies = Policies::own(id.clone(), Arc::clone(wire));
        let edition = Edition::plain(Format::Json);
        Ok(newswired::render::rendition(&article, &policies, &edition)?.document.bytes().clone())
    }
}

/// The subscriber's process, and the way to ask it what it has counted.
struct Subscriber {
    child: Child,
    address: SocketAddr,
}

impl Subscriber {
    async fn start() -> Outcome<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("--subscriber")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let out = child.stdout.take().ok_or("the subscriber has a standard output")?;
        let mut line = String::new();
        // It comes at once, and nothing else has begun.
        std::io::BufReader::new(out).read_line(&mut line)?;
        Ok(Self { child, address: line.trim().parse()? })
    }

    async fn count(&self) -> Outcome<u64> {
        let mut sender = connect(self.address).await?;
        let request = Request::get("/count").header("host", "subscriber").body(Full::default())?;
        let body = sender.send_request(request).await?.into_body().collect().await?.to_bytes();
        Ok(std::str::from_utf8(&body)?.parse()?)
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads each body to its end, counts it, answers 200.
async fn subscriber() -> Outcome<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    println!("{}", listener.local_addr()?);
    let count: &'static AtomicU64 = Box::leak(Box::default());
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(
            hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service_fn(move |request| receive(count, request))),
        );
    }
}

async fn receive(count: &'static AtomicU64, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
    if request.uri().path() == "/count" {
        return Ok(Response::new(Full::from(count.load(Ordering::SeqCst).to_string())));
    }
    request.into_body().collect().await?;
    count.fetch_add(1, Ordering::SeqCst);
    Ok(Response::new(Full::default()))
}

/// Time and this process's processor time.
struct Clock {
    began: Instant,
    ticks: u64,
}

impl Clock {
    fn start() -> Outcome<Self> {
        Ok(Self { ticks: ticks()?, began: Instant::now() })
    }

    fn stop(self, deliveries: usize) -> Outcome<Round> {
        let elapsed = self.began.elapsed().as_secs_f64();
        let spent = (ticks()? - self.ticks) as f64 * TICK;
        Ok(Round { rate: deliveries as f64 / elapsed, cpu: spent * 1e6 / deliveries as f64 })
    }
}

/// In seconds: Linux reports processor time to user space in hundredths, whatever its own clock does.
const TICK: f64 = 0.01;

/// User and system time of this process (proc(5), fields 14 and 15 of `stat`).
fn ticks() -> Outcome<u64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields = stat.rsplit(')').next().ok_or("proc(5) has changed")?;
    let mut times = fields.split_whitespace().skip(11);
    let mut next = || -> Outcome<u64> { Ok(times.next().ok_or("proc(5) has changed")?.parse()?) };
    Ok(next()? + next()?)
}

/// How long the disk under `target/` takes to make a few bytes durable: the median of 50.
fn fdatasync() -> Outcome<Duration> {
    use std::io::Write;
    let mut file = tempfile::tempfile_in(Path::new(env!("CARGO_TARGET_TMPDIR")))?;
    let mut times = Vec::new();
    for _ in 0..50 {
        file.write_all(&[0; 512])?;
        let began = Instant::now();
        file.sync_data()?;
        times.push(began.elapsed().as_secs_f64());
    }
    Ok(Duration::from_secs_f64(median(times)))
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
