//! The request to stop, heard by any number of listeners.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// Tells a task that it is to stop, and until when it has time.
///
/// Clones hear the same request. Once requested it stays requested.
///
/// Deadlines are [`tokio::time::Instant`]s, so tests that pause tokio's clock govern them too.
#[derive(Clone)]
pub struct Shutdown(Arc<Request>);

/// The other end of a [`Shutdown`]: asks for it.
///
/// Dropping it asks for nothing.
pub struct Trigger(Arc<Request>);

struct Request {
    requested: AtomicBool,
    deadline: Mutex<Option<Instant>>,
    listeners: Notify,
}

impl Shutdown {
    /// A request that has not been made, and what makes it.
    pub fn channel() -> (Trigger, Shutdown) {
        let request = Arc::new(Request {
            requested: AtomicBool::new(false),
            deadline: Mutex::new(None),
            listeners: Notify::new(),
        });
        (Trigger(Arc::clone(&request)), Shutdown(request))
    }

    /// Waits until it is requested; returns at once if it has been. Cancel safe.
    pub async fn requested(&self) {
        // Created before the flag is read: a `notify_waiters` in between is not lost.
        let notified = self.0.listeners.notified();
        if !self.is_requested() {
            notified.await;
        }
    }

    /// Whether it has been requested. One atomic load.
    pub fn is_requested(&self) -> bool {
        self.0.requested.load(Ordering::Acquire)
    }

    /// When whoever has not stopped is aborted. `None` before the request, or if it came without a deadline.
    pub fn deadline(&self) -> Option<Instant> {
        *self.0.deadline.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Trigger {
    /// Asks for the shutdown. Asked again, an earlier deadline replaces a later one; a later one changes nothing.
    pub fn request(&self, deadline: Option<Instant>) {
        {
            let mut known = self.0.deadline.lock().unwrap_or_else(PoisonError::into_inner);
            *known = earlier(*known, deadline);
        }
        self.0.requested.store(true, Ordering::Release);
        self.0.listeners.notify_waiters();
    }
}

/// `wait` after `moment`. "For ever" is a century: it must not overflow.
pub(super) fn after(moment: Instant, wait: Duration) -> Instant {
    const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);
    moment + wait.min(CENTURY)
}

/// The earlier of two deadlines; none is later than any.
pub(super) fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    one.into_iter().chain(other).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn wakes_every_listener_and_those_who_come_late() {
        let (trigger, shutdown) = Shutdown::channel();
        let listeners: Vec<_> = (0..100)
            .map(|_| {
                let shutdown = shutdown.clone();
                tokio::spawn(async move { shutdown.requested().await })
            })
            .collect();
        tokio::task::yield_now().await;
        assert!(!shutdown.is_requested());
        trigger.request(None);
        for listener in listeners {
            listener.await.unwrap();
        }
        shutdown.requested().await;
        assert!(shutdown.is_requested());
    }

    #[test]
    fn keeps_the_earlier_of_two_deadlines() {
        let (trigger, shutdown) = Shutdown::channel();
        let soon = Instant::now() + Duration::from_secs(1);
        trigger.request(None);
        assert_eq!(shutdown.deadline(), None);
        trigger.request(Some(soon));
        trigger.request(Some(soon + Duration::from_secs(9)));
        assert_eq!(shutdown.deadline(), Some(soon));
    }
}
