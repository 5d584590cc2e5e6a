//! Intake: where articles arrive. Each intake turns bytes into an [`Arrival`] and gives it to the [`Inbox`].
//!
//! Promise 1 (accept once): a source is acknowledged with the [`Receipt`] in [`Taken`], which only a commit of the
//! ledger can make. Promise 10 (bad input is kept, named, and in nobody's way): what cannot be accepted is committed to
//! quarantine whole, and that commit's receipt acknowledges it just the same, so the source goes on to its next.
//!
//! Intake does not know what a partner's document looks like, or when it is sent.

mod amqp;
mod http;
mod owed;
mod retry;
mod spool;
mod thread;
mod traced;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{BoxFuture, join_all};
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;
use tokio_util::context::TokioContext;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use owed::Contracts;
pub use thread::Thread;

use self::traced::Steps;
use crate::article::{self, Article, DecodeError, WireId};
use crate::clock::Clock;
use crate::config::{Amqp, Config, HttpIntake, Port, Secret, Spool};
use crate::current::{Current, Handover, follow};
use crate::delivery::{Press, Renditions, Wakes};
use crate::ledger::{Acceptance, Accepted, Health, Ledger, LedgerError, QuarantineEntry, QuarantineKind, Receipt};
use crate::serve::{self, Bearers, Served, Token};
use crate::telemetry::{IntakeLabel, Metrics, TraceContext, Tracer};

/// The intakes, each of which can be opened, closed and set up anew while the others work.
pub struct Intakes {
    inbox: Arc<Inbox>,
    http: watch::Sender<Option<Served>>,
    spool: watch::Sender<Option<Spool>>,
    amqp: watch::Sender<Option<Broker>>,
    /// Where those work that nothing is to hold up.
    on: Handle,
}

/// The broker's settings, with its password as it was read last.
type Broker = (Amqp, Option<Arc<Secret>>);

/// Intakes that can be opened; what is left out stays as it is, and `Some(None)` is to be closed.
#[derive(Default)]
pub struct Prepared {
    http: Option<Option<Served>>,
    spool: Option<Option<Spool>>,
    amqp: Option<Option<Broker>>,
}

impl Intakes {
    /// None is open yet. Their tasks go to `tasks`, and work until `stop`: on `thread`, but for the spool, whose disk may
    /// keep a thread waiting.
    pub fn new(inbox: Arc<Inbox>, tasks: &mut JoinSet<()>, thread: &Thread, stop: &CancellationToken) -> Self {
        let on = thread.handle();
        let (http, wanted) = watch::channel(None::<Served>);
        let serve = |Served { listener, router }, until| serve::serve(listener, router, until);
        tasks.spawn_on(follow(wanted, Handover::AtOnce, serve, stop.clone()), on);
        // Two at work in one directory, or at one queue, would get in each other's way.
        let (spool, wanted) = watch::channel(None);
        let to = Arc::clone(&inbox);
        let watch = move |spool, until| spool::run(spool, Arc::clone(&to), until);
        tasks.spawn(follow(wanted, Handover::After, watch, stop.clone()));
        let (amqp, wanted) = watch::channel(None);
        let to = Arc::clone(&inbox);
        let consume = move |(amqp, password): Broker, until| amqp::run(amqp, password, Arc::clone(&to), until);
        tasks.spawn_on(follow(wanted, Handover::After, consume, stop.clone()), on);
        tasks.spawn_on(retry::retry_quarantined(Arc::clone(&inbox), stop.clone()), on);
        Self { inbox, http, spool, amqp, on: on.clone() }
    }

    /// Does all that can fail of opening these intakes as `config` says, and changes nothing yet.
    ///
    /// # Errors
    /// In a sentence for the operator: a port or a directory that cannot be had, a secret that cannot be read.
    pub async fn prepare(&self, config: &Config, ports: &BTreeSet<Port>) -> Result<Prepared, String> {
        let mut prepared = Prepared::default();
        if ports.contains(&Port::Http) {
            prepared.http = Some(match &config.intake.http {
                None => None,
                Some(http) => {
                    let bearers = Bearers::new(vec![bearer(http)], Vec::new())?;
                    let open = self.http.borrow().as_ref().map(|open| open.listener.clone());
                    let address = http.listen.get();
                    let listener = serve::listen(address, "intake.http", http.tls.as_deref(), open.as_ref());
                    // Whoever comes to it is seen there, too.
                    let listener = TokioContext::new(listener, self.on.clone()).await?;
                    let router =
                        http::router(Arc::clone(&self.inbox), bearers, http.read_timeout.get(), http.tls.is_some());
                    Some(Served { listener, router })
                }
            });
        }
        if ports.contains(&Port::Spool) {
            config.intake.spool.as_ref().map_or(Ok(()), spool::prepare)?;
            prepared.spool = Some(config.intake.spool.clone());
        }
        if ports.contains(&Port::Amqp) {
            let broker = config.intake.amqp.as_ref().map(|amqp| {
                let password = amqp.password.as_ref().map(|secret| secret.resolve().map(Arc::new)).transpose();
                let password = password.map_err(|why| format!("intake.amqp.password: {why}"))?;
                Ok::<_, String>((amqp.clone(), password))
            });
            prepared.amqp = Some(broker.transpose()?);
        }
        Ok(prepared)
    }

    /// Opens what was prepared, in place of what there was.
    pub fn adopt(&self, Prepared { http, spool, amqp }: Prepared) {
        if let Some(http) = http {
            self.opens("http", http.is_some());
            self.http.send_replace(http);
        }
        if let Some(spool) = spool {
            self.opens("spool", spool.is_some());
            self.spool.send_replace(spool);
        }
        if let Some(amqp) = amqp {
            self.opens("amqp", amqp.is_some());
            self.amqp.send_replace(amqp);
        }
    }

    fn opens(&self, intake: &'static str, is_open: bool) {
        if is_open {
            self.inbox.opens(intake);
        }
    }

    /// Where `POST /v1/articles` is served, if it is.
    pub fn http(&self) -> Option<SocketAddr> {
        self.http.borrow().as_ref().and_then(|open| open.listener.address().ok())
    }
}

/// The token of whoever hands articles in by HTTP.
pub fn bearer(http: &HttpIntake) -> Token {
    Token { holder: "newsroom".to_owned(), key: "intake.http.token".to_owned(), found: http.token.clone() }
}

/// Bytes that claim to be an article.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// `amqp`, `http` or `spool`.
    pub intake: &'static str,
    /// Where exactly it came from, for the operator: a queue, an address, a file.
    pub source: String,
    pub content_type: Option<String>,
    pub bytes: Bytes,
    /// Its own span, if it is traced.
    pub trace: Option<TraceContext>,
}

/// What became of an arrival. Each case holds the receipt that its source may be acknowledged with.
#[derive(Debug)]
pub enum Taken {
    Accepted {
        receipt: Receipt,
        article: Box<Article>,
        deliveries: usize,
    },
    /// Exactly this was accepted before.
    Repeated {
        receipt: Receipt,
        article: Box<Article>,
        deliveries: usize,
    },
    Quarantined {
        receipt: Receipt,
        id: i64,
        why: Rejection,
    },
}

impl Taken {
    /// What the source may be acknowledged with.
    pub fn receipt(&self) -> &Receipt {
        match self {
            Self::Accepted { receipt, .. } | Self::Repeated { receipt, .. } | Self::Quarantined { receipt, .. } => {
                receipt
            }
        }
    }
}

/// Why an arrival was set aside.
#[derive(Debug, thiserror::Error)]
pub enum Rejection {
    #[error(transparent)]
    Undecodable(#[from] DecodeError),
    #[error("it has {size} bytes, and intake.article_limit is {limit} bytes")]
    TooLarge { size: usize, limit: usize },
    #[error(
        "{guid} version {version} was accepted before with other content; the first one stands, so give a change a higher version"
    )]
    Conflict { guid: String, version: u64 },
    #[error("the wire {0:?} is not configured; add [wires.{0}], or mend the article's wire")]
    UnknownWire(String),
    #[error("newswired broke off over it, which is a defect of its own: {0}")]
    Broke(String),
}

/// Where every intake hands in what arrived.
pub struct Inbox {
    ledger: Arc<dyn Ledger>,
    wakes: Wakes,
    contracts: Arc<Current<Contracts>>,
    metrics: Arc<Metrics>,
    /// Articles between their commit and the waking of their lanes, and until what was begun of their documents is made. They
    /// are tasks of their own so that a source that goes away meanwhile (an HTTP client above all) cannot come between.
    accepting: TaskTracker,
    clock: Arc<dyn Clock>,
    /// None: traces are off.
    tracer: Option<Arc<Tracer>>,
    /// Where lanes have their documents from, to be made while an article is accepted. None: the lanes make them.
    renditions: Option<Arc<Renditions>>,
}

impl Inbox {
    pub fn new(
        contracts: Arc<Current<Contracts>>,
        ledger: Arc<dyn Ledger>,
        wakes: Wakes,
        metrics: Arc<Metrics>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { ledger, wakes, contracts, metrics, accepting: TaskTracker::new(), clock, tracer: None, renditions: None }
    }

    /// The same, with arrivals traced.
    pub fn with_tracer(self, tracer: Option<Arc<Tracer>>) -> Self {
        Self { tracer, ..self }
    }

    /// The same, with documents made while their article is accepted.
    pub fn with_renditions(self, renditions: Arc<Renditions>) -> Self {
        Self { renditions: Some(renditions), ..self }
    }

    /// What this intake takes is counted from nothing on: a rate has no first step that nobody sees.
    fn opens(&self, intake: &'static str) {
        for result in IntakeLabel::RESULTS {
            let label = IntakeLabel { intake: intake.to_owned(), result: result.to_owned() };
            let _ = self.metrics.articles.get_or_create(&label);
        }
    }

    /// The largest article that is taken, in bytes.
    pub fn limit(&self) -> usize {
        self.contracts.get().article_limit()
    }

    /// Why nothing can be taken at the moment, if that is so.
    pub fn closed(&self) -> Option<String> {
        match &*self.ledger.health().borrow() {
            Health::Good => None,
            Health::Failing(why) => Some(why.clone()),
        }
    }

    /// Returns when articles can be taken again, or at `stop`.
    pub async fn opened(&self, stop: &CancellationToken) {
        let mut health = self.ledger.health();
        let good = health.wait_for(|health| *health == Health::Good);
        tokio::select! { _ = good => {}, () = stop.cancelled() => {} }
    }

    /// Takes responsibility for an arrival, or says that it cannot at the moment: then the source has to keep it.
    ///
    /// # Errors
    /// [`LedgerError`] when neither the article nor its bytes could be committed.
    pub async fn take(&self, arrival: Arrival) -> Result<Taken, LedgerError> {
        let (intake, began) = (arrival.intake, self.clock.now());
        let mut steps = Steps::new(self.tracer.as_ref(), arrival.trace.as_ref(), began);
        let taken = self.decide(arrival, &mut steps).await;
        let trace_id = steps.trace_id();
        let now = self.clock.now();
        let result = match &taken {
            Ok(Taken::Accepted { article, deliveries, .. }) => {
                self.metrics.flow.accepted.inc();
                self.metrics.article_deliveries.observe(*deliveries as f64);
                self.metrics.deliveries_owed.inc_by(*deliveries as u64);
                let took = Duration::try_from(now.duration_since(began)).unwrap_or_default();
                self.metrics.accept_seconds.observe(took.as_secs_f64());
                self.metrics.intake.good(now, took);
                tracing::info!(story = %article.guid, version = %article.version, action = %article.action, deliveries, intake, trace_id, "accepted");
                "accepted"
            }
            Ok(Taken::Repeated { article, .. }) => {
                tracing::debug!(story = %article.guid, version = %article.version, intake, trace_id, "repeated");
                "repeated"
            }
            Ok(Taken::Quarantined { id, why, .. }) => {
                self.metrics.intake.failed(now, &why.to_string());
                tracing::warn!(quarantine = id, reason = %why, intake, trace_id, "quarantined");
                "quarantined"
            }
            Err(_) => "unavailable",
        };
        let label = IntakeLabel { intake: intake.to_owned(), result: result.to_owned() };
        self.metrics.articles.get_or_create(&label).inc();
        taken
    }

    async fn decide(&self, arrival: Arrival, steps: &mut Steps) -> Result<Taken, LedgerError> {
        let contracts = self.contracts.get();
        let limit = contracts.article_limit();
        if arrival.bytes.len() > limit {
            let why = Rejection::TooLarge { size: arrival.bytes.len(), limit };
            return self.quarantine(arrival, why, None).await;
        }
        let decoded = decoded(&arrival, contracts.default_wire()).await;
        steps.done("decode", || self.clock.now());
        let article = match decoded {
            Ok(article) => article,
            Err(why) => return self.quarantine(arrival, why, None).await,
        };
        let guid = article.guid.to_string();
        if !contracts.carries(&article.wire) {
            let why = Rejection::UnknownWire(article.wire.to_string());
            return self.quarantine(arrival, why, Some(guid)).await;
        }
        let article = Box::new(article);
        match self.commit(Article::clone(&article), arrival.source.clone(), steps).await {
            Err(LedgerError::Damaged(why)) => self.quarantine(arrival, Rejection::Broke(why), Some(guid)).await,
            Err(why) => Err(why),
            Ok(accepted) => self.taken(accepted, arrival, article, guid).await,
        }
    }

    /// Takes responsibility for an article, and tells the lanes that have it to send.
    ///
    /// # Errors
    /// [`LedgerError`] when it could not be committed.
    pub async fn accept(&self, article: Article, source: String) -> Result<Accepted, LedgerError> {
        self.commit(article, source, &mut Steps::default()).await
    }

    async fn commit(&self, article: Article, source: String, steps: &mut Steps) -> Result<Accepted, LedgerError> {
        let mut acceptance = self.contracts.get().acceptance(article, source, self.clock.now());
        acceptance.trace = steps.context();
        steps.done("route", || self.clock.now());
        let (ledger, wakes, renditions) = (Arc::clone(&self.ledger), self.wakes.clone(), self.renditions.clone());
        let (tell, told) = oneshot::channel();
        self.accepting.spawn(async move {
            let (accepted, coming) = commit(acceptance, ledger.as_ref(), &wakes, renditions.as_ref()).await;
            // A source that went away meanwhile asks again.
            let _ = tell.send(accepted);
            join_all(coming).await;
        });
        let accepted = told.await.map_err(|_| LedgerError::Closed)?;
        steps.done("commit", || self.clock.now());
        accepted
    }

    async fn taken(
        &self,
        accepted: Accepted,
        arrival: Arrival,
        article: Box<Article>,
        guid: String,
    ) -> Result<Taken, LedgerError> {
        match accepted {
            Accepted::Fresh { receipt, deliveries, .. } => Ok(Taken::Accepted { receipt, article, deliveries }),
            Accepted::Repeat { receipt, deliveries } => Ok(Taken::Repeated { receipt, article, deliveries }),
            Accepted::Conflict => {
                let why = Rejection::Conflict { guid: guid.clone(), version: article.version.get() };
                self.quarantine(arrival, why, Some(guid)).await
            }
        }
    }

    /// Counts what did not come as far as [`Self::take`].
    pub fn turned_away(&self, intake: &'static str, why: &str) {
        tracing::warn!(intake, reason = why, "turned away");
        let label = IntakeLabel { intake: intake.to_owned(), result: "refused".to_owned() };
        self.metrics.articles.get_or_create(&label).inc();
    }

    async fn quarantine(&self, arrival: Arrival, why: Rejection, guid: Option<String>) -> Result<Taken, LedgerError> {
        let kind = match why {
            Rejection::Conflict { .. } => QuarantineKind::Conflict,
            _ => QuarantineKind::Input,
        };
        let entry = QuarantineEntry {
            kind,
            source: arrival.source,
            content_type: arrival.content_type,
            guid,
            reason: why.to_string(),
            bytes: arrival.bytes.into(),
            at: self.clock.now(),
        };
        let quarantined = self.ledger.quarantine(entry).await?;
        Ok(Taken::Quarantined { receipt: quarantined.receipt, id: quarantined.id, why })
    }
}

/// The largest article, in bytes, that is decoded where it arrives. To wake a thread for it takes longer than that; but a large
/// one must not hold up the threads that wait for the network, since decoding is computing.
const SMALL: usize = 16 << 10;

async fn decoded(arrival: &Arrival, default_wire: &WireId) -> Result<Article, Rejection> {
    let (wire, bytes, content_type) = (default_wire.clone(), arrival.bytes.clone(), arrival.content_type.clone());
    let small = bytes.len() <= SMALL;
    let decode = move || article::decode(&bytes, content_type.as_deref(), &wire);
    // A defect of ours must not come back with every redelivery.
    let decoded = if small {
        catch_unwind(AssertUnwindSafe(decode)).map_err(|panic| {
            let said =
                panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
            format!("it panicked: {}", said.unwrap_or("without a word"))
        })
    } else {
        tokio::task::spawn_blocking(decode).await.map_err(|why| why.to_string())
    };
    Ok(decoded.map_err(Rejection::Broke)??)
}

/// The commit, and the waking of the lanes that it concerns. With it comes what has to be polled until documents are made
/// that were begun meanwhile.
async fn commit(
    mut acceptance: Acceptance,
    ledger: &dyn Ledger,
    wakes: &Wakes,
    renditions: Option<&Arc<Renditions>>,
) -> (Result<Accepted, LedgerError>, Vec<BoxFuture<'static, ()>>) {
    let (version, press) = (acceptance.article.version, Press::of(&acceptance.article));
    let places = wakes.places(&mut acceptance);
    let ahead = renditions.and_then(|renditions| renditions.ahead(&acceptance, places.editions()));
    let mut accepted = ledger.accept(acceptance).await;
    let mut coming = Vec::new();
    if let Ok(Accepted::Fresh { story, touched, announced, .. }) = &mut accepted {
        coming = ahead.map(|ahead| ahead.keep(announced)).unwrap_or_default();
        wakes.hand(places, std::mem::take(announced));
        wakes.news(touched, *story, version, press);
    }
    (accepted, coming)
}
