//! What the program says of itself: logs, metrics, and the last hour at a glance. Every other module may use it, and it uses none.

mod beat;
mod histogram;
mod logs;
mod metrics;
mod trace;

pub use beat::{Beat, Failure, Glance, MINUTES, Minute};
pub use histogram::Histogram;
pub use logs::{Logs, start_logs};
pub use metrics::{
    CertificateLabel, CommitMetrics, DirectoryLabel, EndLabel, Ending, FileLabel, Flow, IntakeLabel, KindLabel,
    LaneGauge, Metrics, ReceiverLabel, ResultLabel, Series, SpanCounts,
};
pub use trace::{Attributes, Kind, Span, SpanId, TRACEPARENT, TRACESTATE, TraceContext, TraceId, Tracer, Value};
