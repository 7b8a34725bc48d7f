//! A health probe as a module contributes it: its dependencies come from the container.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::{Probe, ProbeKind};
use crate::Result;
use crate::container::{Dependencies, Factory, Need, Resolver};
use crate::contribution::Contribution;

type Run = Arc<dyn Fn(Resolver) -> BoxFuture<'static, Result<()>> + Send + Sync>;

/// A health probe: a name, a kind, and a function of what it takes from the container.
///
/// ```
/// use mainstay_core::health::{ProbeBinding, ProbeKind};
/// use mainstay_core::{App, CoreContributions, Error, Inject};
///
/// struct Printer { paper: bool }
///
/// let probe = ProbeBinding::new("printer", ProbeKind::Readiness, |printer: Inject<Printer>| async move {
///     if printer.paper { Ok(()) } else { Err(Error::unavailable("no paper")) }
/// });
/// let app = App::new().provide(|| Printer { paper: true }).probe(probe);
/// ```
#[derive(Clone)]
pub struct ProbeBinding {
    name: &'static str,
    kind: ProbeKind,
    needs: Vec<Need>,
    run: Run,
}

impl ProbeBinding {
    /// A probe.
    pub fn new<A, F, Fut>(name: &'static str, kind: ProbeKind, run: F) -> Self
    where
        A: Dependencies + 'static,
        F: Factory<A, Output = Fut>,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        let shared = Arc::new(run);
        let run: Run = Arc::new(move |resolver| {
            let run = Arc::clone(&shared);
            async move { run.call(A::resolve(&resolver).await?).await }.boxed()
        });
        Self { name, kind, needs: A::needs(), run }
    }

    /// What health runs.
    pub(crate) fn probe(&self, resolver: Resolver) -> Probe {
        let run = Arc::clone(&self.run);
        Probe::new(self.name, self.kind, move || run(resolver.clone()))
    }
}

impl Contribution for ProbeBinding {
    fn needs(&self) -> Vec<Need> {
        self.needs.clone()
    }
}
