//! What is counted.

use mainstay_core::metrics::{Counter, Metrics};

/// How often a cache had what was asked for. Those of [`Cache::over`](super::Cache::over) are counted for nobody.
#[derive(Debug, Default)]
pub(crate) struct Meters {
    pub(super) hits: Counter,
    pub(super) stale: Counter,
    pub(super) shared: Counter,
    pub(super) misses: Counter,
    pub(super) unavailable: Counter,
    pub(super) made_anew: Counter,
    pub(super) not_made_anew: Counter,
}

impl Meters {
    pub(crate) fn registered(metrics: &Metrics) -> Self {
        let asked = |result| {
            let help = "Values that were asked for, by what the cache had.";
            metrics.counter("cache_requests_total", help, &[("result", result)])
        };
        let anew = |result| {
            let help = "Values that were out of date and were to be made anew in the background.";
            metrics.counter("cache_refreshes_total", help, &[("result", result)])
        };
        Self {
            hits: asked("hit"),
            stale: asked("stale"),
            shared: asked("shared"),
            misses: asked("miss"),
            unavailable: asked("unavailable"),
            made_anew: anew("made"),
            not_made_anew: anew("failed"),
        }
    }
}
