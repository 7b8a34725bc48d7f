//! Jobs of a state, page by page.

use axum::response::Response;
use mainstay_core::{Error, Result};
use mainstay_http::Query;
use mainstay_jobs::State;
use mainstay_jobs::survey::{JobFilter, JobLine, Place};
use mainstay_view::context;
use serde::{Deserialize, Serialize};

use super::overview::tiles;
use super::shown::{When, headline};
use super::visit::{Visit, address_of};

/// So many jobs are on a page.
const LENGTH: u64 = 50;

/// What a list is asked for. A field of a form that is empty says nothing.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Asked {
    state: Option<String>,
    queue: Option<String>,
    kind: Option<String>,
    batch: Option<String>,
    after: Option<String>,
}

impl Asked {
    pub(super) fn filter(&self) -> Result<JobFilter> {
        let said = |text: &Option<String>| {
            text.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let state = match said(&self.state) {
            Some(name) => Some(
                State::ALL
                    .into_iter()
                    .find(|state| state.name() == name)
                    .ok_or_else(|| Error::bad_request("There is no such state.").code("unknown_state"))?,
            ),
            None => None,
        };
        let batch = said(&self.batch).map(|text| text.parse()).transpose();
        let batch = batch.map_err(|_| Error::bad_request("A batch is a number.").code("invalid_batch"))?;
        Ok(JobFilter { state, queue: said(&self.queue), kind: said(&self.kind), batch })
    }
}

/// A job in the list.
#[derive(Serialize)]
struct Line<'a> {
    id: i64,
    kind: &'a str,
    queue: &'a str,
    state: &'static str,
    attempt: i32,
    attempts: i32,
    at: When,
    error: Option<String>,
    progress: Option<String>,
}

impl<'a> Line<'a> {
    fn of(job: &'a JobLine, visit: &Visit) -> Self {
        let at = match job.state {
            State::Running => job.started_at,
            _ => job.ended_at,
        };
        Self {
            id: job.id,
            kind: &job.kind,
            queue: &job.queue,
            state: job.state.name(),
            attempt: job.attempt,
            attempts: job.attempts,
            at: When::new(at.unwrap_or(job.due_at), visit.now),
            error: job.error.as_deref().map(headline),
            progress: job.progress.zip(job.progress_of).map(|(done, of)| format!("{done} of {of}")),
        }
    }
}

/// What the time in the list is.
fn heading(state: Option<State>) -> &'static str {
    match state {
        Some(State::Scheduled | State::Retrying | State::Following) => "Due",
        Some(State::Ready | State::Blocked) => "Waits since",
        Some(State::Running) => "Runs since",
        Some(State::Completed | State::Cancelled | State::Discarded | State::Dead) => "Over since",
        None => "When",
    }
}

pub(super) async fn show(visit: Visit, Query(asked): Query<Asked>) -> Result<Response> {
    let filter = asked.filter()?;
    let after =
        asked.after.as_deref().filter(|after| !after.is_empty()).map(str::parse::<Place>).transpose()?;
    let page = visit.jobs.list(&filter, after, LENGTH).await?;
    let counts = visit.jobs.counts().await?;
    let queues: Vec<String> = visit.jobs.queue_names().await?;
    visit.page("jobs/list.html", &page, || {
        let next = page.next.map(|next| address_of(&filter, Some(&next.to_string())));
        let mut kinds: Vec<String> = visit.jobs.kinds().into_iter().map(str::to_owned).collect();
        // One that this program does not know any more.
        kinds.extend(filter.kind.clone().filter(|kind| !kinds.contains(kind)));
        let is_whole = after.is_none() && next.is_none();
        context! {
            lines => page.jobs.iter().map(|job| Line::of(job, &visit)).collect::<Vec<_>>(),
            heading => heading(filter.state),
            state => filter.state.map(State::name).unwrap_or_default(),
            queue => filter.queue.clone().unwrap_or_default(),
            kind => filter.kind.clone().unwrap_or_default(),
            batch => filter.batch,
            first => after.is_some().then(|| address_of(&filter, None)),
            tiles => tiles(&counts),
            next, kinds, queues, is_whole,
        }
    })
}
