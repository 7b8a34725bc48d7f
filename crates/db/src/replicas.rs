//! Read replicas: reads that need not go to the primary, and clients that see what they have written.
//!
//! - [`scope`]: where the reads of a piece of work go, and whether it has written. Without a scope, all goes to the primary.
//! - [`position`]: how far a server has come, as clients carry it from one request to the next.
//! - `history`: where the primary was when, so that it is known by how long a replica is behind.
//! - `server`: one that is opened when it can be reached; `replica`: what is known of a replica; `watch`: the tasks that keep it
//!   up to date.
//! - `set`: which server a statement goes to, and what becomes of a read that fails on a replica; `transaction`: the same for
//!   transactions.
//! - `meters`: what is shown of them.
//!
//! The primary and the replicas are ordinary drivers, and all of them together are one: the model layer does not know.

mod history;
mod meters;
pub mod position;
mod replica;
pub mod scope;
mod server;
mod set;
mod transaction;
mod watch;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use mainstay_core::metrics::Metrics;

use crate::driver::{Begin, Dialect, Driver, Ear, PoolStatus, Reply, RowStream, Statement, Transaction};
use crate::engine::Pool;
use crate::error::DbError;

pub use position::Position;
pub use scope::{Demand, Reads, Scope};
pub(crate) use set::Set;

/// A primary with its replicas.
pub struct Replicas {
    set: Arc<Set>,
}

impl Replicas {
    /// The replicas at `urls` of a primary that is open, and its address. They are opened in the background.
    pub(crate) fn of(
        primary: (Arc<dyn Driver>, &str),
        urls: &[String],
        lag: Duration,
        how: (&Path, &Pool),
    ) -> Result<Self, DbError> {
        let dialect = primary.0.dialect();
        if !matches!(dialect, Dialect::Postgres | Dialect::MariaDb) {
            return Err(DbError::Unavailable {
                detail: format!(
                    "replicas are for PostgreSQL and MariaDB, and this is {}: leave `database.replicas` out",
                    dialect.name()
                ),
            });
        }
        Ok(Self { set: Set::new(primary, urls, lag, how) })
    }

    /// Shows what is known of the replicas, for as long as there are any: `db_replica_up`, `db_replica_lag_seconds` and so on.
    pub fn watch(&self, metrics: &Metrics) {
        meters::watch(metrics, Arc::downgrade(&self.set));
    }

    /// What is wrong with each replica, and with the primary as one that is followed.
    pub(crate) async fn inspect(&self) -> Vec<String> {
        watch::inspect(&self.set).await
    }

    pub(crate) fn set(&self) -> &Arc<Set> {
        &self.set
    }

    /// What sends everything to the primary.
    pub(crate) fn primary(&self) -> Arc<dyn Driver> {
        Arc::new(Primary(Arc::clone(&self.set)))
    }
}

impl Driver for Replicas {
    fn dialect(&self) -> Dialect {
        self.set.dialect()
    }

    fn run(&self, statement: Statement) -> BoxFuture<'_, Result<Reply, DbError>> {
        self.set.run(statement).boxed()
    }

    fn begin(&self, how: Begin) -> BoxFuture<'_, Result<Box<dyn Transaction>, DbError>> {
        self.set.begin(how).boxed()
    }

    fn stream(&self, statement: Statement) -> BoxFuture<'_, Result<RowStream, DbError>> {
        self.set.stream(statement).boxed()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.set.close().boxed()
    }

    fn status(&self) -> PoolStatus {
        self.set.primary().status()
    }

    fn replicas(&self) -> Option<&Replicas> {
        Some(self)
    }

    fn listen(&self, ear: Arc<dyn Ear>) -> Option<BoxFuture<'static, Result<(), DbError>>> {
        self.set.primary().listen(ear)
    }
}

/// The same servers, of which the primary alone is asked.
struct Primary(Arc<Set>);

impl Driver for Primary {
    fn dialect(&self) -> Dialect {
        self.0.dialect()
    }

    fn run(&self, statement: Statement) -> BoxFuture<'_, Result<Reply, DbError>> {
        async move { self.0.run_on_primary(Scope::current(&self.0).as_ref(), statement, false).await }.boxed()
    }

    fn begin(&self, how: Begin) -> BoxFuture<'_, Result<Box<dyn Transaction>, DbError>> {
        self.0.begin_on_primary(how).boxed()
    }

    fn stream(&self, statement: Statement) -> BoxFuture<'_, Result<RowStream, DbError>> {
        async move { self.0.stream_on_primary(Scope::current(&self.0).as_ref(), statement, false).await }
            .boxed()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.0.close().boxed()
    }

    fn status(&self) -> PoolStatus {
        self.0.primary().status()
    }
}
