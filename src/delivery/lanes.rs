//! The lanes of a configuration: one for each destination, going on where the ledger says that it was.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use jiff::Timestamp;
use tokio::runtime::Handle;

use super::dispatch::Due;
use super::lane::{Lane, Settings};
use super::pace::{Limit, Pace, Policy};
use super::renditions::{Editions, Numbered};
use super::signal::Signal;
use crate::config::{Config, Delivery, Destination};
use crate::current::Current;
use crate::ledger::{DestinationId, Halt, Ledger, LedgerError, Registration};
use crate::parts::in_parts;
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
    /// Opens the doors of `config` whose names (`partner/destination`) are among `those`, by `open`, without knocking yet.
    ///
    /// # Errors
    /// When a door cannot be built from its configuration, or the ledger cannot be asked.
    pub async fn open(
        config: &Config,
        those: impl Fn(&str) -> bool,
        open: impl Fn(&str, &Destination, &Delivery) -> Result<Box<dyn Transport>, DoorError> + Sync,
        editions: &mut Editions,
        ledger: &dyn Ledger,
        now: Timestamp,
    ) -> Result<Self, LanesError> {
        let mut wanted = Wanted::all(config, editions)?;
        wanted.retain(|one| those(&one.name));
        let runtime = Handle::current();
        let opened = in_parts(&wanted, |part| {
            // Doors look at the runtime's clock.
            let _entered = runtime.enter();
            let open = |one: &Wanted<'_>| {
                let door = open(&one.name, one.destination, &config.delivery);
                door.map_err(|why| LanesError::Door { name: one.name.clone(), why })
            };
            part.iter().map(open).collect::<Result<Vec<_>, _>>()
        });
        let doors = opened.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten();
        let ids = ledger.register(wanted.iter().map(Wanted::registration).collect(), now).await?;
        let mut before: HashMap<_, _> =
            ledger.lanes(ids.clone()).await?.into_iter().map(|lane| (lane.destination, lane)).collect();
        let mut lanes = Self { lanes: Vec::new(), due: Vec::new(), ids: HashMap::new(), beats: HashMap::new() };
        for ((one, door), id) in wanted.into_iter().zip(doors).zip(ids) {
            lanes.ids.insert(one.name.clone(), id);
            let beat = Arc::<Beat>::default();
            lanes.beats.insert(one.name.clone(), Arc::clone(&beat));
            let before = before.remove(&id);
            lanes.due.extend(
                before.as_ref().and_then(|lane| Some(Due { lane: id, at: lane.due?, withdrawal: lane.withdrawal })),
            );
            let (state, ordered, resumed) =
                before.map(|lane| (lane.state, lane.halt, lane.resumed)).unwrap_or_default();
            let pace =
                Pace::new(Arc::clone(&one.policy), state, ordered, resumed).paused(one.pause()).within(one.limit, now);
            lanes.lanes.push(Arc::new(Lane {
                id,
                name: one.name,
                settings: Current::new(Settings {
                    edition: one.edition,
                    door: door.into(),
                    give_up_after: one.give_up_after,
                }),
                pace: pace.into(),
                signal: Signal::default(),
                rest: Mutex::default(),
                beat,
                woken: OnceLock::new(),
                series: OnceLock::new(),
            }));
        }
        Ok(lanes)
    }
}

/// What a configuration wants of a lane.
pub struct Wanted<'a> {
    /// `partner/destination`
    pub name: String,
    pub destination: &'a Destination,
    is_paused: bool,
    edition: Numbered,
    give_up_after: Duration,
    policy: Arc<Policy>,
    limit: Option<Limit>,
}

impl<'a> Wanted<'a> {
    /// Of each destination of `config`.
    ///
    /// # Errors
    /// When one has no such format.
    pub fn all(config: &'a Config, editions: &mut Editions) -> Result<Vec<Self>, LanesError> {
        let mut all: Vec<Self> = Vec::new();
        for (partner_id, partner) in &config.partners {
            for (destination_id, destination) in &partner.destinations {
                let name = format!("{partner_id}/{destination_id}");
                let edition = config.edition(partner_id, partner, destination).ok_or_else(|| LanesError::Format {
                    name: name.clone(),
                    format: destination.format.as_str().to_owned(),
                })?;
                let policy = policy(destination, config);
                // Most have that of the one before, and there may be ten thousand of them.
                let same = all.last().map(|last| &last.policy).filter(|last| ***last == policy).map(Arc::clone);
                all.push(Self {
                    name,
                    destination,
                    is_paused: partner.paused,
                    edition: editions.number(edition),
                    give_up_after: destination.give_up_after.unwrap_or(config.delivery.give_up_after).get(),
                    policy: same.unwrap_or_else(|| policy.into()),
                    limit: limit(destination),
                });
            }
        }
        Ok(all)
    }

    pub fn registration(&self) -> Registration {
        Registration { name: self.name.clone(), paused: self.is_paused }
    }

    /// A partner that the configuration pauses gets withdrawals all the same.
    fn pause(&self) -> Option<Halt> {
        let why = "its partner is paused in the configuration";
        self.is_paused.then(|| Halt { even_kills: false, why: why.to_owned() })
    }

    /// Has `lane` go by this from its next attempt on; through `door`, where that is another one. `false` where all of it
    /// is as it was.
    pub fn adopt(self, lane: &Lane, door: Option<Arc<dyn Transport>>, now: Timestamp) -> bool {
        let before = lane.settings.get();
        let mut pace = lane.pace();
        let has_changed = door.is_some()
            || self.edition != before.edition
            || self.give_up_after != before.give_up_after
            || !pace.goes_by(&self.policy, self.limit, self.pause().as_ref());
        if has_changed {
            pace.adopt(Arc::clone(&self.policy), self.limit, self.pause(), now);
            if door.is_some() {
                pace.reopen(now);
            }
            let door = door.unwrap_or_else(|| Arc::clone(&before.door));
            lane.settings.set(Settings { edition: self.edition, door, give_up_after: self.give_up_after });
        }
        has_changed
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
