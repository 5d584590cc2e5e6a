//! Documents ahead of the commit that accepts their article.
//!
//! While the ledger's writer brings an article to the disk, another processor has little to do, and lanes that are to send
//! it at once would all begin by waiting for its document. So that is made meanwhile, of the article as the ledger will give
//! it back. Nobody waits for it but lanes that need it, and those for what is begun by the commit's end, or is the first:
//! to make that themselves would take them longer on a machine with much to do. All else is left to the lanes, as is what
//! cannot be made.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::oneshot::{self, error::TryRecvError};
use tokio::task::JoinHandle;

use super::{Made, Numbered, Renditions, Terms, Written};
use crate::article::Version;
use crate::ledger::{Acceptance, Attempted, DestinationId, content};
use crate::render;

/// How many editions of an article are made ahead at most: more would hardly be begun before its commit's end. Where each
/// partner has an edition of its own, lanes make the others.
pub const MOST: usize = 8;

/// Documents that are being made of an article that is not accepted yet.
pub struct Ahead {
    renditions: Arc<Renditions>,
    version: Version,
    terms: Arc<Terms>,
    /// By the numbers of their editions, in the order in which they are made.
    coming: Vec<(u32, oneshot::Receiver<Written>)>,
    progress: Arc<Progress>,
    /// None once somebody waits for it.
    making: Option<JoinHandle<()>>,
}

/// How many have been begun, and whether that is enough.
#[derive(Default)]
struct Progress(Mutex<(usize, bool)>);

impl Progress {
    /// Whether the next one is begun. The first always is.
    fn begins(&self) -> bool {
        let (begun, enough) = &mut *self.lock();
        let begins = !*enough || *begun == 0;
        *begun += usize::from(begins);
        begins
    }

    /// No more are begun. Returns how many are.
    fn ends(&self) -> usize {
        let (begun, enough) = &mut *self.lock();
        *enough = true;
        (*begun).max(1)
    }

    fn lock(&self) -> MutexGuard<'_, (usize, bool)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Renditions {
    /// Begins to make what lanes that go by these editions will ask for.
    pub fn ahead(self: &Arc<Self>, acceptance: &Acceptance, editions: Vec<Numbered>) -> Option<Ahead> {
        let (article, now) = (&acceptance.article, acceptance.now);
        // What few may have yet is made for those who ask for it.
        let may_leave =
            article.embargo.is_none_or(|embargo| embargo <= now) && article.expires.is_none_or(|expires| expires > now);
        if editions.is_empty() || !may_leave {
            return None;
        }
        let terms = self.terms.get();
        let policies = Arc::clone(terms.policies.get(&article.wire)?);
        let trace = acceptance.trace.clone().filter(|_| self.traced);
        let (version, article, metrics) = (article.version, article.clone(), Arc::clone(&self.metrics));
        let progress = Arc::<Progress>::default();
        let (mut coming, mut tell) = (Vec::new(), Vec::new());
        for Numbered { number, edition } in editions {
            let (sender, receiver) = oneshot::channel();
            coming.push((number, receiver));
            tell.push((edition, sender));
        }
        let making = {
            let progress = Arc::clone(&progress);
            tokio::task::spawn_blocking(move || {
                let kept = content::write(&article).and_then(|content| content::read(&content, now));
                let Ok(article) = kept else { return };
                for (edition, tell) in tell {
                    if !progress.begins() {
                        return;
                    }
                    // One that cannot be made is for the lanes to meet, when the article is theirs.
                    if let Ok(rendition) = render::rendition_without(&article, &policies, &edition, &BTreeSet::new()) {
                        metrics.renditions.inc();
                        let _ = tell.send(Written::of(&article, &edition, Ok(rendition), trace.clone()));
                    }
                }
            })
        };
        Some(Ahead { renditions: Arc::clone(self), version, terms, coming, progress, making: Some(making) })
    }

    async fn keep(&self, made: &Made, coming: oneshot::Receiver<Written>) {
        // Where it could not be made, a lane that waits for it makes it.
        let _ = self.cache.get_or_insert_async(made, coming).await;
    }
}

impl Ahead {
    /// The article was accepted, and `announced` are the rows that lanes are handed: they find what was made of it, and wait for
    /// what is being made. Returns what has to be polled until that is there.
    #[must_use]
    pub fn keep(mut self, announced: &[(DestinationId, Attempted)]) -> Vec<BoxFuture<'static, ()>> {
        let begun = self.progress.ends();
        let mut left = Vec::new();
        // One that has every version may be handed an older one first.
        let of_this = announced.iter().find(|(_, row)| row.version == self.version);
        let Some(article) = of_this.map(|(_, row)| row.article) else { return left };
        drop(self.making.take());
        for (edition, mut coming) in std::mem::take(&mut self.coming).into_iter().take(begun) {
            let made = (article, edition, self.terms.generation, None);
            match coming.try_recv() {
                Ok(written) => self.renditions.cache.insert(made, written),
                Err(TryRecvError::Closed) => {}
                Err(TryRecvError::Empty) => {
                    let renditions = Arc::clone(&self.renditions);
                    let mut kept = async move { renditions.keep(&made, coming).await }.boxed();
                    // Whoever asks for it from here on waits for this.
                    if (&mut kept).now_or_never().is_none() {
                        left.push(kept);
                    }
                }
            }
        }
        left
    }
}

impl Drop for Ahead {
    /// What was not begun is not begun any more, unless it is the first and its thread has come to it already.
    fn drop(&mut self) {
        self.progress.ends();
        if let Some(making) = &self.making {
            making.abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use jiff::{SignedDuration, Timestamp};
    use tokio::time::timeout;

    use super::*;
    use crate::article::Article;
    use crate::attribution::sample;
    use crate::config::{Edition, Format};
    use crate::delivery::{Documents, Editions};
    use crate::ledger::state::Versions;
    use crate::ledger::{Accepted, Ledger, Owed, Registration, Rights, SqliteLedger, SqliteOptions};
    use crate::telemetry::{CommitMetrics, Metrics};

    struct Scene {
        _dir: tempfile::TempDir,
        ledger: Arc<dyn Ledger>,
        renditions: Arc<Renditions>,
        editions: Vec<Numbered>,
        acceptance: Acceptance,
    }

    fn renditions(ledger: &Arc<dyn Ledger>) -> Arc<Renditions> {
        let wires = BTreeMap::from([(sample::article().wire, Arc::new(sample::own(sample::wire())))]);
        Arc::new(Renditions::new(Arc::clone(ledger), wires, 8 << 20, Arc::new(Metrics::new())))
    }

    async fn scene(article: Article) -> Scene {
        let dir = tempfile::tempdir().unwrap();
        let options = SqliteOptions {
            path: &dir.path().join("ledger.sqlite"),
            batch: 64,
            waiting: 64,
            in_network: Duration::from_secs(60),
            commits: CommitMetrics::default(),
        };
        let ledger: Arc<dyn Ledger> = Arc::new(SqliteLedger::open(&options).unwrap().0);
        let registered = ledger.register(vec![Registration { name: "p/main".into(), paused: false }], Timestamp::now());
        let to = Owed { at_once: true, ..Owed::plainly(registered.await.unwrap()[0]) };
        let mut numbers = Editions::default();
        let formats = [Format::Json, Format::Ninjs13, Format::Nitf];
        Scene {
            _dir: dir,
            renditions: renditions(&ledger),
            ledger,
            editions: formats.map(|format| numbers.number(Edition::plain(format))).to_vec(),
            acceptance: Acceptance {
                article,
                source: "test".into(),
                routed: vec![to],
                rights: Rights::Lasting,
                withdraw_for: Duration::from_secs(86_400),
                trace: None,
                now: Timestamp::now(),
            },
        }
    }

    impl Scene {
        async fn accept(&self) -> Vec<(DestinationId, Attempted)> {
            match self.ledger.accept(self.acceptance.clone()).await.unwrap() {
                Accepted::Fresh { announced, .. } if announced.len() == 1 => announced,
                other => panic!("{other:?}"),
            }
        }

        /// All documents of the acceptance's article.
        async fn ahead(&self) -> Ahead {
            let mut ahead = self.renditions.ahead(&self.acceptance, self.editions.clone()).unwrap();
            let making = ahead.making.take().unwrap();
            timeout(Duration::from_secs(30), making).await.expect("they are made in time").unwrap();
            ahead
        }

        /// Of which one is being made, and told through the first of what is returned.
        fn half_way(&self) -> (oneshot::Sender<Written>, Ahead) {
            let ((tell, told), (_, never)) = (oneshot::channel(), oneshot::channel());
            let progress = Arc::<Progress>::default();
            assert!(progress.begins());
            let ahead = Ahead {
                renditions: Arc::clone(&self.renditions),
                version: self.acceptance.article.version,
                terms: self.renditions.terms.get(),
                coming: vec![(self.editions[0].number, told), (self.editions[1].number, never)],
                progress,
                making: Some(tokio::spawn(async {})),
            };
            (tell, ahead)
        }

        /// How many documents were made.
        fn made(&self) -> u64 {
            self.renditions.metrics.renditions.get()
        }
    }

    #[tokio::test]
    async fn what_is_made_ahead_is_what_lanes_would_make() {
        // One that does not say when it was made is given the time of its acceptance, as the ledger has that.
        let article = Article { versioned: None, ..sample::article() };
        let scene = scene(article).await;
        let ahead = scene.ahead().await;
        let announced = scene.accept().await;
        assert!(ahead.keep(&announced).is_empty());
        let id = announced[0].1.article;
        assert_eq!(scene.made(), 3);
        let later = renditions(&scene.ledger);
        for edition in &scene.editions {
            let (early, late) =
                (scene.renditions.get(id, edition).await.unwrap(), later.get(id, edition).await.unwrap());
            let bytes = |rendered: &super::super::Rendered| rendered.document.as_ref().unwrap().bytes().clone();
            assert_eq!(bytes(&early), bytes(&late));
            assert_eq!((early.published, &early.story), (late.published, &late.story));
        }
        assert_eq!(scene.made(), 3, "lanes have found them");
    }

    #[tokio::test]
    async fn lanes_wait_for_what_is_being_made_and_make_what_is_not_begun() {
        let scene = scene(sample::article()).await;
        let (tell, ahead) = scene.half_way();
        let announced = scene.accept().await;
        let (left, id) = (ahead.keep(&announced), announced[0].1.article);
        assert_eq!(left.len(), 1);
        let mut waits = scene.renditions.get(id, &scene.editions[0]);
        assert!((&mut waits).now_or_never().is_none());
        scene.renditions.get(id, &scene.editions[1]).await.unwrap();
        assert_eq!(scene.made(), 1, "the one that was not begun");

        let document = renditions(&scene.ledger).get(id, &scene.editions[0]).await.unwrap();
        tell.send(Written { rendered: Arc::clone(&document), files: Arc::default() }).ok().unwrap();
        futures_util::future::join_all(left).await;
        assert!(Arc::ptr_eq(&waits.await.unwrap(), &document));
        assert_eq!(scene.made(), 1);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_first_is_made_though_the_commit_was_there_before_it() {
        let scene = scene(sample::article()).await;
        let announced = scene.accept().await;
        let ahead = scene.renditions.ahead(&scene.acceptance, scene.editions.clone()).unwrap();
        let (progress, id) = (Arc::clone(&ahead.progress), announced[0].1.article);
        let left = futures_util::future::join_all(ahead.keep(&announced));
        let (rendered, _) = futures_util::join!(scene.renditions.get(id, &scene.editions[0]), left);
        assert!(rendered.unwrap().document.is_ok());
        assert!(progress.ends() >= 1 && !progress.begins());
        // Whichever were begun are made by nobody else.
        for edition in &scene.editions {
            scene.renditions.get(id, edition).await.unwrap();
        }
        assert_eq!(scene.made(), 3);
    }

    #[test]
    fn no_more_is_begun_after_the_commit_but_the_first() {
        let before = Progress::default();
        assert!(before.begins() && before.begins());
        assert_eq!((before.ends(), before.begins()), (2, false));
        let after = Progress::default();
        assert_eq!((after.ends(), after.begins(), after.begins()), (1, true, false));
    }

    #[tokio::test]
    async fn what_could_not_be_made_is_for_the_lanes() {
        let scene = scene(sample::article()).await;
        let (tell, ahead) = scene.half_way();
        let announced = scene.accept().await;
        let (left, id) = (ahead.keep(&announced), announced[0].1.article);
        let waits = scene.renditions.get(id, &scene.editions[0]);
        drop(tell);
        let (rendered, _) = futures_util::join!(waits, futures_util::future::join_all(left));
        assert!(rendered.unwrap().document.is_ok());
        assert_eq!(scene.made(), 1);
    }

    /// An archive takes every version. One that has not left yet goes before the one that is accepted, which ends the wait for
    /// the story's embargo.
    #[tokio::test]
    async fn an_older_version_that_is_handed_out_keeps_its_own_document() {
        let first = sample::article();
        let second = Article {
            version: Version::try_from(first.version.get() + 1).unwrap(),
            headline: "What is new".to_owned(),
            ..first.clone()
        };
        let older = first.version;
        let mut scene = scene(first).await;
        scene.acceptance.routed[0].versions = Versions::Every;
        scene.acceptance.article.embargo = Some(scene.acceptance.now + SignedDuration::from_hours(1));
        assert!(matches!(scene.ledger.accept(scene.acceptance.clone()).await, Ok(Accepted::Fresh { .. })));
        scene.acceptance.article = second;
        let ahead = scene.ahead().await;
        let announced = scene.accept().await;
        assert_eq!(announced[0].1.version, older);
        assert!(ahead.keep(&announced).is_empty());
        let document = scene.renditions.get(announced[0].1.article, &scene.editions[0]).await.unwrap();
        assert_eq!(document.version, older);
        assert!(!String::from_utf8_lossy(document.document.as_ref().unwrap().bytes()).contains("What is new"));
    }

    #[tokio::test]
    async fn nothing_is_made_for_nobody_or_of_what_may_not_leave() {
        let mut scene = scene(sample::article()).await;
        assert!(scene.renditions.ahead(&scene.acceptance, Vec::new()).is_none());
        scene.acceptance.article.embargo = Some(scene.acceptance.now + SignedDuration::from_secs(60));
        assert!(scene.renditions.ahead(&scene.acceptance, scene.editions.clone()).is_none());
        scene.acceptance.article.embargo = None;
        scene.acceptance.article.expires = Some(scene.acceptance.now);
        assert!(scene.renditions.ahead(&scene.acceptance, scene.editions.clone()).is_none());
    }
}
