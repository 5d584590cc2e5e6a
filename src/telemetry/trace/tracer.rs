//! Which traces are told, and where their spans wait to be told.

use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::{Span, TraceContext, TraceId};
use crate::telemetry::{Metrics, SpanCounts};

/// Where spans are handed in. There is none where traces are off.
pub struct Tracer {
    /// Of 2⁶³ traces that begin here, so many are told.
    told: u64,
    queue: Sender<Span>,
    counts: SpanCounts,
}

impl Tracer {
    /// `ratio` of the traces that begin here are told, from none at 0 to all at 1; one that began elsewhere is told where
    /// it says so itself. `waiting` spans at most wait for whoever has the other end.
    pub fn new(ratio: f64, waiting: usize, metrics: &Metrics) -> (Self, Receiver<Span>) {
        let (queue, spans) = channel(waiting);
        // A cast to an integer is cut off at its ends.
        let told = (ratio * (1_u64 << 63) as f64) as u64;
        (Self { told, queue, counts: metrics.span_counts() }, spans)
    }

    /// A span of its own for something that begins, and that says to belong to `parent`. None: it is not traced at all,
    /// since its trace would begin here and is one of those that are not told.
    pub fn begin(&self, parent: Option<&TraceContext>) -> Option<TraceContext> {
        if let Some(parent) = parent {
            return Some(parent.child());
        }
        let trace = TraceId::random();
        self.tells(trace).then(|| TraceContext::new(trace, true))
    }

    /// As OpenTelemetry's `TraceIdRatioBased` has it: by the id, so that all who have the same ratio decide alike.
    fn tells(&self, trace: TraceId) -> bool {
        let [.., a, b, c, d, e, f, g, h] = *trace.bytes();
        u64::from_be_bytes([a, b, c, d, e, f, g, h]) >> 1 < self.told
    }

    /// Takes a span that is over, unless its trace is not told. Where there is no room it is dropped and counted, since
    /// nothing waits for a collector.
    pub fn record(&self, span: Span) {
        if span.context.sampled && self.queue.try_send(span).is_err() {
            self.counts.dropped.inc();
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::super::{Attributes, Kind};
    use super::*;

    fn span(context: TraceContext) -> Span {
        Span {
            context,
            parent: None,
            is_remote: false,
            kind: Kind::Internal,
            name: "work".into(),
            began: Timestamp::UNIX_EPOCH,
            ended: Timestamp::UNIX_EPOCH,
            attributes: Attributes::default(),
            failed: None,
        }
    }

    proptest! {
        /// Whoever takes a larger part of the traces takes all of a smaller one.
        #[test]
        fn a_larger_ratio_tells_what_a_smaller_one_tells(a in 0.0..1.0_f64, b in 0.0..1.0_f64) {
            let metrics = Metrics::new();
            let of = |ratio| Tracer::new(ratio, 1, &metrics).0;
            let (fewer, more) = (of(a.min(b)), of(a.max(b)));
            for _ in 0..64 {
                let trace = TraceId::random();
                prop_assert!(!fewer.tells(trace) || more.tells(trace));
            }
        }

        /// What began elsewhere is told or not as it says, whatever the ratio.
        #[test]
        fn a_parent_decides_for_its_children(ratio in 0.0..=1.0_f64, sampled in any::<bool>()) {
            let (tracer, _spans) = Tracer::new(ratio, 1, &Metrics::new());
            let parent = TraceContext::new(TraceId::random(), sampled);
            let child = tracer.begin(Some(&parent)).expect("it is handed on in any case");
            prop_assert_eq!((child.trace, child.sampled), (parent.trace, sampled));
        }
    }

    #[test]
    fn about_the_ratio_is_told_of_what_begins_here() {
        let told = |ratio| {
            let (tracer, _spans) = Tracer::new(ratio, 1, &Metrics::new());
            (0..4_000).filter(|_| tracer.begin(None).is_some_and(|context| context.sampled)).count()
        };
        assert_eq!((told(0.0), told(1.0)), (0, 4_000));
        // Eight times the standard deviation of a fair choice is 219.
        assert!((781..=1_219).contains(&told(0.25)), "a quarter");
    }

    #[test]
    fn what_finds_no_room_is_dropped_and_counted_and_what_is_not_told_takes_none() {
        let metrics = Metrics::new();
        let (tracer, mut spans) = Tracer::new(1.0, 2, &metrics);
        tracer.record(span(TraceContext::new(TraceId::random(), false)));
        for _ in 0..5 {
            tracer.record(span(TraceContext::new(TraceId::random(), true)));
        }
        let mut taken = 0;
        while let Ok(span) = spans.try_recv() {
            assert!(span.context.sampled);
            taken += 1;
        }
        assert_eq!((taken, metrics.span_counts().dropped.get()), (2, 3));
        drop(spans);
        tracer.record(span(TraceContext::new(TraceId::random(), true)));
        assert_eq!(metrics.span_counts().dropped.get(), 4, "nobody takes them any more");
    }
}
