//! The circuit breaker: a service that fails is left alone for a while.
//!
//! That spares callers the wait for what will fail, and the service the load that keeps it down (Nygard, "Release It!", 2007).
//! Closed, it counts. When, of at least `calls` within the `window`, the share `failures` has failed, it opens, and nothing is
//! called for the `pause`. Then it is half open: one call is let through. If that succeeds it closes, else it opens again.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use mainstay_core::clock::Clock;
use mainstay_core::config::duration;
use serde::{Deserialize, Serialize};

/// When the breaker of an upstream opens, and for how long: `[outbound.<name>.breaker]`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BreakerSettings {
    /// The share of calls, from 0 to 1, that must fail: 0.5.
    pub failures: f64,
    /// The fewest calls that tell anything: 20.
    pub calls: u32,
    /// How long a call counts: 10 s.
    #[serde(with = "duration")]
    pub window: Duration,
    /// How long nothing is called: 5 s.
    #[serde(with = "duration")]
    pub pause: Duration,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self { failures: 0.5, calls: 20, window: Duration::from_secs(10), pause: Duration::from_secs(5) }
    }
}

/// Where a breaker stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// Calls go through.
    Closed,
    /// Nothing is called.
    Open,
    /// One call is let through, to see.
    HalfOpen,
}

pub(crate) struct Breaker {
    upstream: String,
    settings: BreakerSettings,
    clock: Arc<dyn Clock>,
    inner: Mutex<Inner>,
}

struct Inner {
    state: State,
    /// How often the state has changed: what was let through before says nothing about now.
    changes: u64,
}

enum State {
    Closed(Window),
    Open { until: Instant },
    HalfOpen { tried: bool },
}

/// The window in slices, of which the oldest is forgotten when a new one begins.
struct Window {
    began: Instant,
    slices: [Slice; SLICES as usize],
}

#[derive(Clone, Copy, Default)]
struct Slice {
    number: u64,
    calls: u32,
    failed: u32,
}

const SLICES: u32 = 10;

/// No pause is longer, whatever is set: a day.
const LONGEST: Duration = Duration::from_secs(86_400);

/// What came of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Succeeded,
    Failed,
}

/// Leave for one attempt. Dropped without an outcome, because the caller went away, it counts for nothing.
pub(crate) struct Leave {
    breaker: Arc<Breaker>,
    changes: u64,
    told: bool,
}

impl Breaker {
    pub(crate) fn new(upstream: &str, settings: BreakerSettings, clock: Arc<dyn Clock>) -> Arc<Self> {
        let state = State::Closed(Window::new(clock.monotonic()));
        let inner = Mutex::new(Inner { state, changes: 0 });
        Arc::new(Self { upstream: upstream.to_owned(), settings, clock, inner })
    }

    /// Leave to call, or how long to wait for the next try.
    pub(crate) fn admit(self: &Arc<Self>) -> Result<Leave, Duration> {
        let now = self.clock.monotonic();
        let mut inner = self.lock();
        match &mut inner.state {
            State::Closed(_) => {}
            State::Open { until } if *until > now => return Err(*until - now),
            State::Open { .. } => inner.change(State::HalfOpen { tried: true }),
            State::HalfOpen { tried: true } => return Err(self.settings.pause),
            State::HalfOpen { tried } => *tried = true,
        }
        Ok(Leave { breaker: Arc::clone(self), changes: inner.changes, told: false })
    }

    pub(crate) fn state(&self) -> BreakerState {
        let now = self.clock.monotonic();
        match self.lock().state {
            State::Closed(_) => BreakerState::Closed,
            State::Open { until } if until > now => BreakerState::Open,
            State::Open { .. } | State::HalfOpen { .. } => BreakerState::HalfOpen,
        }
    }

    fn note(&self, outcome: Outcome, changes: u64) {
        let now = self.clock.monotonic();
        let mut inner = self.lock();
        if inner.changes != changes {
            return;
        }
        let opens = match &mut inner.state {
            State::Closed(window) => {
                window.add(now, self.settings.window, outcome);
                let (calls, failed) = window.sum(now, self.settings.window);
                calls >= self.settings.calls && f64::from(failed) >= self.settings.failures * f64::from(calls)
            }
            State::HalfOpen { .. } => outcome == Outcome::Failed,
            State::Open { .. } => return,
        };
        let was_closed = matches!(inner.state, State::Closed(_));
        if opens {
            inner.change(State::Open { until: now + self.settings.pause.min(LONGEST) });
        } else if !was_closed {
            inner.change(State::Closed(Window::new(now)));
        }
        drop(inner);
        let upstream = self.upstream.as_str();
        match (opens, was_closed) {
            (true, true) => {
                tracing::warn!(upstream, pause = ?self.settings.pause, "too many calls fail: the upstream is left alone");
            }
            (true, false) => tracing::debug!(upstream, "the upstream still fails"),
            (false, false) => tracing::info!(upstream, "the upstream is back"),
            (false, true) => {}
        }
    }

    fn abandon(&self, changes: u64) {
        let mut inner = self.lock();
        if inner.changes == changes
            && let State::HalfOpen { tried } = &mut inner.state
        {
            *tried = false;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn change(&mut self, state: State) {
        self.state = state;
        self.changes += 1;
    }
}

impl Leave {
    pub(crate) fn tell(mut self, outcome: Outcome) {
        self.told = true;
        self.breaker.note(outcome, self.changes);
    }
}

impl Drop for Leave {
    fn drop(&mut self) {
        if !self.told {
            self.breaker.abandon(self.changes);
        }
    }
}

impl Window {
    fn new(began: Instant) -> Self {
        Self { began, slices: [Slice::default(); SLICES as usize] }
    }

    fn number(&self, now: Instant, length: Duration) -> u64 {
        let slice = (length / SLICES).as_nanos().max(1);
        u64::try_from(now.duration_since(self.began).as_nanos() / slice).unwrap_or(u64::MAX)
    }

    fn add(&mut self, now: Instant, length: Duration, outcome: Outcome) {
        let number = self.number(now, length);
        let slice = &mut self.slices[(number % u64::from(SLICES)) as usize];
        if slice.number != number {
            *slice = Slice { number, ..Slice::default() };
        }
        slice.calls = slice.calls.saturating_add(1);
        slice.failed = slice.failed.saturating_add(u32::from(outcome == Outcome::Failed));
    }

    /// How many calls there were, and how many of them failed.
    fn sum(&self, now: Instant, length: Duration) -> (u32, u32) {
        let number = self.number(now, length);
        let counted = self.slices.iter().filter(|slice| slice.number + u64::from(SLICES) > number);
        counted.fold((0_u32, 0_u32), |(calls, failed), slice| {
            (calls.saturating_add(slice.calls), failed.saturating_add(slice.failed))
        })
    }
}

#[cfg(test)]
mod tests {
    use mainstay_core::clock::TestClock;

    use super::*;

    fn breaker() -> (Arc<Breaker>, Arc<TestClock>) {
        let clock = Arc::new(TestClock::default());
        let settings = BreakerSettings { calls: 4, ..BreakerSettings::default() };
        (Breaker::new("payments", settings, clock.clone()), clock)
    }

    fn tell(breaker: &Arc<Breaker>, outcomes: &[Outcome]) {
        for outcome in outcomes {
            breaker.admit().ok().unwrap().tell(*outcome);
        }
    }

    use Outcome::{Failed, Succeeded};

    #[test]
    fn opens_when_half_of_enough_calls_fail_and_closes_when_one_succeeds_after_the_pause() {
        let (breaker, clock) = breaker();
        tell(&breaker, &[Failed, Failed, Succeeded]);
        assert_eq!(breaker.state(), BreakerState::Closed);
        tell(&breaker, &[Succeeded]);
        assert_eq!(breaker.admit().err(), Some(Duration::from_secs(5)));
        clock.advance(Duration::from_secs(3));
        assert_eq!(breaker.admit().err(), Some(Duration::from_secs(2)));
        clock.advance(Duration::from_secs(2));
        let probe = breaker.admit().ok().unwrap();
        assert!(breaker.admit().is_err(), "one call is enough to see");
        probe.tell(Succeeded);
        assert_eq!(breaker.state(), BreakerState::Closed);
        tell(&breaker, &[Failed, Failed, Failed]);
        assert_eq!(breaker.state(), BreakerState::Closed, "what was before is forgotten");
    }

    #[test]
    fn opens_again_when_the_probe_fails_and_tries_again_when_it_is_abandoned() {
        let (breaker, clock) = breaker();
        tell(&breaker, &[Failed; 4]);
        clock.advance(Duration::from_secs(5));
        tell(&breaker, &[Failed]);
        assert_eq!(breaker.state(), BreakerState::Open);
        clock.advance(Duration::from_secs(5));
        drop(breaker.admit().ok().unwrap());
        tell(&breaker, &[Succeeded]);
        assert_eq!(breaker.state(), BreakerState::Closed);
    }

    #[test]
    fn failures_older_than_the_window_do_not_count() {
        let (breaker, clock) = breaker();
        tell(&breaker, &[Failed; 3]);
        clock.advance(Duration::from_secs(11));
        tell(&breaker, &[Succeeded, Succeeded, Failed]);
        assert_eq!(breaker.state(), BreakerState::Closed);
        tell(&breaker, &[Failed]);
        assert_eq!(breaker.state(), BreakerState::Open);
    }

    #[test]
    fn an_answer_to_what_was_asked_before_the_breaker_opened_does_not_close_it() {
        let (breaker, clock) = breaker();
        let late = breaker.admit().ok().unwrap();
        tell(&breaker, &[Failed; 4]);
        clock.advance(Duration::from_secs(5));
        let probe = breaker.admit().ok().unwrap();
        late.tell(Succeeded);
        assert_eq!(breaker.state(), BreakerState::HalfOpen);
        probe.tell(Failed);
        assert_eq!(breaker.state(), BreakerState::Open);
    }
}
