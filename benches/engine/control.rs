//! Words between the benchmark and its processes: a line that asks, a line that answers, one at a time.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Command, Stdio};

use rustix::time::{ClockId, clock_gettime};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::support::Outcome;
use crate::support::process::Process;

/// A process of this program in another role, and the way to ask it something.
pub struct Role {
    pub process: Process,
    stream: BufReader<TcpStream>,
}

impl Role {
    /// Starts this program with those arguments, and waits until it listens.
    pub async fn start(arguments: &[&str]) -> Outcome<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let mut command = Command::new("/proc/self/exe");
        command.args(arguments).env(ADDRESS, listener.local_addr()?.to_string()).stdin(Stdio::null());
        let process = Process::start(&mut command)?;
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        Ok(Self { process, stream: BufReader::new(stream) })
    }

    pub async fn ask(&mut self, line: &str) -> Outcome<String> {
        self.stream.get_mut().write_all(format!("{line}\n").as_bytes()).await?;
        let mut answer = String::new();
        self.stream.read_line(&mut answer).await?;
        let answer =
            answer.strip_suffix('\n').ok_or_else(|| format!("a process of the benchmark ended at {line:?}"))?;
        match answer.strip_prefix("error ") {
            Some(why) => Err(format!("{line:?}: {why}").into()),
            None => Ok(answer.to_owned()),
        }
    }
}

/// Where a role finds who started it.
const ADDRESS: &str = "ENGINE_CONTROL";

/// Answers what is asked of this process, until whoever started it is gone.
pub async fn answer(mut answer: impl AsyncFnMut(&str) -> Outcome<String>) -> Outcome<()> {
    let address: SocketAddr = std::env::var(ADDRESS)?.parse()?;
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    while stream.read_line(&mut line).await? > 0 {
        let said = match answer(line.trim_end()).await {
            Ok(said) => said,
            Err(why) => format!("error {}", why.to_string().replace('\n', " ")),
        };
        stream.get_mut().write_all(format!("{said}\n").as_bytes()).await?;
        line.clear();
    }
    Ok(())
}

/// Nanoseconds of a clock that all processes of a machine share.
pub fn now() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    // It counts from the machine's start: neither part is negative.
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
}
