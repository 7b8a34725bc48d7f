//! `trace`: the span around a request, by which every log line of a handler is known to belong to it.
//!
//! Its fields are handed over as they are. Whoever writes a line formats them; where none is written, nothing is
//! formatted.

use http::{HeaderMap, HeaderValue};
use tracing::Span;
use tracing::field::{Empty, display};

use crate::exchange::Exchange;

/// The span of a request.
pub(crate) fn span(exchange: &Exchange, headers: &HeaderMap) -> Span {
    let span = tracing::info_span!(
        "request",
        request_id = Empty,
        method = exchange.method().as_str(),
        path = exchange.uri().path(),
        route = exchange.route().map(crate::route::RouteInfo::pattern),
        status = Empty,
        trace_id = Empty,
        parent_id = Empty,
    );
    if span.is_disabled() {
        return span;
    }
    span.record("request_id", exchange.id().text().as_str());
    if let Some(parent) = headers.get("traceparent").and_then(Parent::read) {
        span.record("trace_id", display(parent.trace)).record("parent_id", display(parent.span));
    }
    span
}

/// Notes the status.
pub(crate) fn close(span: &Span, status: http::StatusCode) {
    if !span.is_disabled() {
        span.record("status", status.as_u16());
    }
}

/// Who called us, by W3C Trace Context: `00-<32 hex>-<16 hex>-<2 hex>`.
struct Parent<'h> {
    trace: &'h str,
    span: &'h str,
}

impl<'h> Parent<'h> {
    fn read(value: &'h HeaderValue) -> Option<Self> {
        let text = value.to_str().ok()?;
        let mut parts = text.split('-');
        let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let hex = |text: &str, len: usize| {
            text.len() == len && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        };
        let zero = |text: &str| text.bytes().all(|b| b == b'0');
        // A later version may have more parts; version 255 is forbidden.
        let known = hex(version, 2) && version != "ff" && (version != "00" || parts.next().is_none());
        let sound = known && hex(trace, 32) && hex(span, 16) && hex(flags, 2) && !zero(trace) && !zero(span);
        sound.then_some(Self { trace, span })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_parent_by_the_letter_of_the_standard() {
        let read = |text: &'static str| {
            Parent::read(&HeaderValue::from_static(text)).map(|parent| parent.span.to_owned())
        };
        let known = Some("00f067aa0ba902b7".to_owned());
        assert_eq!(read("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), known);
        assert_eq!(read("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what"), known);
        assert_eq!(read("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what"), None);
        assert_eq!(read("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), None);
        assert_eq!(read("00-00000000000000000000000000000000-00f067aa0ba902b7-01"), None);
        assert_eq!(read("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"), None);
        assert_eq!(read(""), None);
    }
}
