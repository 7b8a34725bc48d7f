//! A supervisor at work.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::pending;
use tokio::sync::Notify;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::{Instant, timeout_at};

use super::child::SETTLE;
use super::engine::{self, panic_message};
use super::running::Readiness;
use super::shutdown::after;
use super::status::{Ending, Node, Tree};
use super::{Running, Shutdown, Status, Supervisor, Trigger};
use crate::error::{Error, Result};

/// A started supervisor. Dropping it aborts every task below it, at once and without order;
/// [`stop`](Self::stop) is the friendly way.
pub struct Supervision {
    node: Arc<Node>,
    trigger: Trigger,
    bell: Arc<Notify>,
    readiness: Arc<Readiness>,
    overrun: Duration,
    /// `None` once its end has been seen.
    task: Option<JoinHandle<Result<()>>>,
}

impl Supervision {
    pub(super) fn launch(supervisor: Supervisor) -> Self {
        let node = Node::root(&supervisor);
        let bell = Arc::new(Notify::new());
        let (trigger, shutdown) = Shutdown::channel();
        let running = Running::reporting_to(&bell, shutdown);
        let readiness = running.readiness();
        let overrun = supervisor.overrun();
        node.started();
        let task = tokio::spawn(engine::run(Arc::new(supervisor), running, Arc::clone(&node)));
        Self { node, trigger, bell, readiness, overrun, task: Some(task) }
    }

    /// Waits until every child is ready. Cancel safe.
    ///
    /// # Errors
    ///
    /// What kept a child from starting. By then those already started have been stopped.
    pub async fn ready(&mut self) -> Result<()> {
        while !self.readiness.is_reached() {
            let Some(task) = &mut self.task else {
                return Err(Error::internal(format!("`{}` has already ended", self.node.path)));
            };
            tokio::select! {
                ended = task => {
                    self.task = None;
                    return match outcome(ended) {
                        Err(error) => Err(error),
                        Ok(()) => Err(Error::internal("stopped before it was ready")),
                    };
                }
                () = self.bell.notified() => {}
            }
        }
        Ok(())
    }

    /// Resolves with the last cause if the supervisor gives up; its children have been stopped by then. Never
    /// resolves otherwise. Cancel safe.
    pub async fn failed(&mut self) -> Error {
        if let Some(task) = &mut self.task {
            let ended = task.await;
            self.task = None;
            if let Err(error) = outcome(ended) {
                return error;
            }
        }
        pending().await
    }

    /// What everything is doing now.
    pub fn status(&self) -> Status {
        self.node.status()
    }

    /// A view of the tree that can be given away.
    pub fn tree(&self) -> Tree {
        Tree(Arc::clone(&self.node))
    }

    /// Stops every child, the last started first. Each has what the ones before it have left of `within` (and at
    /// least half a second); then it is aborted, and named in the report.
    pub async fn stop(mut self, within: Duration) -> StopReport {
        let began = Instant::now();
        let deadline = after(began, within);
        self.trigger.request(Some(deadline));
        if let Some(task) = &mut self.task {
            // The engine keeps the deadline itself; this is for the case that it cannot run.
            match timeout_at(deadline + self.overrun + SETTLE, &mut *task).await {
                Ok(ended) => {
                    if let Err(error) = outcome(ended) {
                        self.node.end(Ending::Failed(error.report()));
                    }
                }
                Err(_) => {
                    task.abort();
                    self.node.end(Ending::Abandoned);
                }
            }
            self.task = None;
        }
        let mut report = StopReport { took: began.elapsed(), ..StopReport::default() };
        report.collect(&self.node);
        report
    }
}

impl Drop for Supervision {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

fn outcome(ended: Result<Result<()>, JoinError>) -> Result<()> {
    match ended {
        Ok(outcome) => outcome,
        Err(error) if error.is_panic() => {
            Err(Error::internal(format!("the supervisor panicked: {}", panic_message(&*error.into_panic()))))
        }
        Err(_) => Err(Error::internal("the supervisor was cancelled: the runtime is shutting down")),
    }
}

/// How stopping went. Services are named by path (`jobs/scheduler`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StopReport {
    /// How long it took.
    pub took: Duration,
    /// Those that had not stopped in time and were aborted.
    pub aborted: Vec<String>,
    /// Those that did not even end when aborted, because they block their thread.
    pub abandoned: Vec<String>,
    /// Those that stopped with an error, and the error as the log has it.
    pub failed: Vec<(String, String)>,
}

impl StopReport {
    /// Whether all stopped in time and without an error.
    pub fn is_clean(&self) -> bool {
        self.aborted.is_empty() && self.abandoned.is_empty() && self.failed.is_empty()
    }

    fn collect(&mut self, node: &Node) {
        // The last started is the first stopped.
        for child in node.children.iter().rev() {
            self.collect(child);
        }
        match node.ending() {
            Ending::Clean => {}
            Ending::Failed(error) => self.failed.push((node.path.clone(), error)),
            Ending::Aborted => self.aborted.push(node.path.clone()),
            Ending::Abandoned => self.abandoned.push(node.path.clone()),
        }
    }
}

impl fmt::Display for StopReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "stopped in {:.1?}", self.took)?;
        if !self.aborted.is_empty() {
            write!(f, "; aborted at the deadline: {}", self.aborted.join(", "))?;
        }
        if !self.abandoned.is_empty() {
            write!(f, "; left behind, blocking a thread: {}", self.abandoned.join(", "))?;
        }
        for (path, error) in &self.failed {
            write!(f, "; {path} failed: {error}")?;
        }
        Ok(())
    }
}
