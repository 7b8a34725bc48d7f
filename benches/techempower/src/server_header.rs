//! The `Server` header: the rules of TechEmpower ask for one. Mainstay sends none, so as not to tell what answers.

use axum::response::Response;
use http::{HeaderValue, header};
use mainstay_http::{Exchange, stack::Hook};

/// The part of the stack that adds it.
pub(crate) struct ServerHeader;

impl Hook for ServerHeader {
    fn after(&self, _exchange: &Exchange, response: &mut Response) {
        response.headers_mut().insert(header::SERVER, HeaderValue::from_static("Mainstay"));
    }
}
