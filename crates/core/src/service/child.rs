//! What is supervised.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;

use super::{Running, Supervisor};
use crate::error::Result;

/// When a child that has ended is started again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Restart {
    /// Always: it should run as long as the application does. Returning `Ok` unasked counts as a failure.
    #[default]
    Permanent,
    /// After an error or a panic only: it may finish its work.
    Transient,
    /// Never.
    Temporary,
}

/// A named task that a [`Supervisor`] starts, and starts again.
#[derive(Clone)]
pub struct Child {
    pub(super) name: String,
    pub(super) restart: Restart,
    pub(super) start_within: Duration,
    pub(super) stop_within: Duration,
    pub(super) work: Work,
}

#[derive(Clone)]
pub(super) enum Work {
    Task(Start),
    Supervisor(Arc<Supervisor>),
}

pub(super) type Start = Arc<dyn Fn(Running) -> BoxFuture<'static, Result<()>> + Send + Sync>;

/// What a child gets to stop once its turn has come, even if the ones before it have used up the time: without it,
/// one stuck listener would cut off the writer that it writes to.
pub(super) const GRACE: Duration = Duration::from_millis(500);

/// How long an aborted task is waited for. Only one that blocks its thread takes longer than a moment.
pub(super) const SETTLE: Duration = Duration::from_millis(500);

impl Child {
    /// A permanent child. `start` is called for each start; its future runs in a task of its own, calls
    /// [`Running::ready`], and returns soon after [`Running::shutdown`] is requested.
    pub fn new<F, Fut>(name: impl Into<String>, start: F) -> Self
    where
        F: Fn(Running) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        Self {
            name: name.into(),
            restart: Restart::default(),
            start_within: Duration::from_secs(30),
            stop_within: Duration::from_secs(5),
            work: Work::Task(Arc::new(move |running| Box::pin(start(running)))),
        }
    }

    /// When it is started again.
    #[must_use]
    pub fn restart(mut self, restart: Restart) -> Self {
        self.restart = restart;
        self
    }

    /// How long it may take to become ready: 30 s unless said otherwise.
    #[must_use]
    pub fn start_within(mut self, limit: Duration) -> Self {
        self.start_within = limit;
        self
    }

    /// How long it may take to stop when nobody has set a deadline for all, as when its siblings are restarted: 5 s
    /// unless said otherwise.
    #[must_use]
    pub fn stop_within(mut self, limit: Duration) -> Self {
        self.stop_within = limit;
        self
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How much longer than its deadline it may need: nothing, unless it has children of its own to abort.
    pub(super) fn overrun(&self) -> Duration {
        match &self.work {
            Work::Task(_) => Duration::ZERO,
            Work::Supervisor(supervisor) => supervisor.overrun(),
        }
    }
}

/// A supervisor below another. Its times are the sums of its children's, who start and stop one after the other.
impl From<Supervisor> for Child {
    fn from(supervisor: Supervisor) -> Self {
        let sum = |limit: fn(&Child) -> Duration| {
            supervisor.children.iter().map(limit).fold(Duration::ZERO, Duration::saturating_add)
        };
        let stop_within = sum(|child| child.stop_within);
        let start_within = sum(|child| child.start_within);
        Self {
            name: supervisor.name.clone(),
            restart: Restart::default(),
            // It reports the child that is late by itself, after stopping the others; this is the backstop.
            start_within: start_within.saturating_add(stop_within).saturating_add(supervisor.overrun()),
            stop_within,
            work: Work::Supervisor(Arc::new(supervisor)),
        }
    }
}
