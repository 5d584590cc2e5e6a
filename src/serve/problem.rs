//! What a listener answers when it does not do what it is asked (RFC 9457).

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// An `application/problem+json`.
pub fn problem(status: StatusCode, title: &str, detail: &str) -> Response {
    let body = json!({ "title": title, "status": status.as_u16(), "detail": detail }).to_string();
    (status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response()
}

/// Who asks is not known (RFC 6750 §3). `detail` says whose token would do.
pub fn unknown(detail: &str) -> Response {
    let mut response = problem(StatusCode::UNAUTHORIZED, "Unauthorized", detail);
    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

/// The ledger cannot be used, for `why`.
pub fn unavailable(why: &str) -> Response {
    let mut response = problem(StatusCode::SERVICE_UNAVAILABLE, "The ledger cannot be used", why);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}
