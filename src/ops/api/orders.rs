//! Orders, and what is decided of quarantine: the calls that change something.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, Query, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{Desk, Listing, Operator, Refusal, Room, from};
use crate::config::closest;
use crate::ledger::{NewOrder, Order, OrderId, OrderState, QuarantineState, ReplayFrom, SqliteReader, Target};
use crate::ops::order::{Given, PATIENCE, give};
use crate::upkeep;

/// An order has a few hundred bytes.
const LARGEST: usize = 64 << 10;

/// Of an entry's bytes, so many are shown.
const SHOWN: usize = 256 << 10;

/// To receive a request's body.
const READ_TIME: Duration = Duration::from_secs(10);

pub async fn orders(
    State(room): State<Arc<Room>>,
    Query(Listing { all }): Query<Listing>,
) -> Result<Response, Refusal> {
    let orders = room.look(move |_, reader| Ok(reader.orders(all)?)).await?;
    Ok(Json(orders).into_response())
}

pub async fn one_order(State(room): State<Arc<Room>>, Path(id): Path<i64>) -> Result<Response, Refusal> {
    let order = room.look(move |_, reader| Ok(reader.order_placed(OrderId::new(id))?)).await?;
    order.map(|order| Json(order).into_response()).ok_or_else(|| no_order(id))
}

pub async fn quarantine(
    State(room): State<Arc<Room>>,
    Query(Listing { all }): Query<Listing>,
) -> Result<Response, Refusal> {
    let entries = room.look(move |_, reader| Ok(reader.quarantine(all)?)).await?;
    Ok(Json(entries).into_response())
}

pub async fn one_entry(State(room): State<Arc<Room>>, Path(id): Path<i64>) -> Result<Response, Refusal> {
    let entry = room.look(move |_, reader| Ok(reader.quarantined(id)?)).await?;
    let entry = entry.ok_or_else(|| Refusal::NotThere(format!("quarantine has no entry {id}")))?;
    let shown = entry.bytes.len().min(SHOWN);
    let told = json!({
        "id": id, "kind": entry.kind.as_str(), "source": entry.source, "content_type": entry.content_type,
        "guid": entry.guid, "reason": entry.reason, "at": entry.at, "size": entry.bytes.len(),
        "content": String::from_utf8_lossy(&entry.bytes[..shown]), "is_whole": shown == entry.bytes.len(),
    });
    Ok(Json(told).into_response())
}

pub async fn order(
    State(room): State<Arc<Room>>,
    Extension(Operator(by)): Extension<Operator>,
    request: Request,
) -> Result<Response, Refusal> {
    let from = from(&request);
    let (order, reason) = read(&body(request.into_body()).await?)?;
    let what = order.to_string();
    let new = NewOrder { order, by: by.clone(), reason, at: Timestamp::now() };
    let given = room
        .look(move |desk, reader| {
            check(&new.order, desk, reader)?;
            Ok(give(reader, &new)?)
        })
        .await;
    let answer = given.and_then(answered);
    tell(&by, &from, &what, &answer);
    answer
}

pub async fn stop(
    State(room): State<Arc<Room>>,
    Extension(Operator(by)): Extension<Operator>,
    Path(id): Path<i64>,
    request: Request,
) -> Result<Response, Refusal> {
    let name = by.clone();
    let stopped = room.look(move |_, reader| {
        let order = OrderId::new(id);
        if reader.stop_order(order, &name, Timestamp::now())? {
            return Ok(reader.order_placed(order)?);
        }
        Err(match reader.order_placed(order)? {
            Some(record) => Refusal::Conflict(format!("order {id} is {} already", record.state.as_str())),
            None => no_order(id),
        })
    });
    let answer = stopped.await.map(|order| Json(order).into_response());
    tell(&by, &from(&request), &format!("stop order {id}"), &answer);
    answer
}

pub async fn decide(
    State(room): State<Arc<Room>>,
    Extension(Operator(by)): Extension<Operator>,
    Path((id, word)): Path<(i64, String)>,
    request: Request,
) -> Result<Response, Refusal> {
    let to = match word.as_str() {
        "retry" => QuarantineState::Retry,
        "discard" => QuarantineState::Discarded,
        _ => return Err(Refusal::NotThere(format!("there is no {word:?} for quarantine; ask for retry or discard"))),
    };
    let decided = room.look(move |_, reader| {
        if reader.order(id, to)? {
            return Ok(json!({ "id": id, "state": to.as_str() }));
        }
        Err(Refusal::NotThere(format!("quarantine has no entry {id} that waits; GET /v1/quarantine lists them")))
    });
    let answer = decided.await.map(|decided| Json(decided).into_response());
    tell(&by, &from(&request), &format!("{word} quarantine entry {id}"), &answer);
    answer
}

/// One line for each call that changes something.
pub(super) fn tell(by: &str, from: &str, what: &str, answer: &Result<Response, Refusal>) {
    match answer {
        Ok(response) => tracing::info!(by, from, what, status = response.status().as_u16(), "admin"),
        Err(refusal) => {
            tracing::warn!(by, from, what, status = refusal.status().as_u16(), reason = %refusal, "admin");
        }
    }
}

async fn body(body: Body) -> Result<Vec<u8>, Refusal> {
    match tokio::time::timeout(READ_TIME, Limited::new(body, LARGEST).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes().into()),
        Ok(Err(why)) if why.is::<LengthLimitError>() => {
            Err(Refusal::Wrong(format!("an order has at most {LARGEST} bytes")))
        }
        Ok(Err(why)) => Err(Refusal::Wrong(format!("the body ended early: {why}"))),
        Err(_) => Err(Refusal::Wrong(format!("the body did not arrive within {READ_TIME:?}"))),
    }
}

/// An order, and why it is given.
fn read(body: &[u8]) -> Result<(Order, Option<String>), Refusal> {
    let wrong = |why: &dyn fmt::Display| {
        Refusal::Wrong(format!(
            "this is no order: {why}; write for example {{\"order\": \"suspend\", \"to\": \"island-post\", \"reason\": \"…\"}}"
        ))
    };
    let mut keys: Map<String, Value> = serde_json::from_slice(body).map_err(|why| wrong(&why))?;
    let reason = match keys.remove("reason") {
        None | Some(Value::Null) => None,
        Some(Value::String(reason)) => Some(reason),
        Some(_) => return Err(wrong(&"reason is no text")),
    };
    let order: Order = serde_json::from_value(Value::Object(keys.clone())).map_err(|why| wrong(&why))?;
    // Which keys an order has, its own writing shows: a word that nobody reads is a wrong one.
    let written = serde_json::to_value(&order).map_err(|why| wrong(&why))?;
    match keys.keys().find(|key| written.get(key).is_none()) {
        Some(key) => Err(wrong(&format!("nothing is called {key:?} in it"))),
        None => Ok((order, reason)),
    }
}

/// What the ledger does not have is refused before it is ordered.
fn check(order: &Order, desk: &Desk, reader: &SqliteReader) -> Result<(), Refusal> {
    if let Some(story) = order.story()
        && reader.story(story)?.is_none()
    {
        return Err(Refusal::NotThere(format!("the ledger has no story {story}")));
    }
    let Some(to) = order.to() else { return Ok(()) };
    let covered = covered(to, &reader.names()?)?;
    let Order::Replay(replay) = order else { return Ok(()) };
    if let Some(filter) = &replay.filter {
        upkeep::filter(filter, desk.contracts.get().subject_descendants()).map_err(Refusal::Wrong)?;
    }
    if covered > 1 && matches!(replay.from, ReplayFrom::Sequence(_)) {
        return Err(Refusal::Wrong(format!(
            "{to} has several destinations, each with numbers of its own; name one, \"{to}/…\""
        )));
    }
    Ok(())
}

/// How many of the destinations are meant.
pub(super) fn covered(to: &Target, names: &[String]) -> Result<usize, Refusal> {
    let covered = names.iter().filter(|name| to.covers(name)).count();
    if covered > 0 {
        return Ok(covered);
    }
    let partners = names.iter().filter_map(|name| name.split('/').next());
    let meant = closest(to.as_str(), names.iter().map(String::as_str).chain(partners));
    let mend = meant.map_or_else(String::new, |meant| format!("; did you mean {meant:?}?"));
    Err(Refusal::NotThere(format!("there is no partner or destination {:?}{mend}", to.as_str())))
}

fn answered(given: Given) -> Result<Response, Refusal> {
    Ok(match given {
        Given::Taken(record) => match record.state {
            OrderState::Refused => {
                let why = record.result.unwrap_or_default();
                return Err(Refusal::Conflict(format!("order {} is refused: {why}", record.id)));
            }
            OrderState::Waiting | OrderState::Working => (StatusCode::ACCEPTED, Json(record)).into_response(),
            OrderState::Done | OrderState::Stopped => Json(record).into_response(),
        },
        Given::Gone(id) => Json(json!({ "id": id, "state": "done" })).into_response(),
        // This daemon is stopping, or its ledger does not write at the moment.
        Given::ForLater(id) | Given::NotYet(id) => {
            let result = format!("it was not taken up within {} s, and stands", PATIENCE.as_secs());
            let waits = json!({ "id": id, "state": "waiting", "result": result });
            (StatusCode::ACCEPTED, Json(waits)).into_response()
        }
    })
}

fn no_order(id: i64) -> Refusal {
    Refusal::NotThere(format!("there is no order {id}; GET /v1/orders?all=true lists what there is"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Replay;

    #[test]
    fn an_order_is_read_with_its_reason_and_what_is_left_out_is_no() {
        let (order, reason) = read(br#"{"order":"suspend","to":"island-post","reason":"they asked"}"#).unwrap();
        assert_eq!(order, Order::Suspend { to: Target::new("island-post"), even_kills: false });
        assert_eq!(reason.as_deref(), Some("they asked"));
        let (order, reason) = read(br#"{"order":"replay","to":"a/b","from":{"sequence":7}}"#).unwrap();
        let from = ReplayFrom::Sequence(7);
        let replay = Replay { to: Target::new("a/b"), from, until: None, filter: None, rate: 100 };
        assert_eq!((order, reason), (Order::Replay(replay), None));
        assert!(read(br#"{"order":"cancel","story":"urn:a"}"#).is_ok());
    }

    #[test]
    fn what_is_no_order_is_told_where() {
        let why = |body: &str| {
            let why = read(body.as_bytes()).unwrap_err().to_string();
            why.split_once("; write for example {\"order\": \"suspend\"").unwrap().0.to_owned()
        };
        insta::assert_snapshot!([
            "[]",
            "{\"order\":\"suspend\"}",
            "{\"order\":\"suspnd\",\"to\":\"a\"}",
            "{\"order\":\"suspend\",\"to\":\"a\",\"even_kill\":true}",
            "{\"order\":\"hold\",\"story\":\"urn:a\",\"reason\":7}",
            "{\"order\":\"replay\",\"to\":\"a\",\"from\":{\"since\":\"yesterday\"}}",
        ].map(why).join("\n"), @r#"
        this is no order: invalid type: sequence, expected a map at line 1 column 0
        this is no order: missing field `to`
        this is no order: unknown variant `suspnd`, expected one of `hold`, `release`, `cancel`, `suspend`, `resume`, `resend`, `replay`, `reload`
        this is no order: nothing is called "even_kill" in it
        this is no order: reason is no text
        this is no order: failed to parse four digit integer as year: invalid digit, expected 0-9 but got y
        "#);
    }

    #[test]
    fn who_is_not_there_was_probably_another() {
        let names = ["island-post/main".to_owned(), "island-post/print".to_owned()];
        assert_eq!(covered(&Target::new("island-post"), &names).unwrap(), 2);
        assert_eq!(covered(&Target::new("island-post/main"), &names).unwrap(), 1);
        let why = covered(&Target::new("iland-post"), &names).unwrap_err().to_string();
        assert_eq!(why, "there is no partner or destination \"iland-post\"; did you mean \"island-post\"?");
    }
}
