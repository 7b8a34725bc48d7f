//! What an answer says of a limit: `RateLimit-Policy` and `RateLimit`, lists of structured fields (RFC 9651) as
//! draft-ietf-httpapi-ratelimit-headers-11 has them, and the older `X-RateLimit-*` where they are asked for.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use axum::response::Response;
use http::header::InvalidHeaderValue;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
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
pub(super) struct Fields<'a> {
    name: Option<&'a str>,
    quotas: &'a [Quota],
    decisions: &'a [Decision],
}

impl<'a> Fields<'a> {
    pub(super) fn new(name: Option<&'a str>, quotas: &'a [Quota], decisions: &'a [Decision]) -> Self {
        Self { name, quotas, decisions }
    }

    /// Whether one of the quotas had not enough.
    pub(super) fn refuse(&self) -> bool {
        self.decisions.iter().any(|decision| !decision.allowed)
    }

    /// Says it in an answer, also where that is an error.
    pub(super) fn add_to(self, outcome: Result<Response>, limits: &Limits) -> Result<Response> {
        let there = match &outcome {
            Ok(response) => response.headers(),
            Err(error) => error.headers(),
        };
        let more = self.items(there);
        let instead = if limits.config().legacy_headers { self.old(there, limits.now()) } else { None };
        let more = more.into_iter().filter_map(|(name, value)| Some((name, value.ok()?)));
        let instead = instead.into_iter().flatten();
        match outcome {
            Ok(mut response) => {
                let headers = response.headers_mut();
                more.for_each(|(name, value)| _ = headers.append(name, value));
                instead.for_each(|(name, value)| _ = headers.insert(name, value));
                Ok(response)
            }
            Err(error) => {
                let error = more.fold(error, |error, (name, value)| error.header(name, value));
                Err(instead.fold(error, |error, (name, value)| error.replace_header(name, value)))
            }
        }
    }

    /// An item for each quota, of names that no limit further in has.
    fn items(&self, there: &HeaderMap) -> [(HeaderName, Result<HeaderValue, InvalidHeaderValue>); 2] {
        let (mut policy, mut limit) = (String::new(), String::new());
        for (quota, decision) in self.quotas.iter().zip(self.decisions) {
            let taken = |name: &str| {
                let item = format!("\"{name}\";");
                let mut further_in =
                    there.get_all(POLICY).into_iter().filter_map(|value| value.to_str().ok());
                policy.contains(&item) || further_in.any(|items| items.contains(&item))
            };
            let name = free(policy_name(self.name, quota, self.quotas.len()), taken);
            let comma = if policy.is_empty() { "" } else { ", " };
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
        [(POLICY, HeaderValue::try_from(policy)), (LIMIT, HeaderValue::try_from(limit))]
    }

    /// The old fields, which know one quota: the tightest. None where one further in is.
    fn old(&self, there: &HeaderMap, now: SystemTime) -> Option<[(HeaderName, HeaderValue); 3]> {
        let tightest = self.decisions.iter().min_by_key(|decision| (decision.allowed, decision.remaining))?;
        let further_in = there.get(OLD_REMAINING).and_then(|value| value.to_str().ok()?.parse::<u32>().ok());
        if further_in.is_some_and(|remaining| remaining <= tightest.remaining) {
            return None;
        }
        let reset = (now + tightest.reset_after).duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Some([
            (OLD_LIMIT, tightest.limit.into()),
            (OLD_REMAINING, tightest.remaining.into()),
            (OLD_RESET, seconds(reset).into()),
        ])
    }
}

/// The name itself, or the first of `minute-2`, `minute-3` that is not taken.
fn free(name: String, taken: impl Fn(&str) -> bool) -> String {
    let (mut free, mut count) = (name.clone(), 1);
    while taken(&free) {
        count += 1;
        free = format!("{name}-{count}");
    }
    free
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
