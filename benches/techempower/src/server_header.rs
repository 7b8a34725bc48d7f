//! The `Server` header: the rules of TechEmpower ask for one. Mainstay sends none, so as not to tell what answers.

use mainstay::http::stack::Hook;
use mainstay::prelude::{Exchange, Response, header};

/// The part of the stack that adds it.
pub(crate) struct ServerHeader;

impl Hook for ServerHeader {
    fn after(&self, _exchange: &Exchange, response: &mut Response) {
        response.headers_mut().insert(header::SERVER, header::HeaderValue::from_static("Mainstay"));
    }
}
