//! What a job knows of its attempt.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use mainstay_core::container::{Dependency, Need};
use mainstay_core::{Error, Resolver, Result};
use mainstay_db::{Executor, Tx};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::watch;

use crate::draft::JobId;
use crate::ledger::{Ending, Ledger, own};
use crate::outcome::interrupted;
use crate::stored::{StoredJob, StoredJobChange};

/// What a job knows of its attempt: an argument of its function.
///
/// ```
/// use mainstay_core::{Inject, Result};
/// use mainstay_db::Db;
/// use mainstay_jobs::{Job, JobContext};
/// use serde::{Deserialize, Serialize};
///
/// /// Brings the articles of a table, a thousand at a time.
/// #[derive(Job, Serialize, Deserialize)]
/// struct Import { rows: i64 }
///
/// impl Import {
///     async fn run(self, job: JobContext, db: Inject<Db>) -> Result<()> {
///         let mut row = job.cursor::<i64>()?.unwrap_or(0);
///         while row < self.rows {
///             // Bring a thousand rows from here.
///             row += 1_000;
///             job.progress(row, self.rows).await?;
///             // Another attempt, or another worker after a restart, goes on here.
///             job.checkpoint(&row).await?;
///         }
/// #       let _ = db;
///         Ok(())
///     }
/// }
/// ```
#[derive(Clone)]
pub struct JobContext(Arc<Inner>);

struct Inner {
    ledger: Ledger,
    job: Arc<StoredJob>,
    stop: watch::Receiver<Stop>,
    /// The latest cursor.
    cursor: Mutex<Option<String>>,
    /// Whether its end is written.
    is_ended: AtomicBool,
    /// When its progress was written.
    told: Mutex<Option<Instant>>,
}

/// Whether an attempt is to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// It is not.
    No,
    /// The worker goes: at the next checkpoint, or when there is no time left.
    Draining,
    /// Somebody has cancelled the job.
    Cancelled,
    /// The job is another worker's by now.
    Lost,
}

tokio::task_local! {
    static CURRENT: JobContext;
}

/// How often progress is written.
const PROGRESS: Duration = Duration::from_millis(500);

impl JobContext {
    pub(crate) fn new(ledger: &Ledger, job: &Arc<StoredJob>, stop: watch::Receiver<Stop>) -> Self {
        Self(Arc::new(Inner {
            ledger: ledger.clone(),
            job: Arc::clone(job),
            stop,
            cursor: Mutex::new(job.cursor.clone()),
            is_ended: AtomicBool::new(false),
            told: Mutex::default(),
        }))
    }

    /// Runs `work` as the inside of this attempt.
    pub(crate) async fn scope<T>(&self, work: impl Future<Output = T>) -> T {
        CURRENT.scope(self.clone(), work).await
    }

    /// The number of the job.
    pub fn id(&self) -> JobId {
        JobId(self.0.job.id)
    }

    /// Which attempt this is, from 1.
    pub fn attempt(&self) -> u32 {
        u32::try_from(self.0.job.attempt).unwrap_or(1)
    }

    /// Whether it is the last one.
    pub fn is_last_attempt(&self) -> bool {
        self.0.job.attempt >= self.0.job.attempts
    }

    /// The job as it was stored when this attempt began.
    pub fn job(&self) -> &StoredJob {
        &self.0.job
    }

    /// Where the last checkpoint was, of this attempt or an earlier one.
    ///
    /// # Errors
    ///
    /// When it cannot be read as a `C`.
    pub fn cursor<C: DeserializeOwned>(&self) -> Result<Option<C>> {
        let cursor = self.0.cursor.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok(cursor.map(|text| serde_json::from_str(&text)).transpose()?)
    }

    /// Keeps where it goes on after it was interrupted, and interrupts it if it is to stop. It goes on there whatever happens next: a
    /// failure, a worker that is killed, a restart.
    ///
    /// # Errors
    ///
    /// Pass them on: that it is to stop; that the job is another worker's by now; that the cursor cannot be written.
    pub async fn checkpoint(&self, cursor: &(impl Serialize + Sync)) -> Result<()> {
        let text = serde_json::to_string(cursor)?;
        self.keep(&text, self.0.ledger.db()).await?;
        self.has_come_to(text)
    }

    /// The same, and does `work` in the transaction that keeps it: what a step writes there happens once, however often the step is begun.
    ///
    /// # Errors
    ///
    /// As [`checkpoint`](Self::checkpoint), and those of `work`: then nothing was written.
    pub async fn checkpoint_with(
        &self,
        cursor: &(impl Serialize + Sync),
        work: impl AsyncFnOnce(&Tx) -> Result<()>,
    ) -> Result<()> {
        let text = serde_json::to_string(cursor)?;
        let step = async |tx: &Tx| {
            self.keep(&text, tx).await?;
            work(tx).await
        };
        self.0.ledger.db().transaction(step).await?;
        self.has_come_to(text)
    }

    async fn keep(&self, cursor: &str, executor: &impl Executor) -> Result<()> {
        let cursor = Some(cursor.to_owned());
        match own(&self.0.job).update(|job| job.cursor(cursor), executor).await? {
            0 => Err(self.lost()),
            _ => Ok(()),
        }
    }

    /// Goes on from there the next time, and stops here if it is to.
    fn has_come_to(&self, cursor: String) -> Result<()> {
        *self.0.cursor.lock().unwrap_or_else(PoisonError::into_inner) = Some(cursor);
        if self.is_stopping() { Err(interrupted()) } else { Ok(()) }
    }

    /// Says how far it has come. It is written twice a second at most, and when it is complete.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub async fn progress(&self, done: i64, of: i64) -> Result<()> {
        let now = self.0.ledger.clock().monotonic();
        {
            let mut told = self.0.told.lock().unwrap_or_else(PoisonError::into_inner);
            let is_soon = told.is_some_and(|then| now.saturating_duration_since(then) < PROGRESS);
            if is_soon && done < of {
                return Ok(());
            }
            *told = Some(now);
        }
        let change = |job: StoredJobChange| job.progress(Some(done)).progress_of(Some(of));
        own(&self.0.job).update(change, self.0.ledger.db()).await?;
        Ok(())
    }

    /// Ends the job, and does `work` in the same transaction: what it writes there happens once, however often the job is delivered.
    /// Nothing more is to be done after it.
    ///
    /// # Errors
    ///
    /// Those of `work`: then nothing was written, and the attempt may go on or fail. 409 when the job is another worker's by now.
    pub async fn complete<T>(&self, work: impl AsyncFnOnce(&Tx) -> Result<T>) -> Result<T> {
        let ledger = &self.0.ledger;
        let done = ledger
            .db()
            .transaction(async |tx| {
                // First, so that of two that have the job one waits here for the other.
                let completed = Ending::Completed { output: None };
                let Some(state) = ledger.mark(&self.0.job, &completed, tx).await? else {
                    return Err(self.lost());
                };
                let done = work(tx).await?;
                // Last, since all jobs of a batch write the row of the batch.
                ledger.follow(&self.0.job, state, tx).await?;
                Ok(done)
            })
            .await?;
        self.0.is_ended.store(true, Ordering::Release);
        Ok(done)
    }

    /// Whether it is to stop: the worker goes, or somebody has cancelled the job.
    pub fn is_stopping(&self) -> bool {
        *self.0.stop.borrow() != Stop::No
    }

    /// Waits until it is to stop.
    pub async fn stopping(&self) {
        let mut stop = self.0.stop.clone();
        // Whoever could say so is gone when the attempt is.
        if stop.wait_for(|stop| *stop != Stop::No).await.is_err() {
            std::future::pending().await
        }
    }

    pub(crate) fn is_ended(&self) -> bool {
        self.0.is_ended.load(Ordering::Acquire)
    }

    fn lost(&self) -> Error {
        let told = format!("job {} was taken from this worker, which gave no sign of life", self.0.job.id);
        Error::conflict("The job is run by another worker.").code("job_lost").context(told)
    }
}

impl Dependency for JobContext {
    fn needs(_: &mut Vec<Need>) {}

    async fn resolve(_: &Resolver) -> Result<Self> {
        CURRENT
            .try_with(Clone::clone)
            .map_err(|_| Error::internal("a `JobContext` is there while a job runs, and none does here"))
    }
}

impl fmt::Debug for JobContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobContext").field("job", &self.0.job.id).finish_non_exhaustive()
    }
}
