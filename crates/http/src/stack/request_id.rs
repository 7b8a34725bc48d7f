//! `request-id`: what names a request in logs and answers.

use axum::extract::Request;
use axum::response::Response;
use http::HeaderName;

use super::proxies::TrustedProxies;
use super::{Flow, Hook};
use crate::exchange::{Exchange, RequestId};

/// Its header, in requests of trusted proxies and in responses.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The part `request-id`. An id of anybody but a trusted proxy is not taken over, since it would reach the logs.
#[derive(Debug)]
pub struct RequestIds {
    trusted: TrustedProxies,
}

impl RequestIds {
    /// Takes ids from these proxies.
    pub fn new(trusted: TrustedProxies) -> Self {
        Self { trusted }
    }
}

impl Hook for RequestIds {
    fn before(&self, exchange: &mut Exchange, request: &mut Request) -> Flow {
        if self.trusted.trusts(exchange.peer())
            && let Some(id) = request.headers().get(X_REQUEST_ID).and_then(RequestId::given)
        {
            exchange.set_id(id);
        }
        Flow::Continue
    }

    fn after(&self, exchange: &Exchange, response: &mut Response) {
        response.headers_mut().insert(X_REQUEST_ID, exchange.id().to_header());
    }
}
