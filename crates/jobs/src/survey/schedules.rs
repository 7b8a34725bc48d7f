//! What is enqueued by the clock, and what somebody does about it.

use chrono::{DateTime, Utc};
use mainstay_core::{Error, Inject, Result};
use serde::Serialize;

use crate::draft::JobId;
use crate::jobs::Jobs;
use crate::schedule::Timetable;
use crate::stored::{NewStoredSchedule, StoredSchedule};

/// A schedule, as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ScheduleState {
    /// Its name.
    pub name: &'static str,
    /// Its pattern or period, with its time zone.
    pub rhythm: String,
    /// Which kind of job it enqueues.
    pub kind: Option<&'static str>,
    /// When it is time. One that is past waits for a worker. None: never again.
    pub next_at: Option<DateTime<Utc>>,
    /// The last time that it was for.
    pub last_for: Option<DateTime<Utc>>,
    /// The last job that it has enqueued.
    pub last_job: Option<i64>,
    /// Whether somebody has paused it.
    pub is_paused: bool,
}

impl Jobs {
    /// The schedules of this application, by name.
    ///
    /// # Errors
    ///
    /// When the database cannot be asked.
    pub async fn schedules(&self) -> Result<Vec<ScheduleState>> {
        let timetable = self.timetable().await?;
        let stored = timetable.stored().await?;
        let state = |schedule: &crate::schedule::Schedule| {
            let row = stored.iter().find(|row| row.name == schedule.name);
            let rhythm = schedule.rhythm.to_string();
            // What was noted by another pattern holds no more.
            let noted = row.filter(|row| row.rhythm == rhythm).map(|row| row.next_at);
            ScheduleState {
                name: schedule.name,
                kind: schedule.entry.as_ref().ok().map(|entry| entry.spec.name),
                next_at: noted.or_else(|| timetable.next(schedule)),
                last_for: row.and_then(|row| row.last_for),
                last_job: row.and_then(|row| row.last_job),
                is_paused: row.is_some_and(|row| row.is_paused),
                rhythm,
            }
        };
        let mut schedules: Vec<_> = timetable.schedules().iter().map(state).collect();
        schedules.sort_by_key(|schedule| schedule.name);
        Ok(schedules)
    }

    /// Enqueues the job of a schedule now, whether it is time or not, and returns which it is.
    ///
    /// # Errors
    ///
    /// 404 when there is no such schedule.
    pub async fn run_schedule(&self, name: &str) -> Result<JobId> {
        self.timetable().await?.run(name).await
    }

    /// A schedule enqueues nothing until it is [resumed](Self::resume_schedule). What it leaves out is not caught up.
    ///
    /// # Errors
    ///
    /// 404 when there is no such schedule.
    pub async fn pause_schedule(&self, name: &str) -> Result<()> {
        self.set_paused(name, true).await
    }

    /// A schedule goes on.
    ///
    /// # Errors
    ///
    /// 404 when there is no such schedule.
    pub async fn resume_schedule(&self, name: &str) -> Result<()> {
        self.set_paused(name, false).await
    }

    async fn set_paused(&self, name: &str, is_paused: bool) -> Result<()> {
        let timetable = self.timetable().await?;
        let schedule = timetable.schedules().iter().find(|schedule| schedule.name == name);
        let schedule = schedule.ok_or_else(|| Error::not_found("There is no such schedule."))?;
        let db = self.ledger().db();
        // No worker may have looked at it yet.
        if let Some(next_at) = timetable.next(schedule) {
            let rhythm = schedule.rhythm.to_string();
            let new = NewStoredSchedule { name: schedule.name.to_owned(), rhythm, next_at };
            new.insert_or_ignore(|row| row.name, db).await?;
        }
        StoredSchedule::filter(|row| row.name.eq(name)).update(|row| row.is_paused(is_paused), db).await?;
        Ok(())
    }

    async fn timetable(&self) -> Result<Inject<Timetable>> {
        self.resolver().get::<Timetable>().await
    }
}
