//! `newswired publish`: hands articles to a daemon, by the way that it takes them.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use clap::Args;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use indicatif::{ProgressBar, ProgressStyle};
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::uri::AMQPUri;
use lapin::{BasicProperties, Connection, ConnectionProperties};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::Url;

use super::Failure;
use super::output::say;
use crate::config::SecretRef;
use crate::transport;

// Addresses and references are texts here, parsed later: clap would print one that it cannot use, with the secret that
// may stand in it.
#[derive(Args)]
#[group(id = "way", multiple = false)]
struct Way {
    /// To an exchange: amqp://user:password@host:5672/vhost
    #[arg(long, value_name = "URL")]
    amqp: Option<String>,
    /// To the HTTP intake; this is the way where none is given
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8470")]
    http: String,
    /// Into a spool directory (its incoming/)
    #[arg(long, value_name = "DIR")]
    spool: Option<PathBuf>,
}

#[derive(Args)]
pub struct Publish {
    /// Articles, in any format that intake takes
    #[arg(required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    way: Way,
    /// The bearer token of the HTTP intake, by reference: env:NAME or file:PATH
    #[arg(long, value_name = "REF", default_value = "env:NEWSWIRED_TOKEN")]
    token: String,
    /// Certificates to trust for an https:// address, in PEM, instead of the system's
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// The exchange
    #[arg(long, value_name = "NAME", default_value = "newswired.articles")]
    exchange: String,
    /// The messages' routing key
    #[arg(long, value_name = "KEY", default_value = "article")]
    routing_key: String,
    /// What the articles are, where they do not say so themselves; without it, what their names end in says it
    #[arg(long, value_name = "TYPE")]
    content_type: Option<String>,
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
        } else if let Some(dir) = &self.way.spool {
            self.by_spool(dir, &progress)?
        } else {
            self.by_http(&self.way.http, &progress).await?
        };
        progress.finish_and_clear();
        if refused > 0 {
            return Err(Failure::No(format!("{refused} of {} articles were refused", self.files.len())));
        }
        say!("{} published", self.files.len())?;
        Ok(())
    }

    async fn by_amqp(&self, url: &str, progress: &ProgressBar) -> Result<usize, Failure> {
        let failed = |why: lapin::Error| Failure::Unavailable(format!("the broker did not take it: {why}"));
        let uri: AMQPUri = url.parse().map_err(|why| {
            Failure::Usage(format!("--amqp is no address ({why}); write amqp://user:password@host:5672/vhost"))
        })?;
        let runtime = async_rs::Runtime::tokio_current();
        let connecting = Connection::connect_uri_with_runtime(uri, ConnectionProperties::default(), runtime);
        let connection = bounded("connection to the broker", connecting).await?.map_err(failed)?;
        let channel = bounded("channel", connection.create_channel()).await?.map_err(failed)?;
        bounded("answer", channel.confirm_select(ConfirmSelectOptions::default())).await?.map_err(failed)?;
        let mut refused = 0;
        for file in &self.files {
            let bytes = read(file)?;
            let content_type = self.content_type_of(file).into();
            let properties = BasicProperties::default().with_content_type(content_type).with_delivery_mode(2);
            let publish = async {
                let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
                let (exchange, key) = (self.exchange.as_str().into(), self.routing_key.as_str().into());
                channel.basic_publish(exchange, key, options, &bytes, properties).await?.await
            };
            // A broker that is short of memory or disk lets publishers wait.
            let confirmed = bounded("confirmation", publish).await?.map_err(failed)?;
            if !confirmed.is_ack() || confirmed.take_message().is_some() {
                refused += 1;
                eprintln!("{}: no queue takes it; is the daemon's exchange {:?}?", file.display(), self.exchange);
            }
            progress.inc(1);
        }
        connection.close(200, "done".into()).await.map_err(failed)?;
        Ok(refused)
    }

    async fn by_http(&self, url: &str, progress: &ProgressBar) -> Result<usize, Failure> {
        let token: SecretRef = self.token.parse().map_err(|_| {
            Failure::Usage("--token is a reference, not the token itself: write env:NAME or file:PATH".to_owned())
        })?;
        let token = token.resolve().map_err(|why| Failure::Usage(why.to_string()))?;
        let url = Url::parse(url).map_err(|why| {
            Failure::Usage(format!("--http is no address ({why}); write for example http://127.0.0.1:8470"))
        })?;
        let tls = match url.scheme() {
            "http" => None,
            "https" => {
                Some(transport::connector(self.ca_file.as_deref()).map_err(|why| Failure::Usage(why.to_string()))?)
            }
            _ => return Err(Failure::Usage("--http takes an address with http:// or https://".to_owned())),
        };
        let authority = url.authority().to_owned();
        let mut sender = None;
        let mut refused = 0;
        for file in &self.files {
            let request = http::Request::post("/v1/articles")
                .header("host", &authority)
                .header("authorization", format!("Bearer {}", token.expose()))
                .header("content-type", self.content_type_of(file))
                .body(Full::new(Bytes::from(read(file)?)))
                .map_err(|why| Failure::Usage(why.to_string()))?;
            let exchange = exchange(&url, tls.as_ref(), &mut sender, request);
            let (status, answer) = bounded("answer of the intake", exchange).await?.map_err(|why| {
                Failure::Unavailable(format!("cannot reach {authority}: {why}; is the daemon running there?"))
            })?;
            if !status.is_success() {
                refused += 1;
                let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap_or_default();
                eprintln!("{}: {status}: {}", file.display(), answer["detail"].as_str().unwrap_or("no reason given"));
            }
            progress.inc(1);
        }
        Ok(refused)
    }

    /// A name that says nothing leaves it to the document.
    fn content_type_of(&self, file: &Path) -> &str {
        let extension = file.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        self.content_type.as_deref().unwrap_or(match extension.to_ascii_lowercase().as_str() {
            "json" => "application/json",
            "xml" => "application/xml",
            _ => "application/octet-stream",
        })
    }

    fn by_spool(&self, dir: &Path, progress: &ProgressBar) -> Result<usize, Failure> {
        let incoming = dir.join("incoming");
        std::fs::read_dir(&incoming).map_err(|why| {
            Failure::Unavailable(format!(
                "cannot use {}: {why}; give the spool.dir of a daemon that was started, as a user who may write there",
                incoming.display()
            ))
        })?;
        for file in &self.files {
            let bytes = read(file)?;
            let place = move_in(&incoming, file, &bytes).map_err(|why| {
                Failure::Unavailable(format!("cannot write {} into {}: {why}", file.display(), incoming.display()))
            })?;
            tracing::debug!(file = %file.display(), place = %place.display(), "spooled");
            progress.inc(1);
        }
        Ok(0)
    }
}

/// Writes a file under a name that the daemon leaves alone, then gives it one that no other file there has: the daemon
/// never sees half a file, and nothing that waits is overwritten.
fn move_in(incoming: &Path, file: &Path, bytes: &[u8]) -> std::io::Result<PathBuf> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let name = name.trim_start_matches('.');
    let hidden = incoming.join(format!(".{}-{name}", std::process::id()));
    std::fs::write(&hidden, bytes)?;
    for number in 1_u32.. {
        let free = if number == 1 { incoming.join(name) } else { incoming.join(format!("{number}-{name}")) };
        // A link is made only where nothing has the name, as a move is not.
        match std::fs::hard_link(&hidden, &free) {
            Err(why) if why.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(why) => return Err(why),
            Ok(()) => {
                std::fs::remove_file(&hidden)?;
                return Ok(free);
            }
        }
    }
    Err(std::io::Error::other("no name is free"))
}

/// One request, on the connection that is open or on a new one: a server may close it after an answer.
async fn exchange(
    url: &Url,
    tls: Option<&TlsConnector>,
    open: &mut Option<SendRequest<Full<Bytes>>>,
    request: http::Request<Full<Bytes>>,
) -> Result<(http::StatusCode, Bytes), Box<dyn std::error::Error + Send + Sync>> {
    let ready = match open {
        Some(sender) => sender.ready().await.is_ok(),
        None => false,
    };
    if !ready {
        let host = url.host_str().unwrap_or("127.0.0.1").trim_matches(['[', ']']);
        #[allow(clippy::disallowed_methods, reason = "where the command line says")]
        let stream = TcpStream::connect((host, url.port_or_known_default().unwrap_or(80))).await?;
        *open = Some(match tls {
            None => speak(stream).await?,
            Some(tls) => speak(tls.connect(ServerName::try_from(host.to_owned())?, stream).await?).await?,
        });
    }
    let sender = open.as_mut().ok_or("there is no connection")?;
    let response = sender.send_request(request).await?;
    let status = response.status();
    Ok((status, response.into_body().collect().await?.to_bytes()))
}

async fn speak(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) -> Result<SendRequest<Full<Bytes>>, hyper::Error> {
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // Ends with its sender.
    tokio::spawn(connection);
    Ok(sender)
}

async fn bounded<T>(what: &str, work: impl Future<Output = T>) -> Result<T, Failure> {
    tokio::time::timeout(PATIENCE, work)
        .await
        .map_err(|_| Failure::Unavailable(format!("no {what} within {PATIENCE:?}")))
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(file).map_err(|why| Failure::Usage(format!("cannot read {}: {why}", file.display())))
}
