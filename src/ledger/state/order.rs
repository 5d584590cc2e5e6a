//! The order within a lane: kills, then corrections, then by urgency, then by age. Nothing starves, since age counts.

use jiff::Timestamp;

use crate::article::{Action, Urgency};

const HOUR: i64 = 3_600 * 1_000_000;

/// Longer than the clock's distance from 1970 for the next century, so a withdrawal's rank is below zero and every
/// other's above.
const AHEAD_OF_EVERYTHING: i64 = 200 * 365 * 24 * HOUR;

/// A version's place in its lane: lower goes first. Withdrawals go before everything; a correction is worth a day's head
/// start, each step of urgency an hour.
pub fn rank(action: Action, urgency: Urgency, accepted: Timestamp) -> i64 {
    let head_start = match action {
        Action::Kill | Action::Withhold => AHEAD_OF_EVERYTHING,
        Action::Correct => 24 * HOUR,
        Action::Publish | Action::Update => 0,
    };
    accepted.as_microsecond() - head_start - i64::from(9 - urgency.get()) * HOUR
}

/// Where something stands that is sent on order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Where it would stand if it came now.
    AsNew,
    /// Behind all that is accepted within two days, corrections too, so that a replay is in nobody's way.
    Behind,
}

impl Place {
    /// The rank of what would have `rank` if it came now. Withdrawals keep theirs.
    pub fn of(self, rank: i64) -> i64 {
        match self {
            Self::Behind if rank >= 0 => rank.saturating_add(48 * HOUR),
            Self::Behind | Self::AsNew => rank,
        }
    }
}
