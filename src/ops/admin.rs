//! The admin port: `/healthz`, `/readyz`, `/metrics`, and what operators order ([`api`]).

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::api;
use crate::config::Config;
use crate::intake;
use crate::ledger::Health;
use crate::serve::{self, Bearers, Token};
use crate::telemetry::Metrics;

/// What the admin port tells.
pub struct Admin {
    pub health: watch::Receiver<Health>,
    pub metrics: Arc<Metrics>,
    /// The daemon's intake is stopping.
    pub stopping: CancellationToken,
    /// What operators see and order.
    pub desk: api::Desk,
}

/// What health and metrics are told from.
struct Signs {
    health: watch::Receiver<Health>,
    metrics: Arc<Metrics>,
    stopping: CancellationToken,
}

/// Opens the port, and reads the tokens of those who may order something.
///
/// # Errors
/// In a sentence for the operator: an address that cannot be had, a token or a certificate that cannot be used.
pub async fn open(config: &Config) -> Result<(serve::Listener, api::Desk), String> {
    let admin = &config.admin;
    let tokens = admin.tokens.iter().map(|(holder, token)| Token {
        holder: holder.clone(),
        key: format!("admin.tokens.{holder}"),
        found: token.clone(),
    });
    // Who hands in articles orders nothing by that.
    let bearers = Bearers::new(tokens.collect(), config.intake.http.iter().map(intake::bearer).collect())?;
    let desk = api::Desk::new(bearers, config.ledger.path.clone(), config.subject_descendants.clone());
    Ok((serve::listen(admin.listen.get(), "admin", admin.tls.as_deref()).await?, desk))
}

/// The admin port's routes.
pub fn router(Admin { health, metrics: counted, stopping, desk }: Admin) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "alive\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(Arc::new(Signs { health, metrics: counted, stopping }))
        .merge(api::router(desk))
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

async fn metrics(State(signs): State<Arc<Signs>>) -> Response {
    let healthy = *signs.health.borrow() == Health::Good;
    signs.metrics.ledger_healthy.set(i64::from(healthy));
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], signs.metrics.text()).into_response()
}
