//! Numbers about connections, for whoever exposes them.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use mainstay_core::metrics::Scrape;

/// Counts connections of one listener. Reading and writing never block.
#[derive(Debug, Default)]
pub struct ConnectionMetrics {
    pub(super) accepted: AtomicU64,
    pub(super) closed: AtomicU64,
    pub(super) accept_failures: AtomicU64,
    pub(super) handshake_failures: AtomicU64,
    pub(super) head_timeouts: AtomicU64,
    pub(super) idle_timeouts: AtomicU64,
    pub(super) stalled: AtomicU64,
    pub(super) malformed: AtomicU64,
    pub(super) full: AtomicU64,
    pub(super) aborted: AtomicU64,
}

/// The numbers at one moment. All but `active` only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnectionCounts {
    /// Connections taken from the system.
    pub accepted: u64,
    /// Connections open now, upgraded ones included.
    pub active: u64,
    /// Times when the system could not give a connection (no descriptors left, for example).
    pub accept_failures: u64,
    /// TLS handshakes that failed or took too long.
    pub handshake_failures: u64,
    /// Connections closed since no request head came in time.
    pub head_timeouts: u64,
    /// Connections closed since they were idle for too long.
    pub idle_timeouts: u64,
    /// Connections closed since the peer stopped reading its response.
    pub stalled: u64,
    /// Connections closed since what came was not HTTP, or too large a head.
    pub malformed: u64,
    /// Times when the cap was reached and accepting paused.
    pub full: u64,
    /// Connections cut off at the end of a drain.
    pub aborted: u64,
}

impl ConnectionCounts {
    /// Shows them among the numbers of the application.
    pub(crate) fn collect(&self, scrape: &mut Scrape) {
        scrape.gauge("http_connections", "Connections open now.", &[], self.active as f64);
        let accepted = "Connections taken from the system.";
        scrape.counter("http_connections_total", accepted, &[], self.accepted as f64);
        let ends = [
            ("accept_failure", self.accept_failures),
            ("handshake_failure", self.handshake_failures),
            ("head_timeout", self.head_timeouts),
            ("idle_timeout", self.idle_timeouts),
            ("stalled", self.stalled),
            ("malformed", self.malformed),
            ("full", self.full),
            ("aborted", self.aborted),
        ];
        let help = "What went other than well with connections.";
        for (event, count) in ends {
            scrape.counter("http_connection_events_total", help, &[("event", event)], count as f64);
        }
    }
}

impl ConnectionMetrics {
    /// The numbers now.
    pub fn counts(&self) -> ConnectionCounts {
        let accepted = self.accepted.load(Relaxed);
        ConnectionCounts {
            accepted,
            active: accepted.saturating_sub(self.closed.load(Relaxed)),
            accept_failures: self.accept_failures.load(Relaxed),
            handshake_failures: self.handshake_failures.load(Relaxed),
            head_timeouts: self.head_timeouts.load(Relaxed),
            idle_timeouts: self.idle_timeouts.load(Relaxed),
            stalled: self.stalled.load(Relaxed),
            malformed: self.malformed.load(Relaxed),
            full: self.full.load(Relaxed),
            aborted: self.aborted.load(Relaxed),
        }
    }
}

/// Adds one.
pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Relaxed);
}
