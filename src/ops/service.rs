//! What the service manager is told (`sd_notify(3)`), where there is one.

use sd_notify::NotifyState;

/// The ledger is open, the listeners are, and AMQP is connected or being tried.
pub fn ready() {
    tell(&[NotifyState::Ready]);
}

/// Intake has stopped; what is under way is being finished.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

fn tell(states: &[NotifyState<'_>]) {
    // Without a service manager there is nobody to tell, and that is no error.
    let _ = sd_notify::notify(states);
}
