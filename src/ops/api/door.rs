//! A partner's doors, tried without news.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::look::configuration;
use super::orders::tell;
use super::{Operator, Refusal, Room, from};
use crate::config::Config;
use crate::ledger::LedgerError;
use crate::telemetry::Metrics;
use crate::transport::knock::{Verdict, knock};
use crate::transport::shared;

/// The same as `newswired partner test --partner ID`, by the configuration as it is now.
pub async fn test(
    State(room): State<Arc<Room>>,
    Extension(Operator(by)): Extension<Operator>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let from = from(&request);
    let answer = tried(&room, &id).await.map(|tried| Json(tried).into_response());
    tell(&by, &from, &format!("test the doors of {id}"), &answer);
    answer
}

async fn tried(room: &Arc<Room>, id: &str) -> Result<Vec<Value>, Refusal> {
    // Each try has connections of its own.
    let _place = room.places.acquire().await.map_err(|_| LedgerError::Closed)?;
    let asked = Arc::clone(room);
    let read = tokio::task::spawn_blocking(move || configuration(&asked.desk));
    let config = read.await.map_err(|why| LedgerError::Unavailable(why.to_string()))??;
    let Some(partner) = config.partners.get(id).cloned() else {
        return Err(Refusal::NotThere(format!("the configuration has no partner {id:?}")));
    };
    // What is shared is reckoned for all that there is.
    let partners = config.partners.into_iter().filter(|(known, _)| known.as_str() == id).collect();
    let config = Config { partners, ..config };
    let shared = shared(&config, &Arc::new(Metrics::default())).map_err(|why| Refusal::Conflict(why.to_string()))?;
    let doors = partner.destinations.iter().map(async |(name, destination)| {
        let name = format!("{id}/{name}");
        let steps = knock(&name, destination, &config.delivery, &shared, None).await;
        let well = steps.iter().all(|step| step.finding.verdict != Verdict::Trouble);
        json!({ "destination": name, "well": well, "steps": steps })
    });
    Ok(join_all(doors).await)
}
