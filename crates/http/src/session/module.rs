//! The built-in module `session`.
//!
//! | id | what |
//! |---|---|
//! | `session.E001` | nothing opens the store that `session.store` names |
//! | `session.W001` | in production, sessions are in the memory of one process |
//! | `session.W002` | in production, a session lasts for more than 90 days, whatever its owner does |
//! | `session.W003` | in production, a session that nobody uses lasts for more than 14 days |

use std::sync::Arc;
use std::time::Duration;

use mainstay_core::check::Check;
use mainstay_core::clock::Clock;
use mainstay_core::{
    Assembly, Contribute, Contribution, CoreContributions, Finding, Findings, Module, Provider, Resolver,
    Result,
};

use super::config::SessionConfig;
use super::memory::Memory;
use super::sessions::Sessions;
use super::store::{SessionDriver, SessionStore, chosen};

const MEMORY: &str = "memory";

/// A contribution: the application remembers its visitors.
struct HasSessions;

impl Contribution for HasSessions {
    fn installs() -> Option<Module> {
        Some(module())
    }
}

/// The module: the section `session`, and [`Sessions`].
pub(crate) fn module() -> Module {
    Module::new("session")
        .global()
        .import(crate::module::http())
        .config::<SessionConfig>()
        .contribute(SessionDriver::new(MEMORY, in_memory))
        .provide(Provider::asynchronous(Sessions::provide))
        .export::<Sessions>()
        .check(Check::at_start(find_store))
        .check(Check::at_deploy(before_deployment))
}

async fn in_memory(_: String, resolver: Resolver) -> Result<Arc<dyn SessionStore>> {
    let clock = resolver.get::<dyn Clock>().await?;
    Ok(Arc::new(Memory::new(clock.into_arc())))
}

fn find_store(assembly: &Assembly, findings: &mut Findings) {
    let Ok(config) = assembly.config.section::<SessionConfig>() else { return };
    if chosen(&assembly.contributions, &config).is_some() {
        return;
    }
    let url = config.store.as_deref().unwrap_or_default();
    let (asked, fix) = SessionDriver::unknown(&assembly.contributions, url, "");
    let told = format!("nothing keeps sessions in {asked}");
    findings.add(Finding::error("session.E001", told).at("session.store").fix(fix));
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn before_deployment(assembly: &Assembly, findings: &mut Findings) {
    let Ok(config) = assembly.config.section::<SessionConfig>() else { return };
    if chosen(&assembly.contributions, &config).is_some_and(|driver| driver.scheme() == MEMORY) {
        let told = "sessions are in the memory of the process: a restart forgets them, and several processes do not share them";
        findings
            .add(Finding::warning("session.W001", told).at("session.store").fix("name a store that stays"));
    }
    if config.lifetime > 90 * DAY {
        let told = "a session lasts for more than 90 days: so long a stolen cookie is good";
        let fix = "set it to 30d, and let people sign in again";
        findings.add(Finding::warning("session.W002", told).at("session.lifetime").fix(fix));
    }
    if config.idle_timeout.min(config.lifetime) > 14 * DAY {
        let told = "a session that nobody uses lasts for more than 14 days";
        let fix = "set it to 1d; who wants to stay signed in is remembered for `session.lifetime`";
        findings.add(Finding::warning("session.W003", told).at("session.idle_timeout").fix(fix));
    }
}

/// Lets an application remember its visitors. In the prelude.
pub trait SessionsExt: Contribute {
    /// Handlers may take a [`Session`](super::Session). Where sessions are kept says `session.store`.
    #[must_use]
    fn sessions(self) -> Self {
        self.contribute(HasSessions)
    }
}

impl<C: Contribute> SessionsExt for C {}
