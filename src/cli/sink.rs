//! `newswired sink`: a subscriber to try things with.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

use clap::Args;

use super::Failure;
use super::output::say;
use crate::config::Secret;
use crate::sink::{self, SinkOptions};

#[derive(Args)]
pub struct Sink {
    /// Where to listen, for example 127.0.0.1:9000
    #[arg(long, value_name = "ADDR")]
    listen: SocketAddr,
    /// Store each body as a file here
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Refuse what is not signed with this Standard Webhooks secret (a secret for trying things, not a real one)
    #[arg(long, value_name = "SECRET", hide_env_values = true, env = "NEWSWIRED_SINK_SECRET")]
    secret: Option<String>,
    /// Answer with this status
    #[arg(long, value_name = "CODE", default_value_t = 200, value_parser = clap::value_parser!(u16).range(200..600))]
    status: u16,
    /// Answer 503 to so many requests first
    #[arg(long, value_name = "N", default_value_t = 0)]
    fail_first: u64,
    /// Send Retry-After with an answer that is not a success
    #[arg(long, value_name = "SECONDS")]
    retry_after: Option<u64>,
    /// Wait so long before each answer
    #[arg(long, value_name = "MS", default_value_t = 0)]
    delay_ms: u64,
    /// Never answer
    #[arg(long)]
    hang: bool,
}

impl Sink {
    pub async fn run(self) -> Result<(), Failure> {
        let options = SinkOptions {
            listen: self.listen,
            dir: self.dir,
            secret: self.secret.as_deref().map(Secret::new),
            status: self.status,
            fail_first: self.fail_first,
            retry_after: self.retry_after.map(Duration::from_secs),
            delay: Duration::from_millis(self.delay_ms),
            hang: self.hang,
        };
        let (sink, mut received) = sink::Sink::start(options).await.map_err(Failure::Unavailable)?;
        say!("listening on http://{0}/ ; counts at http://{0}/stats ; stop with Ctrl-C", sink.address())?;
        let mut stopped = pin!(super::stopped());
        loop {
            tokio::select! {
                Some(one) = received.recv() => {
                    let verdict = if one.problems.is_empty() { "good".to_owned() } else { one.problems.join("; ") };
                    say!(
                        "{} {} {} version {} {} attempt {} {} bytes: {verdict}{}",
                        one.at.strftime("%H:%M:%S%.3f"),
                        one.status,
                        one.story,
                        one.version,
                        one.action,
                        one.attempt,
                        one.body.len(),
                        if one.repeat { ", a repeat" } else { "" },
                    )?;
                }
                () = &mut stopped => break,
            }
        }
        sink.stop().await;
        Ok(())
    }
}
