//! The threads that hash, and the queue before them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use http::{HeaderValue, header};
use mainstay_core::{Error, Result};
use tokio::sync::oneshot;

/// So many may wait for each thread. At some 30 ms each, who comes last waits for a second.
const PLACES: usize = 32;

type Job = Box<dyn FnOnce() + Send>;

/// Threads that end when this is dropped.
pub(super) struct Crew(SyncSender<Job>);

impl Crew {
    pub(super) fn start(threads: usize) -> Result<Self> {
        let (sender, receiver) = sync_channel::<Job>(threads * PLACES);
        let receiver = Arc::new(Mutex::new(receiver));
        for _ in 0..threads {
            let receiver = Arc::clone(&receiver);
            let thread = std::thread::Builder::new().name("passwords".into());
            thread
                .spawn(move || {
                    while let Some(job) = next(&receiver) {
                        // Whoever asked is told; the thread goes on.
                        let _ = catch_unwind(AssertUnwindSafe(job));
                    }
                })
                .map_err(|error| {
                    Error::internal("no thread for passwords can be started").caused_by(error)
                })?;
        }
        Ok(Self(sender))
    }

    /// Does `work` on one of the threads. What nobody waits for any more is not done.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(move || {
            if !reply.is_closed() {
                // Whoever asked may have gone meanwhile.
                let _ = reply.send(work());
            }
        });
        match self.0.try_send(job) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => {
                return Err(Error::unavailable(
                    "Too many passwords are being checked. Try again in a moment.",
                )
                .code("too_busy")
                .header(header::RETRY_AFTER, HeaderValue::from_static("2")));
            }
            Err(TrySendError::Disconnected(_)) => {
                return Err(Error::internal("the threads for passwords have ended"));
            }
        }
        answer.await.map_err(|_| Error::internal("a thread for passwords has ended while it worked"))
    }
}

/// The next job; none when the crew is dismissed.
fn next(receiver: &Mutex<Receiver<Job>>) -> Option<Job> {
    receiver.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn does_not_do_what_nobody_waits_for() {
        let crew = Crew::start(1).unwrap();
        let (release, held) = std::sync::mpsc::channel::<()>();
        let mut holding = Box::pin(crew.run(move || held.recv().is_ok()));
        assert!(holding.as_mut().now_or_never().is_none());
        let done = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&done);
        // Polled once, so that it is queued, and dropped.
        assert!(crew.run(move || seen.store(true, Ordering::Release)).now_or_never().is_none());
        release.send(()).unwrap();
        assert!(holding.await.unwrap());
        crew.run(|| ()).await.unwrap();
        assert!(!done.load(Ordering::Acquire));
    }

    #[tokio::test]
    async fn goes_on_after_a_panic() {
        let crew = Crew::start(1).unwrap();
        assert!(crew.run(|| panic!("by the test")).await.is_err());
        assert_eq!(crew.run(|| 7).await.unwrap(), 7);
    }
}
