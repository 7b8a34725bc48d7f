//! What a job is: arguments that can be stored, and a function of them.

use std::time::Duration;

use chrono::{DateTime, Utc};
use mainstay_core::{Error, Result};
use mainstay_db::Executor;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::draft::{Draft, Enqueued};
use crate::registration::Registration;
use crate::spec::JobSpec;

/// A job: its arguments, which are stored, and the function `run`, which is called with them.
///
/// ```
/// use mainstay_core::{App, Inject, Result};
/// use mainstay_db::Db;
/// use mainstay_jobs::{Job, JobsExt, jobs};
/// use serde::{Deserialize, Serialize};
///
/// /// Tells the followers of an author of a new article.
/// #[derive(Job, Serialize, Deserialize)]
/// #[job(queue = "mails", attempts = 5, timeout = "1m", unique)]
/// struct NotifyFollowers {
///     article: i64,
/// }
///
/// impl NotifyFollowers {
///     async fn run(self, db: Inject<Db>) -> Result<()> {
///         // Read the article, write the mails.
/// #       let _ = (self.article, db);
///         Ok(())
///     }
/// }
///
/// async fn publish(article: i64, db: &Db) -> Result<()> {
///     db.transaction(async |tx| {
///         // What is written here, and the job, are there together or not at all.
///         NotifyFollowers { article }.enqueue(tx).await?;
///         Ok(())
///     })
///     .await
/// }
///
/// let app = App::new().jobs(jobs![NotifyFollowers]);
/// ```
///
/// `#[derive(Job)]` takes `run` from an `impl` of the struct: a function of the arguments, of what it takes from the container, and of
/// the [`JobContext`](crate::JobContext) if it wants one. It is `async`, unless the job says `#[job(blocking)]`: then it is called on a
/// thread for work that takes the processor.
///
/// Delivery is **at least once**: a worker that is killed has its jobs run again. What a job writes in
/// [`JobContext::complete`](crate::JobContext::complete) happens once.
pub trait Job: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// What holds for all of this kind.
    const SPEC: JobSpec;

    /// Its function, for the worker. What the macro `jobs!` asks for.
    fn registration() -> Registration;

    /// What makes two of them the same, where they are unique: all arguments, unless it is said.
    fn unique_by(&self) -> Result<String> {
        Ok(serde_json::to_string(self)?)
    }

    /// What its concurrency and its rate are counted by; by the kind, unless it is said.
    fn limit_by(&self) -> Option<String> {
        None
    }

    /// Makes arguments of an earlier version such as this one reads.
    ///
    /// # Errors
    ///
    /// When that cannot be: the attempt fails.
    fn upgrade(version: u32, args: Value) -> Result<Value> {
        let _ = version;
        Ok(args)
    }

    /// What becomes of it after it has failed.
    fn on_error(error: &Error, attempt: u32) -> OnError {
        let _ = (error, attempt);
        OnError::Retry
    }

    /// Enqueues it: with a transaction, it is there when that is committed, and never otherwise.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    fn enqueue(self, executor: &impl Executor) -> impl Future<Output = Result<Enqueued>> {
        Draft::new(self).enqueue(executor)
    }

    /// The same, to be run after a while.
    fn delay(self, by: Duration) -> Draft<Self> {
        Draft::new(self).delay(by)
    }

    /// The same, to be run at a time.
    fn at(self, time: DateTime<Utc>) -> Draft<Self> {
        Draft::new(self).at(time)
    }

    /// The same in another queue.
    fn in_queue(self, queue: impl Into<String>) -> Draft<Self> {
        Draft::new(self).in_queue(queue)
    }

    /// The same with another priority. The smallest comes first.
    fn priority(self, priority: i16) -> Draft<Self> {
        Draft::new(self).priority(priority)
    }
}

/// What becomes of a job that has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnError {
    /// It is tried again after its backoff; when it has no attempts left, it is dead.
    Retry,
    /// It is tried again after this wait; when it has no attempts left, it is dead.
    RetryAfter(Duration),
    /// It need not be done any more.
    Discard,
    /// It is dead at once: nobody expects that another attempt would help.
    Die,
}
