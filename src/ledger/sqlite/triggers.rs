//! What writes events: triggers of the writer's own connection, which see every change of a row, whatever made it.
//!
//! They are temporary, so they are there only while a daemon runs whose configuration has receivers of such events;
//! without one, nothing of it is in the way of a delivery. They tell of nothing that they do not see: a version arrived
//! when its delivery's `confirmed` grew, it expired when its row, or the end that left it, says so. What no single change
//! tells is noted in `event_kill` and `event_door`, for [`tend`](super::commands::tend) to look at.
//!
//! Their times are the rows': the clock is the daemon's to read.

use std::collections::BTreeSet;

use rusqlite::Connection;

use crate::ledger::EventKind::{self, Delivered, Expired, PartnerInTrouble, PartnerRecovered, Quarantined, Refused};
use crate::ledger::EventKind::{KillComplete, KillIncomplete};

/// A trigger, and the kinds of events that need it.
struct Trigger {
    name: &'static str,
    of: &'static [EventKind],
    sql: &'static str,
}

/// The kinds of events that come of withdrawals, and those that come of doors.
pub const OF_KILLS: &[EventKind] = &[KillComplete, KillIncomplete];
pub const OF_DOORS: &[EventKind] = &[PartnerInTrouble, PartnerRecovered];

const TRIGGERS: [Trigger; 12] = [
    Trigger {
        name: "event_delivered",
        of: &[Delivered],
        // An attempt that ends while a newer version waits, or that is made once more after an older one, leaves its row
        // without a time: then it is that of its beginning.
        sql: "AFTER UPDATE OF confirmed ON delivery WHEN NEW.confirmed > ifnull(OLD.confirmed, 0) BEGIN \
              INSERT INTO event (kind, at, story, version, destination, attempt, detail) \
              VALUES ('delivered', coalesce(NEW.ended_at, OLD.since, NEW.accepted), NEW.story, NEW.confirmed, NEW.destination, \
              iif(NEW.version = NEW.confirmed, NEW.attempts, NULL), iif(NEW.version = NEW.confirmed, NEW.reason, NULL)); END",
    },
    Trigger {
        name: "event_refused",
        of: &[Refused],
        // A withdrawal is tried again and again: the first time says it.
        sql: "AFTER INSERT ON attempt WHEN NEW.outcome = 'refused' AND NOT EXISTS (SELECT 1 FROM attempt AS before \
              JOIN article ON article.story = before.story AND article.version = before.version \
              WHERE before.story = NEW.story AND before.destination = NEW.destination AND before.version = NEW.version \
              AND before.outcome = 'refused' AND before.id < NEW.id AND article.action IN ('kill', 'withhold')) BEGIN \
              INSERT INTO event (kind, at, story, version, destination, attempt, status, detail) \
              VALUES ('refused', NEW.ended, NEW.story, NEW.version, NEW.destination, NEW.attempt, NEW.status, NEW.detail); END",
    },
    Trigger {
        name: "event_expired",
        of: &[Expired],
        sql: "AFTER UPDATE OF ended ON delivery WHEN NEW.ended = 'expired' AND OLD.ended IS NULL BEGIN \
              INSERT INTO event (kind, at, story, version, destination, detail) \
              VALUES ('expired', NEW.ended_at, NEW.story, NEW.version, NEW.destination, NEW.reason); END",
    },
    // A newer version takes the row of one that expired long ago; its end leaves the row, and is not news.
    Trigger {
        name: "event_left",
        of: &[Expired],
        sql: "AFTER UPDATE OF version ON delivery WHEN OLD.ended = 'expired' AND NEW.version <> OLD.version BEGIN \
              INSERT OR IGNORE INTO event_past VALUES (OLD.story, OLD.destination, OLD.version); END",
    },
    // It expired while others waited behind it, or in front of it.
    Trigger {
        name: "event_expired_before",
        of: &[Expired],
        sql: "AFTER INSERT ON past WHEN NEW.ended = 'expired' BEGIN \
              INSERT INTO event (kind, at, story, version, destination, detail) \
              SELECT 'expired', NEW.ended_at, NEW.story, NEW.version, NEW.destination, NEW.reason \
              WHERE NOT EXISTS (SELECT 1 FROM event_past WHERE story = NEW.story AND destination = NEW.destination \
              AND version = NEW.version); \
              DELETE FROM event_past WHERE story = NEW.story AND destination = NEW.destination \
              AND version = NEW.version; END",
    },
    Trigger {
        name: "event_kill_accepted",
        of: OF_KILLS,
        // One that comes late goes nowhere.
        sql: "AFTER INSERT ON article WHEN NEW.action IN ('kill', 'withhold') \
              AND NEW.version >= (SELECT newest FROM story WHERE id = NEW.story) BEGIN \
              INSERT OR REPLACE INTO event_kill (story, version, changed) \
              VALUES (NEW.story, NEW.version, NEW.accepted); END",
    },
    Trigger {
        name: "event_kill_over",
        of: OF_KILLS,
        // The story is published again.
        sql: "AFTER INSERT ON article WHEN NEW.action NOT IN ('kill', 'withhold') \
              AND NEW.version >= (SELECT newest FROM story WHERE id = NEW.story) BEGIN \
              DELETE FROM event_kill WHERE story = NEW.story; END",
    },
    Trigger {
        name: "event_kill_ended",
        of: OF_KILLS,
        sql: "AFTER UPDATE OF stage ON delivery WHEN NEW.stage = 4 AND OLD.stage < 4 \
              AND NEW.action IN ('kill', 'withhold') BEGIN \
              UPDATE event_kill SET changed = NEW.ended_at WHERE story = NEW.story AND changed IS NULL; END",
    },
    Trigger {
        name: "event_kill_again",
        of: OF_KILLS,
        // An operator has it sent once more.
        sql: "AFTER UPDATE OF stage ON delivery WHEN NEW.stage < 4 AND OLD.stage = 4 AND NEW.version = OLD.version \
              AND NEW.action IN ('kill', 'withhold') BEGIN \
              INSERT OR IGNORE INTO event_kill (story, version) VALUES (NEW.story, NEW.version); END",
    },
    Trigger {
        name: "event_door_fails",
        of: OF_DOORS,
        sql: "AFTER UPDATE OF failures, suspended ON destination \
              WHEN (NEW.failures > 0 OR NEW.suspended IS NOT NULL) AND OLD.failures = 0 AND OLD.suspended IS NULL BEGIN \
              INSERT OR IGNORE INTO event_door (destination) VALUES (NEW.id); END",
    },
    Trigger {
        name: "event_door_is_well",
        of: OF_DOORS,
        sql: "AFTER UPDATE OF failures, suspended ON destination \
              WHEN NEW.failures = 0 AND NEW.suspended IS NULL AND (OLD.failures > 0 OR OLD.suspended IS NOT NULL) BEGIN \
              DELETE FROM event_door WHERE destination = NEW.id AND told = 0; \
              UPDATE event_door SET well = 1 WHERE destination = NEW.id; END",
    },
    Trigger {
        name: "event_quarantined",
        of: &[Quarantined],
        // The same bytes once more are the same entry, and no news.
        sql: "AFTER INSERT ON quarantine BEGIN INSERT INTO event (kind, at, detail, more) \
              VALUES ('quarantined', NEW.at, NEW.reason, json_object('quarantine', NEW.id, 'what', NEW.kind, \
              'source', NEW.source, 'story', NEW.guid)); END",
    },
];

/// From here on this connection writes events of these kinds, and of no others.
pub fn set(db: &Connection, kinds: &BTreeSet<EventKind>) -> rusqlite::Result<()> {
    if kinds.contains(&Expired) {
        // Ends that left their row in the statement before.
        db.execute_batch(
            "CREATE TEMP TABLE IF NOT EXISTS event_past (story INTEGER, destination INTEGER, version INTEGER, \
             PRIMARY KEY (story, destination, version)) WITHOUT ROWID",
        )?;
    }
    for Trigger { name, of, sql } in TRIGGERS {
        db.execute_batch(&format!("DROP TRIGGER IF EXISTS temp.{name}"))?;
        if of.iter().any(|kind| kinds.contains(kind)) {
            db.execute_batch(&format!("CREATE TEMP TRIGGER {name} {sql}"))?;
        }
    }
    Ok(())
}
