//! What was run, how often, how long it took, by which line, and for what.
//!
//! - `budget`: how much may be run, for tests.
//! - `comment`: the route as a comment of each statement.

mod budget;
mod comment;

use std::panic::Location;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use mainstay_core::metrics::{Buckets, Counter, Histogram, Metrics, Scrape};
use mainstay_core::origin::Origin;

use crate::db::Settings;
use crate::driver::{Driver, Statement, StatementKind};

pub use budget::{Budget, Overrun, Tally, Watched, tally};
pub(crate) use comment::Comments;

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
    /// What it does.
    pub kind: StatementKind,
    /// The line that ran it.
    pub caller: &'static Location<'static>,
    /// What it was run for: a route.
    pub origin: Option<Origin>,
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

tokio::task_local! {
    /// What the running task has run.
    static HERE: Entries;
}

/// How many pieces of work are recorded by their task: mostly none, and then no task has to be asked.
static RECORDED: AtomicUsize = AtomicUsize::new(0);

/// Counts one of them for as long as it is kept.
struct Counted;

impl Counted {
    fn new() -> Self {
        RECORDED.fetch_add(1, Ordering::AcqRel);
        Self
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        RECORDED.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Runs `work`, and returns what was run in the same task, on any database: for tests in which others are at work too.
pub async fn recorded<T>(work: impl Future<Output = T>) -> (T, Vec<LoggedQuery>) {
    let entries = Entries::default();
    let _counted = Counted::new();
    let value = HERE.scope(Arc::clone(&entries), work).await;
    let queries = std::mem::take(&mut *entries.lock().unwrap_or_else(PoisonError::into_inner));
    (value, queries)
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

/// Shows how much of a driver is in use, for as long as there is one.
pub(crate) fn watch_pool(metrics: &Metrics, driver: Weak<dyn Driver>) {
    metrics.collect(move |scrape: &mut Scrape| {
        let Some(driver) = driver.upgrade() else { return };
        let status = driver.status();
        let mut gauge = |name, help, labels: &[(&str, &str)], value: usize| {
            scrape.gauge(name, help, labels, value as f64);
        };
        let help = "Connections to the database that are open.";
        let busy = status.open.saturating_sub(status.idle);
        gauge("db_pool_connections", help, &[("state", "idle")], status.idle);
        gauge("db_pool_connections", help, &[("state", "busy")], busy);
        gauge("db_pool_waiting", "Callers that wait for a connection.", &[], status.waiting);
        gauge("db_pool_limit", "The most connections that may be open.", &[], status.limit);
    });
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
    recorders: Option<&'a Recorders>,
    settings: &'a Settings,
    kind: StatementKind,
    started: Instant,
    sql: Arc<str>,
    caller: &'static Location<'static>,
}

impl<'a> Watch<'a> {
    pub(crate) fn start(
        recorders: Option<&'a Recorders>,
        settings: &'a Settings,
        statement: &Statement,
        caller: &'static Location<'static>,
    ) -> Self {
        let sql = Arc::clone(&statement.sql);
        Self { recorders, settings, kind: statement.kind, started: Instant::now(), sql, caller }
    }

    pub(crate) fn end(self, rows: usize, failed: bool) {
        let elapsed = self.started.elapsed();
        let micros = elapsed.as_micros();
        if let Some(meters) = &self.settings.meters {
            meters.count(self.kind != StatementKind::Read, elapsed, failed);
        }
        if elapsed > self.settings.slow_query {
            let (caller, origin) = (tracing::field::display(self.caller), Origin::current());
            let route = origin.as_ref().map(Origin::as_str);
            tracing::warn!(target: "mainstay::db", sql = &*self.sql, micros, rows, route, caller, "slow query");
        } else {
            tracing::debug!(target: "mainstay::db", sql = &*self.sql, micros, rows, "query");
        }
        let recorders = self.recorders.filter(|recorders| recorders.0.many.load(Ordering::Acquire) > 0);
        let by_task = RECORDED.load(Ordering::Acquire) > 0;
        let here = if by_task { HERE.try_with(Arc::clone).ok() } else { None };
        if recorders.is_none() && here.is_none() {
            return;
        }
        let Self { sql, kind, caller, .. } = self;
        let query = LoggedQuery { sql, kind, caller, origin: Origin::current(), elapsed, failed };
        if let Some(recorders) = recorders {
            recorders.add(&query);
        }
        if let Some(here) = here {
            here.lock().unwrap_or_else(PoisonError::into_inner).push(query);
        }
    }
}
