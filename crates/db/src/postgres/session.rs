//! A transaction: a connection of its own from `BEGIN` to its end, which comes at its deadline at the latest.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use super::connection::Connection;
use super::failure::Fault;
use super::pool::Taken;
use super::stream::Cursor;
use super::under_way::{GRACE, PATIENCE};
use crate::driver::{
    Access, Begin, Ending, Reply, RowStream, Savepoint, Statement, StatementKind, Transaction,
};
use crate::error::{DbError, Outcome};

/// A transaction as the model layer has it.
pub(super) struct Session {
    pub(super) inside: Arc<Inside>,
    /// What ends it at its deadline.
    clock: Option<AbortHandle>,
}

/// What a session shares with its clock and its streams.
pub(super) struct Inside {
    pub(super) connection: Arc<Connection>,
    taken: Mutex<Option<Taken>>,
    limit: Duration,
    /// The server has refused something: only a roll-back is left.
    failed: AtomicBool,
    /// Nobody has waited for the answer to something: it may have failed, or still be running.
    unsure: AtomicBool,
    expired: AtomicBool,
    /// Whether a stream is open.
    pub(super) streaming: AtomicBool,
}

/// `BEGIN` as it is asked for, with the limits that the connection itself may not have.
pub(super) fn begin(how: Begin, settings: &str) -> String {
    let mut sql = "BEGIN".to_owned();
    if let Some(isolation) = how.isolation {
        sql.push_str(" ISOLATION LEVEL ");
        sql.push_str(isolation.sql());
    }
    if how.access == Access::ReadOnly {
        sql.push_str(" READ ONLY");
    }
    sql.push_str(settings);
    sql
}

impl Session {
    /// Begins on a connection. Without a limit it may be open as long as somebody reads from it.
    pub(super) async fn begin(taken: Taken, sql: &str, limit: Option<Duration>) -> Result<Self, Fault> {
        let inside = Arc::new(Inside {
            connection: Arc::clone(&taken.connection),
            taken: Mutex::new(Some(taken)),
            limit: limit.unwrap_or_default(),
            failed: AtomicBool::new(false),
            // Until it has begun.
            unsure: AtomicBool::new(true),
            expired: AtomicBool::new(false),
            streaming: AtomicBool::new(false),
        });
        // From here on, dropping it cleans up.
        let mut session = Self { inside, clock: None };
        session.inside.connection.control(sql).await?;
        session.inside.unsure.store(false, Ordering::Relaxed);
        session.clock =
            limit.map(|limit| tokio::spawn(expire(Arc::downgrade(&session.inside), limit)).abort_handle());
        Ok(session)
    }

    pub(super) async fn run_inside(&self, statement: &Statement) -> Result<Reply, DbError> {
        let inside = &*self.inside;
        inside.check()?;
        let waiting = Waiting(Some(&inside.unsure));
        let connection = &inside.connection;
        let outcome = match statement.kind {
            StatementKind::Script => match connection.script(&statement.sql).await {
                Ok(()) => Ok(Reply::default()),
                Err(failure) => Err(failure.into()),
            },
            _ if statement.sets == 1 => connection.run(statement).await,
            _ => connection.run_many(statement).await,
        };
        waiting.answered();
        let outcome = outcome.map_err(|fault| inside.explain(fault, &statement.sql));
        if statement.kind == StatementKind::Script && outcome.is_ok() {
            inside.still_open().await?;
        }
        outcome
    }

    async fn commit(&self, connection: &Connection) -> Result<(), DbError> {
        let inside = &*self.inside;
        if inside.unsure.load(Ordering::Relaxed) {
            // Fails when what nobody has waited for has failed: COMMIT itself would roll back and say nothing.
            connection
                .control("SELECT 1")
                .await
                .map_err(|failure| inside.explain(failure.into(), "COMMIT"))?;
        }
        if inside.failed.load(Ordering::Relaxed) {
            let detail = "a statement in it has failed, so that it can only be rolled back".to_owned();
            return Err(DbError::TransactionEnded { detail });
        }
        connection
            .control("COMMIT")
            .await
            .map_err(|failure| failure.explain("COMMIT", connection.statement_timeout()))
    }
}

impl Inside {
    fn take(&self) -> Option<Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Whether it is still under way.
    pub(super) fn check(&self) -> Result<(), DbError> {
        if self.taken.lock().unwrap_or_else(PoisonError::into_inner).is_some() {
            Ok(())
        } else {
            Err(self.gone())
        }
    }

    pub(super) fn unsure(&self) -> &AtomicBool {
        &self.unsure
    }

    fn gone(&self) -> DbError {
        if self.expired.load(Ordering::Acquire) {
            return DbError::TransactionExpired { limit: self.limit };
        }
        DbError::TransactionEnded { detail: "it has been rolled back".to_owned() }
    }

    /// Says what a failure inside means for the transaction, and remembers it.
    pub(super) fn explain(&self, fault: Fault, sql: &str) -> DbError {
        if fault.is_refusal() {
            self.failed.store(true, Ordering::Relaxed);
        }
        let expired = self.expired.load(Ordering::Acquire);
        match fault.explain(sql, self.connection.statement_timeout()) {
            DbError::ConnectionLost { .. } | DbError::Timeout { .. } if expired => self.gone(),
            // The server rolls back what it cannot finish.
            DbError::ConnectionLost { detail, .. } => {
                DbError::ConnectionLost { detail, outcome: Outcome::NotDone }
            }
            fault => fault,
        }
    }

    /// A script may hold a COMMIT of its own.
    async fn still_open(&self) -> Result<(), DbError> {
        let probe = "SAVEPOINT mainstay_script";
        match self.connection.control(probe).await {
            Ok(()) => Ok(()),
            Err(_) => {
                self.failed.store(true, Ordering::Relaxed);
                let detail = "a statement of its own has ended it".to_owned();
                Err(DbError::TransactionEnded { detail })
            }
        }
    }
}

impl Transaction for Session {
    fn run(&self, statement: Statement) -> BoxFuture<'_, Result<Reply, DbError>> {
        async move { self.run_inside(&statement).await }.boxed()
    }

    fn stream(&self, statement: Statement) -> BoxFuture<'_, Result<RowStream, DbError>> {
        async move {
            self.inside.check()?;
            if self.inside.streaming.swap(true, Ordering::AcqRel) {
                let detail =
                    "the transaction has a stream already: read it to its end, or drop it".to_owned();
                return Err(DbError::Model { detail });
            }
            Ok(Cursor::open(Arc::clone(&self.inside), &statement).await?.into_stream(None))
        }
        .boxed()
    }

    fn savepoint(&self, step: Savepoint) -> BoxFuture<'_, Result<(), DbError>> {
        async move {
            let inside = &*self.inside;
            inside.check()?;
            let sql = step.sql();
            let waiting = Waiting(Some(&inside.unsure));
            let outcome = inside.connection.control(&sql).await;
            waiting.answered();
            outcome.map_err(|failure| inside.explain(failure.into(), &sql))?;
            if matches!(step, Savepoint::RollBackTo(_)) {
                inside.failed.store(false, Ordering::Relaxed);
            }
            Ok(())
        }
        .boxed()
    }

    fn end(self: Box<Self>, ending: Ending) -> BoxFuture<'static, Result<(), DbError>> {
        async move {
            self.inside.check()?;
            let connection = Arc::clone(&self.inside.connection);
            let outcome = match ending {
                // Dropping the session rolls back what could not be committed.
                Ending::Commit => self.commit(&connection).await,
                Ending::Rollback => connection
                    .control("ROLLBACK")
                    .await
                    .map_err(|failure| self.inside.explain(failure.into(), "ROLLBACK")),
            };
            if outcome.is_ok() {
                match self.inside.take() {
                    Some(taken) => taken.give_back(),
                    // The clock was faster.
                    None => return Err(self.inside.gone()),
                }
            }
            outcome
        }
        .boxed()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(clock) = &self.clock {
            clock.abort();
        }
        if let Some(taken) = self.inside.take()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(roll_back(taken));
        }
        // Without a runtime, the connection is closed, and the server rolls back.
    }
}

/// Ends a transaction at its deadline.
async fn expire(inside: Weak<Inside>, limit: Duration) {
    tokio::time::sleep(limit).await;
    let Some(inside) = inside.upgrade() else { return };
    inside.expired.store(true, Ordering::Release);
    if let Some(taken) = inside.take() {
        tracing::warn!(target: "mainstay::db", limit_ms = limit.as_millis(), "a transaction was open for too long and is rolled back");
        // By itself: the session may be dropped meanwhile, and this task with it.
        tokio::spawn(roll_back(taken));
    }
}

/// Rolls back, stops what still runs, and gives the connection back.
async fn roll_back(taken: Taken) {
    let connection = Arc::clone(&taken.connection);
    let rolled_back = async {
        let mut rolling = std::pin::pin!(connection.control("ROLLBACK"));
        if let Ok(outcome) = timeout(PATIENCE, &mut rolling).await {
            return outcome.is_ok();
        }
        connection.cancel().await;
        rolling.await.is_ok()
    };
    match timeout(GRACE, rolled_back).await {
        Ok(true) => taken.give_back(),
        _ => connection.give_up(),
    }
}

/// While somebody waits for an answer. Dropped before it has come, nobody knows what it was.
pub(super) struct Waiting<'a>(pub(super) Option<&'a AtomicBool>);

impl Waiting<'_> {
    pub(super) fn answered(mut self) {
        self.0 = None;
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(unsure) = self.0 {
            unsure.store(true, Ordering::Relaxed);
        }
    }
}
