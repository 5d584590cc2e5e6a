//! Where articles arrive. Each section that is present opens one intake.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{ClientCertificate, Listen, SecretRef, Size, Span};
use crate::article::WireId;

/// Where articles arrive. Each of its tables that is there opens a way in; there has to be one.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Intake {
    /// The wire of an article that does not name its own. May be left out when there is only one wire.
    pub wire: Option<WireId>,
    /// The largest article that is read; a larger one is set aside (AMQP, spool) or answered 413 (HTTP).
    pub article_limit: Size,
    pub amqp: Option<Amqp>,
    pub http: Option<HttpIntake>,
    pub spool: Option<Spool>,
}

impl Default for Intake {
    fn default() -> Self {
        Self { wire: None, article_limit: Size::from_mib(8), amqp: None, http: None, spool: None }
    }
}

/// Articles from a RabbitMQ queue.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Amqp {
    /// `amqp://host:5672/vhost` or `amqps://…`, without user and password: those stand in `user` and `password`.
    /// Several addresses are tried in turn.
    pub urls: Vec<String>,
    /// Who the daemon is to the broker; goes with `password`.
    #[serde(default)]
    pub user: Option<String>,
    /// That user's password.
    #[serde(default)]
    pub password: Option<SecretRef>,
    /// A file of PEM certificates to trust for `amqps`, instead of the system's.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// The topic exchange that the newsroom publishes to.
    #[serde(default = "exchange")]
    pub exchange: String,
    /// The queue that is bound to it and consumed from.
    #[serde(default = "queue")]
    pub queue: String,
    /// What of the exchange goes to the queue; `#` is all of it.
    #[serde(default = "routing_key")]
    pub routing_key: String,
    /// `true`: a durable topic exchange, a quorum queue and their binding are declared at start. `false`: they are only
    /// looked for, where the broker's operator provides them.
    #[serde(default = "yes")]
    pub declare: bool,
    /// Messages taken before the first is acknowledged. The ledger commits what is waiting in one go, so this is also
    /// the largest commit that AMQP alone can cause.
    #[serde(default = "prefetch")]
    #[schemars(range(min = 1, max = 4096))]
    pub prefetch: u16,
    /// A broker that is silent for twice this long is taken for dead.
    #[serde(default = "heartbeat")]
    pub heartbeat: Span,
}

/// Articles by `POST /v1/articles`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpIntake {
    /// Where it listens. An address that other machines reach needs `tls`, or `allow_remote`.
    #[serde(default = "http_listen")]
    pub listen: Listen,
    /// `listen` may be an address that other machines reach though the port has no TLS, so that the token travels in the
    /// open unless a proxy stands before it.
    #[serde(default)]
    pub allow_remote: bool,
    /// The certificate that the port shows; everything is in TLS then.
    #[serde(default)]
    pub tls: Option<Box<ClientCertificate>>,
    /// The bearer token that a newsroom system shows.
    pub token: SecretRef,
    /// To receive the whole request.
    #[serde(default = "read_timeout")]
    pub read_timeout: Span,
}

/// Articles as files that are moved into a directory.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spool {
    /// Holds `incoming/` (move files here), `done/` and `rejected/`; made where missing.
    pub dir: PathBuf,
    /// How often the directory is looked at.
    #[serde(default = "poll")]
    pub poll: Span,
}

fn exchange() -> String {
    "newswired.articles".to_owned()
}

fn queue() -> String {
    "newswired.articles".to_owned()
}

fn routing_key() -> String {
    "#".to_owned()
}

fn yes() -> bool {
    true
}

fn prefetch() -> u16 {
    256
}

fn heartbeat() -> Span {
    Span::from_secs(10)
}

fn http_listen() -> Listen {
    Listen::loopback(8470)
}

fn read_timeout() -> Span {
    Span::from_secs(30)
}

fn poll() -> Span {
    Span::from_millis(250)
}
