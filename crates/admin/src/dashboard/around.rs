//! Schedules, batches and workers.

use axum::response::Response;
use mainstay_core::Result;
use mainstay_http::Query;
use mainstay_jobs::stored::StoredBatch;
use mainstay_jobs::survey::{JobFilter, ScheduleState};
use mainstay_jobs::{BatchId, State};
use mainstay_view::context;
use serde::{Deserialize, Serialize};

use super::shown::{When, number};
use super::visit::{Visit, address_of};

/// A schedule in the list.
#[derive(Serialize)]
struct Schedule<'a> {
    name: &'a str,
    rhythm: &'a str,
    kind: Option<&'a str>,
    next: Option<When>,
    last: Option<When>,
    job: Option<i64>,
    is_paused: bool,
}

impl<'a> Schedule<'a> {
    fn of(state: &'a ScheduleState, visit: &Visit) -> Self {
        Self {
            name: state.name,
            rhythm: &state.rhythm,
            kind: state.kind,
            next: When::of(state.next_at, visit.now),
            last: When::of(state.last_for, visit.now),
            job: state.last_job,
            is_paused: state.is_paused,
        }
    }
}

pub(super) async fn schedules(visit: Visit) -> Result<Response> {
    let schedules = visit.jobs.schedules().await?;
    visit.page("jobs/schedules.html", &schedules, || {
        context! { lines => schedules.iter().map(|state| Schedule::of(state, &visit)).collect::<Vec<_>>() }
    })
}

/// So many batches are on a page.
const LENGTH: u64 = 50;

#[derive(Deserialize)]
pub(super) struct Asked {
    before: Option<i64>,
}

/// A batch in the list.
#[derive(Serialize)]
struct Batch<'a> {
    id: i64,
    name: &'a str,
    total: String,
    done: String,
    failed: String,
    /// For `<progress>`.
    value: i64,
    max: i64,
    created: When,
    ended: Option<When>,
    dead: String,
}

impl<'a> Batch<'a> {
    fn of(batch: &'a StoredBatch, visit: &Visit) -> Self {
        let done = (batch.total - batch.open).max(0);
        let dead = JobFilter { state: Some(State::Dead), batch: Some(batch.id), ..JobFilter::default() };
        Self {
            id: batch.id,
            name: &batch.name,
            total: number(batch.total),
            done: number(done),
            failed: number(batch.failed),
            value: done,
            max: batch.total.max(1),
            created: When::new(batch.created_at, visit.now),
            ended: When::of(batch.ended_at, visit.now),
            dead: address_of(&dead, None),
        }
    }
}

pub(super) async fn batches(visit: Visit, Query(asked): Query<Asked>) -> Result<Response> {
    let batches = visit.jobs.batches(asked.before.map(BatchId), LENGTH).await?;
    visit.page("jobs/batches.html", &batches, || {
        let next = batches.last().filter(|_| batches.len() as u64 == LENGTH).map(|batch| batch.id);
        let lines: Vec<_> = batches.iter().map(|batch| Batch::of(batch, &visit)).collect();
        context! { lines, next, is_first => asked.before.is_none() }
    })
}

/// A worker in the list.
#[derive(Serialize)]
struct Worker<'a> {
    id: i64,
    name: &'a str,
    queues: &'a str,
    running: u64,
    started: When,
    seen: When,
}

pub(super) async fn workers(visit: Visit) -> Result<Response> {
    let workers = visit.jobs.workers().await?;
    visit.page("jobs/workers.html", &workers, || {
        let lines: Vec<_> = workers
            .iter()
            .map(|state| Worker {
                id: state.worker.id,
                name: &state.worker.name,
                queues: &state.worker.queues,
                running: state.running,
                started: When::new(state.worker.started_at, visit.now),
                seen: When::new(state.worker.beat_at, visit.now),
            })
            .collect();
        context! { lines }
    })
}
