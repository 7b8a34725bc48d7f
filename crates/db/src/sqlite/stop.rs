//! When a running statement must stop: at its deadline, or when whoever asked has gone.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;

use tokio::sync::oneshot;

use crate::driver::Reply;
use crate::error::DbError;

/// Shared by a connection and its progress handler.
#[derive(Clone)]
pub(super) struct Stop(Arc<Inner>);

struct Inner {
    start: Instant,
    /// In microseconds after `start`; `u64::MAX` when there is no deadline.
    at: AtomicU64,
    asker: Mutex<Option<Asker>>,
}

/// Whoever waits for a read.
pub(super) enum Asker {
    /// For all of its rows.
    Reply(oneshot::Sender<Result<Reply, DbError>>),
    /// For batches of them: the stream holds the other end.
    Stream(Weak<()>),
}

impl Asker {
    fn has_gone(&self) -> bool {
        match self {
            Self::Reply(sender) => sender.is_closed(),
            Self::Stream(stream) => stream.strong_count() == 0,
        }
    }
}

impl Stop {
    pub(super) fn new() -> Self {
        let at = AtomicU64::new(u64::MAX);
        Self(Arc::new(Inner { start: Instant::now(), at, asker: Mutex::new(None) }))
    }

    /// Sets the deadline.
    pub(super) fn at(&self, deadline: Instant) {
        let micros = u64::try_from((deadline - self.0.start).as_micros()).unwrap_or(u64::MAX);
        self.0.at.store(micros, Ordering::Relaxed);
    }

    /// Takes the deadline away.
    pub(super) fn never(&self) {
        self.0.at.store(u64::MAX, Ordering::Relaxed);
    }

    pub(super) fn asked_by(&self, asker: Asker) {
        *self.asker() = Some(asker);
    }

    pub(super) fn take_asker(&self) -> Option<Asker> {
        self.asker().take()
    }

    pub(super) fn is_due(&self) -> bool {
        self.0.start.elapsed().as_micros() > u128::from(self.0.at.load(Ordering::Relaxed))
            || self.asker().as_ref().is_some_and(Asker::has_gone)
    }

    fn asker(&self) -> MutexGuard<'_, Option<Asker>> {
        self.0.asker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
