//! What is counted.

use std::time::Duration;

use mainstay_core::metrics::{Buckets, Counter, Gauge, Histogram, Metrics};

/// How locks are used. Those of [`Locks::over`](super::Locks::over) are counted for nobody.
#[derive(Debug)]
pub(crate) struct Meters {
    pub(super) taken: Counter,
    pub(super) refused: Counter,
    pub(super) unavailable: Counter,
    pub(super) wait: Histogram,
    pub(super) held: Gauge,
    pub(super) lost: Counter,
}

/// From a few milliseconds to a minute.
fn waits() -> Buckets {
    Buckets::times([1, 5, 10, 50, 100, 500, 1000, 5000, 10_000, 60_000].map(Duration::from_millis))
}

impl Default for Meters {
    fn default() -> Self {
        Self {
            taken: Counter::default(),
            refused: Counter::default(),
            unavailable: Counter::default(),
            wait: Histogram::new(&waits()),
            held: Gauge::default(),
            lost: Counter::default(),
        }
    }
}

impl Meters {
    pub(crate) fn registered(metrics: &Metrics) -> Self {
        let asked = |result| {
            let help = "Attempts to get a lock, by what came of them.";
            metrics.counter("lock_attempts_total", help, &[("result", result)])
        };
        let wait = "Time until a lock was held, or somebody gave up.";
        let lost = "Locks that ended before they were given back.";
        Self {
            taken: asked("taken"),
            refused: asked("held"),
            unavailable: asked("unavailable"),
            wait: metrics.histogram("lock_wait_seconds", wait, &waits(), &[]),
            held: metrics.gauge("locks_held", "Locks that this process holds.", &[]),
            lost: metrics.counter("locks_lost_total", lost, &[]),
        }
    }
}
