//! What a door or a listener makes of its secrets, made anew when one of their files has changed.
//!
//! A secret that was rotated takes effect without a restart, a few seconds after its file was replaced. Files are looked
//! at when somebody asks and some seconds have passed since the last look; a door at rest looks at nothing, and one
//! whose secrets are all variables never does. What cannot be read, or cannot be used, changes nothing: the last value
//! stays in use, and the log says so once.
//!
//! It does not know what is made.

use std::fmt::Display;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use crate::config::SecretRef;

/// The time between two looks. An operator who has replaced a secret waits for no longer than that.
const BETWEEN: Duration = Duration::from_secs(5);

/// How long an attempt waits for a look. A file system that hangs holds up one attempt for that time, and then no other:
/// no further look begins before that one has ended.
const LONGEST_LOOK: Duration = Duration::from_secs(1);

/// Looks under way at once. A fleet's secrets are all due together after a quiet time, and each look has a thread: who finds
/// no place goes on with what it has, and looks at its next attempt.
static LOOKS: Semaphore = Semaphore::const_new(AT_ONCE);
const AT_ONCE: usize = 4;

/// A file that changed so short a time before it was read may change again unseen: file systems count time in ticks.
const TICK: Duration = Duration::from_secs(2);

/// A look is under way.
const LOOKING: u64 = u64::MAX;

/// A `T` as the secrets are now.
pub struct Fresh<T>(Arc<Kept<T>>);

struct Kept<T> {
    made: Mutex<Arc<T>>,
    /// `None`: there is no file to look at.
    watch: Option<Watch<T>>,
}

struct Watch<T> {
    files: Box<[PathBuf]>,
    /// With the reason where it cannot be made, in a sentence.
    make: Box<dyn Fn() -> Result<T, String> + Send + Sync>,
    base: Instant,
    /// In milliseconds since `base`, or [`LOOKING`].
    next: AtomicU64,
    seen: Mutex<Seen>,
}

/// What the last look saw.
struct Seen {
    /// `None`: whether they have changed since cannot be told.
    stamps: Option<Box<[Stamp]>>,
    in_trouble: bool,
}

/// What changes with a file's content, as far as can be seen without reading it.
#[derive(Debug, PartialEq, Eq)]
pub struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl<T: Send + Sync + 'static> Fresh<T> {
    /// What `make` makes, which reads `secrets` and no others.
    ///
    /// # Errors
    /// Those of `make`.
    pub fn new<'a, E: Display>(
        secrets: impl IntoIterator<Item = &'a SecretRef>,
        make: impl Fn() -> Result<T, E> + Send + Sync + 'static,
    ) -> Result<Self, E> {
        let files: Box<[PathBuf]> = secrets.into_iter().filter_map(SecretRef::file).collect();
        // Before they are read: a change that comes between is seen at the next look.
        let stamps = stamps(&files);
        let made = Mutex::new(Arc::new(make()?));
        let watch = (!files.is_empty()).then(|| Watch {
            files,
            make: Box::new(move || make().map_err(|why| why.to_string())),
            base: Instant::now(),
            next: AtomicU64::new(millis(BETWEEN)),
            seen: Mutex::new(Seen { stamps: stamps.ok().flatten(), in_trouble: false }),
        });
        Ok(Self(Arc::new(Kept { made, watch })))
    }

    /// It, with secrets that were looked at some seconds ago at most.
    pub async fn current(&self) -> Arc<T> {
        if let Some(watch) = &self.0.watch
            && watch.is_due()
            && let Ok(place) = LOOKS.try_acquire()
            && watch.is_mine_to_look()
        {
            let kept = Arc::clone(&self.0);
            let look = tokio::task::spawn_blocking(move || {
                kept.look();
                drop(place);
            });
            if timeout(LONGEST_LOOK, look).await.is_err() {
                let files = watch.names();
                tracing::warn!(
                    files,
                    "secrets cannot be looked at: the file system does not answer; the last values stay in use"
                );
            }
        }
        self.0.held()
    }
}

impl<T> Kept<T> {
    fn held(&self) -> Arc<T> {
        Arc::clone(&locked(&self.made))
    }

    fn look(&self) {
        let Some(watch) = &self.watch else { return };
        let mut seen = locked(&watch.seen);
        let stamps = stamps(&watch.files).map_err(|why| why.to_string());
        let unchanged = matches!((&stamps, &seen.stamps), (Ok(Some(now)), Some(then)) if now == then);
        if !unchanged {
            let made = stamps.and_then(|stamps| Ok((stamps, (watch.make)()?)));
            match made {
                Ok((stamps, made)) => {
                    *locked(&self.made) = Arc::new(made);
                    if seen.in_trouble || seen.stamps.is_some() {
                        tracing::info!(files = watch.names(), "secrets were read again, and are in use");
                    }
                    *seen = Seen { stamps, in_trouble: false };
                }
                Err(reason) => {
                    // Tried again at every look, said once.
                    seen.stamps = None;
                    if !std::mem::replace(&mut seen.in_trouble, true) {
                        let files = watch.names();
                        tracing::warn!(files, reason, "a secret cannot be used; the last value stays in use");
                    }
                }
            }
        }
        watch.next.store(millis(watch.base.elapsed() + BETWEEN), Ordering::Release);
    }
}

impl<T> Watch<T> {
    /// Whether it is time for a look, and none is under way.
    fn is_due(&self) -> bool {
        let next = self.next.load(Ordering::Acquire);
        next != LOOKING && millis(self.base.elapsed()) >= next
    }

    /// The same, and nobody else has begun with it.
    fn is_mine_to_look(&self) -> bool {
        let next = self.next.load(Ordering::Acquire);
        self.is_due() && self.next.compare_exchange(next, LOOKING, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    fn names(&self) -> String {
        self.files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(", ")
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(LOOKING - 1)
}

/// One for each file; none where one of them changed just now.
fn stamps(files: &[PathBuf]) -> io::Result<Option<Box<[Stamp]>>> {
    let found = files.iter().map(std::fs::metadata).collect::<io::Result<Vec<Metadata>>>()?;
    Ok(found.iter().map(Stamp::of).collect())
}

impl Stamp {
    /// `None` where the file changed just now: whether it does so again could not be told.
    pub fn of(metadata: &Metadata) -> Option<Self> {
        let age = metadata.modified().ok().and_then(|at| SystemTime::now().duration_since(at).ok());
        age.filter(|age| *age >= TICK).map(|_| Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::atomic::AtomicUsize;

    use super::*;

    struct Scene {
        dir: tempfile::TempDir,
        made: Arc<AtomicUsize>,
    }

    impl Scene {
        fn new() -> Self {
            let scene = Self { dir: tempfile::tempdir().unwrap(), made: Arc::default() };
            scene.write("one");
            scene
        }

        fn path(&self) -> PathBuf {
            self.dir.path().join("secret")
        }

        /// As careful software does: whole, under another name, then moved. The file looks older than it is, as one does
        /// that was copied with its times.
        fn write(&self, text: &str) {
            let new = self.dir.path().join("new");
            fs::write(&new, text).unwrap();
            let old = SystemTime::now() - Duration::from_secs(3_600);
            fs::File::options().write(true).open(&new).unwrap().set_modified(old).unwrap();
            fs::rename(new, self.path()).unwrap();
        }

        fn fresh(&self) -> Fresh<String> {
            let secret = SecretRef::File(self.path());
            let (reads, made) = (secret.clone(), Arc::clone(&self.made));
            Fresh::new([&secret], move || {
                made.fetch_add(1, Ordering::Relaxed);
                reads.resolve().map(|secret| secret.expose().to_owned())
            })
            .unwrap()
        }

        fn made(&self) -> usize {
            self.made.load(Ordering::Relaxed)
        }
    }

    async fn later() {
        tokio::time::advance(BETWEEN).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_secret_that_was_replaced_is_used_some_seconds_later() {
        let scene = Scene::new();
        let fresh = scene.fresh();
        scene.write("two");
        assert_eq!(*fresh.current().await, "one", "nobody looks that soon");
        later().await;
        assert_eq!(*fresh.current().await, "two");
        // As large, as old, and in the same place on the disk.
        let modified = fs::metadata(scene.path()).unwrap().modified().unwrap();
        fs::write(scene.path(), "TWO").unwrap();
        fs::File::options().write(true).open(scene.path()).unwrap().set_modified(modified).unwrap();
        later().await;
        assert_eq!(*fresh.current().await, "TWO");
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_that_stays_as_it_is_is_read_once() {
        let scene = Scene::new();
        let fresh = scene.fresh();
        for _ in 0..5 {
            later().await;
            fresh.current().await;
        }
        assert_eq!(scene.made(), 1);
        // One that changed this moment may change again within the clock's tick.
        fs::write(scene.path(), "now").unwrap();
        for _ in 0..3 {
            later().await;
            assert_eq!(*fresh.current().await, "now");
        }
        assert_eq!(scene.made(), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn what_cannot_be_read_changes_nothing_until_it_can() {
        let scene = Scene::new();
        let fresh = scene.fresh();
        for broken in ["", "\n"] {
            scene.write(broken);
            later().await;
            assert_eq!(*fresh.current().await, "one");
        }
        fs::remove_file(scene.path()).unwrap();
        later().await;
        assert_eq!(*fresh.current().await, "one");
        scene.write("two");
        later().await;
        assert_eq!(*fresh.current().await, "two");
    }

    /// A log that can be read.
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            locked(&self.0).extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn trouble_is_said_once_and_so_is_its_end() {
        let scene = Scene::new();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let _entered = runtime.enter();
        let fresh = scene.fresh();
        let log = Log::default();
        let writer = log.clone();
        let subscriber =
            tracing_subscriber::fmt().with_writer(move || writer.clone()).with_ansi(false).without_time().finish();
        // While there is one subscriber alone, tracing asks that of the thread that comes to an event first whether anybody
        // listens, and remembers the answer: other tests come here without one.
        let _another = tracing::Dispatch::new(tracing_subscriber::registry());
        tracing::subscriber::with_default(subscriber, || {
            for text in ["one", "", "", "two", "two"] {
                scene.write(text);
                fresh.0.look();
            }
        });
        let said = String::from_utf8(std::mem::take(&mut *locked(&log.0))).unwrap();
        let said = said.replace(&scene.path().display().to_string(), "SECRET");
        insta::assert_snapshot!(said, @r#"
    INFO newswired::fresh: secrets were read again, and are in use files="SECRET"
    WARN newswired::fresh: a secret cannot be used; the last value stays in use files="SECRET" reason="the secret file:SECRET is empty"
    INFO newswired::fresh: secrets were read again, and are in use files="SECRET"
    INFO newswired::fresh: secrets were read again, and are in use files="SECRET"
    "#);
    }

    #[tokio::test(start_paused = true)]
    async fn one_looks_and_nobody_waits_for_a_look_that_hangs() {
        let scene = Scene::new();
        let secret = SecretRef::File(scene.path());
        let (hold, held) = std::sync::mpsc::channel::<()>();
        let held = Mutex::new(held);
        let first = AtomicUsize::new(0);
        let fresh = Fresh::new([&secret], move || {
            // The first making is that of the door; the look's waits until the test lets it go.
            if first.fetch_add(1, Ordering::Relaxed) > 0 {
                let _ = locked(&held).recv();
            }
            Ok::<_, String>(first.load(Ordering::Relaxed))
        })
        .unwrap();
        scene.write("two");
        later().await;
        let began = std::time::Instant::now();
        // Time stands still for the runtime while a thread of it works, so it is moved by hand.
        let mut hanging = std::pin::pin!(fresh.current());
        assert!(futures_util::poll!(hanging.as_mut()).is_pending());
        let at_once =
            |polled: std::task::Poll<Arc<usize>>| matches!(polled, std::task::Poll::Ready(made) if *made == 1);
        let mut meanwhile = std::pin::pin!(fresh.current());
        assert!(at_once(futures_util::poll!(meanwhile.as_mut())), "who comes meanwhile waits for nothing");
        tokio::time::advance(LONGEST_LOOK).await;
        assert_eq!(*hanging.await, 1);
        assert!(began.elapsed() < Duration::from_secs(5));
        later().await;
        let mut afterwards = std::pin::pin!(fresh.current());
        assert!(at_once(futures_util::poll!(afterwards.as_mut())), "no second look begins before the first has ended");
        drop(hold);
    }

    #[test]
    fn variables_are_not_looked_at() {
        let secret: SecretRef = "env:PATH".parse().unwrap();
        assert!(Fresh::new([&secret], || Ok::<_, String>(())).unwrap().0.watch.is_none());
    }
}
