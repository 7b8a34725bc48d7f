//! What a started child holds of its supervisor.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

use super::{Rounds, Shutdown};

/// Given to a child at each start: it says when it is ready, and hears when to stop.
#[derive(Clone)]
pub struct Running {
    readiness: Arc<Readiness>,
    shutdown: Shutdown,
}

/// Whether one start has become ready. Shared by the child and its supervisor.
pub(super) struct Readiness {
    reached: AtomicBool,
    bell: Arc<Notify>,
}

impl Running {
    /// A handle that nobody supervises, to run a service's function by hand, as a test does.
    pub fn unsupervised(shutdown: Shutdown) -> Self {
        Self::reporting_to(&Arc::new(Notify::new()), shutdown)
    }

    /// A handle that rings `bell` once the child is ready.
    pub(super) fn reporting_to(bell: &Arc<Notify>, shutdown: Shutdown) -> Self {
        let readiness = Readiness { reached: AtomicBool::new(false), bell: Arc::clone(bell) };
        Self { readiness: Arc::new(readiness), shutdown }
    }

    /// Says that what this child offers can now be used: the socket is bound, the first connection stands. The next
    /// child starts when this one is ready. Saying it again changes nothing.
    pub fn ready(&self) {
        if !self.readiness.reached.swap(true, Ordering::AcqRel) {
            self.readiness.bell.notify_one();
        }
    }

    /// Whether [`ready`](Self::ready) has been said.
    pub fn is_ready(&self) -> bool {
        self.readiness.is_reached()
    }

    /// The request to stop. A child returns soon after it is made; at its deadline it is aborted.
    pub fn shutdown(&self) -> &Shutdown {
        &self.shutdown
    }

    /// The rounds of what is done once in every `period`, until the service is to stop. The first is after a whole period: what has
    /// just started has other things to do.
    ///
    /// ```
    /// use std::time::Duration;
    /// use mainstay_core::Result;
    /// use mainstay_core::service::Running;
    ///
    /// async fn sweep(running: Running) -> Result<()> {
    ///     let mut rounds = running.every(Duration::from_secs(60));
    ///     running.ready();
    ///     while rounds.next().await {
    ///         // An error ends the service, which its supervisor starts again. Keep what may pass to the log.
    ///     }
    ///     Ok(())
    /// }
    /// ```
    pub fn every(&self, period: Duration) -> Rounds {
        Rounds::new(self.shutdown.clone(), period)
    }

    pub(super) fn readiness(&self) -> Arc<Readiness> {
        Arc::clone(&self.readiness)
    }
}

impl Readiness {
    pub(super) fn is_reached(&self) -> bool {
        self.reached.load(Ordering::Acquire)
    }
}
