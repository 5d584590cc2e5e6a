//! One receiver: what of the events is for it, and how it is told.
//!
//! What it was sent is sent again until it is taken, with the backoff of doors, and whatever follows waits behind it. What
//! it refuses is halved until one event is left; that one is tried for some time and passed over then, so that one that it
//! cannot read keeps the others back for a bounded time. What it has taken is noted after its answer: a crash in between
//! repeats it.

use std::collections::BTreeSet;
use std::sync::PoisonError;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Shared, document, pause};
use crate::article::WireId;
use crate::config::{self, Config, EventKind, PartnerId};
use crate::delivery::{Policy, backoff};
use crate::ledger::{EventId, EventPage, EventRecord, LedgerError};
use crate::telemetry::ReceiverLabel;
use crate::transport::{Class, Messenger, Notice, Outcome};

/// Events that are read at a time, and held in memory.
const PAGE: usize = 512;

/// The longest pause, so that what waits is counted, and dropped beyond its bound, while the receiver is away.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// How long one event that is refused keeps the others back.
const REFUSED_FOR: Duration = Duration::from_secs(600);

/// A receiver of events.
pub(super) struct Receiver {
    name: String,
    kinds: BTreeSet<EventKind>,
    partners: BTreeSet<PartnerId>,
    wires: BTreeSet<WireId>,
    /// The most at once.
    batch: usize,
    /// Each is a message of its own.
    one_by_one: bool,
    /// Events that are kept for it.
    most: u64,
    policy: Policy,
    drain: Duration,
    door: Box<dyn Messenger>,
}

/// How it goes, since the last time that it went well.
#[derive(Debug, Default)]
struct Course {
    failures: u32,
    /// Nothing is sent before.
    not_before: Option<Instant>,
    /// How many go at once.
    at_once: usize,
    /// Since when the first event is refused by itself.
    refused: Option<(EventId, Instant)>,
    /// Dropped, and not told of yet.
    dropped: u64,
}

/// What came of a turn.
enum Turn {
    /// There may be more to do at once.
    Again,
    Pause(Duration),
    Stopped,
}

impl Receiver {
    pub fn new(name: &str, settings: &config::Receiver, config: &Config, door: Box<dyn Messenger>) -> Self {
        let backoff = config.delivery.backoff;
        Self {
            name: name.to_owned(),
            kinds: settings.takes(),
            partners: settings.partners.clone(),
            wires: settings.wires.clone(),
            batch: usize::from(settings.batch).max(1),
            one_by_one: settings.amqp.is_some(),
            most: config.events.most,
            policy: Policy {
                concurrency: 1,
                first: backoff.first.get(),
                ceiling: backoff.ceiling.get(),
                retry_after_limit: config.delivery.retry_after_limit.get(),
            },
            drain: config.delivery.drain.get(),
            door,
        }
    }

    /// Tells it until `stop`.
    pub async fn run(&self, shared: &Shared, stop: &CancellationToken) {
        let mut course = Course { at_once: self.batch, ..Course::default() };
        while !stop.is_cancelled() {
            match self.turn(shared, &mut course, stop).await {
                Ok(Turn::Again) => {}
                Ok(Turn::Pause(span)) => pause(span, stop).await,
                Ok(Turn::Stopped) | Err(LedgerError::Closed) => return,
                // It says so itself, and the next look tries again.
                Err(LedgerError::Unavailable(_)) => pause(shared.looks.for_new, stop).await,
                Err(why @ (LedgerError::Unusable(_) | LedgerError::Damaged(_))) => {
                    tracing::error!(receiver = %self.name, reason = %why, "events not read");
                    pause(LONGEST_PAUSE, stop).await;
                }
            }
        }
    }

    async fn turn(&self, shared: &Shared, course: &mut Course, stop: &CancellationToken) -> Result<Turn, LedgerError> {
        let page = shared.ledger.events(&self.name, PAGE).await?;
        let mine: Vec<&EventRecord> = page.events.iter().filter(|event| self.takes(event)).collect();
        self.count(shared, &page, mine.first().copied());
        if let Some(beyond) = self.beyond(&page, course.dropped > 0) {
            return self.drop_until(shared, course, &page, beyond).await;
        }
        if course.dropped > 0 {
            let events = std::mem::take(&mut course.dropped);
            tracing::error!(receiver = %self.name, events, "events dropped, since more waited than are kept");
        }
        let Some(last) = page.events.last().map(|event| event.id) else { return Ok(Turn::Pause(shared.looks.for_new)) };
        if mine.is_empty() {
            shared.ledger.taken(&self.name, last).await?;
            return Ok(Turn::Again);
        }
        let left = course.not_before.map(|at| at.saturating_duration_since(Instant::now())).unwrap_or_default();
        if !left.is_zero() {
            return Ok(Turn::Pause(left.min(LONGEST_PAUSE)));
        }
        let next = &mine[..mine.len().min(course.at_once.max(1))];
        if planted!(TakenBeforeTold) {
            shared.ledger.taken(&self.name, next[next.len() - 1].id).await?;
        }
        let told = tokio::select! {
            // An answer that is there is not thrown away.
            biased;
            told = self.tell(next, course.failures.saturating_add(1)) => told,
            () = drained(stop, self.drain) => return Ok(Turn::Stopped),
        };
        let (number, outcome) = told;
        if number > 0 {
            // What follows on this page and is for somebody else was looked at.
            let up_to = if number == mine.len() { last } else { next[number - 1].id };
            shared.metrics.events_sent.get_or_create(&self.label()).inc_by(number as u64);
            shared.ledger.taken(&self.name, up_to).await?;
        }
        match outcome {
            None => {
                self.went_well(shared, course);
                Ok(Turn::Again)
            }
            Some(outcome) => {
                let refused = next.get(number).filter(|_| outcome.class == Class::Refused).copied();
                self.went_wrong(shared, course, &outcome, refused).await
            }
        }
    }

    /// Tells it of `events`, in their order. Returns how many it took, and what came of the next where it did not.
    async fn tell(&self, events: &[&EventRecord], attempt: u32) -> (usize, Option<Outcome>) {
        if self.one_by_one {
            for (number, event) in events.iter().enumerate() {
                let outcome = self.hand_over(document::one(event, attempt)).await;
                if outcome.class != Class::Delivered {
                    return (number, Some(outcome));
                }
            }
            return (events.len(), None);
        }
        let outcome = self.hand_over(document::together(events, attempt)).await;
        if outcome.class == Class::Delivered { (events.len(), None) } else { (0, Some(outcome)) }
    }

    async fn hand_over(&self, notice: Result<Notice, serde_json::Error>) -> Outcome {
        match notice {
            Ok(notice) => self.door.tell(&notice).await,
            Err(why) => Outcome::refused_here(format!("not sent: {why}")),
        }
    }

    fn went_well(&self, shared: &Shared, course: &mut Course) {
        if course.failures > 0 {
            tracing::info!(receiver = %self.name, failures = course.failures, "events taken again");
            shared.metrics.events_failures.get_or_create(&self.label()).set(0);
        }
        let at_once = self.batch.min(course.at_once.saturating_mul(2));
        *course = Course { at_once, ..Course::default() };
    }

    /// `refused` is the event that it would not take, or the first of those.
    async fn went_wrong(
        &self,
        shared: &Shared,
        course: &mut Course,
        outcome: &Outcome,
        refused: Option<&EventRecord>,
    ) -> Result<Turn, LedgerError> {
        let now = Instant::now();
        let alone = self.one_by_one || course.at_once == 1;
        if let Some(event) = refused {
            if !alone {
                course.at_once = (course.at_once / 2).max(1);
                return Ok(Turn::Again);
            }
            let since = match course.refused {
                Some((id, since)) if id == event.id => since,
                Some(_) | None => now,
            };
            course.refused = Some((event.id, since));
            if now - since >= REFUSED_FOR {
                let kind = event.what.kind().as_str();
                tracing::error!(receiver = %self.name, event = %event.id, kind, detail = %outcome.detail, "event dropped, since its receiver refuses it");
                shared.metrics.events_dropped.get_or_create(&self.label()).inc();
                course.refused = None;
                shared.ledger.taken(&self.name, event.id).await?;
                return Ok(Turn::Again);
            }
        }
        course.failures = course.failures.saturating_add(1);
        shared.metrics.events_failures.get_or_create(&self.label()).set(course.failures.into());
        if course.failures == 1 {
            tracing::warn!(receiver = %self.name, detail = %outcome.detail, "events not taken; they wait, and are sent again");
        } else {
            tracing::debug!(receiver = %self.name, failures = course.failures, detail = %outcome.detail, "events not taken");
        }
        let own = {
            let mut random = shared.random.lock().unwrap_or_else(PoisonError::into_inner);
            backoff(&self.policy, course.failures, &mut random)
        };
        let asked = match outcome.class {
            Class::Deferred { retry_after, .. } | Class::Unknown { retry_after } => retry_after.unwrap_or_default(),
            Class::Delivered | Class::Refused | Class::Gone => Duration::ZERO,
        };
        course.not_before = now.checked_add(own.max(asked.min(self.policy.retry_after_limit)));
        Ok(Turn::Again)
    }

    /// The last event that is to be dropped, where more wait than are kept. Once begun, a hundredth of them goes, so that a
    /// receiver that is away for weeks has a line in the log for that many.
    fn beyond(&self, page: &EventPage, begun: bool) -> Option<EventId> {
        let waiting = page.newest.since(page.reached);
        let kept = if begun || waiting > self.most { self.most - self.most / 100 } else { self.most };
        (waiting > kept).then(|| page.newest.before(kept))
    }

    async fn drop_until(
        &self,
        shared: &Shared,
        course: &mut Course,
        page: &EventPage,
        beyond: EventId,
    ) -> Result<Turn, LedgerError> {
        let gone: Vec<&EventRecord> = page.events.iter().filter(|event| event.id <= beyond).collect();
        let Some(last) = gone.last() else { return Ok(Turn::Pause(shared.looks.for_new)) };
        shared.ledger.taken(&self.name, last.id).await?;
        let number = gone.iter().filter(|event| self.takes(event)).count() as u64;
        shared.metrics.events_dropped.get_or_create(&self.label()).inc_by(number);
        course.dropped += number;
        Ok(Turn::Again)
    }

    /// Whether it is told of this.
    fn takes(&self, event: &EventRecord) -> bool {
        let what = &event.what;
        let of_partner = |partner: &str| self.partners.is_empty() || self.partners.contains(partner);
        let of_wire = |wire: &WireId| self.wires.is_empty() || self.wires.contains(wire);
        self.kinds.contains(&what.kind())
            && what.at().is_none_or(|at| of_partner(&at.partner))
            && what.of().is_none_or(|of| of_wire(&of.wire))
    }

    fn count(&self, shared: &Shared, page: &EventPage, first: Option<&EventRecord>) {
        let waiting = i64::try_from(page.newest.since(page.reached)).unwrap_or(i64::MAX);
        shared.metrics.events_waiting.get_or_create(&self.label()).set(waiting);
        match first {
            Some(first) => {
                shared.metrics.events_oldest.get_or_create(&self.label()).set(first.at.as_second());
            }
            None => {
                shared.metrics.events_oldest.remove(&self.label());
            }
        }
    }

    fn label(&self) -> ReceiverLabel {
        ReceiverLabel { receiver: self.name.clone() }
    }
}

/// Returns when a stop has lasted for as long as a drain may.
async fn drained(stop: &CancellationToken, drain: Duration) {
    stop.cancelled().await;
    tokio::time::sleep(drain).await;
}
