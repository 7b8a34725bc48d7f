//! The job that tries many jobs again.

use chrono::{DateTime, Utc};
use mainstay_core::{Inject, Result};
use mainstay_jobs::survey::JobFilter;
use mainstay_jobs::{Job, JobContext, Jobs};
use serde::{Deserialize, Serialize};

/// Tries jobs again that were dead before somebody asked for it.
#[derive(Job, Serialize, Deserialize)]
#[job(name = "mainstay.retry_dead_jobs", attempts = 5, timeout = "1h")]
pub(super) struct RetryDead {
    pub(super) queue: Option<String>,
    pub(super) kind: Option<String>,
    pub(super) batch: Option<i64>,
    pub(super) before: DateTime<Utc>,
}

/// So many are tried again before it is looked whether the job is to stop.
const STEP: usize = 200;

impl RetryDead {
    async fn run(self, jobs: Inject<Jobs>, job: JobContext) -> Result<usize> {
        let Self { queue, kind, batch, before } = self;
        let filter = JobFilter { state: None, queue, kind, batch };
        let mut tried = 0;
        loop {
            let (step, is_all) = jobs.retry_dead(&filter, before, STEP).await?;
            tried += step;
            if is_all {
                return Ok(tried);
            }
            // Those that are left are dead still: it goes on wherever it was.
            job.checkpoint(&tried).await?;
        }
    }
}
