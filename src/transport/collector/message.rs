//! What a collector is sent: the messages of `opentelemetry/proto/trace/v1/trace.proto` and of those that it stands on, as
//! far as they are used here. Their numbers are stable (OTLP 1.0).

use jiff::Timestamp;
use prost::{Message, Oneof};

use crate::telemetry::{Kind, Span, Value};

/// `ExportTraceServiceRequest`.
#[derive(Clone, PartialEq, Message)]
struct Export {
    #[prost(message, repeated, tag = "1")]
    resource_spans: Vec<ResourceSpans>,
}

#[derive(Clone, PartialEq, Message)]
struct ResourceSpans {
    #[prost(message, optional, tag = "1")]
    resource: Option<Resource>,
    #[prost(message, repeated, tag = "2")]
    scope_spans: Vec<ScopeSpans>,
}

/// Whose spans they are.
#[derive(Clone, PartialEq, Message)]
pub struct Resource {
    #[prost(message, repeated, tag = "1")]
    attributes: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct ScopeSpans {
    #[prost(message, optional, tag = "1")]
    scope: Option<Scope>,
    #[prost(message, repeated, tag = "2")]
    spans: Vec<SpanMessage>,
}

/// `InstrumentationScope`.
#[derive(Clone, PartialEq, Message)]
struct Scope {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    version: String,
}

/// `Span`.
#[derive(Clone, PartialEq, Message)]
struct SpanMessage {
    #[prost(bytes = "vec", tag = "1")]
    trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    span_id: Vec<u8>,
    #[prost(string, tag = "3")]
    trace_state: String,
    /// Empty where there is none.
    #[prost(bytes = "vec", tag = "4")]
    parent_span_id: Vec<u8>,
    #[prost(string, tag = "5")]
    name: String,
    #[prost(int32, tag = "6")]
    kind: i32,
    #[prost(fixed64, tag = "7")]
    start_time_unix_nano: u64,
    #[prost(fixed64, tag = "8")]
    end_time_unix_nano: u64,
    #[prost(message, repeated, tag = "9")]
    attributes: Vec<KeyValue>,
    #[prost(message, optional, tag = "15")]
    status: Option<Status>,
    #[prost(fixed32, tag = "16")]
    flags: u32,
}

#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(string, tag = "2")]
    message: String,
    #[prost(int32, tag = "3")]
    code: i32,
}

#[derive(Clone, PartialEq, Message)]
struct KeyValue {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(message, optional, tag = "2")]
    value: Option<AnyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct AnyValue {
    #[prost(oneof = "Any", tags = "1, 3")]
    value: Option<Any>,
}

#[derive(Clone, PartialEq, Oneof)]
enum Any {
    #[prost(string, tag = "1")]
    Text(String),
    #[prost(int64, tag = "3")]
    Number(i64),
}

/// `ExportTraceServiceResponse`.
#[derive(Clone, PartialEq, Message)]
pub struct Answered {
    #[prost(message, optional, tag = "1")]
    partial_success: Option<PartialSuccess>,
}

#[derive(Clone, PartialEq, Message)]
struct PartialSuccess {
    #[prost(int64, tag = "1")]
    rejected_spans: i64,
}

/// `STATUS_CODE_ERROR`.
const FAILED: i32 = 2;

/// `SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK` and `SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK`; the byte below is W3C's.
const KNOWS_WHETHER_REMOTE: u32 = 0x100;
const IS_REMOTE: u32 = 0x200;
const SAMPLED: u32 = 1;

/// A request's body.
pub fn export(resource: &Resource, spans: &[Span]) -> Vec<u8> {
    let scope = Scope { name: "newswired".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() };
    let scope_spans = vec![ScopeSpans { scope: Some(scope), spans: spans.iter().map(span).collect() }];
    let resource_spans = vec![ResourceSpans { resource: Some(resource.clone()), scope_spans }];
    Export { resource_spans }.encode_to_vec()
}

/// How many spans are in a request's body.
#[cfg(test)]
pub fn number(body: &[u8]) -> usize {
    let export = Export::decode(body).expect("it is one of ours");
    export.resource_spans.iter().flat_map(|resource| &resource.scope_spans).map(|scope| scope.spans.len()).sum()
}

impl Resource {
    /// This program, under that name, on this machine.
    pub fn of(service: &str) -> Self {
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let text = |key: &str, text: &str| attribute(key, Any::Text(text.to_owned()));
        let version = text("service.version", env!("CARGO_PKG_VERSION"));
        Self { attributes: vec![text("service.name", service), version, text("host.name", &host)] }
    }
}

impl Answered {
    /// How many spans a success says that it did not take. An answer that is none of these says nothing of it.
    pub fn refused(answer: &[u8]) -> u64 {
        let partial = Self::decode(answer).ok().and_then(|answered| answered.partial_success);
        partial.and_then(|partial| u64::try_from(partial.rejected_spans).ok()).unwrap_or_default()
    }
}

fn span(span: &Span) -> SpanMessage {
    let context = &span.context;
    let attributes = span.attributes.clone().into_iter().map(|(key, value)| match value {
        Value::Text(text) => attribute(key, Any::Text(text.into_owned())),
        Value::Number(number) => attribute(key, Any::Number(number)),
    });
    let remote = if span.is_remote { IS_REMOTE } else { 0 };
    SpanMessage {
        trace_id: context.trace.bytes().to_vec(),
        span_id: context.span.bytes().to_vec(),
        trace_state: context.tracestate().unwrap_or_default().to_owned(),
        parent_span_id: span.parent.map(|parent| parent.bytes().to_vec()).unwrap_or_default(),
        name: span.name.clone().into_owned(),
        kind: match span.kind {
            Kind::Internal => 1,
            Kind::Server => 2,
            Kind::Client => 3,
            Kind::Producer => 4,
            Kind::Consumer => 5,
        },
        start_time_unix_nano: nanoseconds(span.began),
        // The system's clock may have been set back meanwhile; a span does not end before it begins.
        end_time_unix_nano: nanoseconds(span.ended.max(span.began)),
        attributes: attributes.collect(),
        status: span.failed.clone().map(|message| Status { message, code: FAILED }),
        flags: KNOWS_WHETHER_REMOTE | remote | if context.sampled { SAMPLED } else { 0 },
    }
}

fn attribute(key: &str, value: Any) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }) }
}

fn nanoseconds(at: Timestamp) -> u64 {
    u64::try_from(at.as_nanosecond()).unwrap_or_default()
}
