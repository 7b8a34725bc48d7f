//! One attempt at one job, and what its end means.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use futures_util::FutureExt;
use mainstay_core::call_context::CallContext;
use mainstay_core::module::ModuleId;
use mainstay_core::service::panic_message;
use mainstay_core::{Error, Result};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tracing::Instrument;

use super::crew::{Crew, Ended, Hold};
use crate::context::{JobContext, Stop};
use crate::draft::after;
use crate::job::OnError;
use crate::ledger::Ending;
use crate::outcome::Said;
use crate::registration::{Arguments, Registration};
use crate::stats::Outcome;
use crate::stored::StoredJob;
use crate::threads::Threads;

/// The longest text of an error that is stored, in bytes.
const LONGEST_ERROR: usize = 8 << 10;
/// How soon a job is offered again that this program does not know, and for how long.
const UNKNOWN_AGAIN: Duration = Duration::from_secs(30);
const UNKNOWN_FOR: TimeDelta = TimeDelta::days(3);

/// Makes an attempt at a job that the crew holds, and says how it ended. The slot is free when that is on its way to be written.
pub(super) async fn run(
    crew: Arc<Crew>,
    job: Arc<StoredJob>,
    stop: watch::Receiver<Stop>,
    slot: OwnedSemaphorePermit,
) {
    // Let go even if this is dropped, so that the heart finds a job that nobody runs.
    let held = Held { crew: &crew, hold: Hold::of(&job), is_told: false };
    let how = perform(&crew, &job, stop).await;
    held.tell(Ended { job: Arc::clone(&job), how }).await;
    drop(slot);
}

struct Held<'a> {
    crew: &'a Crew,
    hold: Hold,
    is_told: bool,
}

impl Held<'_> {
    async fn tell(mut self, ended: Ended) {
        self.crew.ended(ended).await;
        self.is_told = true;
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if !self.is_told {
            self.crew.let_go(self.hold);
        }
    }
}

pub(super) async fn perform(
    crew: &Crew,
    job: &Arc<StoredJob>,
    mut stop: watch::Receiver<Stop>,
) -> Option<Ending> {
    let Some((registration, module)) = crew.ledger.registry().get(&job.kind) else {
        return Some(unknown(crew, job, format!("this program knows no job `{}`", job.kind)).await);
    };
    let spec = registration.spec;
    if job.version > i32::try_from(spec.version).unwrap_or(i32::MAX) {
        let told =
            format!("this program knows version {} of `{}`, not {}", spec.version, job.kind, job.version);
        return Some(unknown(crew, job, told).await);
    }
    let context = JobContext::new(&crew.ledger, job, stop.clone());
    let span = tracing::info_span!("job", job = job.id, kind = spec.name, attempt = job.attempt);
    let began = Instant::now();
    let work = work(crew, registration, *module, job, &context).instrument(span.clone());
    let how = tokio::select! {
        // What is done is done, whoever wants it to stop at the same moment.
        biased;
        ended = work => match ended {
            // It has written that itself.
            ended if context.is_ended() => {
                keep_output(crew, job, ended).await;
                None
            }
            Ok(output) => Some(Ending::Completed { output }),
            Err(error) => Some(failed(crew, registration, job, &error)),
        },
        Ok(why) = cut(&mut stop) => match why {
            Stop::Cancelled => Some(Ending::Cancelled),
            _ => None,
        },
        () = crew.cut_off.requested() => Some(Ending::Again { at: crew.ledger.now(), error: None }),
    };
    let took = began.elapsed();
    let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    if let Some(outcome) = outcome(how.as_ref(), context.is_ended()) {
        crew.ledger.tally().count((job, spec.name), outcome, took, crew.ledger.now());
    }
    span.in_scope(|| tell(how.as_ref(), took_ms));
    how
}

/// A job that has ended itself may return something all the same.
async fn keep_output(crew: &Crew, job: &StoredJob, ended: Result<Option<String>>) {
    let kept = match ended {
        Ok(Some(output)) => crew.ledger.keep_output(job, output).await,
        Ok(None) => Ok(()),
        Err(error) => Err(error),
    };
    if let Err(error) = kept {
        tracing::warn!(target: "mainstay::jobs", job = job.id, error = %error.report(), "a job failed after it had ended itself: it is done");
    }
}

/// What is counted. None: the job is another worker's.
fn outcome(how: Option<&Ending>, is_ended: bool) -> Option<Outcome> {
    Some(match how {
        Some(Ending::Completed { .. }) => Outcome::Completed,
        Some(Ending::Retrying { .. }) => Outcome::Failed,
        Some(Ending::Dead { .. }) => Outcome::Dead,
        Some(Ending::Discarded { .. }) => Outcome::Discarded,
        Some(Ending::Cancelled) => Outcome::Cancelled,
        Some(Ending::Again { .. }) => Outcome::Again,
        None if is_ended => Outcome::Completed,
        None => return None,
    })
}

/// Waits until the attempt is to be cut off at once.
async fn cut(stop: &mut watch::Receiver<Stop>) -> Result<Stop, watch::error::RecvError> {
    stop.wait_for(|stop| matches!(stop, Stop::Cancelled | Stop::Lost)).await.map(|stop| *stop)
}

/// The function of the job; a panic and a time-out are errors.
async fn work(
    crew: &Crew,
    registration: &Registration,
    module: ModuleId,
    job: &StoredJob,
    context: &JobContext,
) -> Result<Option<String>> {
    let resolver = crew.resolver.of_module(module).request();
    // Its time begins when there is a thread for it.
    let thread = match registration.is_blocking {
        true => Some(resolver.get::<Threads>().await?.free().await?),
        false => None,
    };
    let arguments = Arguments { thread, ..Arguments::of(job) };
    let limit = registration.spec.timeout;
    let call = CallContext { deadline: limit.map(|limit| Instant::now() + limit), trace: None };
    let work = call.scope(context.scope(registration.perform(arguments, resolver)));
    let work = AssertUnwindSafe(work).catch_unwind();
    let ended = match limit {
        Some(limit) => tokio::time::timeout(limit, work)
            .await
            .map_err(|_| Error::internal(format!("it took longer than {limit:?}")).code("job_timeout"))?,
        None => work.await,
    };
    ended.unwrap_or_else(|panic| {
        Err(Error::internal(format!("it panicked: {}", panic_message(panic.as_ref()))).code("job_panic"))
    })
}

/// What a failure means.
fn failed(crew: &Crew, registration: &Registration, job: &StoredJob, failure: &Error) -> Ending {
    let (now, error) = (crew.ledger.now(), failure.report_to_keep(LONGEST_ERROR));
    let on_error = match failure.source_as::<Said>() {
        Some(Said::Again(wait)) => return Ending::Again { at: after(now, *wait), error: None },
        Some(Said::Interrupted) => return Ending::Again { at: now, error: None },
        Some(Said::Discard) => OnError::Discard,
        Some(Said::GiveUp) => OnError::Die,
        None => {
            let attempt = u32::try_from(job.attempt).unwrap_or(1);
            let judge = AssertUnwindSafe(|| (registration.on_error)(failure, attempt));
            std::panic::catch_unwind(judge).unwrap_or(OnError::Retry)
        }
    };
    let wait = match on_error {
        OnError::Discard => return Ending::Discarded { error },
        OnError::Die => return Ending::Dead { error },
        _ if job.attempt >= job.attempts => return Ending::Dead { error },
        OnError::RetryAfter(wait) => wait,
        OnError::Retry => crew.ledger.backoff(job),
    };
    Ending::Retrying { error, at: after(now, wait) }
}

/// A job for another program: an older one meets it while a newer one is brought into service. It is offered again for three days from
/// when the first met it.
async fn unknown(crew: &Crew, job: &StoredJob, error: String) -> Ending {
    let now = crew.ledger.now();
    match crew.ledger.strange_since(job, &error).await {
        Ok(since) if now - since > UNKNOWN_FOR => Ending::Dead { error },
        _ => Ending::Again { at: after(now, UNKNOWN_AGAIN), error: Some(error) },
    }
}

fn tell(how: Option<&Ending>, took_ms: u64) {
    match how {
        Some(Ending::Retrying { error, at }) => {
            tracing::warn!(target: "mainstay::jobs", took_ms, error, again_at = %at, "a job failed");
        }
        Some(Ending::Dead { error }) => {
            tracing::error!(target: "mainstay::jobs", took_ms, error, "a job failed for good");
        }
        Some(Ending::Discarded { error }) => {
            tracing::info!(target: "mainstay::jobs", took_ms, reason = error, "a job was discarded");
        }
        Some(Ending::Cancelled) => tracing::info!(target: "mainstay::jobs", took_ms, "a job was cancelled"),
        Some(Ending::Again { .. }) => {
            tracing::debug!(target: "mainstay::jobs", took_ms, "a job is run again")
        }
        Some(Ending::Completed { .. }) | None => {
            tracing::debug!(target: "mainstay::jobs", took_ms, "a job is done")
        }
    }
}
