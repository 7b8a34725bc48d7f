//! The description of a supervised group.

use std::collections::HashSet;
use std::time::Duration;

use super::child::{GRACE, SETTLE, Work};
use super::{Backoff, Child, Supervision};
use crate::error::{Error, Result};

/// Who is restarted when a child fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// That child alone.
    #[default]
    OneForOne,
    /// All: they are stopped in reverse order and started in order.
    OneForAll,
    /// That child and those that were started after it.
    RestForOne,
}

/// How many restarts are too many. Beyond it the supervisor gives up and fails itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Intensity {
    /// So many restarts, of all children together, are borne…
    pub restarts: usize,
    /// …within any period of this length.
    pub within: Duration,
}

impl Default for Intensity {
    /// 8 within a minute: with the default [`Backoff`] a child that fails at once is tried for about 20 seconds.
    fn default() -> Self {
        Self { restarts: 8, within: Duration::from_secs(60) }
    }
}

/// Children in start order, and what is done when one fails. A description: [`start`](Self::start) sets it to work.
///
/// A supervisor is itself a [`Child`] of another one: `outer.child(inner)`.
#[derive(Clone)]
pub struct Supervisor {
    pub(super) name: String,
    pub(super) strategy: Strategy,
    pub(super) intensity: Intensity,
    pub(super) backoff: Backoff,
    pub(super) children: Vec<Child>,
}

impl Supervisor {
    /// One without children: [`Strategy::OneForOne`], default [`Intensity`] and [`Backoff`].
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            strategy: Strategy::default(),
            intensity: Intensity::default(),
            backoff: Backoff::default(),
            children: Vec::new(),
        }
    }

    /// Who is restarted when a child fails.
    #[must_use]
    pub fn strategy(mut self, strategy: Strategy) -> Self {
        self.strategy = strategy;
        self
    }

    /// How many restarts are too many.
    #[must_use]
    pub fn intensity(mut self, intensity: Intensity) -> Self {
        self.intensity = intensity;
        self
    }

    /// How long to wait before a restart.
    #[must_use]
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// Adds a child, or a supervisor. It starts after, and stops before, those already added.
    #[must_use]
    pub fn child(mut self, child: impl Into<Child>) -> Self {
        self.children.push(child.into());
        self
    }

    /// Starts every child in order, and returns when all are ready.
    ///
    /// # Errors
    ///
    /// The first child that fails before it is ready, or is not ready in time, ends the start: it is not tried again,
    /// and those already started are stopped in reverse order. Two children of one name are an error too.
    pub async fn start(self) -> Result<Supervision> {
        let mut supervision = self.launch()?;
        supervision.ready().await?;
        Ok(supervision)
    }

    /// Begins to start the children, and returns at once. Await [`Supervision::ready`] next; unlike a
    /// [`start`](Self::start) that is dropped, it can be [stopped](Supervision::stop) in order half-way.
    ///
    /// # Errors
    ///
    /// Two children of one name.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn launch(self) -> Result<Supervision> {
        self.refuse_namesakes()?;
        Ok(Supervision::launch(self))
    }

    fn refuse_namesakes(&self) -> Result<()> {
        let mut names = HashSet::new();
        for child in &self.children {
            if !names.insert(child.name.as_str()) {
                return Err(Error::internal(format!(
                    "two services of `{}` are called `{}`: give one of them another name",
                    self.name, child.name
                )));
            }
            if let Work::Supervisor(nested) = &child.work {
                nested.refuse_namesakes()?;
            }
        }
        Ok(())
    }

    /// The most by which stopping may exceed its deadline: each child has its grace, and its abort to settle.
    pub(super) fn overrun(&self) -> Duration {
        let children: Duration = self.children.iter().map(|child| GRACE + SETTLE + child.overrun()).sum();
        children + SETTLE
    }
}
