//! What this process has counted and not written yet.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use mainstay_core::metrics::{Buckets, Counter, Gauge, Histogram, Metrics};

use super::read::Volume;
use crate::stored::StoredJob;

/// What became of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Completed,
    /// It is tried again.
    Failed,
    Dead,
    Discarded,
    Cancelled,
    /// It did not count: the job had itself put off, or was interrupted.
    Again,
}

impl Outcome {
    const ALL: [Self; 6] =
        [Self::Completed, Self::Failed, Self::Dead, Self::Discarded, Self::Cancelled, Self::Again];

    fn name(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Dead => "dead",
            Self::Discarded => "discarded",
            Self::Cancelled => "cancelled",
            Self::Again => "again",
        }
    }
}

/// What is added to a row.
#[derive(Debug)]
pub(crate) struct Counted {
    pub(super) minute: i64,
    pub(super) queue: String,
    pub(super) kind: String,
    pub(super) volume: Volume,
}

/// While nothing can be written, so many rows wait at most. What comes then is not counted.
const MOST: usize = 10_000;

/// What is counted in memory. An attempt takes one short lock.
pub(crate) struct Tally {
    metrics: Metrics,
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    /// Which minute is being counted.
    minute: i64,
    queues: HashMap<String, OfQueue>,
    /// Those of minutes that are over, and those that could not be written.
    waiting: Vec<Counted>,
}

struct OfQueue {
    ended: [Counter; Outcome::ALL.len()],
    run: Histogram,
    wait: Histogram,
    waiting: Gauge,
    latency: Gauge,
    kinds: HashMap<&'static str, Volume>,
}

impl Tally {
    pub(crate) fn new(metrics: Metrics) -> Self {
        Self { metrics, counts: Mutex::default() }
    }

    /// Counts an attempt that ends now, and took so long.
    pub(crate) fn count(
        &self,
        (job, kind): (&StoredJob, &'static str),
        outcome: Outcome,
        took: Duration,
        now: DateTime<Utc>,
    ) {
        // Of one that runs, since when it had been ready.
        let wait = job.started_at.map(|started| (started - job.due_at).to_std().unwrap_or_default());
        let wait = wait.unwrap_or_default();
        let minute = now.timestamp().div_euclid(60);
        let mut counts = self.counts();
        if counts.minute != minute {
            counts.close();
            counts.minute = minute;
        }
        let queue = counts.queue(&job.queue, &self.metrics);
        queue.ended[outcome as usize].inc();
        if outcome == Outcome::Again {
            return;
        }
        queue.run.observe(took);
        queue.wait.observe(wait);
        let (completed, failed, dead) = match outcome {
            Outcome::Completed => (1, 0, 0),
            Outcome::Failed => (0, 1, 0),
            Outcome::Dead => (0, 1, 1),
            // Nobody has to look at those.
            Outcome::Discarded | Outcome::Cancelled | Outcome::Again => return,
        };
        let volume = queue.kinds.entry(kind).or_default();
        volume.completed += completed;
        volume.failed += failed;
        volume.dead += dead;
        volume.wait.note(wait);
        volume.run.note(took);
    }

    /// Says how many wait in a queue, and how long the one that has waited longest.
    pub(crate) fn waiting(&self, queue: &str, count: u64, latency: Duration) {
        let mut counts = self.counts();
        let queue = counts.queue(queue, &self.metrics);
        queue.waiting.set(i64::try_from(count).unwrap_or(i64::MAX));
        queue.latency.set(i64::try_from(latency.as_secs()).unwrap_or(i64::MAX));
    }

    /// Takes what is to be written.
    pub(super) fn take(&self) -> Vec<Counted> {
        let mut counts = self.counts();
        counts.close();
        std::mem::take(&mut counts.waiting)
    }

    /// It could not be written.
    pub(super) fn put_back(&self, mut counted: Vec<Counted>) {
        let mut counts = self.counts();
        counted.append(&mut counts.waiting);
        counted.truncate(MOST);
        counts.waiting = counted;
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    fn queue(&mut self, name: &str, metrics: &Metrics) -> &mut OfQueue {
        self.queues.entry(name.to_owned()).or_insert_with(|| OfQueue::new(name, metrics))
    }

    fn close(&mut self) {
        let Self { minute, queues, waiting } = self;
        for (queue, of_queue) in queues {
            for (kind, volume) in of_queue.kinds.drain() {
                if waiting.len() < MOST {
                    let (queue, kind) = (queue.clone(), kind.to_owned());
                    waiting.push(Counted { minute: *minute, queue, kind, volume });
                }
            }
        }
    }
}

impl OfQueue {
    fn new(queue: &str, metrics: &Metrics) -> Self {
        let label = [("queue", queue)];
        let ended = Outcome::ALL.map(|outcome| {
            let labels = [("queue", queue), ("outcome", outcome.name())];
            metrics.counter("jobs_total", "Attempts at jobs that ended in this process.", &labels)
        });
        Self {
            ended,
            run: metrics.histogram("job_seconds", "How long attempts took.", &times(), &label),
            wait: metrics.histogram(
                "job_wait_seconds",
                "How long jobs waited from when they were ready.",
                &times(),
                &label,
            ),
            waiting: metrics.gauge(
                "jobs_waiting",
                "Jobs that are ready, whichever process runs them; 10001 stands for more.",
                &label,
            ),
            latency: metrics.gauge(
                "jobs_latency_seconds",
                "How long the job that has waited longest has been ready.",
                &label,
            ),
            kinds: HashMap::new(),
        }
    }
}

/// Jobs wait and run for longer than requests.
fn times() -> Buckets {
    Buckets::times([5, 20, 100, 500, 2_000, 10_000, 60_000, 300_000, 3_600_000].map(Duration::from_millis))
}
