//! The built-in module `session`.
//!
//! | id | what |
//! |---|---|
//! | `session.E001` | nothing opens the store that `session.store` names |
//! | `session.W001` | in production, sessions are in the memory of one process |

use std::sync::Arc;

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
        .check(Check::at_deploy(warn_of_memory))
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

fn warn_of_memory(assembly: &Assembly, findings: &mut Findings) {
    let Ok(config) = assembly.config.section::<SessionConfig>() else { return };
    if chosen(&assembly.contributions, &config).is_some_and(|driver| driver.scheme() == MEMORY) {
        let told = "sessions are in the memory of the process: a restart forgets them, and several processes do not share them";
        findings
            .add(Finding::warning("session.W001", told).at("session.store").fix("name a store that stays"));
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
