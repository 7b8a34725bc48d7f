//! Workers: that they live, what one that is gone has left behind; and what nobody needs any more.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use mainstay_core::Result;
use mainstay_db::Tx;

use super::{Ending, Ledger};
use crate::draft::after;
use crate::following;
use crate::spec::JobSpec;
use crate::stats::Outcome;
use crate::stored::{
    NewStoredWorker, State, StoredBatch, StoredFailure, StoredJob, StoredLimit, StoredWorker,
};

/// So many rows are deleted in one step.
const STEP: u64 = 1_000;

impl Ledger {
    /// Enters a worker, and returns its number.
    pub(crate) async fn enter(&self, name: &str, queues: &[String]) -> Result<i64> {
        let now = self.now();
        let worker = NewStoredWorker {
            name: name.to_owned(),
            queues: queues.join(", "),
            started_at: now,
            beat_at: now,
        };
        Ok(worker.insert(self.db()).await?.id)
    }

    /// A worker looks after these queues from now on.
    pub(crate) async fn looks_after(&self, worker: i64, queues: &[String]) -> Result<()> {
        let queues = queues.join(", ");
        StoredWorker::filter(|row| row.id.eq(worker)).update(|row| row.queues(queues), self.db()).await?;
        Ok(())
    }

    /// A sign of life. False: the worker was taken for dead.
    pub(crate) async fn beat(&self, worker: i64) -> Result<bool> {
        let now = self.now();
        let beat = StoredWorker::filter(|row| row.id.eq(worker))
            .update_with(|row| (row.beats.set(row.beats + 1), row.beat_at.set(now)), self.db());
        Ok(beat.await? == 1)
    }

    /// All workers, and how far each has counted.
    pub(crate) async fn beats(&self) -> Result<Vec<(i64, i64)>> {
        StoredWorker::query().select(|row| (row.id, row.beats)).all(self.db()).await
    }

    /// The jobs that this worker runs, as they are stored, and whether somebody wants each to stop.
    pub(crate) async fn run_by(&self, worker: i64) -> Result<Vec<(i64, bool)>> {
        let mine = StoredJob::filter(|job| job.state.eq(State::Running) & job.worker.eq(Some(worker)));
        mine.select(|job| (job.id, job.is_cancelled)).all(self.db()).await
    }

    /// Takes a worker for dead, and has its jobs run again. Returns how many; none where it has counted on since, or somebody else has.
    pub(crate) async fn bury(&self, worker: i64, beats: i64) -> Result<Option<usize>> {
        let gone = StoredWorker::filter(|row| row.id.eq(worker) & row.beats.eq(beats));
        if gone.delete(self.db()).await? == 0 {
            return Ok(None);
        }
        self.lose_all(worker, "its worker gave no sign of life any more").await.map(Some)
    }

    /// One by one: whoever still writes for one of them holds up no other. What is left here when this is cut off, is
    /// [found](Self::find_lost).
    async fn lose_all(&self, worker: i64, why: &str) -> Result<usize> {
        let left = StoredJob::filter(|job| job.state.eq(State::Running) & job.worker.eq(Some(worker)));
        let mut lost = 0;
        for job in left.all(self.db()).await? {
            lost += usize::from(self.lose(&job, why).await?);
        }
        Ok(lost)
    }

    /// Has those run again that no worker runs which there is.
    pub(crate) async fn find_lost(&self) -> Result<usize> {
        let running = StoredJob::filter(|job| job.state.eq(State::Running));
        let of = running.select(|job| job.worker).distinct().all(self.db()).await?;
        // Read after the jobs: whoever has one of them had entered before.
        let known: Vec<i64> = self.beats().await?.into_iter().map(|(id, _)| id).collect();
        let mut lost = 0;
        for worker in of.into_iter().flatten().filter(|worker| !known.contains(worker)) {
            lost += self.lose_all(worker, "its worker is not there any more").await?;
        }
        Ok(lost)
    }

    /// Has one run again of which the worker knows nothing, though it is stored as the worker's: it was never begun.
    pub(crate) async fn give_back(&self, worker: i64, id: i64) -> Result<()> {
        let mine = StoredJob::filter(|job| {
            job.id.eq(id) & job.state.eq(State::Running) & job.worker.eq(Some(worker))
        });
        if let Some(job) = mine.first(self.db()).await? {
            self.end(&job, &Ending::Again { at: self.now(), error: None }).await?;
        }
        Ok(())
    }

    /// An attempt of which nobody knows how far it came. The first one is repeated at once: most workers that go are only replaced.
    /// Later ones wait, since the job may be what kills them.
    async fn lose(&self, job: &StoredJob, why: &str) -> Result<bool> {
        let error = why.to_owned();
        let ending = match () {
            () if job.is_cancelled => Ending::Cancelled,
            () if job.attempt >= job.attempts => Ending::Dead { error },
            () if job.attempt <= 1 => Ending::Retrying { error, at: self.now() },
            () => Ending::Retrying { error, at: after(self.now(), self.backoff(job)) },
        };
        let is_lost = self.end(job, &ending).await?;
        if is_lost && matches!(ending, Ending::Dead { .. }) {
            self.tell_of_death(job, why);
        }
        Ok(is_lost)
    }

    /// Nobody else does: whoever ran it is gone.
    fn tell_of_death(&self, job: &StoredJob, why: &str) {
        tracing::error!(target: "mainstay::jobs", job = job.id, kind = job.kind, error = why, "a job failed for good");
        if let Some(spec) = self.registry().spec(&job.kind) {
            let now = self.now();
            let took = job.started_at.map(|started| (now - started).to_std().unwrap_or_default());
            let took = took.unwrap_or_default();
            self.tally().count((job, spec.name), Outcome::Dead, took, now);
        }
    }

    /// Since when a job has been met by programs that do not know it. The first notes it, as a failure that is no attempt.
    pub(crate) async fn strange_since(&self, job: &StoredJob, error: &str) -> Result<DateTime<Utc>> {
        let noted = StoredFailure::filter(|failure| failure.job.eq(job.id) & failure.attempt.eq(0));
        if let Some(since) = noted.select(|failure| failure.at).first(self.db()).await? {
            return Ok(since);
        }
        let job = StoredJob { attempt: 0, ..job.clone() };
        self.note_failure(&job, error, self.db()).await?;
        Ok(self.now())
    }

    /// The wait after the attempt that has just failed.
    pub(crate) fn backoff(&self, job: &StoredJob) -> std::time::Duration {
        const USUAL: &JobSpec = &JobSpec::new("");
        let failures = u32::try_from(job.attempt - 1).unwrap_or(0);
        let backoff = &self.registry().spec(&job.kind).unwrap_or(USUAL).backoff;
        backoff.delay(failures, self.chance())
    }

    /// A worker goes: what it has not ended is run by others, and does not count as an attempt.
    pub(crate) async fn leave(&self, worker: i64) -> Result<()> {
        self.db()
            .transaction_retry(async |tx| {
                let left =
                    StoredJob::filter(|job| job.state.eq(State::Running) & job.worker.eq(Some(worker)));
                for job in left.all(tx).await? {
                    let again = Ending::Again { at: self.now(), error: None };
                    self.end_in(&job, &again, tx).await?;
                }
                StoredWorker::filter(|row| row.id.eq(worker)).delete(tx).await
            })
            .await?;
        Ok(())
    }

    /// Deletes what was to be kept until now, a part of it. Returns whether there may be more.
    pub(crate) async fn prune(&self) -> Result<bool> {
        let now = self.now();
        let over = StoredJob::filter(|job| job.state.is_in(State::OVER.to_vec()) & job.due_at.le(now));
        let mut ids = over.limit(STEP).select(|job| job.id).all(self.db()).await?;
        if let Some(keep) = self.0.keep_dead {
            let since = now - keep;
            let dead = StoredJob::filter(|job| job.state.eq(State::Dead) & job.due_at.le(since));
            ids.extend(dead.limit(STEP).select(|job| job.id).all(self.db()).await?);
        }
        let deleted = match ids.is_empty() {
            true => 0,
            false => self.db().transaction_retry(async |tx| self.forget(&ids, now, tx).await).await?,
        };
        self.prune_batches(now).await?;
        self.prune_limits().await?;
        // None, where another worker deletes the same ones right now.
        Ok(ids.len() as u64 >= STEP && deleted > 0)
    }

    /// Deletes jobs that were kept until now. Returns how many.
    async fn forget(&self, ids: &[i64], now: DateTime<Utc>, tx: &Tx) -> Result<u64> {
        // Looked at again: somebody may have had one tried again meanwhile, or do so right now.
        let states = [State::OVER.as_slice(), &[State::Dead]].concat();
        let over = StoredJob::filter(|job| {
            job.id.is_in(ids.to_vec()) & job.state.is_in(states) & job.due_at.le(now)
        });
        let over = over.order_by(|job| job.id).skip_locked();
        let jobs = over.select(|job| (job.id, job.state, job.batch)).all(tx).await?;
        let ids: Vec<i64> = jobs.iter().map(|(id, ..)| *id).collect();
        if ids.is_empty() {
            return Ok(0);
        }
        // Those that follow a dead one can wait no longer.
        for job in following::waiting_for(&ids, tx).await? {
            self.cancel(&job, tx).await?;
        }
        let failed = jobs.iter().filter(|(_, state, _)| *state != State::Completed);
        // In an order, so that two who write the same rows do not wait for each other.
        let batches: BTreeSet<i64> = failed.filter_map(|(.., batch)| *batch).collect();
        for batch in batches {
            self.give_up_success(batch, tx).await?;
        }
        StoredFailure::filter(|failure| failure.job.is_in(ids.clone())).delete(tx).await?;
        StoredJob::filter(|job| job.id.is_in(ids)).delete(tx).await
    }

    /// Batches that are over. One with a failure is kept as long as its dead jobs are, if something follows its success: one of them may be
    /// tried again.
    async fn prune_batches(&self, now: DateTime<Utc>) -> Result<()> {
        let ended = |since: DateTime<Utc>| StoredBatch::filter(|batch| batch.ended_at.le(Some(since)));
        let done = ended(now - self.0.keep_completed);
        done.filter(|batch| batch.failed.eq(0) | batch.on_success.is_null()).delete(self.db()).await?;
        let Some(keep) = self.0.keep_dead else { return Ok(()) };
        let failed = || ended(now - keep.max(self.0.keep_completed)).filter(|batch| batch.failed.gt(0));
        for id in failed().limit(STEP).select(|batch| batch.id).all(self.db()).await? {
            self.db()
                .transaction_retry(async |tx| {
                    // Looked at again: somebody may have had one of its jobs tried again.
                    let batch = || failed().filter(|batch| batch.id.eq(id));
                    if batch().for_update().first(tx).await?.is_some() {
                        self.give_up_success(id, tx).await?;
                        batch().delete(tx).await?;
                    }
                    Ok(())
                })
                .await?;
        }
        Ok(())
    }

    /// Keys that hold nothing back. One of which somebody lets a job in right now is locked, and made again.
    async fn prune_limits(&self) -> Result<()> {
        let since = self.now() - std::time::Duration::from_secs(24 * 60 * 60);
        StoredLimit::filter(|limit| limit.free_at.le(since)).delete(self.db()).await?;
        Ok(())
    }
}
