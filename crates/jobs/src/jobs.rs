//! Looks at jobs, cancels them, tries them again, waits for them.

use std::time::Duration;

use chrono::{DateTime, Utc};
use mainstay_core::{Error, Inject, Resolver, Result};
use mainstay_db::{DbError, Executor, Tx};
use serde::de::DeserializeOwned;

use crate::draft::{Draft, Enqueued, Entry, JobId};
use crate::following;
use crate::job::Job;
use crate::ledger::{Ledger, over};
use crate::registration::Arguments;
use crate::stored::{NewStoredPause, State, StoredBatch, StoredFailure, StoredJob, StoredPause};
use crate::topic;
use crate::worker;

/// Looks at jobs, cancels them, tries them again, waits for them: `Inject<Jobs>`.
///
/// To enqueue a job takes no more than a [`Db`](mainstay_db::Db): see [`Job::enqueue`].
pub struct Jobs {
    ledger: Inject<Ledger>,
    resolver: Resolver,
}

impl Jobs {
    pub(crate) fn new(ledger: Inject<Ledger>, resolver: Resolver) -> Self {
        Self { ledger, resolver }
    }

    pub(crate) fn resolver(&self) -> &Resolver {
        &self.resolver
    }

    pub(crate) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Enqueues a job on its own: for whoever has no [`Db`](mainstay_db::Db) at hand. To have it join a transaction, see [`Job::enqueue`].
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub async fn enqueue<J: Job>(&self, job: impl Into<Draft<J>>) -> Result<Enqueued> {
        job.into().enqueue(self.ledger.db()).await
    }

    /// Enqueues many jobs of one kind, in few statements.
    ///
    /// # Errors
    ///
    /// When they cannot be written; then none of them is there. 409 when one is unique and there already.
    pub async fn enqueue_all<J: Job>(
        &self,
        jobs: impl IntoIterator<Item = impl Into<Draft<J>>>,
        executor: &impl Executor,
    ) -> Result<()> {
        let entries = jobs.into_iter().map(|job| job.into().entry()).collect::<Result<Vec<_>>>()?;
        executor.target().transaction(async |tx| Entry::enqueue_all(entries, tx).await).await
    }

    /// A job, as it stands.
    ///
    /// # Errors
    ///
    /// When the database cannot be asked.
    pub async fn get(&self, id: JobId) -> Result<Option<StoredJob>> {
        StoredJob::filter(|job| job.id.eq(id.0)).first(self.ledger.db()).await
    }

    /// The attempts at a job that failed, the last one first.
    ///
    /// # Errors
    ///
    /// When the database cannot be asked.
    pub async fn failures(&self, id: JobId) -> Result<Vec<StoredFailure>> {
        let failures = StoredFailure::filter(|failure| failure.job.eq(id.0));
        failures.order_by(|failure| failure.id.desc()).limit(100).all(self.ledger.db()).await
    }

    /// Cancels a job. One that runs is stopped at its next `await`; one on a thread of its own stops when it looks at
    /// [`JobContext::is_stopping`](crate::JobContext::is_stopping). Those that follow it are cancelled, too.
    ///
    /// False: there was nothing to cancel, since it is over.
    ///
    /// # Errors
    ///
    /// 404 when there is no such job.
    pub async fn cancel(&self, id: JobId) -> Result<bool> {
        let cancel = async |tx: &Tx| {
            let job = locked(id, tx).await?;
            if over(job.state) && job.state != State::Dead {
                return Ok(false);
            }
            if job.state == State::Running {
                StoredJob::filter(|row| row.id.eq(id.0)).update(|row| row.is_cancelled(true), tx).await?;
                tx.signal(topic::CANCELLED);
                return Ok(true);
            }
            self.ledger.cancel(&job, tx).await?;
            Ok(true)
        };
        self.ledger.db().transaction_retry(cancel).await
    }

    /// Has a job run now that waits, is dead, or was cancelled or discarded, with all the attempts that it may have.
    ///
    /// # Errors
    ///
    /// 404 when there is no such job; 409 when it runs, has succeeded, or waits for another one, and when it is unique and one that says
    /// the same is there by now.
    pub async fn retry(&self, id: JobId) -> Result<()> {
        let retry = async |tx: &Tx| {
            // First the one that it follows, as an end does: either that one is over when it is looked at, or its end finds this one
            // waiting.
            let row = StoredJob::filter(|row| row.id.eq(id.0)).select(|row| row.follows).first(tx).await?;
            let before = match row.flatten() {
                Some(before) => StoredJob::filter(|row| row.id.eq(before)).for_update().first(tx).await?,
                None => None,
            };
            let job = locked(id, tx).await?;
            if matches!(job.state, State::Running | State::Completed | State::Following) {
                return Err(Error::conflict("The job cannot be tried again now.").code("job_state"));
            }
            let (now, was_over) = (self.ledger.now(), over(job.state));
            if was_over {
                self.claim_key(&job, tx).await?;
            }
            // Its days count anew, if it was met by programs that do not know it.
            StoredFailure::filter(|failure| failure.job.eq(id.0) & failure.attempt.eq(0)).delete(tx).await?;
            let state = match before.is_some_and(|before| before.state != State::Completed) {
                true => State::Following,
                false => State::of_free(now, now, job.limit_key.as_deref()),
            };
            StoredJob::filter(|row| row.id.eq(id.0))
                .update(|row| row.state(state).due_at(now).attempt(0).ended_at(None).is_cancelled(false), tx)
                .await?;
            if let Some(batch) = job.batch.filter(|_| was_over) {
                StoredBatch::filter(|row| row.id.eq(batch))
                    .update_with(
                        |row| {
                            let ended_at = row.ended_at.set(None::<DateTime<Utc>>);
                            (row.open.set(row.open + 1), row.failed.set(row.failed - 1), ended_at)
                        },
                        tx,
                    )
                    .await?;
            }
            following::tell(&job, state, tx);
            Ok(())
        };
        self.ledger.db().transaction_retry(retry).await
    }

    /// Has a job that is over, and is tried again, be unique again.
    async fn claim_key(&self, job: &StoredJob, tx: &Tx) -> Result<()> {
        let Some((registration, _)) = self.ledger.registry().get(&job.kind) else { return Ok(()) };
        let is_over = |until: DateTime<Utc>| until <= self.ledger.now();
        if job.unique_key.is_some() || job.unique_until.is_some_and(is_over) {
            return Ok(());
        }
        // Of arguments that cannot be read there is none. It will say so itself.
        let Ok(Some(key)) = registration.unique_key(&Arguments::of(job)) else { return Ok(()) };
        let in_the_way =
            || Error::conflict("Another job says the same, and is there already.").code("job_in_the_way");
        let other = StoredJob::filter(|row| row.unique_key.eq(Some(key.clone()))).for_update();
        if let Some(other) = other.first(tx).await? {
            if !other.gives_way(self.ledger.now()) {
                return Err(in_the_way());
            }
            StoredJob::filter(|row| row.id.eq(other.id)).update(|row| row.unique_key(None), tx).await?;
        }
        let claimed = StoredJob::filter(|row| row.id.eq(job.id)).update(|row| row.unique_key(Some(key)), tx);
        match claimed.await {
            // Enqueued at this very moment.
            Err(error) if is_taken(&error) => Err(in_the_way()),
            claimed => claimed.map(drop),
        }
    }

    /// Deletes a job that is over, or waits. Those that follow it are cancelled.
    ///
    /// # Errors
    ///
    /// 404 when there is no such job; 409 when it runs.
    pub async fn delete(&self, id: JobId) -> Result<()> {
        let delete = async |tx: &Tx| {
            let job = locked(id, tx).await?;
            if job.state == State::Running {
                return Err(Error::conflict("The job runs: cancel it first.").code("job_state"));
            }
            if !over(job.state) || job.state == State::Dead {
                self.ledger.cancel(&job, tx).await?;
            }
            if let Some(batch) = job.batch.filter(|_| job.state != State::Completed) {
                self.ledger.give_up_success(batch, tx).await?;
            }
            StoredFailure::filter(|failure| failure.job.eq(id.0)).delete(tx).await?;
            StoredJob::filter(|row| row.id.eq(id.0)).delete(tx).await?;
            Ok(())
        };
        self.ledger.db().transaction_retry(delete).await
    }

    /// No job of the queue begins any more, in any process, until it is [resumed](Self::resume). Those that run go on.
    ///
    /// # Errors
    ///
    /// When the database cannot be asked.
    pub async fn pause(&self, queue: &str) -> Result<()> {
        let pause = NewStoredPause { queue: queue.to_owned(), since: self.ledger.now() };
        pause.insert_or_ignore(|pause| pause.queue, self.ledger.db()).await?;
        Ok(())
    }

    /// Jobs of the queue begin again.
    ///
    /// # Errors
    ///
    /// When the database cannot be asked.
    pub async fn resume(&self, queue: &str) -> Result<()> {
        StoredPause::filter(|pause| pause.queue.eq(queue)).delete(self.ledger.db()).await?;
        self.ledger.db().signal(topic::ready(queue));
        Ok(())
    }

    /// Waits until a job is over, and returns what it has returned.
    ///
    /// # Errors
    ///
    /// 404 when there is no such job; 503 (`job_pending`) when it is not over after this time; 500 (`job_failed`) when it was not
    /// successful, with the reason for the log.
    pub async fn output<T: DeserializeOwned>(&self, id: JobId, patience: Duration) -> Result<T> {
        let job = tokio::time::timeout(patience, self.end_of(id))
            .await
            .map_err(|_| Error::unavailable("It takes longer than expected.").code("job_pending"))??;
        if job.state != State::Completed {
            let told = format!("job {id} was not successful: {}", job.error.unwrap_or_default());
            return Err(Error::internal(told).code("job_failed"));
        }
        Ok(serde_json::from_str(job.output.as_deref().unwrap_or("null"))?)
    }

    /// Waits until a job is over: however that was.
    ///
    /// # Errors
    ///
    /// 404 when there is no such job.
    pub async fn end_of(&self, id: JobId) -> Result<StoredJob> {
        /// How soon it is looked at once more when nobody tells; it doubles up to the second.
        const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));
        let mut end = self.ledger.ends(id.0);
        let mut pause = PAUSES.0;
        loop {
            let found = self.get(id).await?;
            let job = found.ok_or_else(|| Error::not_found("There is no such job."))?;
            if over(job.state) {
                return Ok(job);
            }
            tokio::select! {
                () = end.told() => {}
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(PAUSES.1),
            }
        }
    }

    /// Runs, here and now, every job that is ready or due, and those that become so meanwhile; returns how many attempts were made.
    /// For tests, in which no worker runs.
    ///
    /// # Errors
    ///
    /// When the database cannot be asked.
    pub async fn run_all(&self) -> Result<usize> {
        worker::run_all(&self.ledger, &self.resolver).await
    }
}

async fn locked(id: JobId, tx: &Tx) -> Result<StoredJob> {
    let job = StoredJob::filter(|job| job.id.eq(id.0)).for_update().first(tx).await?;
    job.ok_or_else(|| Error::not_found("There is no such job."))
}

impl std::fmt::Debug for Jobs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Jobs").finish_non_exhaustive()
    }
}

fn is_taken(error: &Error) -> bool {
    matches!(error.source_as::<DbError>(), Some(DbError::UniqueViolation { .. }))
}
