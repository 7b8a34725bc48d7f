//! One loop for each queue: takes jobs for the slots that are free, and runs them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mainstay_core::service::Backoff;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::attempt;
use super::crew::Crew;
use crate::topic;

/// So many jobs are taken at once at most, whatever is free.
const BATCH: usize = 200;

/// Runs jobs of a queue until the worker is to stop, and those that it has begun are over; or until it was empty for so long.
pub(super) async fn fetch(
    crew: Arc<Crew>,
    queue: String,
    (slots, poll_interval): (usize, Duration),
    idle_for: Option<Duration>,
) {
    let shutdown = &crew.shutdown;
    let mut signals = crew.ledger.db().signals(topic::ready(&queue));
    let slots = Arc::new(Semaphore::new(slots));
    let mut runs = JoinSet::new();
    let (backoff, mut failures) = (Backoff::default(), 0_u32);
    let mut busy = Instant::now();
    while !shutdown.is_requested() {
        while runs.try_join_next().is_some() {}
        if runs.is_empty() && idle_for.is_some_and(|most| busy.elapsed() > most) {
            crew.let_go_of(&queue).await;
            return;
        }
        let first = tokio::select! {
            slot = Arc::clone(&slots).acquire_owned() => slot,
            () = shutdown.requested() => break,
        };
        // Never closed.
        let Ok(first) = first else { break };
        let more = slots.available_permits().min(BATCH - 1);
        let mut free: Vec<_> = std::iter::once(first)
            .chain((0..more).map_while(|_| Arc::clone(&slots).try_acquire_owned().ok()))
            .collect();
        // Not cut off when the worker is to stop: what the database gives out has to be known here.
        let wait = match crew.ledger.claim(&queue, crew.id(), free.len()).await {
            Ok(jobs) => {
                failures = 0;
                let had_enough = jobs.len() < free.len();
                if !jobs.is_empty() {
                    busy = Instant::now();
                }
                for (job, slot) in jobs.into_iter().zip(free.drain(..)) {
                    let stop = crew.hold(&job);
                    runs.spawn(attempt::run(Arc::clone(&crew), Arc::new(job), stop, slot));
                }
                had_enough.then_some(poll_interval)
            }
            Err(error) => {
                if failures == 0 {
                    tracing::error!(target: "mainstay::jobs", queue, error = %error.report(), "no jobs can be taken");
                }
                failures = failures.saturating_add(1);
                Some(backoff.delay(failures, crew.ledger.chance()))
            }
        };
        drop(free);
        let Some(wait) = wait else { continue };
        tokio::select! {
            () = signals.next(), if failures == 0 => {}
            () = tokio::time::sleep(wait) => {}
            () = shutdown.requested() => {}
        }
    }
    while runs.join_next().await.is_some() {}
}
