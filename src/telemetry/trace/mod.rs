//! Traces: what became of one article from its arrival to its first delivery at each destination, as spans for an
//! OpenTelemetry collector.
//!
//! An article's trace goes on where its source's did ([`TraceContext`], W3C Trace Context), or begins here. Who does a
//! piece of work hands its [`Span`] to the [`Tracer`] when it is over; that never waits: what finds no room is dropped and
//! counted, so that no collector can hold up a delivery. Where traces are off there is no tracer, and whoever could make
//! a span looks at a `None` and goes on.
//!
//! It does not know how spans reach a collector, nor what the work was.

mod context;
mod span;
mod tracer;

pub use context::{SpanId, TRACEPARENT, TRACESTATE, TraceContext, TraceId};
pub use span::{Attributes, Kind, Span, Value};
pub use tracer::Tracer;
