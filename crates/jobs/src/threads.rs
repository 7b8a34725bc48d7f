//! Threads for jobs that take the processor, so that nothing else of the application waits for one.

use std::sync::Arc;

use mainstay_core::service::panic_message;
use mainstay_core::{Error, Inject, Result};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::JobsConfig;

/// So many at once as `jobs.blocking_threads` says.
pub(crate) struct Threads(Arc<Semaphore>);

impl Threads {
    pub(crate) fn new(config: Inject<JobsConfig>) -> Self {
        Self(Arc::new(Semaphore::new(config.threads())))
    }

    /// Waits for one that is free.
    pub(crate) async fn free(&self) -> Result<Thread> {
        Ok(Thread(Arc::clone(&self.0).acquire_owned().await?))
    }
}

/// A thread that somebody may take.
pub(crate) struct Thread(OwnedSemaphorePermit);

impl Thread {
    /// Runs `work` on it. It cannot be stopped: when nobody waits for it any more, it still has its thread until it returns.
    pub(crate) async fn run<T: Send + 'static>(self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let (permit, span) = (self.0, tracing::Span::current());
        let done = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            span.in_scope(work)
        });
        done.await.map_err(|fault| match fault.try_into_panic() {
            Ok(panic) => Error::internal(format!("it panicked: {}", panic_message(panic.as_ref()))),
            Err(fault) => fault.into(),
        })
    }
}
