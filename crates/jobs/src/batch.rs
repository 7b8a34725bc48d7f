//! Jobs that belong together.

use mainstay_core::Result;
use mainstay_db::{Executor, Tx};
use serde::{Deserialize, Serialize};

use crate::draft::{Draft, Entry};
use crate::following;
use crate::job::Job;
use crate::stored::NewStoredBatch;

/// The number of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BatchId(pub i64);

/// Jobs that belong together, and what follows when all of them are over.
///
/// ```
/// # use mainstay_core::Result;
/// # use mainstay_db::Db;
/// # use mainstay_jobs::{Batch, Job};
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Job, Serialize, Deserialize)] struct Resize { image: i64 } impl Resize { async fn run(self) -> Result<()> { let _ = self.image; Ok(()) } }
/// # #[derive(Job, Serialize, Deserialize)] struct Publish; impl Publish { async fn run(self) -> Result<()> { Ok(()) } }
/// # #[derive(Job, Serialize, Deserialize)] struct Report; impl Report { async fn run(self) -> Result<()> { Ok(()) } }
/// async fn gallery(images: Vec<i64>, db: &Db) -> Result<()> {
///     let resize = images.into_iter().map(|image| Resize { image });
///     Batch::new("gallery").jobs(resize).on_success(Publish).on_end(Report).enqueue(db).await?;
///     Ok(())
/// }
/// ```
///
/// A job that is dead is over. When it is tried again and succeeds, and was the last, what follows a success follows then.
/// When one that was not successful is deleted, by somebody or because its time is over, what follows a success is cancelled.
#[derive(Debug)]
#[must_use = "a batch is not there before `enqueue`"]
pub struct Batch {
    name: String,
    jobs: Vec<Result<Entry>>,
    on_success: Option<Result<Entry>>,
    on_end: Option<Result<Entry>>,
}

impl Batch {
    /// An empty batch.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), jobs: Vec::new(), on_success: None, on_end: None }
    }

    /// Adds a job.
    pub fn job<J: Job>(mut self, job: impl Into<Draft<J>>) -> Self {
        self.jobs.push(job.into().entry());
        self
    }

    /// Adds jobs of one kind.
    pub fn jobs<J: Job>(mut self, jobs: impl IntoIterator<Item = impl Into<Draft<J>>>) -> Self {
        self.jobs.extend(jobs.into_iter().map(|job| job.into().entry()));
        self
    }

    /// The job that follows when all have succeeded.
    pub fn on_success<J: Job>(mut self, job: impl Into<Draft<J>>) -> Self {
        self.on_success = Some(job.into().entry());
        self
    }

    /// The job that follows when all are over, however they ended.
    pub fn on_end<J: Job>(mut self, job: impl Into<Draft<J>>) -> Self {
        self.on_end = Some(job.into().entry());
        self
    }

    /// Enqueues it. With `&db`, in a transaction of its own. One without jobs is over at once.
    ///
    /// # Errors
    ///
    /// When it cannot be written, or one of its jobs is unique and there already.
    pub async fn enqueue(self, executor: &impl Executor) -> Result<BatchId> {
        let Self { name, jobs, on_success, on_end } = self;
        let jobs = jobs.into_iter().collect::<Result<Vec<_>>>()?;
        let (on_success, on_end) = (on_success.transpose()?, on_end.transpose()?);
        let enqueue = async |tx: &Tx| {
            let after = async |entry: Option<Entry>| match entry {
                Some(entry) => Ok(Some(Entry { waits: true, ..entry }.enqueue_new(tx).await?.0)),
                None => Ok::<_, mainstay_core::Error>(None),
            };
            let (on_success, on_end) = (after(on_success).await?, after(on_end).await?);
            let total = i64::try_from(jobs.len()).unwrap_or(i64::MAX);
            // One more, until all are there.
            let batch = NewStoredBatch { name, created_at: tx.target().now(), total, open: total + 1 }
                .on_success(on_success)
                .on_end(on_end)
                .insert(tx)
                .await?;
            let jobs = jobs.into_iter().map(|entry| Entry { batch: Some(batch.id), ..entry });
            Entry::enqueue_all(jobs, tx).await?;
            following::count(batch.id, 1, 0, tx).await?;
            Ok(BatchId(batch.id))
        };
        executor.target().transaction(enqueue).await
    }
}
