//! The spans of an attempt: `deliver …`, from its announcement to what came of it, and in it what the door made of it, as
//! that kind of door is told in traces.
//!
//! Both follow the span of the article's acceptance, which the ledger keeps, so that a trace goes on after a restart. Each
//! attempt has its own until a version has arrived; what goes once more after that is another matter.

use std::sync::Arc;

use jiff::Timestamp;

use super::renditions::Rendered;
use crate::ledger::Attempted;
use crate::telemetry::{Attributes, Kind, Span, SpanId, TraceContext, Tracer};
use crate::transport::Call;

/// An attempt that is traced.
pub struct Traced<'a> {
    tracer: &'a Tracer,
    rendered: Arc<Rendered>,
    accepted: SpanId,
    whole: TraceContext,
    /// What the partner may be told.
    pub request: Arc<TraceContext>,
    /// What the door says of it, and when its request began; none where there was none.
    pub call: Option<(Call, Timestamp)>,
}

/// What came of it.
pub struct Came<'a> {
    pub outcome: &'static str,
    /// The answer's status, where there was one.
    pub status: Option<u16>,
    /// Why it did not arrive.
    pub failed: Option<&'a str>,
}

impl<'a> Traced<'a> {
    /// None where traces are off, or this attempt belongs to none.
    pub fn new(
        tracer: Option<&'a Arc<Tracer>>,
        attempted: &Attempted,
        rendered: Option<&Arc<Rendered>>,
    ) -> Option<Box<Self>> {
        let (tracer, rendered) = (tracer?, rendered?);
        let accepted = rendered.trace.as_ref().filter(|_| !attempted.is_repeat)?;
        let whole = accepted.child();
        let request = Arc::new(whole.child());
        let (accepted, rendered) = (accepted.span, Arc::clone(rendered));
        // Boxed, so that attempts are no larger for it where traces are off.
        Some(Box::new(Self { tracer, rendered, accepted, whole, request, call: None }))
    }

    /// Tells it.
    pub fn ended(self, destination: &str, attempted: &Attempted, came: &Came<'_>, now: Timestamp) {
        let Self { tracer, rendered, accepted, whole, request, call } = self;
        let failed = came.failed.map(str::to_owned);
        let attributes = Attributes::default()
            .text("newswired.destination", destination.to_owned())
            .text("newswired.story", rendered.story.to_string())
            .number("newswired.version", rendered.version.get())
            .text("newswired.action", rendered.action.as_str())
            .number("newswired.attempt", attempted.attempt)
            .text("newswired.outcome", came.outcome);
        let parent = whole.span;
        // First, so that a daemon that dies has not told the one within it alone.
        tracer.record(Span {
            context: whole,
            parent: Some(accepted),
            is_remote: false,
            kind: Kind::Internal,
            name: format!("deliver {destination}").into(),
            began: attempted.announced,
            ended: now,
            attributes,
            failed: failed.clone(),
        });
        let Some((call, began)) = call else { return };
        let mut attributes = call.attributes;
        if let Some((name, status)) = call.status.zip(came.status) {
            attributes = attributes.number(name, status);
        }
        if failed.is_some() {
            let error = came.status.map_or_else(|| came.outcome.to_owned(), |status| status.to_string());
            attributes = attributes.text("error.type", error);
        }
        tracer.record(Span {
            context: TraceContext::clone(&request),
            parent: Some(parent),
            is_remote: false,
            kind: call.kind,
            name: call.name,
            began,
            ended: now,
            attributes,
            failed,
        });
    }
}
