//! What the service manager is told while the daemon works: that it is alive, and how much goes through.
//!
//! Alive is what answers. Each time, the ledger's writer has to take a command, and dispatch has to take a turn; where one
//! of them does not in time, nothing is said, and the service manager starts the daemon again once its patience
//! (`WatchdogSec=`) is over. A ledger that answers that it cannot write is alive: a start would not mend its disk.
//!
//! Where there is no service manager, nobody is asked and nothing is told.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::service;
use crate::clock::Clock;
use crate::delivery::Wakes;
use crate::ledger::{Health, Ledger, LedgerError};
use crate::telemetry::{Flow, Metrics};

/// How often the status line is new.
const STATUS: Duration = Duration::from_secs(10);

/// Three chances within the service manager's patience: one may be late, one may be lost.
const CHANCES: u32 = 3;

/// What looks whether the daemon is alive.
pub struct Watch {
    pub ledger: Arc<dyn Ledger>,
    pub wakes: Wakes,
    pub metrics: Arc<Metrics>,
    pub clock: Arc<dyn Clock>,
}

impl Watch {
    /// Tells until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        if !service::listens() {
            return stop.cancelled().await;
        }
        let work = async { tokio::join!(self.tell_alive(), self.tell_status()) };
        tokio::select! {
            biased;
            () = stop.cancelled() => {}
            ((), ()) = work => {}
        }
    }

    async fn tell_alive(&self) {
        let Some(patience) = service::watched() else { return };
        let within = patience / CHANCES;
        loop {
            let next = Instant::now() + within;
            match self.answers(within).await {
                Ok(()) => service::alive(),
                Err(part) => tracing::error!(part, ?within, "no answer; the service manager is not told to wait on"),
            }
            tokio::time::sleep_until(next).await;
        }
    }

    /// Waits for an answer of each part.
    ///
    /// # Errors
    /// The part that gave none in time.
    async fn answers(&self, within: Duration) -> Result<(), &'static str> {
        let ledger = async {
            match timeout(within, self.ledger.register(Vec::new(), self.clock.now())).await {
                // Also one that cannot write, and says so.
                Ok(Ok(_) | Err(LedgerError::Unavailable(_) | LedgerError::Unusable(_) | LedgerError::Damaged(_))) => {
                    Ok(())
                }
                Ok(Err(LedgerError::Closed)) | Err(_) => Err("the ledger's writer"),
            }
        };
        let dispatch = async { timeout(within, self.wakes.looked()).await.map_err(|_| "dispatch") };
        let (ledger, dispatch) = tokio::join!(ledger, dispatch);
        ledger.and(dispatch)
    }

    async fn tell_status(&self) {
        let health = self.ledger.health();
        let mut before = Totals::default();
        loop {
            let now = Totals::of(&self.metrics.flow);
            service::status(&line(before, now, &health.borrow()));
            before = now;
            tokio::time::sleep(STATUS).await;
        }
    }
}

/// What has gone through since the start.
#[derive(Debug, Clone, Copy, Default)]
struct Totals {
    accepted: u64,
    confirmed: u64,
}

impl Totals {
    fn of(flow: &Flow) -> Self {
        Self { accepted: flow.accepted.get(), confirmed: flow.confirmed.get() }
    }
}

fn line(before: Totals, now: Totals, health: &Health) -> String {
    match health {
        Health::Good => format!(
            "in {} s: {} articles accepted, {} deliveries confirmed; since the start: {}, {}",
            STATUS.as_secs(),
            now.accepted - before.accepted,
            now.confirmed - before.confirmed,
            now.accepted,
            now.confirmed
        ),
        Health::Failing(why) => format!("nothing is taken or sent, since the ledger cannot write: {why}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;
    use crate::ledger::{SqliteLedger, SqliteOptions};
    use crate::telemetry::CommitMetrics;

    #[tokio::test(flavor = "multi_thread")]
    async fn who_does_not_answer_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let options = SqliteOptions {
            path: &dir.path().join("ledger.sqlite"),
            batch: 8,
            waiting: 16,
            in_network: Duration::from_secs(1),
            commits: CommitMetrics::default(),
        };
        let (ledger, _) = SqliteLedger::open(&options).unwrap();
        let wakes = Wakes::default();
        let watch = Watch {
            ledger: Arc::new(ledger),
            wakes: wakes.clone(),
            metrics: Arc::new(Metrics::new()),
            clock: Arc::new(SystemClock),
        };
        assert_eq!(watch.answers(Duration::from_millis(50)).await, Err("dispatch"), "there is none");
        let (stop, random) = (CancellationToken::new(), std::sync::Mutex::default());
        let shared = crate::delivery::Shared {
            documents: Arc::new(crate::delivery::Renditions::new(
                Arc::clone(&watch.ledger),
                std::collections::BTreeMap::new(),
                0,
                Arc::clone(&watch.metrics),
            )),
            metrics: Arc::clone(&watch.metrics),
            clock: Arc::clone(&watch.clock),
            random,
            growth: crate::delivery::Growth::default(),
            health: watch.ledger.health(),
            ledger: Arc::clone(&watch.ledger),
            tracer: None,
        };
        let dispatch = crate::delivery::Dispatch::new(Vec::new(), shared, wakes);
        let dispatch = tokio::spawn(dispatch.run(Vec::new(), stop.clone(), Duration::ZERO));
        assert_eq!(watch.answers(Duration::from_secs(20)).await, Ok(()));
        stop.cancel();
        dispatch.await.unwrap();
        assert_eq!(watch.answers(Duration::from_millis(50)).await, Err("dispatch"), "it has ended");
    }

    #[test]
    fn the_status_line_shows_what_goes_through_or_why_nothing_does() {
        let (before, now) = (Totals { accepted: 10, confirmed: 90 }, Totals { accepted: 14, confirmed: 130 });
        insta::assert_snapshot!(line(before, now, &Health::Good), @"in 10 s: 4 articles accepted, 40 deliveries confirmed; since the start: 14, 130");
        let failing = Health::Failing("/l: disk is full".to_owned());
        insta::assert_snapshot!(line(before, now, &failing), @"nothing is taken or sent, since the ledger cannot write: /l: disk is full");
    }
}
