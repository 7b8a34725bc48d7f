//! What becomes of a job that ran, and of those that wait for it.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use mainstay_core::{Error, Result};
use mainstay_db::{Executor, Query, Tx};

use super::Ledger;
use crate::draft::after;
use crate::following;
use crate::stored::{NewStoredFailure, State, StoredBatch, StoredJob, StoredJobChange};
use crate::topic;

/// What becomes of a job that ran. Errors are as they [can be stored](mainstay_core::Error::report_to_keep).
#[derive(Clone, Debug)]
pub(crate) enum Ending {
    /// It has succeeded, and returned this.
    Completed { output: Option<String> },
    /// It has failed, and is tried again at this time.
    Retrying { error: String, at: DateTime<Utc> },
    /// It has failed for good.
    Dead { error: String },
    /// It need not be done, for this reason.
    Discarded { error: String },
    /// Somebody has cancelled it.
    Cancelled,
    /// It runs again at this time, and this attempt does not count.
    Again { at: DateTime<Utc>, error: Option<String> },
}

/// Whether nothing happens to a job in such a state unless somebody wants it.
pub(crate) fn over(state: State) -> bool {
    state == State::Dead || State::OVER.contains(&state)
}

impl Ending {
    fn state(&self, job: &StoredJob, now: DateTime<Utc>) -> State {
        match self {
            Self::Completed { .. } => State::Completed,
            Self::Retrying { .. } => State::Retrying,
            Self::Dead { .. } => State::Dead,
            Self::Discarded { .. } => State::Discarded,
            Self::Cancelled => State::Cancelled,
            Self::Again { at, .. } => State::of_free(*at, now, job.limit_key.as_deref()),
        }
    }

    fn error(&self) -> Option<String> {
        match self {
            Self::Retrying { error, .. } | Self::Dead { error } | Self::Discarded { error } => {
                Some(error.clone())
            }
            Self::Again { error, .. } => error.clone(),
            Self::Completed { .. } | Self::Cancelled => None,
        }
    }
}

impl Ledger {
    /// Writes that jobs of this worker have succeeded: in few statements, those of whom nothing more is to be done. Returns the
    /// others, which are to be ended one by one.
    pub(crate) async fn complete_all<'a>(
        &self,
        worker: i64,
        jobs: &[&'a StoredJob],
    ) -> Result<Vec<&'a StoredJob>> {
        let (plain, others): (Vec<&StoredJob>, Vec<&StoredJob>) =
            jobs.iter().partition(|job| !job.is_followed && job.unique_until.is_none());
        // By how long they are kept, and in an order, so that two who write the same rows do not wait for each other.
        let mut kept: BTreeMap<Duration, Vec<i64>> = BTreeMap::new();
        let mut batches: BTreeMap<i64, i64> = BTreeMap::new();
        for job in &plain {
            kept.entry(self.keep(job)).or_default().push(job.id);
            if let Some(batch) = job.batch {
                *batches.entry(batch).or_default() += 1;
            }
        }
        let done = match kept.len() {
            0 => return Ok(others),
            1 if batches.is_empty() => self.complete_kept(worker, &kept, self.db()).await?,
            _ => {
                let all = async |tx: &Tx| {
                    if !self.complete_kept(worker, &kept, tx).await? {
                        // Some are not this worker's any more: which of them count is found one by one.
                        return Err(Error::conflict("not all").code(NOT_ALL));
                    }
                    for (batch, count) in &batches {
                        following::count(*batch, *count, 0, tx).await?;
                    }
                    Ok(true)
                };
                let all = self.db().transaction_retry(all).await;
                all.or_else(|error| if error.machine_code() == NOT_ALL { Ok(false) } else { Err(error) })?
            }
        };
        if done {
            self.let_others_in(&plain);
            return Ok(others);
        }
        Ok(jobs.to_vec())
    }

    /// Whether all of them were this worker's. One that came to be followed while it ran is not plain any more.
    async fn complete_kept(
        &self,
        worker: i64,
        kept: &BTreeMap<Duration, Vec<i64>>,
        executor: &impl Executor,
    ) -> Result<bool> {
        let (now, mut whole, mut done) = (self.now(), 0, 0);
        for (keep, ids) in kept {
            let ids = ids.clone();
            whole += ids.len() as u64;
            let mine = StoredJob::filter(|job| {
                job.id.is_in(ids)
                    & job.worker.eq(Some(worker))
                    & job.state.eq(State::Running)
                    & job.is_followed.eq(false)
            });
            let change = |job: StoredJobChange| {
                let job = job.state(State::Completed).ended_at(Some(now)).due_at(after(now, *keep));
                job.worker(None).unique_key(None).error(None)
            };
            done += mine.update(change, executor).await?;
        }
        Ok(done == whole)
    }

    /// Ends a job. False: it was this worker's no more, and nothing was changed.
    pub(crate) async fn end(&self, job: &StoredJob, how: &Ending) -> Result<bool> {
        self.db().transaction_retry(async |tx| self.end_in(job, how, tx).await).await
    }

    /// The same in a transaction.
    pub(crate) async fn end_in(&self, job: &StoredJob, how: &Ending, tx: &Tx) -> Result<bool> {
        let Some(state) = self.mark(job, how, tx).await? else { return Ok(false) };
        self.follow(job, state, tx).await?;
        Ok(true)
    }

    /// Writes how a job ends, and in what state that leaves it. None: it was this worker's no more, and nothing was changed.
    ///
    /// One that is to run again, and that somebody has cancelled meanwhile, is cancelled.
    pub(crate) async fn mark(&self, job: &StoredJob, how: &Ending, tx: &Tx) -> Result<Option<State>> {
        match self.write(job, how, tx).await? {
            None if matches!(how, Ending::Retrying { .. } | Ending::Again { .. }) => {
                self.write(job, &Ending::Cancelled, tx).await
            }
            written => Ok(written),
        }
    }

    async fn write(&self, job: &StoredJob, how: &Ending, tx: &Tx) -> Result<Option<State>> {
        let now = self.now();
        let state = how.state(job, now);
        let (attempt, due) = match how {
            Ending::Again { at, .. } => (job.attempt - 1, (*at).max(now)),
            Ending::Retrying { at, .. } => (job.attempt, *at),
            Ending::Dead { .. } => (job.attempt, now),
            _ => (job.attempt, self.kept_until(job, now)),
        };
        let output = match how {
            Ending::Completed { output } => output.clone(),
            _ => None,
        };
        // Free again, unless it is taken for a while or may be needed by another attempt. It is never written back: somebody else may
        // have it by now.
        let is_free = job.unique_until.is_none() && State::OVER.contains(&state);
        let mut mine = own(job);
        if !over(state) {
            mine = mine.filter(|row| row.is_cancelled.eq(false));
        }
        let change = |row: StoredJobChange| {
            let row = row.state(state).attempt(attempt).due_at(due).ended_at(over(state).then_some(now));
            let row = row.worker(None).output(output).error(how.error());
            if is_free { row.unique_key(None) } else { row }
        };
        if mine.update(change, tx).await? == 0 {
            return Ok(None);
        }
        if let Ending::Retrying { error, .. } | Ending::Dead { error } = how {
            self.note_failure(job, error, tx).await?;
        }
        Ok(Some(state))
    }

    /// What else happens when a job has ended so.
    pub(crate) async fn follow(&self, job: &StoredJob, state: State, tx: &Tx) -> Result<()> {
        if over(state) {
            self.after_the_end(job, state, tx).await?;
        }
        following::tell(job, state, tx);
        Ok(())
    }

    /// Keeps what a job has returned after it had ended by itself.
    pub(crate) async fn keep_output(&self, job: &StoredJob, output: String) -> Result<()> {
        let ended = StoredJob::filter(|row| {
            row.id.eq(job.id) & row.attempt.eq(job.attempt) & row.state.eq(State::Completed)
        });
        ended.update(|row| row.output(Some(output)), self.db()).await?;
        Ok(())
    }

    /// What else happens when a job is over: those that follow it, and its batch.
    pub(crate) async fn after_the_end(&self, job: &StoredJob, state: State, tx: &Tx) -> Result<()> {
        match state {
            State::Completed => following::let_follow(job.id, tx).await?,
            // It may be tried again.
            State::Dead => {}
            _ => {
                let why = format!("job {}, which it followed, was {}", job.id, name(state));
                for follower in following::of(job.id).all(tx).await? {
                    self.drop_waiting(&follower, &why, tx).await?;
                }
            }
        }
        if let Some(batch) = job.batch {
            following::count(batch, 1, i64::from(state != State::Completed), tx).await?;
        }
        Ok(())
    }

    /// Cancels a job that does not run, and those that follow it.
    pub(crate) async fn cancel(&self, job: &StoredJob, tx: &Tx) -> Result<()> {
        let why = "it was cancelled".to_owned();
        self.drop_waiting(job, &why, tx).await
    }

    /// One that does not run is cancelled, and those that follow it in turn.
    async fn drop_waiting(&self, first: &StoredJob, why: &str, tx: &Tx) -> Result<()> {
        let now = self.now();
        let mut dropped = vec![first.clone()];
        while let Some(job) = dropped.pop() {
            // What became of one that was read without a lock holds, if it is something else by now.
            let as_read = StoredJob::filter(|row| row.id.eq(job.id) & row.state.eq(job.state));
            let change = |row: StoredJobChange| {
                let row = row.state(State::Cancelled).ended_at(Some(now)).due_at(self.kept_until(&job, now));
                row.unique_key(None).error(Some(why.to_owned()))
            };
            if as_read.update(change, tx).await? == 0 {
                continue;
            }
            // A dead one is counted already.
            if let Some(batch) = job.batch.filter(|_| job.state != State::Dead) {
                following::count(batch, 1, 1, tx).await?;
            }
            following::tell(&job, State::Cancelled, tx);
            dropped.extend(following::of(job.id).all(tx).await?);
        }
        Ok(())
    }

    /// A job of a batch is deleted that was not successful. Nobody can try it again, so that what follows the success of all never will:
    /// it is cancelled, and the batch knows it no more.
    pub(crate) async fn give_up_success(&self, batch: i64, tx: &Tx) -> Result<()> {
        let row = || StoredBatch::filter(|row| row.id.eq(batch));
        let found = row().for_update().first(tx).await?;
        let Some(follower) = found.and_then(|batch| batch.on_success) else { return Ok(()) };
        row().update(|row| row.on_success(None), tx).await?;
        let waiting = StoredJob::filter(|row| row.id.eq(follower) & row.state.eq(State::Following));
        if let Some(job) = waiting.first(tx).await? {
            self.cancel(&job, tx).await?;
        }
        Ok(())
    }

    pub(crate) async fn note_failure(
        &self,
        job: &StoredJob,
        error: &str,
        executor: &impl Executor,
    ) -> Result<()> {
        let worker = job.worker.map(|worker| worker.to_string()).unwrap_or_default();
        let failure = NewStoredFailure {
            job: job.id,
            attempt: job.attempt,
            at: self.now(),
            worker,
            error: error.to_owned(),
        };
        failure.insert(executor).await?;
        Ok(())
    }

    /// Jobs of keys that these have held may come in.
    fn let_others_in(&self, jobs: &[&StoredJob]) {
        if jobs.iter().any(|job| job.limit_key.is_some()) {
            self.db().signal(topic::DUE);
        }
    }

    /// How long it is kept after it has succeeded, was cancelled or discarded.
    fn keep(&self, job: &StoredJob) -> Duration {
        let spec = self.registry().spec(&job.kind);
        spec.and_then(|spec| spec.keep).unwrap_or(self.0.keep_completed)
    }

    fn kept_until(&self, job: &StoredJob, now: DateTime<Utc>) -> DateTime<Utc> {
        let until = after(now, self.keep(job));
        job.unique_until.map_or(until, |taken| taken.max(until))
    }
}

/// A job as long as it is this very attempt's: worker and attempt may come again, the moment in which it began does not.
pub(crate) fn own(job: &StoredJob) -> Query<StoredJob> {
    StoredJob::filter(|row| {
        row.id.eq(job.id)
            & row.worker.eq(job.worker)
            & row.attempt.eq(job.attempt)
            & row.started_at.eq(job.started_at)
            & row.state.eq(State::Running)
    })
}

const NOT_ALL: &str = "job_not_all";

fn name(state: State) -> &'static str {
    match state {
        State::Cancelled => "cancelled",
        State::Discarded => "discarded",
        _ => "given up",
    }
}
