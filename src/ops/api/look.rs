//! A partner, a story, and why: what an operator asks on the telephone.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::orders::covered;
use super::{Desk, Refusal, Room};
use crate::answers::partner::{self, PartnerSeen};
use crate::answers::{killed, why};
use crate::article::Guid;
use crate::config::{Config, Secrets, load};
use crate::ledger::{DeliveryFilter, SqliteReader, StoryView, Target};

/// Stories that a search shows.
const FOUND: usize = 100;

/// Destinations on a story's page, those first that it has not arrived at.
const DOORS: usize = 500;

/// Destinations that are counted.
const MOST_DOORS: usize = 100_000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Search {
    #[serde(default)]
    q: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OneStory {
    guid: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    guid: String,
    /// A partner, or `partner/destination`.
    to: String,
}

/// A partner, or one of its destinations (`partner%2Fdestination`).
pub async fn partner(State(room): State<Arc<Room>>, Path(id): Path<String>) -> Result<Response, Refusal> {
    let told = room.look(move |desk, reader| told_of_partner(desk, reader, &id)).await?;
    Ok(Json(told).into_response())
}

fn told_of_partner(desk: &Desk, reader: &SqliteReader, id: &str) -> Result<PartnerSeen, Refusal> {
    covered(&Target::new(id), &reader.names()?)?;
    let name = desk.board.partner(id.split('/').next().unwrap_or_default());
    Ok(partner::seen(reader, id, name)?)
}

/// Stories by guid or headline.
pub async fn stories(State(room): State<Arc<Room>>, Query(Search { q }): Query<Search>) -> Result<Response, Refusal> {
    let found = room.look(move |_, reader| Ok(reader.find(q.trim(), FOUND)?)).await?;
    Ok(Json(found).into_response())
}

/// One story, whole.
pub async fn story(
    State(room): State<Arc<Room>>,
    Query(OneStory { guid }): Query<OneStory>,
) -> Result<Response, Refusal> {
    let told = room.look(move |desk, reader| told_of_story(desk, reader, &guid)).await?;
    Ok(Json(told).into_response())
}

fn told_of_story(desk: &Desk, reader: &SqliteReader, guid: &str) -> Result<Value, Refusal> {
    let story = found(reader, guid)?;
    let withdraws = story.versions.last().is_some_and(|newest| newest.action.withdraws());
    let kill = if withdraws {
        let doors = killed::doors(&configuration(desk)?, reader, &story)?;
        let acknowledged = doors.iter().filter(|door| door.acknowledged).count();
        let outstanding: Vec<_> = doors.iter().filter(|door| !door.acknowledged).take(DOORS).collect();
        Some(json!({ "concerned": doors.len(), "acknowledged": acknowledged, "outstanding": outstanding }))
    } else {
        None
    };
    let filter = DeliveryFilter { story: Some(guid.to_owned()), limit: MOST_DOORS, ..Default::default() };
    let mut doors = reader.delivery_page(&filter)?.deliveries;
    let mut states: BTreeMap<String, usize> = BTreeMap::new();
    for door in &doors {
        *states.entry(door.state.clone()).or_default() += 1;
    }
    doors.sort_by_key(|door| matches!(door.state.as_str(), "delivered" | "superseded" | "cancelled"));
    let all = doors.len();
    doors.truncate(DOORS);
    Ok(json!({
        "guid": story.guid,
        "headline": story.article.as_ref().map(|article| article.headline.as_str()),
        "newest": story.newest,
        "on_hold": story.on_hold,
        "rights_until": story.rights_until,
        "versions": story.versions,
        "kill": kill,
        "states": states,
        "all": all,
        "doors": doors,
        "set_aside": reader.set_aside(&story.guid)?,
    }))
}

/// The same as `newswired why`.
pub async fn why(
    State(room): State<Arc<Room>>,
    Query(Question { guid, to }): Query<Question>,
) -> Result<Response, Refusal> {
    let told = room
        .look(move |desk, reader| {
            let story = found(reader, &guid)?;
            let to = Target::new(&to);
            covered(&to, &reader.names()?)?;
            let answer = why::answer(&configuration(desk)?, reader, story, &to)?;
            Ok(json!({ "told": answer.told(), "answer": answer }))
        })
        .await?;
    Ok(Json(told).into_response())
}

fn found(reader: &SqliteReader, guid: &str) -> Result<StoryView, Refusal> {
    let guid: Guid = guid.parse().map_err(|why| Refusal::Wrong(format!("{guid:?} is no guid: {why}")))?;
    reader.story(&guid)?.ok_or_else(|| Refusal::NotThere(format!("the ledger has no story {guid}")))
}

/// As it is now, without its secrets.
pub(super) fn configuration(desk: &Desk) -> Result<Config, Refusal> {
    load(&desk.config, Secrets::Leave)
        .map_err(|why| Refusal::Conflict(format!("the configuration cannot be read: {why}")))
}
