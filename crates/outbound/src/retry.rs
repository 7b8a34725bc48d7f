//! What is tried again, when, and how much of it.
//!
//! Only what may be done twice: methods that are idempotent (RFC 9110, 9.2.2), and requests with an `Idempotency-Key`. Only
//! what may go better the next time. After a wait that doubles and that chance shortens
//! ([full jitter](https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/)), or after what the upstream asks
//! for. And only out of a [`Budget`]: when all calls fail, trying each three times makes three times the load.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use http::{HeaderMap, Method, StatusCode, header};
use mainstay_core::random::Random;
use mainstay_core::service::Backoff;

use crate::failure::Failure;

/// What an attempt led to.
pub(crate) type Attempted = Result<http::Response<bytes::Bytes>, Failure>;

/// Whether doing it twice does no more than doing it once.
pub(crate) fn is_repeatable(method: &Method, headers: &HeaderMap) -> bool {
    method.is_idempotent() || headers.contains_key("idempotency-key")
}

/// Whether it may go better the next time.
pub(crate) fn is_passing(attempted: &Attempted) -> bool {
    match attempted {
        Ok(response) => matches!(
            response.status(),
            StatusCode::TOO_MANY_REQUESTS
                | StatusCode::BAD_GATEWAY
                | StatusCode::SERVICE_UNAVAILABLE
                | StatusCode::GATEWAY_TIMEOUT
        ),
        Err(failure) => is_passing_failure(failure),
    }
}

/// Whether it is the upstream, or the way there, that is unwell.
pub(crate) fn is_passing_failure(failure: &Failure) -> bool {
    matches!(failure, Failure::Timeout(_) | Failure::Connect(_) | Failure::Broken(_))
}

/// How long to wait after so many retries: what the upstream asks for, else longer each time.
pub(crate) fn wait(attempted: &Attempted, retries: u32, now: SystemTime, random: &dyn Random) -> Duration {
    if let Ok(response) = attempted
        && let Some(wait) = retry_after(response.headers(), now)
    {
        return wait;
    }
    let limit = Duration::from_secs(2);
    let backoff = Backoff { initial: Duration::from_millis(100), limit, jitter: 1.0, ..Backoff::default() };
    const PARTS: u32 = 1 << 20;
    backoff.delay(retries, random.below(PARTS.into()) as f64 / f64::from(PARTS))
}

/// `Retry-After` (RFC 9110, 10.2.3): seconds, or a date.
pub(crate) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    match text.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => Some(httpdate::parse_http_date(text).ok()?.duration_since(now).unwrap_or_default()),
    }
}

/// How many retries there may be: a share of the calls, and a few more, for when there are few calls.
///
/// Each call adds its share, each retry takes one, and no more than [`MOST`](Self::MOST) are ever saved up. Finagle's
/// [`RetryBudget`](https://twitter.github.io/finagle/docs/com/twitter/finagle/service/RetryBudget.html) does so, too.
#[derive(Debug)]
pub(crate) struct Budget {
    /// In thousandths of a retry.
    balance: AtomicU64,
    share: u64,
}

impl Budget {
    const ONE: u64 = 1000;
    const MOST: u64 = 10 * Self::ONE;

    pub(crate) fn new(share: f64) -> Self {
        Self { balance: AtomicU64::new(Self::MOST), share: (share * Self::ONE as f64) as u64 }
    }

    pub(crate) fn add(&self) {
        let more = |balance: u64| Some((balance + self.share).min(Self::MOST));
        let _ = self.balance.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
    }

    pub(crate) fn take(&self) -> bool {
        let less = |balance: u64| balance.checked_sub(Self::ONE);
        self.balance.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use mainstay_core::random::SeededRandom;

    use super::*;

    #[test]
    fn reads_how_long_to_wait_as_seconds_and_as_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_268_800);
        let read = |value: &'static str| {
            let headers = HeaderMap::from_iter([(header::RETRY_AFTER, HeaderValue::from_static(value))]);
            retry_after(&headers, now)
        };
        assert_eq!(read("7"), Some(Duration::from_secs(7)));
        assert_eq!(read("Thu, 01 Jan 2026 12:00:09 GMT"), Some(Duration::from_secs(9)));
        assert_eq!(read("Thu, 01 Jan 2026 11:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(read("soon"), None);
        assert_eq!(read("-1"), None);
    }

    #[test]
    fn waits_longer_each_time_and_anything_up_to_it() {
        let random = SeededRandom::new(1);
        let longest = |retries| {
            let waits =
                (0..200).map(|_| wait(&Err(Failure::Busy(1)), retries, SystemTime::UNIX_EPOCH, &random));
            waits.max().unwrap().as_millis()
        };
        assert!((90..=100).contains(&longest(0)), "{}", longest(0));
        assert!((360..=400).contains(&longest(2)), "{}", longest(2));
        assert!((1800..=2000).contains(&longest(30)), "{}", longest(30));
    }

    #[test]
    fn the_budget_lets_a_share_of_the_calls_be_retried() {
        let budget = Budget::new(0.2);
        let taken = (0..1000).filter(|_| {
            budget.add();
            budget.take()
        });
        // Ten that were saved up, and a fifth of a thousand.
        assert!((200..=210).contains(&taken.count()));
    }
}
