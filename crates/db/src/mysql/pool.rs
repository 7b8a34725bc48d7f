//! So many connections and no more: how they are lent, probed, and made anew.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use mysql_async::Error;
use mysql_async::prelude::Queryable;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, TryAcquireError};
use tokio::time::{sleep, timeout, timeout_at};

use super::connection::{Connection, Shared, explain};
use super::detach::finish;
use super::indexes::Indexes;
use super::lease::Lease;
use super::server::Server;
use super::{Location, MySqlOptions};
use crate::driver::{ATTEMPTS, Conflicts, PoolStatus, Reply, Statement, StatementKind};
use crate::error::{DbError, Outcome};

/// A connection that did nothing for longer is asked whether it is alive before it is lent.
const PROBE_AFTER: Duration = Duration::from_secs(5);
/// How long an answer to that may take.
const PROBE: Duration = Duration::from_secs(1);
/// A connection that nobody needed for longer is closed.
const SPARE: Duration = Duration::from_secs(10 * 60);
/// Between two attempts to connect: at first, and at most.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));
/// The server stops a statement at its limit by itself. Only when it does not does the driver.
pub(super) const MARGIN: Duration = Duration::from_millis(250);

pub(super) struct Pool {
    shared: Arc<Shared>,
    places: Arc<Semaphore>,
    waiting: AtomicUsize,
    /// The one that was used last is at the end, and is lent first. `None` once the pool is closed.
    idle: Mutex<Option<Vec<Idle>>>,
}

struct Idle {
    connection: Connection,
    since: Instant,
    /// Another connection was lost, so that this one may be lost too.
    suspect: bool,
}

impl Pool {
    pub(super) async fn open(location: Location, options: MySqlOptions) -> Result<Arc<Self>, DbError> {
        let location = location.named(&options.application_name);
        let (label, patience) = (location.label(), options.acquire_timeout);
        let fail = |error: Error| unavailable(&label, &error.to_string());
        let opening = async {
            let mut conn = location.connect().await.map_err(fail)?;
            let about: Option<(String, usize)> =
                conn.query_first("SELECT VERSION(), @@max_allowed_packet").await.map_err(fail)?;
            let (version, most_bytes) = about.unwrap_or_default();
            let server = Server::recognise(&version)?;
            let (location, indexes) = (location.clone(), Indexes::default());
            let (open, closed_one, opened) = (AtomicUsize::new(0), Notify::new(), AtomicU64::new(0));
            let shared =
                Arc::new(Shared { location, options, server, most_bytes, indexes, open, closed_one, opened });
            let connection = Connection::first(conn, &shared).await.map_err(fail)?;
            Ok((shared, connection))
        };
        let (shared, connection) = timeout(patience, opening)
            .await
            .unwrap_or_else(|_| Err(unavailable(&label, &format!("no answer for {patience:?}"))))?;
        let places = Arc::new(Semaphore::new(shared.options.connections.max(1)));
        let idle = vec![Idle { connection, since: Instant::now(), suspect: false }];
        let (waiting, idle) = (AtomicUsize::new(0), Mutex::new(Some(idle)));
        Ok(Arc::new(Self { shared, places, waiting, idle }))
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Runs a statement by itself. One that writes is run again if it met a transaction; a read whose connection was lost once more:
    /// it has changed nothing.
    pub(super) async fn run(self: &Arc<Self>, statement: Statement) -> Result<Reply, DbError> {
        if statement.kind == StatementKind::Script {
            return self.run_once(statement).await;
        }
        let reads = statement.kind == StatementKind::Read;
        let mut may_be_lost = reads;
        let mut conflicts = Conflicts::among(ATTEMPTS);
        loop {
            match self.run_once(statement.clone()).await {
                Err(DbError::ConnectionLost { .. }) if may_be_lost => may_be_lost = false,
                Err(fault) if !reads && conflicts.pass(&fault).await => {}
                outcome => return outcome,
            }
        }
    }

    async fn run_once(self: &Arc<Self>, statement: Statement) -> Result<Reply, DbError> {
        let mut lease = self.acquire().await?;
        let limit = self.shared.options.statement_timeout;
        let stop = lease.stop();
        let work = async move { lease.run_alone(statement).await };
        finish(work, stop, Instant::now() + limit + MARGIN).await.unwrap_or(Err(DbError::Timeout { limit }))
    }

    /// A connection that is alive, as far as can be known.
    pub(super) async fn acquire(self: &Arc<Self>) -> Result<Lease, DbError> {
        let deadline = Instant::now() + self.shared.options.acquire_timeout;
        let permit = self.place(deadline).await?;
        while let Some(Idle { mut connection, since, suspect }) = self.take()? {
            if connection.age() > self.shared.options.lifetime {
                connection.end().await;
            } else if !(suspect || since.elapsed() > PROBE_AFTER) || connection.answers(PROBE).await {
                return Ok(Lease::new(connection, self, permit));
            }
        }
        let connection = self.connect(deadline).await?;
        Ok(Lease::new(connection, self, permit))
    }

    async fn place(&self, deadline: Instant) -> Result<OwnedSemaphorePermit, DbError> {
        match Arc::clone(&self.places).try_acquire_owned() {
            Ok(permit) => return Ok(permit),
            Err(TryAcquireError::Closed) => return Err(DbError::Closed),
            Err(TryAcquireError::NoPermits) => {}
        }
        let _waits = Waits::new(&self.waiting);
        match timeout_at(deadline.into(), Arc::clone(&self.places).acquire_owned()).await {
            Ok(permit) => permit.map_err(|_| DbError::Closed),
            Err(_) => Err(DbError::Busy {
                what: format!("one of the {} connections", self.limit()),
                waited: self.shared.options.acquire_timeout,
            }),
        }
    }

    /// Tries until `deadline`, with longer and longer pauses, unless the server says no.
    async fn connect(&self, deadline: Instant) -> Result<Connection, DbError> {
        let label = || self.shared.location.label();
        let mut pause = BACK_OFF.0;
        loop {
            let fault = match timeout_at(deadline.into(), Connection::open(&self.shared)).await {
                Ok(Ok(connection)) => return Ok(connection),
                Ok(Err(error)) => explain(&self.shared, "", error, Outcome::NotDone),
                Err(_) => return Err(unavailable(&label(), "no answer to a new connection")),
            };
            let in_time = Instant::now() + pause < deadline;
            match fault {
                DbError::ConnectionLost { .. } | DbError::Busy { .. } if in_time => {}
                DbError::ConnectionLost { detail, .. } => return Err(unavailable(&label(), &detail)),
                fault => return Err(fault),
            }
            sleep(pause).await;
            pause = (pause * 2).min(BACK_OFF.1);
        }
    }

    fn take(&self) -> Result<Option<Idle>, DbError> {
        Ok(self.lock().as_mut().ok_or(DbError::Closed)?.pop())
    }

    /// Takes a connection back that has nothing to do.
    pub(super) fn put(&self, connection: Connection) {
        let mut idle = self.lock();
        let Some(all) = idle.as_mut() else { return };
        let spare = all.first().is_some_and(|first| first.since.elapsed() > SPARE).then(|| all.remove(0));
        all.push(Idle { connection, since: Instant::now(), suspect: false });
        // What is dropped says good-bye in a task of its own.
        drop((idle, spare));
    }

    /// A connection was lost: the others may be, too.
    pub(super) fn suspect(&self) {
        for idle in self.lock().iter_mut().flatten() {
            idle.suspect = true;
        }
    }

    /// Closes what has nothing to do, and waits for the rest, for as long as one statement may take.
    pub(super) async fn close(&self) {
        self.places.close();
        let idle = self.lock().take();
        for Idle { connection, .. } in idle.into_iter().flatten() {
            connection.end().await;
        }
        let all_closed = async {
            loop {
                let closed_one = self.shared.closed_one.notified();
                if self.shared.open.load(Ordering::Acquire) == 0 {
                    return;
                }
                closed_one.await;
            }
        };
        let limit = self.shared.options.statement_timeout + MARGIN;
        if timeout(limit, all_closed).await.is_err() {
            tracing::warn!(target: "mainstay::db", "the database was closed while it was in use");
        }
    }

    pub(super) fn status(&self) -> PoolStatus {
        PoolStatus {
            open: self.shared.open.load(Ordering::Acquire),
            idle: self.lock().as_ref().map_or(0, Vec::len),
            waiting: self.waiting.load(Ordering::Relaxed),
            limit: self.limit(),
            opened: self.shared.opened.load(Ordering::Acquire),
        }
    }

    fn limit(&self) -> usize {
        self.shared.options.connections.max(1)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Vec<Idle>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts a caller that waits for a connection, until it is dropped.
struct Waits<'a>(&'a AtomicUsize);

impl<'a> Waits<'a> {
    fn new(waiting: &'a AtomicUsize) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(waiting)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn unavailable(label: &str, detail: &str) -> DbError {
    DbError::Unavailable { detail: format!("{label}: {detail}") }
}
