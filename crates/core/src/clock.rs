//! Time, injected: `Inject<dyn Clock>`. A test sets it instead of waiting for it.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// Tells the time.
pub trait Clock: Send + Sync + 'static {
    /// The time of day, as the world counts it. It may jump; store it, do not measure with it.
    fn now(&self) -> SystemTime;

    /// A time that only ever goes on. Measure with it.
    fn monotonic(&self) -> Instant;
}

/// A time of day in whole seconds since 1970, as tokens and tables have it. 0 for what was before.
pub fn unix_seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// The operating system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn monotonic(&self) -> Instant {
        Instant::now()
    }
}

/// A clock that stands still until a test moves it.
///
/// ```
/// use std::time::Duration;
/// use mainstay_core::clock::{Clock, TestClock};
///
/// let clock = TestClock::default();
/// let (before, started) = (clock.now(), clock.monotonic());
/// clock.advance(Duration::from_secs(60));
/// assert_eq!(clock.now().duration_since(before).unwrap(), Duration::from_secs(60));
/// assert_eq!(clock.monotonic() - started, Duration::from_secs(60));
/// ```
#[derive(Debug)]
pub struct TestClock(Mutex<Hands>);

#[derive(Clone, Copy, Debug)]
struct Hands {
    now: SystemTime,
    monotonic: Instant,
}

impl TestClock {
    /// A clock that shows `now`.
    pub fn at(now: SystemTime) -> Self {
        Self(Mutex::new(Hands { now, monotonic: Instant::now() }))
    }

    /// Moves both times on.
    pub fn advance(&self, by: Duration) {
        let mut hands = self.hands();
        hands.now += by;
        hands.monotonic += by;
    }

    /// Sets the time of day, to before if need be, as an operator may. The monotonic time stays.
    pub fn set(&self, now: SystemTime) {
        self.hands().now = now;
    }

    fn hands(&self) -> std::sync::MutexGuard<'_, Hands> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for TestClock {
    /// Noon of 1 January 2026, UTC, so that what a test prints is the same tomorrow.
    fn default() -> Self {
        Self::at(SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_268_800))
    }
}

impl Clock for TestClock {
    fn now(&self) -> SystemTime {
        self.hands().now
    }

    fn monotonic(&self) -> Instant {
        self.hands().monotonic
    }
}
