//! A transaction: it has a connection to itself until it ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::task::AbortHandle;
use tokio::time::{sleep_until, timeout_at};

use super::cursor;
use super::detach::{GRACE, finish};
use super::lease::Lease;
use super::pool::{MARGIN, Pool};
use crate::driver::{Access, Begin, Ending, Reply, RowStream, Savepoint, Statement, Transaction};
use crate::error::DbError;

/// Begins a transaction. Nothing has happened yet when its connection turns out to be lost: another one is tried.
pub(super) async fn begin(pool: &Arc<Pool>, how: Begin) -> Result<Box<dyn Transaction>, DbError> {
    match begin_once(pool, how).await {
        Err(DbError::ConnectionLost { .. }) => begin_once(pool, how).await,
        outcome => outcome,
    }
}

async fn begin_once(pool: &Arc<Pool>, how: Begin) -> Result<Box<dyn Transaction>, DbError> {
    let options = &pool.shared().options;
    let limit = how.limit.unwrap_or(options.transaction_timeout);
    let mut lease = pool.acquire().await?;
    let (sql, stop) = (opening(how), lease.stop());
    let work = async move { lease.begin(&sql, how.access).await.map(|()| lease) };
    let begun = finish(work, stop, Instant::now() + options.statement_timeout + MARGIN).await;
    let lease = begun.unwrap_or(Err(DbError::Timeout { limit: options.statement_timeout }))?;
    Ok(Box::new(Session::new(lease, limit)))
}

fn opening(how: Begin) -> String {
    let access = match how.access {
        Access::ReadWrite | Access::Schema => "READ WRITE",
        Access::ReadOnly => "READ ONLY",
    };
    match how.isolation {
        // It holds for the next transaction alone.
        Some(isolation) => {
            format!("SET TRANSACTION ISOLATION LEVEL {}; START TRANSACTION {access}", isolation.sql())
        }
        None => format!("START TRANSACTION {access}"),
    }
}

/// What a transaction holds.
pub(super) enum Held {
    /// Its connection.
    Open(Lease),
    /// Nothing any more, and why.
    Ended(DbError),
}

impl Held {
    pub(super) fn lease(&mut self) -> Result<&mut Lease, DbError> {
        match self {
            Self::Open(lease) => Ok(lease),
            Self::Ended(why) => Err(why.clone()),
        }
    }

    async fn obey(&mut self, order: Order) -> Result<Reply, DbError> {
        let lease = self.lease()?;
        let outcome = match order {
            Order::Run(statement) => lease.run_inside(statement).await,
            Order::Step(step) => lease.control_inside(&step.sql()).await.map(|()| Reply::default()),
        };
        self.close_unless_open(outcome)
    }

    /// After a failure of something else than a statement: looks whether the transaction is still open.
    pub(super) async fn look(&mut self, fault: DbError) -> DbError {
        if let Self::Open(lease) = self {
            let outcome = lease.look::<()>(Err(fault.clone())).await;
            let _ = self.close_unless_open(outcome);
        }
        fault
    }

    /// Ends the transaction by closing its connection.
    pub(super) fn give_up(&mut self) {
        *self =
            Self::Ended(DbError::TransactionEnded { detail: "a stream of its rows was dropped".to_owned() });
    }

    /// Lets go of the connection when the transaction is over. A deadlock ends one, and so does a change of the schema.
    fn close_unless_open<T>(&mut self, outcome: Result<T, DbError>) -> Result<T, DbError> {
        if matches!(self, Self::Open(lease) if lease.is_inside()) {
            return outcome;
        }
        let why = match &outcome {
            Ok(_) => "a statement of its own has ended it; a change of the schema does so here".to_owned(),
            Err(fault) => fault.to_string(),
        };
        let ended = DbError::TransactionEnded { detail: why };
        *self = Self::Ended(ended.clone());
        outcome.and(Err(ended))
    }
}

/// What is done in a transaction.
enum Order {
    Run(Statement),
    Step(Savepoint),
}

struct Session {
    held: Arc<Mutex<Held>>,
    /// Whether a stream has the connection at the moment.
    streams: Arc<AtomicBool>,
    limit: Duration,
    statement_limit: Duration,
    deadline: Instant,
    /// Rolls back at the deadline.
    watch: AbortHandle,
}

impl Session {
    fn new(lease: Lease, limit: Duration) -> Self {
        let statement_limit = lease.pool().shared().options.statement_timeout;
        let deadline = Instant::now() + limit;
        let held = Arc::new(Mutex::new(Held::Open(lease)));
        let watched = Arc::clone(&held);
        let watch = tokio::spawn(async move {
            sleep_until(deadline.into()).await;
            let mut held = watched.lock().await;
            if matches!(*held, Held::Open(_)) {
                *held = Held::Ended(DbError::TransactionExpired { limit });
            }
        })
        .abort_handle();
        Self { held, streams: Arc::default(), limit, statement_limit, deadline, watch }
    }

    /// The connection, once whatever is under way on it has ended.
    async fn hold(&self) -> Result<OwnedMutexGuard<Held>, DbError> {
        if self.streams.load(Ordering::Acquire) {
            return Err(DbError::Model {
                detail: "the rows of a stream are being read: the connection of the transaction can do nothing else \
                         until they are, or the stream is dropped"
                    .to_owned(),
            });
        }
        // What is under way ends at the deadline at the latest, or is stopped then.
        match timeout_at((self.deadline + 2 * GRACE).into(), Arc::clone(&self.held).lock_owned()).await {
            Ok(held) => Ok(held),
            Err(_) => Err(self.expired()),
        }
    }

    /// Does it, for at most as long as a statement may take and the transaction may be open.
    async fn order(&self, order: Order) -> Result<Reply, DbError> {
        let mut held = self.hold().await?;
        let stop = held.lease().map_err(|why| self.late(why))?.stop();
        let until = self.deadline.min(Instant::now() + self.statement_limit + MARGIN);
        let done = finish(async move { held.obey(order).await }, stop, until).await;
        let outcome = done.unwrap_or(Err(DbError::Timeout { limit: self.statement_limit }));
        outcome.map_err(|fault| self.late(fault))
    }

    /// What was stopped by the deadline of the transaction says so.
    fn late(&self, fault: DbError) -> DbError {
        match fault {
            DbError::Timeout { .. } | DbError::TransactionEnded { .. } if Instant::now() >= self.deadline => {
                self.expired()
            }
            fault => fault,
        }
    }

    fn expired(&self) -> DbError {
        DbError::TransactionExpired { limit: self.limit }
    }

    async fn end(&self, ending: Ending) -> Result<(), DbError> {
        let mut held = self.hold().await?;
        let mut lease = match std::mem::replace(&mut *held, Held::Ended(DbError::Closed)) {
            Held::Open(lease) => lease,
            // What is to be undone is undone.
            Held::Ended(DbError::TransactionEnded { .. }) if ending == Ending::Rollback => return Ok(()),
            Held::Ended(why) => return Err(self.late(why)),
        };
        let (stop, until) = (lease.stop(), Instant::now() + self.statement_limit + MARGIN);
        let done = finish(async move { lease.end(ending).await }, stop, until).await;
        done.unwrap_or(Err(DbError::Timeout { limit: self.statement_limit }))
    }
}

impl Transaction for Session {
    fn run(&self, statement: Statement) -> BoxFuture<'_, Result<Reply, DbError>> {
        self.order(Order::Run(statement)).boxed()
    }

    fn stream(&self, statement: Statement) -> BoxFuture<'_, Result<RowStream, DbError>> {
        async {
            let held = self.hold().await?;
            cursor::open_inside(held, Arc::clone(&self.streams), statement)
                .await
                .map_err(|fault| self.late(fault))
        }
        .boxed()
    }

    fn savepoint(&self, step: Savepoint) -> BoxFuture<'_, Result<(), DbError>> {
        self.order(Order::Step(step)).map(|done| done.map(|_| ())).boxed()
    }

    fn end(self: Box<Self>, ending: Ending) -> BoxFuture<'static, Result<(), DbError>> {
        async move { Self::end(&self, ending).await }.boxed()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.watch.abort();
    }
}
