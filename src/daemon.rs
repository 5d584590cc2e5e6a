//! The daemon: builds the parts, hands each what it needs, and waits.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::attribution::Policies;
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::delivery::{Dispatch, Growth, Lanes, LanesError, Renditions, Shared, Wakes};
use crate::intake::{self, Contracts, Inbox, Intakes};
use crate::ledger::{Closing, Health, Ledger, LedgerError, SqliteLedger, SqliteOptions};
use crate::ops::watch::Watch;
use crate::ops::{Survey, admin, service, startup};
use crate::serve;
use crate::telemetry::Metrics;
use crate::transport::{self, DoorError, Media, Timeouts};
use crate::upkeep::{self, Upkeep};

/// Why the daemon does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Lanes(#[from] LanesError),
    #[error("delivery: {0}")]
    Shared(DoorError),
    #[error("{0}")]
    Listener(String),
}

/// A daemon that runs.
pub struct Daemon {
    intake: JoinSet<()>,
    delivery: JoinSet<()>,
    stop_intake: CancellationToken,
    stop_delivery: CancellationToken,
    closing: Closing,
    health: watch::Receiver<Health>,
    media: Option<Arc<Media>>,
    /// Where `POST /v1/articles` is served, if it is.
    pub http_intake: Option<SocketAddr>,
    pub admin: SocketAddr,
}

impl Daemon {
    /// Starts everything, as `config` says, which stands in `file`. When it returns, the ledger is open and every listener is.
    ///
    /// # Errors
    /// [`StartError`] in a sentence for the operator. Nothing is left running.
    pub async fn start(config: &Config, file: &Path) -> Result<Self, StartError> {
        let metrics = Arc::new(Metrics::new());
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let (stop_intake, stop_delivery) = (CancellationToken::new(), CancellationToken::new());

        let (ledger, closing) = SqliteLedger::open(&SqliteOptions {
            path: &config.ledger.path,
            batch: config.ledger.batch,
            waiting: 2 * config.ledger.batch,
            in_network: Timeouts::longest_in_network(config),
            commits: metrics.commits.clone(),
        })?;
        let recovered = ledger.recovered();
        let ledger: Arc<dyn Ledger> = Arc::new(ledger);

        let shared = transport::shared(config, &metrics).map_err(StartError::Shared)?;
        let media = shared.media.clone();
        let open = |name: &str, door: &_, defaults: &_| transport::open(name, door, defaults, &shared);
        let Lanes { lanes, due, ids, beats } = Lanes::open(config, open, ledger.as_ref(), clock.now()).await?;
        let wakes = Wakes::new(&lanes);
        let contracts = Arc::new(Contracts::new(config, &ids));
        let inbox = Arc::new(Inbox::new(
            config,
            Arc::clone(&contracts),
            Arc::clone(&ledger),
            wakes.clone(),
            Arc::clone(&metrics),
            Arc::clone(&clock),
        ));
        let by_the_clock = Upkeep {
            ledger: Arc::clone(&ledger),
            inbox: Arc::clone(&inbox),
            contracts,
            wakes: wakes.clone(),
            clock: Arc::clone(&clock),
            keep: config.ledger.clone(),
            look: upkeep::LOOK,
        };
        // What was ordered while nobody ran holds before anything is sent.
        by_the_clock.take_orders().await?;
        let Intakes { tasks: mut intake, http: http_intake } =
            intake::start(config, inbox, &stop_intake).await.map_err(StartError::Listener)?;
        intake.spawn(by_the_clock.run(stop_intake.clone()));
        let watch = Watch {
            ledger: Arc::clone(&ledger),
            wakes: wakes.clone(),
            metrics: Arc::clone(&metrics),
            clock: Arc::clone(&clock),
        };
        intake.spawn(watch.run(stop_intake.clone()));
        startup::look(config).await;

        let mut delivery = JoinSet::new();
        let (health, stopping) = (ledger.health(), stop_intake.clone());
        let watched = admin::Watched { health, metrics: Arc::clone(&metrics), beats, stopping };
        let (listener, pages) = admin::open(config, file, watched).await.map_err(StartError::Listener)?;
        let admin = listener.address().map_err(StartError::Listener)?;
        delivery.spawn(serve::serve(listener, pages, stop_delivery.clone()));

        delivery.spawn(Survey::new(config, ids.into_keys(), Arc::clone(&metrics)).run(stop_delivery.clone()));

        let number = lanes.len();
        let cache = config.delivery.rendition_cache.get();
        let renditions = Renditions::new(Arc::clone(&ledger), Policies::all(config), cache, Arc::clone(&metrics))
            .with_media(media.clone());
        let health = ledger.health();
        let shared = Shared {
            documents: Arc::new(renditions),
            metrics,
            clock,
            random: Mutex::default(),
            growth: Growth::default(),
            health: ledger.health(),
            ledger,
        };
        let dispatch = Dispatch::new(lanes, shared, wakes);
        delivery.spawn(dispatch.run(due, stop_delivery.clone(), config.delivery.drain.get()));

        tracing::info!(lanes = number, recovered, %admin, "ready");
        service::ready();
        Ok(Self { intake, delivery, stop_intake, stop_delivery, closing, health, media, http_intake, admin })
    }

    /// Returns when a part of it has broken off, with what it was. None of them ends by itself before a stop.
    pub async fn broken(&mut self) -> &'static str {
        let written = async { while self.health.changed().await.is_ok() {} };
        tokio::select! {
            _ = self.intake.join_next() => "an intake",
            _ = self.delivery.join_next() => "delivery, the admin port or the metrics' survey",
            () = written => "the ledger's writer",
        }
    }

    /// Stops intake, finishes what is under way within the configured bound, records it, and closes the ledger.
    pub async fn stop(mut self) {
        service::stopping();
        self.stop_intake.cancel();
        while self.intake.join_next().await.is_some() {}
        self.stop_delivery.cancel();
        while self.delivery.join_next().await.is_some() {}
        if let Some(media) = &self.media {
            media.close().await;
        }
        // Everyone who could write is gone; the writer ends when the last of it is on the disk.
        let closing = self.closing;
        let _ = tokio::task::spawn_blocking(move || closing.wait()).await;
        tracing::info!("stopped");
    }
}
