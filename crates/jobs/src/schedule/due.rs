//! Enqueues what is due, in the transaction that notes it: so each time is enqueued once, however many processes look.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use mainstay_core::{Contributions, Error, Inject, Result};
use mainstay_db::{Db, Executor, Tx};

use super::{CatchUp, Schedule, rhythm};
use crate::config::JobsConfig;
use crate::draft::JobId;
use crate::ledger::{Ledger, over};
use crate::stored::{NewStoredSchedule, StoredJob, StoredSchedule};

/// So many times are caught up at most.
const MOST: usize = 1_000;
/// How late a time is caught that is to be skipped when it was missed.
const GRACE: TimeDelta = TimeDelta::minutes(1);
/// A time that was run is not run again after a clock was set back, unless that was by so much.
const JUMP: TimeDelta = TimeDelta::hours(1);

/// The schedules of the application.
pub(crate) struct Timetable {
    ledger: Inject<Ledger>,
    schedules: Vec<Schedule>,
    zone: Tz,
}

impl Timetable {
    pub(crate) fn new(
        ledger: Inject<Ledger>,
        contributions: Inject<Contributions>,
        config: Inject<JobsConfig>,
    ) -> Self {
        // It was a finding of the start, if it is none.
        let zone = rhythm::zone(&config.time_zone).unwrap_or(Tz::UTC);
        Self { ledger, schedules: super::all(&contributions), zone }
    }

    pub(crate) fn schedules(&self) -> &[Schedule] {
        &self.schedules
    }

    pub(crate) fn next(&self, schedule: &Schedule) -> Option<DateTime<Utc>> {
        schedule.next(self.ledger.now(), self.zone)
    }

    fn db(&self) -> &Db {
        self.ledger.db()
    }

    /// What is known of each, by its name.
    pub(crate) async fn stored(&self) -> Result<Vec<StoredSchedule>> {
        StoredSchedule::query().order_by(|row| row.name).all(self.db()).await
    }

    /// Enqueues what is due. Returns how long until the next one is.
    pub(crate) async fn enqueue_due(&self) -> Result<Option<Duration>> {
        if self.schedules.is_empty() {
            return Ok(None);
        }
        let now = self.ledger.now();
        let stored = self.stored().await?;
        let mut next: Option<DateTime<Utc>> = None;
        let mut failed = Ok(());
        for schedule in &self.schedules {
            let row = stored.iter().find(|row| row.name == schedule.name);
            let coming = match row {
                Some(row) if self.is_as_it_was(schedule, row, now) && row.next_at > now => Some(row.next_at),
                _ => {
                    let looked = self.db().transaction_retry(async |tx| self.look(schedule, tx).await).await;
                    // One that fails keeps no other from its turn.
                    looked.unwrap_or_else(|error| {
                        failed = Err(error.context(format!("schedule `{}`", schedule.name)));
                        None
                    })
                }
            };
            next = next.into_iter().chain(coming).min();
        }
        failed.map(|()| next.map(|next| (next - now).to_std().unwrap_or_default()))
    }

    /// Whether the next time that is noted follows from what the application says, and from the clock.
    fn is_as_it_was(&self, schedule: &Schedule, row: &StoredSchedule, now: DateTime<Utc>) -> bool {
        row.rhythm == schedule.rhythm.to_string() && row.last_for.is_none_or(|last| last - now < JUMP)
    }

    /// Looks at one while nobody else does. Returns its next time.
    async fn look(&self, schedule: &Schedule, tx: &Tx) -> Result<Option<DateTime<Utc>>> {
        let now = self.ledger.now();
        let rhythm = schedule.rhythm.to_string();
        let locked = || StoredSchedule::filter(|row| row.name.eq(schedule.name)).for_update();
        let Some(row) = locked().first(tx).await? else {
            let Some(next_at) = schedule.next(now, self.zone) else { return Ok(None) };
            let new = NewStoredSchedule { name: schedule.name.to_owned(), rhythm, next_at };
            new.insert_or_ignore(|row| row.name, tx).await?;
            return Ok(Some(next_at));
        };
        let due = match self.is_as_it_was(schedule, &row, now) {
            true if row.next_at <= now => self.due(schedule, row.next_at, now),
            true => return Ok(Some(row.next_at)),
            false => Vec::new(),
        };
        let mut last_job = row.last_job;
        let overlaps = schedule.may_overlap || schedule.catch_up == CatchUp::All;
        for time in due.iter().filter(|_| !row.is_paused) {
            if overlaps || !self.is_open(last_job, tx).await? {
                last_job = Some(self.enqueue(schedule, *time, tx).await?.0);
            }
        }
        // Not by the clock alone, which may have been set back a little.
        let from = due.last().copied().unwrap_or(now).max(now);
        let Some(next_at) = schedule.next(from, self.zone) else { return Ok(None) };
        let last_for = due.last().copied().or(row.last_for.filter(|last| *last - now < JUMP));
        locked()
            .update(|change| change.rhythm(rhythm).next_at(next_at).last_for(last_for).last_job(last_job), tx)
            .await?;
        Ok(Some(next_at))
    }

    /// The times that are to be enqueued now, of those from `first` on.
    fn due(&self, schedule: &Schedule, first: DateTime<Utc>, now: DateTime<Utc>) -> Vec<DateTime<Utc>> {
        let last = schedule.rhythm.last(now, self.zone);
        match schedule.catch_up {
            CatchUp::All => {
                let next = |time: &DateTime<Utc>| schedule.next(*time, self.zone).filter(|next| *next <= now);
                std::iter::successors(Some(first), next).take(MOST).collect()
            }
            CatchUp::Once => last.into_iter().collect(),
            CatchUp::Skip => last.filter(|last| now - *last <= GRACE).into_iter().collect(),
        }
    }

    async fn is_open(&self, job: Option<i64>, tx: &Tx) -> Result<bool> {
        let Some(job) = job else { return Ok(false) };
        let job = StoredJob::filter(|row| row.id.eq(job)).first(tx).await?;
        Ok(job.is_some_and(|job| !over(job.state)))
    }

    /// Enqueues the job of a schedule now.
    ///
    /// # Errors
    ///
    /// 404 when there is no such schedule.
    pub(crate) async fn run(&self, name: &str) -> Result<JobId> {
        let schedule = self.schedules.iter().find(|schedule| schedule.name == name);
        let schedule = schedule.ok_or_else(|| {
            let known = self.schedules.iter().map(|schedule| schedule.name);
            let hint = mainstay_core::config::did_you_mean(name, known);
            Error::not_found(format!("there is no schedule `{name}`{hint}"))
        })?;
        let now = self.ledger.now();
        self.db().transaction(async |tx| self.enqueue(schedule, now, tx).await).await
    }

    async fn enqueue(
        &self,
        schedule: &Schedule,
        time: DateTime<Utc>,
        executor: &impl Executor,
    ) -> Result<JobId> {
        let mut entry = schedule.entry.clone().map_err(Error::internal)?;
        entry.scheduled_for = Some(time);
        Ok(entry.enqueue(executor).await?.id)
    }
}
