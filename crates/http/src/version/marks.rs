//! What answers say of the version that they are of and of its end, and who is told of those that still ask.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use axum::extract::Request;
use axum::response::Response;
use http::{HeaderName, HeaderValue, StatusCode, header};
use mainstay_core::clock::Clock;
use mainstay_core::metrics::{Counter, Metrics};
use mainstay_core::principal::Principal;
use mainstay_core::{Error, Inject};

use super::ApiVersions;
use super::deprecation::{AfterSunset, Deprecation};
use crate::exchange::Exchange;
use crate::extract::words::clip;

/// What all answers of one operation, in one version, carry.
pub(crate) struct Marks {
    fields: Vec<(HeaderName, HeaderValue)>,
    version: Option<u32>,
    deprecated: Option<Deprecated>,
}

struct Deprecated {
    end: Option<SystemTime>,
    calls: Counter,
    told: Mutex<Told>,
}

/// What the log has been told.
#[derive(Default)]
struct Told {
    last: Option<Instant>,
    /// Calls since then.
    calls: u64,
}

/// An operation that is asked for all the time makes one line in so long a time.
const BETWEEN_LINES: Duration = Duration::from_secs(60);

/// Where a deprecated operation is: its method and pattern.
pub(crate) type Place<'a> = (&'a str, &'a str);

impl Marks {
    /// What there is to say, if there is anything. `metrics` is none where the table is only looked at.
    pub(crate) fn new(
        api: Option<(&ApiVersions, u32)>,
        deprecation: Option<&Deprecation>,
        place: Place<'_>,
        metrics: Option<&Metrics>,
    ) -> Option<Arc<Self>> {
        let version = api.map(|(_, version)| version);
        let mut fields = Vec::new();
        if let Some((api, version)) = api {
            fields.push((api.header_name().clone(), HeaderValue::from(version)));
            fields.push((header::VARY, api.vary()));
        }
        let deprecated = deprecation.map(|deprecation| {
            fields.extend(deprecation.fields());
            let (method, route) = place;
            let text = version.map(|version| version.to_string()).unwrap_or_default();
            let labels = [("method", method), ("route", route), ("version", &*text)];
            let help = "Requests for operations that are deprecated.";
            let calls =
                metrics.map(|metrics| metrics.counter("http_deprecated_requests_total", help, &labels));
            Deprecated { end: deprecation.end(), calls: calls.unwrap_or_default(), told: Mutex::default() }
        });
        (!fields.is_empty()).then(|| Arc::new(Self { fields, version, deprecated }))
    }

    /// Says it in an answer.
    pub(crate) fn say(&self, response: &mut Response) {
        for (name, value) in &self.fields {
            if *name == header::VARY || *name == header::LINK {
                response.headers_mut().append(name, value.clone());
            } else {
                response.headers_mut().insert(name, value.clone());
            }
        }
    }
}

/// Notes who still calls what is deprecated.
pub(crate) struct Calls {
    pub(crate) clock: Inject<dyn Clock>,
    pub(crate) after_sunset: AfterSunset,
}

impl Calls {
    /// Notes a request. An error: its time is over.
    pub(crate) fn note(&self, marks: &Marks, exchange: &Exchange, request: &Request) -> Result<(), Error> {
        let Some(deprecated) = &marks.deprecated else { return Ok(()) };
        deprecated.calls.inc();
        if let Some(calls) = deprecated.calls_to_tell(self.clock.monotonic()) {
            let text = |name| {
                let value = request.headers().get(name);
                value.and_then(|value: &HeaderValue| value.to_str().ok()).map(clip).unwrap_or_default()
            };
            let principal = request.extensions().get().map(Principal::id).unwrap_or_default();
            tracing::info!(
                target: "mainstay::http::deprecated",
                method = %exchange.method(),
                route = exchange.route().map(|route| route.pattern()).unwrap_or_default(),
                version = marks.version,
                principal,
                client = exchange.client().map(tracing::field::display),
                user_agent = &*text(header::USER_AGENT),
                calls,
                "somebody calls what is deprecated"
            );
        }
        let over = deprecated.end.is_some_and(|end| end <= self.clock.now());
        if over && self.after_sunset == AfterSunset::Gone {
            let message = "This is not there any more: its time is over.";
            return Err(Error::new(StatusCode::GONE, message).code("sunset"));
        }
        Ok(())
    }
}

impl Deprecated {
    /// How many calls to tell of now, if it is time for a line.
    fn calls_to_tell(&self, now: Instant) -> Option<u64> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.calls += 1;
        if told.last.is_some_and(|last| now.saturating_duration_since(last) < BETWEEN_LINES) {
            return None;
        }
        told.last = Some(now);
        Some(std::mem::take(&mut told.calls))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_once_a_minute_how_often_it_was_called() {
        let deprecated = Deprecated { end: None, calls: Counter::default(), told: Mutex::default() };
        let start = Instant::now();
        let tell = |second| deprecated.calls_to_tell(start + Duration::from_secs(second));
        assert_eq!([tell(0), tell(1), tell(59), tell(60), tell(61)], [Some(1), None, None, Some(3), None]);
    }
}
