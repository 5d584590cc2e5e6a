//! The wire and its destinations at a glance, for those who watch.
//!
//! Nothing is looked at while nobody watches. While somebody does, the ledger is read on a thread of its own, once for all
//! who watch, and no more often than a tenth of the time allows: a large fleet is not slowed down by being looked at.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::current::Current;
use crate::ledger::{DoorGlance, Health, LedgerError, SqliteReader};
use crate::telemetry::{Beat, Failure, Glance, Metrics, Minute};

/// What is older is looked at again.
const FRESH: Duration = Duration::from_millis(1_500);

/// A look may take a tenth of the time.
const SHARE: u32 = 10;

/// Rows on a page.
pub const PAGE: usize = 200;

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

/// Which configuration the daemon goes by.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InForce {
    /// Since when.
    pub since: Timestamp,
    /// Why what stands in the files now is not in force: everything that is wrong with it.
    pub refused: Option<String>,
    /// Keys whose new values wait for the daemon's next start.
    pub at_next_start: Vec<String>,
}

impl InForce {
    /// As of a start.
    pub fn since(since: Timestamp) -> Self {
        Self { since, refused: None, at_next_start: Vec::new() }
    }
}

#[derive(Clone)]
struct Look {
    at: Instant,
    took: Duration,
    seen: Arc<Seen>,
}

/// The whole wire at one moment.
pub struct Seen {
    pub flow: Flow,
    rows: Vec<Row>,
}

/// Is the wire flowing?
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Flow {
    pub version: &'static str,
    pub started: Timestamp,
    /// Why the ledger cannot write, if it cannot.
    pub ledger_fails: Option<String>,
    /// Articles accepted, and deliveries that arrived, a minute.
    pub articles: f64,
    pub arrivals: f64,
    /// Of the last hour, oldest minute first.
    pub articles_by_minute: Vec<u32>,
    pub arrivals_by_minute: Vec<u32>,
    /// Destinations, and how many of them are in which state.
    pub destinations: usize,
    pub troubled: usize,
    pub suspended: usize,
    /// Deliveries that are ready or under way; so many or more.
    pub waiting: u64,
    pub or_more: bool,
    /// The oldest that stands first in its lane.
    pub oldest: Option<Timestamp>,
    pub oldest_at: Option<String>,
    /// Quarantine entries and orders that wait.
    pub quarantine: u64,
    pub orders: usize,
    pub config: InForce,
}

/// How a destination stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// Its door fails.
    Trouble,
    /// It said that it is gone (410).
    Gone,
    /// An operator or the configuration keeps it.
    Suspended,
    /// It has something to do.
    Sending,
    Idle,
}

/// A destination.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// `partner/destination`
    pub destination: String,
    /// The partner's name, where it is configured.
    pub name: Option<String>,
    pub standing: Standing,
    /// Why it does not get what it is owed, in a sentence.
    pub why: Option<String>,
    /// When its door is asked again.
    pub retry_at: Option<Timestamp>,
    pub waiting: u64,
    pub or_more: bool,
    pub oldest: Option<Timestamp>,
    /// Deliveries a minute.
    pub per_minute: f64,
    pub latency_ms: Option<u64>,
    /// The last hour in twelve parts of five minutes: what arrived, and what failed.
    pub arrived: Vec<u32>,
    pub failed: Vec<u32>,
    /// The last thing that went wrong within what is remembered.
    pub last_failure: Option<(Timestamp, String)>,
}

/// Which rows, in which order.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct View {
    /// A part of a destination's or a partner's name.
    #[serde(default)]
    pub q: String,
    #[serde(default)]
    pub sort: Sort,
    #[serde(default)]
    pub page: usize,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sort {
    /// What is in trouble first, then what has most waiting.
    #[default]
    Trouble,
    Name,
    Waiting,
    Oldest,
    Rate,
    Latency,
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
        let reader = SqliteReader::open(&self.ledger)?;
        let fleet = self.fleet.get();
        let rows: Vec<Row> = reader.glance()?.into_iter().map(|door| row(&fleet, door, now)).collect();
        let intake = self.metrics.intake.glance(now);
        let oldest = rows.iter().filter(|row| row.oldest.is_some()).min_by_key(|row| row.oldest);
        let by_minute = |glance: &Glance| glance.minutes.iter().map(|minute| minute.good).collect();
        let count = |which: &[Standing]| rows.iter().filter(|row| which.contains(&row.standing)).count();
        let flow = Flow {
            version: env!("CARGO_PKG_VERSION"),
            started: self.started,
            ledger_fails: match &*self.health.borrow() {
                Health::Good => None,
                Health::Failing(why) => Some(why.clone()),
            },
            articles: intake.as_ref().map_or(0.0, |glance| glance.per_minute),
            arrivals: rows.iter().map(|row| row.per_minute).sum(),
            articles_by_minute: intake.as_ref().map(by_minute).unwrap_or_default(),
            arrivals_by_minute: arrivals(&fleet, now),
            destinations: rows.len(),
            troubled: count(&[Standing::Trouble, Standing::Gone]),
            suspended: count(&[Standing::Suspended]),
            waiting: rows.iter().map(|row| row.waiting).sum(),
            or_more: rows.iter().any(|row| row.or_more),
            oldest: oldest.and_then(|row| row.oldest),
            oldest_at: oldest.map(|row| row.destination.clone()),
            quarantine: reader.set_aside_waiting()?,
            orders: reader.orders(false)?.len(),
            config: InForce::clone(&self.config.get()),
        };
        Ok(Seen { flow, rows })
    }
}

/// All destinations together, minute by minute.
fn arrivals(fleet: &Fleet, now: Timestamp) -> Vec<u32> {
    let mut sum = Vec::new();
    for glance in fleet.beats.values().filter_map(|beat| beat.glance(now)) {
        sum.resize(glance.minutes.len(), 0);
        sum.iter_mut().zip(glance.minutes).for_each(|(sum, minute): (&mut u32, Minute)| *sum += minute.good);
    }
    sum
}

fn row(fleet: &Fleet, door: DoorGlance, now: Timestamp) -> Row {
    let DoorGlance { destination, lane, paused, waiting, oldest } = door;
    let glance = fleet.beats.get(&destination).and_then(|beat| beat.glance(now));
    let partner = destination.split('/').next().unwrap_or_default();
    let name = fleet.partners.get(partner).filter(|_| fleet.beats.contains_key(&destination)).cloned();
    let (standing, why) = match (lane.halt, lane.state.suspended) {
        (Some(halt), _) => (Standing::Suspended, Some(halt.why)),
        (None, _) if paused => (Standing::Suspended, Some("its partner is paused in the configuration".to_owned())),
        (None, _) if name.is_none() => {
            (Standing::Suspended, Some("it is not in the configuration any more".to_owned()))
        }
        (None, Some(gone)) => (Standing::Gone, Some(gone)),
        (None, None) if lane.state.failures > 0 => (Standing::Trouble, lane.state.trouble),
        (None, None) if waiting.number > 0 => (Standing::Sending, None),
        (None, None) => (Standing::Idle, None),
    };
    let fives = |of: fn(&Minute) -> u32| {
        glance
            .as_ref()
            .map_or_else(Vec::new, |glance| glance.minutes.chunks(5).map(|five| five.iter().map(of).sum()).collect())
    };
    Row {
        standing,
        why,
        retry_at: lane.state.retry_at.filter(|at| *at > now),
        waiting: waiting.number,
        or_more: waiting.or_more,
        oldest,
        per_minute: glance.as_ref().map_or(0.0, |glance| (glance.per_minute * 10.0).round() / 10.0),
        latency_ms: glance
            .as_ref()
            .and_then(|glance| glance.latency)
            .map(|latency| u64::try_from(latency.as_millis()).unwrap_or(u64::MAX)),
        arrived: fives(|minute| minute.good),
        failed: fives(|minute| minute.failed),
        last_failure: glance.and_then(|glance| glance.failure).map(|Failure { at, why }| (at, why)),
        name,
        destination,
    }
}

impl Seen {
    /// A page of rows, and how many there are in all.
    pub fn page(&self, view: &View) -> (Vec<&Row>, usize) {
        let wanted = view.q.trim().to_lowercase();
        let mut rows: Vec<&Row> = self
            .rows
            .iter()
            .filter(|row| {
                row.destination.contains(&wanted)
                    || row.name.as_ref().is_some_and(|name| name.to_lowercase().contains(&wanted))
            })
            .collect();
        let far = Timestamp::MAX;
        match view.sort {
            Sort::Trouble => rows.sort_by_key(|row| (row.standing, std::cmp::Reverse(row.waiting))),
            // As they come.
            Sort::Name => {}
            Sort::Waiting => rows.sort_by_key(|row| std::cmp::Reverse(row.waiting)),
            Sort::Oldest => rows.sort_by_key(|row| row.oldest.unwrap_or(far)),
            Sort::Rate => rows.sort_by(|a, b| b.per_minute.total_cmp(&a.per_minute)),
            Sort::Latency => rows.sort_by_key(|row| std::cmp::Reverse(row.latency_ms)),
        }
        let all = rows.len();
        (rows.into_iter().skip(view.page.saturating_mul(PAGE)).take(PAGE).collect(), all)
    }
}
