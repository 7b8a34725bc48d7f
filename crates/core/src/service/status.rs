//! What every supervised task is doing, as a tree.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Serialize, Serializer};

use super::Supervisor;
use super::child::Work;
use crate::error::Error;

/// What a service is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Not ready yet, or waiting for those before it.
    Starting,
    /// Ready.
    Running,
    /// Waiting to be restarted.
    BackingOff,
    /// Asked to stop.
    Stopping,
    /// Stopped, or finished.
    Stopped,
    /// Ended by an error, and not restarted.
    Failed,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::BackingOff => "backing off",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
        })
    }
}

/// What one service, and those below it, were doing at one moment.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// Its name.
    pub name: String,
    /// What it is doing.
    pub state: State,
    /// How often it has been started again.
    pub restarts: u64,
    /// When it took up this state; serialized as Unix seconds.
    #[serde(serialize_with = "unix_seconds")]
    pub since: SystemTime,
    /// The last failure, as the log has it: private, not for clients.
    pub last_error: Option<String>,
    /// The services below it, in start order.
    pub children: Vec<Status>,
}

fn unix_seconds<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs())
}

impl Status {
    /// Whether it and all below it are running, or have ended as they may.
    pub fn is_up(&self) -> bool {
        self.missing().is_empty()
    }

    /// The services that should be running and are not, by path (`jobs/scheduler`).
    ///
    /// A stopped or failed child of a running supervisor is not among them: it was not to be restarted.
    pub fn missing(&self) -> Vec<String> {
        let mut missing = Vec::new();
        if self.state == State::Running {
            self.collect_missing("", &mut missing);
        } else {
            missing.push(self.name.clone());
        }
        missing
    }

    fn collect_missing(&self, prefix: &str, missing: &mut Vec<String>) {
        for child in &self.children {
            let path = format!("{prefix}{}", child.name);
            match child.state {
                State::Running => child.collect_missing(&format!("{path}/"), missing),
                State::Stopped | State::Failed => {}
                State::Starting | State::BackingOff | State::Stopping => missing.push(path),
            }
        }
    }
}

/// The tree, indented, a service a line.
impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn line(status: &Status, depth: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "{:indent$}{}: {}", "", status.name, status.state, indent = depth * 2)?;
            if status.restarts > 0 {
                write!(f, ", {} restarts", status.restarts)?;
            }
            if let Some(error) = &status.last_error {
                write!(f, ", last error: {error}")?;
            }
            writeln!(f)?;
            status.children.iter().try_for_each(|child| line(child, depth + 1, f))
        }
        line(self, 0, f)
    }
}

/// A view of a running tree: cheap to clone, and it outlives what it shows.
#[derive(Clone)]
pub struct Tree(pub(super) Arc<Node>);

impl Tree {
    /// What everything is doing now.
    pub fn status(&self) -> Status {
        self.0.status()
    }
}

/// One service's place in the tree. Its supervisor writes it, everybody may read it.
pub(super) struct Node {
    name: String,
    /// The names from below the root down to here, for logs and reports.
    pub(super) path: String,
    record: Mutex<Record>,
    pub(super) children: Vec<Arc<Node>>,
}

struct Record {
    state: State,
    since: SystemTime,
    starts: u64,
    last_error: Option<String>,
    ending: Ending,
}

/// How the last stop went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Clean,
    Failed(String),
    Aborted,
    Abandoned,
}

impl Node {
    /// The tree of a supervisor that has not started.
    pub(super) fn root(supervisor: &Supervisor) -> Arc<Self> {
        Self::new(&supervisor.name, supervisor.name.clone(), Self::below(supervisor, ""))
    }

    fn below(supervisor: &Supervisor, prefix: &str) -> Vec<Arc<Self>> {
        let node = |child: &super::Child| {
            let path = format!("{prefix}{}", child.name);
            let children = match &child.work {
                Work::Task(_) => Vec::new(),
                Work::Supervisor(nested) => Self::below(nested, &format!("{path}/")),
            };
            Self::new(&child.name, path, children)
        };
        supervisor.children.iter().map(node).collect()
    }

    fn new(name: &str, path: String, children: Vec<Arc<Self>>) -> Arc<Self> {
        let record = Record {
            state: State::Starting,
            since: SystemTime::now(),
            starts: 0,
            last_error: None,
            ending: Ending::Clean,
        };
        Arc::new(Self { name: name.to_owned(), path, record: Mutex::new(record), children })
    }

    fn change<T>(&self, change: impl FnOnce(&mut Record) -> T) -> T {
        change(&mut self.record.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn enter(&self, state: State) {
        self.change(|record| {
            if record.state != state {
                record.state = state;
                record.since = SystemTime::now();
            }
        });
    }

    pub(super) fn started(&self) {
        self.enter(State::Starting);
        self.change(|record| {
            record.starts += 1;
            record.ending = Ending::Clean;
        });
    }

    pub(super) fn failed(&self, error: &Error) {
        let report = error.report();
        self.change(|record| record.last_error = Some(report));
    }

    pub(super) fn end(&self, ending: Ending) {
        self.change(|record| record.ending = ending);
    }

    pub(super) fn ending(&self) -> Ending {
        self.change(|record| record.ending.clone())
    }

    pub(super) fn status(&self) -> Status {
        let children = self.children.iter().map(|child| child.status()).collect();
        self.change(|record| Status {
            name: self.name.clone(),
            state: record.state,
            restarts: record.starts.saturating_sub(1),
            since: record.since,
            last_error: record.last_error.clone(),
            children,
        })
    }
}
