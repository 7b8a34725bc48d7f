//! A job that is about to be enqueued.

mod entry;

use std::time::Duration;

use chrono::{DateTime, Utc};
use mainstay_core::Result;
use mainstay_db::Executor;
use serde::{Deserialize, Serialize};

use crate::job::Job;

pub(crate) use entry::{Due, Entry, after, unique_key};

/// The number of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobId(pub i64);

impl std::fmt::Display for JobId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// What came of enqueuing a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enqueued {
    /// The job: this one, or the one that was there and says the same.
    pub id: JobId,
    /// Whether it is this one.
    pub is_new: bool,
}

/// A job with what is said of this one alone.
///
/// ```
/// # use mainstay_core::Result;
/// # use mainstay_db::Db;
/// # use mainstay_jobs::Job;
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Job, Serialize, Deserialize)]
/// # struct Remind { account: i64 }
/// # impl Remind { async fn run(self) -> Result<()> { Ok(()) } }
/// use std::time::Duration;
///
/// async fn later(db: &Db) -> Result<()> {
///     let tomorrow = Duration::from_secs(24 * 60 * 60);
///     let enqueued = Remind { account: 7 }.delay(tomorrow).priority(10).enqueue(db).await?;
///     assert!(enqueued.is_new);
///     Ok(())
/// }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a job is not there before `enqueue`"]
pub struct Draft<J> {
    job: J,
    queue: Option<String>,
    priority: Option<i16>,
    due: Due,
}

impl<J: Job> Draft<J> {
    /// A job as its kind is.
    pub fn new(job: J) -> Self {
        Self { job, queue: None, priority: None, due: Due::Now }
    }

    /// To be run after a while.
    pub fn delay(mut self, by: Duration) -> Self {
        self.due = Due::In(by);
        self
    }

    /// To be run at a time. One that has passed is now.
    pub fn at(mut self, time: DateTime<Utc>) -> Self {
        self.due = Due::At(time);
        self
    }

    /// In another queue.
    pub fn in_queue(mut self, queue: impl Into<String>) -> Self {
        self.queue = Some(queue.into());
        self
    }

    /// With another priority. The smallest comes first.
    pub fn priority(mut self, priority: i16) -> Self {
        self.priority = Some(priority);
        self
    }

    /// Enqueues it: see [`Job::enqueue`].
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn enqueue(self, executor: &impl Executor) -> impl Future<Output = Result<Enqueued>> {
        let entry = self.entry();
        async move { entry?.enqueue(executor).await }
    }

    /// What is written.
    pub(crate) fn entry(self) -> Result<Entry> {
        let mut entry = Entry::of(&self.job)?;
        entry.due = self.due;
        entry.queue = self.queue.unwrap_or(entry.queue);
        entry.priority = self.priority.unwrap_or(entry.priority);
        Ok(entry)
    }
}

impl<J: Job> From<J> for Draft<J> {
    fn from(job: J) -> Self {
        Self::new(job)
    }
}
