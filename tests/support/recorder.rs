//! A partner's server that answers as it is told and keeps each request as it came.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use tokio::net::TcpListener;

pub struct Recorder {
    /// Its address, without a path.
    pub root: String,
    requests: Arc<Mutex<Vec<Value>>>,
}

impl Recorder {
    /// `answer` is given the request as it is kept: its `method`, its whole `url`, its `headers`, and its `body` in base64.
    pub async fn new(answer: impl Fn(&Value) -> Response<Body> + Clone + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let root = format!("http://{}", listener.local_addr().expect("a bound listener has an address"));
        let requests: Arc<Mutex<Vec<Value>>> = Arc::default();
        let (kept, at) = (Arc::clone(&requests), root.clone());
        let router = Router::new().fallback(move |request: Request| {
            let (kept, at, answer) = (Arc::clone(&kept), at.clone(), answer.clone());
            async move {
                let request = read(&at, request).await;
                let answer = answer(&request);
                kept.lock().expect("nobody panics with it").push(request);
                answer
            }
        });
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { root, requests }
    }

    pub fn requests(&self) -> Vec<Value> {
        self.requests.lock().expect("nobody panics with it").clone()
    }
}

async fn read(root: &str, request: Request) -> Value {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.expect("the whole body comes");
    let header = |value: &axum::http::HeaderValue| value.to_str().unwrap_or_default().into();
    let headers: serde_json::Map<String, Value> =
        parts.headers.iter().map(|(name, value)| (name.to_string(), header(value))).collect();
    let url = format!("{root}{}", parts.uri);
    json!({ "method": parts.method.as_str(), "url": url, "headers": headers, "body": BASE64.encode(body) })
}
