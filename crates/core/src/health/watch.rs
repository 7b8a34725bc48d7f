//! One probe, its run under way and its last answer.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout, timeout_at};

use super::{Part, Probe};
use crate::service::panic_message;

/// Asks one probe, at most once at a time.
///
/// A run has a task of its own, which ends by the probe's time-out: those who asked may hang up without stopping it,
/// and a probe that blocks its thread holds up neither them nor a second run beside it.
pub(super) struct Watch {
    pub(super) probe: Probe,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    last: Option<(Instant, Part)>,
    run: Option<Run>,
}

struct Run {
    began: Instant,
    answer: watch::Receiver<Option<Part>>,
    task: AbortHandle,
}

impl Drop for Run {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Watch {
    pub(super) fn new(probe: Probe) -> Self {
        Self { probe, state: Mutex::default() }
    }

    /// The answer: the last one while it is fresh, else that of the run under way, else that of a new one.
    pub(super) async fn ask(self: &Arc<Self>) -> Part {
        let (began, mut answer) = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((at, part)) = &state.last
                && at.elapsed() < self.probe.kept_for
            {
                return part.clone();
            }
            let run = state.run.get_or_insert_with(|| self.run());
            (run.began, run.answer.clone())
        };
        match timeout_at(began + self.probe.timeout, answer.wait_for(Option::is_some)).await {
            Ok(Ok(part)) => part.clone(),
            Ok(Err(_)) => None,
            Err(_) => Some(self.probe.late(began.elapsed())),
        }
        .unwrap_or_else(|| {
            // Its task ended without an answer: the runtime is shutting down.
            self.state.lock().unwrap_or_else(PoisonError::into_inner).run = None;
            Part::down(&self.probe.name, "it was cancelled", began.elapsed())
        })
    }

    fn run(self: &Arc<Self>) -> Run {
        let (tell, answer) = watch::channel(None);
        let (probe, watch) = (self.probe.clone(), Arc::downgrade(self));
        let task = tokio::spawn(async move {
            let part = probe.run().await;
            // Nobody may be listening any more.
            let _ = tell.send(Some(part.clone()));
            Self::remember(&watch, part);
        });
        Run { began: Instant::now(), answer, task: task.abort_handle() }
    }

    fn remember(watch: &Weak<Self>, part: Part) {
        if let Some(watch) = watch.upgrade() {
            let mut state = watch.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.last = Some((Instant::now(), part));
            state.run = None;
        }
    }
}

impl Probe {
    async fn run(&self) -> Part {
        let began = Instant::now();
        let checked = AssertUnwindSafe(async { (self.check)().await }).catch_unwind();
        match timeout(self.timeout, checked).await {
            Ok(Ok(Ok(()))) => Part::up(&self.name, began.elapsed()),
            Ok(Ok(Err(error))) => Part::down(&self.name, error.report(), began.elapsed()),
            Ok(Err(panic)) => {
                Part::down(&self.name, format!("it panicked: {}", panic_message(&*panic)), began.elapsed())
            }
            Err(_) => self.late(began.elapsed()),
        }
    }

    fn late(&self, took: Duration) -> Part {
        Part::down(&self.name, format!("no answer within {:?}", self.timeout), took)
    }
}
