//! The worker: the service that runs jobs in this process.
//!
//! - `crew`: what its parts share: which worker this is, and which jobs it holds.
//! - `fetch`: one loop for each queue: takes jobs for the slots that are free, and runs them.
//! - `attempt`: one attempt at one job, and what its end means.
//! - `acknowledge`: writes how jobs ended, many in one statement.
//! - `heart`: signs of life, and what workers without one leave behind.
//! - `keeper`: what is due becomes ready, keys let in, what nobody needs is deleted.
//!
//! When it is to stop, it takes no more jobs, lets those that run finish or reach a checkpoint, cuts off what is left shortly before the
//! deadline, and gives that back.

mod acknowledge;
mod attempt;
mod crew;
mod fetch;
mod heart;
mod keeper;

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use mainstay_core::service::{Running, Service, Shutdown};
use mainstay_core::{Error, Inject, Profile, Resolver, Result};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::config::JobsConfig;
use crate::ledger::Ledger;
use crate::schedule::Timetable;
use crew::Crew;

/// So many ends of jobs wait at most to be written. Who has one more waits.
const ENDS: usize = 1_000;
/// A queue that nobody has named is looked after until it was empty for so long.
const IDLE: Duration = Duration::from_secs(5 * 60);
/// So long before the deadline jobs that still run are cut off, so that there is time to give them back.
const MARGIN: Duration = Duration::from_secs(1);

/// Whether this process runs jobs, whatever `jobs.workers` says: the command `worker`. With the queues that it is told; none are all.
#[derive(Default)]
pub(crate) struct Duty(OnceLock<Vec<String>>);

impl Duty {
    /// This process is a worker.
    pub(crate) fn take(&self, queues: Vec<String>) {
        let _taken_before = self.0.set(queues);
    }
}

pub(crate) fn service() -> Service {
    Service::new("jobs", work)
}

async fn work(
    running: Running,
    duty: Inject<Duty>,
    ledger: Inject<Ledger>,
    timetable: Inject<Timetable>,
    config: Inject<JobsConfig>,
    profile: Inject<Profile>,
    resolver: Resolver,
) -> Result<()> {
    let shutdown = running.shutdown().clone();
    let (queues, is_for_all) = match duty.0.get() {
        None if !config.works(&profile) => {
            running.ready();
            shutdown.requested().await;
            return Ok(());
        }
        Some(named) if !named.is_empty() => (named.clone(), false),
        _ => (queues(&ledger, &config), true),
    };
    let (ends, ended) = mpsc::channel(ENDS);
    let crew = Crew::enter(Ledger::clone(&ledger), resolver, queues, (ends, shutdown)).await?;
    running.ready();
    tracing::info!(target: "mainstay::jobs", worker = crew.id(), queues = crew.queues().join(", "), "jobs are run");
    let beside = beside(&crew, timetable, &config, ended);
    let end = run(&crew, (&config, is_for_all), beside).await;
    crew.leave().await;
    end
}

/// The queues of the kinds that the application runs, and those that the configuration names. Others are found when they have jobs.
fn queues(ledger: &Ledger, config: &JobsConfig) -> Vec<String> {
    let of_kinds = ledger.registry().specs().map(|spec| spec.queue.to_owned());
    of_kinds.chain(config.queues.keys().cloned()).collect::<BTreeSet<_>>().into_iter().collect()
}

/// What goes on beside the jobs.
fn beside(
    crew: &Arc<Crew>,
    timetable: Inject<Timetable>,
    config: &JobsConfig,
    ended: mpsc::Receiver<crew::Ended>,
) -> JoinSet<()> {
    let mut beside = JoinSet::new();
    beside.spawn(acknowledge::acknowledge(Arc::clone(crew), ended));
    beside.spawn(heart::beat(Arc::clone(crew), config.lease));
    beside.spawn(heart::watch(Arc::clone(crew), config.lease));
    beside.spawn(keeper::keep(Arc::clone(crew), timetable, config.poll_interval));
    beside.spawn(keeper::prune(Arc::clone(crew), config.lease));
    beside.spawn(keeper::count(Arc::clone(crew)));
    beside
}

/// Runs jobs until the end. Dropping it cuts off every job.
async fn run(
    crew: &Arc<Crew>,
    (config, is_for_all): (&JobsConfig, bool),
    mut beside: JoinSet<()>,
) -> Result<()> {
    let (mut fetching, mut looked_to) = (JoinSet::new(), String::new());
    let fetch = |queue: String, idle_for: Option<Duration>, fetching: &mut JoinSet<()>| {
        let pace = (config.concurrency_of(&queue), config.poll_interval);
        fetching.spawn(fetch::fetch(Arc::clone(crew), queue, pace, idle_for));
    };
    for queue in crew.queues() {
        fetch(queue, None, &mut fetching);
    }
    loop {
        tokio::select! {
            found = others(crew, config.poll_interval, &mut looked_to), if is_for_all && !crew.shutdown.is_requested() => {
                for queue in found {
                    crew.take_on(&queue).await;
                    tracing::info!(target: "mainstay::jobs", queue, "jobs are run of a queue that no kind and no setting names");
                    fetch(queue, Some(IDLE), &mut fetching);
                }
            }
            fetched = fetching.join_next() => match fetched {
                Some(Ok(())) => {}
                Some(Err(fault)) => return Err(fault.into()),
                // All that ran has said how it ended.
                None => break,
            },
            stopped = beside.join_next() => return Err(match stopped {
                Some(Err(fault)) => fault.into(),
                _ => Error::internal("a part of the worker has stopped"),
            }),
            () = drained(crew), if !crew.cut_off.is_requested() => {}
        }
    }
    crew.all_is_written().await;
    Ok(())
}

/// Looks now and then for queues that have jobs and that nobody has named: a job is put into one by `in_queue`. The next look begins where
/// this one ends.
async fn others(crew: &Crew, poll_interval: Duration, looked_to: &mut String) -> Vec<String> {
    /// As many times as rarely as it is looked for jobs.
    const ROUNDS: u32 = 5;

    tokio::time::sleep(poll_interval * ROUNDS).await;
    crew.ledger.other_queues(&crew.queues(), looked_to).await.unwrap_or_else(|error| {
        tracing::debug!(target: "mainstay::jobs", error = %error.report(), "other queues could not be looked for");
        Vec::new()
    })
}

/// Tells the jobs that the worker goes, and cuts off those that still run shortly before the deadline.
async fn drained(crew: &Crew) {
    crew.shutdown.requested().await;
    crew.drain();
    match crew.shutdown.deadline() {
        Some(deadline) => {
            let left = deadline.saturating_duration_since(Instant::now());
            tokio::time::sleep(left.saturating_sub(MARGIN.min(left / 2))).await;
            crew.cut.request(None);
        }
        None => std::future::pending().await,
    }
}

/// Runs every job that is ready or due, one after the other, until none is: for tests.
pub(crate) async fn run_all(ledger: &Ledger, resolver: &Resolver) -> Result<usize> {
    let timetable = resolver.get::<Timetable>().await?;
    // Nobody writes the ends but this, and nobody asks it to stop.
    let nobody = (mpsc::channel(1).0, Shutdown::channel().1);
    let crew = Crew::enter(ledger.clone(), resolver.clone(), Vec::new(), nobody).await?;
    let mut attempts = 0;
    loop {
        timetable.enqueue_due().await?;
        ledger.make_ready().await?;
        ledger.let_in().await?;
        let before = attempts;
        for queue in ledger.ready_queues().await? {
            for job in ledger.claim(&queue, crew.id(), 1).await? {
                let job = Arc::new(job);
                if let Some(how) = attempt::perform(&crew, &job, crew.hold(&job)).await {
                    ledger.end(&job, &how).await?;
                }
                ledger.has_ended(job.id);
                crew.let_go(crew::Hold::of(&job));
                attempts += 1;
            }
        }
        if attempts == before {
            crew.leave().await;
            return Ok(attempts);
        }
    }
}
