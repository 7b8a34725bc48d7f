//! Transactions, as code sees them.

use std::fmt;

use mainstay_core::Result;

use crate::db::Db;
use crate::driver::{Ending, Reply, Statement, Transaction};
use crate::error::{Border, DbError};

tokio::task_local! {
    /// The database whose transaction this task is in.
    static HELD: usize;
}

/// A transaction: an executor. Dropping it rolls back.
pub struct Tx {
    db: Db,
    inner: Box<dyn Transaction>,
}

impl fmt::Debug for Tx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tx").finish_non_exhaustive()
    }
}

impl Tx {
    pub(crate) async fn begin(db: &Db) -> Result<Self, DbError> {
        Ok(Self { db: db.clone(), inner: db.begin_on_driver().await? })
    }

    /// Makes what was written durable and visible.
    pub async fn commit(self) -> Result<()> {
        self.inner.end(Ending::Commit).await.at_border()
    }

    /// Undoes what was written.
    pub async fn rollback(self) -> Result<()> {
        self.inner.end(Ending::Rollback).await.at_border()
    }

    pub(crate) fn db(&self) -> &Db {
        &self.db
    }

    pub(crate) async fn run(&self, statement: Statement) -> Result<Reply, DbError> {
        self.inner.run(statement).await
    }
}

/// Runs `work` as the inside of a transaction of `db`.
pub(crate) async fn held<T>(db: &Db, work: impl Future<Output = T>) -> T {
    HELD.scope(db.identity(), work).await
}

/// Whether this task is inside of a transaction of `db`.
pub(crate) fn is_held(db: &Db) -> bool {
    HELD.try_with(|held| db.is(*held)).unwrap_or(false)
}
