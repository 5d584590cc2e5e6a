//! The daemon: a process of the real program.

use std::fs::File;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::Outcome;
use crate::scene::{Scene, TOKEN};

/// How long a start may take at all.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Daemon {
    child: Child,
    /// From the start of the process until it said that it is ready.
    pub ready_after: Duration,
    address: SocketAddr,
    intake: SendRequest<Full<Bytes>>,
}

impl Daemon {
    pub async fn start(scene: &Scene) -> Outcome<Self> {
        let log = File::options().create(true).append(true).open(scene.log())?;
        let began = Instant::now();
        let mut child = Command::new(env!("CARGO_BIN_EXE_newswired"))
            .args(["run", "--config"])
            .arg(scene.config())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()?;
        while !is_ready(scene).await {
            if child.try_wait()?.is_some() || began.elapsed() > PATIENCE {
                let _ = child.kill();
                return Err(format!("the daemon does not start:\n{}", std::fs::read_to_string(scene.log())?).into());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let ready_after = began.elapsed();
        Ok(Self { child, ready_after, address: scene.intake, intake: connect(scene.intake).await? })
    }

    /// Offers an article. Returns what the offer began with, and how long the answer 202 took.
    pub async fn offer(&mut self, article: Bytes) -> Outcome<(Instant, Duration)> {
        let request = Request::post("/v1/articles")
            .header("host", "intake")
            .header("authorization", format!("Bearer {TOKEN}"))
            .header("content-type", "application/json")
            .body(Full::new(article))?;
        // The intake closes a connection that says nothing for long.
        if self.intake.ready().await.is_err() {
            self.intake = connect(self.address).await?;
        }
        let began = Instant::now();
        let response = self.intake.send_request(request).await?;
        let took = began.elapsed();
        let status = response.status();
        let answer = response.into_body().collect().await?.to_bytes();
        assert_eq!(status, 202, "{}", String::from_utf8_lossy(&answer));
        Ok((began, took))
    }

    /// A figure of proc(5), `status`, in bytes: `VmRSS`, `VmHWM`.
    pub fn memory(&self, name: &str) -> Outcome<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find(|line| line.starts_with(name)).ok_or("proc(5) has changed")?;
        let kibibytes: u64 = line.split_whitespace().nth(1).ok_or("proc(5) has changed")?.parse()?;
        Ok(kibibytes << 10)
    }

    pub fn open_files(&self) -> Outcome<usize> {
        Ok(std::fs::read_dir(format!("/proc/{}/fd", self.child.id()))?.count())
    }

    /// `SIGKILL`; returns when the process is gone.
    pub fn kill(mut self) -> Outcome<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// `SIGTERM`; returns when it has finished what was under way.
    pub async fn stop(mut self) -> Outcome<()> {
        Command::new("kill").arg(self.child.id().to_string()).status()?;
        while self.child.try_wait()?.is_none() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn is_ready(scene: &Scene) -> bool {
    let Ok(mut sender) = connect(scene.admin).await else { return false };
    let Ok(request) = Request::get("/readyz").header("host", "admin").body(Full::default()) else { return false };
    sender.send_request(request).await.is_ok_and(|response| response.status() == 200)
}

async fn connect(address: SocketAddr) -> Outcome<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    // Ends with its sender.
    tokio::spawn(connection);
    Ok(sender)
}
