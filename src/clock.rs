//! The time of day, as a seam: decisions are functions of it, and a simulation has its own.
//!
//! Spans are waited for with the runtime's timers, which a simulation drives too.

use jiff::Timestamp;

/// Where the time of day comes from.
pub trait Clock: Send + Sync + 'static {
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}
