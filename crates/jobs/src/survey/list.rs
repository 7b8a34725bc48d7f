//! Jobs of a state, page by page.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use mainstay_core::{Error, Result};
use mainstay_db::{FromRow, Query, Selection};
use serde::{Serialize, Serializer};

use crate::draft::JobId;
use crate::jobs::Jobs;
use crate::ledger::over;
use crate::stored::{State, StoredJob};

/// Which jobs are listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobFilter {
    /// In this state. None: in any.
    pub state: Option<State>,
    /// In this queue.
    pub queue: Option<String>,
    /// Of this kind.
    pub kind: Option<String>,
    /// Of this batch.
    pub batch: Option<i64>,
}

/// A job in a list: without its arguments, which may be large.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, FromRow)]
pub struct JobLine {
    /// Its number.
    pub id: i64,
    /// Which kind.
    pub kind: String,
    /// In which queue.
    pub queue: String,
    /// Where it stands.
    pub state: State,
    /// Those with the smallest come first.
    pub priority: i16,
    /// When the next thing is to happen to it. Of one that is ready or runs: since when.
    pub due_at: DateTime<Utc>,
    /// How many times it has been begun.
    pub attempt: i32,
    /// How many times it may be.
    pub attempts: i32,
    /// When it was enqueued.
    pub created_at: DateTime<Utc>,
    /// When it was begun for the last time.
    pub started_at: Option<DateTime<Utc>>,
    /// When it was over.
    pub ended_at: Option<DateTime<Utc>>,
    /// Who runs it.
    pub worker: Option<i64>,
    /// How far it has come.
    pub progress: Option<i64>,
    /// Of how much.
    pub progress_of: Option<i64>,
    /// Why the last attempt failed.
    pub error: Option<String>,
}

/// Where a page of a list ends. As a text, it is a part of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    due_at: DateTime<Utc>,
    id: i64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.due_at.timestamp_micros(), self.id)
    }
}

impl FromStr for Place {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let place = text.split_once('.').and_then(|(due_at, id)| {
            let due_at = DateTime::from_timestamp_micros(due_at.parse().ok()?)?;
            Some(Self { due_at, id: id.parse().ok()? })
        });
        place.ok_or_else(|| Error::bad_request("There is no such page.").code("invalid_place"))
    }
}

impl Serialize for Place {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct JobPage {
    /// The jobs. There may be few of them, or none, where many were passed over that the filter leaves out.
    pub jobs: Vec<JobLine>,
    /// Where the next page begins, if there may be one.
    pub next: Option<Place>,
}

/// Where a filter leaves jobs out, so many are looked at in a step, and so many steps are made for a page.
const STEP: u64 = 500;
const STEPS: usize = 10;

impl Jobs {
    /// Jobs, page by page: those that wait in the order of their time, those that are over the last one first. Without a state, those that
    /// were enqueued last come first.
    ///
    /// # Errors
    ///
    /// When the database cannot be asked.
    pub async fn list(&self, filter: &JobFilter, after: Option<Place>, length: u64) -> Result<JobPage> {
        if filter.is_narrow() {
            return self.look(filter, after, length).await;
        }
        let order = Order::of(filter.state);
        let page = order.sort(order.after(in_state(filter.state), after));
        let mut jobs = lines(page.limit(length + 1)).all(self.ledger().db()).await?;
        let is_full = jobs.len() as u64 > length;
        jobs.truncate(usize::try_from(length).unwrap_or(usize::MAX));
        let next = jobs.last().filter(|_| is_full).map(|job| Place { due_at: job.due_at, id: job.id });
        Ok(JobPage { jobs, next })
    }

    /// A page of those that no index finds. What is left out costs as well, so that no page looks at more than some thousands.
    async fn look(&self, filter: &JobFilter, mut after: Option<Place>, length: u64) -> Result<JobPage> {
        let (order, db) = (Order::of(filter.state), self.ledger().db());
        let mut found: Vec<Place> = Vec::new();
        let mut next = None;
        for step in 0..STEPS {
            let looked = order.sort(order.after(in_state(filter.state), after)).limit(STEP);
            let looked =
                looked.select(|job| (job.due_at, job.id, job.kind, job.queue, job.batch)).all(db).await?;
            let is_end = (looked.len() as u64) < STEP;
            for (due_at, id, kind, queue, batch) in looked {
                let place = Place { due_at, id };
                if filter.lets_through(&kind, &queue, batch) {
                    found.push(place);
                }
                after = Some(place);
                if found.len() as u64 > length {
                    break;
                }
            }
            if found.len() as u64 > length {
                found.pop();
                next = found.last().copied();
                break;
            }
            if is_end {
                break;
            }
            next = after.filter(|_| step + 1 == STEPS);
        }
        let ids: Vec<i64> = found.iter().map(|place| place.id).collect();
        let mut jobs = match ids.is_empty() {
            true => Vec::new(),
            false => lines(StoredJob::filter(|job| job.id.is_in(ids.clone()))).all(db).await?,
        };
        // One may have gone on since.
        jobs.retain(|job| filter.state.is_none_or(|state| job.state == state));
        jobs.sort_by_key(|job| ids.iter().position(|id| *id == job.id));
        Ok(JobPage { jobs, next })
    }

    /// Tries jobs again that were dead before then, so many at most, and that the filter lets through, whose state does not matter. Returns
    /// how many, and whether that was all of them.
    ///
    /// # Errors
    ///
    /// When the database cannot be asked. Some may run again by then.
    pub async fn retry_dead(
        &self,
        filter: &JobFilter,
        before: DateTime<Utc>,
        most: usize,
    ) -> Result<(usize, bool)> {
        const PAGE: u64 = 100;
        let filter = JobFilter { state: Some(State::Dead), ..filter.clone() };
        // The last one first: what dies again meanwhile lies before the first page.
        let (mut after, mut tried) = (Some(Place { due_at: before, id: 0 }), 0);
        loop {
            let page = self.list(&filter, after, PAGE).await?;
            for job in page.jobs {
                if tried == most {
                    return Ok((tried, false));
                }
                match self.retry(JobId(job.id)).await {
                    Ok(()) => tried += 1,
                    // Somebody else was faster.
                    Err(error) if error.status().is_client_error() => {}
                    Err(error) => return Err(error),
                }
            }
            after = page.next;
            if after.is_none() {
                return Ok((tried, true));
            }
        }
    }
}

impl JobFilter {
    /// Whether it asks for more than an index has.
    fn is_narrow(&self) -> bool {
        self.queue.is_some() || self.kind.is_some() || self.batch.is_some()
    }

    fn lets_through(&self, kind: &str, queue: &str, batch: Option<i64>) -> bool {
        self.kind.as_deref().is_none_or(|wanted| wanted == kind)
            && self.queue.as_deref().is_none_or(|wanted| wanted == queue)
            && self.batch.is_none_or(|wanted| batch == Some(wanted))
    }
}

fn lines(jobs: Query<StoredJob>) -> Selection<StoredJob, JobLine> {
    jobs.select(|job| JobLineColumns {
        id: job.id,
        kind: job.kind,
        queue: job.queue,
        state: job.state,
        priority: job.priority,
        due_at: job.due_at,
        attempt: job.attempt,
        attempts: job.attempts,
        created_at: job.created_at,
        started_at: job.started_at,
        ended_at: job.ended_at,
        worker: job.worker,
        progress: job.progress,
        progress_of: job.progress_of,
        error: job.error,
    })
}

fn in_state(state: Option<State>) -> Query<StoredJob> {
    StoredJob::query().filter_if(state, |job, state: State| job.state.eq(state))
}

/// The order of a list, which an index has.
#[derive(Clone, Copy)]
enum Order {
    /// By their time.
    Coming,
    /// By their time, backwards.
    Gone,
    /// By their numbers, backwards.
    Newest,
}

impl Order {
    fn of(state: Option<State>) -> Self {
        match state {
            None => Self::Newest,
            Some(state) if over(state) => Self::Gone,
            Some(_) => Self::Coming,
        }
    }

    fn sort(self, query: Query<StoredJob>) -> Query<StoredJob> {
        match self {
            Self::Coming => query.order_by(|job| job.due_at).order_by(|job| job.id),
            Self::Gone => query.order_by(|job| job.due_at.desc()).order_by(|job| job.id.desc()),
            Self::Newest => query.order_by(|job| job.id.desc()),
        }
    }

    fn after(self, query: Query<StoredJob>, place: Option<Place>) -> Query<StoredJob> {
        let Some(Place { due_at, id }) = place else { return query };
        match self {
            // The first half is what an index begins at.
            Self::Coming => {
                query.filter(|job| job.due_at.ge(due_at) & (job.due_at.gt(due_at) | job.id.gt(id)))
            }
            Self::Gone => query.filter(|job| job.due_at.le(due_at) & (job.due_at.lt(due_at) | job.id.lt(id))),
            Self::Newest => query.filter(|job| job.id.lt(id)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_text_and_back() {
        let place = Place { due_at: DateTime::from_timestamp_micros(1_700_000_000_123_456).unwrap(), id: 7 };
        assert_eq!(place.to_string(), "1700000000123456.7");
        assert_eq!("1700000000123456.7".parse::<Place>().unwrap(), place);
        for text in ["", ".", "1", "a.b", "1.2.3", "99999999999999999999.1"] {
            assert_eq!(text.parse::<Place>().unwrap_err().machine_code(), "invalid_place", "{text}");
        }
    }
}
