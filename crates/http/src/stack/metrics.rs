//! `metrics`: how many requests each route has answered with which class of status, and how long it took.
//!
//! Every route has its own counters from the start, so a request finds them without a look-up and only adds to them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use axum::response::Response;

use super::Hook;
use crate::exchange::Exchange;

/// The upper bounds of the duration buckets, in microseconds. The last bucket has none.
pub const BOUNDS: [u64; 11] =
    [500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000, 5_000_000];

/// The counters of one route.
#[derive(Debug, Default)]
pub struct RouteMetrics {
    classes: [AtomicU64; 6],
    buckets: [AtomicU64; BOUNDS.len() + 1],
    micros: AtomicU64,
}

/// The counters at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RouteCounts {
    /// Responses by the first digit of their status; those of 1xx at index 1.
    pub classes: [u64; 6],
    /// Responses by how long they took: below each of [`BOUNDS`], and above all.
    pub buckets: [u64; BOUNDS.len() + 1],
    /// How long all of them took together.
    pub total: Duration,
}

impl RouteMetrics {
    /// Counts a response.
    pub(crate) fn record(&self, status: u16, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        if let Some(class) = self.classes.get(usize::from(status / 100)) {
            class.fetch_add(1, Relaxed);
        }
        let bucket = BOUNDS.iter().position(|bound| micros <= *bound).unwrap_or(BOUNDS.len());
        self.buckets[bucket].fetch_add(1, Relaxed);
        self.micros.fetch_add(micros, Relaxed);
    }

    /// The counters now.
    pub fn counts(&self) -> RouteCounts {
        RouteCounts {
            classes: self.classes.each_ref().map(|count| count.load(Relaxed)),
            buckets: self.buckets.each_ref().map(|count| count.load(Relaxed)),
            total: Duration::from_micros(self.micros.load(Relaxed)),
        }
    }
}

/// The part `metrics`.
#[derive(Debug)]
pub struct RequestMetrics {
    unmatched: Arc<RouteMetrics>,
}

impl RequestMetrics {
    /// Counts requests without a route here, and all others at their route.
    pub(crate) fn new(unmatched: Arc<RouteMetrics>) -> Self {
        Self { unmatched }
    }
}

impl Hook for RequestMetrics {
    fn after(&self, exchange: &Exchange, response: &mut Response) {
        let metrics = exchange.route().map_or(&*self.unmatched, |route| &route.metrics);
        metrics.record(response.status().as_u16(), exchange.elapsed());
    }
}
