//! Jobs that follow each other.

use mainstay_core::Result;
use mainstay_db::{Executor, Tx};

use crate::draft::{Draft, Entry, JobId};
use crate::job::Job;

/// Jobs of which each begins when the one before it has succeeded. While one is dead the rest waits; when one is cancelled or
/// discarded, the rest is cancelled.
///
/// ```
/// # use mainstay_core::Result;
/// # use mainstay_db::Db;
/// # use mainstay_jobs::{Chain, Job};
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Job, Serialize, Deserialize)] struct Fetch; impl Fetch { async fn run(self) -> Result<()> { Ok(()) } }
/// # #[derive(Job, Serialize, Deserialize)] struct Resize; impl Resize { async fn run(self) -> Result<()> { Ok(()) } }
/// # #[derive(Job, Serialize, Deserialize)] struct Publish; impl Publish { async fn run(self) -> Result<()> { Ok(()) } }
/// async fn import(db: &Db) -> Result<()> {
///     db.transaction(async |tx| Chain::of(Fetch).then(Resize).then(Publish).enqueue(tx).await).await?;
///     Ok(())
/// }
/// ```
#[derive(Debug)]
#[must_use = "a chain is not there before `enqueue`"]
pub struct Chain(Vec<Result<Entry>>);

impl Chain {
    /// A chain that begins with this job.
    pub fn of<J: Job>(first: impl Into<Draft<J>>) -> Self {
        Self(vec![first.into().entry()])
    }

    /// A job that follows the one before it. Its delay counts from now, not from the end of the one before.
    pub fn then<J: Job>(mut self, next: impl Into<Draft<J>>) -> Self {
        self.0.push(next.into().entry());
        self
    }

    /// Enqueues them, and returns their numbers. With `&db`, in a transaction of their own.
    ///
    /// # Errors
    ///
    /// When they cannot be written, or one of them is unique: it may be there already, and not be a part of this chain.
    pub async fn enqueue(self, executor: &impl Executor) -> Result<Vec<JobId>> {
        let entries = self.0.into_iter().collect::<Result<Vec<_>>>()?;
        let enqueue = async |tx: &Tx| {
            let mut ids: Vec<JobId> = Vec::with_capacity(entries.len());
            let last = entries.len() - 1;
            for (index, mut entry) in entries.into_iter().enumerate() {
                entry.follows = ids.last().map(|id| id.0);
                entry.is_followed = index < last;
                ids.push(entry.enqueue_new(tx).await?);
            }
            Ok(ids)
        };
        executor.target().transaction(enqueue).await
    }
}
