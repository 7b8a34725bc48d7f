//! Whoever waits in this process for the end of a job.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use super::Ledger;

/// By job. Each is there while somebody waits.
#[derive(Default)]
pub(super) struct Ends(Mutex<HashMap<i64, Arc<Notify>>>);

/// Waits for the end of a job.
pub(crate) struct End {
    ledger: Ledger,
    job: i64,
    notify: Arc<Notify>,
}

impl End {
    /// Waits until a worker of this process has written the end.
    pub(crate) async fn told(&mut self) {
        self.notify.notified().await;
    }
}

impl Drop for End {
    fn drop(&mut self) {
        let mut ends = self.ledger.0.ends.0.lock().unwrap_or_else(PoisonError::into_inner);
        // The map and this one: nobody else waits.
        if ends.get(&self.job).is_some_and(|notify| Arc::strong_count(notify) <= 2) {
            ends.remove(&self.job);
        }
    }
}

impl Ledger {
    pub(crate) fn ends(&self, job: i64) -> End {
        let mut ends = self.0.ends.0.lock().unwrap_or_else(PoisonError::into_inner);
        let notify = Arc::clone(ends.entry(job).or_default());
        End { ledger: self.clone(), job, notify }
    }

    /// Tells whoever waits for it.
    pub(crate) fn has_ended(&self, job: i64) {
        let ends = self.0.ends.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(notify) = ends.get(&job) {
            notify.notify_waiters();
            notify.notify_one();
        }
    }
}
