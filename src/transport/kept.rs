//! Sessions that a door keeps between deliveries, and how many it may have.
//!
//! It does not know what is asked in one.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout};

/// A session that was idle for longer is not used again: servers commonly end one after five minutes or more.
pub const LONGEST_IDLE: Duration = Duration::from_secs(120);

/// The sessions of one door.
pub struct Kept<S> {
    /// The last one that was used is the first to be used again.
    idle: Mutex<Vec<One<S>>>,
    places: Semaphore,
    max_age: Duration,
}

/// One of them.
pub struct One<S> {
    pub session: S,
    opened: Instant,
    used: Instant,
}

impl<S> Kept<S> {
    /// At most `at_once`, none of which is used again when it is older than `max_age`.
    pub fn new(at_once: usize, max_age: Duration) -> Self {
        Self { idle: Mutex::default(), places: Semaphore::new(at_once.max(1)), max_age }
    }

    /// Room for one session more; none if there was none for so long.
    pub async fn place(&self, patience: Duration) -> Option<SemaphorePermit<'_>> {
        timeout(patience, self.places.acquire()).await.ok()?.ok()
    }

    /// One that may be used, if there is one. Those that may not are let go.
    pub fn take(&self, is_over: impl Fn(&S) -> bool) -> Option<One<S>> {
        let now = Instant::now();
        let mut idle = self.idle();
        idle.retain(|one| !is_over(&one.session) && now - one.used < LONGEST_IDLE && now - one.opened < self.max_age);
        idle.pop()
    }

    pub fn new_one(&self, session: S) -> One<S> {
        let now = Instant::now();
        One { session, opened: now, used: now }
    }

    /// For whoever comes next.
    pub fn keep(&self, one: One<S>) {
        self.idle().push(One { used: Instant::now(), ..one });
    }

    fn idle(&self) -> MutexGuard<'_, Vec<One<S>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGE: Duration = Duration::from_secs(300);

    #[tokio::test(start_paused = true)]
    async fn what_is_idle_old_or_over_is_not_used_again() {
        let kept = Kept::new(2, AGE);
        kept.keep(kept.new_one("a"));
        tokio::time::advance(LONGEST_IDLE).await;
        assert!(kept.take(|_| false).is_none(), "it was idle for too long");
        let mut one = kept.new_one("b");
        for _ in 0..3 {
            kept.keep(one);
            tokio::time::advance(AGE / 3 - Duration::from_millis(1)).await;
            one = kept.take(|_| false).expect("it is used, and young enough");
        }
        kept.keep(one);
        tokio::time::advance(Duration::from_millis(3)).await;
        assert!(kept.take(|_| false).is_none(), "it is too old, although it was just used");
        kept.keep(kept.new_one("c"));
        assert!(kept.take(|session| *session == "c").is_none(), "it is over");
    }

    #[tokio::test(start_paused = true)]
    async fn there_are_no_more_than_there_may_be() {
        let kept = Kept::<()>::new(2, AGE);
        let (one, _two) = (kept.place(AGE).await, kept.place(AGE).await);
        assert!(one.is_some() && kept.place(AGE).await.is_none());
        drop(one);
        assert!(kept.place(AGE).await.is_some());
    }
}
