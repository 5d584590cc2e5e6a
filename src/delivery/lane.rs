//! A lane: the queue and sender for one destination.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use futures_util::future::{Fuse, FusedFuture};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use jiff::Timestamp;
use tokio::sync::watch;
use tracing::field::display;

use super::ended::{Done, Recorded, Sent, log};
use super::pace::{Gate, Growth, Pace};
use super::renditions::{Documents, NoDocument, Numbered};
use super::signal::{AsOf, InHand, Press, Signal};
use super::traced::Traced;
use super::wakes::Woken;
use crate::clock::Clock;
use crate::current::Current;
use crate::ledger::{Attempted, Claim, Claimed, DestinationId, Health, Ledger, LedgerError, Waiting};
use crate::telemetry::{Beat, Metrics, Series, Tracer};
use crate::transport::{Class, Outcome, Parcel, Transport, at_once, message_id};

/// Withdrawals that a lane asks for at a time.
const WITHDRAWALS: usize = 64;

/// How long a lane waits before it asks a ledger again that could not answer.
const LEDGER_PAUSE: Duration = Duration::from_millis(500);

/// How often a row is looked at that waits for its document, or for the files that go with it: a kill that takes its place
/// waits no longer than this.
const LOOK_WHILE_WAITING: Duration = Duration::from_millis(50);

/// One destination's lane.
pub struct Lane {
    pub id: DestinationId,
    /// `partner/destination`
    pub name: String,
    /// What it goes by; an attempt goes by what holds when it begins.
    pub settings: Current<Settings>,
    pub pace: Mutex<Pace>,
    pub signal: Signal,
    /// How its work ended, where nothing was left that is due. None while it works, and where it was cut short.
    pub rest: Mutex<Option<Rest>>,
    /// Its last hour.
    pub beat: Arc<Beat>,
    /// What metrics tell of it: looked up by its name once.
    pub series: OnceLock<Arc<Series>>,
    /// Where it asks to be started, once somebody starts lanes.
    pub woken: OnceLock<Arc<Woken>>,
}

/// What a lane goes by, as its configuration says.
pub struct Settings {
    pub edition: Numbered,
    pub door: Arc<dyn Transport>,
    /// The age after which a delivery is given up.
    pub give_up_after: Duration,
}

/// Nothing is due in a lane but what it is told of.
#[derive(Debug, Clone, Copy)]
pub struct Rest {
    /// Or what was held until then.
    next_held: Option<Timestamp>,
}

/// The two steps of a stop. A lane looks at them whenever its signal sounds: to wait for them by themselves would have
/// all lanes stand at one lock for every request.
#[derive(Default)]
pub struct Stops {
    /// Begin nothing more, and finish what is under way.
    pub stop: AtomicBool,
    /// Leave what is still under way, and only record what has ended.
    pub abandon: AtomicBool,
}

/// What lanes share.
pub struct Shared {
    pub ledger: Arc<dyn Ledger>,
    pub documents: Arc<dyn Documents>,
    pub metrics: Arc<Metrics>,
    pub clock: Arc<dyn Clock>,
    /// For jitter.
    pub random: Mutex<fastrand::Rng>,
    /// How fast all lanes together may grow.
    pub growth: Growth,
    /// Nothing is sent while the ledger cannot write: what came of it could not be kept.
    pub health: watch::Receiver<Health>,
    /// None: traces are off.
    pub tracer: Option<Arc<Tracer>>,
}

impl Shared {
    fn ledger_fails(&self) -> bool {
        *self.health.borrow() != Health::Good
    }
}

impl Lane {
    /// Works until nothing is due, the door is in trouble, or it is told to stop. Returns when to look again.
    ///
    /// Everything that takes time is polled together in the one `select!` below. To wait for one of them by itself
    /// would leave the others unpolled while they hold what a third waits for: a place in the ledger's line above
    /// all, which a future that is not polled keeps for good.
    pub async fn work(self: &Arc<Self>, shared: &Shared, withdrawal: bool, stops: &Stops) -> Option<Timestamp> {
        let mut window: VecDeque<InHand> = VecDeque::new();
        let mut under_way = FuturesUnordered::new();
        let mut records = FuturesUnordered::new();
        let mut claiming = Fuse::terminated();
        // A withdrawal does not wait for a claim that is under way: that one waits with those of all other lanes.
        let mut claiming_withdrawals = Fuse::terminated();
        let rest = self.rest.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut next_held = rest.and_then(|rest| rest.next_held);
        // Something may be due that no claim has seen.
        let mut more = rest.is_none() || next_held.is_some_and(|at| at <= shared.clock.now());
        // A withdrawal waits neither for the door's backoff nor for a slot. One look for it is enough, since each of
        // its tries moves the lane again.
        let mut pressing = withdrawal && !planted!(KillWaitsForTheDoor);
        // An urgent story is among what no claim has seen.
        let mut urgent = false;
        // One could not be sent, and is to be tried again, at this time at the earliest.
        let mut withdrawal_left: Option<Timestamp> = None;
        loop {
            let now = shared.clock.now();
            // What is in hand stays there meanwhile: no version and no order can come that would take its place.
            let fails = shared.ledger_fails();
            let (allowed, reach, tokens, gate, retry_at) = {
                let mut pace = self.pace();
                (pace.allowed(), pace.reach(), pace.tokens(now), pace.gate(now), pace.retry_at())
            };
            let look = self.signal.look();
            more |= look.due;
            urgent |= look.urgent;
            window.extend(look.handed);
            in_order(&mut window);
            pressing |= look.withdrawal && !planted!(KillWaitsForTheDoor);
            if gate == Gate::Shut && std::mem::take(&mut pressing) {
                withdrawal_left = Some(now);
            }
            let stopping = stops.stop.load(Ordering::Acquire);
            if stops.abandon.load(Ordering::Acquire) {
                // Their outcome is unknown to us, and the next start will take them for that.
                under_way.clear();
            }
            let open = gate == Gate::Open;

            // What was announced and will not be sent now is given back, so that it can be superseded or claimed again.
            let (kept, given_back): (Vec<_>, Vec<_>) = window.drain(..).partition(|InHand { row, as_of }| {
                let in_turn = if row.action.withdraws() { gate != Gate::Shut } else { open };
                !stopping && in_turn && !self.signal.outdates(row, *as_of)
            });
            window.extend(kept);
            if !given_back.is_empty() {
                let rows = given_back.into_iter().map(|in_hand| in_hand.row).collect();
                records.push(self.given_back(shared, rows, now));
            }

            let may_claim = !stopping && !fails;
            let has_slot = under_way.len() < allowed + 1;
            if may_claim && pressing && has_slot && claiming_withdrawals.is_terminated() {
                claiming_withdrawals =
                    self.claim(shared, WITHDRAWALS, Press::Withdrawal, look.as_of, now).boxed().fuse();
                pressing = false;
            }
            // Nothing else begins while one may come.
            let withdrawal_first = pressing || !claiming_withdrawals.is_terminated();
            let in_hand = under_way.len() + window.len();
            // No more than a contract's rate lets go now: what waits for its next turn waits in the ledger, where a newer
            // version takes its place.
            let limit = tokens.map_or(reach, |tokens| reach.min(tokens.saturating_sub(window.len())));
            let wants = open && more && in_hand < reach && limit > 0;
            if may_claim && wants && !withdrawal_first && claiming.is_terminated() {
                let press = if std::mem::take(&mut urgent) { Press::Urgent } else { Press::Usual };
                claiming = self.claim(shared, limit, press, look.as_of, now).boxed().fuse();
                // What is accepted or put back from here on may not be in the answer.
                more = false;
            }
            while let Some(in_hand) = window.pop_front() {
                let withdraws = in_hand.row.action.withdraws();
                let waits = withdrawal_first && !withdraws;
                if fails || waits || under_way.len() >= allowed + usize::from(withdraws) {
                    window.push_front(in_hand);
                    break;
                }
                // Withdrawals have had the turn that it was claimed for.
                if tokens.is_some() && !self.pace().takes_token(withdraws, now) {
                    records.push(self.given_back(shared, vec![in_hand.row], now));
                    continue;
                }
                // Boxed: what holds them has room for one more than there are, and ten thousand lanes have one each.
                under_way.push(self.attempt(shared, in_hand).boxed());
            }
            // What has just begun may have been the last that a contract lets go now.
            let gate = if tokens.is_some() { self.pace().gate(now) } else { gate };

            // What is accepted from here on may come straight into this lane, if nothing waits that would go before it.
            let next_in_turn = open && !more && !stopping && !fails && tokens.is_none() && claiming.is_terminated();
            let in_hand = under_way.len() + window.len();
            // A withdrawal goes before all but others, and has a slot more than there are.
            let looks = pressing || !claiming_withdrawals.is_terminated();
            let free = open && !looks && !stopping && !fails && tokens.is_none() && under_way.len() <= allowed;
            self.signal.has_room(if next_in_turn { reach.saturating_sub(in_hand) } else { 0 }, free);

            let asks = !claiming.is_terminated() || !claiming_withdrawals.is_terminated();
            let idles = under_way.is_empty() && window.is_empty() && records.is_empty() && !asks;
            if idles {
                if stopping {
                    return None;
                }
                if !open && !pressing {
                    return self.until(gate, retry_at, next_held, withdrawal_left);
                }
                if !more {
                    self.signal.rests();
                    *self.rest.lock().unwrap_or_else(PoisonError::into_inner) = Some(Rest { next_held });
                    return next_held;
                }
                if !fails {
                    continue;
                }
            }
            tokio::select! {
                // In this order, so that the same events have the same consequences in the same order. Nothing starves:
                // what is before `under_way` is bounded by what that has put there.
                biased;
                claimed = &mut claiming_withdrawals => match claimed {
                    Ok((claimed, as_of)) => {
                        // What is no withdrawal was not looked at.
                        more = true;
                        next_held = claimed.next;
                        window.extend(claimed.rows.into_iter().map(|row| InHand { row, as_of }));
                    }
                    Err(LedgerError::Closed) => return None,
                    Err(_) => pressing = true,
                },
                claimed = &mut claiming => match claimed {
                    Ok((claimed, as_of)) => {
                        more |= claimed.more;
                        next_held = claimed.next;
                        window.extend(claimed.rows.into_iter().map(|row| InHand { row, as_of }));
                    }
                    Err(LedgerError::Closed) => return None,
                    Err(_) => more = true,
                },
                Some(recorded) = records.next() => match recorded {
                    // Only now is the row where a claim can see it; when it is due is known to the ledger alone.
                    Ok((Waiting { any, withdrawal }, tried)) => {
                        more |= any && !planted!(WaitsUnseen);
                        // One that came during another version's attempt goes at once; one that failed has had its try.
                        pressing |= withdrawal.is_some() && !tried;
                        let left = withdrawal.into_iter().chain(withdrawal_left).min();
                        withdrawal_left = if tried { left } else { withdrawal_left };
                    }
                    Err(why) => self.not_recorded(&why),
                },
                Some(done) = under_way.next() => {
                    more |= next_held.is_some_and(|at| at <= shared.clock.now());
                    let others = under_way.len();
                    records.extend(self.ended(shared, done, others));
                }
                () = self.signal.notified() => {}
                // What is under way may take long, and a contract's next turn comes before its end.
                () = opens(gate, now), if matches!(gate, Gate::Until(_) | Gate::Paced(_)) => {}
            }
        }
    }

    pub fn pace(&self) -> std::sync::MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When to look again at a door that may not be sent everything. A withdrawal is tried again by the door's backoff and
    /// its own, whatever else is held back until an operator looks; what is held may be one.
    fn until(
        &self,
        gate: Gate,
        retry_at: Option<Timestamp>,
        next_held: Option<Timestamp>,
        withdrawal_left: Option<Timestamp>,
    ) -> Option<Timestamp> {
        // Elsewhere the time that is returned is its own, and news of other stories are no reason to knock before it.
        if withdrawal_left.is_some() && gate == Gate::Shut {
            self.signal.keep_withdrawal();
        }
        let withdrawals = || {
            let first = withdrawal_left.into_iter().chain(next_held).min();
            // One that was held back before has its time there.
            first.map(|at| retry_at.map_or(at, |retry| retry.max(at)))
        };
        match gate {
            Gate::Until(at) => Some(at),
            // What is held may be one, and does not wait for a contract's next turn.
            Gate::Paced(_) if planted!(TurnForgotten) => None,
            Gate::Paced(at) => Some(withdrawals().map_or(at, |first| first.min(at))),
            Gate::Withdrawals if !planted!(HaltedDoorForgetsKills) => withdrawals(),
            Gate::Open | Gate::Withdrawals | Gate::Shut => None,
        }
    }

    async fn claim(
        &self,
        shared: &Shared,
        limit: usize,
        press: Press,
        as_of: AsOf,
        now: Timestamp,
    ) -> Result<(Claimed, AsOf), LedgerError> {
        let claim = Claim {
            destination: self.id,
            limit,
            withdrawals_only: press == Press::Withdrawal,
            urgent: press == Press::Urgent,
            give_up_before: self.pace().give_up_before(self.settings.get().give_up_after, now),
            now,
        };
        match shared.ledger.claim(claim).await {
            Ok(claimed) => {
                if claimed.expired > 0 {
                    tracing::warn!(destination = %self.name, deliveries = claimed.expired, "expired");
                }
                Ok((claimed, as_of))
            }
            Err(why) => {
                tokio::time::sleep(LEDGER_PAUSE).await;
                Err(why)
            }
        }
    }

    async fn attempt(&self, shared: &Shared, in_hand: InHand) -> Done {
        let InHand { row: attempted, as_of } = in_hand;
        let settings = self.settings.get();
        let in_network = settings.door.in_network();
        let rendered = tokio::select! {
            // Nearly all documents are there at once.
            biased;
            rendered = shared.documents.get(attempted.article, &settings.edition) => rendered,
            () = self.outdated(&attempted, as_of) => {
                let began = shared.clock.now();
                return Done { attempted, began, published: None, in_network, result: Sent::NotTried };
            }
        };
        let began = shared.clock.now();
        let published = rendered.as_ref().ok().and_then(|rendered| rendered.published);
        let mut traced = Traced::new(shared.tracer.as_ref(), &attempted, rendered.as_ref().ok());
        let result = match rendered {
            Err(LedgerError::Damaged(why)) => Sent::Answered(Outcome::refused_here(format!("not sent: {why}"))),
            Err(why) => {
                tracing::error!(destination = %self.name, article = %attempted.article, reason = %why, "article not read");
                tokio::time::sleep(LEDGER_PAUSE).await;
                Sent::NotTried
            }
            // All is looked at here once more, because the wait for a slot may have been long (promises 2, 3 and 5).
            Ok(_) if shared.ledger_fails() => Sent::NotTried,
            Ok(_) if self.signal.outdates(&attempted, as_of) || !self.may_be_sent(&attempted, began) => Sent::NotTried,
            Ok(_) if attempted.embargo.is_some_and(|embargo| embargo > began) && !planted!(EmbargoIgnored) => {
                Sent::NotTried
            }
            Ok(_) if attempted.expires.is_some_and(|expires| expires <= began) && !planted!(ExpiryIgnored) => {
                Sent::Expired
            }
            Ok(rendered) => match &rendered.document {
                Err(NoDocument::Never(why)) => Sent::Answered(Outcome::refused_here(why.clone())),
                Err(NoDocument::NotYet(why)) => {
                    let (story, destination, version) = (&rendered.story, &self.name, rendered.version);
                    let (attempt, outcome) = (attempted.attempt, "deferred");
                    let trace_id = traced.as_ref().map(|traced| display(traced.request.trace));
                    tracing::warn!(%story, destination, %version, attempt, outcome, trace_id, detail = why, "attempt");
                    Sent::NotYet(why.clone())
                }
                Ok(document) => {
                    let parcel = Parcel {
                        document: Arc::clone(document),
                        message_id: message_id(&self.name, &rendered.story, rendered.version),
                        story: rendered.story.clone(),
                        version: rendered.version,
                        action: rendered.action,
                        urgency: rendered.urgency,
                        attempt: attempted.attempt,
                        sequence: attempted.sequence,
                        remote: attempted.remote.clone(),
                        names: Arc::clone(&rendered.names),
                        media: Arc::clone(&rendered.media),
                        trace: traced.as_ref().map(|traced| Arc::clone(&traced.request)),
                    };
                    if let Some(traced) = &mut traced {
                        traced.call = Some((settings.door.call(&parcel), began));
                    }
                    let sending = settings.door.send(&parcel);
                    let sending = if parcel.action.withdraws() { at_once(sending).boxed() } else { sending };
                    let mut outcome = sending.await;
                    if outcome.class == Class::Delivered && !rendered.dropped.is_empty() {
                        outcome.detail = format!("{}; it went without {}", outcome.detail, rendered.dropped.join(", "));
                    }
                    log(&self.name, &parcel, &outcome, began, shared.clock.now());
                    Sent::Answered(outcome)
                }
            },
        };
        if let Some((traced, came)) = traced.zip(result.came()) {
            traced.ended(&self.name, &attempted, &came, shared.clock.now());
        }
        Done { attempted, began, published, in_network, result }
    }

    /// Returns when a row in hand is to go back.
    async fn outdated(&self, attempted: &Attempted, as_of: AsOf) {
        while !self.signal.outdates(attempted, as_of) {
            tokio::time::sleep(LOOK_WHILE_WAITING).await;
        }
    }

    /// Whether an operator's word, or the door's own that it is gone, stands against it.
    fn may_be_sent(&self, attempted: &Attempted, now: Timestamp) -> bool {
        match self.pace().gate(now) {
            Gate::Open | Gate::Until(_) | Gate::Paced(_) => true,
            Gate::Withdrawals => attempted.action.withdraws(),
            Gate::Shut => false,
        }
    }

    pub(super) fn given_back<'a>(&self, shared: &'a Shared, rows: Vec<Attempted>, now: Timestamp) -> Recorded<'a> {
        shared.ledger.release(self.id, rows, now).map(|released| released.map(|waiting| (waiting, false))).boxed()
    }
}

/// A later claim may have found what goes first.
pub(super) fn in_order(window: &mut VecDeque<InHand>) {
    if !window.iter().is_sorted_by_key(|in_hand| in_hand.row.rank) {
        window.make_contiguous().sort_by_key(|in_hand| in_hand.row.rank);
    }
}

/// Returns when a gate that is closed until a time opens.
async fn opens(gate: Gate, now: Timestamp) {
    if let Gate::Until(at) | Gate::Paced(at) = gate {
        tokio::time::sleep(Duration::try_from(at.duration_since(now)).unwrap_or_default()).await;
    }
}
