//! The state machine of one supervisor.
//!
//! It runs in one task, owns its children's tasks, and never waits for one thing alone: each round it enforces the
//! deadlines that have passed, asks the next child to stop, starts the next children, and then sleeps until a child
//! ends or becomes ready, a deadline passes, or it is itself asked to stop. So a child that takes its time, to start,
//! to stop or to be restarted, never delays what happens to another.
//!
//! The rules are those of OTP's `supervisor` module, with three differences: restarts wait ([`Backoff`]), "started"
//! means that the child has said so, and a child that fails before it was ever ready ends the start at once.
//!
//! [`Backoff`]: super::Backoff

mod restarts;
mod slot;

use std::any::Any;
use std::ops::Range;
use std::sync::Arc;

use futures_util::future::{BoxFuture, pending};
use tokio::sync::Notify;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};

use self::restarts::Restarts;
use self::slot::{Exit, Fate, Phase, Slot, Task};
use super::backoff::Chance;
use super::child::{GRACE, SETTLE, Work};
use super::shutdown::{after, earlier};
use super::status::{Ending, Node, State};
use super::{Restart, Running, Shutdown, Strategy, Supervisor};
use crate::error::{Error, Result};

/// Runs a supervisor until it is asked to stop (`Ok`), or gives up (`Err`). Boxed, because supervisors nest.
pub(super) fn run(
    supervisor: Arc<Supervisor>,
    running: Running,
    node: Arc<Node>,
) -> BoxFuture<'static, Result<()>> {
    Box::pin(Engine::new(supervisor, running, node).run())
}

struct Engine {
    supervisor: Arc<Supervisor>,
    /// What its own supervisor gave it.
    running: Running,
    node: Arc<Node>,
    slots: Vec<Slot>,
    /// The children's tasks. Dropping the engine aborts them.
    tasks: JoinSet<Result<()>>,
    /// Rung by a child that becomes ready.
    bell: Arc<Notify>,
    restarts: Restarts,
    chance: Chance,
    stage: Stage,
}

enum Stage {
    /// Not every child has been ready yet.
    FirstStart,
    Steady,
    /// Going down: asked to, or with the cause why it gave up.
    Stopping {
        deadline: Option<Instant>,
        cause: Option<Error>,
    },
}

impl Engine {
    fn new(supervisor: Arc<Supervisor>, running: Running, node: Arc<Node>) -> Self {
        let now = Instant::now();
        Self {
            slots: node.children.iter().map(|node| Slot::new(Arc::clone(node), now)).collect(),
            restarts: Restarts::new(supervisor.intensity),
            supervisor,
            running,
            node,
            tasks: JoinSet::new(),
            bell: Arc::new(Notify::new()),
            chance: Chance::new(),
            stage: Stage::FirstStart,
        }
    }

    async fn run(mut self) -> Result<()> {
        let shutdown = self.running.shutdown().clone();
        let bell = Arc::clone(&self.bell);
        let mut asked = false;
        loop {
            let now = Instant::now();
            self.enforce_deadlines(now);
            self.ask_next_to_stop(now);
            self.start_next(now);
            if let Some(outcome) = self.settle() {
                return outcome;
            }
            let alarm = self.next_alarm(now);
            tokio::select! {
                biased;
                () = shutdown.requested(), if !asked => {
                    asked = true;
                    self.stop(shutdown.deadline(), None);
                }
                Some(ended) = self.tasks.join_next_with_id() => self.ended(ended),
                () = bell.notified() => self.welcome(),
                () = wait_for(alarm) => {}
            }
        }
    }

    // --- What each round does -------------------------------------------------------------------------------------

    fn enforce_deadlines(&mut self, now: Instant) {
        for index in 0..self.slots.len() {
            match self.slots[index].phase {
                Phase::Starting { by } if by <= now && self.slots[index].fate.is_none() => {
                    self.too_late(index)
                }
                Phase::Stopping { abort_at } if abort_at <= now => self.abort(index, now),
                Phase::Aborted { leave_at } if leave_at <= now => self.leave_behind(index),
                _ => {}
            }
        }
    }

    /// A child is asked when those started after it are gone.
    fn ask_next_to_stop(&mut self, now: Instant) {
        for index in (0..self.slots.len()).rev() {
            if self.slots[index].is_going() {
                if self.slots[index].was_asked() {
                    return;
                }
                let child = &self.supervisor.children[index];
                let deadline = match self.stage {
                    Stage::Stopping { deadline: Some(deadline), .. } => deadline.max(now + GRACE),
                    _ => after(now, child.stop_within),
                };
                self.slots[index].ask(deadline, child.overrun());
                return;
            }
        }
    }

    /// A child is started when its wait is over and, where order counts, those before it are settled.
    fn start_next(&mut self, now: Instant) {
        let in_order = match self.stage {
            Stage::Stopping { .. } => return,
            Stage::FirstStart => true,
            Stage::Steady => self.supervisor.strategy != Strategy::OneForOne,
        };
        if in_order && self.slots.iter().any(Slot::is_going) {
            return;
        }
        for index in 0..self.slots.len() {
            if let Phase::Waiting { until } = self.slots[index].phase
                && until <= now
            {
                self.spawn(index, now);
            }
            if in_order && !self.slots[index].is_settled() {
                return;
            }
        }
    }

    fn spawn(&mut self, index: usize, now: Instant) {
        let child = &self.supervisor.children[index];
        let slot = &mut self.slots[index];
        let (trigger, shutdown) = Shutdown::channel();
        let running = Running::reporting_to(&self.bell, shutdown);
        let readiness = running.readiness();
        let abort = match &child.work {
            Work::Task(start) => {
                let start = Arc::clone(start);
                // Called inside the task, so that a panic in it is the task's.
                self.tasks.spawn(async move { start(running).await })
            }
            Work::Supervisor(nested) => {
                self.tasks.spawn(run(Arc::clone(nested), running, Arc::clone(&slot.node)))
            }
        };
        slot.task = Some(Task { abort, trigger, readiness });
        slot.phase = Phase::Starting { by: after(now, child.start_within) };
        slot.node.started();
    }

    /// Notes that the last step of a start or a stop has been taken; the outcome, if this was the end.
    fn settle(&mut self) -> Option<Result<()>> {
        match &mut self.stage {
            Stage::FirstStart if self.slots.iter().all(Slot::is_settled) => {
                self.stage = Stage::Steady;
                self.node.enter(State::Running);
                self.running.ready();
                None
            }
            Stage::Stopping { cause, .. } if self.slots.iter().all(|slot| slot.task.is_none()) => {
                let outcome = cause.take().map_or(Ok(()), Err);
                if let Err(error) = &outcome {
                    self.node.failed(error);
                }
                self.node.enter(if outcome.is_ok() { State::Stopped } else { State::Failed });
                Some(outcome)
            }
            _ => None,
        }
    }

    fn next_alarm(&self, now: Instant) -> Option<Instant> {
        self.slots.iter().filter_map(|slot| slot.alarm(now)).min()
    }

    // --- What happens to a child ----------------------------------------------------------------------------------

    fn welcome(&mut self) {
        for slot in &mut self.slots {
            slot.welcome();
        }
    }

    fn ended(&mut self, ended: Result<(Id, Result<()>), JoinError>) {
        let (id, exit) = match ended {
            Ok((id, Ok(()))) => (id, Exit::Finished),
            Ok((id, Err(error))) => (id, Exit::Failed(error)),
            Err(error) => (error.id(), Exit::from(error)),
        };
        // One that was left behind has no place any more.
        let Some(index) = self.slots.iter().position(|slot| slot.runs(id)) else { return };
        let slot = &mut self.slots[index];
        slot.welcome();
        slot.task = None;
        if let Some(fate) = slot.fate.take() {
            if let Exit::Failed(error) = exit {
                tracing::warn!(
                    service = slot.node.path,
                    error = error.report(),
                    "a service failed while it stopped"
                );
                slot.node.failed(&error);
                slot.node.end(Ending::Failed(error.report()));
            }
            self.meet(index, fate);
            return;
        }
        let was_ready = matches!(slot.phase, Phase::Up { .. });
        match (self.supervisor.children[index].restart, exit) {
            (Restart::Permanent, Exit::Finished) => {
                let when = if was_ready { "unasked" } else { "before it was ready" };
                let advice = "a service that may finish has to be transient or temporary";
                self.failed(index, Error::internal(format!("it ended {when}: {advice}")));
            }
            (_, Exit::Finished) => {
                tracing::debug!(service = slot.node.path, "a service has finished");
                slot.finish(State::Stopped);
            }
            (Restart::Temporary, Exit::Failed(error)) if was_ready => {
                tracing::error!(
                    service = slot.node.path,
                    error = error.report(),
                    "a temporary service failed"
                );
                slot.node.failed(&error);
                slot.finish(State::Failed);
            }
            (_, Exit::Failed(error) | Exit::Cancelled(error)) => self.failed(index, error),
        }
    }

    /// The end of a child that was meant to end.
    fn meet(&mut self, index: usize, fate: Fate) {
        let slot = &mut self.slots[index];
        match fate {
            Fate::End => slot.finish(State::Stopped),
            Fate::Restart { .. } if self.supervisor.children[index].restart == Restart::Temporary => {
                slot.finish(State::Stopped);
            }
            Fate::Restart { until } => slot.wait(until),
            Fate::Fail(error) => self.failed(index, error),
        }
    }

    /// A child that should run does not.
    fn failed(&mut self, index: usize, error: Error) {
        let now = Instant::now();
        let slot = &mut self.slots[index];
        slot.node.failed(&error);
        let path = slot.node.path.clone();
        if matches!(self.stage, Stage::Stopping { .. }) {
            slot.finish(State::Stopped);
            return;
        }
        if !slot.proven {
            slot.finish(State::Failed);
            self.stop(None, Some(error.context(format!("starting service `{path}`"))));
            return;
        }
        if self.restarts.is_one_too_many(now) {
            let supervisor = &self.supervisor;
            let note = format!(
                "supervisor `{}` gave up: service `{path}` failed again, after {} restarts within {:?}",
                supervisor.name, supervisor.intensity.restarts, supervisor.intensity.within
            );
            tracing::error!(service = path, error = error.report(), "{note}");
            slot.finish(State::Failed);
            self.stop(None, Some(error.context(note)));
            return;
        }
        let backoff = &self.supervisor.backoff;
        let wait = backoff.delay(slot.count_failure(now, backoff.forgiven_after), self.chance.next());
        tracing::warn!(
            service = path,
            error = error.report(),
            ?wait,
            "a service failed and will be restarted"
        );
        self.restart(index, after(now, wait));
    }

    fn restart(&mut self, failed: usize, until: Instant) {
        let group: Range<usize> = match self.supervisor.strategy {
            Strategy::OneForOne => failed..failed + 1,
            Strategy::OneForAll => 0..self.slots.len(),
            Strategy::RestForOne => failed..self.slots.len(),
        };
        for index in group {
            let temporary = self.supervisor.children[index].restart == Restart::Temporary;
            let slot = &mut self.slots[index];
            match slot.phase {
                Phase::Ended if temporary => {}
                _ if slot.task.is_some() => slot.fate = Some(Fate::Restart { until }),
                _ => slot.wait(until),
            }
        }
    }

    fn too_late(&mut self, index: usize) {
        let now = Instant::now();
        let child = &self.supervisor.children[index];
        let slot = &mut self.slots[index];
        let limit = child.start_within;
        let error =
            Error::internal(format!("it was not ready within {limit:?}: it has to call `Running::ready`"));
        slot.node.failed(&error);
        if slot.proven {
            slot.fate = Some(Fate::Fail(error));
            slot.ask(after(now, child.stop_within), child.overrun());
        } else {
            let note = format!("starting service `{}`", slot.node.path);
            self.stop(None, Some(error.context(note)));
        }
    }

    // --- The way down ---------------------------------------------------------------------------------------------

    /// Begins to stop everything, or hurries if that has begun.
    fn stop(&mut self, deadline: Option<Instant>, cause: Option<Error>) {
        let now = Instant::now();
        if let Stage::Stopping { deadline: known, .. } = &mut self.stage {
            *known = earlier(*known, deadline);
        } else {
            self.stage = Stage::Stopping { deadline, cause };
        }
        self.node.enter(State::Stopping);
        for (slot, child) in self.slots.iter_mut().zip(&self.supervisor.children) {
            if slot.task.is_some() {
                slot.fate = Some(Fate::End);
                if let Some(deadline) = deadline {
                    slot.hurry(deadline.max(now + GRACE), child.overrun());
                }
            } else if slot.phase != Phase::Ended {
                slot.finish(State::Stopped);
            }
        }
    }

    fn abort(&mut self, index: usize, now: Instant) {
        let slot = &mut self.slots[index];
        tracing::warn!(service = slot.node.path, "a service did not stop in time and is aborted");
        slot.node.end(Ending::Aborted);
        slot.abort(now + SETTLE);
    }

    fn leave_behind(&mut self, index: usize) {
        let slot = &mut self.slots[index];
        tracing::error!(
            service = slot.node.path,
            "a service goes on although it was aborted: it blocks its thread, and is left behind"
        );
        slot.node.end(Ending::Abandoned);
        slot.task = None;
        if let Some(fate) = slot.fate.take() {
            self.meet(index, fate);
        }
    }
}

async fn wait_for(alarm: Option<Instant>) {
    match alarm {
        Some(alarm) => sleep_until(alarm).await,
        None => pending().await,
    }
}

/// What a panic said.
pub fn panic_message(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<&'static str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}
