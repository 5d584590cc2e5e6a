//! The files of stories' media: fetched once, kept, and given to the doors that push them.
//!
//! ```text
//!  a lane asks for a file ──▶ on the shelf? ──▶ here, or gone
//!                                  │ no
//!                                  ▼
//!                    one flight for all who ask ──▶ fetched, looked at, kept by its digest
//! ```
//!
//! A file belongs to an address and a version of a story: who asks for the same at any time gets the same, as long as it
//! is kept. Flights are the store's own tasks: whoever waits for one waits for a while and no longer, and a server that is
//! slow holds up those alone who need its files (promise 7). That a file is gone is kept, too, so that a document that
//! went without it is the same at its next attempt (promise 9).
//!
//! The store does not know what a file is for, or where it goes.

mod fetch;
mod kind;
mod shelf;
#[cfg(test)]
mod tests;

pub use shelf::Loaded;

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use self::fetch::{NoFile, fetch};
use self::shelf::{Entry, Kept, Key, Shelf};
use super::client::Network;
use crate::article::{Guid, Version};
use crate::config::{MediaStore, MediaType};
use crate::telemetry::Metrics;

/// Files that are asked for and not there, at once. Beyond that nobody begins to wait for another: each needs a few words
/// of memory and its turn.
const MOST_FLIGHTS: usize = 1_000;

/// Files whose trouble is remembered. One that is forgotten is fetched again sooner than it need be.
const MOST_TROUBLES: usize = 10_000;

/// After a file could not be fetched, it is not tried again for this long, and twice as long after each time.
const PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The store of media files.
pub struct Media {
    shelf: Arc<Shelf>,
    how: MediaStore,
    network: Arc<Network>,
    metrics: Arc<Metrics>,
    flights: Mutex<HashMap<Key, watch::Receiver<Option<Have>>>>,
    troubles: Mutex<HashMap<Key, Trouble>>,
    /// Turns to fetch, of all and of each host.
    turns: Semaphore,
    hosts: Mutex<HashMap<String, Weak<Semaphore>>>,
    /// Bytes on the shelf.
    held: Mutex<u64>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// What there is of a file.
#[derive(Debug, Clone)]
pub enum Have {
    Here(Enclosure),
    /// It will not come any more, and why.
    Gone(String),
    NotNow(String),
}

/// A file that could not be fetched.
struct Trouble {
    since: Instant,
    tries: u32,
    next: Instant,
    why: String,
}

/// A file that goes with a document.
#[derive(Debug, Clone)]
pub struct Enclosure {
    /// What the document calls it.
    pub name: String,
    kept: Kept,
    shelf: Arc<Shelf>,
}

impl Enclosure {
    /// The SHA-256 of its bytes, in 64 hexadecimal digits.
    pub fn digest(&self) -> &str {
        &self.kept.digest
    }

    pub fn kind(&self) -> MediaType {
        self.kept.kind
    }

    /// Its bytes, for as long as they are held.
    ///
    /// # Errors
    /// When they are not on the shelf any more: the next attempt fetches them again.
    pub async fn load(&self) -> io::Result<Arc<Loaded>> {
        let (shelf, kept) = (Arc::clone(&self.shelf), self.kept.clone());
        on_disk(move || shelf.load(&kept)).await
    }

    /// One of a test, in `dir`.
    #[cfg(test)]
    pub fn in_test(dir: &Path, name: &str, bytes: &[u8]) -> Self {
        let shelf = Shelf::open(dir).unwrap();
        let (kept, _) = shelf.keep(&Key::of(name, "", 1), bytes, MediaType::Png).unwrap();
        Self { name: name.to_owned(), kept, shelf: Arc::new(shelf) }
    }
}

/// Work of the disk, on a thread that may wait.
async fn on_disk<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|broken| Err(io::Error::other(broken)))
}

impl Media {
    /// Opens the store in `dir`.
    ///
    /// # Errors
    /// When the directory cannot be made or written to.
    pub fn open(dir: &Path, how: &MediaStore, network: &Arc<Network>, metrics: &Arc<Metrics>) -> io::Result<Arc<Self>> {
        let store = Arc::new(Self {
            shelf: Arc::new(Shelf::open(dir)?),
            turns: Semaphore::new(how.at_once.max(1).into()),
            how: how.clone(),
            network: Arc::clone(network),
            metrics: Arc::clone(metrics),
            flights: Mutex::default(),
            troubles: Mutex::default(),
            hosts: Mutex::default(),
            held: Mutex::default(),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        });
        let tidying = Arc::clone(&store);
        store.tasks.spawn(async move { tidying.tidy().await });
        Ok(store)
    }

    /// The file at `address` for a version of a story, which the document calls `name`. It is fetched where it is not
    /// there; who asks waits for that only for the configured patience.
    pub async fn want(self: &Arc<Self>, address: &str, name: &str, story: &Guid, version: Version) -> Have {
        let key = Key::of(address, story.as_str(), version.get());
        let have = match self.found(&key).await {
            Ok(Some(entry)) => self.have(entry),
            Ok(None) => match self.trouble(&key) {
                Some(trouble) => trouble,
                None => self.flight(&key, address).await,
            },
            Err(why) => Have::NotNow(format!("the store of media files cannot be read: {why}")),
        };
        match have {
            Have::Here(enclosure) => Have::Here(Enclosure { name: name.to_owned(), ..enclosure }),
            none @ (Have::Gone(_) | Have::NotNow(_)) => none,
        }
    }

    /// Fetches nothing more, and ends what is under way.
    pub async fn close(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    async fn found(&self, key: &Key) -> io::Result<Option<Entry>> {
        let (shelf, key) = (Arc::clone(&self.shelf), key.clone());
        on_disk(move || shelf.find(&key)).await
    }

    fn have(&self, entry: Entry) -> Have {
        match entry {
            Entry::Kept(kept) => Have::Here(Enclosure { name: String::new(), kept, shelf: Arc::clone(&self.shelf) }),
            Entry::Gone(why) => Have::Gone(why),
        }
    }

    /// Whether it is too soon to fetch it again.
    fn trouble(&self, key: &Key) -> Option<Have> {
        let troubles = locked(&self.troubles);
        let trouble = troubles.get(key).filter(|trouble| Instant::now() < trouble.next)?;
        Some(Have::NotNow(trouble.why.clone()))
    }

    /// Waits for the flight of `key`, which it begins where there is none.
    async fn flight(self: &Arc<Self>, key: &Key, address: &str) -> Have {
        let mut landed = {
            let mut flights = locked(&self.flights);
            match flights.get(key) {
                Some(landed) => landed.clone(),
                None if flights.len() >= MOST_FLIGHTS => {
                    return Have::NotNow(format!("{MOST_FLIGHTS} other files are being fetched"));
                }
                None => {
                    let (land, landed) = watch::channel(None);
                    flights.insert(key.clone(), landed.clone());
                    let (store, key, address) = (Arc::clone(self), key.clone(), address.to_owned());
                    self.tasks.spawn(async move {
                        let have = tokio::select! {
                            have = store.bring(&key, &address) => have,
                            () = store.stop.cancelled() => Have::NotNow("newswired stops".to_owned()),
                        };
                        // Who comes from here on finds it on the shelf, or its trouble.
                        locked(&store.flights).remove(&key);
                        land.send_replace(Some(have));
                    });
                    landed
                }
            }
        };
        let patience = self.how.patience.get();
        match timeout(patience, landed.wait_for(Option::is_some)).await {
            Ok(Ok(have)) => have.clone().unwrap_or_else(|| Have::NotNow("it did not come".to_owned())),
            Ok(Err(_)) => Have::NotNow("fetching it broke off".to_owned()),
            Err(_) => Have::NotNow(format!("it is being fetched; it did not come within {}", self.how.patience)),
        }
    }

    /// Fetches a file and keeps it.
    async fn bring(self: &Arc<Self>, key: &Key, address: &str) -> Have {
        // It may have come between the look at the shelf and this flight.
        match self.found(key).await {
            Ok(Some(entry)) => return self.have(entry),
            Ok(None) => {}
            Err(why) => return Have::NotNow(format!("the store of media files cannot be read: {why}")),
        }
        let host = self.host(address);
        // A host's turn first: who waits for a slow one keeps nobody else's. Nobody closes either.
        let (Ok(_of_host), Ok(_of_all)) = (host.acquire().await, self.turns.acquire().await) else {
            return Have::NotNow("newswired stops".to_owned());
        };
        let began = Instant::now();
        let fetched = fetch(address, &self.how, &self.network).await;
        let elapsed_ms = began.elapsed().as_millis();
        match fetched {
            Ok((bytes, kind)) => {
                self.metrics.media_fetched.inc();
                self.metrics.media_fetched_bytes.inc_by(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
                self.keep(key, bytes, kind).await
            }
            Err(NoFile::ForGood(why)) => {
                self.metrics.media_failures.inc();
                tracing::warn!(address, reason = why, elapsed_ms, "media file is gone");
                self.gone(key, why).await
            }
            Err(NoFile::NotNow(why)) => {
                self.metrics.media_failures.inc();
                tracing::warn!(address, reason = why, elapsed_ms, "media file not fetched");
                self.troubled(key, why).await
            }
        }
    }

    async fn keep(self: &Arc<Self>, key: &Key, bytes: bytes::Bytes, kind: MediaType) -> Have {
        locked(&self.troubles).remove(key);
        let (shelf, at) = (Arc::clone(&self.shelf), key.clone());
        match on_disk(move || shelf.keep(&at, &bytes, kind)).await {
            Ok((kept, more)) => {
                if self.holds_too_much(more) {
                    let tidying = Arc::clone(self);
                    self.tasks.spawn(async move { tidying.tidy().await });
                }
                self.have(Entry::Kept(kept))
            }
            Err(why) => {
                self.metrics.media_failures.inc();
                tracing::error!(reason = %why, "media file not kept");
                Have::NotNow(format!("it cannot be kept: {why}"))
            }
        }
    }

    /// Counts what has come, and tells whether something has to go.
    fn holds_too_much(&self, more: u64) -> bool {
        let mut held = locked(&self.held);
        *held += more;
        self.metrics.media_held_bytes.set(i64::try_from(*held).unwrap_or(i64::MAX));
        *held > u64::try_from(self.how.budget.get()).unwrap_or(u64::MAX)
    }

    async fn tidy(&self) {
        let (shelf, budget) = (Arc::clone(&self.shelf), u64::try_from(self.how.budget.get()).unwrap_or(u64::MAX));
        match on_disk(move || shelf.tidy(budget)).await {
            Ok(held) => {
                *locked(&self.held) = held;
                self.metrics.media_held_bytes.set(i64::try_from(held).unwrap_or(i64::MAX));
            }
            Err(why) => tracing::error!(reason = %why, "the store of media files cannot be tidied"),
        }
    }

    /// Keeps that there is nothing.
    async fn gone(&self, key: &Key, why: String) -> Have {
        locked(&self.troubles).remove(key);
        let (shelf, at, entry) = (Arc::clone(&self.shelf), key.clone(), Entry::Gone(why.clone()));
        match on_disk(move || shelf.note(&at, &entry)).await {
            Ok(()) => Have::Gone(why),
            // What was not kept may be another next time.
            Err(no) => Have::NotNow(format!("{why}; and that cannot be kept: {no}")),
        }
    }

    /// Notes that it could not be fetched; after too long a time it is gone.
    async fn troubled(&self, key: &Key, why: String) -> Have {
        let now = Instant::now();
        let since = {
            let mut troubles = locked(&self.troubles);
            if troubles.len() >= MOST_TROUBLES {
                troubles.retain(|_, trouble| now < trouble.next);
            }
            if troubles.len() >= MOST_TROUBLES {
                troubles.clear();
            }
            let trouble = troubles.entry(key.clone()).or_insert_with(|| Trouble {
                since: now,
                tries: 0,
                next: now,
                why: String::new(),
            });
            let pause = PAUSE.saturating_mul(2_u32.saturating_pow(trouble.tries)).min(LONGEST_PAUSE);
            trouble.tries = trouble.tries.saturating_add(1);
            trouble.next = now + pause;
            trouble.why.clone_from(&why);
            trouble.since
        };
        if now.duration_since(since) < self.how.give_up_after.get() {
            return Have::NotNow(why);
        }
        self.gone(key, format!("it could not be fetched for {}: {why}", self.how.give_up_after)).await
    }

    /// The turns of a file's host: half of all.
    fn host(&self, address: &str) -> Arc<Semaphore> {
        let host = Url::parse(address).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
        let mut hosts = locked(&self.hosts);
        if let Some(turns) = hosts.get(&host).and_then(Weak::upgrade) {
            return turns;
        }
        hosts.retain(|_, turns| turns.strong_count() > 0);
        let turns = Arc::new(Semaphore::new(usize::from(self.how.at_once).div_ceil(2).max(1)));
        hosts.insert(host, Arc::downgrade(&turns));
        turns
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
