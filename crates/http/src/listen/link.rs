//! What the listener knows of one open connection.
//!
//! A link is written by the connection's own task (and, for HTTP/2, by the tasks of its streams) and read by the
//! sweep of the [`registry`](super::registry). All times are milliseconds on the registry's coarse clock, so that
//! nothing on the way of a request reads a clock.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;
use tokio::sync::OwnedSemaphorePermit;

use super::metrics::count;
use super::registry::Registry;

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Stage {
    /// Settling TLS.
    Handshake,
    /// Speaking HTTP/1.1, or about to say what it speaks.
    Http1,
    /// Speaking HTTP/2.
    Http2,
    /// Handed over to a handler (a WebSocket, for example).
    Upgraded,
}

/// What a connection is told to do. Orders only get stricter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Order {
    /// Go on.
    Serve,
    /// Answer what is being asked, and what is already on its way, as the last on this connection.
    Drain,
    /// End as soon as no request is open.
    Finish,
    /// End now.
    Abort,
}

/// One open connection.
pub(super) struct Link {
    pub(super) registry: Arc<Registry>,
    id: u64,
    stage: AtomicU8,
    order: AtomicU8,
    /// Requests whose response is not written yet.
    open: AtomicU32,
    /// No request has come yet.
    fresh: AtomicBool,
    /// Bytes have come that are not a request yet.
    partial: AtomicBool,
    /// When the present state began.
    since: AtomicU64,
    /// When the peer stopped taking bytes; 0 while it takes them.
    stalled: AtomicU64,
    waker: AtomicWaker,
}

/// Why the sweep ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Overdue {
    Handshake,
    Head,
    Idle,
    Gone,
    Write,
}

impl Link {
    pub(super) fn new(registry: Arc<Registry>, id: u64, order: Order) -> Self {
        let since = AtomicU64::new(registry.now());
        Self {
            registry,
            id,
            stage: AtomicU8::new(Stage::Http1 as u8),
            order: AtomicU8::new(order as u8),
            open: AtomicU32::new(0),
            fresh: AtomicBool::new(true),
            partial: AtomicBool::new(false),
            since,
            stalled: AtomicU64::new(0),
            waker: AtomicWaker::new(),
        }
    }

    pub(super) fn stage(&self) -> Stage {
        match self.stage.load(Relaxed) {
            0 => Stage::Handshake,
            1 => Stage::Http1,
            2 => Stage::Http2,
            _ => Stage::Upgraded,
        }
    }

    pub(super) fn enter(&self, stage: Stage) {
        self.since.store(self.registry.now(), Relaxed);
        self.stage.store(stage as u8, Release);
    }

    pub(super) fn order(&self) -> Order {
        match self.order.load(Relaxed) {
            0 => Order::Serve,
            1 => Order::Drain,
            2 => Order::Finish,
            _ => Order::Abort,
        }
    }

    /// Gives an order and wakes the connection to obey it.
    pub(super) fn give(&self, order: Order) {
        if self.order.fetch_max(order as u8, AcqRel) < order as u8 {
            self.waker.wake();
        }
    }

    pub(super) fn open(&self) -> u32 {
        self.open.load(Acquire)
    }

    pub(super) fn is_partial(&self) -> bool {
        self.partial.load(Acquire)
    }

    /// Bytes came from the peer.
    pub(super) fn bytes_came(&self) {
        if !self.partial.load(Relaxed) {
            // A fresh connection's time runs since it was accepted: a first byte buys none.
            if !self.fresh.load(Relaxed) {
                self.since.store(self.registry.now(), Relaxed);
            }
            self.partial.store(true, Release);
        }
    }

    /// The head of a request is complete.
    pub(super) fn request_begins(&self) {
        self.open.fetch_add(1, AcqRel);
        self.fresh.store(false, Relaxed);
        self.partial.store(false, Relaxed);
    }

    /// Its response is written, or nobody waits for it any more.
    pub(super) fn request_ends(&self) {
        // Before the count: see `overdue`.
        self.since.store(self.registry.now(), Relaxed);
        self.open.fetch_sub(1, AcqRel);
    }

    /// The peer takes no more bytes.
    pub(super) fn writes_stall(&self) {
        self.stalled.store(self.registry.now().max(1), Relaxed);
    }

    /// The peer takes bytes again.
    pub(super) fn writes_flow(&self) {
        self.stalled.store(0, Relaxed);
    }

    /// Asks the connection to end, and gives it a moment to do so.
    pub(super) fn finish(&self) {
        self.since.store(self.registry.now(), Relaxed);
        self.give(Order::Finish);
    }

    /// Whether it would be missed: someone sends or receives on it now.
    pub(super) fn is_busy(&self) -> bool {
        self.open() > 0
            || match self.stage() {
                Stage::Http1 => self.is_partial(),
                Stage::Upgraded => true,
                Stage::Handshake | Stage::Http2 => false,
            }
    }

    /// Keeps the waker of the task that must obey orders.
    pub(super) fn watch(&self, cx: &Context<'_>) {
        self.waker.register(cx.waker());
    }

    /// Drives `work` until it is done, or until the order comes to abort.
    pub(super) async fn unless_aborted<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        std::future::poll_fn(|cx| {
            self.watch(cx);
            if self.order() == Order::Abort {
                return Poll::Ready(None);
            }
            work.as_mut().poll(cx).map(Some)
        })
        .await
    }

    /// Why this connection has to end at `now`, if it has to.
    ///
    /// `open` and `partial` are read before `since`: their writers store them after it, so that a state that has just
    /// begun is never measured from the beginning of the one before.
    pub(super) fn overdue(&self, now: u64) -> Option<Overdue> {
        let stage = self.stage.load(Acquire);
        let open = self.open();
        let partial = self.is_partial();
        let stalled = self.stalled.load(Relaxed);
        let limits = &self.registry.limits;
        if stalled > 0 && now.saturating_sub(stalled) > limits.write {
            return Some(Overdue::Write);
        }
        if open > 0 || stage == Stage::Upgraded as u8 {
            return None;
        }
        let since = self.since.load(Relaxed);
        if self.order() >= Order::Finish {
            // It was asked to end: an HTTP/2 peer that does not answer to that is gone.
            return (now.saturating_sub(since) > limits.handshake).then_some(Overdue::Gone);
        }
        let draining = self.registry.draining_since();
        // What comes in with the end of the listener is still answered; what stays silent goes.
        let silent = |limit: u64| match draining {
            Some(start) => now.saturating_sub(since.max(start)) > limits.linger.min(limit),
            None => now.saturating_sub(since) > limit,
        };
        if stage == Stage::Handshake as u8 {
            (now.saturating_sub(since) > limits.handshake).then_some(Overdue::Handshake)
        } else if stage == Stage::Http2 as u8 {
            silent(limits.idle()).then_some(Overdue::Idle)
        } else if partial {
            (now.saturating_sub(since) > limits.head).then_some(Overdue::Head)
        } else if self.fresh.load(Relaxed) {
            silent(limits.head).then_some(Overdue::Head)
        } else {
            silent(limits.idle()).then_some(Overdue::Idle)
        }
    }
}

/// The place that a connection takes under the cap. Lives as long as the connection's socket, also after an upgrade.
pub(super) struct Lease {
    pub(super) link: Arc<Link>,
    pub(super) permit: Option<OwnedSemaphorePermit>,
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.link.registry.remove(self.link.id);
        count(&self.link.registry.metrics.closed);
        drop(self.permit.take());
    }
}
