//! Writes how jobs ended.

use std::sync::Arc;

use mainstay_core::service::Backoff;
use mainstay_core::{Error, Result, StatusCode};
use tokio::sync::mpsc;

use super::crew::{Crew, Ended, Hold};
use crate::ledger::Ending;
use crate::stored::StoredJob;

/// So many are written together.
const BATCH: usize = 500;
/// So many times it is tried to write what the database refuses, and not for want of a connection.
const TRIES: u32 = 5;

/// Writes how jobs ended, as many together as there are at the moment. While the database is out of reach it waits, and so do they.
pub(super) async fn acknowledge(crew: Arc<Crew>, mut ended: mpsc::Receiver<Ended>) {
    let mut batch = Vec::new();
    while ended.recv_many(&mut batch, BATCH).await > 0 {
        let completed: Vec<&StoredJob> = batch
            .iter()
            .filter(|ended| matches!(ended.how, Some(Ending::Completed { output: None })))
            .map(|ended| &*ended.job)
            .collect();
        let mut left = Vec::new();
        for jobs in by_worker(&completed) {
            let Some(worker) = jobs[0].worker else { continue };
            let mut patience = Patience::new(&crew);
            let others = loop {
                match crew.ledger.complete_all(worker, &jobs).await {
                    Ok(others) => break others,
                    Err(error) => {
                        if patience.after(error).await.is_err() {
                            break jobs;
                        }
                    }
                }
            };
            left.extend(others.iter().map(|job| job.id));
        }
        for Ended { job, how } in batch.drain(..) {
            if let Some(how) = how
                && (!matches!(how, Ending::Completed { output: None }) || left.contains(&job.id))
            {
                write(&crew, &job, &how).await;
            }
            // One that has written its end itself, too.
            crew.ledger.has_ended(job.id);
            crew.let_go(Hold::of(&job));
        }
    }
}

/// Jobs that one worker holds: this one may have been another.
fn by_worker<'a>(jobs: &[&'a StoredJob]) -> Vec<Vec<&'a StoredJob>> {
    let mut groups: Vec<Vec<&StoredJob>> = Vec::new();
    for job in jobs {
        match groups.iter_mut().find(|group| group[0].worker == job.worker) {
            Some(group) => group.push(job),
            None => groups.push(vec![job]),
        }
    }
    groups
}

async fn write(crew: &Crew, job: &StoredJob, how: &Ending) {
    let mut patience = Patience::new(crew);
    let is_mine = loop {
        match crew.ledger.end(job, how).await {
            Ok(is_mine) => break is_mine,
            Err(error) => {
                let Err(error) = patience.after(error).await else { continue };
                // An output that is too large, say: it is not run again for that.
                let told = format!("its end cannot be written: {}", error.report_to_keep(1_000));
                tracing::error!(target: "mainstay::jobs", job = job.id, kind = job.kind, error = told, "the end of a job cannot be written");
                let dead = Ending::Dead { error: told };
                break crew.ledger.end(job, &dead).await.unwrap_or(true);
            }
        }
    };
    if !is_mine {
        tracing::warn!(target: "mainstay::jobs", job = job.id, kind = job.kind, "a job ended here that another worker has by now");
    }
}

/// How often it is tried to write something: until it succeeds, or the database refuses it for another reason than that it is out of
/// reach.
struct Patience<'a> {
    crew: &'a Crew,
    failures: u32,
    refusals: u32,
}

impl<'a> Patience<'a> {
    fn new(crew: &'a Crew) -> Self {
        Self { crew, failures: 0, refusals: 0 }
    }

    /// Waits before the next try, if there is to be one.
    async fn after(&mut self, error: Error) -> Result<()> {
        if self.failures == 0 {
            tracing::error!(target: "mainstay::jobs", error = %error.report(), "the ends of jobs cannot be written; it is tried again");
        }
        self.failures += 1;
        self.refusals += u32::from(error.status() != StatusCode::SERVICE_UNAVAILABLE);
        if self.refusals == TRIES {
            return Err(error);
        }
        tokio::time::sleep(Backoff::default().delay(self.failures, self.crew.ledger.chance())).await;
        Ok(())
    }
}
