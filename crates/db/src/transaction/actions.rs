//! What is done after a transaction has ended.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use mainstay_core::{Error, Result};
use tokio::time::timeout;

/// How long one action may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// How a transaction has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// What was written stays.
    Commit,
    /// Nothing of it stays.
    Rollback,
    /// The connection was lost while it was being committed.
    Unknown,
}

/// What to do, in the order in which it was said.
#[derive(Default)]
pub(super) struct Actions(Vec<Action>);

struct Action {
    when: When,
    work: BoxFuture<'static, Result<()>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    After(End),
    /// What it was said for has been rolled back already.
    Always,
}

impl Actions {
    pub(super) fn add(&mut self, when: End, work: impl Future<Output = Result<()>> + Send + 'static) {
        self.0.push(Action { when: When::After(when), work: work.boxed() });
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What was said after the first `many` was said for something that has been rolled back. Returns what will not be done,
    /// for whoever holds a lock to drop it later.
    #[must_use]
    pub(super) fn undo(&mut self, many: usize) -> impl Sized + use<> {
        let inner = self.0.split_off(many.min(self.0.len()));
        let (kept, dropped): (Vec<_>, Vec<_>) =
            inner.into_iter().partition(|action| action.when != When::After(End::Commit));
        self.0.extend(kept.into_iter().map(|action| Action { when: When::Always, ..action }));
        dropped
    }

    /// Does what is to be done after such an end. A failure is logged: the transaction has ended as it has.
    pub(super) async fn run(self, end: End) {
        for Action { when, work } in self.0 {
            if when == When::Always || when == When::After(end) {
                perform(work).await;
            } else if end == End::Unknown {
                tracing::error!(target: "mainstay::db", "whether a transaction was committed is not known: an action after its end is not done");
            }
        }
    }
}

async fn perform(work: BoxFuture<'static, Result<()>>) {
    let failed = |error: Error| {
        tracing::error!(target: "mainstay::db", error = %error.report(), "an action after the end of a transaction failed");
    };
    match timeout(PATIENCE, AssertUnwindSafe(work).catch_unwind()).await {
        Ok(Ok(Ok(()))) => {}
        Ok(Ok(Err(error))) => failed(error),
        Ok(Err(_)) => failed(Error::internal("it panicked")),
        Err(_) => failed(Error::internal(format!("it took longer than {PATIENCE:?}"))),
    }
}
