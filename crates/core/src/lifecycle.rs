//! From the first line of `main` to the last: build, start, ready, drain, stop in reverse.
//!
//! | step | what happens | if it fails |
//! |---|---|---|
//! | assemble | modules, configuration, graph, checks ([`Assembly`]) | all findings are printed; exit 1 |
//! | build | singletons, dependencies first | every failure is printed; exit 1 |
//! | start hooks | in the order of the modules | what was built is disposed of; exit 1 |
//! | services | one after the other, each ready before the next; the edge last | stopped in reverse; exit 1 |
//! | ready | `/readyz` says yes | a signal before this stops what has started; exit 0 |
//! | signal | SIGTERM or SIGINT; a second one ends at once | |
//! | drain | `/readyz` says no; the edge stops accepting and finishes what it has, until the deadline | what is left is named |
//! | stop | services in reverse, stop hooks in reverse, singletons disposed of in reverse | logged; stopping goes on |

mod config;
mod hook;
mod program;
mod signal;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

pub use config::AppConfig;
pub use hook::{Hook, Moment};
pub use program::{run, run_until_signal};

use crate::assembly::Assembly;
use crate::health::Readiness;
use crate::service::{Overview, Service, Shutdown, Stage, StopReport, Strategy, Supervision, Supervisor};
use crate::{Error, Inject, Result};

/// Which services are started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Services {
    /// All of them.
    All,
    /// All but the edge: a test calls the application without a socket.
    Background,
    /// None: a command that needs what start hooks prepare.
    None,
}

/// An application that has started.
pub struct Started {
    assembly: Arc<Assembly>,
    supervision: Supervision,
    readiness: Inject<Readiness>,
    deadline: Duration,
}

impl Assembly {
    /// Starts the application: builds singletons, runs the start hooks, starts the services.
    ///
    /// # Errors
    /// Everything that failed. What had started by then is stopped again.
    pub async fn start(self: &Arc<Self>, services: Services) -> Result<Started, Vec<Error>> {
        let (_never, asked) = Shutdown::channel();
        let started = self.start_unless(services, &asked).await?;
        started.ok_or_else(|| vec![Error::internal("the start was given up unasked")])
    }

    /// The same, but given up when it is `asked` to stop; then what had started by then is stopped, and there is none.
    pub(crate) async fn start_unless(
        self: &Arc<Self>,
        services: Services,
        asked: &Shutdown,
    ) -> Result<Option<Started>, Vec<Error>> {
        let started = match self.prepare(asked).await {
            Ok(Some(config)) => {
                self.start_services(services, &config, asked).await.map_err(|error| vec![error])
            }
            Ok(None) => Ok(None),
            Err(errors) => Err(errors),
        };
        if !matches!(started, Ok(Some(_))) {
            self.resolver().dispose().await;
        }
        started
    }

    /// Builds the singletons and runs the start hooks.
    async fn prepare(&self, asked: &Shutdown) -> Result<Option<Inject<AppConfig>>, Vec<Error>> {
        let prepared = async {
            self.resolver().build_all(self.takers()).await?;
            self.run_start_hooks().await.map_err(|error| vec![error])?;
            self.resolver().get::<AppConfig>().await.map_err(|error| vec![error])
        };
        tokio::select! {
            prepared = prepared => prepared.map(Some),
            () = asked.requested() => Ok(None),
        }
    }

    async fn run_start_hooks(&self) -> Result<()> {
        for hook in self.contributions.of::<Hook>().filter(|hook| hook.value.moment == Moment::Start) {
            let run = hook.value.run(self.resolver_of(hook.module));
            run.await.map_err(|error| error.context(format!("start hook `{}`", hook.value.name)))?;
        }
        Ok(())
    }

    async fn start_services(
        self: &Arc<Self>,
        services: Services,
        config: &AppConfig,
        asked: &Shutdown,
    ) -> Result<Option<Started>> {
        let resolver = self.resolver();
        let readiness = resolver.get::<Readiness>().await?;
        let mut supervision = self.supervisor(services, config).launch()?;
        resolver.get::<Overview>().await?.show(supervision.tree());
        tokio::select! {
            ready = supervision.ready() => ready?,
            () = asked.requested() => {
                supervision.stop(config.shutdown_deadline).await;
                return Ok(None);
            }
        }
        readiness.ready();
        let deadline = config.shutdown_deadline;
        Ok(Some(Started { assembly: Arc::clone(self), supervision, readiness, deadline }))
    }

    fn supervisor(&self, services: Services, config: &AppConfig) -> Supervisor {
        let stages: &[Stage] = match services {
            Services::All => &[Stage::Background, Stage::Edge],
            Services::Background => &[Stage::Background],
            Services::None => &[],
        };
        let mut supervisor = Supervisor::new("app").strategy(Strategy::OneForOne);
        for stage in stages {
            let of_stage =
                self.contributions.of::<Service>().filter(|service| service.value.starts_at() == *stage);
            for service in of_stage {
                let child = service.value.child(self.resolver_of(service.module));
                supervisor = supervisor.child(child.start_within(config.start_deadline));
            }
        }
        supervisor
    }
}

impl Started {
    /// The application.
    pub fn assembly(&self) -> &Arc<Assembly> {
        &self.assembly
    }

    /// Resolves when a service has failed more often than it may.
    pub async fn failed(&mut self) -> Error {
        self.supervision.failed().await
    }

    /// Drains and stops, in reverse order, within the configured deadline.
    pub async fn stop(self) -> StopReport {
        self.readiness.drain();
        let report = self.supervision.stop(self.deadline).await;
        let hooks: Vec<_> = self
            .assembly
            .contributions
            .of::<Hook>()
            .filter(|hook| hook.value.moment == Moment::Stop)
            .collect();
        for hook in hooks.into_iter().rev() {
            if let Err(error) = hook.value.run(self.assembly.resolver_of(hook.module)).await {
                tracing::error!(hook = hook.value.name, error = %error.report(), "a stop hook failed");
            }
        }
        self.assembly.resolver().dispose().await;
        report
    }

    /// Gives up at once: services are aborted, nothing is drained and no hook runs. What was built is disposed of. For
    /// a test that has failed.
    pub async fn abandon(self) {
        drop(self.supervision);
        self.assembly.resolver().dispose().await;
    }
}
