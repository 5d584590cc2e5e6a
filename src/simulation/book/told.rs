//! What the newsroom's system was told, against what became of deliveries: nothing is missing, nothing happens under two
//! ids, and a story's versions come in their order.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::{Book, RowSeen, door, number};

/// What it was told, by the events' ids, and what of that was new when it came.
#[derive(Default)]
pub struct Told {
    by_id: BTreeMap<String, Value>,
    /// Versions that arrived, by door and story, in the order of their first telling.
    arrived: BTreeMap<(usize, usize), Vec<u64>>,
    /// Withdrawals that are at their end: story and version.
    kills: Vec<(usize, u64)>,
}

impl Book {
    /// The system got an event.
    pub fn told(&mut self, event: &Value, at: Duration) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (id, kind, data) = (text(&event["id"]), text(&event["type"]), &event["data"]);
        self.tell(at, || format!("the desk is told {id} {kind}"));
        if let Some(before) = self.told.by_id.get(&id) {
            if before != event {
                self.violated(at, format!("{id} was {before}, and is {event}"));
            }
            return;
        }
        self.told.by_id.insert(id, event.clone());
        let version = data["version"].as_u64().unwrap_or_default();
        let story = || number(data["story"].as_str().unwrap_or_default());
        match kind.as_str() {
            "delivered" => {
                let (door, story) = (door(data["destination"].as_str().unwrap_or_default()), story());
                let arrived = self.told.arrived.entry((door, story)).or_default();
                let last = arrived.last().copied();
                arrived.push(version);
                if last >= Some(version) {
                    self.violated(
                        at,
                        format!("the desk is told that v{version} of s{story} came to door {door} after {last:?}"),
                    );
                }
            }
            "kill_complete" | "kill_incomplete" => {
                let story = story();
                self.told.kills.push((story, version));
            }
            _ => {}
        }
    }

    /// Everything has settled: what it was not told.
    pub(super) fn untold(&self, rows: &[RowSeen]) -> Vec<String> {
        let mut found = Vec::new();
        for row in rows.iter().filter(|row| row.ended.as_deref() == Some("delivered")) {
            let told = self.told.arrived.get(&(row.door, row.story)).is_some_and(|told| told.contains(&row.version));
            if !told {
                found.push(format!(
                    "the desk was not told that v{} of s{} came to door {}",
                    row.version, row.story, row.door
                ));
            }
        }
        for (story, book) in &self.stories {
            let Some(kill) = book.committed.last().filter(|last| last.action.withdraws()) else { continue };
            let is_over = rows.iter().filter(|row| row.story == *story).all(|row| row.stage == 4);
            if is_over && !self.told.kills.contains(&(*story, kill.version)) {
                found.push(format!("the desk was not told that the kill v{} of s{story} is through", kill.version));
            }
        }
        found
    }
}
