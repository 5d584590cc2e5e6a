//! The admin port: `/healthz`, `/readyz`, `/metrics`, the status page, and what it and others ask and order (`api`).

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use jiff::Timestamp;
use prometheus_client::encoding::prometheus_text;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::board::{Board, Fleet, InForce};
use super::{api, page};
use crate::config::Config;
use crate::current::{Current, Handover, follow};
use crate::intake::{self, Contracts};
use crate::ledger::Health;
use crate::serve::{self, Bearers, Served, Token};
use crate::telemetry::Metrics;

/// What of a running daemon the port tells.
#[derive(Clone)]
pub struct Watched {
    pub health: watch::Receiver<Health>,
    pub metrics: Arc<Metrics>,
    pub fleet: Arc<Current<Fleet>>,
    pub contracts: Arc<Current<Contracts>>,
    pub config: Arc<Current<InForce>>,
    /// The daemon's intake is stopping.
    pub stopping: CancellationToken,
}

/// What health and metrics are told from.
struct Signs {
    health: watch::Receiver<Health>,
    metrics: Arc<Metrics>,
    stopping: CancellationToken,
}

/// The port, which can be set up anew while it is open.
pub struct Admin {
    /// Where the configuration stands.
    file: PathBuf,
    ledger: PathBuf,
    watched: Watched,
    board: Arc<Board>,
    served: watch::Sender<Option<Served>>,
}

impl Admin {
    /// Of a daemon of `config`, which stands in `file`. It is not open yet; its task goes to `tasks`, and works until
    /// `stop`.
    pub fn new(
        config: &Config,
        file: &Path,
        watched: Watched,
        tasks: &mut JoinSet<()>,
        stop: CancellationToken,
    ) -> Self {
        let (served, wanted) = watch::channel(None);
        let serve = |Served { listener, router }, until| serve::serve(listener, router, until);
        tasks.spawn(follow(wanted, Handover::AtOnce, serve, stop));
        let ledger = config.ledger.path.clone();
        let Watched { health, metrics, fleet, config, .. } = watched.clone();
        let board = Board::new(ledger.clone(), fleet, config, metrics, health, Timestamp::now()).into();
        Self { file: file.to_owned(), ledger, watched, board, served }
    }

    /// Does all that can fail of opening the port as `config` says, and changes nothing yet.
    ///
    /// # Errors
    /// In a sentence for the operator: an address that cannot be had, a token or a certificate that cannot be used.
    pub async fn prepare(&self, config: &Config) -> Result<Served, String> {
        let admin = &config.admin;
        let tokens = admin.tokens.iter().map(|(holder, token)| Token {
            holder: holder.clone(),
            key: format!("admin.tokens.{holder}"),
            found: token.clone(),
        });
        // Who hands in articles orders nothing by that.
        let bearers = Bearers::new(tokens.collect(), config.intake.http.iter().map(intake::bearer).collect())?;
        let Watched { health, metrics, contracts, stopping, .. } = self.watched.clone();
        let desk = api::Desk {
            bearers,
            is_local: admin.listen.get().ip().is_loopback(),
            ledger: self.ledger.clone(),
            config: self.file.clone(),
            contracts,
            board: Arc::clone(&self.board),
            stopping: stopping.clone(),
        };
        let router = Router::new()
            .route("/healthz", get(|| async { "alive\n" }))
            .route("/readyz", get(ready))
            .route("/metrics", get(tell))
            .with_state(Arc::new(Signs { health, metrics, stopping }))
            .merge(page::router())
            .merge(api::router(desk));
        let open = self.served.borrow().as_ref().map(|open| open.listener.clone());
        let listener = serve::listen(admin.listen.get(), "admin", admin.tls.as_deref(), open.as_ref()).await?;
        Ok(Served { listener, router })
    }

    /// Opens what was prepared, in place of what there was.
    pub fn adopt(&self, served: Served) {
        self.served.send_replace(Some(served));
    }

    /// Where it listens, if it does.
    pub fn address(&self) -> Option<SocketAddr> {
        self.served.borrow().as_ref().and_then(|open| open.listener.address().ok())
    }
}

async fn ready(State(signs): State<Arc<Signs>>) -> Response {
    if signs.stopping.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n").into_response();
    }
    match &*signs.health.borrow() {
        Health::Good => "ready\n".into_response(),
        Health::Failing(why) => (
            StatusCode::SERVICE_UNAVAILABLE,
            format!("nothing is taken or sent, since the ledger cannot write: {why}\n"),
        )
            .into_response(),
    }
}

/// In the format that is asked for, and in Prometheus' own where none is.
async fn tell(State(signs): State<Arc<Signs>>, headers: HeaderMap) -> Response {
    let healthy = *signs.health.borrow() == Health::Good;
    signs.metrics.ledger_healthy.set(i64::from(healthy));
    let accepts = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let (kind, text) = if accepts.contains("application/openmetrics-text") {
        ("application/openmetrics-text; version=1.0.0; charset=utf-8", signs.metrics.open_metrics())
    } else {
        (prometheus_text::CONTENT_TYPE, signs.metrics.text())
    };
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}
