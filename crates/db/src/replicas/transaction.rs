//! Transactions of a database with replicas, which know what they were begun for.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::scope::Scope;
use super::set::Set;
use crate::driver::{Ending, Reply, RowStream, Savepoint, Statement, Transaction};
use crate::error::DbError;

/// One that may write. The scope is kept, since the end may come in another task.
pub(super) struct OnPrimary {
    pub(super) inner: Box<dyn Transaction>,
    pub(super) scope: Option<Scope>,
    /// There if it changes tables.
    pub(super) schema: Option<Arc<Set>>,
}

impl Transaction for OnPrimary {
    fn run(&self, statement: Statement) -> BoxFuture<'_, Result<Reply, DbError>> {
        self.inner.run(statement)
    }

    fn stream(&self, statement: Statement) -> BoxFuture<'_, Result<RowStream, DbError>> {
        self.inner.stream(statement)
    }

    fn savepoint(&self, step: Savepoint) -> BoxFuture<'_, Result<(), DbError>> {
        self.inner.savepoint(step)
    }

    fn end(self: Box<Self>, ending: Ending) -> BoxFuture<'static, Result<(), DbError>> {
        let Self { inner, scope, schema } = *self;
        async move {
            // Before it is sent, since it may happen although nobody hears of it. Whether it has written is not asked: a
            // `SELECT` may have.
            if let (Ending::Commit, Some(scope)) = (ending, &scope) {
                scope.note_write();
            }
            let outcome = inner.end(ending).await;
            if let Some(set) = schema {
                set.catch_up();
            }
            outcome
        }
        .boxed()
    }
}

/// One that reads from a replica. What takes its place after a fault reads from the primary.
pub(super) struct OnReplica {
    pub(super) inner: Box<dyn Transaction>,
    pub(super) scope: Scope,
}

impl OnReplica {
    fn note<T>(&self, outcome: Result<T, DbError>) -> Result<T, DbError> {
        if outcome.is_err() {
            self.scope.leave();
        }
        outcome
    }
}

impl Transaction for OnReplica {
    fn run(&self, statement: Statement) -> BoxFuture<'_, Result<Reply, DbError>> {
        async move { self.note(self.inner.run(statement).await) }.boxed()
    }

    fn stream(&self, statement: Statement) -> BoxFuture<'_, Result<RowStream, DbError>> {
        async move { self.note(self.inner.stream(statement).await) }.boxed()
    }

    fn savepoint(&self, step: Savepoint) -> BoxFuture<'_, Result<(), DbError>> {
        async move { self.note(self.inner.savepoint(step).await) }.boxed()
    }

    fn end(self: Box<Self>, ending: Ending) -> BoxFuture<'static, Result<(), DbError>> {
        self.inner.end(ending)
    }
}
