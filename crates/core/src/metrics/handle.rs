//! What is counted with.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

/// A number that only grows. Clones count together.
#[derive(Clone, Debug, Default)]
pub struct Counter(Arc<AtomicU64>);

impl Counter {
    /// One more.
    pub fn inc(&self) {
        self.add(1);
    }

    /// So many more.
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// How many so far.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A number that goes up and down. Clones share it.
///
/// For fractions, and for what is known elsewhere, see [`Scrape::gauge`](super::Scrape::gauge).
#[derive(Clone, Debug, Default)]
pub struct Gauge(Arc<AtomicI64>);

impl Gauge {
    /// It is now this.
    pub fn set(&self, value: i64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// One more.
    pub fn inc(&self) {
        self.add(1);
    }

    /// One fewer.
    pub fn dec(&self) {
        self.add(-1);
    }

    /// So many more, or fewer.
    pub fn add(&self, change: i64) {
        self.0.fetch_add(change, Ordering::Relaxed);
    }

    /// What it is.
    pub fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    /// One more, until the returned guard is dropped, also by a panic or a cancelled future.
    pub fn hold(&self) -> Held {
        self.inc();
        Held(self.clone())
    }
}

/// Counts one in a [`Gauge`] while it lives.
#[derive(Debug)]
pub struct Held(Gauge);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// The upper bounds of a histogram's buckets. A last one, for everything above, is always added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Buckets {
    pub(super) bounds: Arc<[u64]>,
    pub(super) unit: Unit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// Kept in nanoseconds, shown in seconds.
    Time,
    /// Shown as it is.
    Plain,
}

impl Buckets {
    /// Times, by these bounds. Name the metric `…_seconds`.
    pub fn times(bounds: impl IntoIterator<Item = Duration>) -> Self {
        Self::new(bounds.into_iter().map(nanoseconds).collect(), Unit::Time)
    }

    /// Sizes or numbers, by these bounds.
    pub fn amounts(bounds: impl IntoIterator<Item = u64>) -> Self {
        Self::new(bounds.into_iter().collect(), Unit::Plain)
    }

    /// From half a millisecond to ten seconds, for requests and queries.
    pub fn latency() -> Self {
        let micros = [
            500, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
            5_000_000, 10_000_000,
        ];
        Self::times(micros.map(Duration::from_micros))
    }

    fn new(mut bounds: Vec<u64>, unit: Unit) -> Self {
        bounds.sort_unstable();
        bounds.dedup();
        Self { bounds: bounds.into(), unit }
    }
}

/// How often values fell into each bucket. Clones count together.
#[derive(Clone, Debug)]
pub struct Histogram(Arc<Cells>);

#[derive(Debug)]
struct Cells {
    buckets: Buckets,
    /// One for each bound, and one for what is above the last: counted singly, summed up when shown.
    counts: Box<[AtomicU64]>,
    sum: AtomicU64,
}

impl Histogram {
    /// One that no registry knows.
    pub fn new(buckets: &Buckets) -> Self {
        let counts = (0..=buckets.bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self(Arc::new(Cells { buckets: buckets.clone(), counts, sum: AtomicU64::new(0) }))
    }

    /// Counts a time, in a histogram of [times](Buckets::times).
    pub fn observe(&self, time: Duration) {
        self.record(nanoseconds(time));
    }

    /// Counts an amount, in a histogram of [amounts](Buckets::amounts); in one of times, nanoseconds.
    pub fn record(&self, value: u64) {
        let cells = &*self.0;
        // A dozen bounds, most values among the first: a scan is faster than a bisection.
        let bounds = &cells.buckets.bounds;
        let index = bounds.iter().position(|bound| value <= *bound).unwrap_or(bounds.len());
        if let Some(count) = cells.counts.get(index) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        cells.sum.fetch_add(value, Ordering::Relaxed);
    }

    /// How many values there were.
    pub fn count(&self) -> u64 {
        self.0.counts.iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }

    /// The sum of the values; of times, in nanoseconds.
    pub fn sum(&self) -> u64 {
        self.0.sum.load(Ordering::Relaxed)
    }

    pub(super) fn buckets(&self) -> &Buckets {
        &self.0.buckets
    }

    /// For each bound, and for everything, how many values were not above it.
    pub(super) fn cumulated(&self) -> impl Iterator<Item = u64> {
        self.0.counts.iter().scan(0, |sum, count| {
            *sum += count.load(Ordering::Relaxed);
            Some(*sum)
        })
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
