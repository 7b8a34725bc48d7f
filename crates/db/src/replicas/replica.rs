//! One replica: what is known of it.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::join;
use tokio::sync::Notify;

use super::history::History;
use super::position::{self, Position};
use super::server::Server;
use super::watch::STALE;
use crate::driver::{Dialect, Driver};
use crate::engine::{self, Pool};
use crate::error::DbError;

/// A replica. The application starts without it.
pub(super) struct Replica {
    /// Host and database, for logs and metrics.
    pub(super) name: String,
    server: Server,
    looks: Server,
    seen: Mutex<Option<Seen>>,
    /// Whether the last look found it in order, so that only a change is told.
    up: AtomicBool,
    reads: AtomicU64,
    /// Tells those who wait for an answer that none is to come.
    silent: Notify,
}

/// What the last look has shown.
struct Seen {
    when: Instant,
    position: Position,
    lag: Option<Duration>,
    /// How many connections had been opened before it.
    opened: u64,
}

/// What a look has brought.
pub(super) struct Look {
    position: Position,
    opened: u64,
}

impl Replica {
    pub(super) fn new(url: &str, home: &Path, pool: &Pool) -> Self {
        Self {
            name: engine::place(url).to_owned(),
            server: Server::for_reads(url, home, pool),
            looks: Server::for_looks(url, home, pool),
            seen: Mutex::default(),
            up: AtomicBool::new(true),
            reads: AtomicU64::new(0),
            silent: Notify::new(),
        }
    }

    /// Its driver, once it has been reached.
    pub(super) fn driver(&self) -> Option<&Arc<dyn Driver>> {
        self.server.driver()
    }

    /// Asks where it is.
    pub(super) async fn look(&self, dialect: Dialect) -> Result<Look, DbError> {
        let driver = self.server.open().await?;
        let unfit = |detail: String| Err(DbError::Unavailable { detail });
        if driver.dialect() != dialect {
            let (is, wanted) = (driver.dialect().name(), dialect.name());
            return unfit(format!("it is {is}, and the primary is {wanted}"));
        }
        let opened = driver.status().opened;
        let reply = self.looks.ask(position::ask_replica(dialect)).await?;
        match position::of_replica(&reply.rows)? {
            (false, _) if dialect == Dialect::Postgres => unfit(
                "it is no replica: it is not in recovery, so that what the primary writes does not arrive"
                    .into(),
            ),
            (false, _) => unfit("it is no replica: `read_only` is off".into()),
            (true, Some(position)) => Ok(Look { position, opened }),
            (true, None) => unfit("it does not say how far it has come".into()),
        }
    }

    /// Notes what a look has shown.
    pub(super) fn saw(&self, Look { position, opened }: Look, history: &History) {
        let when = Instant::now();
        let lag = history.lag(&position, when);
        *self.seen() = Some(Seen { when, position, lag, opened });
        if !self.up.swap(true, Ordering::AcqRel) {
            tracing::info!(target: "mainstay::db", replica = self.name, "the replica is back");
        }
    }

    /// Puts it aside until the next look that finds it in order.
    pub(super) fn put_aside(&self, fault: &dyn std::fmt::Display) {
        *self.seen() = None;
        if self.up.swap(false, Ordering::AcqRel) {
            tracing::warn!(target: "mainstay::db", replica = self.name, error = %fault, "the replica is put aside");
        }
    }

    /// The same where it was looked at: nobody waits for it any more.
    pub(super) fn give_up(&self, fault: &DbError) {
        self.put_aside(fault);
        self.silent.notify_waiters();
    }

    /// Completes when it is given up.
    pub(super) async fn falls_silent(&self) {
        self.silent.notified().await;
    }

    /// Whether it is in order, however far it is behind.
    pub(super) fn is_up(&self) -> bool {
        self.seen().as_ref().is_some_and(|seen| seen.when.elapsed() < STALE)
    }

    /// By how long it is behind, as far as that is known.
    pub(super) fn lag(&self) -> Option<Duration> {
        self.seen().as_ref().and_then(|seen| seen.lag)
    }

    /// What was seen of it does not count any more.
    pub(super) fn forget(&self) {
        *self.seen() = None;
    }

    /// Whether a read may go to it that is content with a place like that; and then, how many connections had been opened
    /// before it was seen there.
    pub(super) fn may_be_asked(
        &self,
        limit: Duration,
        content: impl FnOnce(&Position) -> bool,
    ) -> Option<u64> {
        let seen = self.seen();
        let seen = seen.as_ref()?;
        let fits = seen.when.elapsed() < STALE
            && seen.lag.is_some_and(|lag| lag <= limit)
            && content(&seen.position);
        fits.then_some(seen.opened)
    }

    pub(super) async fn close(&self) {
        join(self.looks.close(), self.server.close()).await;
    }

    pub(super) fn count(&self) {
        self.reads.fetch_add(1, Ordering::Relaxed);
    }

    /// How many reads have gone to it.
    pub(super) fn reads(&self) -> u64 {
        self.reads.load(Ordering::Relaxed)
    }

    fn seen(&self) -> MutexGuard<'_, Option<Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
