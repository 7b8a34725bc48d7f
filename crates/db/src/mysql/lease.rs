//! A connection of the pool in somebody's hands.
//!
//! Wherever it is dropped, it is left in order: what rests goes back to the pool, an open transaction is rolled back first,
//! and a connection that holds a lock, or is in the middle of something, is closed.

use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use super::connection::{Connection, Place};
use super::detach::{GRACE, Stop};
use super::pool::Pool;
use crate::driver::{Access, Ending, Reply, Statement, StatementKind};
use crate::error::{DbError, Outcome};
use crate::row::Rows;

pub(super) struct Lease {
    /// It is there until the lease is dropped.
    connection: Option<Connection>,
    pool: Arc<Pool>,
    permit: Option<OwnedSemaphorePermit>,
    stop: Stop,
    /// Whether the last thing that was begun on it has ended.
    rests: bool,
    /// Whether a transaction is open on it.
    inside: bool,
    /// Whether that transaction changes tables, and may hold a named lock, which is given back when its connection closes.
    locks: bool,
}

impl Lease {
    pub(super) fn new(connection: Connection, pool: &Arc<Pool>, permit: OwnedSemaphorePermit) -> Self {
        let stop = connection.stop();
        let (pool, permit) = (Arc::clone(pool), Some(permit));
        Self { connection: Some(connection), pool, permit, stop, rests: true, inside: false, locks: false }
    }

    /// How to stop what is under way.
    pub(super) fn stop(&self) -> Stop {
        self.stop.clone()
    }

    pub(super) fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }

    /// Runs a statement that is in no transaction.
    pub(super) async fn run_alone(&mut self, statement: Statement) -> Result<Reply, DbError> {
        let (kind, sql) = (statement.kind, Arc::clone(&statement.sql));
        self.rests = false;
        let connection = self.connection()?;
        let outcome = connection.run(statement, Place::Alone).await;
        let left_open = match &outcome {
            Ok(_) => connection.is_in_transaction(),
            // Of several statements, the first may have begun what the last one has not ended.
            Err(_) => kind == StatementKind::Script && connection.look_at_transaction().await,
        };
        if left_open {
            connection.control("ROLLBACK", Outcome::NotDone).await?;
        }
        self.rests = true;
        match outcome {
            Ok(_) if left_open => Err(DbError::Statement {
                sql: sql.as_ref().to_owned(),
                detail: "a transaction is begun and ended by the driver, not by a statement".to_owned(),
            }),
            outcome => outcome,
        }
    }

    /// Begins a transaction.
    pub(super) async fn begin(&mut self, sql: &str, access: Access) -> Result<(), DbError> {
        self.rests = false;
        self.connection()?.control(sql, Outcome::NotDone).await?;
        self.rests = true;
        self.inside = true;
        self.locks = access == Access::Schema;
        Ok(())
    }

    /// Runs a statement in the open transaction, and looks whether that is still open.
    pub(super) async fn run_inside(&mut self, statement: Statement) -> Result<Reply, DbError> {
        self.rests = false;
        let outcome = self.connection()?.run(statement, Place::Inside).await;
        self.look(outcome).await
    }

    /// Runs SQL without values or rows in the open transaction.
    pub(super) async fn control_inside(&mut self, sql: &str) -> Result<(), DbError> {
        self.rests = false;
        let outcome = self.connection()?.control(sql, Outcome::NotDone).await;
        self.look(outcome).await
    }

    /// Looks whether the transaction is still open after `outcome`.
    pub(super) async fn look<T>(&mut self, outcome: Result<T, DbError>) -> Result<T, DbError> {
        let connection = self.connection()?;
        let open = match &outcome {
            Ok(_) => connection.is_in_transaction(),
            Err(_) => connection.is_sound() && connection.look_at_transaction().await,
        };
        self.rests = true;
        self.inside = open;
        outcome
    }

    /// Whether a transaction is open, and can go on.
    pub(super) fn is_inside(&self) -> bool {
        self.inside && self.connection.as_ref().is_some_and(Connection::is_sound)
    }

    /// Ends the open transaction.
    pub(super) async fn end(&mut self, ending: Ending) -> Result<(), DbError> {
        let (sql, outcome) = match ending {
            Ending::Commit => ("COMMIT", Outcome::Unknown),
            Ending::Rollback => ("ROLLBACK", Outcome::NotDone),
        };
        self.rests = false;
        self.connection()?.control(sql, outcome).await?;
        self.rests = true;
        (self.inside, self.locks) = (false, false);
        Ok(())
    }

    /// Begins to read the rows of a statement. The connection is at rest again when [`Self::more`] has said that there are
    /// no more.
    pub(super) async fn begin_reading(&mut self, statement: Statement) -> Result<(), DbError> {
        self.rests = false;
        let begun = self.connection()?.begin_reading(statement).await;
        self.rests = begun.is_err();
        begun
    }

    pub(super) async fn more(&mut self, rows: usize, bytes: usize) -> Result<Option<Rows>, DbError> {
        let more = self.connection()?.more(rows, bytes).await?;
        self.rests = more.is_none();
        Ok(more)
    }

    /// Lifts the limit that the server has for a statement, or sets it again.
    pub(super) async fn limit_statements(&mut self, limited: bool) -> Result<(), DbError> {
        let shared = Arc::clone(self.pool.shared());
        let limit = if limited { shared.options.statement_timeout } else { std::time::Duration::ZERO };
        let sql = format!("SET {}", shared.server.statement_limit(limit));
        self.rests = false;
        self.connection()?.control(&sql, Outcome::NotDone).await?;
        self.rests = true;
        Ok(())
    }

    fn connection(&mut self) -> Result<&mut Connection, DbError> {
        self.connection.as_mut().ok_or(DbError::Closed)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        if !connection.is_sound() {
            self.pool.suspect();
            return;
        }
        if self.rests && self.locks {
            return;
        }
        if self.rests && !self.inside {
            self.pool.put(connection);
            return;
        }
        // Without a runtime, the connection is closed, which ends whatever it does.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let permit = self.permit.take();
        if self.rests {
            let (pool, stop) = (Arc::clone(&self.pool), self.stop.clone());
            let mut left = Self {
                connection: Some(connection),
                pool,
                permit,
                stop,
                rests: true,
                inside: true,
                locks: false,
            };
            runtime.spawn(async move {
                let rolled_back = timeout(GRACE, left.end(Ending::Rollback)).await;
                if !matches!(rolled_back, Ok(Ok(()))) {
                    tracing::warn!(target: "mainstay::db", "a transaction was rolled back by closing its connection");
                }
            });
        } else {
            let stop = self.stop.clone();
            runtime.spawn(async move {
                stop.send().await;
                drop((connection, permit));
            });
        }
    }
}
