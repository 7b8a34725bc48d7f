//! One child's place in its supervisor.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::{AbortHandle, Id, JoinError};
use tokio::time::Instant;

use super::panic_message;
use crate::error::Error;
use crate::service::Trigger;
use crate::service::running::Readiness;
use crate::service::status::{Node, State};

/// What becomes of one child, over all its starts.
pub(super) struct Slot {
    pub(super) phase: Phase,
    /// While there is one, nobody may start another.
    pub(super) task: Option<Task>,
    /// What is to follow its end. Set as soon as it is to stop, which may be before its turn to be asked.
    pub(super) fate: Option<Fate>,
    /// Whether it has been ready, or has finished, once. Before that a failure is a failed start.
    pub(super) proven: bool,
    pub(super) node: Arc<Node>,
    failures: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// To be started, but not before this moment.
    Waiting { until: Instant },
    /// Started; has to be ready by this moment.
    Starting { by: Instant },
    /// Ready.
    Up { since: Instant },
    /// Asked to stop; aborted at this moment.
    Stopping { abort_at: Instant },
    /// Aborted; given up for lost at this moment.
    Aborted { leave_at: Instant },
    /// Not to be started any more.
    Ended,
}

pub(super) struct Task {
    pub(super) abort: AbortHandle,
    pub(super) trigger: Trigger,
    pub(super) readiness: Arc<Readiness>,
}

/// What follows the end of a child that is to stop.
pub(super) enum Fate {
    /// Nothing.
    End,
    /// It is started again, with its group.
    Restart { until: Instant },
    /// It counts as failed: it was late.
    Fail(Error),
}

/// How a task ended.
pub(super) enum Exit {
    Finished,
    Failed(Error),
    /// Aborted: by us, or by a runtime that shuts down.
    Cancelled(Error),
}

impl From<JoinError> for Exit {
    fn from(error: JoinError) -> Self {
        match error.try_into_panic() {
            Ok(payload) => {
                Self::Failed(Error::internal(format!("it panicked: {}", panic_message(&*payload))))
            }
            Err(_) => Self::Cancelled(Error::internal("its task was cancelled")),
        }
    }
}

impl Slot {
    pub(super) fn new(node: Arc<Node>, now: Instant) -> Self {
        node.enter(State::Starting);
        Self {
            phase: Phase::Waiting { until: now },
            task: None,
            fate: None,
            proven: false,
            node,
            failures: 0,
        }
    }

    pub(super) fn runs(&self, id: Id) -> bool {
        self.task.as_ref().is_some_and(|task| task.abort.id() == id)
    }

    /// Whether those after it need not wait for it.
    pub(super) fn is_settled(&self) -> bool {
        matches!(self.phase, Phase::Up { .. } | Phase::Ended)
    }

    /// Whether it runs and is to stop.
    pub(super) fn is_going(&self) -> bool {
        self.fate.is_some()
    }

    pub(super) fn was_asked(&self) -> bool {
        matches!(self.phase, Phase::Stopping { .. } | Phase::Aborted { .. })
    }

    /// When it needs a look, if nothing happens to it before.
    pub(super) fn alarm(&self, now: Instant) -> Option<Instant> {
        match self.phase {
            // One that is due already waits for its siblings, not for the clock.
            Phase::Waiting { until } => Some(until).filter(|until| *until > now),
            Phase::Starting { by } if self.fate.is_none() => Some(by),
            Phase::Stopping { abort_at } => Some(abort_at),
            Phase::Aborted { leave_at } => Some(leave_at),
            Phase::Starting { .. } | Phase::Up { .. } | Phase::Ended => None,
        }
    }

    /// Notes that it has become ready, if it has.
    pub(super) fn welcome(&mut self) {
        if let Phase::Starting { .. } = self.phase
            && self.task.as_ref().is_some_and(|task| task.readiness.is_reached())
        {
            self.phase = Phase::Up { since: Instant::now() };
            self.proven = true;
            self.node.enter(State::Running);
            tracing::debug!(service = self.node.path, "a service is ready");
        }
    }

    pub(super) fn ask(&mut self, deadline: Instant, overrun: Duration) {
        if let Some(task) = &self.task {
            task.trigger.request(Some(deadline));
            self.phase = Phase::Stopping { abort_at: deadline + overrun };
            self.node.enter(State::Stopping);
        }
    }

    /// Moves the deadline of one that has been asked nearer.
    pub(super) fn hurry(&mut self, deadline: Instant, overrun: Duration) {
        if let (Phase::Stopping { abort_at }, Some(task)) = (&mut self.phase, &self.task) {
            task.trigger.request(Some(deadline));
            *abort_at = (*abort_at).min(deadline + overrun);
        }
    }

    pub(super) fn abort(&mut self, leave_at: Instant) {
        if let Some(task) = &self.task {
            task.abort.abort();
            self.phase = Phase::Aborted { leave_at };
        }
    }

    pub(super) fn wait(&mut self, until: Instant) {
        self.phase = Phase::Waiting { until };
        self.node.enter(State::BackingOff);
    }

    pub(super) fn finish(&mut self, state: State) {
        self.phase = Phase::Ended;
        self.proven = true;
        self.node.enter(state);
    }

    /// Counts a failure; how many were there in a row before it.
    pub(super) fn count_failure(&mut self, now: Instant, forgiven_after: Duration) -> u32 {
        if let Phase::Up { since } = self.phase
            && now.duration_since(since) >= forgiven_after
        {
            self.failures = 0;
        }
        let before = self.failures;
        self.failures = before.saturating_add(1);
        before
    }
}
