//! Rules broken on purpose: what the simulation must notice, or it is worth nothing. `planted!(…)` stands where each
//! rule does; outside of tests it is never so.

use std::cell::Cell;

/// A rule that is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// A kill is not for those who only may have the story.
    KillForgetsThePossible,
    /// A kill is for everybody.
    KillForAll,
    /// A refused kill is given up.
    RefusedKillGivenUp,
    /// A halt stops kills too, though it does not say so.
    HaltStopsKills,
    /// A kill that failed at a halted door is not tried again.
    HaltedDoorForgetsKills,
    /// A kill waits for its door's backoff.
    KillWaitsForTheDoor,
    /// The newest is not sent again after an older attempt of unknown outcome.
    NoRepeatAfterUnknown,
    /// After a crash, what was announced is taken not to have arrived.
    CrashForgetsAnnounced,
    /// A row in hand is sent though a newer version came.
    StaleInHand,
    /// A version that comes late goes to who has nothing yet.
    LateVersionGoes,
    /// A superseded version's end is not told.
    SupersededWithoutEnd,
    /// An update goes to who has the story, though it is not for it any more.
    UpdateToWhoeverHasIt,
    /// What waits is sent though a newer version is not for this destination.
    PassedOverGoes,
    /// The embargo is not waited for.
    EmbargoIgnored,
    /// A contract's early copy counts for everyone.
    EarlyForAll,
    /// Expiry is not looked at.
    ExpiryIgnored,
    /// A destination that takes every version gets the newest only.
    EveryIsNewest,
    /// A hold does not hold what comes later.
    HoldForgetsTheNew,
    /// A hold lets what failed be tried again.
    HoldLetsRetries,
    /// What was under way when an operator cancelled it is tried again.
    CancelForgotten,
    /// A number goes on to a newer version though its attempt may have arrived.
    NumberTwice,
    /// A row that waits again is not looked for.
    WaitsUnseen,
    /// What is given back stays announced.
    GivenBackStaysAnnounced,
    /// The rights clock does not tick.
    RightsClockStopped,
    /// A resumed lane is not woken.
    ResumeWakesNobody,
    /// A contract's rate is not looked at.
    ContractIgnored,
    /// What waits for a contract's next turn is not looked for when it comes.
    TurnForgotten,
    /// That a receiver has taken its events is noted before it is told.
    TakenBeforeTold,
}

impl Bug {
    pub const ALL: [Self; 28] = [
        Self::KillForgetsThePossible,
        Self::KillForAll,
        Self::RefusedKillGivenUp,
        Self::HaltStopsKills,
        Self::HaltedDoorForgetsKills,
        Self::KillWaitsForTheDoor,
        Self::NoRepeatAfterUnknown,
        Self::CrashForgetsAnnounced,
        Self::StaleInHand,
        Self::LateVersionGoes,
        Self::SupersededWithoutEnd,
        Self::UpdateToWhoeverHasIt,
        Self::PassedOverGoes,
        Self::EmbargoIgnored,
        Self::EarlyForAll,
        Self::ExpiryIgnored,
        Self::EveryIsNewest,
        Self::HoldForgetsTheNew,
        Self::HoldLetsRetries,
        Self::CancelForgotten,
        Self::NumberTwice,
        Self::WaitsUnseen,
        Self::GivenBackStaysAnnounced,
        Self::RightsClockStopped,
        Self::ResumeWakesNobody,
        Self::ContractIgnored,
        Self::TurnForgotten,
        Self::TakenBeforeTold,
    ];
}

thread_local! {
    static PLANTED: Cell<Option<Bug>> = const { Cell::new(None) };
}

/// Whether this thread has that rule broken.
pub fn is(bug: Bug) -> bool {
    PLANTED.get() == Some(bug)
}

/// Breaks a rule on this thread for as long as `work` takes.
pub fn with<T>(bug: Option<Bug>, work: impl FnOnce() -> T) -> T {
    let before = PLANTED.replace(bug);
    let done = work();
    PLANTED.set(before);
    done
}
