//! What a partner is told of a trace.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;

use super::*;
use crate::telemetry::TraceContext;

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// What a door with these keys sends of a parcel in a trace, and of one in none.
async fn sent(more: serde_json::Value) -> [String; 2] {
    let (listener, port) = listener().await;
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut requests = Vec::new();
        for _ in 0..2 {
            requests.push(request(&mut stream).await.unwrap());
            stream.write_all(GOOD).await.unwrap();
        }
        requests.try_into().unwrap()
    });
    let door = door_with(port, more);
    let state: [&[u8]; 1] = [b"vendor=1"];
    let trace = TraceContext::read([PARENT.as_bytes()], state).map(Arc::new);
    for trace in [trace, None] {
        assert_eq!(door.send(&Parcel { trace, ..parcel() }).await.class, Class::Delivered);
    }
    server.await.unwrap()
}

#[tokio::test]
async fn the_headers_are_there_where_the_door_says_so_and_the_parcel_has_them() {
    let [traced, untraced] = sent(json!({ "trace_context": true })).await;
    assert_eq!((header(&traced, "traceparent"), header(&traced, "tracestate")), (Some(PARENT), Some("vendor=1")));
    let [silent, _] = sent(json!({})).await;
    for request in [untraced, silent] {
        assert!(!request.contains("trace"), "{request}");
    }
}

/// As RFC 9421 §2.5 makes it, of the fields that the request itself says that it is of.
fn verified(request: &str, key: &str) -> String {
    let input = header(request, "signature-input").unwrap().strip_prefix("newswired=").unwrap();
    let fields = input.split_once(')').unwrap().0.trim_start_matches('(').to_owned();
    let line = |field: &str| format!("{field}: {}\n", header(request, field.trim_matches('"')).unwrap());
    let base: String = fields.split(' ').map(line).chain([format!("\"@signature-params\": {input}")]).collect();
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
    mac.update(base.as_bytes());
    let signature = BASE64.encode(mac.finalize().into_bytes());
    assert_eq!(header(request, "signature").unwrap(), format!("newswired=:{signature}:"), "{base}");
    fields
}

#[tokio::test]
async fn a_signature_is_of_them_where_it_names_them_and_the_request_has_them() {
    let dir = tempfile::tempdir().unwrap();
    let (file, key) = (dir.path().join("key"), "a key of both sides, in plain text");
    std::fs::write(&file, key).unwrap();
    let signature = |components: &[&str]| {
        json!({ "trace_context": true, "message_signature": {
            "algorithm": "hmac-sha256", "key": format!("file:{}", file.display()), "keyid": "a", "components": components,
        } })
    };
    let [traced, untraced] = sent(signature(&["content-digest", "traceparent", "webhook-id", "tracestate"])).await;
    assert_eq!(verified(&traced, key), r#""content-digest" "traceparent" "webhook-id" "tracestate""#);
    assert_eq!(verified(&untraced, key), r#""content-digest" "webhook-id""#);
    let [traced, _] = sent(signature(&["content-digest"])).await;
    assert_eq!(verified(&traced, key), r#""content-digest""#);
}

#[tokio::test]
async fn a_trace_tells_the_request_without_its_query() {
    let door = door_with(80, json!({ "auth": { "query": { "name": "key", "value": "env:PATH" } } }));
    let told = |attempt| {
        let Call { kind, name, attributes, status } = door.call(&Parcel { attempt, ..parcel() });
        let attributes = attributes.into_iter().map(|(name, value)| format!("{name} = {value:?}"));
        let line = format!("{kind:?} {name}, status as {}", status.unwrap_or_default());
        [line].into_iter().chain(attributes).collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(told(1), @r#"
    Client POST, status as http.response.status_code
    http.request.method = Text("POST")
    url.full = Text("http://127.0.0.1/in")
    server.address = Text("127.0.0.1")
    server.port = Number(80)
    "#);
    assert_eq!(told(4), format!("{}\nhttp.request.resend_count = Number(3)", told(1)));
}
