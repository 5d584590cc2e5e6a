//! Closes what nobody uses: connections that were idle for long, that are too old, or that the other side has closed.
//!
//! A connection of HTTP/1.1 has no task of its own that could look after it (see [`http1`](super::http1)). One task looks
//! after those of all doors instead, for as long as any lies idle.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::pool::Pool;

/// How often it looks. A connection that the other side has closed keeps its file for so long, unless it is asked for before.
const EVERY: Duration = Duration::from_secs(10);

/// Knows the pools in which connections lie idle.
#[derive(Default)]
pub struct Sweeper(Mutex<Known>);

#[derive(Default)]
struct Known {
    pools: Vec<Weak<Pool>>,
    /// A task looks after them.
    at_work: bool,
}

impl Sweeper {
    /// Looks after a pool until nothing lies idle there.
    pub fn look_after(self: &Arc<Self>, pool: &Arc<Pool>) {
        let mut known = self.known();
        known.pools.push(Arc::downgrade(pool));
        if !std::mem::replace(&mut known.at_work, true) {
            tokio::spawn(work(Arc::downgrade(self)));
        }
    }

    /// Looks at all of them once. Returns whether any is left to look after.
    fn sweep(&self, now: Instant) -> bool {
        // A pool that has something again tells so under its own lock, so none is looked at under this one.
        let mut pools = std::mem::take(&mut self.known().pools);
        pools.retain(|pool| pool.upgrade().is_some_and(|pool| pool.sweep(now)));
        let mut known = self.known();
        known.pools.append(&mut pools);
        known.at_work = !known.pools.is_empty();
        known.at_work
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends when nothing lies idle, or when nobody is left who could have anything.
async fn work(sweeper: Weak<Sweeper>) {
    loop {
        sleep(EVERY).await;
        if !sweeper.upgrade().is_some_and(|sweeper| sweeper.sweep(Instant::now())) {
            return;
        }
    }
}
