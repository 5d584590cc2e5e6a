//! What the program says of itself: logs and metrics. Every other module may use it, and it uses none.

mod logs;
mod metrics;

pub use logs::start_logs;
pub use metrics::{CertificateLabel, DestinationLabel, IntakeLabel, Metrics, OutcomeLabel};
