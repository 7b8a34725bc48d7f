//! Transactions, as code sees them.
//!
//! - `begin`: how one is begun, run in a closure and run again after a conflict: [`Transactions`].
//! - `nest`: a transaction inside of a transaction, by savepoints.
//! - `actions`: what is done after the end.
//! - `on_demand`: a transaction that begins when somebody asks for it: [`OnDemand`].
//! - `held`: how a task knows that it is inside of a transaction.

mod actions;
mod begin;
mod held;
mod nest;
mod on_demand;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mainstay_core::Result;
use tracing::Instrument;

use crate::db::Db;
use crate::driver::{
    Access, Begin, Ending, Reply, RowStream, Savepoint, Statement, StatementKind, Transaction,
};
use crate::error::{Border, DbError, Outcome};
use crate::replicas::scope::carried;
use crate::signal::Due;
use crate::tenancy::Tenancy;

pub use begin::Transactions;
pub use on_demand::OnDemand;

use actions::{Actions, End};
pub(crate) use held::{held, is_held};

/// A transaction: an executor. Dropping it rolls back.
///
/// Cancelling is dropping: a time-out around a future, a client that hangs up, a panic. Nothing of the transaction is left
/// then, and what was said by [`Tx::after_rollback`] is done.
pub struct Tx {
    whole: Arc<Whole>,
    /// 0 for the outermost, one more for each that is nested in it.
    level: u32,
    /// Whether one that is nested in it is open.
    nests: AtomicBool,
    tenancy: Tenancy,
}

/// What the nested ones share.
struct Whole {
    db: Db,
    access: Access,
    /// Taken when it ends.
    driver: Option<Box<dyn Transaction>>,
    state: Mutex<State>,
    /// Held while a nested one is undone that was dropped.
    settling: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    actions: Actions,
    signals: Due,
    undo: Option<Undo>,
    /// Whether a statement failed because of another transaction.
    conflict: bool,
}

/// What is to be undone before anything else is done: a nested transaction was dropped.
#[derive(Clone, Copy)]
struct Undo {
    level: u32,
}

impl fmt::Debug for Tx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tx").field("level", &self.level).finish_non_exhaustive()
    }
}

impl Tx {
    pub(crate) async fn begin(db: &Db, how: Begin) -> Result<Self, DbError> {
        let driver = db.begin_on_driver(how).await?;
        let whole = Whole {
            db: db.clone(),
            access: how.access,
            driver: Some(driver),
            state: Mutex::default(),
            settling: tokio::sync::Mutex::default(),
        };
        let tenancy = db.tenancy().clone();
        Ok(Self { whole: Arc::new(whole), level: 0, nests: AtomicBool::new(false), tenancy })
    }

    /// Makes what was written durable and visible, and does what was said by [`Tx::after_commit`].
    ///
    /// # Errors
    ///
    /// When it could not be committed. Nothing of it is left then, but for [`DbError::ConnectionLost`], which says so.
    pub async fn commit(self) -> Result<()> {
        self.end(Ending::Commit).await.at_border()
    }

    /// Undoes what was written, and does what was said by [`Tx::after_rollback`].
    pub async fn rollback(self) -> Result<()> {
        self.end(Ending::Rollback).await.at_border()
    }

    /// Does `action` after the outermost transaction has been committed, before its function returns. It is dropped when
    /// the transaction is rolled back, or the nested one that it was said in.
    ///
    /// What was committed stays, whatever the action does: when it fails, panics or takes longer than 30 seconds, that is
    /// logged. It runs to its end even if whoever waits for it is dropped.
    ///
    /// ```
    /// # use mainstay_db::{Db, sql};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> mainstay_core::Result<()> {
    /// # let db = Db::open("sqlite::memory:").await?;
    /// # sql("CREATE TABLE orders (id INTEGER PRIMARY KEY)").execute(&db).await?;
    /// db.transaction(async |tx| {
    ///     sql("INSERT INTO orders (id) VALUES (1)").execute(tx).await?;
    ///     tx.after_commit(async {
    ///         println!("the order is there: tell the customer");
    ///         Ok(())
    ///     });
    ///     Ok(())
    /// })
    /// .await?;
    /// # Ok(()) }
    /// ```
    pub fn after_commit(&self, action: impl Future<Output = Result<()>> + Send + 'static) {
        self.whole.state().actions.add(End::Commit, action);
    }

    /// Does `action` after the outermost transaction has ended, when what was written here is not there: because it was
    /// rolled back, or the nested one that the action was said in. Else as [`Tx::after_commit`].
    pub fn after_rollback(&self, action: impl Future<Output = Result<()>> + Send + 'static) {
        self.whole.state().actions.add(End::Rollback, action);
    }

    /// [Signals](crate::signal) a topic after the outermost transaction has been committed, once, however often this is said. Not
    /// when the transaction is rolled back, or the nested one that it was said in.
    pub fn signal(&self, topic: impl Into<Arc<str>>) {
        self.whole.state().signals.add(topic.into().into());
    }

    pub(crate) fn db(&self) -> &Db {
        &self.whole.db
    }

    pub(crate) fn tenancy(&self) -> &Tenancy {
        &self.tenancy
    }

    /// Whether a statement failed because of another transaction, so that this one cannot succeed any more.
    fn met_conflict(&self) -> bool {
        self.whole.state().conflict
    }

    pub(crate) async fn run(&self, statement: Statement) -> Result<Reply, DbError> {
        if statement.kind != StatementKind::Read {
            self.refuse_to_write()?;
        }
        self.whole.settle().await?;
        let outcome = self.whole.driver()?.run(statement).await;
        self.whole.note(outcome)
    }

    pub(crate) async fn stream(&self, statement: Statement) -> Result<RowStream, DbError> {
        self.whole.settle().await?;
        let outcome = self.whole.driver()?.stream(statement).await;
        self.whole.note(outcome)
    }

    fn refuse_to_write(&self) -> Result<(), DbError> {
        let detail = if self.whole.access == Access::ReadOnly {
            "a write in a transaction that was begun as read-only"
        } else if self.nests.load(Ordering::Acquire) {
            "a write through the outer transaction while a nested one is open would be undone with it: pass the inner \
             `tx`"
        } else {
            return Ok(());
        };
        Err(DbError::Model { detail: detail.to_owned() })
    }

    async fn end(self, ending: Ending) -> Result<(), DbError> {
        if ending == Ending::Commit {
            self.whole.settle().await?;
        }
        let Some(mut whole) = Arc::into_inner(self.whole) else { return Err(ended()) };
        let driver = whole.driver.take().ok_or_else(ended)?;
        let (actions, signals) = whole.take_rest();
        if actions.is_empty() && (signals.is_empty() || ending == Ending::Rollback) {
            return driver.end(ending).await;
        }
        let scope = whole.db.scope();
        // In a task of its own: whoever waits may be dropped, and what is to be done after the end is done all the same. It
        // is still a part of the work that it was said in.
        let work = async move {
            let outcome = driver.end(ending).await;
            let end = End::of(ending, &outcome);
            // What may have been written is worth a look.
            if end != End::Rollback && !signals.is_empty() {
                whole.db.board().tell_all(signals);
            }
            actions.run(end).await;
            outcome
        };
        let work = carried(scope, work);
        tokio::spawn(work.in_current_span()).await.unwrap_or(Err(DbError::Closed))
    }
}

impl Whole {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How much is to be done after the end, and told.
    fn said(&self) -> (usize, usize) {
        let state = self.state();
        (state.actions.len(), state.signals.len())
    }

    /// What is to be done after the end, and told.
    fn take_rest(&self) -> (Actions, Due) {
        let mut state = self.state();
        (std::mem::take(&mut state.actions), std::mem::take(&mut state.signals))
    }

    fn driver(&self) -> Result<&dyn Transaction, DbError> {
        self.driver.as_deref().ok_or_else(ended)
    }

    /// Remembers a conflict: code may handle the error and go on, but the engine has given the transaction up.
    fn note<T>(&self, outcome: Result<T, DbError>) -> Result<T, DbError> {
        if outcome.as_ref().is_err_and(DbError::is_retryable) {
            self.state().conflict = true;
        }
        outcome
    }

    /// Undoes a nested transaction that was dropped. Whatever is done in the transaction waits for that.
    async fn settle(&self) -> Result<(), DbError> {
        if self.state().undo.is_none() {
            return Ok(());
        }
        let _alone = self.settling.lock().await;
        let Some(undo) = self.state().undo else { return Ok(()) };
        let driver = self.driver()?;
        self.note(driver.savepoint(Savepoint::RollBackTo(undo.level)).await)?;
        self.state().undo = None;
        self.note(driver.savepoint(Savepoint::Release(undo.level)).await)
    }
}

impl Drop for Whole {
    fn drop(&mut self) {
        let Some(driver) = self.driver.take() else { return };
        let actions = std::mem::take(&mut self.state().actions);
        if actions.is_empty() {
            return;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            tracing::warn!(target: "mainstay::db", "a transaction was dropped outside of the runtime: what was to be done after its end is not done");
            return;
        };
        // It has an end: the driver's, and a limit for each action.
        runtime.spawn(async move {
            let outcome = driver.end(Ending::Rollback).await;
            actions.run(End::of(Ending::Rollback, &outcome)).await;
        });
    }
}

fn ended() -> DbError {
    DbError::TransactionEnded { detail: "it is used after its end".into() }
}

impl End {
    /// What is known after the engine has answered.
    fn of(ending: Ending, outcome: &Result<(), DbError>) -> Self {
        match (ending, outcome) {
            (Ending::Commit, Ok(())) => Self::Commit,
            (Ending::Commit, Err(DbError::ConnectionLost { outcome: Outcome::Unknown, .. })) => Self::Unknown,
            _ => Self::Rollback,
        }
    }
}
