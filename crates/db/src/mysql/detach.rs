//! Work on a connection that goes on when nobody waits for it any more.
//!
//! A statement that is under way owns its connection. When its caller goes away, what is left of it is given to a task of
//! its own, which waits for its end for a moment and then has the server stop it. So the connection either comes back to
//! the pool in a known state, or is closed; it never comes back in the middle of a reply. The usual case costs a task
//! nothing: what is awaited is polled in place.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use mysql_async::prelude::Queryable;
use tokio::time::{timeout, timeout_at};

use super::connection::Shared;

/// How long work that nobody waits for may take before it is stopped. Most of it is over sooner.
const PATIENCE: Duration = Duration::from_millis(20);
/// How long to wait for the server to stop.
pub(super) const GRACE: Duration = Duration::from_secs(3);

/// Stops what a connection does, over another connection.
#[derive(Clone)]
pub(super) struct Stop {
    shared: Arc<Shared>,
    id: u32,
    sent: Arc<AtomicBool>,
}

impl fmt::Debug for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stop({})", self.id)
    }
}

impl Stop {
    pub(super) fn new(shared: &Arc<Shared>, id: u32) -> Self {
        Self { shared: Arc::clone(shared), id, sent: Arc::default() }
    }

    /// Whether it was used. The server may act on it late, so that the connection must not be used for anything else.
    pub(super) fn was_sent(&self) -> bool {
        self.sent.load(Ordering::Acquire)
    }

    pub(super) async fn send(&self) {
        self.sent.store(true, Ordering::Release);
        let kill = async {
            let mut conn = self.shared.location.connect().await?;
            // A statement that is over by now needs no stopping, which the server calls an error.
            let _ = conn.query_drop(format!("KILL QUERY {}", self.id)).await;
            conn.disconnect().await
        };
        match timeout(GRACE, kill).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(target: "mainstay::db", %error, "a statement could not be stopped");
            }
            Err(_) => tracing::warn!(target: "mainstay::db", "a statement could not be stopped in time"),
        }
    }
}

/// Awaits `work`, and stops it at `deadline`. `None` when it would not even stop: it is dropped then.
pub(super) async fn finish<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
    stop: Stop,
    deadline: Instant,
) -> Option<T> {
    let mut work = Detachable { work: Some(work.boxed()), stop: stop.clone() };
    if let Ok(done) = timeout_at(deadline.into(), &mut work).await {
        return Some(done);
    }
    stop.send().await;
    match timeout(GRACE, &mut work).await {
        Ok(done) => Some(done),
        Err(_) => {
            work.work = None;
            None
        }
    }
}

/// Goes on in a task of its own when it is dropped.
struct Detachable<T: Send + 'static> {
    work: Option<BoxFuture<'static, T>>,
    stop: Stop,
}

impl<T: Send + 'static> Future for Detachable<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let Some(work) = &mut self.work else { return Poll::Pending };
        let done = work.poll_unpin(context);
        if done.is_ready() {
            self.work = None;
        }
        done
    }
}

impl<T: Send + 'static> Drop for Detachable<T> {
    fn drop(&mut self) {
        let Some(mut work) = self.work.take() else { return };
        let stop = self.stop.clone();
        // Without a runtime there is nobody to go on: the connection is closed with what it does.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            if timeout(PATIENCE, &mut work).await.is_ok() {
                return;
            }
            stop.send().await;
            // What does not stop is dropped, and its connection closed.
            let _ = timeout(GRACE, work).await;
        });
    }
}
