//! The wire at a glance, for those who watch a running daemon.
//!
//! Nothing is looked at while nobody watches. While somebody does, the ledger is read on a thread of its own, once for all
//! who watch, and no more often than a tenth of the time allows: a large fleet is not slowed down by being looked at.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::answers::board::{Around, Running, Seen, look};
use crate::config::Config;
use crate::current::Current;
use crate::ledger::{Health, LedgerError, SqliteReader};
use crate::telemetry::{Beat, Metrics};

pub use crate::answers::board::InForce;

/// What is older is looked at again.
const FRESH: Duration = Duration::from_millis(1_500);

/// A look may take a tenth of the time.
const SHARE: u32 = 10;

/// What it is made of.
pub struct Board {
    ledger: PathBuf,
    fleet: Arc<Current<Fleet>>,
    config: Arc<Current<InForce>>,
    metrics: Arc<Metrics>,
    health: tokio::sync::watch::Receiver<Health>,
    started: Timestamp,
    latest: Mutex<Option<Look>>,
    /// One looks at a time.
    looking: tokio::sync::Mutex<()>,
}

/// Who is configured.
#[derive(Default)]
pub struct Fleet {
    /// Partners' names, by id.
    pub partners: BTreeMap<String, String>,
    /// Each destination's last hour, by its name.
    pub beats: HashMap<String, Arc<Beat>>,
}

impl Fleet {
    /// Of a configuration, with the last hours of its destinations.
    pub fn new(config: &Config, beats: HashMap<String, Arc<Beat>>) -> Self {
        let partners = config.partners.iter().map(|(id, partner)| (id.to_string(), partner.name.clone())).collect();
        Self { partners, beats }
    }
}

#[derive(Clone)]
struct Look {
    at: Instant,
    took: Duration,
    seen: Arc<Seen>,
}

impl Board {
    pub fn new(
        ledger: PathBuf,
        fleet: Arc<Current<Fleet>>,
        config: Arc<Current<InForce>>,
        metrics: Arc<Metrics>,
        health: tokio::sync::watch::Receiver<Health>,
        started: Timestamp,
    ) -> Self {
        let (latest, looking) = (Mutex::default(), tokio::sync::Mutex::default());
        Self { ledger, fleet, config, metrics, health, started, latest, looking }
    }

    /// A partner's name.
    pub fn partner(&self, id: &str) -> Option<String> {
        self.fleet.get().partners.get(id).cloned()
    }

    /// The wire as it was a moment ago.
    ///
    /// # Errors
    /// [`LedgerError`] when the ledger cannot be read.
    pub async fn seen(self: &Arc<Self>) -> Result<Arc<Seen>, LedgerError> {
        if let Some(fresh) = self.fresh() {
            return Ok(fresh);
        }
        let _looking = self.looking.lock().await;
        if let Some(fresh) = self.fresh() {
            return Ok(fresh);
        }
        let board = Arc::clone(self);
        let looked = tokio::task::spawn_blocking(move || {
            let began = Instant::now();
            let seen = Arc::new(board.look(Timestamp::now())?);
            let look = Look { at: Instant::now(), took: began.elapsed(), seen: Arc::clone(&seen) };
            *board.latest.lock().unwrap_or_else(PoisonError::into_inner) = Some(look);
            Ok(seen)
        });
        looked.await.map_err(|why| LedgerError::Unavailable(why.to_string()))?
    }

    fn fresh(&self) -> Option<Arc<Seen>> {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        (latest.at.elapsed() < FRESH.max(latest.took * SHARE)).then_some(latest.seen)
    }

    fn look(&self, now: Timestamp) -> Result<Seen, LedgerError> {
        let fleet = self.fleet.get();
        let running = Running {
            started: self.started,
            ledger_fails: match &*self.health.borrow() {
                Health::Good => None,
                Health::Failing(why) => Some(why.clone()),
            },
            intake: self.metrics.intake.glance(now),
            config: InForce::clone(&self.config.get()),
            beat: &|destination| fleet.beats.get(destination)?.glance(now),
        };
        let is_configured = |destination: &str| fleet.beats.contains_key(destination);
        let around = Around { partners: &fleet.partners, is_configured: &is_configured, running: Some(running), now };
        look(&SqliteReader::open(&self.ledger)?, &around)
    }
}
