//! From the first line of `main` to the last: build, start, ready, drain, stop in reverse.
//!
//! | step | what happens | if it fails |
//! |---|---|---|
//! | assemble | modules, configuration, graph, checks ([`Assembly`]) | all findings are printed; exit 1 |
//! | build | singletons, dependencies first | every failure is printed; exit 1 |
//! | start hooks | in the order of the modules | what was built is disposed of; exit 1 |
//! | services | one after the other, each ready before the next; the edge last | stopped in reverse; exit 1 |
//! | ready | `/readyz` says yes | |
//! | signal | SIGTERM or SIGINT; a second one ends at once | |
//! | drain | `/readyz` says no; the edge stops accepting and finishes what it has, until the deadline | what is left is named |
//! | stop | services in reverse, stop hooks in reverse, singletons disposed of in reverse | logged; stopping goes on |

mod config;
mod hook;
mod program;
mod signal;

use std::sync::Arc;
use std::time::Duration;

pub use config::AppConfig;
pub use hook::{Hook, Moment};
pub use program::run;

use crate::assembly::Assembly;
use crate::health::Readiness;
use crate::service::{Overview, Service, Stage, StopReport, Strategy, Supervision, Supervisor};
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
        let resolver = self.resolver();
        let started = match resolver.build_all(self.takers()).await {
            Ok(()) => self.start_built(services).await.map_err(|error| vec![error]),
            Err(errors) => Err(errors),
        };
        if started.is_err() {
            resolver.dispose().await;
        }
        started
    }

    async fn start_built(self: &Arc<Self>, services: Services) -> Result<Started> {
        let resolver = self.resolver();
        let config = resolver.get::<AppConfig>().await?;
        for hook in self.contributions.of::<Hook>().filter(|hook| hook.value.moment == Moment::Start) {
            let run = hook.value.run(self.resolver_of(hook.module));
            run.await.map_err(|error| error.context(format!("start hook `{}`", hook.value.name)))?;
        }
        let supervision = self.supervisor(services, &config).start().await?;
        resolver.get::<Overview>().await?.show(supervision.tree());
        let readiness = resolver.get::<Readiness>().await?;
        readiness.ready();
        Ok(Started { assembly: Arc::clone(self), supervision, readiness, deadline: config.shutdown_deadline })
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
}
