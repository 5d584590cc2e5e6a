//! Work at a steady state, and what it comes to.
//!
//! A window is measured from the arrival of one delivery to the arrival of another, many later, by the sink's clock,
//! while the work goes on before and after. A daemon is fed meanwhile: whenever fewer deliveries wait than should, it is
//! offered more articles.

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::MissedTickBehavior;

use crate::sink::{PATIENCE, Sink};
use crate::stage::Stage;
use crate::support::Outcome;
use crate::support::daemon::Daemon;
use crate::support::process::Process;

/// What a window came to.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    /// Deliveries a second.
    pub rate: f64,
    /// Processor time of the sender for one of them, in microseconds.
    pub cpu: f64,
}

/// How long a window is, in deliveries.
#[derive(Debug, Clone, Copy)]
pub struct Length {
    /// Arrivals before it: connections are opened, queues are filled.
    pub warm: u64,
    pub counted: u64,
}

/// How often the sink is asked.
const LOOK: Duration = Duration::from_millis(5);

/// Offers under way at once.
const OFFERS: usize = 16;

/// What takes articles.
pub trait Source {
    /// The daemon's process.
    fn process(&self) -> &Process;

    /// Hands an article over; it is taken when the future ends.
    fn offer(&self, number: usize, article: Bytes) -> impl Future<Output = Outcome<()>>;
}

impl Source for Daemon {
    fn process(&self) -> &Process {
        &self.process
    }

    async fn offer(&self, _: usize, article: Bytes) -> Outcome<()> {
        Daemon::offer(self, article).await.map(drop)
    }
}

/// What keeps a daemon fed.
pub struct Feed<'a> {
    stage: &'a Stage,
    /// Deliveries that should wait at any time.
    waiting: u64,
    /// What the sink will have counted when nothing waits.
    due: u64,
    /// The number of the next article.
    next: usize,
}

impl<'a> Feed<'a> {
    pub fn new(stage: &'a Stage, waiting: usize) -> Self {
        Self { stage, waiting: waiting as u64, due: 0, next: 0 }
    }

    /// Begins where nothing waits, and nobody else posts.
    pub async fn begin(&mut self, sink: &mut Sink) -> Outcome<()> {
        self.due = sink.quiet().await?;
        Ok(())
    }

    /// So many of the articles were offered before it began, and wait.
    pub fn after(&mut self, articles: usize) {
        self.due += articles as u64 * self.stage.each() as u64;
        self.next += articles;
    }

    /// How many articles there were so far.
    pub fn offered(&self) -> usize {
        self.next
    }

    /// Measures a window of a daemon.
    pub async fn measure(&mut self, sink: &mut Sink, source: &impl Source, length: Length) -> Outcome<Window> {
        let mut watch = Watch::begin(sink, source.process(), length).await?;
        let mut offers = FuturesUnordered::new();
        let mut ticks = ticks();
        loop {
            tokio::select! {
                Some(offered) = offers.next() => offered?,
                _ = ticks.tick() => {
                    let (count, measured) = watch.look(sink).await?;
                    if let Some(measured) = measured {
                        while let Some(offered) = offers.next().await {
                            offered?;
                        }
                        return Ok(measured);
                    }
                    while self.due.saturating_sub(count) < self.waiting && offers.len() < OFFERS {
                        offers.push(source.offer(self.next, self.stage.article(self.next)));
                        self.due += self.stage.each() as u64;
                        self.next += 1;
                    }
                }
            }
        }
    }

    /// Waits until all that was offered has arrived, once.
    pub async fn end(&mut self, sink: &mut Sink) -> Outcome<()> {
        let began = Instant::now();
        while sink.look().await?.count < self.due {
            if began.elapsed() > PATIENCE {
                return Err("what was offered does not arrive".into());
            }
            tokio::time::sleep(LOOK).await;
        }
        assert_eq!(sink.quiet().await?, self.due, "each delivery arrives once");
        Ok(())
    }
}

/// Measures a window of a sender that needs no feeding.
pub async fn window(sink: &mut Sink, process: &Process, length: Length) -> Outcome<Window> {
    let mut watch = Watch::begin(sink, process, length).await?;
    let mut ticks = ticks();
    loop {
        ticks.tick().await;
        if let (_, Some(measured)) = watch.look(sink).await? {
            return Ok(measured);
        }
    }
}

fn ticks() -> tokio::time::Interval {
    let mut ticks = tokio::time::interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// A window that is being measured.
struct Watch<'a> {
    process: &'a Process,
    length: Length,
    began: Instant,
    /// Processor time at the window's start.
    first: Option<Duration>,
}

impl<'a> Watch<'a> {
    async fn begin(sink: &mut Sink, process: &'a Process, length: Length) -> Outcome<Self> {
        sink.aim(&[length.warm, length.counted]).await?;
        Ok(Self { process, length, began: Instant::now(), first: None })
    }

    /// What the sink has counted, and what the window came to if it has ended.
    async fn look(&mut self, sink: &mut Sink) -> Outcome<(u64, Option<Window>)> {
        let look = sink.look().await?;
        match (look.reached.as_slice(), self.first) {
            ([], _) | ([_], Some(_)) if self.began.elapsed() > PATIENCE => {
                Err(format!("not all of {:?} have arrived", self.length).into())
            }
            ([], _) | ([_], Some(_)) => Ok((look.count, None)),
            ([_], None) => {
                self.first = Some(self.process.cpu()?);
                Ok((look.count, None))
            }
            ([from, to], Some(first)) => {
                let (spent, counted) = (self.process.cpu()? - first, self.length.counted as f64);
                let rate = counted / Duration::from_nanos(to - from).as_secs_f64();
                Ok((look.count, Some(Window { rate, cpu: spent.as_secs_f64() * 1e6 / counted })))
            }
            ([_, _, ..], _) => Err("a window is longer than the time between two looks at it".into()),
        }
    }
}
