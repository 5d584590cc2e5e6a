//! The daemon: builds the parts, hands each what it needs, and waits.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::attribution::Policies;
use crate::clock::{Clock, SystemClock};
use crate::config::{Loaded, Port};
use crate::current::{Current, Handover, follow};
use crate::delivery::{Dispatch, Editions, Growth, Lanes, LanesError, Renditions, Shared, Wakes};
use crate::events::{Events, EventsError};
use crate::intake::{self, Contracts, Inbox, Intakes};
use crate::ledger::{Closing, Health, Ledger, LedgerError, SqliteLedger, SqliteOptions};
use crate::ops::admin::{Admin, Watched};
use crate::ops::board::{Fleet, InForce};
use crate::ops::watch::Watch;
use crate::ops::{Survey, service, startup};
use crate::reload::Reload;
use crate::telemetry::{Logs, Metrics};
use crate::transport::{self, Collector, DoorError, Media, Timeouts};
use crate::upkeep::{self, Asked, Reloads, Upkeep};

/// Why the daemon does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Lanes(#[from] LanesError),
    #[error("delivery: {0}")]
    Shared(DoorError),
    #[error("traces: {0}")]
    Traces(DoorError),
    #[error(transparent)]
    Events(#[from] EventsError),
    #[error("the intakes' thread: {0}")]
    Thread(std::io::Error),
    #[error("{0}")]
    Listener(String),
}

/// A daemon that runs.
pub struct Daemon {
    intake: JoinSet<()>,
    /// What intakes work on, until all else has ended.
    _thread: intake::Thread,
    delivery: JoinSet<()>,
    /// Spans on their way to a collector, if there is one.
    traces: JoinSet<()>,
    stop_intake: CancellationToken,
    stop_delivery: CancellationToken,
    stop_traces: CancellationToken,
    closing: Closing,
    health: watch::Receiver<Health>,
    media: Option<Arc<Media>>,
    reloads: Reloads,
    /// Where `POST /v1/articles` is served, if it is.
    pub http_intake: Option<SocketAddr>,
    pub admin: SocketAddr,
}

impl Daemon {
    /// Starts everything, as `loaded` says, which stands in `file`. When it returns, the ledger is open and every listener
    /// is. The level of `logs` follows the configuration.
    ///
    /// # Errors
    /// [`StartError`] in a sentence for the operator. Nothing is left running, but for a moment what packs the configuration.
    pub async fn start(loaded: Loaded, file: &Path, logs: Option<Arc<Logs>>) -> Result<Self, StartError> {
        let Loaded { config: loaded, tree } = loaded;
        let config = &loaded;
        // While the ledger is opened a processor has nothing to do, and lanes will want the memory that the tree takes.
        let packing = tokio::task::spawn_blocking(move || tree.pack());
        let metrics = Arc::new(Metrics::new());
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let (stop_intake, stop_delivery) = (CancellationToken::new(), CancellationToken::new());
        let (mut intake, mut delivery) = (JoinSet::new(), JoinSet::new());
        let (mut traces, stop_traces) = (JoinSet::new(), CancellationToken::new());

        let (ledger, closing) = SqliteLedger::open(&SqliteOptions {
            path: &config.ledger.path,
            batch: config.ledger.batch,
            waiting: 2 * config.ledger.batch,
            in_network: Timeouts::longest_in_network(config),
            commits: metrics.commits.clone(),
        })?;
        let recovered = ledger.recovered();
        let ledger: Arc<dyn Ledger> = Arc::new(ledger);

        let doors = transport::shared(config, &metrics).map_err(StartError::Shared)?;
        let collector = config.traces.as_deref().map(|traces| Collector::open(traces, &doors, &metrics)).transpose();
        let tracer = collector.map_err(StartError::Traces)?.map(|(tracer, collector)| {
            traces.spawn(collector.run(stop_traces.clone()));
            tracer
        });
        let open = |name: &str, door: &_, defaults: &_| transport::open(name, door, defaults, &doors);
        let mut editions = Editions::default();
        let all = Lanes::open(config, |_| true, open, &mut editions, ledger.as_ref(), clock.now()).await?;
        let Lanes { lanes, due, ids, beats } = all;
        // What comes from here on is told to whom it is to be.
        let events = Events::open(config, &doors, &ledger, &ids, &metrics, &clock).await?;
        let wakes = Wakes::new(&lanes);
        let contracts = Arc::new(Current::new(Contracts::new(config, &ids)));
        let cache = config.delivery.rendition_cache.get();
        let renditions = Renditions::new(Arc::clone(&ledger), Policies::all(config), cache, Arc::clone(&metrics));
        let renditions = Arc::new(renditions.with_media(doors.media.clone()).with_traces(tracer.is_some()));
        let inbox = Inbox::new(
            Arc::clone(&contracts),
            Arc::clone(&ledger),
            wakes.clone(),
            Arc::clone(&metrics),
            Arc::clone(&clock),
        );
        let inbox = Arc::new(inbox.with_tracer(tracer.clone()).with_renditions(Arc::clone(&renditions)));
        let (reloads, asked) = Reloads::new();
        let keep = Arc::new(Current::new(config.ledger.clone()));
        let by_the_clock = Upkeep {
            ledger: Arc::clone(&ledger),
            inbox: Arc::clone(&inbox),
            contracts: Arc::clone(&contracts),
            wakes: wakes.clone(),
            clock: Arc::clone(&clock),
            keep: Arc::clone(&keep),
            look: upkeep::LOOK,
            reloads: reloads.clone(),
        };
        // What was ordered while nobody ran holds before anything is sent.
        by_the_clock.take_orders().await?;
        let thread = intake::Thread::start().map_err(StartError::Thread)?;
        let intakes = Intakes::new(inbox, &mut intake, &thread, &stop_intake);
        intakes.adopt(intakes.prepare(config, &Port::ALL.into()).await.map_err(StartError::Listener)?);
        let http_intake = intakes.http();
        intake.spawn(by_the_clock.run(stop_intake.clone()));
        let watch = Watch {
            ledger: Arc::clone(&ledger),
            wakes: wakes.clone(),
            metrics: Arc::clone(&metrics),
            clock: Arc::clone(&clock),
        };
        intake.spawn(watch.run(stop_intake.clone()));
        startup::look(config).await;

        let fleet = Arc::new(Current::new(Fleet::new(config, beats)));
        let in_force = Arc::new(Current::new(InForce::since(clock.now())));
        let watched = Watched {
            health: ledger.health(),
            metrics: Arc::clone(&metrics),
            fleet: Arc::clone(&fleet),
            contracts: Arc::clone(&contracts),
            config: Arc::clone(&in_force),
            stopping: stop_intake.clone(),
        };
        let port = Admin::new(config, file, watched, &mut delivery, stop_delivery.clone());
        port.adopt(port.prepare(config).await.map_err(StartError::Listener)?);
        let admin = port.address().ok_or_else(|| StartError::Listener("admin: its address is not known".to_owned()))?;
        delivery.spawn(Survey::new(config, Arc::clone(&fleet), Arc::clone(&metrics)).run(stop_delivery.clone()));

        let (events, told) = watch::channel(Some(Arc::new(events)));
        delivery.spawn(follow(told, Handover::After, Events::run, stop_delivery.clone()));
        let (number, media) = (lanes.len(), doors.media.clone());
        let shared = Shared {
            documents: Arc::clone(&renditions) as _,
            metrics: Arc::clone(&metrics),
            clock: Arc::clone(&clock),
            random: Mutex::default(),
            growth: Growth::default(),
            health: ledger.health(),
            ledger: Arc::clone(&ledger),
            tracer,
        };
        let dispatch = Dispatch::new(lanes, shared, wakes.clone());
        delivery.spawn(dispatch.run(due, stop_delivery.clone(), config.delivery.drain.get()));

        let health = ledger.health();
        let reload = Reload {
            file: file.to_owned(),
            ledger_path: config.ledger.path.clone(),
            ledger,
            clock,
            metrics,
            logs,
            wakes,
            editions,
            doors,
            renditions,
            contracts,
            keep,
            intakes,
            events,
            admin: port,
            fleet,
            in_force,
        };
        reload.start(loaded, packing, (reloads.clone(), asked), &mut intake, &stop_intake);
        tracing::info!(lanes = number, recovered, %admin, "ready");
        service::ready();
        Ok(Self {
            intake,
            _thread: thread,
            delivery,
            traces,
            stop_intake,
            stop_delivery,
            stop_traces,
            closing,
            health,
            media,
            reloads,
            http_intake,
            admin,
        })
    }

    /// Has the configuration loaded again; the log says what came of it.
    pub fn reload(&self) {
        self.reloads.ask(Asked::Signal);
    }

    /// Returns when a part of it has broken off, with what it was. None of them ends by itself before a stop.
    pub async fn broken(&mut self) -> &'static str {
        let written = async { while self.health.changed().await.is_ok() {} };
        tokio::select! {
            _ = self.intake.join_next() => "an intake, upkeep or what loads the configuration",
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
        // Everyone who could write is gone; the writer ends when the last of it is on the disk. The last spans go meanwhile.
        self.stop_traces.cancel();
        let closing = self.closing;
        let _ = tokio::task::spawn_blocking(move || closing.wait()).await;
        while self.traces.join_next().await.is_some() {}
        tracing::info!("stopped");
    }
}
