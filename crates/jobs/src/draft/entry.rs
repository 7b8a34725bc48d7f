//! How a job is written, whatever its type.

use std::time::Duration;

use chrono::{DateTime, Utc};
use mainstay_core::keys::sha256;
use mainstay_core::{Error, Result};
use mainstay_db::{Executor, Tx};

use super::{Enqueued, JobId};
use crate::job::Job;
use crate::spec::{JobSpec, Unique};
use crate::stored::{NewStoredJob, State, StoredJob, StoredJobDraft};
use crate::topic;

/// When a job is to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    Now,
    In(Duration),
    At(DateTime<Utc>),
}

impl Due {
    fn time(self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Self::Now => now,
            Self::In(wait) => after(now, wait),
            Self::At(time) => time.max(now),
        }
    }
}

/// `wait` after `now`, or the end of time.
pub(crate) fn after(now: DateTime<Utc>, wait: Duration) -> DateTime<Utc> {
    /// What every engine can store.
    const LATEST: i64 = 253_370_764_800;
    let latest = DateTime::from_timestamp(LATEST, 0).unwrap_or(DateTime::<Utc>::MAX_UTC);
    let wait = chrono::TimeDelta::from_std(wait).unwrap_or(chrono::TimeDelta::MAX);
    now.checked_add_signed(wait).map_or(latest, |time| time.min(latest))
}

/// A job as it is written.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) spec: &'static JobSpec,
    pub(crate) args: String,
    pub(crate) queue: String,
    pub(crate) priority: i16,
    pub(crate) due: Due,
    pub(crate) scheduled_for: Option<DateTime<Utc>>,
    pub(crate) batch: Option<i64>,
    pub(crate) follows: Option<i64>,
    pub(crate) is_followed: bool,
    /// Whether it waits for somebody to set it free.
    pub(crate) waits: bool,
    pub(crate) limit_key: Option<String>,
    pub(crate) unique_key: Option<String>,
}

/// How many times it is looked for the job that is in the way: each time another one may have come and gone.
const TRIES: usize = 5;

impl Entry {
    pub(crate) fn of<J: Job>(job: &J) -> Result<Self> {
        let spec = const { &J::SPEC };
        let unique_key = unique_key(job)?;
        let limit_key = spec.is_limited().then(|| limit_key(spec.name, job.limit_by()));
        Ok(Self {
            spec,
            args: serde_json::to_string(job)?,
            queue: spec.queue.to_owned(),
            priority: spec.priority,
            due: Due::Now,
            scheduled_for: None,
            batch: None,
            follows: None,
            is_followed: false,
            waits: false,
            limit_key,
            unique_key,
        })
    }

    /// Writes it, and tells the workers when it is committed.
    pub(crate) async fn enqueue(self, executor: &impl Executor) -> Result<Enqueued> {
        let now = executor.target().now();
        let Some(key) = self.unique_key.clone() else {
            let row = self.draft(now).insert(executor).await?;
            self.tell(row.state, executor);
            return Ok(Enqueued { id: JobId(row.id), is_new: true });
        };
        for _ in 0..TRIES {
            if let Some(row) = self.draft(now).insert_or_ignore(|job| job.unique_key, executor).await? {
                self.tell(row.state, executor);
                return Ok(Enqueued { id: JobId(row.id), is_new: true });
            }
            let found = StoredJob::filter(|job| job.unique_key.eq(Some(key.clone()))).first(executor).await?;
            // Over since.
            let Some(there) = found else { continue };
            if there.gives_way(now) {
                StoredJob::filter(|job| {
                    job.id.eq(there.id) & (job.state.eq(State::Dead) | job.unique_until.le(Some(now)))
                })
                .update(|job| job.unique_key(None), executor)
                .await?;
                continue;
            }
            if self.spec.debounce.is_none() || self.put_off(&there, now, executor).await? {
                return Ok(Enqueued { id: JobId(there.id), is_new: false });
            }
        }
        Err(Error::conflict("A job that says the same comes and goes; try again.").code("job_in_the_way"))
    }

    /// Writes many: in few statements, those that may be there as often as they like.
    pub(crate) async fn enqueue_all(entries: impl IntoIterator<Item = Self>, tx: &Tx) -> Result<()> {
        let now = tx.target().now();
        let (unique, others): (Vec<_>, Vec<_>) =
            entries.into_iter().partition(|entry| entry.unique_key.is_some());
        StoredJob::insert_all(others.iter().map(|entry| entry.draft(now)), tx).await?;
        for entry in others {
            entry.tell(entry.state_and_due(now).0, tx);
        }
        for entry in unique {
            entry.enqueue_new(tx).await?;
        }
        Ok(())
    }

    /// Writes one that has a place among others, and so cannot be one that is there already.
    pub(crate) async fn enqueue_new(self, tx: &Tx) -> Result<JobId> {
        let kind = self.spec.name;
        let enqueued = self.enqueue(tx).await?;
        if enqueued.is_new {
            return Ok(enqueued.id);
        }
        let told = format!("job {} says the same as a `{kind}` of a chain or a batch", enqueued.id);
        Err(Error::conflict("A job that says the same is there already.")
            .code("job_in_the_way")
            .context(told))
    }

    /// Has the one that waits wait again, with what this one says. False: it has begun since.
    async fn put_off(&self, there: &StoredJob, now: DateTime<Utc>, executor: &impl Executor) -> Result<bool> {
        let (state, due) = self.state_and_due(now);
        let (waiting, state) = match there.state {
            // Not sooner than this, nor before the job that it waits for is over.
            State::Following => (vec![State::Following], State::Following),
            _ => (vec![State::Scheduled, State::Blocked, State::Ready], state),
        };
        let changed = StoredJob::filter(|job| {
            job.id.eq(there.id) & job.unique_key.eq(there.unique_key.clone()) & job.state.is_in(waiting)
        })
        .update(|job| job.args(self.args.clone()).state(state).due_at(due).version(self.version()), executor)
        .await?;
        self.tell(state, executor);
        Ok(changed == 1)
    }

    fn version(&self) -> i32 {
        i32::try_from(self.spec.version).unwrap_or(i32::MAX)
    }

    fn state_and_due(&self, now: DateTime<Utc>) -> (State, DateTime<Utc>) {
        let due = match (self.due, self.spec.debounce) {
            (Due::Now, Some(wait)) => after(now, wait),
            (due, _) => due.time(now),
        };
        let state = match self.waits || self.follows.is_some() {
            true => State::Following,
            false => State::of_free(due, now, self.limit_key.as_deref()),
        };
        (state, due)
    }

    fn draft(&self, now: DateTime<Utc>) -> StoredJobDraft {
        let (state, due_at) = self.state_and_due(now);
        let attempts = i32::try_from(self.spec.attempts.max(1)).unwrap_or(i32::MAX);
        let unique_until = match self.spec.unique {
            Some(Unique::For(window)) => Some(after(now, window)),
            _ => None,
        };
        let until_started = self.spec.unique == Some(Unique::UntilStarted) || self.spec.debounce.is_some();
        NewStoredJob {
            kind: self.spec.name.to_owned(),
            args: self.args.clone(),
            queue: self.queue.clone(),
            state,
            due_at,
            attempts,
            created_at: now,
        }
        .version(self.version())
        .priority(self.priority)
        .limit_key(self.limit_key.clone())
        .unique_key(self.unique_key.clone())
        .unique_until(unique_until)
        .unique_until_started(until_started)
        .scheduled_for(self.scheduled_for)
        .batch(self.batch)
        .follows(self.follows)
        .is_followed(self.is_followed)
    }

    fn tell(&self, state: State, executor: &impl Executor) {
        topic::tell(executor, state, (&self.queue, self.limit_key.is_some()));
    }
}

/// What no two jobs have at the same time. None for a kind of which there may be as many as one likes.
pub(crate) fn unique_key<J: Job>(job: &J) -> Result<Option<String>> {
    let spec = &J::SPEC;
    if spec.unique.is_none() && spec.debounce.is_none() {
        return Ok(None);
    }
    Ok(Some(sha256::hex(format!("{}\n{}", spec.name, job.unique_by()?).as_bytes())))
}

/// What the limits of a kind are counted by. One that is too long is kept as its digest.
fn limit_key(kind: &str, by: Option<String>) -> String {
    let Some(by) = by else { return kind.to_owned() };
    let key = format!("{kind}:{by}");
    if key.chars().count() <= 200 { key } else { format!("{kind}:{}", sha256::hex(by.as_bytes())) }
}
