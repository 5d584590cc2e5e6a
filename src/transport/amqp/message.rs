//! What a message says of itself besides the document.

use jiff::Timestamp;
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable};

use crate::telemetry::{TRACEPARENT, TRACESTATE};
use crate::transport::client::USER_AGENT;
use crate::transport::{Notice, Parcel};

/// It is kept on the broker's disk.
const PERSISTENT: u8 = 2;

/// `trace_context`: the partner is told the trace.
pub fn properties(parcel: &Parcel, trace_context: bool) -> BasicProperties {
    let text = |text: &str| AMQPValue::LongString(text.into());
    // A sequence is a row's number in the ledger, and far below what the field holds.
    let number = |number: u64| AMQPValue::LongLongInt(i64::try_from(number).unwrap_or(i64::MAX));
    let mut headers = FieldTable::default();
    headers.insert("newswire-story".into(), text(parcel.story.as_str()));
    headers.insert("newswire-version".into(), number(parcel.version.get()));
    headers.insert("newswire-action".into(), text(parcel.action.as_str()));
    headers.insert("newswire-urgency".into(), text(&parcel.urgency.to_string()));
    headers.insert("newswire-sequence".into(), number(parcel.sequence));
    headers.insert("newswire-attempt".into(), number(parcel.attempt.into()));
    if let Some(trace) = parcel.trace.as_ref().filter(|_| trace_context) {
        headers.insert(TRACEPARENT.into(), text(&trace.traceparent()));
        if let Some(state) = trace.tracestate() {
            headers.insert(TRACESTATE.into(), text(state));
        }
    }
    of(&parcel.message_id, parcel.document.content_type(), parcel.action.as_str(), headers)
}

/// Of what is no news.
pub fn properties_of_notice(notice: &Notice) -> BasicProperties {
    let mut headers = FieldTable::default();
    headers.insert("newswire-attempt".into(), AMQPValue::LongLongInt(notice.attempt.into()));
    of(&notice.id, Notice::CONTENT_TYPE, notice.kind, headers)
}

fn of(id: &str, content_type: &str, kind: &str, headers: FieldTable) -> BasicProperties {
    BasicProperties::default()
        .with_message_id(id.into())
        .with_content_type(content_type.into())
        .with_type(kind.into())
        .with_delivery_mode(PERSISTENT)
        .with_timestamp(u64::try_from(Timestamp::now().as_second()).unwrap_or_default())
        .with_app_id(USER_AGENT.into())
        .with_headers(headers)
}
