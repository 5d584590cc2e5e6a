//! What operators may do to a row: hold it, let it go, cancel what waits, send it again.

use jiff::Timestamp;

use super::{End, PastEnd, Place, Row, Stage, Wanted};

/// What operators ordered for a row, for as long as it holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standing {
    /// Nothing of the story but withdrawals leaves.
    pub on_hold: bool,
    /// What is under way is not to be tried again.
    pub cancelled: bool,
}

impl Row {
    /// The story is held, or let go. What is under way is not called back.
    pub fn hold(&mut self, on_hold: bool, now: Timestamp) {
        self.standing.on_hold = on_hold;
        if self.waits() {
            self.wait(None, now);
        }
    }

    /// Ends what waits, and what is under way once its attempt is over. A withdrawal goes on, unless `even_kills`.
    pub fn cancel(&mut self, reason: &str, even_kills: bool, now: Timestamp) -> Vec<PastEnd> {
        if self.wanted.action.withdraws() && !even_kills {
            return Vec::new();
        }
        match self.stage {
            Stage::Ended { .. } => Vec::new(),
            Stage::Attempting { version: under_way, .. } => {
                self.standing.cancelled = true;
                // The newest stays, so that the row knows of it; those before it end here.
                let Some(newest) = self.later.pop_back() else { return Vec::new() };
                let left = std::mem::replace(&mut self.wanted, newest);
                self.attempts = 0;
                let cancelled = |left: Wanted| PastEnd {
                    version: left.version,
                    end: End::Cancelled,
                    at: now,
                    reason: reason.to_owned(),
                };
                let waited = Some(left).filter(|left| left.version != under_way);
                waited.into_iter().chain(self.later.drain(..)).map(cancelled).collect()
            }
            Stage::Ready | Stage::Held { .. } => std::iter::from_fn(|| {
                self.end_waiting(End::Cancelled, reason.to_owned(), now);
                self.advance(now)
            })
            .collect(),
        }
    }

    /// Sends the wanted version again, from `place` on, whatever its end was. `false`: it waits or is under way anyway,
    /// or is a withdrawal of what was never sent here.
    pub fn renew(&mut self, place: Place, now: Timestamp) -> bool {
        if !matches!(self.stage, Stage::Ended { .. }) {
            return false;
        }
        if self.wanted.action.withdraws() {
            if !self.may_have_it() {
                return false;
            }
            // It is tried for as long again.
            let span = self.wanted.expires.map(|expires| expires.duration_since(self.wanted.accepted));
            self.wanted.expires = span.and_then(|span| now.checked_add(span).ok());
        }
        // What its action and urgency were worth, it is worth again; what put it behind, is over.
        let head_start = (self.wanted.accepted.as_microsecond() - self.wanted.rank).max(0);
        self.wanted.rank = place.of(now.as_microsecond() - head_start);
        // Its age, by which it is given up, begins anew.
        self.wanted.accepted = now;
        self.attempts = 0;
        self.wait(None, now);
        true
    }
}
