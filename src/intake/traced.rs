//! The spans of an arrival: one from its first byte to its source's acknowledgement, and in it its steps.
//!
//! The first one's id is committed with the article, and is what all deliveries follow. Where traces are off, or an arrival
//! belongs to none, there is nothing of all this.

use std::borrow::Cow;
use std::sync::Arc;

use jiff::Timestamp;
use tracing::field::{DisplayValue, display};

use super::{Inbox, Rejection, Taken};
use crate::article::Article;
use crate::ledger::LedgerError;
use crate::telemetry::{Attributes, Kind, Span, SpanId, TraceContext, TraceId, Tracer};

/// An arrival that is traced, from when its intake began to receive it.
pub struct Received {
    tracer: Arc<Tracer>,
    parent: Option<SpanId>,
    own: TraceContext,
    began: Timestamp,
}

impl Received {
    /// Where in the trace it stands, for its article.
    pub fn context(&self) -> TraceContext {
        self.own.clone()
    }
}

/// How an intake's kind of source is told in traces.
pub struct Source {
    pub kind: Kind,
    pub name: Cow<'static, str>,
    pub attributes: Attributes,
}

impl Source {
    /// One that no other program of a trace stands behind.
    pub fn own(name: &'static str) -> Self {
        Self { kind: Kind::Internal, name: name.into(), attributes: Attributes::default() }
    }
}

impl Inbox {
    /// Something arrives. `parent` is what it brings with it, which is asked where traces are on.
    pub fn received(&self, parent: impl FnOnce() -> Option<TraceContext>) -> Option<Received> {
        let tracer = self.tracer.as_ref()?;
        let parent = parent();
        let own = tracer.begin(parent.as_ref())?;
        let parent = parent.map(|parent| parent.span);
        Some(Received { tracer: Arc::clone(tracer), parent, own, began: self.clock.now() })
    }

    /// It came to this, and its source knows, or is left without an answer.
    pub fn settled(&self, received: Option<(Received, Source)>, taken: &Result<Taken, LedgerError>) {
        let Some((Received { tracer, parent, own, began }, source)) = received else { return };
        let Source { kind, name, attributes } = source;
        let (what, failed) = told(taken, kind);
        let span = Span {
            context: own,
            is_remote: parent.is_some(),
            parent,
            kind,
            name,
            began,
            ended: self.clock.now(),
            attributes: attributes.and(what),
            failed,
        };
        tracer.record(span);
    }
}

/// What became of it. A client that sent what cannot be taken is told so, and that is no failure of its server's (semantic
/// conventions of HTTP spans); who only took a message knows no other way to say it.
fn told(taken: &Result<Taken, LedgerError>, kind: Kind) -> (Attributes, Option<String>) {
    let result = |word: &'static str| Attributes::default().text("newswired.result", word);
    let known = |word, article: &Article, deliveries: usize| {
        result(word)
            .text("newswired.story", article.guid.to_string())
            .number("newswired.version", article.version.get())
            .text("newswired.action", article.action.as_str())
            .number("newswired.deliveries", deliveries)
    };
    match taken {
        Ok(Taken::Accepted { article, deliveries, .. }) => (known("accepted", article, *deliveries), None),
        Ok(Taken::Repeated { article, deliveries, .. }) => (known("repeated", article, *deliveries), None),
        Ok(Taken::Quarantined { id, why, .. }) => {
            let is_failure = kind != Kind::Server || matches!(why, Rejection::Broke(_));
            (result("quarantined").number("newswired.quarantine", *id), is_failure.then(|| why.to_string()))
        }
        Err(why) => (result("unavailable"), Some(why.to_string())),
    }
}

/// The steps of an arrival that is traced; of all others nothing.
#[derive(Default)]
pub struct Steps(Option<Step>);

struct Step {
    tracer: Arc<Tracer>,
    arrival: TraceContext,
    /// When the last one ended.
    since: Timestamp,
}

impl Steps {
    pub fn new(tracer: Option<&Arc<Tracer>>, arrival: Option<&TraceContext>, since: Timestamp) -> Self {
        let traced = tracer.zip(arrival);
        Self(traced.map(|(tracer, arrival)| Step { tracer: Arc::clone(tracer), arrival: arrival.clone(), since }))
    }

    /// What began where the one before it ended is over.
    pub fn done(&mut self, name: &'static str, now: impl FnOnce() -> Timestamp) {
        let Some(step) = &mut self.0 else { return };
        let ended = now();
        step.tracer.record(Span {
            context: step.arrival.child(),
            parent: Some(step.arrival.span),
            is_remote: false,
            kind: Kind::Internal,
            name: name.into(),
            began: step.since,
            ended,
            attributes: Attributes::default(),
            failed: None,
        });
        step.since = ended;
    }

    /// Where in the trace the article stands.
    pub fn context(&self) -> Option<TraceContext> {
        self.0.as_ref().map(|step| step.arrival.clone())
    }

    /// For logs.
    pub fn trace_id(&self) -> Option<DisplayValue<TraceId>> {
        self.0.as_ref().map(|step| display(step.arrival.trace))
    }
}
