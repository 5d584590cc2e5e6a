//! The board, kept up to date while somebody watches (server-sent events).

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Query, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde_json::{Value, json};
use tokio::sync::OwnedSemaphorePermit;

use super::{Refusal, Room};
use crate::answers::board::{Seen, View};

/// How often what is shown may change.
const LOOK: Duration = Duration::from_secs(2);

struct Watcher {
    room: Arc<Room>,
    view: View,
    /// What was sent last: what is the same is not sent again.
    last: String,
    first: bool,
    _place: OwnedSemaphorePermit,
}

/// Events named `board`, each with the whole of what the page shows; `trouble`, with why there is none.
pub async fn live(State(room): State<Arc<Room>>, Query(view): Query<View>) -> Result<Response, Refusal> {
    let place = Arc::clone(&room.watchers).try_acquire_owned().map_err(|_| Refusal::Busy)?;
    let watcher = Watcher { room, view, last: String::new(), first: true, _place: place };
    let events = stream::unfold(watcher, |mut watcher| async move {
        let event = watcher.next().await?;
        Some((Ok::<_, Infallible>(event), watcher))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::default()).into_response())
}

/// The same, once.
pub async fn once(State(room): State<Arc<Room>>, Query(view): Query<View>) -> Result<Response, Refusal> {
    Ok(Json(board(&*room.desk.board.seen().await?, &view)).into_response())
}

fn board(seen: &Seen, view: &View) -> Value {
    let (rows, all) = seen.page(view);
    json!({ "flow": seen.flow, "rows": rows, "all": all, "page_size": view.page_size() })
}

impl Watcher {
    /// The next change; none when the daemon stops.
    async fn next(&mut self) -> Option<Event> {
        let stopping = self.room.desk.stopping.clone();
        loop {
            if !std::mem::take(&mut self.first) {
                tokio::select! {
                    () = stopping.cancelled() => return None,
                    () = tokio::time::sleep(LOOK) => {}
                }
            }
            let (name, data) = match self.room.desk.board.seen().await {
                Ok(seen) => ("board", board(&seen, &self.view).to_string()),
                Err(why) => ("trouble", json!({ "detail": why.to_string() }).to_string()),
            };
            if data != self.last {
                self.last.clone_from(&data);
                return Some(Event::default().event(name).data(data));
            }
        }
    }
}
