//! A supervised task as a module contributes it: its dependencies come from the container.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::{Child, Restart, Running};
use crate::Result;
use crate::container::{Dependencies, FactoryWith, Need, Resolver};
use crate::contribution::Contribution;

type Start = Arc<dyn Fn(Running, Resolver) -> BoxFuture<'static, Result<()>> + Send + Sync>;

/// When a service starts and stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Before the edge, and stopped after it.
    Background,
    /// What lets the world in: started last, stopped first.
    Edge,
}

/// A supervised background task: a listener, a worker, a relay.
///
/// It is a function of [`Running`] and of what it takes from the container. It says `running.ready()` when it has
/// started, returns when `running.shutdown()` is requested, and is started again when it fails.
///
/// ```
/// use std::time::Duration;
/// use mainstay_core::service::{Running, Service};
/// use mainstay_core::{App, CoreContributions, Inject};
///
/// struct Cache;
///
/// let sweep = Service::new("sweep", |running: Running, cache: Inject<Cache>| async move {
///     running.ready();
///     loop {
///         tokio::select! {
///             () = running.shutdown().requested() => return Ok(()),
///             () = tokio::time::sleep(Duration::from_secs(60)) => drop(cache.clone()),
///         }
///     }
/// });
/// let app = App::new().provide(|| Cache).service(sweep);
/// ```
#[derive(Clone)]
pub struct Service {
    name: &'static str,
    stage: Stage,
    restart: Restart,
    needs: Vec<Need>,
    start: Start,
}

impl Service {
    /// A service that runs for as long as the application does.
    pub fn new<A, F, Fut>(name: &'static str, start: F) -> Self
    where
        A: Dependencies + 'static,
        F: FactoryWith<Running, A, Output = Fut>,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        let shared = Arc::new(start);
        let start: Start = Arc::new(move |running, resolver| {
            let start = Arc::clone(&shared);
            async move { start.call(running, A::resolve(&resolver).await?).await }.boxed()
        });
        Self { name, stage: Stage::Background, restart: Restart::Permanent, needs: A::needs(), start }
    }

    /// Says when it starts and stops.
    #[must_use]
    pub fn stage(mut self, stage: Stage) -> Self {
        self.stage = stage;
        self
    }

    /// Says when it is started again.
    #[must_use]
    pub fn restart(mut self, restart: Restart) -> Self {
        self.restart = restart;
        self
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn starts_at(&self) -> Stage {
        self.stage
    }

    /// What the supervisor runs.
    pub(crate) fn child(&self, resolver: Resolver) -> Child {
        let start = Arc::clone(&self.start);
        Child::new(self.name, move |running| start(running, resolver.clone())).restart(self.restart)
    }
}

impl Contribution for Service {
    fn needs(&self) -> Vec<Need> {
        self.needs.clone()
    }
}
