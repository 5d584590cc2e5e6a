//! What the program says of itself: logs, metrics, and the last hour at a glance. Every other module may use it, and it uses none.

mod beat;
mod logs;
mod metrics;

pub use beat::{Beat, Failure, Glance, MINUTES, Minute};
pub use logs::start_logs;
pub use metrics::{CertificateLabel, DestinationLabel, Flow, IntakeLabel, Metrics, OutcomeLabel};
