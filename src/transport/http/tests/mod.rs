mod assets;
mod oauth;
mod push;
mod traced;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::article::{Action, Article, Urgency, Version, WireId};
use crate::attribution::Policies;
use crate::config::{Edition, Format, NameFields, Wire};
use crate::render::rendition;
use crate::transport::client::Network;
use crate::transport::{Class, Timeouts};

/// A kill, since it needs no policy: what is tested here is the way, not the document.
fn parcel() -> Parcel {
    let article: Article = serde_json::from_value(serde_json::json!({
        "wire": "w", "guid": "urn:test:a", "version": 2, "action": "kill", "urgency": 1, "headline": "h", "body": [],
    }))
    .unwrap();
    let wire: Wire = serde_json::from_value(serde_json::json!({ "name": "Wire", "short_name": "W" })).unwrap();
    let policies = Policies::own(WireId::new("w"), wire.into());
    let document = rendition(&article, &policies, &Edition::plain(Format::Json)).unwrap().document;
    Parcel {
        names: NameFields::of(&article.guid).into(),
        document: document.into(),
        message_id: "msg_1".into(),
        story: article.guid,
        version: Version::try_from(2).unwrap(),
        action: Action::Kill,
        urgency: Urgency::NORMAL,
        attempt: 1,
        sequence: 7,
        remote: None,
        media: Arc::default(),
        trace: None,
    }
}

mod hostile;

fn door(port: u16) -> HttpDoor {
    door_with(port, serde_json::json!({}))
}

/// With more keys of `[….http]`.
fn door_with(port: u16, more: serde_json::Value) -> HttpDoor {
    door_of(port, more, Duration::from_millis(300))
}

fn door_that_waits(port: u16, answer: Duration) -> HttpDoor {
    door_of(port, serde_json::json!({}), answer)
}

fn door_of(port: u16, more: serde_json::Value, answer: Duration) -> HttpDoor {
    let mut keys = serde_json::json!({ "url": format!("http://127.0.0.1:{port}/in?x=1"), "answer_limit": "1KiB" });
    let more = more.as_object().unwrap().clone();
    keys.as_object_mut().unwrap().extend(more);
    let push: HttpPush = serde_json::from_value(keys).unwrap();
    let timeouts = Timeouts { connect: Duration::from_secs(5), write: Duration::from_secs(5), answer };
    let network = Arc::new(Network::default());
    HttpDoor::new(&push, &Settings::plain(timeouts, push.answer_limit.get(), &network), &Arc::default()).unwrap()
}

/// Reads one request whole, by its content-length.
async fn request(stream: &mut TcpStream) -> Option<String> {
    let mut seen = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&seen).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return Some(text);
            }
        }
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => return None,
            Ok(read) => seen.extend_from_slice(&piece[..read]),
        }
    }
}

async fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// A server that answers each request by its text, and keeps them all.
struct Server {
    port: u16,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn new(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        let (listener, port) = listener().await;
        let requests: Arc<Mutex<Vec<String>>> = Arc::default();
        let (kept, answer) = (Arc::clone(&requests), Arc::new(answer));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (kept, answer) = (Arc::clone(&kept), Arc::clone(&answer));
                tokio::spawn(async move {
                    while let Some(request) = request(&mut stream).await {
                        let answer = answer(&request);
                        kept.lock().unwrap().push(request);
                        if stream.write_all(answer.as_bytes()).await.is_err() {
                            break;
                        }
                    }
                });
            }
        });
        Self { port, requests }
    }

    fn requests(&self) -> Vec<String> {
        std::mem::take(&mut *self.requests.lock().unwrap())
    }
}

/// An answer with more header lines, each with its end.
fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len())
}

fn line(request: &str) -> &str {
    request.lines().next().unwrap_or_default()
}

fn header<'a>(request: &'a str, name: &str) -> Option<&'a str> {
    let head = request.split("\r\n\r\n").next()?;
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

fn body(request: &str) -> &str {
    request.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

const GOOD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

#[tokio::test]
async fn a_connection_is_used_again_and_the_request_says_what_it_is() {
    let (listener, port) = listener().await;
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut requests = Vec::new();
        for _ in 0..3 {
            requests.push(request(&mut stream).await.unwrap());
            stream.write_all(GOOD).await.unwrap();
        }
        requests
    });
    let door = door(port);
    for _ in 0..3 {
        assert_eq!(door.send(&parcel()).await.class, Class::Delivered);
    }
    let requests = server.await.unwrap();
    assert!(requests[0].starts_with("POST /in?x=1 HTTP/1.1\r\n"), "{}", requests[0]);
    for header in [
        "newswire-story: urn:test:a",
        "newswire-version: 2",
        "newswire-action: kill",
        "webhook-id: msg_1",
        "idempotency-key: msg_1",
    ] {
        assert!(requests[2].contains(header), "{header} is not in {}", requests[2]);
    }
    assert!(!requests[0].contains("webhook-signature"), "no secret, no signature");
}

#[tokio::test]
async fn a_kept_connection_that_was_closed_is_replaced() {
    let (listener, port) = listener().await;
    let server = tokio::spawn(async move {
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().await.unwrap();
            request(&mut stream).await.unwrap();
            stream.write_all(GOOD).await.unwrap();
        }
    });
    let door = door(port);
    assert_eq!(door.send(&parcel()).await.class, Class::Delivered);
    // The close has to reach us before the next request: then nothing of that is given to the old connection.
    while door.client.kept() > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(door.send(&parcel()).await.class, Class::Delivered);
    server.await.unwrap();
}

#[tokio::test]
async fn nobody_listening_is_deferred() {
    let (listener, port) = listener().await;
    drop(listener);
    let outcome = door(port).send(&parcel()).await;
    assert_eq!(outcome.class, Class::Deferred { retry_after: None, maybe_document: false });
    assert!(outcome.detail.contains("cannot connect to 127.0.0.1"), "{}", outcome.detail);
}

#[tokio::test]
async fn an_answer_that_is_lost_is_unknown() {
    let (listener, port) = listener().await;
    let server = tokio::spawn(async move {
        // Once no answer at all, and once a close instead of an answer.
        let (mut hanging, _) = listener.accept().await.unwrap();
        request(&mut hanging).await.unwrap();
        let (mut closing, _) = listener.accept().await.unwrap();
        request(&mut closing).await.unwrap();
        drop(closing);
        hanging
    });
    let door = door(port);
    let hung = door.send(&parcel()).await;
    assert_eq!(hung.class, Class::Unknown { retry_after: None });
    assert!(hung.detail.contains("no answer within 300ms"), "{}", hung.detail);
    assert_eq!(door.send(&parcel()).await.class, Class::Unknown { retry_after: None });
    drop(server.await.unwrap());
}

#[tokio::test]
async fn an_endless_answer_is_read_to_its_limit_only() {
    let (listener, port) = listener().await;
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        request(&mut stream).await.unwrap();
        stream.write_all(b"HTTP/1.1 422 No\r\ntransfer-encoding: chunked\r\n\r\n").await.unwrap();
        // Until the other side has had enough.
        while stream.write_all(b"400\r\n").await.is_ok() {
            if stream.write_all(&[b'x'; 1024]).await.is_err() || stream.write_all(b"\r\n").await.is_err() {
                break;
            }
        }
    });
    let door = door(port);
    let outcome = door.send(&parcel()).await;
    assert_eq!((outcome.class, outcome.status), (Class::Refused, Some(422)));
    assert!(outcome.detail.len() < 400);
    assert_eq!(door.client.kept(), 0, "such a connection is not used again");
    server.await.unwrap();
}

#[tokio::test]
async fn a_secret_that_was_replaced_is_used_without_a_restart() {
    let (listener, port) = listener().await;
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut requests = Vec::new();
        for _ in 0..2 {
            requests.push(request(&mut stream).await.unwrap());
            stream.write_all(GOOD).await.unwrap();
        }
        requests
    });
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| format!("file:{}/{name}", dir.path().display());
    let write = |token: &str, key: u8| {
        std::fs::write(dir.path().join("token"), token).unwrap();
        std::fs::write(dir.path().join("key"), format!("whsec_{}", BASE64.encode([key; 24]))).unwrap();
    };
    write("the-old-one", 1);
    let keys = serde_json::json!({ "auth": { "bearer": path("token") }, "signing_secret": path("key") });
    let door = door_with(port, keys);
    assert_eq!(door.send(&parcel()).await.class, Class::Delivered);
    write("the-new-one", 2);
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(5)).await;
    tokio::time::resume();
    assert_eq!(door.send(&parcel()).await.class, Class::Delivered);
    let requests = server.await.unwrap();
    for (request, token, key) in [(&requests[0], "the-old-one", 1), (&requests[1], "the-new-one", 2)] {
        assert!(request.contains(&format!("authorization: Bearer {token}\r\n")), "{request}");
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        let mut headers = ::http::HeaderMap::new();
        for (name, value) in head.lines().skip(1).filter_map(|line| line.split_once(": ")) {
            headers.append(::http::HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
        }
        let verifier = standardwebhooks::Webhook::new(&BASE64.encode([key; 24])).unwrap();
        verifier.verify(body.as_bytes(), &headers).unwrap();
    }
}
