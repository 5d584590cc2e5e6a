//! The admin port: `/healthz`, `/readyz`, `/metrics`, the status page, and what it and others ask and order (`api`).

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use jiff::Timestamp;
use prometheus_client::encoding::prometheus_text;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::board::Board;
use super::{api, page};
use crate::config::Config;
use crate::intake;
use crate::ledger::Health;
use crate::serve::{self, Bearers, Token};
use crate::telemetry::{Beat, Metrics};

/// What of a running daemon the port tells.
pub struct Watched {
    pub health: watch::Receiver<Health>,
    pub metrics: Arc<Metrics>,
    /// Each destination's last hour, by its name.
    pub beats: HashMap<String, Arc<Beat>>,
    /// The daemon's intake is stopping.
    pub stopping: CancellationToken,
}

/// What health and metrics are told from.
struct Signs {
    health: watch::Receiver<Health>,
    metrics: Arc<Metrics>,
    stopping: CancellationToken,
}

/// Opens the port of `config`, which stands in `file`, and reads the tokens of those who may order something.
///
/// # Errors
/// In a sentence for the operator: an address that cannot be had, a token or a certificate that cannot be used.
pub async fn open(config: &Config, file: &Path, watched: Watched) -> Result<(serve::Listener, Router), String> {
    let Watched { health, metrics, beats, stopping } = watched;
    let admin = &config.admin;
    let tokens = admin.tokens.iter().map(|(holder, token)| Token {
        holder: holder.clone(),
        key: format!("admin.tokens.{holder}"),
        found: token.clone(),
    });
    // Who hands in articles orders nothing by that.
    let bearers = Bearers::new(tokens.collect(), config.intake.http.iter().map(intake::bearer).collect())?;
    let partners = config.partners.iter().map(|(id, partner)| (id.to_string(), partner.name.clone())).collect();
    let ledger = config.ledger.path.clone();
    let now = Timestamp::now();
    let board = Board::new(ledger.clone(), partners, beats, Arc::clone(&metrics), health.clone(), now);
    let desk = api::Desk {
        bearers,
        is_local: admin.listen.get().ip().is_loopback(),
        ledger,
        config: file.to_owned(),
        subject_descendants: config.subject_descendants.clone(),
        board: Arc::new(board),
        stopping: stopping.clone(),
    };
    let router = Router::new()
        .route("/healthz", get(|| async { "alive\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(tell))
        .with_state(Arc::new(Signs { health, metrics, stopping }))
        .merge(page::router())
        .merge(api::router(desk));
    Ok((serve::listen(admin.listen.get(), "admin", admin.tls.as_deref()).await?, router))
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
