//! What all output caches of an application share.

use std::time::SystemTime;

use mainstay_core::Inject;
use mainstay_core::clock::Clock;
use mainstay_core::metrics::{Counter, Metrics};
use mainstay_store::Cache;

use super::OutputCacheConfig;
use super::fields::Status;

/// The cache, and what is counted of it.
pub(super) struct Answers {
    cache: Cache,
    config: Inject<OutputCacheConfig>,
    clock: Inject<dyn Clock>,
    hits: Counter,
    stale: Counter,
    misses: Counter,
    collapsed: Counter,
    bypassed: Counter,
}

impl Answers {
    pub(super) fn new(
        cache: Inject<Cache>,
        config: Inject<OutputCacheConfig>,
        clock: Inject<dyn Clock>,
        metrics: Inject<Metrics>,
    ) -> Self {
        let counter = |result| {
            let help = "Requests, by what the output cache had for them.";
            metrics.counter("output_cache_requests_total", help, &[("result", result)])
        };
        Self {
            cache: cache.within("output"),
            config,
            clock,
            hits: counter("hit"),
            stale: counter("stale"),
            misses: counter("miss"),
            collapsed: counter("collapsed"),
            bypassed: counter("bypass"),
        }
    }

    pub(super) fn is_enabled(&self) -> bool {
        self.config.enabled
    }

    pub(super) fn cache(&self) -> &Cache {
        &self.cache
    }

    pub(super) fn now(&self) -> SystemTime {
        self.clock.now()
    }

    pub(super) fn count(&self, status: Status) {
        match status {
            Status::Hit(ttl) if ttl > 0 => &self.hits,
            Status::Hit(_) => &self.stale,
            Status::Stored | Status::NotStored(_) => &self.misses,
            Status::Collapsed => &self.collapsed,
            Status::Bypass(_) => &self.bypassed,
        }
        .inc();
    }
}
