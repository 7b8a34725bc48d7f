//! The few answers that the wire gives by itself, before there is a request to hand on.

use axum::body::Body;
use hyper::{Response, StatusCode, header};

/// Problem details (RFC 9457) for a failure below the application.
pub(super) fn body(status: StatusCode, detail: &str) -> String {
    let title = status.canonical_reason().unwrap_or("Error");
    let code = title.to_ascii_lowercase().replace([' ', '-'], "_");
    format!(
        r#"{{"type":"about:blank","title":"{title}","status":{},"detail":"{detail}","code":"{code}"}}"#,
        status.as_u16()
    )
}

/// The same as a response.
pub(super) fn response(status: StatusCode, detail: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(body(status, detail)));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/problem+json"));
    response
}

/// The same as the bytes of a last HTTP/1.1 response.
pub(super) fn last_words(status: StatusCode, detail: &str) -> Vec<u8> {
    let body = body(status, detail);
    format!(
        "HTTP/1.1 {} {}\r\nconnection: close\r\ncontent-type: application/problem+json\r\n\
         x-content-type-options: nosniff\r\ncontent-length: {}\r\n\r\n{body}",
        status.as_u16(),
        status.canonical_reason().unwrap_or("Error"),
        body.len()
    )
    .into_bytes()
}
