//! Jobs as they are stored. Read these models as you like; write them by [`Jobs`](crate::Jobs) alone.

use chrono::{DateTime, Utc};
use mainstay_db::{DbEnum, model};

/// Where a job stands.
///
/// ```text
/// enqueued ─┬─> scheduled ──┐        ┌──> completed
///           ├─> following ──┼─> ready ──> running ─┼──> retrying ──> (as scheduled)
///           └─> blocked ────┘        ├──> dead ──> (retried by somebody)
///                                    └──> cancelled, discarded
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, DbEnum)]
pub enum State {
    /// It waits for its time.
    Scheduled,
    /// It waits for the end of another job.
    Following,
    /// It waits until its key lets it in: see [`JobSpec::concurrency`](crate::JobSpec::concurrency).
    Blocked,
    /// It may run.
    Ready,
    /// It runs.
    Running,
    /// It has failed, and waits to be tried again.
    Retrying,
    /// It has succeeded.
    Completed,
    /// Somebody has cancelled it.
    Cancelled,
    /// It has said that it need not be done.
    Discarded,
    /// It has failed for good. It stays until somebody tries it again or deletes it.
    Dead,
}

impl State {
    /// What it is stored as: `ready`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Following => "following",
            Self::Blocked => "blocked",
            Self::Ready => "ready",
            Self::Running => "running",
            Self::Retrying => "retrying",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
            Self::Discarded => "discarded",
            Self::Dead => "dead",
        }
    }

    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Scheduled,
        Self::Following,
        Self::Blocked,
        Self::Ready,
        Self::Running,
        Self::Retrying,
        Self::Completed,
        Self::Cancelled,
        Self::Discarded,
        Self::Dead,
    ];
    /// That of a job which waits for no other: for its time, for its key, or for nothing.
    pub(crate) fn of_free(due_at: DateTime<Utc>, now: DateTime<Utc>, limit_key: Option<&str>) -> Self {
        match limit_key {
            _ if due_at > now => Self::Scheduled,
            Some(_) => Self::Blocked,
            None => Self::Ready,
        }
    }

    /// Those that are over, but for [`State::Dead`].
    pub const OVER: [Self; 3] = [Self::Completed, Self::Cancelled, Self::Discarded];
    /// Those that wait for something.
    pub const WAITING: [Self; 5] =
        [Self::Scheduled, Self::Following, Self::Blocked, Self::Ready, Self::Retrying];
}

/// A job.
#[model(table = "mainstay_jobs")]
#[index(queue, state, priority, id)]
#[index(state, due_at, id)]
#[index(state, limit_key, priority, id)]
pub struct StoredJob {
    /// Its number.
    pub id: i64,
    /// Which kind: [`JobSpec::name`](crate::JobSpec::name).
    #[field(max_length = 200)]
    pub kind: String,
    /// The version of its arguments.
    #[field(default = 1)]
    pub version: i32,
    /// Its arguments, as JSON.
    pub args: String,
    /// In which queue.
    #[field(max_length = 100)]
    pub queue: String,
    /// The smallest comes first.
    #[field(default = 0)]
    pub priority: i16,
    /// Where it stands.
    pub state: State,
    /// When the next thing is to happen to it: it becomes ready, or is deleted. Of one that is ready or runs: since when.
    pub due_at: DateTime<Utc>,
    /// How many times it has been begun.
    #[field(default = 0)]
    pub attempt: i32,
    /// How many times it may be.
    pub attempts: i32,
    /// When it was enqueued.
    pub created_at: DateTime<Utc>,
    /// For which time a schedule has enqueued it.
    pub scheduled_for: Option<DateTime<Utc>>,
    /// When it was begun for the last time.
    pub started_at: Option<DateTime<Utc>>,
    /// When it was over.
    pub ended_at: Option<DateTime<Utc>>,
    /// Who runs it: a [`StoredWorker`].
    pub worker: Option<i64>,
    /// What its concurrency and rate are limited by.
    #[field(max_length = 200)]
    pub limit_key: Option<String>,
    /// What no other job may have.
    #[field(unique, max_length = 64)]
    pub unique_key: Option<String>,
    /// Until when, where that is a time.
    pub unique_until: Option<DateTime<Utc>>,
    /// Whether it is free as soon as the job begins.
    #[field(default = false)]
    pub unique_until_started: bool,
    /// The batch that it is part of: a [`StoredBatch`].
    pub batch: Option<i64>,
    /// The job whose success it waits for.
    #[field(index)]
    pub follows: Option<i64>,
    /// Whether others wait for its success.
    #[field(default = false)]
    pub is_followed: bool,
    /// Whether somebody wants it to stop.
    #[field(default = false)]
    pub is_cancelled: bool,
    /// How far it has come.
    pub progress: Option<i64>,
    /// Of how much.
    pub progress_of: Option<i64>,
    /// Where it goes on after it was interrupted, as JSON.
    pub cursor: Option<String>,
    /// What it has returned, as JSON.
    pub output: Option<String>,
    /// Why the last attempt failed.
    pub error: Option<String>,
}

impl StoredJob {
    /// Whether one that says the same may take its place: its window is over, or it is dead, and whoever tries it again wants that one.
    pub(crate) fn gives_way(&self, now: DateTime<Utc>) -> bool {
        self.state == State::Dead || self.unique_until.is_some_and(|until| until <= now)
    }
}

/// An attempt that failed.
#[model(table = "mainstay_job_failures")]
#[index(job, attempt)]
pub struct StoredFailure {
    /// Its number.
    pub id: i64,
    /// Of which job.
    pub job: i64,
    /// Which attempt.
    pub attempt: i32,
    /// When it failed.
    pub at: DateTime<Utc>,
    /// The worker, by its name.
    #[field(max_length = 200)]
    pub worker: String,
    /// Why.
    pub error: String,
}

/// A process that runs jobs.
#[model(table = "mainstay_job_workers")]
pub struct StoredWorker {
    /// Its number. A process that was taken for dead comes back with another one.
    pub id: i64,
    /// Host and process.
    #[field(max_length = 200)]
    pub name: String,
    /// The queues that it takes jobs from, with commas between.
    pub queues: String,
    /// Since when.
    pub started_at: DateTime<Utc>,
    /// Counted on while it lives. Others compare the count, not the time, so that no clock can make a worker look dead.
    #[field(default = 0)]
    pub beats: i64,
    /// When it was counted on the last time, by the clock of the worker.
    pub beat_at: DateTime<Utc>,
}

/// A queue that somebody has paused.
#[model(table = "mainstay_job_pauses")]
pub struct StoredPause {
    /// Its name.
    #[field(primary_key, max_length = 100)]
    pub queue: String,
    /// Since when.
    pub since: DateTime<Utc>,
}

/// What a key has let in: whoever lets a job in locks the row.
#[model(table = "mainstay_job_limits")]
pub struct StoredLimit {
    /// The key.
    #[field(primary_key, max_length = 200)]
    pub key: String,
    /// Until when the rate of the key is used up.
    pub free_at: DateTime<Utc>,
}

/// What is known of a schedule.
#[model(table = "mainstay_job_schedules")]
pub struct StoredSchedule {
    /// Its name.
    #[field(primary_key, max_length = 200)]
    pub name: String,
    /// Its pattern or period, as it was when `next_at` was counted.
    pub rhythm: String,
    /// When it is time.
    pub next_at: DateTime<Utc>,
    /// The last time that it was for.
    pub last_for: Option<DateTime<Utc>>,
    /// The last job that it has enqueued.
    pub last_job: Option<i64>,
    /// Whether somebody has paused it.
    #[field(default = false)]
    pub is_paused: bool,
}

/// Jobs that belong together.
#[model(table = "mainstay_job_batches")]
pub struct StoredBatch {
    /// Its number.
    pub id: i64,
    /// What it is called.
    #[field(max_length = 200)]
    pub name: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// How many jobs it has.
    pub total: i64,
    /// How many of them are not over yet.
    pub open: i64,
    /// How many were not successful: dead, cancelled or discarded.
    #[field(default = 0)]
    pub failed: i64,
    /// The job that follows when all have succeeded.
    pub on_success: Option<i64>,
    /// The job that follows when all are over.
    pub on_end: Option<i64>,
    /// When the last of them was over.
    #[field(index)]
    pub ended_at: Option<DateTime<Utc>>,
}
