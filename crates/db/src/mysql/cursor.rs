//! A stream of rows: a connection that is read a batch at a time, while the server waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::stream::unfold;
use tokio::sync::OwnedMutexGuard;
use tokio::time::timeout;

use super::detach::{GRACE, finish};
use super::lease::Lease;
use super::pool::{MARGIN, Pool};
use super::session::Held;
use crate::driver::{RowStream, Statement};
use crate::error::DbError;
use crate::row::Rows;

/// The most rows of a batch.
const ROWS: usize = 256;
/// A batch is complete when it has taken so much memory.
const BYTES: usize = 256 * 1024;

/// Begins to read outside of a transaction. A connection that turns out to be lost is replaced once.
pub(super) async fn open(pool: &Arc<Pool>, statement: Statement) -> Result<RowStream, DbError> {
    match open_once(pool, statement.clone()).await {
        Err(DbError::ConnectionLost { .. }) => open_once(pool, statement).await,
        outcome => outcome,
    }
}

async fn open_once(pool: &Arc<Pool>, statement: Statement) -> Result<RowStream, DbError> {
    let limit = pool.shared().options.statement_timeout;
    let mut lease = pool.acquire().await?;
    let stop = lease.stop();
    let work = async move {
        // However long the reader takes for all of it: what is limited is the wait for the next batch.
        lease.limit_statements(false).await?;
        lease.begin_reading(statement).await.map(|()| lease)
    };
    let begun = finish(work, stop, Instant::now() + limit + MARGIN).await;
    let lease = begun.unwrap_or(Err(DbError::Timeout { limit }))?;
    Ok(batches(Alone { lease, limit }))
}

/// Begins to read in a transaction, which can do nothing else meanwhile.
pub(super) async fn open_inside(
    mut held: OwnedMutexGuard<Held>,
    streams: Arc<AtomicBool>,
    statement: Statement,
) -> Result<RowStream, DbError> {
    let lease = held.lease()?;
    let (limit, stop) = (lease.pool().shared().options.statement_timeout, lease.stop());
    let work = async move {
        match held.lease()?.begin_reading(statement).await {
            Ok(()) => Ok(held),
            Err(fault) => Err(held.look(fault).await),
        }
    };
    let begun = finish(work, stop, Instant::now() + limit + MARGIN).await;
    let held = begun.unwrap_or(Err(DbError::Timeout { limit }))?;
    streams.store(true, Ordering::Release);
    Ok(batches(Inside { held: Some(held), streams, limit }))
}

/// What has rows to give.
trait Source: Send + 'static {
    /// The next batch; `None` after the last.
    fn next(&mut self) -> impl Future<Output = Result<Option<Rows>, DbError>> + Send;
}

fn batches(source: impl Source) -> RowStream {
    RowStream::new(unfold(Some(source), |source| async {
        let mut source = source?;
        match source.next().await {
            Ok(Some(rows)) => Some((Ok(rows), Some(source))),
            Ok(None) => None,
            Err(fault) => Some((Err(fault), None)),
        }
    }))
}

/// Dropping it before its end stops the query and closes the connection.
struct Alone {
    lease: Lease,
    limit: Duration,
}

impl Source for Alone {
    async fn next(&mut self) -> Result<Option<Rows>, DbError> {
        let more = timeout(self.limit, self.lease.more(ROWS, BYTES)).await;
        let more = more.unwrap_or(Err(DbError::Timeout { limit: self.limit }))?;
        if more.is_none() {
            self.lease.limit_statements(true).await?;
        }
        Ok(more)
    }
}

/// Dropping it before its end leaves the transaction usable when the rest of the rows is read quickly.
struct Inside {
    held: Option<OwnedMutexGuard<Held>>,
    streams: Arc<AtomicBool>,
    limit: Duration,
}

impl Source for Inside {
    async fn next(&mut self) -> Result<Option<Rows>, DbError> {
        let Some(held) = &mut self.held else { return Ok(None) };
        let more = timeout(self.limit, held.lease()?.more(ROWS, BYTES)).await;
        match more {
            Ok(Ok(Some(rows))) => Ok(Some(rows)),
            Ok(Ok(None)) => {
                self.held = None;
                Ok(None)
            }
            Ok(Err(fault)) => Err(held.look(fault).await),
            Err(_) => {
                held.give_up();
                Err(DbError::Timeout { limit: self.limit })
            }
        }
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.streams.store(false, Ordering::Release);
        let Some(mut held) = self.held.take() else { return };
        // Without a runtime the connection is closed with the transaction.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            if !matches!(timeout(GRACE, drain(&mut held)).await, Ok(Ok(()))) {
                held.give_up();
            }
        });
    }
}

async fn drain(held: &mut Held) -> Result<(), DbError> {
    while held.lease()?.more(ROWS, BYTES).await?.is_some() {}
    Ok(())
}
