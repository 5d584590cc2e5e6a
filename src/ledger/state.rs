//! The fate of a delivery, as pure functions of (row, event, now).
//!
//! A row is what one destination is owed of one story. It has one *wanted* version, the highest that was accepted for
//! it; a newer one replaces it, and what leaves the row is told as a [`PastEnd`], so that every (destination, story,
//! version) has exactly one end (promise 2).
//!
//! ```text
//!            want                 begin                    settle: delivered
//!   (none) ───────▶ Ready ◀──▶ Attempting ──────────────────────────────────────▶ Ended
//!                    ▲ │ time      │  settle: deferred, unknown                     │ want (newer)
//!                    │ ▼           ▼                                                ▼
//!                   Held ◀─────────┘                                              Ready
//! ```
//!
//! Promise 3 (never overtaken) lives in three places here: [`Row::want`] never lowers the wanted version,
//! [`Row::begin`] starts only what is wanted and only when nothing is in flight, and [`Row::settle`] sends the newest
//! again when an older attempt's outcome was unknown and its request may still have been in the network.
//! Promise 4 lives in [`Row::withdraw`].

use std::time::Duration;

use jiff::Timestamp;

use super::ArticleId;
use crate::article::{Action, Urgency, Version};

/// What one destination is owed of one story.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub wanted: Wanted,
    pub stage: Stage,
    /// Attempts begun for the wanted version.
    pub attempts: u32,
    /// The highest version that the destination confirmed.
    pub confirmed: Option<Version>,
    /// The highest version that it may have received: its attempt's outcome is unknown.
    pub possible: Option<Version>,
    /// Until when a request with that version may still be in the network.
    pub settles: Option<Timestamp>,
    /// Until when a request with a lower version than that may be.
    pub older_settles: Option<Timestamp>,
    /// What the transport has to know of the story at its next attempt, in its own words: the name that the partner's
    /// system gave it.
    pub remote: Option<String>,
}

/// The version that a destination should have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    pub version: Version,
    pub article: ArticleId,
    pub action: Action,
    pub rank: i64,
    pub accepted: Timestamp,
    pub embargo: Option<Timestamp>,
    pub expires: Option<Timestamp>,
}

/// Where a row stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// Waits for its lane.
    Ready,
    /// Waits for a time.
    Held { until: Timestamp },
    /// One attempt is announced or under way.
    Attempting { version: Version, since: Timestamp },
    /// It has the end that an operator can see.
    Ended { end: End, at: Timestamp, reason: String },
}

/// How a (destination, story, version) ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum End {
    Delivered,
    /// A newer version took its place.
    Superseded,
    /// The story was withdrawn before this was sent.
    Cancelled,
    /// Its time ran out: the article's own, or the limit of tries.
    Expired,
    /// The document is at fault; it waits for an operator.
    Refused,
}

impl End {
    pub const ALL: [Self; 5] = [Self::Delivered, Self::Superseded, Self::Cancelled, Self::Expired, Self::Refused];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Superseded => "superseded",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::Refused => "refused",
        }
    }
}

/// The end of a version that left its row, because a newer one took the row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastEnd {
    pub version: Version,
    pub end: End,
    pub at: Timestamp,
    pub reason: String,
}

/// How an attempt ended, as far as the row is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    Delivered {
        reason: String,
    },
    /// The document is at fault.
    Refused {
        reason: String,
    },
    /// The door is at fault, and the document certainly did not arrive. `hold` keeps this row back while others of
    /// its lane go on, where the fault may be this document's after all.
    Deferred {
        hold: Option<Timestamp>,
    },
    /// The answer was lost; the document may have arrived.
    Unknown {
        hold: Option<Timestamp>,
    },
    /// Its time was over before the request.
    Expired {
        reason: String,
    },
}

/// A version's place in its lane: lower goes first. Kills go before everything; a correction is worth a day's head
/// start, each step of urgency an hour. Since age counts too, nothing starves.
pub fn rank(action: Action, urgency: Urgency, accepted: Timestamp) -> i64 {
    const HOUR: i64 = 3_600 * 1_000_000;
    // Longer than the clock's distance from 1970 for the next century, so a withdrawal's rank is below zero and every
    // other's above.
    const AHEAD_OF_EVERYTHING: i64 = 200 * 365 * 24 * HOUR;
    let head_start = match action {
        Action::Kill | Action::Withhold => AHEAD_OF_EVERYTHING,
        Action::Correct => 24 * HOUR,
        Action::Publish | Action::Update => 0,
    };
    accepted.as_microsecond() - head_start - i64::from(9 - urgency.get()) * HOUR
}

impl Row {
    /// The first version that this destination is owed of a story.
    pub fn first(wanted: Wanted, now: Timestamp) -> Self {
        let stage = waiting(&wanted, None, now);
        Self {
            wanted,
            stage,
            attempts: 0,
            confirmed: None,
            possible: None,
            settles: None,
            older_settles: None,
            remote: None,
        }
    }

    /// Keeps what an attempt learnt for those that follow, of whatever version. An attempt that learnt nothing takes
    /// nothing away.
    pub fn remember(&mut self, remote: Option<&str>) {
        if let Some(remote) = remote {
            self.remote = Some(remote.to_owned());
        }
    }

    /// Whether the destination has, or may have, any version of the story.
    pub fn may_have_it(&self) -> bool {
        self.confirmed.is_some() || self.possible.is_some() || matches!(self.stage, Stage::Attempting { .. })
    }

    /// A newer version is accepted for this destination. A lower or equal one changes nothing.
    pub fn want(&mut self, wanted: Wanted, now: Timestamp) -> Option<PastEnd> {
        if wanted.version <= self.wanted.version {
            return None;
        }
        let left = std::mem::replace(&mut self.wanted, wanted);
        let newer = self.wanted.version;
        self.attempts = 0;
        match &self.stage {
            // Its end is known when the attempt is.
            Stage::Attempting { version, .. } if *version == left.version => None,
            // Two newer versions came while an older one is in flight: the middle one was never sent.
            Stage::Attempting { .. } => Some(superseded(left.version, newer, now)),
            Stage::Ready | Stage::Held { .. } => {
                self.stage = waiting(&self.wanted, None, now);
                let mut past = superseded(left.version, newer, now);
                if self.confirmed == Some(left.version) {
                    // It had arrived, and waited only to be sent once more.
                    past.end = End::Delivered;
                }
                Some(past)
            }
            Stage::Ended { end, at, reason } => {
                let past = PastEnd { version: left.version, end: *end, at: *at, reason: reason.clone() };
                self.stage = waiting(&self.wanted, None, now);
                Some(past)
            }
        }
    }

    /// The story is withdrawn: who has or may have it is owed the withdrawal; for who never got it, all ends here.
    pub fn withdraw(&mut self, wanted: Wanted, now: Timestamp) -> Option<PastEnd> {
        if wanted.version <= self.wanted.version {
            return None;
        }
        if self.may_have_it() {
            return self.want(wanted, now);
        }
        let past = match &self.stage {
            Stage::Ended { end, at, reason } => {
                PastEnd { version: self.wanted.version, end: *end, at: *at, reason: reason.clone() }
            }
            Stage::Ready | Stage::Held { .. } | Stage::Attempting { .. } => PastEnd {
                version: self.wanted.version,
                end: End::Cancelled,
                at: now,
                reason: format!("withdrawn by version {} before it was sent", wanted.version),
            },
        };
        self.wanted = wanted;
        self.attempts = 0;
        self.stage = never_sent(now);
        Some(past)
    }

    /// A newer version exists that is not for this destination: what waits here is out of date.
    pub fn pass_over(&mut self, newer: Version, now: Timestamp) {
        if newer > self.wanted.version && self.waits() {
            self.end_waiting(End::Superseded, format!("version {newer} is not for this destination"), now);
        }
    }

    /// Announces an attempt of the wanted version. `false`: it is not this row's turn.
    pub fn begin(&mut self, now: Timestamp) -> bool {
        if self.stage != Stage::Ready {
            return false;
        }
        self.stage = Stage::Attempting { version: self.wanted.version, since: now };
        self.attempts += 1;
        true
    }

    /// The announced attempt was never made: not a byte of it left.
    pub fn release(&mut self, version: Version, now: Timestamp) -> Option<PastEnd> {
        let Stage::Attempting { version: announced, .. } = self.stage else { return None };
        if announced != version {
            return None;
        }
        if version < self.wanted.version {
            self.turn_to_newest(now);
            return Some(superseded(version, self.wanted.version, now));
        }
        self.stage = waiting(&self.wanted, None, now);
        self.attempts = self.attempts.saturating_sub(1);
        None
    }

    /// The attempt of `version` ended. `in_network` is how long a request of unknown outcome may still be on its way.
    /// An attempt that this row does not know of changes nothing.
    pub fn settle(
        &mut self,
        version: Version,
        settled: Settled,
        now: Timestamp,
        in_network: Duration,
    ) -> Option<PastEnd> {
        let Stage::Attempting { version: announced, since } = self.stage else { return None };
        if announced != version {
            return None;
        }
        let newest = self.wanted.version;
        let is_newest = version == newest;
        let (end, reason) = match settled {
            Settled::Delivered { reason } => {
                self.confirmed = self.confirmed.max(Some(version));
                // An older request may have been overtaken in the network by this one: send this again after it.
                let possible_is_older = self.possible < Some(version);
                let older_until = self.older_settles.max(self.settles.filter(|_| possible_is_older));
                if is_newest && older_until.is_some_and(|until| until > since) {
                    self.older_settles = None;
                    self.settles = self.settles.filter(|_| !possible_is_older);
                    self.stage = waiting(&self.wanted, older_until, now);
                    return None;
                }
                (End::Delivered, reason)
            }
            Settled::Refused { reason } => (End::Refused, reason),
            Settled::Expired { reason } => (End::Expired, reason),
            Settled::Deferred { hold } if is_newest => {
                self.stage = waiting(&self.wanted, hold, now);
                return None;
            }
            Settled::Deferred { .. } => {
                self.turn_to_newest(now);
                return Some(superseded(version, newest, now));
            }
            Settled::Unknown { hold } => {
                if self.possible.is_some_and(|possible| possible < version) {
                    self.older_settles = self.older_settles.max(self.settles.take());
                }
                self.possible = self.possible.max(Some(version));
                self.settles = now.checked_add(in_network).ok().max(self.settles);
                self.stage = waiting(&self.wanted, hold.filter(|_| is_newest), now);
                return (!is_newest).then(|| PastEnd {
                    version,
                    end: End::Superseded,
                    at: now,
                    reason: format!("version {newest} took its place; it may have arrived"),
                });
            }
        };
        if is_newest {
            self.stage = Stage::Ended { end, at: now, reason };
            None
        } else {
            self.turn_to_newest(now);
            Some(PastEnd { version, end, at: now, reason })
        }
    }

    /// The attempt of an older version is over. A withdrawal that came meanwhile, since that attempt might have
    /// arrived, is for nobody when it did not and none before it did.
    fn turn_to_newest(&mut self, now: Timestamp) {
        self.stage = if self.wanted.action.withdraws() && self.confirmed.is_none() && self.possible.is_none() {
            never_sent(now)
        } else {
            waiting(&self.wanted, None, now)
        };
    }

    /// What waits is given up.
    pub fn expire(&mut self, reason: &str, now: Timestamp) {
        if self.waits() {
            self.end_waiting(End::Expired, reason.to_owned(), now);
        }
    }

    /// Whether it waits for its lane or for a time.
    pub fn waits(&self) -> bool {
        matches!(self.stage, Stage::Ready | Stage::Held { .. })
    }

    /// What had arrived, and waited only to be sent once more, was delivered.
    fn end_waiting(&mut self, end: End, reason: String, now: Timestamp) {
        let (end, reason) = if self.confirmed == Some(self.wanted.version) {
            (End::Delivered, format!("it had arrived; it was not sent once more, since {reason}"))
        } else {
            (end, reason)
        };
        self.stage = Stage::Ended { end, at: now, reason };
    }
}

/// Ready, or held until the later of the embargo's end and `hold`.
fn waiting(wanted: &Wanted, hold: Option<Timestamp>, now: Timestamp) -> Stage {
    match wanted.embargo.max(hold) {
        Some(until) if until > now => Stage::Held { until },
        _ => Stage::Ready,
    }
}

fn never_sent(now: Timestamp) -> Stage {
    Stage::Ended { end: End::Cancelled, at: now, reason: "the story was never sent here".to_owned() }
}

fn superseded(version: Version, by: Version, now: Timestamp) -> PastEnd {
    PastEnd { version, end: End::Superseded, at: now, reason: format!("version {by} took its place") }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const IN_NETWORK: Duration = Duration::from_secs(60);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn version(number: u64) -> Version {
        Version::try_from(number).unwrap()
    }

    fn wanted(number: u64, action: Action, now: Timestamp) -> Wanted {
        Wanted {
            version: version(number),
            article: ArticleId(i64::try_from(number).unwrap()),
            action,
            rank: rank(action, Urgency::NORMAL, now),
            accepted: now,
            embargo: None,
            expires: None,
        }
    }

    fn delivered() -> Settled {
        Settled::Delivered { reason: "200".to_owned() }
    }

    #[test]
    fn a_newer_version_takes_the_place_of_a_waiting_one() {
        let mut row = Row::first(wanted(1, Action::Publish, at(0)), at(0));
        let past = row.want(wanted(2, Action::Update, at(1)), at(1)).unwrap();
        assert_eq!((past.version, past.end), (version(1), End::Superseded));
        assert_eq!(row.stage, Stage::Ready);
        assert_eq!(row.want(wanted(1, Action::Publish, at(2)), at(2)), None, "a lower one changes nothing");
        assert_eq!(row.wanted.version, version(2));
    }

    #[test]
    fn the_newest_is_sent_again_when_an_older_attempt_may_still_arrive() {
        let mut row = Row::first(wanted(1, Action::Publish, at(0)), at(0));
        assert!(row.begin(at(1)));
        row.want(wanted(2, Action::Correct, at(2)), at(2));
        let past = row.settle(version(1), Settled::Unknown { hold: None }, at(3), IN_NETWORK).unwrap();
        assert_eq!(past.end, End::Superseded);
        assert!(row.begin(at(4)), "the newest goes at once");
        assert_eq!(row.settle(version(2), delivered(), at(5), IN_NETWORK), None);
        assert_eq!(row.stage, Stage::Held { until: at(63) }, "and again when the old one has settled");
        row.stage = Stage::Ready;
        assert!(row.begin(at(63)));
        row.settle(version(2), delivered(), at(64), IN_NETWORK);
        assert!(matches!(row.stage, Stage::Ended { end: End::Delivered, .. }));
    }

    #[test]
    fn an_older_attempt_is_not_forgotten_over_a_newer_one_that_is_unknown_too() {
        let mut row = Row::first(wanted(1, Action::Publish, at(0)), at(0));
        assert!(row.begin(at(1)));
        row.settle(version(1), Settled::Unknown { hold: None }, at(2), IN_NETWORK);
        row.want(wanted(2, Action::Correct, at(3)), at(3));
        assert!(row.begin(at(4)));
        row.settle(version(2), Settled::Unknown { hold: None }, at(5), IN_NETWORK);
        assert!(row.begin(at(6)));
        row.settle(version(2), delivered(), at(7), IN_NETWORK);
        assert_eq!(row.stage, Stage::Held { until: at(62) }, "version 1 may arrive until then");
        assert_eq!(row.confirmed, Some(version(2)));
        row.expire("its time was over", at(63));
        assert!(matches!(row.stage, Stage::Ended { end: End::Delivered, .. }), "it had arrived");
    }

    #[test]
    fn a_kill_reaches_who_may_have_the_story_and_cancels_it_for_who_never_got_it() {
        let mut never = Row::first(wanted(1, Action::Publish, at(0)), at(0));
        let mut maybe = never.clone();
        let past = never.withdraw(wanted(2, Action::Kill, at(1)), at(1)).unwrap();
        assert_eq!(past.end, End::Cancelled);
        assert!(matches!(never.stage, Stage::Ended { end: End::Cancelled, .. }));

        assert!(maybe.begin(at(0)));
        maybe.settle(version(1), Settled::Unknown { hold: Some(at(100)) }, at(1), IN_NETWORK);
        maybe.withdraw(wanted(2, Action::Kill, at(2)), at(2));
        assert_eq!(maybe.stage, Stage::Ready, "a kill does not wait for the row's own backoff");
        assert_eq!(maybe.wanted.version, version(2));
    }

    #[test]
    fn a_kill_that_came_during_an_attempt_follows_it_only_where_it_may_have_arrived() {
        let mut row = Row::first(wanted(1, Action::Publish, at(0)), at(0));
        assert!(row.begin(at(1)));
        row.withdraw(wanted(2, Action::Kill, at(2)), at(2));
        let mut released = row.clone();
        let mut refused = row.clone();
        let mut lost = row.clone();
        row.settle(version(1), Settled::Deferred { hold: None }, at(3), IN_NETWORK);
        released.release(version(1), at(3));
        refused.settle(version(1), Settled::Refused { reason: "422".to_owned() }, at(3), IN_NETWORK);
        for row in [row, released, refused] {
            assert!(matches!(row.stage, Stage::Ended { end: End::Cancelled, .. }), "{row:?}");
        }
        lost.settle(version(1), Settled::Unknown { hold: None }, at(3), IN_NETWORK);
        assert_eq!(lost.stage, Stage::Ready);
    }

    #[test]
    fn kills_go_first_then_corrections_then_the_urgent_then_the_old() {
        let urgency = |number| Urgency::try_from(number).unwrap();
        let hour = 3_600;
        let order = [
            rank(Action::Kill, urgency(9), at(0)),
            rank(Action::Correct, urgency(5), at(0)),
            rank(Action::Publish, urgency(1), at(0)),
            rank(Action::Publish, urgency(5), at(0)),
            rank(Action::Publish, urgency(5), at(1)),
            rank(Action::Publish, urgency(1), at(5 * hour)),
        ];
        assert!(order.is_sorted(), "{order:?}");
        assert!(order[0] < 0 && order[1] > 0);
    }

    #[derive(Debug, Clone)]
    enum Event {
        Accept { version: u64, kill: bool },
        Begin,
        Release,
        Settle(Settled),
        Wait,
    }

    fn event() -> impl Strategy<Value = Event> {
        prop_oneof![
            (1..8u64, prop::bool::weighted(0.2)).prop_map(|(version, kill)| Event::Accept { version, kill }),
            Just(Event::Begin),
            Just(Event::Release),
            Just(Event::Settle(delivered())),
            Just(Event::Settle(Settled::Refused { reason: "422".to_owned() })),
            Just(Event::Settle(Settled::Deferred { hold: None })),
            Just(Event::Settle(Settled::Unknown { hold: None })),
            Just(Event::Wait),
        ]
    }

    proptest! {
        /// Promises 2 and 3 over any history: no attempt is begun below one already begun, and every version that was
        /// taken into the row has exactly one end, or is the one that the row still holds.
        #[test]
        fn every_version_has_one_end_and_none_goes_back(events in prop::collection::vec(event(), 1..60)) {
            let mut now = at(0);
            let mut row = Row::first(wanted(1, Action::Publish, now), now);
            let mut taken = vec![version(1)];
            let mut ended = Vec::new();
            let mut highest_begun = None;
            for event in events {
                now = now.checked_add(Duration::from_secs(1)).unwrap();
                let before = row.wanted.version;
                let past = match event {
                    Event::Accept { version, kill } => {
                        let action = if kill { Action::Kill } else { Action::Update };
                        let newer = wanted(version, action, now);
                        if newer.version > before {
                            taken.push(newer.version);
                        }
                        if kill { row.withdraw(newer, now) } else { row.want(newer, now) }
                    }
                    Event::Begin => {
                        if row.begin(now) {
                            prop_assert!(Some(row.wanted.version) >= highest_begun);
                            highest_begun = Some(row.wanted.version);
                        }
                        None
                    }
                    Event::Release => match row.stage {
                        Stage::Attempting { version, .. } => row.release(version, now),
                        _ => None,
                    },
                    Event::Settle(settled) => match row.stage {
                        Stage::Attempting { version, .. } => row.settle(version, settled, now, IN_NETWORK),
                        _ => None,
                    },
                    Event::Wait => {
                        if matches!(row.stage, Stage::Held { until } if until <= now) {
                            row.stage = Stage::Ready;
                        }
                        None
                    }
                };
                prop_assert!(row.wanted.version >= before);
                ended.extend(past.map(|past| past.version));
            }
            // What is still in the row: the wanted version, and an older one that is in flight.
            let mut held = vec![row.wanted.version];
            if let Stage::Attempting { version, .. } = row.stage
                && version != row.wanted.version {
                    held.push(version);
                }
            let mut all: Vec<_> = ended.into_iter().chain(held).collect();
            all.sort();
            prop_assert_eq!(all, taken);
        }
    }
}
