//! What a partner has of a story, what it waits for, and by whose word.

use jiff::Timestamp;
use serde::Serialize;

use super::prose;
use super::waits::{Around, Configured, waits_for};
use crate::article::{Action, Guid, Version};
use crate::config::Config;
use crate::ledger::{AttemptView, DoorView, LedgerError, OrderRecord, SqliteReader, StoryView, Target, VersionView};
use crate::route::route;

/// Orders that are told, at most.
const ORDERS: usize = 20;

/// The answer.
#[derive(Debug, Serialize)]
pub struct Answer {
    pub(super) story: Guid,
    pub(super) headline: String,
    /// Whom it is about: the partner's name and id.
    pub(super) partner: String,
    pub(super) newest: Version,
    pub(super) versions: Vec<VersionView>,
    /// Why an operator holds the story.
    pub(super) on_hold: Option<String>,
    /// When those who have the story must have it no longer.
    pub(super) rights_until: Option<Timestamp>,
    pub(super) routed: Option<Routed>,
    pub(super) doors: Vec<Door>,
    /// What operators ordered for the story or the partner, the last first.
    pub(super) orders: Vec<OrderRecord>,
    /// A daemon runs on the ledger.
    pub(super) served: bool,
}

/// What routing says of the newest version, by the configuration as it is now, for the time when it was accepted.
#[derive(Debug, Serialize)]
pub(super) struct Routed {
    pub(super) gets: bool,
    pub(super) why: String,
}

/// What one destination has of the story.
#[derive(Debug, Serialize)]
pub(super) struct Door {
    pub(super) destination: String,
    /// None where it is owed nothing.
    pub(super) owed: Option<Owed>,
    /// The ends of earlier versions.
    pub(super) past: Vec<Past>,
    /// The last attempts that did not deliver.
    pub(super) failed: Vec<AttemptView>,
}

#[derive(Debug, Serialize)]
pub(super) struct Owed {
    pub(super) version: Version,
    pub(super) action: Action,
    pub(super) accepted: Timestamp,
    pub(super) state: &'static str,
    /// When it came to its end, and why.
    pub(super) ended: Option<(Timestamp, String)>,
    pub(super) waits_for: Vec<String>,
    pub(super) attempts: u32,
    pub(super) confirmed: Option<Version>,
    pub(super) possible: Option<Version>,
    /// Versions that follow, at a destination that takes every one.
    pub(super) later: Vec<Version>,
    /// The last number of the destination's sequence that an attempt carried.
    pub(super) sequence: Option<u64>,
}

#[derive(Debug, Serialize)]
pub(super) struct Past {
    pub(super) version: Version,
    pub(super) ended: &'static str,
    pub(super) at: Timestamp,
    pub(super) reason: String,
}

impl Answer {
    /// As it is read out to a partner on the telephone.
    pub fn told(&self) -> String {
        prose::told(self)
    }
}

/// # Errors
/// When the ledger cannot be read.
pub fn answer(config: &Config, reader: &SqliteReader, story: StoryView, to: &Target) -> Result<Answer, LedgerError> {
    let (served, now) = (reader.is_served(), Timestamp::now());
    let id = to.as_str().split('/').next().unwrap_or_default();
    let partner = config.partners.get(id);
    let routed = match (&story.article, partner) {
        (Some(article), Some(partner)) => {
            let accepted = story.versions.last().map_or(now, |newest| newest.accepted);
            let verdict = route(article, partner, config, accepted);
            Some(Routed { gets: verdict.gets(), why: verdict.to_string() })
        }
        (None, _) | (_, None) => None,
    };
    let mut doors = Vec::new();
    for view in reader.doors(story.id, to)? {
        let configured = match partner {
            Some(partner) if config.destinations().any(|name| name == view.destination) => {
                if partner.paused {
                    Configured::Paused
                } else {
                    Configured::Yes
                }
            }
            Some(_) | None => Configured::Gone,
        };
        let name = view.destination.split('/').nth(1).unwrap_or_default();
        let rate = partner.and_then(|partner| partner.destinations.get(name)?.rate);
        doors.push(door(
            view,
            &story.versions,
            &Around { on_hold: story.on_hold.as_deref(), configured, rate, served, now },
        ));
    }
    // What was configured since the last start of a daemon, the ledger does not know yet.
    for name in config.destinations().filter(|name| to.covers(name)) {
        if !doors.iter().any(|door| door.destination == name) {
            doors.push(Door { destination: name, owed: None, past: Vec::new(), failed: Vec::new() });
        }
    }
    Ok(Answer {
        headline: story.article.as_ref().map(|article| article.headline.clone()).unwrap_or_default(),
        partner: partner.map_or_else(|| id.to_owned(), |partner| format!("{} ({id})", partner.name)),
        newest: story.newest,
        versions: story.versions,
        on_hold: story.on_hold,
        rights_until: story.rights_until,
        routed,
        doors,
        orders: reader.orders_about(&story.guid, to, ORDERS)?,
        served,
        story: story.guid,
    })
}

pub(super) fn door(view: DoorView, versions: &[VersionView], around: &Around<'_>) -> Door {
    use crate::ledger::state::Stage;
    let owed = view.row.as_ref().map(|row| Owed {
        version: row.wanted.version,
        action: row.wanted.action,
        // A row's own time is that of the order by which it goes once more.
        accepted: versions
            .iter()
            .find(|one| one.version == row.wanted.version)
            .map_or(row.wanted.accepted, |one| one.accepted),
        state: row.stage.word(),
        ended: match &row.stage {
            Stage::Ended { at, reason, .. } => Some((*at, reason.clone())),
            Stage::Ready | Stage::Held { .. } | Stage::Attempting { .. } => None,
        },
        waits_for: waits_for(&view, row, around),
        attempts: row.attempts,
        confirmed: row.confirmed,
        possible: row.possible,
        later: row.later.iter().map(|later| later.version).collect(),
        sequence: row.number.map(|number| number.sequence),
    });
    let past = view.past.into_iter().map(|past| Past {
        version: past.version,
        ended: past.end.as_str(),
        at: past.at,
        reason: past.reason,
    });
    Door { destination: view.destination, owed, past: past.collect(), failed: view.attempts }
}
