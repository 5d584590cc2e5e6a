//! Events: the newsroom's own systems are told what became of its articles.
//!
//! ```text
//!  a commit ──▶ its events, in the ledger ──▶ a receiver's next ones ──▶ notice ──▶ HTTP or AMQP ──▶ taken: noted in the ledger
//! ```
//!
//! Each receiver is told everything that it takes at least once, in the order of the commits, and a repeat has the ids of
//! the first time. One that is away keeps nobody up: it is sent to by itself, beside all deliveries, and what waits for it
//! waits in the ledger, up to a bound. `document` writes what is sent, `receiver` has the pace of one receiver.
//!
//! What is told is the ledger's to say; this module does not know when a story has arrived.

mod document;
mod receiver;
#[cfg(test)]
mod tests;

pub use document::schema;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join_all;
use tokio_util::sync::CancellationToken;

use self::receiver::Receiver;
use crate::clock::Clock;
use crate::config::Config;
use crate::ledger::{DestinationId, Ledger, LedgerError, Telling, Tend};
use crate::telemetry::Metrics;
use crate::transport::{self, DoorError, Messenger, messenger};

/// How often is looked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Looks {
    /// For new events. A look at nothing is one probe of an index, beside the writer.
    pub for_new: Duration,
    /// For what no single change tells. A look at nothing is a few probes of empty tables.
    pub for_more: Duration,
}

impl Default for Looks {
    fn default() -> Self {
        Self { for_new: Duration::from_millis(200), for_more: Duration::from_millis(500) }
    }
}

/// The rest of what there is to do at once waits for the next look, so that others have their turn at the ledger.
const AT_ONCE: usize = 16;

/// Why nobody can be told.
#[derive(Debug, thiserror::Error)]
pub enum EventsError {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error("events, receiver {name}: {why}")]
    Door { name: String, why: DoorError },
}

/// Who is told, and by which ways.
pub struct Events {
    receivers: Vec<Receiver>,
    shared: Shared,
    trouble_after: Duration,
}

/// What receivers share.
struct Shared {
    looks: Looks,
    ledger: Arc<dyn Ledger>,
    metrics: Arc<Metrics>,
    clock: Arc<dyn Clock>,
    /// For jitter.
    random: Mutex<fastrand::Rng>,
}

impl Events {
    /// Has the ledger write what the receivers of `config` take, from now on. `ids` are the configuration's destinations.
    ///
    /// # Errors
    /// When a receiver's door cannot be built from its configuration, or the ledger cannot write.
    pub async fn open(
        config: &Config,
        shared: &transport::Shared,
        ledger: &Arc<dyn Ledger>,
        ids: &HashMap<String, DestinationId>,
        metrics: &Arc<Metrics>,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, EventsError> {
        let door = |name: &str, receiver: &_| {
            messenger(name, receiver, &config.delivery, shared)
                .map_err(|why| EventsError::Door { name: name.to_owned(), why })
        };
        Self::open_with(config, door, Looks::default(), ledger, ids, metrics, clock).await
    }

    /// The same, with doors of another making.
    pub(crate) async fn open_with(
        config: &Config,
        door: impl Fn(&str, &crate::config::Receiver) -> Result<Box<dyn Messenger>, EventsError>,
        looks: Looks,
        ledger: &Arc<dyn Ledger>,
        ids: &HashMap<String, DestinationId>,
        metrics: &Arc<Metrics>,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, EventsError> {
        let mut receivers = Vec::new();
        let mut kinds = BTreeSet::new();
        for (name, settings) in &config.events.receivers {
            kinds.extend(settings.takes());
            receivers.push(Receiver::new(name, settings, config, door(name, settings)?));
        }
        let names = config.events.receivers.keys().cloned().collect();
        let destinations = ids.values().copied().collect();
        ledger.tell(Telling { receivers: names, kinds, destinations, now: clock.now() }).await?;
        let shared = Shared {
            looks,
            ledger: Arc::clone(ledger),
            metrics: Arc::clone(metrics),
            clock: Arc::clone(clock),
            random: Mutex::default(),
        };
        Ok(Self { receivers, shared, trouble_after: config.events.trouble_after.get() })
    }

    /// With jitter that is the same every time.
    #[cfg(test)]
    pub(crate) fn seeded(mut self, seed: u64) -> Self {
        self.shared.random = Mutex::new(fastrand::Rng::with_seed(seed));
        self
    }

    /// Tells until `stop`. What is under way then may take as long as a drain.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        if self.receivers.is_empty() {
            stop.cancelled().await;
            return;
        }
        let told = self.receivers.iter().map(|receiver| receiver.run(&self.shared, &stop));
        tokio::join!(join_all(told), self.tend(&stop));
    }

    async fn tend(&self, stop: &CancellationToken) {
        while !stop.is_cancelled() {
            for _ in 0..AT_ONCE {
                let tend = Tend { now: self.shared.clock.now(), trouble_after: self.trouble_after };
                match self.shared.ledger.tend(tend).await {
                    Ok(true) => {}
                    // A ledger that cannot write says so itself.
                    Ok(false) | Err(LedgerError::Unavailable(_) | LedgerError::Closed) => break,
                    Err(why @ (LedgerError::Unusable(_) | LedgerError::Damaged(_))) => {
                        tracing::error!(reason = %why, "events not looked for");
                        break;
                    }
                }
            }
            pause(self.shared.looks.for_more, stop).await;
        }
    }
}

async fn pause(span: Duration, stop: &CancellationToken) {
    tokio::select! {
        biased;
        () = stop.cancelled() => {}
        () = tokio::time::sleep(span) => {}
    }
}
