//! What is in force: replaced whole when the configuration is loaded again, and read by all who go by it.
//!
//! Whoever has got it goes by it to the end of what it does, so nothing is done half by the old and half by the new.

use std::sync::{Arc, PoisonError, RwLock};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// A value that is replaced as a whole.
#[derive(Debug, Default)]
pub struct Current<T>(RwLock<Arc<T>>);

impl<T> Current<T> {
    pub fn new(value: T) -> Self {
        Self(RwLock::new(Arc::new(value)))
    }

    /// What holds at this moment.
    pub fn get(&self) -> Arc<T> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// From here on `value` holds.
    pub fn set(&self, value: T) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(value);
    }
}

/// How one that works gives way to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handover {
    /// The next begins at once, while the old one finishes what it has.
    AtOnce,
    /// The next begins when the old one has ended.
    After,
}

/// Runs what is wanted, until something else is; then that. `run` works until its token is cancelled. Returns at `stop`,
/// when all of it has ended, and where one ends by itself.
pub async fn follow<T, F>(
    mut wanted: watch::Receiver<Option<T>>,
    handover: Handover,
    run: impl Fn(T, CancellationToken) -> F,
    stop: CancellationToken,
) where
    T: Clone,
    F: Future<Output = ()>,
{
    let mut leaving = FuturesUnordered::new();
    while !stop.is_cancelled() {
        let now = wanted.borrow_and_update().clone();
        let until = stop.child_token();
        let (run, token) = (&run, until.clone());
        let mut works = Box::pin(async move {
            match now {
                Some(now) => run(now, token).await,
                None => token.cancelled().await,
            }
        });
        loop {
            tokio::select! {
                // One that ends by itself has broken off, and whoever waits for this is to know.
                () = &mut works => return while leaving.next().await.is_some() {},
                Some(()) = leaving.next() => {}
                Ok(()) = wanted.changed() => break,
            }
        }
        until.cancel();
        match handover {
            Handover::After => works.await,
            Handover::AtOnce => leaving.push(works),
        }
    }
    while leaving.next().await.is_some() {}
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    async fn told(handover: Handover) -> Vec<String> {
        let said = Mutex::new(Vec::new());
        let (want, wanted) = watch::channel(Some(1));
        let stop = CancellationToken::new();
        let run = |number: i32, until: CancellationToken| {
            let said = &said;
            async move {
                said.lock().unwrap().push(format!("{number} begins"));
                until.cancelled().await;
                tokio::time::sleep(std::time::Duration::from_secs(1)).await;
                said.lock().unwrap().push(format!("{number} has ended"));
            }
        };
        let driven = async {
            for next in [Some(2), None, Some(3)] {
                tokio::time::sleep(std::time::Duration::from_secs(5)).await;
                want.send(next).unwrap();
            }
            tokio::time::sleep(std::time::Duration::from_secs(5)).await;
            stop.cancel();
        };
        tokio::join!(follow(wanted, handover, run, stop.clone()), driven);
        said.into_inner().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn the_next_begins_at_once_or_after_the_last() {
        let ends = ["2 has ended", "3 begins", "3 has ended"];
        assert_eq!(told(Handover::After).await, [["1 begins", "1 has ended", "2 begins"].as_slice(), &ends].concat());
        assert_eq!(told(Handover::AtOnce).await, [["1 begins", "2 begins", "1 has ended"].as_slice(), &ends].concat());
    }

    #[tokio::test]
    async fn one_that_breaks_off_is_noticed() {
        let (_want, wanted) = watch::channel(Some(1));
        follow(wanted, Handover::AtOnce, |_, _| async {}, CancellationToken::new()).await;
    }
}
