//! `metrics`: how many requests each route has answered with which class of status, and how long it took.
//!
//! Every route has its own counters from the start, so a request finds them without a look-up and only adds to them.
//!
//! | name | labels | |
//! |---|---|---|
//! | `http_requests_total` | `method`, `route`, `status` (`2xx`) | requests answered; without a route, both are `none` |
//! | `http_request_duration_seconds` | `method`, `route` | time to the head of the response |
//! | `http_handlers_finishing` | | handlers that run to their end although their client has hung up |
//! | `http_connections`, `http_connections_total`, … | | see [`ConnectionCounts`](crate::listen::ConnectionCounts) |

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use axum::response::Response;
use mainstay_core::metrics::{Buckets, Histogram, Metrics, Scrape};

use super::Hook;
use crate::exchange::Exchange;

/// The counters of one route.
#[derive(Debug)]
pub(crate) struct RouteMetrics {
    classes: [AtomicU64; 6],
    times: Histogram,
}

impl RouteMetrics {
    /// Counters that a registry shows.
    pub(crate) fn registered(metrics: &Metrics, method: &str, route: &str) -> Self {
        let labels = [("method", method), ("route", route)];
        let help = "Time to the head of the response.";
        let times = metrics.histogram("http_request_duration_seconds", help, &Buckets::latency(), &labels);
        Self { classes: Default::default(), times }
    }

    /// Counters that nobody shows.
    pub(crate) fn unregistered() -> Self {
        Self { classes: Default::default(), times: Histogram::new(&Buckets::latency()) }
    }

    fn record(&self, status: u16, took: Duration) {
        if let Some(class) = self.classes.get(usize::from(status / 100)) {
            class.fetch_add(1, Relaxed);
        }
        self.times.observe(took);
    }

    /// Responses by the first digit of their status.
    pub(crate) fn classes(&self) -> [u64; 6] {
        self.classes.each_ref().map(|count| count.load(Relaxed))
    }

    /// Shows the classes that there were.
    pub(crate) fn collect(&self, scrape: &mut Scrape, method: &str, route: &str) {
        for (class, count) in ["", "1xx", "2xx", "3xx", "4xx", "5xx"].into_iter().zip(self.classes()) {
            if count > 0 {
                let labels = [("method", method), ("route", route), ("status", class)];
                scrape.counter("http_requests_total", "Requests answered.", &labels, count as f64);
            }
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
