//! All open connections, and the one sweep that enforces their time-outs.

use std::collections::HashMap;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, OwnedSemaphorePermit};

use super::config::ListenConfig;
use super::link::{Lease, Link, Order, Overdue};
use super::metrics::{ConnectionMetrics, count};

/// How long, after a drain began, a connection without an open request may still send one. Closing at once would cut
/// off requests that are in the socket already; a person does not notice this wait.
const LINGER: Duration = Duration::from_millis(100);

/// While the cap is reached, an idle connection has to make room after this.
const IDLE_WHEN_FULL: Duration = Duration::from_secs(1);

/// Time-outs in milliseconds.
pub(super) struct Limits {
    pub(super) head: u64,
    pub(super) handshake: u64,
    pub(super) write: u64,
    pub(super) linger: u64,
    idle: u64,
    full: AtomicBool,
}

impl Limits {
    pub(super) fn idle(&self) -> u64 {
        if self.full.load(Relaxed) { self.idle.min(millis(IDLE_WHEN_FULL)) } else { self.idle }
    }
}

/// All open connections of a listener.
pub(super) struct Registry {
    pub(super) limits: Limits,
    pub(super) metrics: Arc<ConnectionMetrics>,
    links: Mutex<Links>,
    empty: Notify,
    start: Instant,
    now: AtomicU64,
    /// When the drain began; 0 before.
    draining: AtomicU64,
    cadence: Duration,
}

#[derive(Default)]
struct Links {
    next: u64,
    all: HashMap<u64, Arc<Link>>,
    order: Option<Order>,
}

impl Registry {
    pub(super) fn new(config: &ListenConfig, metrics: Arc<ConnectionMetrics>) -> Arc<Self> {
        let shortest = config
            .header_read_timeout
            .min(config.idle_timeout)
            .min(config.handshake_timeout)
            .min(config.write_timeout);
        Arc::new(Self {
            limits: Limits {
                head: millis(config.header_read_timeout),
                handshake: millis(config.handshake_timeout),
                write: millis(config.write_timeout),
                linger: millis(LINGER),
                idle: millis(config.idle_timeout),
                full: AtomicBool::new(false),
            },
            metrics,
            links: Mutex::default(),
            empty: Notify::new(),
            start: Instant::now(),
            now: AtomicU64::new(1),
            draining: AtomicU64::new(0),
            cadence: (shortest / 16).clamp(Duration::from_millis(5), Duration::from_millis(500)),
        })
    }

    /// Milliseconds since the start, at most one sweep old.
    pub(super) fn now(&self) -> u64 {
        self.now.load(Relaxed)
    }

    pub(super) fn draining_since(&self) -> Option<u64> {
        match self.draining.load(Relaxed) {
            0 => None,
            since => Some(since),
        }
    }

    /// Says whether the cap is reached, so that idle connections make room.
    pub(super) fn set_full(&self, full: bool) {
        if self.limits.full.swap(full, Relaxed) != full && full {
            count(&self.metrics.full);
        }
    }

    /// Enters a new connection.
    pub(super) fn add(self: &Arc<Self>, permit: OwnedSemaphorePermit) -> Lease {
        let mut links = self.links();
        links.next += 1;
        let id = links.next;
        let order = links.order.unwrap_or(Order::Serve);
        let link = Arc::new(Link::new(Arc::clone(self), id, order));
        links.all.insert(id, Arc::clone(&link));
        drop(links);
        count(&self.metrics.accepted);
        Lease { link, permit: Some(permit) }
    }

    pub(super) fn remove(&self, id: u64) {
        let mut links = self.links();
        links.all.remove(&id);
        if links.all.is_empty() {
            self.empty.notify_waiters();
        }
    }

    /// Tells all connections, now and to come, to end when they have answered.
    pub(super) fn drain(&self) {
        self.tick();
        self.draining.store(self.now().max(1), Relaxed);
        self.order_all(Order::Drain);
    }

    /// Ends all connections now. Returns how many were cut off in a request or after an upgrade.
    pub(super) fn abort(&self) -> usize {
        let cut = self.links().all.values().filter(|link| link.is_busy()).count();
        self.metrics.aborted.fetch_add(cut as u64, Relaxed);
        self.order_all(Order::Abort);
        cut
    }

    fn order_all(&self, order: Order) {
        let mut links = self.links();
        links.order = Some(order);
        for link in links.all.values() {
            link.give(order);
        }
    }

    /// Completes when no connection is left.
    pub(super) async fn emptied(&self) {
        loop {
            let emptied = self.empty.notified();
            if self.links().all.is_empty() {
                return;
            }
            emptied.await;
        }
    }

    /// Enforces the time-outs, for ever.
    pub(super) async fn sweep(&self) {
        loop {
            let cadence = match self.draining_since() {
                Some(_) => self.cadence.min(LINGER / 4),
                None => self.cadence,
            };
            tokio::time::sleep(cadence).await;
            self.tick();
            // `since` may be older than the truth by one sweep, never younger; so may a connection's end be later.
            let now = self.now().saturating_sub(millis(cadence));
            for link in self.links().all.values() {
                if let Some(overdue) = link.overdue(now) {
                    self.end(link, overdue);
                }
            }
        }
    }

    fn end(&self, link: &Link, overdue: Overdue) {
        let counter = match overdue {
            Overdue::Handshake => &self.metrics.handshake_failures,
            Overdue::Write => &self.metrics.stalled,
            Overdue::Head => &self.metrics.head_timeouts,
            Overdue::Idle | Overdue::Gone => &self.metrics.idle_timeouts,
        };
        if overdue != Overdue::Gone && self.draining_since().is_none() && link.order() < Order::Abort {
            count(counter);
        }
        if overdue == Overdue::Idle { link.finish() } else { link.give(Order::Abort) }
    }

    fn tick(&self) {
        self.now.store(millis(self.start.elapsed()).max(1), Relaxed);
    }

    fn links(&self) -> MutexGuard<'_, Links> {
        // Nothing that holds the lock can leave the map half changed.
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
