//! What the parts of a worker share.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use mainstay_core::service::{Shutdown, Trigger};
use mainstay_core::{Resolver, Result};
use tokio::sync::{Notify, mpsc, watch};

use crate::context::Stop;
use crate::ledger::{Ending, Ledger};
use crate::stored::StoredJob;

/// How a job ended.
pub(super) struct Ended {
    pub(super) job: Arc<StoredJob>,
    /// None: it is written already, or is another worker's.
    pub(super) how: Option<Ending>,
}

/// One attempt at one job: the job may be held a second time before the end of the first is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Hold {
    job: i64,
    began: Option<DateTime<Utc>>,
}

impl Hold {
    pub(super) fn of(job: &StoredJob) -> Self {
        Self { job: job.id, began: job.started_at }
    }
}

/// A worker, and the jobs that it holds: from when it has taken one until it is written how that ended.
pub(super) struct Crew {
    pub(super) ledger: Ledger,
    pub(super) resolver: Resolver,
    name: String,
    queues: Mutex<Vec<String>>,
    id: AtomicI64,
    held: Mutex<HashMap<Hold, watch::Sender<Stop>>>,
    ends: mpsc::Sender<Ended>,
    written: Notify,
    /// Asks the worker to take no more jobs.
    pub(super) shutdown: Shutdown,
    /// Cuts off what still runs; and whether it is.
    pub(super) cut: Trigger,
    pub(super) cut_off: Shutdown,
}

impl Crew {
    /// Enters the worker.
    pub(super) async fn enter(
        ledger: Ledger,
        resolver: Resolver,
        queues: Vec<String>,
        (ends, shutdown): (mpsc::Sender<Ended>, Shutdown),
    ) -> Result<Arc<Self>> {
        let name = name();
        let id = AtomicI64::new(ledger.enter(&name, &queues).await?);
        let (cut, cut_off) = Shutdown::channel();
        Ok(Arc::new(Self {
            ledger,
            resolver,
            name,
            queues: Mutex::new(queues),
            id,
            held: Mutex::default(),
            ends,
            written: Notify::new(),
            shutdown,
            cut,
            cut_off,
        }))
    }

    /// Which worker this is.
    pub(super) fn id(&self) -> i64 {
        self.id.load(Ordering::Acquire)
    }

    /// The queues that it looks after.
    pub(super) fn queues(&self) -> Vec<String> {
        lock(&self.queues).clone()
    }

    /// Takes a queue on that nobody has named.
    pub(super) async fn take_on(&self, queue: &str) {
        lock(&self.queues).push(queue.to_owned());
        self.show_queues().await;
    }

    /// Lets a queue go that was taken on.
    pub(super) async fn let_go_of(&self, queue: &str) {
        lock(&self.queues).retain(|known| known != queue);
        self.show_queues().await;
    }

    /// Writes down which queues it looks after: for people alone.
    async fn show_queues(&self) {
        if let Err(error) = self.ledger.looks_after(self.id(), &self.queues()).await {
            tracing::debug!(target: "mainstay::jobs", error = %error.report(), "it cannot be shown which queues this worker looks after");
        }
    }

    /// It was taken for dead: what it holds is others' by now. It goes on as another worker.
    pub(super) async fn enter_again(&self) -> Result<()> {
        let id = self.ledger.enter(&self.name, &self.queues()).await?;
        let before = self.id.swap(id, Ordering::AcqRel);
        for stop in self.held().values() {
            stop.send_replace(Stop::Lost);
        }
        tracing::warn!(target: "mainstay::jobs", worker = id, before, "this worker was taken for dead: what it ran is run by others");
        Ok(())
    }

    /// Holds a job until it is [let go](Self::let_go).
    pub(super) fn hold(&self, job: &StoredJob) -> watch::Receiver<Stop> {
        let is_draining = self.shutdown.is_requested();
        let (stop, stopped) = watch::channel(if is_draining { Stop::Draining } else { Stop::No });
        self.held().insert(Hold::of(job), stop);
        stopped
    }

    pub(super) fn let_go(&self, hold: Hold) {
        self.held().remove(&hold);
        self.written.notify_waiters();
    }

    pub(super) fn holds(&self, job: i64) -> bool {
        self.held().keys().any(|hold| hold.job == job)
    }

    /// Tells one job to stop.
    pub(super) fn stop(&self, job: i64, why: Stop) {
        for (_, stop) in self.held().iter().filter(|(hold, _)| hold.job == job) {
            stop.send_if_modified(|known| std::mem::replace(known, why) != why);
        }
    }

    /// Tells all that the worker goes.
    pub(super) fn drain(&self) {
        for stop in self.held().values() {
            stop.send_if_modified(|known| {
                *known == Stop::No && {
                    *known = Stop::Draining;
                    true
                }
            });
        }
    }

    /// Says how a job ended. Waits while too many others have yet to be written.
    pub(super) async fn ended(&self, ended: Ended) {
        let hold = Hold::of(&ended.job);
        if self.ends.send(ended).await.is_err() {
            self.let_go(hold);
        }
    }

    /// Waits until it is written how every job ended.
    pub(super) async fn all_is_written(&self) {
        loop {
            let written = self.written.notified();
            if self.held().is_empty() {
                return;
            }
            written.await;
        }
    }

    /// Goes, and gives back what has not ended.
    pub(super) async fn leave(&self) {
        /// Without the database there is nobody to say goodbye to; others find out by themselves.
        const PATIENCE: Duration = Duration::from_secs(1);

        let leave = async {
            // First what matters; what is counted is only looked at.
            self.ledger.leave(self.id()).await?;
            self.ledger.write_stats().await
        };
        match tokio::time::timeout(PATIENCE, leave).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(target: "mainstay::jobs", error = %error.report(), "this worker could not sign off");
            }
            Err(_) => tracing::warn!(target: "mainstay::jobs", "this worker could not sign off in time"),
        }
    }

    fn held(&self) -> MutexGuard<'_, HashMap<Hold, watch::Sender<Stop>>> {
        lock(&self.held)
    }
}

fn lock<T>(guarded: &Mutex<T>) -> MutexGuard<'_, T> {
    guarded.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Host and process.
fn name() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = match host.trim() {
        "" => "localhost",
        host => host,
    };
    let mut name = format!("{host}:{}", std::process::id());
    name.truncate(name.floor_char_boundary(200));
    name
}
