//! What is counted of an upstream.

use std::sync::Arc;
use std::time::Duration;

use mainstay_core::metrics::{Buckets, Counter, Gauge, Histogram, Metrics};

use crate::breaker::{Breaker, BreakerState};

pub(super) struct Meters {
    upstream: String,
    metrics: Metrics,
    pub(super) seconds: Histogram,
    pub(super) running: Gauge,
    pub(super) retries: Counter,
}

impl Meters {
    pub(super) fn new(upstream: &str, metrics: &Metrics, breaker: Option<&Arc<Breaker>>) -> Self {
        let labels = [("upstream", upstream)];
        let latency = Buckets::latency();
        if let Some(breaker) = breaker.cloned() {
            let name = upstream.to_owned();
            metrics.collect(move |scrape| {
                let open = breaker.state() == BreakerState::Open;
                let help = "Whether the circuit breaker keeps calls back.";
                scrape.gauge("outbound_breaker_open", help, &[("upstream", &name)], f64::from(open));
            });
        }
        Self {
            seconds: metrics.histogram("outbound_seconds", "Time of calls, with retries.", &latency, &labels),
            running: metrics.gauge("outbound_running", "Calls that are under way.", &labels),
            retries: metrics.counter("outbound_retries_total", "Attempts beyond the first.", &labels),
            metrics: metrics.clone(),
            upstream: upstream.to_owned(),
        }
    }

    pub(super) fn called(&self, outcome: &str, time: Duration) {
        let labels = [("upstream", self.upstream.as_str()), ("outcome", outcome)];
        self.metrics.counter("outbound_calls_total", "Calls by what came of them.", &labels).inc();
        self.seconds.observe(time);
    }
}
