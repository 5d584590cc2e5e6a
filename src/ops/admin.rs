//! The admin port: `/healthz`, `/readyz` and `/metrics`.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::ledger::Health;
use crate::telemetry::Metrics;

/// What the admin port tells.
pub struct Admin {
    pub health: watch::Receiver<Health>,
    pub metrics: Arc<Metrics>,
    /// The daemon's intake is stopping.
    pub stopping: CancellationToken,
}

/// The admin port's routes.
pub fn router(admin: Admin) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "alive\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(Arc::new(admin))
}

async fn ready(State(admin): State<Arc<Admin>>) -> Response {
    if admin.stopping.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n").into_response();
    }
    match &*admin.health.borrow() {
        Health::Good => "ready\n".into_response(),
        Health::Failing(why) => (
            StatusCode::SERVICE_UNAVAILABLE,
            format!("nothing is taken or sent, since the ledger cannot write: {why}\n"),
        )
            .into_response(),
    }
}

async fn metrics(State(admin): State<Arc<Admin>>) -> Response {
    let healthy = *admin.health.borrow() == Health::Good;
    admin.metrics.ledger_healthy.set(i64::from(healthy));
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], admin.metrics.text()).into_response()
}
