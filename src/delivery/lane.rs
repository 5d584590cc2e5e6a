//! A lane: the queue and sender for one destination.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::{BoxFuture, Fuse, FusedFuture};

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use jiff::Timestamp;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::pace::{Pace, backoff};
use super::renditions::{Numbered, Renditions};
use crate::article::Version;
use crate::ledger::state::Settled;
use crate::ledger::{Attempted, Claim, Claimed, DestinationId, Ledger, LedgerError, Report, StoryId};
use crate::telemetry::{DestinationLabel, Metrics, OutcomeLabel};
use crate::transport::{Class, Outcome, Parcel, Transport, message_id};

/// Rows that a lane holds at a time. Enough to keep its slots busy between two claims; few enough that ten thousand busy
/// lanes are a matter of megabytes, and that what is superseded meanwhile is rarely in hand.
const WINDOW: usize = 64;

/// How long a lane waits before it asks a ledger again that could not answer.
const LEDGER_PAUSE: Duration = Duration::from_millis(500);

/// One destination's lane.
pub struct Lane {
    pub id: DestinationId,
    /// `partner/destination`
    pub name: String,
    pub edition: Numbered,
    pub door: Box<dyn Transport>,
    /// The age after which a delivery is given up.
    pub give_up_after: Duration,
    /// When its partner's last pause ended: ages count from there at the earliest.
    pub resumed: Option<Timestamp>,
    pub pace: Mutex<Pace>,
    pub signal: Signal,
}

/// What others tell a lane while it works.
#[derive(Default)]
pub struct Signal {
    news: Mutex<News>,
    notify: Notify,
}

/// What has been accepted for a lane since it last looked.
#[derive(Debug, Default)]
pub struct News {
    /// Stories with their new versions; a lane holds on to older versions of these no longer.
    stories: Vec<(StoryId, Version)>,
    /// There were too many to list.
    all: bool,
    withdrawal: bool,
}

/// News that are listed one by one. A lane that is behind by more gives back all that it holds, which is at most a
/// window.
const MOST_NEWS: usize = 256;

impl News {
    /// A new version of `story`.
    pub fn add(&mut self, story: StoryId, version: Version, withdrawal: bool) {
        self.withdrawal |= withdrawal;
        if self.stories.len() < MOST_NEWS {
            self.stories.push((story, version));
        } else {
            self.all = true;
        }
    }

    pub fn has_withdrawal(&self) -> bool {
        self.withdrawal
    }

    fn append(&mut self, later: Self) {
        self.all |= later.all;
        for (story, version) in later.stories {
            self.add(story, version, later.withdrawal);
        }
    }

    /// Whether a newer version may have taken the place of a row that is in hand.
    fn supersedes(&self, row: &Attempted) -> bool {
        let newer = |(story, version): &(StoryId, Version)| *story == row.story && *version > row.version;
        self.all || self.stories.iter().any(newer)
    }

    fn is_empty(&self) -> bool {
        self.stories.is_empty()
    }
}

impl Signal {
    pub fn tell(&self, news: News) {
        self.news.lock().unwrap_or_else(PoisonError::into_inner).append(news);
        self.notify.notify_one();
    }

    /// Whether there is news that the lane has not taken, and whether a withdrawal is among it.
    pub fn waiting(&self) -> (bool, bool) {
        let news = self.news.lock().unwrap_or_else(PoisonError::into_inner);
        (!news.is_empty(), news.withdrawal)
    }

    fn take(&self) -> News {
        std::mem::take(&mut *self.news.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The two steps of a stop.
#[derive(Clone, Default)]
pub struct Stops {
    /// Begin nothing more, and finish what is under way.
    pub stop: CancellationToken,
    /// Leave what is still under way, and only record what has ended.
    pub abandon: CancellationToken,
}

/// What lanes share.
pub struct Shared {
    pub ledger: Arc<dyn Ledger>,
    pub renditions: Arc<Renditions>,
    pub metrics: Arc<Metrics>,
}

/// An attempt that came to its end.
struct Done {
    attempted: Attempted,
    began: Timestamp,
    result: Sent,
}

enum Sent {
    Answered(Outcome),
    /// Its time was over before the request.
    Expired,
    /// It was not tried: not its turn any more, or the ledger could not give the article.
    NotTried,
}

impl Lane {
    /// Works until nothing is due, the door is in trouble, or it is told to stop. Returns when to look again.
    ///
    /// Everything that takes time is polled together in the one `select!` below. To wait for one of them by itself
    /// would leave the others unpolled while they hold what a third waits for: a place in the ledger's channel above
    /// all, which a future that is not polled keeps for good.
    pub async fn work(&self, shared: &Shared, withdrawal: bool, stops: &Stops) -> Option<Timestamp> {
        let Stops { stop, abandon } = stops;
        let mut window: VecDeque<Attempted> = VecDeque::new();
        let mut under_way = FuturesUnordered::new();
        let mut records = FuturesUnordered::new();
        let mut claiming = Fuse::terminated();
        // Something may be due that no claim has seen.
        let mut more = true;
        let mut next_held = None;
        // What was accepted since the rows in hand, or those that are being claimed, were looked up.
        let mut news = News::default();
        // A withdrawal waits neither for the door's backoff nor for a slot. One look for it is enough, since each of
        // its tries moves the lane again.
        let mut pressing = withdrawal;
        let mut asked_for_withdrawal = false;
        loop {
            let now = Timestamp::now();
            let (allowed, waits) = {
                let pace = self.pace();
                (pace.allowed(), pace.waits_until(now))
            };
            let fresh = self.signal.take();
            more |= !fresh.is_empty();
            pressing |= fresh.withdrawal;
            news.append(fresh);
            let stopping = stop.is_cancelled();

            // What was announced and will not be sent now is given back, so that it can be superseded or claimed again.
            let (kept, given_back): (Vec<_>, Vec<_>) = window.drain(..).partition(|row| {
                let in_turn = row.action.withdraws() || (waits.is_none() && !pressing);
                !stopping && in_turn && !news.supersedes(row)
            });
            window.extend(kept);
            if !given_back.is_empty() {
                records.push(shared.ledger.release(self.id, given_back));
            }
            if claiming.is_terminated() {
                news = News::default();
            }

            let may_claim =
                !stopping && (waits.is_none() || pressing) && under_way.len() < allowed + usize::from(pressing);
            if may_claim && more && window.is_empty() && claiming.is_terminated() {
                // A probe is one request; withdrawals are few, and the newest of them is the last in line.
                let limit = if allowed == 1 && waits.is_none() { 1 } else { WINDOW };
                claiming = self.claim(shared, limit, waits.is_some(), now).boxed().fuse();
                // What is accepted or put back from here on may not be in the answer.
                more = false;
                asked_for_withdrawal = std::mem::take(&mut pressing);
            }
            while let Some(row) = window.pop_front() {
                if under_way.len() >= allowed + usize::from(row.action.withdraws()) {
                    window.push_front(row);
                    break;
                }
                under_way.push(self.attempt(shared, row));
            }

            if under_way.is_empty() && window.is_empty() && records.is_empty() && claiming.is_terminated() {
                if stopping {
                    return None;
                }
                if let Some(until) = waits.filter(|_| !pressing) {
                    // A suspended lane has no time to look again; what comes next wakes it or not.
                    return (!self.pace().is_suspended()).then_some(until);
                }
                if !more {
                    return next_held;
                }
                continue;
            }
            tokio::select! {
                claimed = &mut claiming => match claimed {
                    Ok((claimed, withdrawals_only)) => {
                        // What is no withdrawal was not looked at.
                        more |= claimed.more || withdrawals_only;
                        next_held = claimed.next;
                        window.extend(claimed.rows);
                    }
                    Err(LedgerError::Closed) => return None,
                    Err(_) => {
                        more = true;
                        pressing |= asked_for_withdrawal;
                    }
                },
                Some(done) = under_way.next() => {
                    more |= next_held.is_some_and(|at| at <= Timestamp::now());
                    records.push(self.ended(shared, done));
                }
                Some(recorded) = records.next() => match recorded {
                    // Only now is the row where a claim can see it; when it is due is known to the ledger alone.
                    Ok(waits_again) => more |= waits_again,
                    Err(why) => {
                        tracing::error!(destination = %self.name, reason = %why, "outcome not recorded");
                    }
                },
                () = self.signal.notify.notified() => {}
                () = stop.cancelled(), if !stopping => {}
                // Their outcome is unknown to us, and the next start will take them for that.
                () = abandon.cancelled(), if !under_way.is_empty() => under_way.clear(),
            }
        }
    }

    fn pace(&self) -> std::sync::MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn claim(
        &self,
        shared: &Shared,
        limit: usize,
        withdrawals_only: bool,
        now: Timestamp,
    ) -> Result<(Claimed, bool), LedgerError> {
        let oldest = now.checked_sub(self.give_up_after).unwrap_or(Timestamp::MIN);
        let give_up_before = if self.resumed > Some(oldest) { Timestamp::MIN } else { oldest };
        let claim = Claim { destination: self.id, limit, withdrawals_only, give_up_before, now };
        match shared.ledger.claim(claim).await {
            Ok(claimed) => {
                if claimed.expired > 0 {
                    tracing::warn!(destination = %self.name, deliveries = claimed.expired, "expired");
                }
                Ok((claimed, withdrawals_only))
            }
            Err(why) => {
                tokio::time::sleep(LEDGER_PAUSE).await;
                Err(why)
            }
        }
    }

    async fn attempt(&self, shared: &Shared, attempted: Attempted) -> Done {
        let rendered = shared.renditions.get(attempted.article, &self.edition).await;
        let began = Timestamp::now();
        let result = match rendered {
            Err(LedgerError::Damaged(why)) => Sent::Answered(Outcome::refused_here(format!("not sent: {why}"))),
            Err(why) => {
                tracing::error!(destination = %self.name, article = %attempted.article, reason = %why, "article not read");
                tokio::time::sleep(LEDGER_PAUSE).await;
                Sent::NotTried
            }
            // Both are looked at here because the wait for a slot may have been long (promise 5).
            Ok(_) if attempted.embargo.is_some_and(|embargo| embargo > began) => Sent::NotTried,
            Ok(_) if attempted.expires.is_some_and(|expires| expires <= began) => Sent::Expired,
            Ok(rendered) => Sent::Answered(match &rendered.document {
                Err(why) => Outcome::refused_here(why.clone()),
                Ok(document) => {
                    let parcel = Parcel {
                        document: Arc::clone(document),
                        message_id: message_id(&self.name, &rendered.story, rendered.version),
                        story: rendered.story.clone(),
                        version: rendered.version,
                        action: rendered.action,
                        urgency: rendered.urgency,
                        attempt: attempted.attempt,
                        remote: attempted.remote.clone(),
                    };
                    let mut outcome = self.door.send(&parcel).await;
                    if outcome.class == Class::Delivered && !rendered.dropped.is_empty() {
                        outcome.detail = format!("{}; it went without {}", outcome.detail, rendered.dropped.join(", "));
                    }
                    log(&self.name, &parcel, &outcome, began);
                    outcome
                }
            }),
        };
        Done { attempted, began, result }
    }

    /// Draws the consequences of an attempt: for the lane at once, for the ledger in the future that is returned.
    fn ended<'a>(&self, shared: &'a Shared, done: Done) -> BoxFuture<'a, Result<bool, LedgerError>> {
        let Done { attempted, began, result } = done;
        let now = Timestamp::now();
        let outcome = match result {
            Sent::NotTried => return shared.ledger.release(self.id, vec![attempted]),
            Sent::Expired => {
                let reason = "the article's own time was over".to_owned();
                let outcome = Outcome::refused_here(reason.clone());
                let report = self.report(attempted, Settled::Expired { reason }, &outcome, began, now);
                return shared.ledger.record(self.id, vec![report], None);
            }
            Sent::Answered(outcome) => outcome,
        };
        self.count(shared, &outcome, &attempted, began, now);
        let mut random = fastrand::Rng::new();
        let (changed, state) = {
            let mut pace = self.pace();
            // A refusal that never left the house says nothing about the door.
            let left = outcome.status.is_some() || outcome.class != Class::Refused;
            let changed = left && pace.ended(outcome.class, &outcome.detail, began, now, &mut random);
            (changed, pace.state().clone())
        };
        if changed {
            let label = DestinationLabel { destination: self.name.clone() };
            shared.metrics.lane_failures.get_or_create(&label).set(i64::from(state.failures));
            shared.metrics.lane_suspended.get_or_create(&label).set(i64::from(state.suspended.is_some()));
            if let Some(why) = &state.suspended {
                tracing::error!(destination = %self.name, reason = why, "suspended");
            }
        }
        let hold = |random: &mut fastrand::Rng| {
            let wait = backoff(self.pace().policy(), attempted.attempt, random);
            now.checked_add(wait).ok()
        };
        let settled = match outcome.class {
            Class::Delivered => Settled::Delivered { reason: outcome.detail.clone() },
            Class::Refused => Settled::Refused { reason: outcome.detail.clone() },
            Class::Deferred { maybe_document: true, .. } => Settled::Deferred { hold: hold(&mut random) },
            Class::Deferred { .. } | Class::Gone => Settled::Deferred { hold: None },
            Class::Unknown { .. } => Settled::Unknown { hold: hold(&mut random) },
        };
        let report = self.report(attempted, settled, &outcome, began, now);
        shared.ledger.record(self.id, vec![report], changed.then_some(state))
    }

    fn report(
        &self,
        attempted: Attempted,
        settled: Settled,
        outcome: &Outcome,
        began: Timestamp,
        ended: Timestamp,
    ) -> Report {
        let (status, detail, remote) = (outcome.status, outcome.detail.clone(), outcome.remote.clone());
        Report { attempted, settled, began, ended, status, detail, remote, in_network: self.door.in_network() }
    }

    fn count(&self, shared: &Shared, outcome: &Outcome, attempted: &Attempted, began: Timestamp, now: Timestamp) {
        let label = OutcomeLabel { destination: self.name.clone(), outcome: word(outcome.class).to_owned() };
        shared.metrics.attempts.get_or_create(&label).inc();
        shared.metrics.attempt_seconds.observe(seconds(began, now));
        if outcome.class == Class::Delivered {
            let owed_since = attempted.embargo.map_or(attempted.accepted, |embargo| embargo.max(attempted.accepted));
            shared.metrics.arrival_seconds.observe(seconds(owed_since, now));
        }
    }
}

fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64().max(0.0)
}

fn word(class: Class) -> &'static str {
    match class {
        Class::Delivered => "delivered",
        Class::Refused => "refused",
        Class::Deferred { .. } => "deferred",
        Class::Unknown { .. } => "unknown",
        Class::Gone => "gone",
    }
}

fn log(destination: &str, parcel: &Parcel, outcome: &Outcome, began: Timestamp) {
    let elapsed_ms = Timestamp::now().duration_since(began).as_millis();
    let (story, version, attempt) = (&parcel.story, parcel.version, parcel.attempt);
    let kind = word(outcome.class);
    if outcome.class == Class::Delivered {
        tracing::info!(%story, destination, %version, attempt, outcome = kind, elapsed_ms, "attempt");
    } else {
        tracing::warn!(%story, destination, %version, attempt, outcome = kind, elapsed_ms, detail = %outcome.detail, "attempt");
    }
}
