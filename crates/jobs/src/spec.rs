//! What is said of a kind of job, once: queue, attempts, time-out, uniqueness, limits.

use std::time::Duration;

use mainstay_core::service::Backoff;

/// What `#[job(…)]` says of a kind of job.
///
/// ```
/// use std::time::Duration;
/// use mainstay_jobs::JobSpec;
///
/// const SPEC: JobSpec = JobSpec { attempts: 5, ..JobSpec::new("SendInvoice") };
/// assert_eq!((SPEC.queue, SPEC.timeout), ("default", Some(Duration::from_secs(600))));
/// ```
#[derive(Clone, Debug)]
pub struct JobSpec {
    /// The name under which it is stored: that of the struct, unless it is said. A job that waits is found by it, so it outlives a
    /// renaming of the struct.
    pub name: &'static str,
    /// Names under which it was stored before.
    pub formerly: &'static [&'static str],
    /// Which version of its arguments this program writes: 1. A program meets a later one when a newer process runs beside it, and leaves
    /// that to it.
    pub version: u32,
    /// The queue: `default`.
    pub queue: &'static str,
    /// Which of those that wait in a queue comes first: that with the smallest number. 0.
    pub priority: i16,
    /// How many times it is tried in all: 20.
    pub attempts: u32,
    /// How long an attempt may take: 10 minutes. None: for ever.
    pub timeout: Option<Duration>,
    /// The wait before it is tried again. It doubles from 15 s up to 6 h; chance takes off up to a fifth, so that jobs that failed
    /// together do not come back together.
    pub backoff: Backoff,
    /// Whether there may be several that say the same.
    pub unique: Option<Unique>,
    /// How long to wait after the last one that says the same, of which only that one is run.
    pub debounce: Option<Duration>,
    /// How many of those with one key may run at once, over all processes.
    pub concurrency: Option<u32>,
    /// How many of those with one key may begin in a while, over all processes.
    pub rate: Option<Rate>,
    /// How long it is kept after it has succeeded, was cancelled or discarded: `jobs.keep_completed` unless it is said.
    pub keep: Option<Duration>,
}

/// Until when no other job may say the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unique {
    /// Until it has ended, however that was.
    UntilEnded,
    /// Until it begins to run.
    UntilStarted,
    /// For a while after it was enqueued.
    For(Duration),
}

/// So many in a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many.
    pub count: u32,
    /// In how long.
    pub per: Duration,
}

impl Rate {
    /// So many in a while.
    pub const fn new(count: u32, per: Duration) -> Self {
        Self { count, per }
    }

    /// From the start of one to the start of the next, if they come evenly.
    pub(crate) fn interval(self) -> Duration {
        self.per / self.count.max(1)
    }
}

impl JobSpec {
    /// The name of the queue of jobs that say none.
    pub const DEFAULT_QUEUE: &'static str = "default";

    /// What holds where nothing is said.
    pub const fn new(name: &'static str) -> Self {
        Self {
            name,
            formerly: &[],
            version: 1,
            queue: Self::DEFAULT_QUEUE,
            priority: 0,
            attempts: 20,
            timeout: Some(Duration::from_secs(10 * 60)),
            backoff: Backoff {
                initial: Duration::from_secs(15),
                limit: Duration::from_secs(6 * 60 * 60),
                jitter: 0.2,
                forgiven_after: Duration::ZERO,
            },
            unique: None,
            debounce: None,
            concurrency: None,
            rate: None,
            keep: None,
        }
    }

    /// Whether a job has to be let in by its key before it is ready.
    pub(crate) fn is_limited(&self) -> bool {
        self.concurrency.is_some() || self.rate.is_some()
    }
}
