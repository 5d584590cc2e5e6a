//! The lanes of a configuration: one for each destination, going on where the ledger says that it was.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;

use super::dispatch::Due;
use super::lane::Lane;
use super::pace::{Limit, Pace, Policy};
use super::renditions::Editions;
use super::signal::Signal;
use crate::config::{Config, Delivery, Destination};
use crate::ledger::{DestinationId, Halt, Ledger, LedgerError, Registration};
use crate::telemetry::Beat;
use crate::transport::{DoorError, Transport};

/// All lanes, and what others need to know of them.
pub struct Lanes {
    pub lanes: Vec<Arc<Lane>>,
    /// When each of those first has something to do, where it has.
    pub due: Vec<Due>,
    /// Every destination's id by its name (`partner/destination`).
    pub ids: HashMap<String, DestinationId>,
    /// Every destination's last hour by its name.
    pub beats: HashMap<String, Arc<Beat>>,
}

/// Why there are no lanes.
#[derive(Debug, thiserror::Error)]
pub enum LanesError {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error("destination {name}: {why}")]
    Door { name: String, why: DoorError },
    #[error("destination {name}: there is no format {format:?}")]
    Format { name: String, format: String },
}

impl Lanes {
    /// Opens the doors of `config` by `open`, without knocking yet.
    ///
    /// # Errors
    /// When a door cannot be built from its configuration, or the ledger cannot be asked.
    pub async fn open(
        config: &Config,
        open: impl Fn(&str, &Destination, &Delivery) -> Result<Box<dyn Transport>, DoorError>,
        ledger: &dyn Ledger,
        now: Timestamp,
    ) -> Result<Self, LanesError> {
        let (mut doors, mut editions) = (Vec::new(), Editions::default());
        for (partner_id, partner) in &config.partners {
            for (destination_id, settings) in &partner.destinations {
                let name = format!("{partner_id}/{destination_id}");
                let edition = config.edition(partner_id, partner, settings).ok_or_else(|| LanesError::Format {
                    name: name.clone(),
                    format: settings.format.as_str().to_owned(),
                })?;
                let edition = editions.number(edition);
                let door = open(&name, settings, &config.delivery)
                    .map_err(|why| LanesError::Door { name: name.clone(), why })?;
                doors.push((name, partner.paused, settings, edition, door));
            }
        }
        let registrations = doors.iter().map(|(name, paused, ..)| Registration { name: name.clone(), paused: *paused });
        let ids = ledger.register(registrations.collect(), now).await?;
        let mut before: HashMap<_, _> =
            ledger.lanes(ids.clone()).await?.into_iter().map(|lane| (lane.destination, lane)).collect();
        let mut lanes = Self { lanes: Vec::new(), due: Vec::new(), ids: HashMap::new(), beats: HashMap::new() };
        for ((name, paused, settings, edition, door), id) in doors.into_iter().zip(ids) {
            lanes.ids.insert(name.clone(), id);
            let beat = Arc::<Beat>::default();
            lanes.beats.insert(name.clone(), Arc::clone(&beat));
            let before = before.remove(&id);
            lanes.due.extend(
                before.as_ref().and_then(|lane| Some(Due { lane: id, at: lane.due?, withdrawal: lane.withdrawal })),
            );
            let (state, ordered, resumed) =
                before.map(|lane| (lane.state, lane.halt, lane.resumed)).unwrap_or_default();
            // A partner that the configuration pauses gets withdrawals all the same.
            let pause = || Halt { even_kills: false, why: "its partner is paused in the configuration".to_owned() };
            let paused = paused.then(pause);
            let halt = ordered.or_else(|| paused.clone());
            lanes.lanes.push(Arc::new(Lane {
                id,
                name,
                edition,
                door,
                give_up_after: settings.give_up_after.unwrap_or(config.delivery.give_up_after).get(),
                paused,
                pace: Pace::new(policy(settings, config), state, halt, resumed).within(limit(settings), now).into(),
                signal: Signal::default(),
                rest: Mutex::default(),
                beat,
            }));
        }
        Ok(lanes)
    }
}

fn policy(settings: &Destination, config: &Config) -> Policy {
    let defaults = &config.delivery;
    let backoff = settings.backoff.map_or(defaults.backoff, |change| change.over(defaults.backoff));
    Policy {
        concurrency: usize::from(settings.concurrency.unwrap_or(defaults.concurrency)).max(1),
        first: backoff.first.get(),
        ceiling: backoff.ceiling.get(),
        retry_after_limit: defaults.retry_after_limit.get(),
    }
}

/// The rate of its contract, if it has one.
fn limit(settings: &Destination) -> Option<Limit> {
    let burst = settings.burst.unwrap_or(1).into();
    settings.rate.map(|rate| Limit { interval: rate.interval(), burst, period: rate.period() })
}
