//! Counters, gauges and histograms, and the page on which Prometheus reads them.
//!
//! Registering takes a lock and happens once, at start: what comes back is a handle on atomics, and counting is one
//! relaxed addition. There is no look-up by name or label on the way of a request.
//!
//! ```
//! use mainstay_core::metrics::{Buckets, Metrics};
//! use std::time::Duration;
//!
//! let metrics = Metrics::new();
//! let sent = metrics.counter("mails_sent_total", "Mails handed to the server.", &[("queue", "default")]);
//! let time = metrics.histogram("mail_seconds", "Time to hand over a mail.", &Buckets::latency(), &[]);
//! sent.inc();
//! time.observe(Duration::from_millis(3));
//! assert!(metrics.render().contains("mails_sent_total{queue=\"default\"} 1\n"));
//! ```
//!
//! Read in this order: `handle` (what counts), `family` (series of one name, and how many there may be), `scrape`
//! (values computed when they are asked for), `text` (the format), `process` (what the system knows of us).

mod family;
mod handle;
mod process;
mod scrape;
mod text;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use self::family::{Family, Kind, Series};
pub use self::handle::{Buckets, Counter, Gauge, Held, Histogram};
pub use self::scrape::Scrape;
use crate::service::panic_message;

/// What [`Metrics::render`] returns, as a content type: the text format of Prometheus, version 0.0.4.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The registry. Cheap to clone; clones share it.
#[derive(Clone)]
pub struct Metrics(Arc<Registry>);

struct Registry {
    families: Mutex<BTreeMap<String, Family>>,
    collectors: Mutex<Vec<Collector>>,
    problems: Mutex<Vec<String>>,
    series_limit: usize,
}

type Collector = Arc<dyn Fn(&mut Scrape) + Send + Sync>;

/// No more problems than this are kept: they are mistakes in the program, of which the first ones matter.
const KEPT_PROBLEMS: usize = 64;

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// An empty registry, in which each name may have 1000 series.
    pub fn new() -> Self {
        Self::with_series_limit(1000)
    }

    /// An empty registry, in which each name may have `limit` series. Beyond it, all that is counted under further
    /// labels goes to one more series whose labels say `other`.
    pub fn with_series_limit(limit: usize) -> Self {
        Self(Arc::new(Registry {
            families: Mutex::default(),
            collectors: Mutex::default(),
            problems: Mutex::default(),
            series_limit: limit.max(1),
        }))
    }

    /// The counter of this name and these labels. Its name ends in `_total`.
    ///
    /// Registering the same again returns a handle on the same counter. What cannot be registered (a bad name, other
    /// label names than before, another kind) is logged and noted in [`problems`](Self::problems), and the handle
    /// counts for nobody: a mistake in a metric does not take the application down.
    pub fn counter(&self, name: &str, help: &str, labels: &[(&str, &str)]) -> Counter {
        match self.register(name, help, Kind::Counter, labels) {
            Some(Series::Counter(counter)) => counter,
            _ => Counter::default(),
        }
    }

    /// The gauge of this name and these labels; see [`counter`](Self::counter).
    pub fn gauge(&self, name: &str, help: &str, labels: &[(&str, &str)]) -> Gauge {
        match self.register(name, help, Kind::Gauge, labels) {
            Some(Series::Gauge(gauge)) => gauge,
            _ => Gauge::default(),
        }
    }

    /// The histogram of this name and these labels; see [`counter`](Self::counter). All of one name have the same
    /// buckets.
    pub fn histogram(&self, name: &str, help: &str, buckets: &Buckets, labels: &[(&str, &str)]) -> Histogram {
        match self.register(name, help, Kind::Histogram(buckets.clone()), labels) {
            Some(Series::Histogram(histogram)) => histogram,
            _ => Histogram::new(buckets),
        }
    }

    /// Has `collect` called at each scrape, for values that are cheaper to look up than to keep. It must not block.
    pub fn collect(&self, collect: impl Fn(&mut Scrape) + Send + Sync + 'static) {
        lock(&self.0.collectors).push(Arc::new(collect));
    }

    /// Adds what the operating system knows of this process: memory, processor time, open files, threads, start time.
    /// Nothing but on Linux.
    pub fn watch_process(&self) {
        self.collect(process::collect);
    }

    /// What could not be registered, and why.
    pub fn problems(&self) -> Vec<String> {
        lock(&self.0.problems).clone()
    }

    /// Everything in the [text format](CONTENT_TYPE), by name.
    pub fn render(&self) -> String {
        let mut scrape = Scrape::default();
        let collectors = lock(&self.0.collectors).clone();
        for collect in collectors {
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| collect(&mut scrape))) {
                self.problem(format!("a collector panicked: {}", panic_message(&*panic)));
            }
        }
        let families = lock(&self.0.families);
        for (name, family) in families.iter() {
            scrape.add_family(name, family);
        }
        drop(families);
        for problem in scrape.problems() {
            self.problem(problem);
        }
        scrape.into_text()
    }

    fn register(&self, name: &str, help: &str, kind: Kind, labels: &[(&str, &str)]) -> Option<Series> {
        let found = family::check(name, &kind, labels).and_then(|()| {
            let mut families = lock(&self.0.families);
            let family =
                families.entry(name.to_owned()).or_insert_with(|| Family::new(help, kind.clone(), labels));
            family.series(help, &kind, labels, self.0.series_limit)
        });
        match found {
            Ok(found) => {
                if found.just_full {
                    tracing::warn!(
                        metric = name,
                        limit = self.0.series_limit,
                        "a metric has too many series; further ones are counted as `other`"
                    );
                }
                Some(found.series)
            }
            Err(problem) => {
                self.problem(format!("metric `{name}`: {problem}"));
                None
            }
        }
    }

    /// Logs and keeps a problem, once.
    fn problem(&self, problem: String) {
        let mut problems = lock(&self.0.problems);
        if problems.len() < KEPT_PROBLEMS && !problems.contains(&problem) {
            tracing::error!("{problem}");
            problems.push(problem);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
