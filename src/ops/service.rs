//! What the service manager is told (`sd_notify(3)`), where there is one.

use std::time::Duration;

use sd_notify::NotifyState;

/// The ledger is open, the listeners are, and AMQP is connected or being tried.
pub fn ready() {
    tell(&[NotifyState::Ready]);
}

/// The configuration is being loaded again, until [`ready`] is said once more.
pub fn reloading() {
    // Since systemd 253 it takes a reload for one only with the time at which it was begun.
    let began = NotifyState::monotonic_usec_now().ok();
    tell(&[NotifyState::Reloading].into_iter().chain(began).collect::<Vec<_>>());
}

/// Intake has stopped; what is under way is being finished.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// All of it answers: the service manager waits for the next word of this kind, and starts it again where none comes.
pub fn alive() {
    tell(&[NotifyState::Watchdog]);
}

/// A line for who asks how it is.
pub fn status(line: &str) {
    tell(&[NotifyState::Status(line)]);
}

/// Within which time the service manager wants to hear [`alive`] (`WatchdogSec=`), where it does.
pub fn watched() -> Option<Duration> {
    sd_notify::watchdog_enabled().filter(|within| !within.is_zero())
}

/// Whether there is a service manager.
pub fn listens() -> bool {
    std::env::var_os("NOTIFY_SOCKET").is_some()
}

fn tell(states: &[NotifyState<'_>]) {
    // Without a service manager there is nobody to tell, and that is no error.
    let _ = sd_notify::notify(states);
}
