//! Upkeep: what the daemon does by its own clock. Operators' orders take effect (`orders`), stories whose time with
//! republishers is over are withdrawn (`rights`), what has expired ends, and what is old enough leaves the ledger
//! (`retention`).
//!
//! Promise 5 (nothing stale): what expired ends though its lane does not look. Promise 2: each of these ends has a time
//! and a reason. Everything here goes through the ledger's own commits and wakes lanes as intake does; nothing of it is
//! kept in memory between two looks, so it goes on where it was after a crash.

mod orders;
mod retention;
mod rights;

pub use orders::filter;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config;
use crate::current::Current;
use crate::delivery::Wakes;
use crate::intake::{Contracts, Inbox};
use crate::ledger::{ArticleId, Ledger, LedgerError, OrderId};

/// How soon an order takes effect. A look at nothing is one probe of an empty index.
pub const LOOK: Duration = Duration::from_millis(50);

/// How often the rest is done. A replay goes its rate further each time.
const TICK: Duration = Duration::from_secs(1);

/// What the daemon does by its own clock.
pub struct Upkeep {
    pub ledger: Arc<dyn Ledger>,
    pub inbox: Arc<Inbox>,
    pub contracts: Arc<Current<Contracts>>,
    pub wakes: Wakes,
    pub clock: Arc<dyn Clock>,
    /// How long what is done is kept.
    pub keep: Arc<Current<config::Ledger>>,
    /// How often to look for orders: [`LOOK`].
    pub look: Duration,
    /// Where the configuration is loaded again.
    pub reloads: Reloads,
}

/// Who wants the configuration loaded again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// SIGHUP.
    Signal,
    /// One of its files has changed.
    Change,
    Order(OrderId),
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signal => f.write_str("a signal"),
            Self::Change => f.write_str("a changed file"),
            Self::Order(id) => write!(f, "order {id}"),
        }
    }
}

/// For whoever wants the configuration loaded again.
#[derive(Debug, Clone)]
pub struct Reloads(mpsc::UnboundedSender<Asked>);

impl Reloads {
    /// With the end at which it is heard.
    pub fn new() -> (Self, mpsc::UnboundedReceiver<Asked>) {
        let (tell, heard) = mpsc::unbounded_channel();
        (Self(tell), heard)
    }

    /// Asks for it. Each is heard, in order; a daemon that is stopping hears nobody.
    pub fn ask(&self, asked: Asked) {
        let _ = self.0.send(asked);
    }
}

impl Upkeep {
    /// Works until `stop`. Orders wait for nothing else that is done here, however long it takes.
    pub async fn run(self, stop: CancellationToken) {
        tokio::join!(self.look_for_orders(&stop), self.tick(&stop));
    }

    async fn look_for_orders(&self, stop: &CancellationToken) {
        while !stop.is_cancelled() {
            let looked = self.take_orders().await;
            self.tell("orders", looked);
            pause(self.look, stop).await;
        }
    }

    async fn tick(&self, stop: &CancellationToken) {
        let mut after = ArticleId::default();
        while !stop.is_cancelled() {
            let next = tokio::time::Instant::now() + TICK;
            let replayed = self.replay().await;
            self.tell("replays", replayed);
            let withdrawn = self.withdraw_lapsed().await;
            self.tell("the rights clock", withdrawn);
            match self.tidy(after).await {
                Ok(reached) => after = reached,
                Err(why) => self.tell("retention", Err(why)),
            }
            pause(next.saturating_duration_since(tokio::time::Instant::now()), stop).await;
        }
    }

    /// A ledger that cannot write says so itself; the next look tries again.
    fn tell(&self, what: &str, done: Result<(), LedgerError>) {
        match done {
            Ok(()) | Err(LedgerError::Unavailable(_) | LedgerError::Closed) => {}
            Err(why @ (LedgerError::Unusable(_) | LedgerError::Damaged(_))) => {
                tracing::error!(what, reason = %why, "upkeep not done");
            }
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
