//! What an answer says of a limit: `RateLimit-Policy` and `RateLimit`, lists of structured fields (RFC 9651) as
//! draft-ietf-httpapi-ratelimit-headers-11 has them, and the older `X-RateLimit-*` where they are asked for.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use axum::response::Response;
use http::{HeaderName, HeaderValue, StatusCode, header};
use mainstay_core::{Error, Result};
use mainstay_store::{Decision, Quota};

use super::limits::Limits;

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const OLD_LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const OLD_REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const OLD_RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// 429 for somebody who has asked too much: for handlers that ask the [`Store`](mainstay_store::Store) by themselves.
///
/// ```
/// use mainstay_api::rate_limit::too_many;
/// use mainstay_core::{Inject, Result};
/// use mainstay_store::{Quota, Store};
///
/// async fn send_code(store: Inject<Store>, number: String) -> Result<&'static str> {
///     let decisions = store.limit(&format!("codes:{number}"), &[Quota::per_hour(3)], 1).await?;
///     if decisions.iter().any(|decision| !decision.allowed) {
///         return Err(too_many(&decisions));
///     }
///     Ok("sent")
/// }
/// ```
#[track_caller]
pub fn too_many(decisions: &[Decision]) -> Error {
    let refused = decisions.iter().filter(|decision| !decision.allowed);
    let wait = refused.map(|decision| seconds(decision.retry_after)).max().unwrap_or(0).max(1);
    let unit = if wait == 1 { "second" } else { "seconds" };
    Error::new(StatusCode::TOO_MANY_REQUESTS, format!("Too many requests: try again in {wait} {unit}."))
        .code("rate_limited")
        .header(header::RETRY_AFTER, HeaderValue::from(wait))
}

/// What is said of one limit.
pub(super) struct Fields {
    policy: String,
    limit: String,
    /// What the old fields, which know one quota, are about.
    tightest: Option<Decision>,
}

impl Fields {
    pub(super) fn new(name: Option<&str>, quotas: &[Quota], decisions: &[Decision]) -> Self {
        let (mut policy, mut limit) = (String::new(), String::new());
        for (quota, decision) in quotas.iter().zip(decisions) {
            let comma = if policy.is_empty() { "" } else { ", " };
            let name = policy_name(name, quota, quotas.len());
            let window = seconds(quota.period());
            // Whoever has nothing left waits for the next; whoever has something is to make do with it until all is back.
            let until = if decision.allowed && decision.remaining > 0 {
                decision.reset_after
            } else {
                decision.retry_after
            };
            // Writing to a string cannot fail.
            let _ = write!(policy, "{comma}\"{name}\";q={};w={window}", quota.limit());
            let _ = write!(limit, "{comma}\"{name}\";r={};t={}", decision.remaining, seconds(until));
        }
        let tightest =
            decisions.iter().min_by_key(|decision| (decision.allowed, decision.remaining)).copied();
        Self { policy, limit, tightest }
    }

    /// Whether one of the quotas had not enough.
    pub(super) fn refuse(&self) -> bool {
        self.tightest.is_some_and(|decision| !decision.allowed)
    }

    /// Says it in an answer, also where that is an error.
    pub(super) fn add_to(self, outcome: Result<Response>, limits: &Limits) -> Result<Response> {
        let mut fields =
            vec![(POLICY, HeaderValue::try_from(self.policy)), (LIMIT, HeaderValue::try_from(self.limit))];
        if limits.config().legacy_headers
            && let Some(tightest) = self.tightest
        {
            let reset = limits.now() + tightest.reset_after;
            let reset = seconds(reset.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default());
            fields.push((OLD_LIMIT, Ok(tightest.limit.into())));
            fields.push((OLD_REMAINING, Ok(tightest.remaining.into())));
            fields.push((OLD_RESET, Ok(reset.into())));
        }
        let fields = fields.into_iter().filter_map(|(name, value)| Some((name, value.ok()?)));
        match outcome {
            Ok(mut response) => {
                for (name, value) in fields {
                    response.headers_mut().append(name, value);
                }
                Ok(response)
            }
            Err(error) => Err(fields.fold(error, |error, (name, value)| error.header(name, value))),
        }
    }
}

/// By the limit's name, by how long the quota lasts, or, where one limit has several, by both.
fn policy_name(name: Option<&str>, quota: &Quota, quotas: usize) -> String {
    let period = match seconds(quota.period()) {
        1 => "second".to_owned(),
        60 => "minute".to_owned(),
        3600 => "hour".to_owned(),
        86_400 => "day".to_owned(),
        other => format!("{other}s"),
    };
    match name {
        None => period,
        Some(name) if quotas == 1 => name.to_owned(),
        Some(name) => format!("{name}-{period}"),
    }
}

/// Whole seconds, rounded up: who comes a little later is not refused.
fn seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}
