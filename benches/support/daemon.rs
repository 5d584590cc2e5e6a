//! The daemon: a process of the real program.

use std::fs::File;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::SendRequest;
use tokio::runtime::{Builder, Runtime};

use super::Outcome;
use super::http::connect;
use super::process::Process;
use super::scene::{Scene, TOKEN};

/// How long a start may take at all.
const PATIENCE: Duration = Duration::from_secs(60);

/// Who offers articles has a thread of its own: what its requests take is not to be the time that doors take in this
/// process.
static OFFERS: LazyLock<Runtime> = LazyLock::new(|| {
    let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("offers").enable_all().build();
    runtime.expect("a thread can be had")
});

pub struct Daemon {
    pub process: Process,
    /// From the start of the process until it said that it is ready.
    pub ready_after: Duration,
    intake: SocketAddr,
    /// Connections to the intake that nobody uses at the moment.
    idle: Arc<Idle>,
}

type Idle = Mutex<Vec<SendRequest<Full<Bytes>>>>;

impl Daemon {
    /// Starts it, and waits until it says that it is ready.
    pub async fn start(scene: &Scene) -> Outcome<Self> {
        Self::start_under(scene, &[]).await
    }

    /// The same under a program that takes the daemon's place with it.
    pub async fn start_under(scene: &Scene, words: &[String]) -> Outcome<Self> {
        let began = Instant::now();
        let mut process = Self::launch_under(scene, words)?;
        while !is_ready(scene).await {
            if process.has_ended()? || began.elapsed() > PATIENCE {
                return Err(format!("the daemon does not start:\n{}", std::fs::read_to_string(scene.log())?).into());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(Self { process, ready_after: began.elapsed(), intake: scene.intake, idle: Arc::default() })
    }

    /// Only starts the process.
    pub fn launch(scene: &Scene) -> Outcome<Process> {
        Self::launch_under(scene, &[])
    }

    /// The same under a program that takes the daemon's place with it, such as `valgrind`.
    pub fn launch_under(scene: &Scene, words: &[String]) -> Outcome<Process> {
        let log = File::options().create(true).append(true).open(scene.log())?;
        let mut line = words.iter().map(String::as_str).chain([env!("CARGO_BIN_EXE_newswired")]);
        // There is at least the last of them.
        let mut command = Command::new(line.next().ok_or("a command has a program")?);
        command.args(line).args(["run", "--config"]).arg(scene.config());
        Process::start(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log))
    }

    /// Offers an article. Returns what the offer began with, and how long the answer 202 took.
    pub async fn offer(&self, article: Bytes) -> Outcome<(Instant, Duration)> {
        OFFERS.spawn(offer(self.intake, Arc::clone(&self.idle), article)).await?
    }

    /// `SIGKILL`; returns when the process is gone.
    pub fn kill(self) -> Outcome<()> {
        self.process.kill()
    }

    /// `SIGTERM`; returns when it has finished what was under way.
    pub async fn stop(self) -> Outcome<()> {
        self.process.stop().await
    }
}

async fn is_ready(scene: &Scene) -> bool {
    let Ok(mut sender) = connect(scene.admin).await else { return false };
    let Ok(request) = Request::get("/readyz").header("host", "admin").body(Full::default()) else { return false };
    sender.send_request(request).await.is_ok_and(|response| response.status() == 200)
}

async fn offer(intake: SocketAddr, idle: Arc<Idle>, article: Bytes) -> Outcome<(Instant, Duration)> {
    let request = Request::post("/v1/articles")
        .header("host", "intake")
        .header("authorization", format!("Bearer {TOKEN}"))
        .header("content-type", "application/json")
        .body(Full::new(article))?;
    let kept = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
    let mut sender = match kept {
        Some(sender) => sender,
        None => connect(intake).await?,
    };
    // The intake closes a connection that says nothing for long.
    if sender.ready().await.is_err() {
        sender = connect(intake).await?;
    }
    let began = Instant::now();
    let response = sender.send_request(request).await?;
    let took = began.elapsed();
    let status = response.status();
    let answer = response.into_body().collect().await?.to_bytes();
    assert_eq!(status, 202, "{}", String::from_utf8_lossy(&answer));
    idle.lock().unwrap_or_else(PoisonError::into_inner).push(sender);
    Ok((began, took))
}
