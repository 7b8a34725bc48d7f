//! What an operator does. It is recorded before it is done.

use axum::response::Response;
use mainstay_auth::SecurityEvent;
use mainstay_core::error::OrNotFound;
use mainstay_core::{Inject, Result};
use mainstay_db::Db;
use mainstay_http::{Form, Path};
use mainstay_jobs::survey::JobFilter;
use mainstay_jobs::{Job, JobId, State, StoredJob};
use serde::Deserialize;

use super::again::RetryDead;
use super::job::id;
use super::list::Asked;
use super::visit::{Visit, address_of};

/// So many are tried again while the operator waits; what is left is left to a job.
const AT_ONCE: usize = 100;

/// The job that an address names, once it is recorded what is about to be done to it.
async fn about_to(event: &'static str, visit: &Visit, text: &str) -> Result<(JobId, StoredJob)> {
    let id = id(text)?;
    let job = visit.jobs.get(id).await?.or_not_found("There is no such job.")?;
    visit.record(SecurityEvent::new(event).with("job", id.0).with("kind", &*job.kind)).await?;
    Ok((id, job))
}

pub(super) async fn retry(visit: Visit, Path(text): Path<String>) -> Result<Response> {
    let (id, _) = about_to("job.retried", &visit, &text).await?;
    let page = format!("/{id}");
    match visit.jobs.retry(id).await {
        Ok(()) => visit.done(&page, "The job is tried again."),
        Err(error) if error.machine_code() == "job_state" => {
            visit.not_done(&page, "The job runs, has succeeded, or waits for another one.")
        }
        Err(error) if error.machine_code() == "job_in_the_way" => {
            visit.not_done(&page, "Another job says the same, and is there already.")
        }
        Err(error) => Err(error),
    }
}

pub(super) async fn cancel(visit: Visit, Path(text): Path<String>) -> Result<Response> {
    let (id, _) = about_to("job.cancelled", &visit, &text).await?;
    let page = format!("/{id}");
    match visit.jobs.cancel(id).await? {
        true => visit.done(&page, "The job is cancelled. If it runs, it has been told to stop."),
        false => visit.not_done(&page, "There was nothing to cancel: the job is over."),
    }
}

pub(super) async fn delete(visit: Visit, Path(text): Path<String>) -> Result<Response> {
    let (id, job) = about_to("job.deleted", &visit, &text).await?;
    match visit.jobs.delete(id).await {
        Ok(()) => {
            let list = address_of(&JobFilter { state: Some(job.state), ..JobFilter::default() }, None);
            visit.done(&list, &format!("Job {id} is deleted."))
        }
        Err(error) if error.machine_code() == "job_state" => {
            visit.not_done(&format!("/{id}"), "The job runs: cancel it first.")
        }
        Err(error) => Err(error),
    }
}

pub(super) async fn retry_dead(visit: Visit, db: Inject<Db>, Form(asked): Form<Asked>) -> Result<Response> {
    let filter = JobFilter { state: Some(State::Dead), ..asked.filter()? };
    let event = SecurityEvent::new("jobs.retried").with("kind", filter.kind.clone());
    visit.record(event.with("queue", filter.queue.clone()).with("batch", filter.batch)).await?;
    let (tried, is_all) = visit.jobs.retry_dead(&filter, visit.now, AT_ONCE).await?;
    let list = address_of(&filter, None);
    let told = match (tried, is_all) {
        (0, true) => return visit.not_done(&list, "No dead job was left to be tried again."),
        (1, true) => "One job is tried again.".to_owned(),
        (many, true) => format!("{many} jobs are tried again."),
        (many, false) => {
            let JobFilter { queue, kind, batch, .. } = filter;
            RetryDead { queue, kind, batch, before: visit.now }.enqueue(&db).await?;
            format!("{many} jobs are tried again; a job tries the others again.")
        }
    };
    visit.done(&list, &told)
}

#[derive(Deserialize)]
pub(super) struct Named {
    queue: String,
}

pub(super) async fn pause(visit: Visit, Form(Named { queue }): Form<Named>) -> Result<Response> {
    visit.record(SecurityEvent::new("queue.paused").with("queue", &*queue)).await?;
    visit.jobs.pause(&queue).await?;
    visit.done("", &format!("The queue {queue} is paused. Jobs that run go on."))
}

pub(super) async fn resume(visit: Visit, Form(Named { queue }): Form<Named>) -> Result<Response> {
    visit.record(SecurityEvent::new("queue.resumed").with("queue", &*queue)).await?;
    visit.jobs.resume(&queue).await?;
    visit.done("", &format!("The queue {queue} goes on."))
}

#[derive(Deserialize)]
pub(super) struct Scheduled {
    schedule: String,
}

const SCHEDULES: &str = "/schedules";

pub(super) async fn run_schedule(visit: Visit, Form(asked): Form<Scheduled>) -> Result<Response> {
    let Scheduled { schedule } = asked;
    visit.record(SecurityEvent::new("schedule.run").with("schedule", &*schedule)).await?;
    let job = visit.jobs.run_schedule(&schedule).await?;
    visit.done(&format!("/{job}"), &format!("This is the job of {schedule}."))
}

pub(super) async fn pause_schedule(visit: Visit, Form(asked): Form<Scheduled>) -> Result<Response> {
    let Scheduled { schedule } = asked;
    visit.record(SecurityEvent::new("schedule.paused").with("schedule", &*schedule)).await?;
    visit.jobs.pause_schedule(&schedule).await?;
    visit.done(SCHEDULES, &format!("{schedule} enqueues nothing for now."))
}

pub(super) async fn resume_schedule(visit: Visit, Form(asked): Form<Scheduled>) -> Result<Response> {
    let Scheduled { schedule } = asked;
    visit.record(SecurityEvent::new("schedule.resumed").with("schedule", &*schedule)).await?;
    visit.jobs.resume_schedule(&schedule).await?;
    visit.done(SCHEDULES, &format!("{schedule} goes on."))
}
