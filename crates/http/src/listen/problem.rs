//! The few answers that the wire gives by itself, before there is a request to hand on.

use axum::body::Body;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use mainstay_core::Error;

use super::peer::PeerAddress;
use crate::exchange::RequestId;
use crate::respond::Problem;
use crate::stack::request_id::X_REQUEST_ID;

/// A failure below the application, with an id by which the log knows it.
pub(super) struct WireProblem {
    status: StatusCode,
    id: RequestId,
    body: Vec<u8>,
}

impl WireProblem {
    pub(super) fn new(status: StatusCode, detail: &'static str, peer: PeerAddress) -> Self {
        let id = RequestId::next();
        let problem = Problem::from_error(&Error::new(status, detail)).request_id(id.to_string());
        tracing::debug!(
            target: "mainstay::http",
            status = status.as_u16(), request_id = %id, %peer,
            "{detail}"
        );
        // Texts and numbers alone: this cannot fail.
        Self { status, id, body: serde_json::to_vec(&problem).unwrap_or_default() }
    }

    /// As a response.
    pub(super) fn response(self) -> Response<Body> {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(Problem::MEDIA_TYPE));
        response.headers_mut().insert(X_REQUEST_ID, self.id.to_header());
        response
    }

    /// As the bytes of a last HTTP/1.1 response.
    pub(super) fn last_words(self) -> Vec<u8> {
        let mut bytes = format!(
            "HTTP/1.1 {} {}\r\nconnection: close\r\ncontent-type: {}\r\nx-content-type-options: nosniff\r\n\
             {X_REQUEST_ID}: {}\r\ncontent-length: {}\r\n\r\n",
            self.status.as_u16(),
            self.status.canonical_reason().unwrap_or("Error"),
            Problem::MEDIA_TYPE,
            self.id,
            self.body.len()
        )
        .into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }
}
