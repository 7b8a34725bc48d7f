//! The section `jobs`.

use std::collections::BTreeMap;
use std::time::Duration;

use mainstay_core::Profile;
use mainstay_core::config::{Problems, Section, duration};
use serde::{Deserialize, Serialize};

use crate::stats::KEEP;

/// `[jobs]`.
///
/// ```toml
/// [jobs]
/// workers = false          # this application has a process of its own for jobs: `app worker`
///
/// [jobs.queues]
/// mails = 5                # so many of this queue at once
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct JobsConfig {
    /// Whether the process that serves requests runs jobs, too. By default it does, except in tests, which run them when they want to.
    pub workers: Option<bool>,
    /// How many jobs of a queue a process runs at once, where `jobs.queues` says nothing of the queue.
    pub concurrency: usize,
    /// The same for each queue by its name.
    pub queues: BTreeMap<String, usize>,
    /// How many of the jobs that block a thread run at once. Unless it is set, as many as there are processors.
    pub blocking_threads: Option<usize>,
    /// Where the clock hangs that schedules go by which do not say it: `Europe/Berlin`.
    pub time_zone: String,
    /// How often it is looked for work of which nobody has told.
    #[serde(with = "duration")]
    pub poll_interval: Duration,
    /// How long a worker may give no sign of life until its jobs are run by others.
    #[serde(with = "duration")]
    pub lease: Duration,
    /// How long a job is kept that has succeeded, or was cancelled or discarded.
    #[serde(with = "duration")]
    pub keep_completed: Duration,
    /// How long a job is kept that is dead. Unless it is set, until somebody deletes it.
    #[serde(with = "duration::option")]
    pub keep_dead: Option<Duration>,
    /// How long it is kept how many jobs ended in each minute, and how long they took.
    #[serde(with = "duration")]
    pub keep_stats: Duration,
}

impl Default for JobsConfig {
    fn default() -> Self {
        Self {
            workers: None,
            concurrency: 20,
            queues: BTreeMap::new(),
            blocking_threads: None,
            time_zone: "UTC".to_owned(),
            poll_interval: Duration::from_secs(1),
            lease: Duration::from_secs(15),
            keep_completed: Duration::from_secs(24 * 60 * 60),
            keep_dead: None,
            keep_stats: KEEP,
        }
    }
}

impl JobsConfig {
    /// Whether the process that serves requests runs jobs, too.
    pub(crate) fn works(&self, profile: &Profile) -> bool {
        self.workers.unwrap_or(*profile != Profile::Test)
    }

    pub(crate) fn threads(&self) -> usize {
        let processors = || std::thread::available_parallelism().map_or(1, usize::from);
        self.blocking_threads.unwrap_or_else(processors)
    }

    pub(crate) fn concurrency_of(&self, queue: &str) -> usize {
        self.queues.get(queue).copied().unwrap_or(self.concurrency)
    }
}

const MOST: usize = 10_000;
const SHORTEST_POLL: Duration = Duration::from_millis(10);
const SHORTEST_LEASE: Duration = Duration::from_secs(1);

impl Section for JobsConfig {
    const NAME: &'static str = "jobs";

    fn validate(&self, problems: &mut Problems) {
        let mut count = |key: &str, number: usize, unless_set: &str| {
            if !(1..=MOST).contains(&number) {
                let fix = format!("leave it out: {unless_set}");
                problems.add(key, format!("must be from 1 to {MOST}"), Some(&fix));
            }
        };
        count("concurrency", self.concurrency, "20");
        for (queue, number) in &self.queues {
            count(&format!("queues.{queue}"), *number, "as many as `jobs.concurrency`");
        }
        if let Some(threads) = self.blocking_threads {
            count("blocking_threads", threads, "one for each processor");
        }
        if self.time_zone.parse::<chrono_tz::Tz>().is_err() {
            problems.add("time_zone", "is no time zone", Some("write one such as `Europe/Berlin` or `UTC`"));
        }
        if self.poll_interval < SHORTEST_POLL {
            problems.add("poll_interval", "must be at least 10ms", Some("leave it out: 1s"));
        }
        if self.lease < SHORTEST_LEASE {
            problems.add("lease", "must be at least 1s", Some("leave it out: 15s"));
        }
    }
}
