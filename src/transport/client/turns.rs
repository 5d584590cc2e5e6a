//! Work that comes in crowds and must not keep the processor from everything else: a fleet that connects at once.
//!
//! A TLS handshake takes about a millisecond of processor time, in pieces, and between them waits for the other side. A
//! bound on handshakes under way would let doors that hang keep the places of those that do not. So what is bounded is
//! the work: each piece of it waits for its turn, and has it for that piece only. Who has the next turn goes to the end of
//! the runtime's line, so that everything that stands there comes in between, and the crowd stands in this line.
//!
//! At full speed that line is long, and each who waits here waits for all of it several times. A withdrawal that needs a
//! connection does not (promise 4): of its crowd each has somebody who must not read on.

use std::task::Poll;

use tokio::sync::{Semaphore, SemaphorePermit};

tokio::task_local! {
    /// Set where a turn is not waited for. Every transport would have to hand it down to where it connects.
    static AT_ONCE: ();
}

/// Does `work` without waiting for a turn, wherever in it one is to be taken.
pub async fn at_once<F: Future>(work: F) -> F::Output {
    AT_ONCE.scope((), work).await
}

/// Whether this is part of what is done so.
pub fn is_at_once() -> bool {
    AT_ONCE.try_with(|()| ()).is_ok()
}

/// The line, first come, first served.
pub struct Turns(Semaphore);

impl Turns {
    /// `at_once` pieces of work at the same time, at least one.
    pub fn new(at_once: usize) -> Self {
        Self(Semaphore::new(at_once.max(1)))
    }

    /// Half of the processors: whatever the crowd, the other half is for what is under way.
    pub fn of_this_machine() -> Self {
        Self::new(std::thread::available_parallelism().map_or(1, |processors| processors.get() / 2))
    }

    /// What the work that `begin` begins comes to. No turn is held while it waits for something.
    ///
    /// It is begun in its first turn, in a place of its own: ten thousand that stand in the line are not to have what only
    /// work under way needs, which is kilobytes.
    pub async fn take<F: Future>(&self, begin: impl FnOnce() -> F) -> F::Output {
        if is_at_once() {
            return Box::pin(begin()).await;
        }
        let mut turn = self.next().await;
        let mut work = Box::pin(begin());
        loop {
            if let Poll::Ready(output) = futures_util::poll!(work.as_mut()) {
                return output;
            }
            drop(turn);
            // It has left word whom to wake.
            futures_util::pending!();
            turn = self.next().await;
        }
    }

    /// None if the line were closed, which it never is.
    async fn next(&self) -> Option<SemaphorePermit<'_>> {
        match self.0.try_acquire() {
            Ok(turn) => {
                // Nobody was in this line, and many may be in the runtime's that are about to come here.
                tokio::task::yield_now().await;
                Some(turn)
            }
            // Whoever waited is at the end of the runtime's line when its turn comes.
            Err(_) => self.0.acquire().await.ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn what_is_done_at_once_stands_in_no_line() {
        let turns = Turns::new(1);
        let held = turns.next().await;
        let work = || async { 7 };
        assert_eq!(turns.take(work).now_or_never(), None);
        assert_eq!(at_once(turns.take(work)).now_or_never(), Some(7));
        drop(held);
        assert_eq!(turns.take(work).await, 7);
    }

    #[tokio::test]
    async fn what_hangs_keeps_no_turn() {
        let turns = Arc::new(Turns::new(1));
        let mut hanging = tokio::task::JoinSet::new();
        for _ in 0..100 {
            let turns = Arc::clone(&turns);
            hanging.spawn(async move { turns.take(std::future::pending::<()>).await });
        }
        // All of them have had their first turn when this one has, who comes last.
        assert_eq!(turns.take(|| async { 7 }).await, 7);
        assert_eq!(hanging.len(), 100);
    }

    #[tokio::test]
    async fn who_stands_in_the_line_has_not_begun() {
        let turns = Turns::new(1);
        let begun = AtomicUsize::new(0);
        let turn = turns.next().await;
        let mut waits = pin!(turns.take(|| std::future::ready(begun.fetch_add(1, Ordering::Relaxed))));
        assert!(futures_util::poll!(waits.as_mut()).is_pending());
        assert_eq!(begun.load(Ordering::Relaxed), 0);
        drop(turn);
        waits.await;
        assert_eq!(begun.load(Ordering::Relaxed), 1);
    }

    /// Each piece of work lets go before the next begins, so what is ready beside it comes in between.
    #[tokio::test]
    async fn a_crowd_leaves_room_between_its_pieces() {
        const CROWD: usize = 50;
        const PIECES: usize = 4;
        let turns = Arc::new(Turns::new(1));
        let done = Arc::new(AtomicUsize::new(0));
        let mut crowd = tokio::task::JoinSet::new();
        for _ in 0..CROWD {
            let (turns, done) = (Arc::clone(&turns), Arc::clone(&done));
            crowd.spawn(async move {
                let mut left = PIECES;
                turns
                    .take(|| {
                        std::future::poll_fn(move |context| {
                            done.fetch_add(1, Ordering::Relaxed);
                            left -= 1;
                            context.waker().wake_by_ref();
                            if left == 0 { Poll::Ready(()) } else { Poll::Pending }
                        })
                    })
                    .await;
            });
        }
        // Who is not of the crowd, and always ready, has its turn again and again before the crowd is through. If all of
        // that stood in the runtime's line, 50 pieces would go before it each time.
        let (mut before, mut most_between) = (0, 0);
        let bystander = tokio::spawn(std::future::poll_fn({
            let done = Arc::clone(&done);
            move |context| {
                let now = done.load(Ordering::Relaxed);
                most_between = most_between.max(now - before);
                before = now;
                context.waker().wake_by_ref();
                if now == CROWD * PIECES { Poll::Ready(most_between) } else { Poll::Pending }
            }
        }));
        let most_between = bystander.await.unwrap();
        assert_eq!(done.load(Ordering::Relaxed), CROWD * PIECES);
        assert!(most_between <= 4, "{most_between} pieces without a pause");
    }
}
