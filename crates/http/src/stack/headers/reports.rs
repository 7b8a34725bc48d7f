//! Reports of browsers about what has broken a content security policy, at the path of `http.headers.report_to`.
//!
//! Anybody can send them, so they change nothing: each becomes a line of the log, and only so many a minute do; all are counted.
//! What they say of addresses is cut to where they lead, since there may be secrets in the rest.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use http::{Method, StatusCode};
use mainstay_core::{Error, Result};
use serde::Deserialize;
use serde_json::Value;

use crate::extract::RawBody;
use crate::extract::media_type::MediaType;
use crate::extract::words::clip_to;
use crate::respond::NoContent;
use crate::route::{Route, Routes};

/// How large what a browser sends may be: it may hold several reports.
const LARGEST: u64 = 64 * 1024;
/// How many reports of one request are looked at.
const MOST: usize = 20;
/// How many a minute reach the log.
const A_MINUTE: u64 = 60;

/// The route that takes reports at this path. Another one of the same path goes before.
pub(crate) fn routes(path: &str) -> Routes {
    let log = Arc::new(Log::new());
    let receive = move |request: Request| {
        let log = Arc::clone(&log);
        async move { receive(&log, request).await }
    };
    let route = Route::new(Method::POST, path, receive).describe(|operation| operation.hidden = true);
    // A browser sends them of itself, and it may be one that says nothing of where they come from.
    Routes::new().route(route.body_limit(LARGEST).cross_origin().yielding())
}

async fn receive(log: &Log, request: Request) -> Result<NoContent> {
    let media_type = MediaType::of(request.headers());
    let is_report = media_type.is_some_and(|found| {
        found.is("application/csp-report") || found.is("application/reports+json") || found.is_json()
    });
    if !is_report {
        let told =
            "Expected reports as browsers send them: `application/csp-report` or `application/reports+json`.";
        return Err(Error::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, told));
    }
    let RawBody(body) = RawBody::from_request(request, &()).await?;
    let reports =
        read(&body).ok_or_else(|| Error::bad_request("This is no report.").code("malformed_report"))?;
    for report in reports {
        log.write(&report);
    }
    Ok(NoContent)
}

/// What is kept of a report.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Report {
    #[serde(alias = "effectiveDirective", alias = "effective-directive", alias = "violated-directive")]
    directive: String,
    #[serde(alias = "blockedURL", alias = "blocked-uri")]
    blocked: String,
    #[serde(alias = "documentURL", alias = "document-uri")]
    document: String,
    #[serde(alias = "sourceFile", alias = "source-file")]
    source: String,
    #[serde(alias = "lineNumber", alias = "line-number")]
    line: u64,
    disposition: String,
}

/// One report as `report-uri` has it, or several as `report-to` has them.
fn read(body: &Bytes) -> Option<Vec<Report>> {
    let bodies: Vec<Value> = match serde_json::from_slice(body).ok()? {
        Value::Object(mut one) => vec![one.remove("csp-report")?],
        Value::Array(list) => {
            let of = |mut one: Value| {
                let is_ours = one.get("type").and_then(Value::as_str) == Some("csp-violation");
                is_ours.then(|| one.get_mut("body").map(Value::take)).flatten()
            };
            list.into_iter().take(MOST).filter_map(of).collect()
        }
        _ => return None,
    };
    bodies.into_iter().map(report).collect()
}

/// Of two names of one thing, as some browsers send them, the first counts.
fn report(body: Value) -> Option<Report> {
    let Value::Object(mut body) = body else { return None };
    if body.contains_key("effective-directive") {
        body.remove("violated-directive");
    }
    serde_json::from_value(Value::Object(body)).ok()
}

/// Where an address leads, without query, fragment and names: those may hold secrets.
fn place(address: &str) -> String {
    let end = address.find(['?', '#']).unwrap_or(address.len());
    let address = &address[..end];
    let address = match address.split_once("://") {
        Some((scheme, rest)) => {
            let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
            format!("{scheme}://{host}{path}")
        }
        // `inline`, `eval`, or the beginning of `data:…`.
        None => address.split(':').next().unwrap_or_default().to_owned(),
    };
    clip_to(&address, 200).into_owned()
}

/// Writes reports, and not too many.
struct Log {
    started: Instant,
    /// The minute since then, and how many it has had.
    minute: AtomicU64,
    count: AtomicU64,
}

impl Log {
    fn new() -> Self {
        Self { started: Instant::now(), minute: AtomicU64::new(0), count: AtomicU64::new(0) }
    }

    /// Whether one more may be written. A few more than it says at the turn of a minute do no harm.
    fn admits(&self, since: Duration) -> bool {
        let minute = since.as_secs() / 60;
        if self.minute.swap(minute, Ordering::Relaxed) != minute {
            self.count.store(0, Ordering::Relaxed);
        }
        self.count.fetch_add(1, Ordering::Relaxed) < A_MINUTE
    }

    fn write(&self, report: &Report) {
        if !self.admits(self.started.elapsed()) {
            return;
        }
        tracing::warn!(
            target: "mainstay::csp",
            directive = &*clip_to(&report.directive, 60),
            blocked = place(&report.blocked),
            document = place(&report.document),
            source = place(&report.source),
            line = report.line,
            is_tried = report.disposition == "report",
            "a page has broken the content security policy"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_browsers_send() {
        let old = br#"{"csp-report":{"document-uri":"https://shop.example/a?token=x","violated-directive":"script-src-elem",
            "effective-directive":"script-src","blocked-uri":"inline","line-number":7,"disposition":"enforce"}}"#;
        let reports = read(&Bytes::from_static(old)).unwrap();
        assert_eq!((reports[0].directive.as_str(), reports[0].line), ("script-src", 7));
        let new = br#"[{"type":"deprecation","body":{}},{"type":"csp-violation","body":{"effectiveDirective":"img-src",
            "blockedURL":"https://evil.example/p","documentURL":"https://shop.example/","disposition":"report"}}]"#;
        let reports = read(&Bytes::from_static(new)).unwrap();
        assert_eq!((reports.len(), reports[0].blocked.as_str()), (1, "https://evil.example/p"));
        for wrong in ["", "1", "{}", "[1, 2", r#"{"csp-report":7}"#, r#"{"csp-report":{"line-number":"x"}}"#]
        {
            assert_eq!(read(&Bytes::from_static(wrong.as_bytes())), None, "{wrong}");
        }
    }

    #[test]
    fn keeps_no_secrets_of_addresses() {
        for (address, kept) in [
            ("https://ann:secret@shop.example/reset?token=abc#def", "https://shop.example/reset"),
            ("https://shop.example", "https://shop.example"),
            ("inline", "inline"),
            ("data:text/html;base64,c2VjcmV0", "data"),
            ("", ""),
        ] {
            assert_eq!(place(address), kept);
        }
    }

    #[test]
    fn writes_so_many_a_minute_and_no_more() {
        let log = Log::new();
        let in_minute =
            |minute: u64| (0..200).filter(|_| log.admits(Duration::from_secs(minute * 60))).count();
        assert_eq!((in_minute(0), in_minute(0), in_minute(1)), (60, 0, 60));
    }
}
