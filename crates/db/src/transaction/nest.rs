//! Transactions inside of transactions.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::BoxFuture;
use mainstay_core::Result;

use super::{Tx, Undo};
use crate::driver::Savepoint;
use crate::error::{Border, DbError};
use crate::tenancy::Tenancy;

impl Tx {
    /// Runs `work` in a transaction inside of this one: when it fails, panics or is dropped, what it did is undone, and this
    /// transaction goes on. What it did is durable when the outermost is committed.
    ///
    /// One at a time: pass the inner `tx` to nest deeper.
    ///
    /// ```
    /// # use mainstay_db::{Db, sql};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> mainstay_core::Result<()> {
    /// # let db = Db::open("sqlite::memory:").await?;
    /// # sql("CREATE TABLE tags (name TEXT PRIMARY KEY)").execute(&db).await?;
    /// let added = db
    ///     .transaction(async |tx| {
    ///         let mut added = 0;
    ///         for name in ["rust", "web", "rust"] {
    ///             // The second `rust` is refused, and takes nothing else with it.
    ///             let one = tx
    ///                 .transaction(async |tx| sql("INSERT INTO tags VALUES (?)").bind(name.to_owned()).execute(tx).await)
    ///                 .await;
    ///             added += one.unwrap_or(0);
    ///         }
    ///         Ok(added)
    ///     })
    ///     .await?;
    /// assert_eq!(added, 2);
    /// # Ok(()) }
    /// ```
    pub async fn transaction<T, F>(&self, work: F) -> Result<T>
    where
        F: AsyncFnOnce(&Tx) -> Result<T>,
    {
        self.nested_for(&self.tenancy, work).await
    }

    pub(crate) async fn nested_for<T, F>(&self, tenancy: &Tenancy, work: F) -> Result<T>
    where
        F: AsyncFnOnce(&Tx) -> Result<T>,
    {
        let nested = Nested::begin(self, tenancy).await.at_border()?;
        let outcome = work(&nested.tx).await;
        nested.end(outcome).await
    }

    /// The same for work that is in a box already, so that this can be boxed in turn.
    pub(crate) async fn nested<T>(
        &self,
        work: impl for<'t> FnOnce(&'t Tx) -> BoxFuture<'t, Result<T>>,
    ) -> Result<T> {
        self.boxed_for(&self.tenancy, work).await
    }

    pub(crate) async fn boxed_for<T>(
        &self,
        tenancy: &Tenancy,
        work: impl for<'t> FnOnce(&'t Tx) -> BoxFuture<'t, Result<T>>,
    ) -> Result<T> {
        let nested = Nested::begin(self, tenancy).await.at_border()?;
        let outcome = work(&nested.tx).await;
        nested.end(outcome).await
    }
}

/// A nested transaction. Dropping it undoes it, before the next statement.
struct Nested<'a> {
    outer: &'a Tx,
    tx: Tx,
    /// How many there were when it began.
    actions: usize,
    signals: usize,
    kept: bool,
}

impl<'a> Nested<'a> {
    async fn begin(outer: &'a Tx, tenancy: &Tenancy) -> Result<Self, DbError> {
        outer.whole.settle().await?;
        if outer.nests.swap(true, Ordering::AcqRel) {
            return Err(DbError::Model {
                detail: "a transaction has one nested transaction at a time: nest in the inner `tx`, or do one after the \
                         other"
                    .to_owned(),
            });
        }
        let level = outer.level + 1;
        // From here on, being dropped undoes it. Should the savepoint not be there by then, that fails, and so does every
        // later statement: all of it is rolled back.
        let (whole, tenancy) = (Arc::clone(&outer.whole), tenancy.clone());
        let tx = Tx { whole, level, nests: AtomicBool::new(false), tenancy };
        let (actions, signals) = outer.whole.said();
        let mut nested = Self { outer, tx, actions, signals, kept: false };
        let set = outer.whole.driver()?.savepoint(Savepoint::Set(level)).await;
        if set.is_err() {
            nested.kept = true;
        }
        outer.whole.note(set)?;
        Ok(nested)
    }

    async fn end<T>(self, outcome: Result<T>) -> Result<T> {
        let outer = self.outer;
        match outcome {
            Ok(value) => {
                self.keep().await.at_border()?;
                Ok(value)
            }
            Err(error) => {
                drop(self);
                // What failed matters more than an undoing that fails too: everything is rolled back then.
                if let Err(fault) = outer.whole.settle().await {
                    tracing::warn!(target: "mainstay::db", error = %fault, "a nested transaction could not be undone");
                }
                Err(error)
            }
        }
    }

    async fn keep(mut self) -> Result<(), DbError> {
        let whole = &self.outer.whole;
        whole.settle().await?;
        let released = whole.driver()?.savepoint(Savepoint::Release(self.tx.level)).await;
        self.kept = released.is_ok();
        whole.note(released)
    }
}

impl Drop for Nested<'_> {
    fn drop(&mut self) {
        self.outer.nests.store(false, Ordering::Release);
        if self.kept {
            return;
        }
        let mut state = self.outer.whole.state();
        let dropped = state.actions.undo(self.actions);
        state.signals.undo(self.signals);
        let level = state.undo.map_or(self.tx.level, |undo| undo.level.min(self.tx.level));
        state.undo = Some(Undo { level });
        drop(state);
        drop(dropped);
    }
}
