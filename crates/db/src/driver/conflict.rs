//! Trying again what met another transaction, which left nothing of it.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use mainstay_core::service::Backoff;

/// How many times something is tried in all, unless it is said.
pub(crate) const ATTEMPTS: u32 = 5;
/// The longest wait after a conflict that is met for the first time; each further one may wait for twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(10);
/// No wait is longer.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// The conflicts that something has met so far.
pub(crate) struct Conflicts {
    attempts: u32,
    met: u32,
}

impl Conflicts {
    /// None yet, for something that is tried so many times in all.
    pub(crate) fn among(attempts: u32) -> Self {
        Self { attempts, met: 0 }
    }

    /// Waits for a random while, which grows, until `what` may be tried again. `false` when it has been tried often enough.
    pub(crate) async fn wait(&mut self, what: &'static str) -> bool {
        self.met += 1;
        if self.met >= self.attempts {
            return false;
        }
        let backoff = Backoff { initial: FIRST_WAIT, limit: LONGEST_WAIT, jitter: 1.0, ..Backoff::default() };
        let wait = backoff.delay(self.met - 1, chance());
        tracing::debug!(
            target: "mainstay::db", met = self.met, wait_ms = wait.as_millis(),
            "{what} met another transaction, and is run again"
        );
        tokio::time::sleep(wait).await;
        true
    }

    /// The same for a statement by itself, which nothing came before: whether it may be run again after this fault.
    #[cfg(any(feature = "mysql", feature = "postgres"))]
    pub(crate) async fn pass(&mut self, fault: &crate::error::DbError) -> bool {
        fault.is_retryable() && self.wait("a statement").await
    }
}

/// A number in `0.0..1.0` that need not be good: from the standard library's hash keys.
fn chance() -> f64 {
    let bits = RandomState::new().build_hasher().finish();
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}
