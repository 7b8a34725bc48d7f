//! What becomes of a job that ran, and of those that wait for it.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use mainstay_core::Result;
use mainstay_db::Tx;

use super::Ledger;
use crate::draft::after;
use crate::following;
use crate::stored::{NewStoredFailure, State, StoredJob};
use crate::topic;

/// What becomes of a job that ran.
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

/// The longest text of an error that is stored, in bytes.
const LONGEST_ERROR: usize = 8 << 10;

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
            Self::Again { at, .. } if *at > now => State::Scheduled,
            Self::Again { .. } if job.limit_key.is_some() => State::Blocked,
            Self::Again { .. } => State::Ready,
        }
    }

    fn error(&self) -> Option<String> {
        match self {
            Self::Retrying { error, .. } | Self::Dead { error } | Self::Discarded { error } => {
                Some(cut(error))
            }
            Self::Again { error, .. } => error.as_deref().map(cut),
            Self::Completed { .. } | Self::Cancelled => None,
        }
    }

    fn is_failure(&self) -> bool {
        matches!(self, Self::Retrying { .. } | Self::Dead { .. })
    }
}

impl Ledger {
    /// Writes that jobs of this worker have succeeded: in one statement, those of whom nothing more is to be done. Returns the
    /// others, which are to be ended one by one.
    pub(crate) async fn complete_all<'a>(
        &self,
        worker: i64,
        jobs: &[&'a StoredJob],
    ) -> Result<Vec<&'a StoredJob>> {
        let (plain, others): (Vec<&StoredJob>, Vec<&StoredJob>) =
            jobs.iter().partition(|job| !job.is_followed && job.unique_until.is_none());
        if plain.is_empty() {
            return Ok(others);
        }
        let (now, ids) = (self.now(), plain.iter().map(|job| job.id).collect::<Vec<_>>());
        let due = plain.iter().filter_map(|job| self.keep(job)).max().unwrap_or(self.0.keep_completed);
        let mut batches: HashMap<i64, i64> = HashMap::new();
        for batch in plain.iter().filter_map(|job| job.batch) {
            *batches.entry(batch).or_default() += 1;
        }
        let complete = |ids: Vec<i64>| {
            // One that came to be followed while it ran is not plain any more.
            StoredJob::filter(|job| {
                job.id.is_in(ids)
                    & job.worker.eq(Some(worker))
                    & job.state.eq(State::Running)
                    & job.is_followed.eq(false)
            })
        };
        let change = |job: crate::stored::StoredJobChange| {
            job.state(State::Completed)
                .ended_at(Some(now))
                .due_at(after(now, due))
                .worker(None)
                .unique_key(None)
                .error(None)
        };
        let whole = u64::try_from(ids.len()).unwrap_or(u64::MAX);
        let done = if batches.is_empty() {
            complete(ids).update(change, self.db()).await? == whole
        } else {
            self.db()
                .transaction_retry(async |tx| {
                    let done = complete(ids.clone()).update(change, tx).await? == whole;
                    if !done {
                        // Some are not this worker's any more: which of them count is found one by one.
                        return Err(mainstay_core::Error::conflict("not all").code(NOT_ALL));
                    }
                    for (batch, count) in &batches {
                        following::count(*batch, *count, 0, tx).await?;
                    }
                    Ok(true)
                })
                .await
                .or_else(|error| if error.machine_code() == NOT_ALL { Ok(false) } else { Err(error) })?
        };
        if done {
            self.let_others_in(&plain);
            return Ok(others);
        }
        Ok(jobs.to_vec())
    }

    /// Ends a job. False: it was this worker's no more, and nothing was changed.
    pub(crate) async fn end(&self, job: &StoredJob, how: &Ending) -> Result<bool> {
        self.db().transaction_retry(async |tx| self.end_in(job, how, tx).await).await
    }

    /// The same in a transaction.
    pub(crate) async fn end_in(&self, job: &StoredJob, how: &Ending, tx: &Tx) -> Result<bool> {
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
        // Free again, unless it is taken for a while or may be needed by another attempt.
        let keeps_others_out = job.unique_until.is_some() || !State::OVER.contains(&state);
        let unique_key = job.unique_key.clone().filter(|_| keeps_others_out);
        let mine = StoredJob::filter(|row| {
            row.id.eq(job.id)
                & row.worker.eq(job.worker)
                & row.attempt.eq(job.attempt)
                & row.state.eq(State::Running)
        });
        let changed = mine
            .update(
                |row| {
                    row.state(state)
                        .attempt(attempt)
                        .due_at(due)
                        .ended_at(over(state).then_some(now))
                        .worker(None)
                        .unique_key(unique_key)
                        .output(output)
                        .error(how.error())
                },
                tx,
            )
            .await?;
        if changed == 0 {
            return Ok(false);
        }
        if how.is_failure() {
            self.note_failure(job, &how.error().unwrap_or_default(), tx).await?;
        }
        if over(state) {
            self.after_the_end(job, state, tx).await?;
        }
        following::tell(job, state, tx);
        Ok(true)
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
            StoredJob::filter(|row| row.id.eq(job.id))
                .update(
                    |row| {
                        row.state(State::Cancelled)
                            .ended_at(Some(now))
                            .due_at(self.kept_until(&job, now))
                            .unique_key(None)
                            .error(Some(why.to_owned()))
                    },
                    tx,
                )
                .await?;
            // A dead one is counted already.
            if let Some(batch) = job.batch.filter(|_| job.state != State::Dead) {
                following::count(batch, 1, 1, tx).await?;
            }
            following::tell(&job, State::Cancelled, tx);
            dropped.extend(following::of(job.id).all(tx).await?);
        }
        Ok(())
    }

    pub(crate) async fn note_failure(&self, job: &StoredJob, error: &str, tx: &Tx) -> Result<()> {
        let worker = job.worker.map(|worker| worker.to_string()).unwrap_or_default();
        let failure =
            NewStoredFailure { job: job.id, attempt: job.attempt, at: self.now(), worker, error: cut(error) };
        failure.insert(tx).await?;
        Ok(())
    }

    /// Jobs of keys that these have held may come in.
    fn let_others_in(&self, jobs: &[&StoredJob]) {
        if jobs.iter().any(|job| job.limit_key.is_some()) {
            self.db().signal(topic::DUE);
        }
    }

    /// How long its kind says that it is kept.
    fn keep(&self, job: &StoredJob) -> Option<std::time::Duration> {
        self.registry().get(&job.kind).and_then(|(registration, _)| registration.spec.keep)
    }

    fn kept_until(&self, job: &StoredJob, now: DateTime<Utc>) -> DateTime<Utc> {
        let until = after(now, self.keep(job).unwrap_or(self.0.keep_completed));
        job.unique_until.map_or(until, |taken| taken.max(until))
    }
}

const NOT_ALL: &str = "job_not_all";

fn name(state: State) -> &'static str {
    match state {
        State::Cancelled => "cancelled",
        State::Discarded => "discarded",
        _ => "given up",
    }
}

fn cut(error: &str) -> String {
    error[..error.floor_char_boundary(LONGEST_ERROR)].to_owned()
}
