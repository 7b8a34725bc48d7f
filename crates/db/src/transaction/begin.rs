//! How a transaction is begun.

use std::time::Duration;

use futures_util::future::BoxFuture;
use mainstay_core::{Error, Result};

use super::{Tx, held};
use crate::db::Db;
use crate::driver::{ATTEMPTS, Access, Begin, Conflicts, Isolation};
use crate::error::{Border, DbError};

/// Transactions of a kind, from [`Db::transactions`].
///
/// ```
/// use std::time::Duration;
/// use mainstay_db::{Db, sql};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> mainstay_core::Result<()> {
/// # let db = Db::open("sqlite::memory:").await?;
/// # sql("CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER)").execute(&db).await?;
/// let careful = db.transactions().serializable().deadline(Duration::from_secs(2));
/// careful
///     .retry(async |tx| {
///         sql("UPDATE accounts SET balance = balance - 10 WHERE id = 1").execute(tx).await?;
///         sql("UPDATE accounts SET balance = balance + 10 WHERE id = 2").execute(tx).await
///     })
///     .await?;
///
/// let report = db.transactions().read_only();
/// let rows = report.run(async |tx| sql("SELECT balance FROM accounts").rows(tx).await).await?;
/// # assert_eq!(rows.len(), 0);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
#[must_use = "no transaction begins before `run`, `retry` or `begin`"]
pub struct Transactions {
    db: Db,
    how: Begin,
    attempts: u32,
}

impl Transactions {
    pub(crate) fn new(db: &Db) -> Self {
        Self { db: db.clone(), how: Begin::default(), attempts: ATTEMPTS }
    }

    pub(super) fn db(&self) -> &Db {
        &self.db
    }

    /// What they see of others. An engine may give more than it is asked for: SQLite is always serializable.
    pub fn isolation(mut self, isolation: Isolation) -> Self {
        self.how.isolation = Some(isolation);
        self
    }

    /// As if each were alone. Use [`retry`](Self::retry): the engine keeps the promise by refusing one of two that meet.
    pub fn serializable(self) -> Self {
        self.isolation(Isolation::Serializable)
    }

    /// They only read. A write in one is refused; on SQLite, they do not wait for the writer, and it does not for them.
    pub fn read_only(mut self) -> Self {
        self.how.access = Access::ReadOnly;
        self
    }

    /// How long one may be open, in the place of `database.transaction_timeout`. It is rolled back then, and what it does
    /// next fails.
    pub fn deadline(mut self, limit: Duration) -> Self {
        self.how.limit = Some(limit);
        self
    }

    /// How many times [`retry`](Self::retry) tries in all: 5 unless it is said.
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }

    /// Begins one, which is rolled back unless [`Tx::commit`] is called. Prefer [`run`](Self::run).
    pub async fn begin(&self) -> Result<Tx> {
        Tx::begin(&self.db, self.how).await.at_border()
    }

    /// Runs `work` in one: see [`Db::transaction`].
    pub async fn run<T, F>(self, work: F) -> Result<T>
    where
        F: AsyncFnOnce(&Tx) -> Result<T>,
    {
        let tx = self.begin().await?;
        let outcome = self.inside(work(&tx)).await;
        end(tx, outcome).await.map_err(|failure| failure.error)
    }

    /// The same for work that is in a box already, so that this can be boxed in turn.
    pub(crate) async fn run_boxed<T>(
        self,
        work: impl for<'t> FnOnce(&'t Tx) -> BoxFuture<'t, Result<T>>,
    ) -> Result<T> {
        let tx = self.begin().await?;
        let outcome = self.inside(work(&tx)).await;
        end(tx, outcome).await.map_err(|failure| failure.error)
    }

    /// Runs `work` in one, and again in a new one when it met another transaction: see [`Db::transaction_retry`].
    pub async fn retry<T, F>(self, work: F) -> Result<T>
    where
        F: AsyncFnOnce(&Tx) -> Result<T> + Clone,
    {
        let mut conflicts = Conflicts::among(self.attempts);
        loop {
            let tx = self.begin().await?;
            let outcome = self.inside(work.clone()(&tx)).await;
            let failure = match end(tx, outcome).await {
                Ok(value) => return Ok(value),
                Err(failure) => failure,
            };
            if !failure.is_conflict || !conflicts.wait("a transaction").await {
                return Err(failure.error);
            }
        }
    }

    async fn inside<T>(&self, work: impl Future<Output = T>) -> T {
        match self.how.access {
            Access::ReadWrite | Access::Schema => held(&self.db, work).await,
            Access::ReadOnly => work.await,
        }
    }
}

/// Why a transaction was rolled back.
struct Failure {
    error: Error,
    /// Whether it may succeed when it is run again.
    is_conflict: bool,
}

/// Commits what succeeded, and rolls back what failed.
async fn end<T>(tx: Tx, outcome: Result<T>) -> Result<T, Failure> {
    let met_conflict = tx.met_conflict();
    let failure = |error: Error| {
        let is_conflict = met_conflict || error.source_as::<DbError>().is_some_and(DbError::is_retryable);
        Failure { error, is_conflict }
    };
    match outcome {
        Ok(value) => tx.commit().await.map(|()| value).map_err(failure),
        Err(error) => {
            // What failed matters more than a roll-back that fails too; the driver rolls back by itself then.
            if let Err(fault) = tx.rollback().await {
                tracing::warn!(target: "mainstay::db", error = %fault.report(), "a transaction could not be rolled back");
            }
            Err(failure(error))
        }
    }
}
