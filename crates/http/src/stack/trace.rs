//! `trace`: the span around a request, by which every log line of a handler is known to belong to it.
//!
//! Of a route whose pattern names a secret (`/reset/{token}`), the path is the pattern. The query is no field at all.
//!
//! Its fields are handed over as they are. Whoever writes a line formats them; where none is written, nothing is
//! formatted.

use http::HeaderMap;
use mainstay_core::call_context::Trace;
use tracing::Span;
use tracing::field::{Empty, display};

use crate::exchange::Exchange;

/// Who called us, by W3C Trace Context.
pub(crate) fn parent(headers: &HeaderMap) -> Option<Trace> {
    headers.get("traceparent").and_then(|value| Trace::parse(value.to_str().ok()?))
}

/// The span of a request.
pub(crate) fn span(exchange: &Exchange, parent: Option<&Trace>) -> Span {
    let span = tracing::info_span!(
        "request",
        request_id = Empty,
        method = exchange.method().as_str(),
        path = exchange.shown_path(),
        route = exchange.route().map(crate::route::RouteInfo::pattern),
        status = Empty,
        trace_id = Empty,
        parent_id = Empty,
    );
    if span.is_disabled() {
        return span;
    }
    span.record("request_id", exchange.id().text().as_str());
    if let Some(parent) = parent {
        span.record("trace_id", display(parent.id())).record("parent_id", display(parent.span()));
    }
    span
}

/// Notes the status.
pub(crate) fn close(span: &Span, status: http::StatusCode) {
    if !span.is_disabled() {
        span.record("status", status.as_u16());
    }
}
