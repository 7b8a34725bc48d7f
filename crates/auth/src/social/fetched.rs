//! Something that is fetched from elsewhere and kept for a while: by one call, whoever waits for it, and not again at once when that
//! has failed.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use mainstay_core::{Error, Result, StatusCode};
use tokio::sync::OnceCell;

/// How long nobody is asked again after a failure.
const PAUSE: Duration = Duration::from_secs(10);
/// How long what was fetched before still serves while it cannot be had anew.
const STALE: Duration = Duration::from_secs(24 * 60 * 60);

/// The last of it.
pub(super) struct Fetched<T>(Mutex<Option<Arc<Flight<T>>>>);

/// One call, and what came of it.
struct Flight<T> {
    began: SystemTime,
    landed: OnceCell<Result<Arc<T>, Failed>>,
    /// What was there before, and from when it is.
    before: Option<(SystemTime, Arc<T>)>,
}

/// An error, for everybody who waited.
#[derive(Clone)]
struct Failed {
    status: StatusCode,
    report: Arc<str>,
}

impl<T> Default for Fetched<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Fetched<T> {
    /// What was fetched no longer ago than `fresh`, or what `fetch` brings.
    pub(super) async fn get<F>(
        &self,
        now: SystemTime,
        fresh: Duration,
        fetch: impl FnOnce() -> F,
    ) -> Result<Arc<T>>
    where
        F: Future<Output = Result<T>>,
    {
        let flight = self.flight(now, fresh);
        // Whoever waits takes over when the one who fetches hangs up.
        let landed = flight.landed.get_or_init(|| async {
            fetch()
                .await
                .map(Arc::new)
                .map_err(|error| Failed { status: error.status(), report: error.report().into() })
        });
        match (landed.await, &flight.before) {
            (Ok(found), _) => Ok(Arc::clone(found)),
            (Err(failed), Some((at, before))) if age(now, *at) < STALE => {
                tracing::warn!(error = &*failed.report, "what was fetched before still serves");
                Ok(Arc::clone(before))
            }
            (Err(failed), _) => {
                Err(Error::new(failed.status, "A service that we depend on did not do its part.")
                    .context(failed.report.to_string()))
            }
        }
    }

    /// The call to wait for: the last one, or a new one where that is too old.
    fn flight(&self, now: SystemTime, fresh: Duration) -> Arc<Flight<T>> {
        let mut latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = match &*latest {
            None => None,
            Some(flight) => match flight.landed.get() {
                None => return Arc::clone(flight),
                Some(Ok(_)) if age(now, flight.began) < fresh => return Arc::clone(flight),
                Some(Err(_)) if age(now, flight.began) < PAUSE => return Arc::clone(flight),
                Some(Ok(found)) => Some((flight.began, Arc::clone(found))),
                Some(Err(_)) => flight.before.clone(),
            },
        };
        let flight = Arc::new(Flight { began: now, landed: OnceCell::new(), before });
        *latest = Some(Arc::clone(&flight));
        flight
    }
}

/// A clock that was set back finds nothing old.
fn age(now: SystemTime, at: SystemTime) -> Duration {
    now.duration_since(at).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    struct Source {
        calls: AtomicUsize,
        fetched: Fetched<usize>,
    }

    impl Source {
        fn new() -> Self {
            Self { calls: AtomicUsize::new(0), fetched: Fetched::default() }
        }

        async fn get(&self, seconds: u64, fails: bool) -> Result<usize> {
            let now = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            let fetch = async || {
                let call = self.calls.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
                if fails { Err(Error::unavailable("no")) } else { Ok(call) }
            };
            self.fetched.get(now, HOUR, fetch).await.map(|found| *found)
        }
    }

    #[tokio::test]
    async fn is_fetched_once_for_all_who_wait_and_again_when_it_is_old() {
        let source = Source::new();
        let together = futures_util::future::join_all((0..10).map(|_| source.get(0, false))).await;
        assert!(together.into_iter().all(|found| found.unwrap() == 0));
        assert_eq!(source.get(3599, false).await.unwrap(), 0);
        assert_eq!(source.get(3600, false).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn nobody_is_asked_again_at_once_after_a_failure() {
        let source = Source::new();
        for seconds in [0, 5, 9] {
            assert_eq!(source.get(seconds, true).await.unwrap_err().status(), 503);
        }
        assert_eq!(source.calls.load(Ordering::Relaxed), 1);
        assert_eq!(source.get(10, false).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn what_was_there_serves_for_a_day_while_there_is_nothing_new() {
        let source = Source::new();
        assert_eq!(source.get(0, false).await.unwrap(), 0);
        for seconds in [3600, 3605, 3700, 86_000] {
            assert_eq!(source.get(seconds, true).await.unwrap(), 0);
        }
        assert!(source.get(86_500, true).await.is_err());
    }

    #[tokio::test]
    async fn who_waits_takes_over_from_who_hangs_up() {
        let source = Source::new();
        drop(futures_util::poll!(std::pin::pin!(source.get(0, false))));
        assert_eq!(source.get(1, false).await.unwrap(), 1);
    }
}
