//! Jobs that are enqueued by the clock: once for all processes.
//!
//! - this file: [`Schedule`], what an application says.
//! - `rhythm`: when it is time, in a time zone.
//! - `due`: enqueues what is due, in the transaction that notes it.
//! - `command`: `schedule list`, `schedule run`.

mod command;
mod due;
mod rhythm;

use std::time::Duration;

use chrono::{DateTime, Utc};
use mainstay_core::{Contribute, Contribution, Contributions, Module, Result};

use crate::draft::{Draft, Entry};
use crate::job::Job;

pub(crate) use command::command;
pub(crate) use due::Timetable;
pub(crate) use rhythm::Rhythm;

/// A job that is enqueued by the clock, once for all processes of the application.
///
/// ```
/// use std::time::Duration;
/// use mainstay_core::{App, Result};
/// use mainstay_jobs::{Job, JobsExt, Schedule, SchedulesExt, jobs};
/// use serde::{Deserialize, Serialize};
///
/// /// Sends everybody what is new.
/// #[derive(Job, Serialize, Deserialize)]
/// struct Digest;
///
/// impl Digest {
///     async fn run(self) -> Result<()> {
///         Ok(())
///     }
/// }
///
/// let app = App::new()
///     .jobs(jobs![Digest])
///     .schedule(Schedule::cron("weekly digest", "0 7 * * MON", Digest).time_zone("Europe/Berlin"))
///     .schedule(Schedule::every("hourly digest", Duration::from_secs(3600), Digest));
/// ```
///
/// A pattern has five fields (minute, hour, day of the month, month, day of the week), or six, of which the first are seconds; names
/// (`MON`, `JAN`), ranges, steps, lists, `L` (the last), `#` (`MON#2`, the second Monday), `@daily` and its like. A time that is left out
/// when clocks are set forward is run at the next time of the pattern; one that comes twice when they are set back is run once. What has
/// steps or wildcards in the time of day goes by what the clock on the wall shows.
///
/// Nothing overlaps unless it [may](Self::may_overlap): while the job of the time before is not over, there is no other. What was missed
/// while no process ran is [caught up](Self::catch_up) once.
#[derive(Clone, Debug)]
pub struct Schedule {
    pub(crate) name: &'static str,
    pub(crate) rhythm: Rhythm,
    pub(crate) entry: Result<Entry, String>,
    pub(crate) catch_up: CatchUp,
    pub(crate) may_overlap: bool,
}

/// What becomes of times that have passed while no process ran.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CatchUp {
    /// One job for all of them.
    #[default]
    Once,
    /// Nothing: the next time is soon enough.
    Skip,
    /// A job for each, up to a thousand.
    All,
}

impl Schedule {
    /// By a pattern as `cron` has it: see [`Schedule`]. The name tells it from the others, and is kept with what it has done.
    pub fn cron<J: Job>(name: &'static str, pattern: &str, job: impl Into<Draft<J>>) -> Self {
        Self::new(name, Rhythm::cron(pattern), job)
    }

    /// Each time that a while has passed, counted from the beginning of 1970, so that all processes agree. At least a second.
    pub fn every<J: Job>(name: &'static str, period: Duration, job: impl Into<Draft<J>>) -> Self {
        Self::new(name, Rhythm::every(period), job)
    }

    fn new<J: Job>(name: &'static str, rhythm: Rhythm, job: impl Into<Draft<J>>) -> Self {
        let entry = job.into().entry().map_err(|error| error.report());
        Self { name, rhythm, entry, catch_up: CatchUp::default(), may_overlap: false }
    }

    /// Where the clock hangs that the pattern is about: `Europe/Berlin`. `jobs.time_zone` unless it is said.
    #[must_use]
    pub fn time_zone(mut self, name: &str) -> Self {
        self.rhythm = self.rhythm.time_zone(name);
        self
    }

    /// What becomes of times that were missed.
    #[must_use]
    pub fn catch_up(mut self, catch_up: CatchUp) -> Self {
        self.catch_up = catch_up;
        self
    }

    /// Enqueues a job although the one of the time before is not over.
    #[must_use]
    pub fn may_overlap(mut self) -> Self {
        self.may_overlap = true;
        self
    }

    /// The first time after this one. None: there is none.
    pub(crate) fn next(&self, after: DateTime<Utc>, zone: chrono_tz::Tz) -> Option<DateTime<Utc>> {
        self.rhythm.next(after, zone)
    }
}

impl Contribution for Schedule {
    fn installs() -> Option<Module> {
        Some(crate::module::module())
    }
}

/// Adds schedules to an application or a module. In the prelude.
pub trait SchedulesExt: Contribute {
    /// Enqueues a job by the clock.
    #[must_use]
    fn schedule(self, schedule: Schedule) -> Self {
        self.contribute(schedule)
    }
}

impl<C: Contribute> SchedulesExt for C {}

/// Those of the application, as long as none of them is wrong.
pub(crate) fn all(contributions: &Contributions) -> Vec<Schedule> {
    contributions.of::<Schedule>().map(|found| found.value.clone()).collect()
}
