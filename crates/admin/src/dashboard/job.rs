//! One job.

use axum::response::Response;
use mainstay_core::Result;
use mainstay_core::error::OrNotFound;
use mainstay_http::Path;
use mainstay_jobs::stored::{StoredBatch, StoredFailure};
use mainstay_jobs::{BatchId, JobId, State, StoredJob};
use mainstay_view::context;
use serde::Serialize;
use serde_json::{Map, Value};

use super::shown::{Document, When, length};
use super::visit::Visit;

/// Reads the number of a job in an address.
pub(super) fn id(text: &str) -> Result<JobId> {
    text.parse().ok().map(JobId).or_not_found("There is no such job.")
}

/// The page, for programs.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    job: Map<String, Value>,
    failures: &'a [StoredFailure],
    followers: Vec<i64>,
}

/// A job as it is stored, but for what is a document in it: that is one here, too, without secrets.
fn fields(job: &StoredJob) -> Result<Map<String, Value>> {
    let Value::Object(mut fields) = serde_json::to_value(job)? else { return Ok(Map::new()) };
    let value = |text: &Option<String>| text.as_deref().map_or(Value::Null, Document::value);
    fields.insert("args".to_owned(), Document::value(&job.args));
    fields.insert("output".to_owned(), value(&job.output));
    fields.insert("cursor".to_owned(), value(&job.cursor));
    Ok(fields)
}

/// Another job, in few words.
#[derive(Serialize)]
struct Other {
    id: i64,
    kind: String,
    state: &'static str,
}

impl From<StoredJob> for Other {
    fn from(job: StoredJob) -> Self {
        Self { id: job.id, kind: job.kind, state: job.state.name() }
    }
}

#[derive(Serialize)]
struct Failure<'a> {
    attempt: i32,
    at: When,
    worker: &'a str,
    error: &'a str,
}

pub(super) async fn show(visit: Visit, Path(text): Path<String>) -> Result<Response> {
    let id = id(&text)?;
    let job = visit.jobs.get(id).await?.or_not_found("There is no such job.")?;
    let failures = visit.jobs.failures(id).await?;
    let followers = visit.jobs.followers(id).await?;
    let before = match job.follows {
        Some(before) => visit.jobs.get(JobId(before)).await?,
        None => None,
    };
    let batch: Option<StoredBatch> = match job.batch {
        Some(batch) => visit.jobs.batch(BatchId(batch)).await?,
        None => None,
    };
    let data = Shown {
        job: fields(&job)?,
        failures: &failures,
        followers: followers.iter().map(|job| job.id).collect(),
    };
    visit.page("jobs/job.html", &data, || {
        let ran = job.started_at.map(|started| (job.ended_at.unwrap_or(visit.now) - started).to_std());
        let ran = ran.filter(|_| job.ended_at.is_some() || job.state == State::Running);
        let document = |text: &Option<String>| text.as_deref().map(Document::of);
        let failures: Vec<_> = failures
            .iter()
            .map(|failure| Failure {
                attempt: failure.attempt,
                at: When::new(failure.at, visit.now),
                worker: &failure.worker,
                error: &failure.error,
            })
            .collect();
        let waits = [State::Scheduled, State::Retrying].contains(&job.state);
        let times = [
            ("Enqueued", Some(job.created_at)),
            ("Due", Some(job.due_at).filter(|_| waits)),
            ("Ready since", Some(job.due_at).filter(|_| job.state == State::Ready)),
            ("Begun", job.started_at),
            ("Over", job.ended_at),
            ("Kept until", Some(job.due_at).filter(|_| State::OVER.contains(&job.state))),
        ];
        let times: Vec<_> =
            times.into_iter().filter_map(|(name, at)| Some((name, When::of(at, visit.now)?))).collect();
        context! {
            id => job.id,
            state => job.state.name(),
            kind => job.kind,
            version => job.version,
            queue => job.queue,
            priority => job.priority,
            attempt => job.attempt,
            attempts => job.attempts,
            worker => job.worker,
            limit_key => job.limit_key,
            is_unique => job.unique_key.is_some(),
            is_cancelled => job.is_cancelled,
            took => ran.and_then(std::result::Result::ok).map(length),
            progress => job.progress.zip(job.progress_of),
            args => Document::of(&job.args),
            output => document(&job.output),
            cursor => document(&job.cursor),
            error => job.error,
            before => before.map(Other::from),
            followers => followers.into_iter().map(Other::from).collect::<Vec<_>>(),
            batch => batch,
            may_retry => !matches!(job.state, State::Running | State::Completed | State::Following),
            may_cancel => !State::OVER.contains(&job.state) && !job.is_cancelled,
            may_delete => job.state != State::Running,
            times, failures,
        }
    })
}
