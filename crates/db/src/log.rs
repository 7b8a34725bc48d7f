//! What was run, how often, and how long it took.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use mainstay_core::metrics::{Buckets, Counter, Histogram, Metrics};

use crate::db::Settings;
use crate::driver::{Statement, StatementKind};

/// A record of the statements that one database runs, for tests: count them, and a loop of queries shows.
#[derive(Debug)]
pub struct QueryLog {
    entries: Arc<Mutex<Vec<LoggedQuery>>>,
    recorders: Recorders,
}

/// One statement that was run.
#[derive(Clone, Debug)]
pub struct LoggedQuery {
    /// Its text.
    pub sql: Arc<str>,
    /// From the call to the reply.
    pub elapsed: Duration,
    /// Whether it failed.
    pub failed: bool,
}

impl QueryLog {
    /// How many statements there were so far.
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    /// The statements so far, in the order of their replies.
    pub fn queries(&self) -> Vec<LoggedQuery> {
        self.lock().clone()
    }

    /// Forgets what was recorded so far.
    pub fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<LoggedQuery>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for QueryLog {
    fn drop(&mut self) {
        self.recorders.forget(&self.entries);
    }
}

/// How many statements there were, and how long they took.
#[derive(Clone)]
pub struct Meters {
    reads: Histogram,
    writes: Histogram,
    failures: Counter,
}

impl Meters {
    /// `db_query_seconds` by kind, and `db_query_failures_total`.
    pub fn new(metrics: &Metrics) -> Self {
        let millis = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 5_000].map(Duration::from_millis);
        let buckets = Buckets::times(
            [Duration::from_micros(100), Duration::from_micros(500)].into_iter().chain(millis),
        );
        let help = "How long statements took, from the call to the reply.";
        let seconds = |kind| metrics.histogram("db_query_seconds", help, &buckets, &[("kind", kind)]);
        let failures = metrics.counter("db_query_failures_total", "Statements that failed.", &[]);
        Self { reads: seconds("read"), writes: seconds("write"), failures }
    }

    fn count(&self, write: bool, elapsed: Duration, failed: bool) {
        if write { &self.writes } else { &self.reads }.observe(elapsed);
        if failed {
            self.failures.inc();
        }
    }
}

type Entries = Arc<Mutex<Vec<LoggedQuery>>>;

/// Whoever records at the moment; mostly nobody.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recorders(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    many: AtomicUsize,
    all: Mutex<Vec<Entries>>,
}

impl Recorders {
    pub(crate) fn record(&self) -> QueryLog {
        let entries = Entries::default();
        self.0.all.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&entries));
        self.0.many.fetch_add(1, Ordering::AcqRel);
        QueryLog { entries, recorders: self.clone() }
    }

    fn forget(&self, entries: &Entries) {
        self.0
            .all
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|other| !Arc::ptr_eq(other, entries));
        self.0.many.fetch_sub(1, Ordering::AcqRel);
    }

    fn add(&self, query: &LoggedQuery) {
        for entries in &*self.0.all.lock().unwrap_or_else(PoisonError::into_inner) {
            entries.lock().unwrap_or_else(PoisonError::into_inner).push(query.clone());
        }
    }
}

/// Looks at the clock while a statement runs.
pub(crate) struct Watch<'a> {
    recorders: &'a Recorders,
    settings: &'a Settings,
    write: bool,
    started: Instant,
    sql: Arc<str>,
}

impl<'a> Watch<'a> {
    pub(crate) fn start(recorders: &'a Recorders, settings: &'a Settings, statement: &Statement) -> Self {
        let write = statement.kind != StatementKind::Read;
        Self { recorders, settings, write, started: Instant::now(), sql: Arc::clone(&statement.sql) }
    }

    pub(crate) fn end(self, rows: usize, failed: bool) {
        let elapsed = self.started.elapsed();
        let micros = elapsed.as_micros();
        if let Some(meters) = &self.settings.meters {
            meters.count(self.write, elapsed, failed);
        }
        if elapsed > self.settings.slow_query {
            tracing::warn!(target: "mainstay::db", sql = &*self.sql, micros, rows, "slow query");
        } else {
            tracing::debug!(target: "mainstay::db", sql = &*self.sql, micros, rows, "query");
        }
        if self.recorders.0.many.load(Ordering::Acquire) > 0 {
            self.recorders.add(&LoggedQuery { sql: self.sql, elapsed, failed });
        }
    }
}
