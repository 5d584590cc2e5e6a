//! `newswired publish`: hands articles to a daemon, by the way that it takes them.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use indicatif::{ProgressBar, ProgressStyle};
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Connection, ConnectionProperties};
use url::Url;

use super::Failure;
use crate::config::SecretRef;

#[derive(Debug, Args)]
#[group(id = "way", required = true, multiple = false)]
struct Way {
    /// To an exchange: amqp://user:password@host:5672/vhost
    #[arg(long, value_name = "URL")]
    amqp: Option<Url>,
    /// To the HTTP intake: http://127.0.0.1:8470
    #[arg(long, value_name = "URL")]
    http: Option<Url>,
    /// Into a spool directory (its incoming/)
    #[arg(long, value_name = "DIR")]
    spool: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Publish {
    /// Articles, in any format that intake takes
    #[arg(required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    way: Way,
    /// The bearer token of the HTTP intake, by reference: env:NAME or file:PATH
    #[arg(long, value_name = "REF", default_value = "env:NEWSWIRED_TOKEN")]
    token: SecretRef,
    /// The exchange
    #[arg(long, value_name = "NAME", default_value = "newswired.articles")]
    exchange: String,
    /// The messages' routing key
    #[arg(long, value_name = "KEY", default_value = "article")]
    routing_key: String,
    /// What the articles are, where they do not say so themselves
    #[arg(long, value_name = "TYPE", default_value = "application/json")]
    content_type: String,
}

/// To connect, and for each article's answer.
const PATIENCE: Duration = Duration::from_secs(30);

impl Publish {
    pub async fn run(self) -> Result<(), Failure> {
        let progress = if self.files.len() > 1 && std::io::stderr().is_terminal() {
            let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {per_sec} {eta} left");
            ProgressBar::new(self.files.len() as u64).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        } else {
            ProgressBar::hidden()
        };
        let refused = if let Some(url) = &self.way.amqp {
            self.by_amqp(url, &progress).await?
        } else if let Some(url) = &self.way.http {
            self.by_http(url, &progress).await?
        } else if let Some(dir) = &self.way.spool {
            self.by_spool(dir, &progress)?
        } else {
            return Err(Failure::Usage("say where to: --amqp, --http or --spool".to_owned()));
        };
        progress.finish_and_clear();
        if refused > 0 {
            return Err(Failure::No(format!("{refused} of {} articles were refused", self.files.len())));
        }
        println!("{} published", self.files.len());
        Ok(())
    }

    async fn by_amqp(&self, url: &Url, progress: &ProgressBar) -> Result<usize, Failure> {
        let failed = |why: lapin::Error| Failure::Unavailable(format!("the broker did not take it: {why}"));
        let runtime = async_rs::Runtime::tokio_current();
        let connecting = Connection::connect_with_runtime(url.as_str(), ConnectionProperties::default(), runtime);
        let connection = tokio::time::timeout(PATIENCE, connecting)
            .await
            .map_err(|_| Failure::Unavailable(format!("no connection within {PATIENCE:?}")))?
            .map_err(failed)?;
        let channel = connection.create_channel().await.map_err(failed)?;
        channel.confirm_select(ConfirmSelectOptions::default()).await.map_err(failed)?;
        let properties =
            BasicProperties::default().with_content_type(self.content_type.as_str().into()).with_delivery_mode(2);
        let mut refused = 0;
        for file in &self.files {
            let bytes = read(file)?;
            let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
            let confirmed = channel
                .basic_publish(
                    self.exchange.as_str().into(),
                    self.routing_key.as_str().into(),
                    options,
                    &bytes,
                    properties.clone(),
                )
                .await
                .map_err(failed)?
                .await
                .map_err(failed)?;
            if !confirmed.is_ack() || confirmed.take_message().is_some() {
                refused += 1;
                eprintln!("{}: no queue takes it; is the daemon's exchange {:?}?", file.display(), self.exchange);
            }
            progress.inc(1);
        }
        connection.close(200, "done".into()).await.map_err(failed)?;
        Ok(refused)
    }

    async fn by_http(&self, url: &Url, progress: &ProgressBar) -> Result<usize, Failure> {
        let token = self.token.resolve().map_err(|why| Failure::Usage(why.to_string()))?;
        if url.scheme() != "http" {
            return Err(Failure::Usage(
                "the HTTP intake speaks plain HTTP on the daemon's own machine: use http://".to_owned(),
            ));
        }
        let authority = url.authority().to_owned();
        let address =
            format!("{}:{}", url.host_str().unwrap_or("127.0.0.1"), url.port_or_known_default().unwrap_or(80));
        let unreachable = |why: &dyn std::fmt::Display| {
            Failure::Unavailable(format!("cannot reach {authority}: {why}; is the daemon running there?"))
        };
        let stream = tokio::net::TcpStream::connect(&address).await.map_err(|why| unreachable(&why))?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|why| unreachable(&why))?;
        // Ends with its sender, at the end of this function.
        let driver = tokio::spawn(connection);
        let mut refused = 0;
        for file in &self.files {
            let request = http::Request::post("/v1/articles")
                .header("host", &authority)
                .header("authorization", format!("Bearer {}", token.expose()))
                .header("content-type", &self.content_type)
                .body(Full::new(bytes::Bytes::from(read(file)?)))
                .map_err(|why| Failure::Usage(why.to_string()))?;
            let exchange = async {
                let response = sender.send_request(request).await?;
                let status = response.status();
                Ok::<_, hyper::Error>((status, response.into_body().collect().await?.to_bytes()))
            };
            let (status, answer) = tokio::time::timeout(PATIENCE, exchange)
                .await
                .map_err(|_| unreachable(&format!("no answer within {PATIENCE:?}")))?
                .map_err(|why| unreachable(&why))?;
            if !status.is_success() {
                refused += 1;
                let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap_or_default();
                eprintln!("{}: {status}: {}", file.display(), answer["detail"].as_str().unwrap_or("no reason given"));
            }
            progress.inc(1);
        }
        drop(sender);
        let _ = driver.await;
        Ok(refused)
    }

    fn by_spool(&self, dir: &Path, progress: &ProgressBar) -> Result<usize, Failure> {
        let incoming = dir.join("incoming");
        if !incoming.is_dir() {
            return Err(Failure::Unavailable(format!(
                "{} is not there; give the spool.dir of a daemon that was started",
                incoming.display()
            )));
        }
        for file in &self.files {
            let name = file.file_name().unwrap_or_default();
            // Written under a name that the daemon leaves alone, then moved: it never sees half a file.
            let mut hidden = std::ffi::OsString::from(".");
            hidden.push(name);
            std::fs::write(incoming.join(&hidden), read(file)?)?;
            std::fs::rename(incoming.join(&hidden), incoming.join(name))?;
            progress.inc(1);
        }
        Ok(0)
    }
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(file).map_err(|why| Failure::Usage(format!("cannot read {}: {why}", file.display())))
}
