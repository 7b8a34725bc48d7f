//! What runs once while the application starts or stops.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::Result;
use crate::container::{Dependencies, Factory, Need, Resolver};
use crate::contribution::Contribution;

/// When a hook runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// After the singletons are built, before the services start; in the order of the modules.
    Start,
    /// After the services have stopped, before the singletons are disposed of; in the reverse order.
    Stop,
}

type Run = Arc<dyn Fn(Resolver) -> BoxFuture<'static, Result<()>> + Send + Sync>;

/// A function that runs once while the application starts or stops.
///
/// ```
/// use mainstay_core::lifecycle::Hook;
/// use mainstay_core::{App, CoreContributions, Inject};
///
/// struct Cache;
/// impl Cache { async fn warm(&self) {} }
///
/// let warm = Hook::on_start("warm the cache", |cache: Inject<Cache>| async move {
///     cache.warm().await;
///     Ok(())
/// });
/// let app = App::new().provide(|| Cache).hook(warm);
/// ```
#[derive(Clone)]
pub struct Hook {
    pub(crate) name: &'static str,
    pub(crate) moment: Moment,
    needs: Vec<Need>,
    run: Run,
}

impl Hook {
    /// Runs while the application starts. If it fails, the application does not start.
    pub fn on_start<A, F, Fut>(name: &'static str, run: F) -> Self
    where
        A: Dependencies,
        F: Factory<A, Output = Fut>,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        Self::new(name, Moment::Start, run)
    }

    /// Runs while the application stops. If it fails, that is logged and stopping goes on.
    pub fn on_stop<A, F, Fut>(name: &'static str, run: F) -> Self
    where
        A: Dependencies,
        F: Factory<A, Output = Fut>,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        Self::new(name, Moment::Stop, run)
    }

    fn new<A, F, Fut>(name: &'static str, moment: Moment, run: F) -> Self
    where
        A: Dependencies,
        F: Factory<A, Output = Fut>,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        let shared = Arc::new(run);
        let run: Run = Arc::new(move |resolver| {
            let run = Arc::clone(&shared);
            async move { run.call(A::resolve(&resolver).await?).await }.boxed()
        });
        Self { name, moment, needs: A::needs(), run }
    }

    pub(crate) fn run(&self, resolver: Resolver) -> BoxFuture<'static, Result<()>> {
        (self.run)(resolver)
    }
}

impl Contribution for Hook {
    fn needs(&self) -> Vec<Need> {
        self.needs.clone()
    }
}
