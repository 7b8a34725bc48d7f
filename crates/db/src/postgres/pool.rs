//! The connections: who may use which, and who waits.
//!
//! A connection is *shared* as long as only statements by themselves run on it. They are sent without waiting for one
//! another's replies: those of one task follow each other on one connection, and so do quick reads of several tasks, as
//! long as together they take hardly any time. When every connection is busy, any statements follow each other, to a small
//! depth. A transaction or a stream *takes* a connection with nothing under way, and gives it back. Whoever finds none waits
//! in one line, first come first served.
//!
//! Quick reads go together because it is cheaper for everybody: most of what one costs is to wake another process up, and a
//! message that holds twenty statements wakes it up once.
//!
//! Whatever is handed out (a [`Lease`], a [`Taken`] connection, a [`Permit`] to open one) counts itself out when it is
//! dropped, so that nothing is lost with a future that is dropped.

mod state;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::PostgresOptions;
use super::connection::Connection;
use super::connector::Connector;
use super::failure::{explain_opening, may_pass};
use super::prepared::Prepared;
use crate::driver::{PoolStatus, Statement};
use crate::error::DbError;

use state::{Asker, Delivery, State, Turn, Want};

/// The first pause after an attempt to connect has failed, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));
/// How often the connections are looked over.
const ROUND: Duration = Duration::from_millis(500);

/// The connections to one server.
#[derive(Clone)]
pub(super) struct Pool(Arc<Shared>);

pub(super) struct Shared {
    state: Mutex<State>,
    connector: Arc<Connector>,
    patience: Duration,
    idle: Duration,
    lifetime: Duration,
    emptied: Notify,
    /// How many have been opened so far.
    opened: AtomicU64,
}

/// A place on a shared connection, for one statement.
pub(super) struct Lease {
    pool: Arc<Shared>,
    pub(super) connection: Arc<Connection>,
    /// The statement, once it is prepared.
    pub(super) prepared: Option<Arc<Prepared>>,
    /// How long it is expected to take.
    load: Duration,
    /// Whether it has yet to be counted out.
    counts: bool,
}

/// A connection of one's own. Unless it is [given back](Self::give_back), dropping it closes it.
pub(super) struct Taken {
    permit: Permit,
    pub(super) connection: Arc<Connection>,
}

/// One of the connections that may be open: to be opened, or taken.
pub(super) struct Permit {
    pool: Arc<Shared>,
    /// Whether it is still this that counts, and not a place among the shared ones.
    counts: bool,
}

impl Pool {
    pub(super) fn new(connector: Connector, connections: usize, options: &PostgresOptions) -> Self {
        let shared = Arc::new(Shared {
            state: Mutex::new(State::new(connections.max(1), connector.pooler())),
            connector: Arc::new(connector),
            patience: options.acquire_timeout,
            idle: options.idle_timeout,
            lifetime: options.max_lifetime,
            emptied: Notify::new(),
            opened: AtomicU64::new(0),
        });
        tokio::spawn(look_over(Arc::downgrade(&shared)));
        Self(shared)
    }

    pub(super) fn connector(&self) -> &Arc<Connector> {
        &self.0.connector
    }

    /// A place for a statement.
    pub(super) async fn share(&self, statement: &Arc<Statement>) -> Result<Lease, DbError> {
        let asker = Asker { task: tokio::task::try_id(), statement: Arc::clone(statement) };
        let shared = &self.0;
        let turn = shared.lock().turn(Want::Share(asker.clone()), shared)?;
        match self.granted(turn).await? {
            Grant::Shared(lease) => Ok(lease),
            Grant::Open(permit) => {
                let connection = self.open(&permit).await?;
                let (lease, waiting) = shared.lock().add_shared(permit, connection, &asker, shared);
                deliver(waiting);
                Ok(lease)
            }
            // Never given to who wants to share.
            Grant::Taken(_) => Err(self.busy()),
        }
    }

    /// A connection of one's own.
    pub(super) async fn take(&self) -> Result<Taken, DbError> {
        let shared = &self.0;
        let turn = shared.lock().turn(Want::Take, shared)?;
        match self.granted(turn).await? {
            Grant::Taken(taken) => Ok(taken),
            Grant::Open(permit) => {
                let connection = self.open(&permit).await?;
                Ok(Taken { permit, connection: Arc::new(connection) })
            }
            // Never given to who wants it alone.
            Grant::Shared(_) => Err(self.busy()),
        }
    }

    async fn granted(&self, turn: Turn) -> Result<Grant, DbError> {
        match turn {
            Turn::Now(grant) => Ok(grant),
            Turn::Wait(receiver) => match timeout(self.0.patience, receiver).await {
                Ok(Ok(grant)) => Ok(grant),
                Ok(Err(_)) => Err(DbError::Closed),
                Err(_) => Err(self.busy()),
            },
        }
    }

    /// Why nothing came free: because others had it all, or because the server cannot be reached.
    fn busy(&self) -> DbError {
        let waited = self.0.patience;
        match &self.0.lock().refusal {
            Some((when, fault)) if when.elapsed() <= waited => fault.clone(),
            _ => DbError::Busy { what: "a connection".to_owned(), waited },
        }
    }

    /// Opens a connection. What may pass (a server that is just starting) is tried again, with pauses that grow. In a box,
    /// since it is rare and large: those who find a connection open should not carry it with them.
    fn open<'a>(&'a self, _permit: &'a Permit) -> BoxFuture<'a, Result<Connection, DbError>> {
        self.open_patiently().boxed()
    }

    async fn open_patiently(&self) -> Result<Connection, DbError> {
        let Shared { connector, patience, .. } = &*self.0;
        let started = Instant::now();
        let mut pause = PAUSES.0;
        loop {
            let left = patience.saturating_sub(started.elapsed());
            let (fault, passes) = match timeout(left, connector.open()).await {
                Ok(Ok(connection)) => {
                    self.0.opened.fetch_add(1, Ordering::AcqRel);
                    self.0.lock().refusal = None;
                    return Ok(connection);
                }
                Ok(Err(error)) => (explain_opening(&error, connector.location()), may_pass(&error)),
                Err(_) => {
                    let detail = format!("`{}` did not answer within {patience:?}", connector.location());
                    (DbError::Unavailable { detail }, false)
                }
            };
            // Spread out, so that many who were cut off together do not come back together.
            let spread = pause.mul_f64(0.5 + f64::from(started.elapsed().subsec_nanos() % 1_000) / 1_000.0);
            if !passes || started.elapsed() + spread >= *patience {
                self.0.lock().refusal = Some((Instant::now(), fault.clone()));
                return Err(fault);
            }
            tracing::debug!(target: "mainstay::db", error = %fault, "another attempt to connect follows");
            tokio::time::sleep(spread).await;
            pause = (pause * 2).min(PAUSES.1);
            if self.0.lock().is_closed() {
                return Err(DbError::Closed);
            }
        }
    }

    /// One connection was lost: the others may be too, without having noticed yet. Nobody gets one of them any more.
    pub(super) fn distrust(&self) {
        let (closed, waiting) = self.0.lock().distrust(&self.0);
        drop(closed);
        deliver(waiting);
    }

    pub(super) fn status(&self) -> PoolStatus {
        PoolStatus { opened: self.0.opened.load(Ordering::Acquire), ..self.0.lock().status() }
    }

    /// Lets what is under way end, for at most `limit`, and closes every connection.
    pub(super) async fn close(&self, limit: Duration) {
        let closed = self.0.lock().close();
        drop(closed);
        let emptied = async {
            loop {
                let notified = self.0.emptied.notified();
                if self.0.lock().is_empty() {
                    return;
                }
                notified.await;
            }
        };
        if timeout(limit, emptied).await.is_err() {
            let left = self.0.lock().abandon();
            tracing::warn!(target: "mainstay::db", connections = left.len(), "connections were still in use when the database was closed");
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What somebody in the line gets.
pub(super) enum Grant {
    Shared(Lease),
    Taken(Taken),
    Open(Permit),
}

/// Hands out outside of the lock: what nobody takes any more counts itself out, and for that locks again.
///
/// One after the other, and not one inside of the other: thousands may have stopped to wait at once.
fn deliver(waiting: Delivery) {
    let mut waiting = VecDeque::from(waiting);
    while let Some((sender, grant)) = waiting.pop_front() {
        if let Err(grant) = sender.send(grant) {
            waiting.extend(grant.refused());
        }
    }
}

impl Grant {
    /// Nobody has taken it. Says who gets something by that.
    fn refused(self) -> Delivery {
        match self {
            Self::Shared(mut lease) => lease.end().map_or_else(Vec::new, |(_, waiting)| waiting),
            Self::Taken(taken) => taken.put_back(),
            Self::Open(mut permit) => permit.end(),
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some((took, waiting)) = self.end() else { return };
        deliver(waiting);
        if let (Some(prepared), Some(took)) = (&self.prepared, took) {
            prepared.saw(took);
        }
    }
}

impl Lease {
    /// Counts it out, once.
    fn end(&mut self) -> Option<(Option<Duration>, Delivery)> {
        let counts = std::mem::take(&mut self.counts);
        counts.then(|| self.pool.lock().release(&self.connection, self.load, &self.pool))
    }

    /// Whether nobody else has something under way on the connection. From then on, nobody else gets it.
    pub(super) fn isolate(&self) -> bool {
        self.pool.lock().isolate(&self.connection)
    }
}

impl Taken {
    /// Puts the connection, on which nothing is under way, back among the shared ones.
    pub(super) fn give_back(self) {
        deliver(self.put_back());
    }

    fn put_back(self) -> Delivery {
        let Self { mut permit, connection } = self;
        let pool = Arc::clone(&permit.pool);
        if connection.is_closed() || connection.age() > pool.lifetime {
            return permit.end();
        }
        pool.lock().give_back(permit, connection, &pool)
    }
}

impl Permit {
    /// Counts it out, once.
    fn end(&mut self) -> Delivery {
        if std::mem::take(&mut self.counts) { self.pool.lock().count_out(&self.pool) } else { Vec::new() }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        deliver(self.end());
    }
}

/// Closes what is idle or old, and gives up connections whose server has stopped to answer.
async fn look_over(pool: std::sync::Weak<Shared>) {
    loop {
        tokio::time::sleep(ROUND).await;
        let Some(pool) = pool.upgrade() else { return };
        let silence = pool.connector.silence();
        let (closed, waiting) = {
            let mut state = pool.lock();
            if state.is_closed() {
                return;
            }
            state.look_over(pool.idle, pool.lifetime, silence, &pool)
        };
        drop(closed);
        deliver(waiting);
    }
}
