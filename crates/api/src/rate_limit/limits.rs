//! Counting.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use http::Extensions;
use mainstay_core::clock::Clock;
use mainstay_core::metrics::{Counter, Metrics};
use mainstay_core::{Error, Inject, Result};
use mainstay_store::{Decision, Quota, Store};

use super::config::{RateLimitsConfig, WhenStoreFails};

/// What a request is counted as.
pub(super) struct Charge<'a> {
    pub(super) key: String,
    pub(super) quotas: Cow<'a, [Quota]>,
    pub(super) cost: u32,
}

/// Under which keys a request is counted: under each of them once, however many limits of one name are around it.
#[derive(Clone, Default)]
pub(super) struct Charged(Vec<String>);

impl Charged {
    /// Notes a key in the extensions of a request. Says whether it is a new one.
    pub(super) fn note(extensions: &mut Extensions, key: &str) -> bool {
        let Self(keys) = extensions.get_or_insert_default();
        let new = !keys.iter().any(|known| known == key);
        if new {
            keys.push(key.to_owned());
        }
        new
    }
}

/// What all limits of an application share.
pub(super) struct Limits {
    store: Inject<Store>,
    config: Inject<RateLimitsConfig>,
    quotas: BTreeMap<String, Vec<Quota>>,
    clock: Inject<dyn Clock>,
    refused: Counter,
    uncounted: Counter,
    /// Whether the store could not be asked the last time.
    failing: AtomicBool,
}

impl Limits {
    pub(super) fn new(
        store: Inject<Store>,
        config: Inject<RateLimitsConfig>,
        clock: Inject<dyn Clock>,
        metrics: Inject<Metrics>,
    ) -> Self {
        let refused = "Requests that a rate limit has refused.";
        let uncounted = "Requests that no rate limit has counted, since the store was out of reach.";
        Self {
            store,
            quotas: config.read_quotas(),
            config,
            clock,
            refused: metrics.counter("rate_limit_refused_total", refused, &[]),
            uncounted: metrics.counter("rate_limit_uncounted_total", uncounted, &[]),
            failing: AtomicBool::new(false),
        }
    }

    pub(super) fn config(&self) -> &RateLimitsConfig {
        &self.config
    }

    /// The quotas that the configuration has for limits of this name.
    pub(super) fn quotas_of(&self, name: &str) -> Option<&[Quota]> {
        self.quotas.get(name).map(Vec::as_slice)
    }

    /// The time of day.
    pub(super) fn now(&self) -> SystemTime {
        self.clock.now()
    }

    /// Counts a request. None: the store is out of reach, and the request is let through.
    pub(super) async fn take(&self, charge: &Charge<'_>) -> Result<Option<Vec<Decision>>> {
        match self.store.limit(&charge.key, &charge.quotas, charge.cost).await {
            Ok(decisions) => {
                if self.failing.load(Ordering::Relaxed) && self.failing.swap(false, Ordering::Relaxed) {
                    tracing::info!(target: "mainstay::api", "the store is within reach again: rate limits hold");
                }
                if decisions.iter().any(|decision| !decision.allowed) {
                    self.refused.inc();
                }
                Ok(Some(decisions))
            }
            Err(why) => {
                let error =
                    Error::unavailable("Requests cannot be counted just now.").code("rate_limit_unavailable");
                let error = error.caused_by(why);
                let lets_through = self.config.when_store_fails == WhenStoreFails::Allow;
                // Once an outage: a line for each request would be a second one.
                if !self.failing.swap(true, Ordering::Relaxed) {
                    let becomes = if lets_through { "let through uncounted" } else { "refused" };
                    tracing::warn!(target: "mainstay::api", error = %error.report(), "rate limits cannot be counted: requests are {becomes}");
                }
                if !lets_through {
                    return Err(error);
                }
                self.uncounted.inc();
                Ok(None)
            }
        }
    }
}
