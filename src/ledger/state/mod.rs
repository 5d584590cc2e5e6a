//! The fate of a delivery, as pure functions of (row, event, now).
//!
//! A row is what one destination is owed of one story. It has one *wanted* version; a newer one replaces it, and what
//! leaves the row is told as a [`PastEnd`], so that every (destination, story, version) has exactly one end (promise 2).
//! A destination that takes [every version](Versions::Every) has the newer ones queue behind the wanted one instead.
//!
//! ```text
//!            want                 begin                    settle: delivered
//!   (none) ───────▶ Ready ◀──▶ Attempting ──────────────────────────────────────▶ Ended
//!                    ▲ │ time, hold │  settle: deferred, unknown                    │ want (newer), renew
//!                    │ ▼            ▼                                               ▼
//!                   Held ◀──────────┘                                             Ready
//! ```
//!
//! Promise 3 (never overtaken) lives in three places here: [`Row::want`] never lowers the wanted version,
//! [`Row::begin`] starts only what is wanted and only when nothing is in flight, and [`Row::settle`] sends the newest
//! again when an older attempt's outcome was unknown and its request may still have been in the network.
//! Promise 4 lives in [`Row::withdraw`]. What operators may ask is in `orders`.

mod order;
mod orders;

use std::collections::VecDeque;
use std::time::Duration;

use jiff::Timestamp;

pub use order::{Place, rank};
pub use orders::{LastTry, Standing};

use super::ArticleId;
use crate::article::{Action, Version};
pub use crate::config::Versions;

/// What one destination is owed of one story.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub wanted: Wanted,
    /// Which versions the destination takes, by the terms of the last that was for it.
    pub versions: Versions,
    /// What follows the wanted one, in order, at a destination that takes every version.
    pub later: VecDeque<Wanted>,
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
    /// What operators ordered for it.
    pub standing: Standing,
    /// The last number of the destination's sequence that an attempt of it carried.
    pub number: Option<Numbered>,
}

/// The version that a destination should have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    pub version: Version,
    pub article: ArticleId,
    pub action: Action,
    pub rank: i64,
    pub accepted: Timestamp,
    /// When it may leave for this destination, at the earliest.
    pub embargo: Option<Timestamp>,
    /// From when on it may not; of a withdrawal, until when it is tried.
    pub expires: Option<Timestamp>,
    /// It is only for who has the story, or may have it: a withdrawal, or a correction where the story is not routed any
    /// more.
    pub for_holders: bool,
}

/// A number of a destination's sequence, and the version that first carried it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numbered {
    pub sequence: u64,
    pub version: Version,
}

/// Where a row stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// Waits for its lane.
    Ready,
    /// Waits for a time; [`NEVER`] while an operator holds the story.
    Held { until: Timestamp },
    /// One attempt is announced or under way.
    Attempting { version: Version, since: Timestamp },
    /// It has the end that an operator can see.
    Ended { end: End, at: Timestamp, reason: String },
}

/// Until when a row waits that only an operator can let go.
pub const NEVER: Timestamp = Timestamp::constant(253_402_207_200, 0);

/// How a (destination, story, version) ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum End {
    Delivered,
    /// A newer version took its place.
    Superseded,
    /// The story was withdrawn before this was sent, or an operator ended it.
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

/// The end of a version that left its row, because another one took the row.
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
    /// The document is at fault. `hold` is when a withdrawal is tried again all the same.
    Refused {
        reason: String,
        hold: Option<Timestamp>,
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

impl Row {
    /// The first version that this destination is owed of a story.
    pub fn first(wanted: Wanted, versions: Versions, standing: Standing, now: Timestamp) -> Self {
        let mut row = Self {
            wanted,
            versions,
            later: VecDeque::new(),
            stage: Stage::Ready,
            attempts: 0,
            confirmed: None,
            possible: None,
            settles: None,
            older_settles: None,
            remote: None,
            standing,
            number: None,
        };
        row.wait(None, now);
        row
    }

    /// Keeps what an attempt learnt for those that follow, of whatever version. An attempt that learnt nothing takes
    /// nothing away.
    pub fn remember(&mut self, remote: Option<&str>) {
        if let Some(remote) = remote {
            self.remote = Some(remote.to_owned());
        }
    }

    /// The highest version that this destination is owed.
    pub fn newest(&self) -> Version {
        self.later.back().map_or(self.wanted.version, |last| last.version)
    }

    /// Whether the destination has, or may have, any version of the story.
    pub fn may_have_it(&self) -> bool {
        if planted!(KillForgetsThePossible) {
            return self.confirmed.is_some();
        }
        self.confirmed.is_some() || self.possible.is_some() || matches!(self.stage, Stage::Attempting { .. })
    }

    /// A newer version is accepted for this destination. A lower or equal one changes nothing.
    pub fn want(&mut self, wanted: Wanted, versions: Versions, now: Timestamp) -> Vec<PastEnd> {
        if wanted.version <= self.newest() {
            return Vec::new();
        }
        self.versions = versions;
        let open = !matches!(self.stage, Stage::Ended { .. });
        if versions == Versions::Every && open && !wanted.action.withdraws() && !planted!(EveryIsNewest) {
            self.queue(wanted, now);
            return Vec::new();
        }
        let newer = wanted.version;
        let mut past: Vec<_> = self.later.drain(..).map(|left| superseded(left.version, newer, now)).collect();
        let left = std::mem::replace(&mut self.wanted, wanted);
        self.attempts = 0;
        self.standing.last_try = None;
        match &self.stage {
            // Its end is known when the attempt is.
            Stage::Attempting { version, .. } if *version == left.version => {}
            // Two newer versions came while an older one is in flight: the middle one was never sent.
            Stage::Attempting { .. } => past.push(superseded(left.version, newer, now)),
            Stage::Ready | Stage::Held { .. } => {
                let mut end = superseded(left.version, newer, now);
                if self.confirmed == Some(left.version) {
                    // It had arrived, and waited only to be sent once more.
                    end.end = End::Delivered;
                }
                if !planted!(SupersededWithoutEnd) {
                    past.push(end);
                }
                self.wait(None, now);
            }
            Stage::Ended { end, at, reason } => {
                past.push(PastEnd { version: left.version, end: *end, at: *at, reason: reason.clone() });
                self.wait(None, now);
            }
        }
        past
    }

    /// A version that follows those before it. Its embargo is the story's from now on: what waits before it waits for
    /// the same time.
    fn queue(&mut self, wanted: Wanted, now: Timestamp) {
        for before in std::iter::once(&mut self.wanted).chain(&mut self.later) {
            before.embargo = wanted.embargo;
        }
        self.later.push_back(wanted);
        if self.waits() {
            self.wait(None, now);
        }
    }

    /// The story is withdrawn: who has or may have it is owed the withdrawal; for who never got it, all ends here.
    pub fn withdraw(&mut self, wanted: Wanted, now: Timestamp) -> Vec<PastEnd> {
        if wanted.version <= self.newest() {
            return Vec::new();
        }
        let newer = wanted.version;
        let cancelled = |version| PastEnd {
            version,
            end: End::Cancelled,
            at: now,
            reason: format!("withdrawn by version {newer} before it was sent"),
        };
        let mut past: Vec<_> = self.later.drain(..).map(|left| cancelled(left.version)).collect();
        if self.may_have_it() || planted!(KillForAll) {
            let versions = self.versions;
            past.extend(self.want(wanted, Versions::Newest, now));
            self.versions = versions;
            return past;
        }
        past.push(match &self.stage {
            Stage::Ended { end, at, reason } => {
                PastEnd { version: self.wanted.version, end: *end, at: *at, reason: reason.clone() }
            }
            Stage::Ready | Stage::Held { .. } | Stage::Attempting { .. } => cancelled(self.wanted.version),
        });
        self.wanted = wanted;
        self.attempts = 0;
        self.stage = never_sent(now);
        past
    }

    /// A newer version exists that is not for this destination: what waits here is out of date, unless it takes every
    /// version, or has arrived and waits only to be sent once more after an older one. What is under way is not tried
    /// again. `true`: something changed.
    pub fn pass_over(&mut self, newer: Version, now: Timestamp) -> bool {
        let every = self.versions == Versions::Every;
        if newer <= self.wanted.version || every || self.wanted.action.withdraws() {
            return false;
        }
        if planted!(PassedOverGoes) {
            return false;
        }
        match self.stage {
            Stage::Ready | Stage::Held { .. } if self.has_arrived() => return false,
            Stage::Ready | Stage::Held { .. } => {
                self.end_waiting(End::Superseded, format!("version {newer} is not for this destination"), now);
            }
            Stage::Attempting { .. } => self.standing.last_try = Some(LastTry::PassedOver),
            Stage::Ended { .. } => return false,
        }
        true
    }

    /// Announces an attempt of the wanted version. `false`: it is not this row's turn. `last` is the last number of the
    /// destination's sequence that was given; it grows by one where this attempt needs a number of its own.
    ///
    /// A number whose attempts certainly did not arrive goes on to the newer version, so that a partner misses a number
    /// only where it missed a story.
    pub fn begin(&mut self, last: &mut u64, now: Timestamp) -> bool {
        if self.stage != Stage::Ready {
            return false;
        }
        let version = self.wanted.version;
        let had =
            |number: &Numbered| self.confirmed.max(self.possible) >= Some(number.version) && !planted!(NumberTwice);
        let sequence = match self.number {
            Some(number) if number.version == version || !had(&number) => number.sequence,
            Some(_) | None => {
                *last += 1;
                *last
            }
        };
        self.number = Some(Numbered { sequence, version });
        self.stage = Stage::Attempting { version, since: now };
        self.attempts = self.attempts.saturating_add(1);
        true
    }

    /// The attempt of `version` that was `announced` then was never made: not a byte of it left. Where a lane broke off
    /// meanwhile, that was settled as unknown, and there may be another one of the same version: that is none of its business.
    pub fn release(&mut self, version: Version, announced: Timestamp, now: Timestamp) -> Vec<PastEnd> {
        if planted!(GivenBackStaysAnnounced) {
            return Vec::new();
        }
        // The ledger's file keeps microseconds.
        let then = announced.as_microsecond();
        match self.stage {
            Stage::Attempting { version: other, since } if other == version && since.as_microsecond() == then => {}
            Stage::Ready | Stage::Held { .. } | Stage::Attempting { .. } | Stage::Ended { .. } => return Vec::new(),
        }
        if version < self.wanted.version {
            return self.turn_to_newest(superseded(version, self.wanted.version, now), now);
        }
        self.attempts = self.attempts.saturating_sub(1);
        self.wait_again(None, now)
    }

    /// The attempt of `version` ended. `in_network` is how long a request of unknown outcome may still be on its way.
    /// An attempt that this row does not know of changes nothing.
    pub fn settle(&mut self, version: Version, settled: Settled, now: Timestamp, in_network: Duration) -> Vec<PastEnd> {
        let since = match self.stage {
            Stage::Attempting { version: announced, since } if announced == version => since,
            Stage::Ready | Stage::Held { .. } | Stage::Attempting { .. } | Stage::Ended { .. } => return Vec::new(),
        };
        let newest = self.wanted.version;
        let is_newest = version == newest;
        let (end, reason) = match settled {
            Settled::Delivered { reason } => {
                self.confirmed = self.confirmed.max(Some(version));
                // An older request may have been overtaken in the network by this one: send this again after it. Until
                // when that may be is kept, since a newer version may come before that and have to be sent again, too.
                let possible_is_older = self.possible < Some(version);
                let older_until = self.older_settles.max(self.settles.filter(|_| possible_is_older));
                if is_newest && older_until.is_some_and(|until| until > since) && !planted!(NoRepeatAfterUnknown) {
                    return self.wait_again(older_until, now);
                }
                (End::Delivered, reason)
            }
            // Nothing else can take a story down, so a withdrawal is tried for as long as the wire says.
            Settled::Refused { hold, .. }
                if is_newest && self.wanted.action.withdraws() && !planted!(RefusedKillGivenUp) =>
            {
                return self.wait_again(hold, now);
            }
            Settled::Refused { reason, .. } => (End::Refused, reason),
            Settled::Expired { reason } => (End::Expired, reason),
            Settled::Deferred { hold } if is_newest => {
                return self.wait_again(hold, now);
            }
            Settled::Deferred { .. } => return self.turn_to_newest(superseded(version, newest, now), now),
            Settled::Unknown { hold } => {
                if self.possible.is_some_and(|possible| possible < version) {
                    self.older_settles = self.older_settles.max(self.settles.take());
                }
                self.possible = self.possible.max(Some(version));
                self.settles = now.checked_add(in_network).ok().max(self.settles);
                if is_newest {
                    return self.wait_again(hold, now);
                }
                let reason = format!("version {newest} took its place; it may have arrived");
                return self.turn_to_newest(PastEnd { version, end: End::Superseded, at: now, reason }, now);
            }
        };
        if is_newest {
            self.standing.last_try = None;
            self.stage = Stage::Ended { end, at: now, reason };
            self.advance(now)
        } else {
            self.turn_to_newest(PastEnd { version, end, at: now, reason }, now)
        }
    }

    /// The attempt of an older version is over, and had this end. What came meanwhile for who has the story, since that
    /// attempt might have arrived, is for nobody when it did not and none before it did.
    fn turn_to_newest(&mut self, left: PastEnd, now: Timestamp) -> Vec<PastEnd> {
        let mut past = vec![left];
        if self.wanted.for_holders && self.confirmed.is_none() && self.possible.is_none() {
            self.standing.last_try = None;
            self.stage = never_sent(now);
            past.extend(self.advance(now));
        } else {
            past.extend(self.wait_again(None, now));
        }
        past
    }

    /// What waits is given up.
    pub fn expire(&mut self, reason: &str, now: Timestamp) -> Vec<PastEnd> {
        if !self.waits() {
            return Vec::new();
        }
        self.end_waiting(End::Expired, reason.to_owned(), now);
        self.advance(now)
    }

    /// Whether it had its end after a time.
    pub fn ended_since(&self, then: Timestamp) -> bool {
        matches!(self.stage, Stage::Ended { at, .. } if at > then)
    }

    /// Whether it waits for its lane or for a time.
    pub fn waits(&self) -> bool {
        matches!(self.stage, Stage::Ready | Stage::Held { .. })
    }

    /// What is wanted has arrived: if it waits, it does so only to be sent once more after an older request.
    fn has_arrived(&self) -> bool {
        self.confirmed == Some(self.wanted.version)
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

    /// The next of a destination that takes every version has its turn when the one before it has its end.
    fn advance(&mut self, now: Timestamp) -> Vec<PastEnd> {
        let Stage::Ended { end, at, reason } = &self.stage else { return Vec::new() };
        let Some(next) = self.later.pop_front() else { return Vec::new() };
        let past = PastEnd { version: self.wanted.version, end: *end, at: *at, reason: reason.clone() };
        self.wanted = next;
        self.attempts = 0;
        self.wait(None, now);
        vec![past]
    }

    /// The attempt of the wanted version is over, and it waits for another, unless it was the last.
    fn wait_again(&mut self, hold: Option<Timestamp>, now: Timestamp) -> Vec<PastEnd> {
        self.wait(hold, now);
        let last_try = self.standing.last_try.take().filter(|_| !planted!(CancelForgotten));
        let (end, reason) = match last_try {
            None => return Vec::new(),
            Some(LastTry::PassedOver) if self.has_arrived() => return Vec::new(),
            Some(LastTry::Cancelled) => {
                (End::Cancelled, "an operator cancelled it while another attempt was under way")
            }
            Some(LastTry::PassedOver) => (End::Superseded, "a newer version is not for this destination"),
        };
        self.end_waiting(end, reason.to_owned(), now);
        self.advance(now)
    }

    /// Ready, or held until the later of the embargo's end and `hold`; while an operator holds the story, for good. A
    /// withdrawal waits for neither embargo nor operator.
    fn wait(&mut self, hold: Option<Timestamp>, now: Timestamp) {
        let on_hold = self.standing.on_hold && !self.wanted.action.withdraws() && !planted!(HoldLetsRetries);
        let held = on_hold.then_some(NEVER);
        let embargo = self.wanted.embargo.filter(|_| !planted!(EmbargoIgnored));
        self.stage = match embargo.max(hold).max(held) {
            Some(until) if until > now => Stage::Held { until },
            Some(_) | None => Stage::Ready,
        };
    }
}

fn never_sent(now: Timestamp) -> Stage {
    Stage::Ended { end: End::Cancelled, at: now, reason: "the story was never sent here".to_owned() }
}

fn superseded(version: Version, by: Version, now: Timestamp) -> PastEnd {
    PastEnd { version, end: End::Superseded, at: now, reason: format!("version {by} took its place") }
}

#[cfg(test)]
mod tests;
