//! Workers, batches, and what follows a job.

use mainstay_core::Result;
use serde::Serialize;

use crate::batch::BatchId;
use crate::draft::JobId;
use crate::jobs::Jobs;
use crate::stored::{State, StoredBatch, StoredJob, StoredWorker};

/// A worker, and how many jobs it runs.
#[derive(Clone, Debug, Serialize)]
pub struct WorkerState {
    /// The process.
    #[serde(flatten)]
    pub worker: StoredWorker,
    /// How many jobs it runs.
    pub running: u64,
}

/// So many workers are looked at.
const MOST_WORKERS: u64 = 500;
/// So many jobs that follow one.
const MOST_FOLLOWERS: u64 = 100;

impl Jobs {
    /// The workers that there are, the oldest first. One that gave no sign of life is here until another one has noticed.
    ///
    /// # Errors
    ///
    /// When the database cannot be asked.
    pub async fn workers(&self) -> Result<Vec<WorkerState>> {
        let db = self.ledger().db();
        let workers = StoredWorker::query().order_by(|worker| worker.id).limit(MOST_WORKERS).all(db).await?;
        let running = StoredJob::filter(|job| job.state.eq(State::Running)).select(|job| job.worker);
        let running = running.all(db).await?;
        let of = |id| running.iter().filter(|worker| **worker == Some(id)).count() as u64;
        Ok(workers.into_iter().map(|worker| WorkerState { running: of(worker.id), worker }).collect())
    }

    /// Batches, the newest first, from before this one.
    ///
    /// # Errors
    ///
    /// When the database cannot be asked.
    pub async fn batches(&self, before: Option<BatchId>, length: u64) -> Result<Vec<StoredBatch>> {
        StoredBatch::query()
            .filter_if(before, |batch, before: BatchId| batch.id.lt(before.0))
            .order_by(|batch| batch.id.desc())
            .limit(length)
            .all(self.ledger().db())
            .await
    }

    /// A batch, as it stands.
    ///
    /// # Errors
    ///
    /// When the database cannot be asked.
    pub async fn batch(&self, id: BatchId) -> Result<Option<StoredBatch>> {
        StoredBatch::filter(|batch| batch.id.eq(id.0)).first(self.ledger().db()).await
    }

    /// The jobs that have waited, or wait, for the success of this one; a hundred at most.
    ///
    /// # Errors
    ///
    /// When the database cannot be asked.
    pub async fn followers(&self, id: JobId) -> Result<Vec<StoredJob>> {
        let followers = StoredJob::filter(|job| job.follows.eq(Some(id.0)));
        followers.order_by(|job| job.id).limit(MOST_FOLLOWERS).all(self.ledger().db()).await
    }

    /// The names of the kinds that this application runs, sorted.
    pub fn kinds(&self) -> Vec<&'static str> {
        let mut kinds: Vec<_> = self.ledger().registry().specs().map(|spec| spec.name).collect();
        kinds.sort_unstable();
        kinds
    }
}
