//! A transaction that begins when somebody asks for it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mainstay_core::{Error, Result};
use tokio::sync::Mutex;

use super::held::held_later;
use super::{Transactions, Tx};
use crate::driver::Ending;

/// A transaction that several parts of one piece of work share, and that begins when the first of them asks for it: how a
/// request has one. Cheap to clone. Dropping the last clone rolls back.
#[derive(Clone)]
pub struct OnDemand(Arc<Inner>);

struct Inner {
    how: Transactions,
    /// Whether it has begun, for whoever looks without waiting.
    begun: Arc<AtomicBool>,
    state: Mutex<State>,
}

enum State {
    Waiting,
    Open(Arc<Tx>),
    Ended,
}

impl fmt::Debug for OnDemand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnDemand").field("begun", &self.0.begun).finish_non_exhaustive()
    }
}

impl OnDemand {
    /// One of this kind, which has not begun.
    pub fn new(how: Transactions) -> Self {
        let (begun, state) = (Arc::default(), Mutex::new(State::Waiting));
        Self(Arc::new(Inner { how, begun, state }))
    }

    /// The transaction; the first call begins it.
    ///
    /// # Errors
    ///
    /// When it cannot begin, or has ended.
    pub async fn get(&self) -> Result<Arc<Tx>> {
        let mut state = self.0.state.lock().await;
        match &*state {
            State::Open(tx) => Ok(Arc::clone(tx)),
            State::Ended => Err(Error::internal("the transaction is asked for after its end")),
            State::Waiting => {
                let tx = Arc::new(self.0.how.begin().await?);
                self.0.begun.store(true, Ordering::Release);
                *state = State::Open(Arc::clone(&tx));
                Ok(tx)
            }
        }
    }

    /// Whether somebody has asked for it, and it is open.
    pub fn has_begun(&self) -> bool {
        self.0.begun.load(Ordering::Acquire)
    }

    /// Runs `work`, which may ask for the transaction. While it is open, a write through `&db` is refused on engines with
    /// one writer, as inside of [`Db::transaction`](crate::Db::transaction).
    pub async fn around<T>(&self, work: impl Future<Output = T>) -> T {
        held_later(self.0.how.db(), Arc::clone(&self.0.begun), work).await
    }

    /// Ends it, if it has begun. Nobody may use it any more.
    ///
    /// # Errors
    ///
    /// When it could not be committed, or somebody still holds it: it is then rolled back when they let go.
    pub async fn end(&self, ending: Ending) -> Result<()> {
        let state = std::mem::replace(&mut *self.0.state.lock().await, State::Ended);
        self.0.begun.store(false, Ordering::Release);
        let State::Open(tx) = state else { return Ok(()) };
        match (Arc::try_unwrap(tx), ending) {
            (Ok(tx), Ending::Commit) => tx.commit().await,
            (Ok(tx), Ending::Rollback) => tx.rollback().await,
            (Err(_), Ending::Rollback) => Ok(()),
            (Err(_), Ending::Commit) => Err(Error::internal(
                "the transaction was to be committed while it was still used, by a task or by the body of a response: \
                 nothing that outlives the handler may hold it",
            )),
        }
    }
}
