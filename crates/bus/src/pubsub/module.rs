//! Publish and subscribe as a part of an application.
//!
//! | id | what |
//! |---|---|
//! | `bus.E004` | nothing carries messages for the address of `pubsub.url` |

use std::sync::Arc;

use mainstay_core::check::Check;
use mainstay_core::config::{Problems, Section};
use mainstay_core::{
    Assembly, Contribute, Contribution, Contributions, CoreContributions, Error, Finding, Findings, Inject,
    Module, Provider, Resolver, Result,
};
use serde::{Deserialize, Serialize};

use super::carrier::{Carrier, PubSubDriver};
use super::{PubSub, memory};

/// `[pubsub]`.
#[derive(Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct PubSubConfig {
    /// What carries messages: `memory:` within the process, or the address of another driver. A password in it is percent-encoded.
    pub url: String,
    /// By how many messages a subscription may be behind. One that is behind further misses the oldest.
    pub buffer: usize,
}

impl Default for PubSubConfig {
    fn default() -> Self {
        Self { url: "memory:".to_owned(), buffer: 256 }
    }
}

impl Section for PubSubConfig {
    const NAME: &'static str = "pubsub";

    fn validate(&self, problems: &mut Problems) {
        if self.buffer == 0 || self.buffer > 65_536 {
            problems.add("buffer", "must be from 1 to 65536", None);
        }
    }
}

/// A contribution: parts of the application speak with each other.
struct Speaks;

impl Contribution for Speaks {
    fn installs() -> Option<Module> {
        Some(module())
    }
}

/// Lets an application publish and subscribe. In the prelude.
pub trait PubSubExt: Contribute {
    /// Handlers and services may take a [`PubSub`]. What carries the messages says `pubsub.url`.
    #[must_use]
    fn pubsub(self) -> Self {
        self.contribute(Speaks)
    }
}

impl<C: Contribute> PubSubExt for C {}

/// The module: the section `pubsub`, and [`PubSub`].
pub fn module() -> Module {
    Module::new("pubsub")
        .global()
        .config::<PubSubConfig>()
        .contribute(PubSubDriver::new(memory::SCHEME, async |_: String, resolver: Resolver| {
            let config = resolver.get::<PubSubConfig>().await?;
            let carrier: Arc<dyn Carrier> = Arc::new(memory::InMemory::new(config.buffer));
            Ok(carrier)
        }))
        .provide(Provider::asynchronous(open).on_demand())
        .export::<PubSub>()
        .check(Check::at_start(check))
}

async fn open(
    config: Inject<PubSubConfig>,
    contributions: Inject<Contributions>,
    resolver: Resolver,
) -> Result<PubSub> {
    // Was a finding of the start.
    let driver = PubSubDriver::of(&contributions, &config.url)
        .ok_or_else(|| Error::internal("nothing carries messages for the address of `pubsub.url`"))?;
    Ok(PubSub::over(driver.open(&config.url, resolver).await?))
}

fn check(assembly: &Assembly, findings: &mut Findings) {
    let Ok(config) = assembly.config.section::<PubSubConfig>() else { return };
    if PubSubDriver::of(&assembly.contributions, &config.url).is_none() {
        let (asked, fix) = PubSubDriver::unknown(&assembly.contributions, &config.url, ":…");
        let told = format!("nothing carries messages for {asked}");
        findings.add(Finding::error("bus.E004", told).at("pubsub.url").fix(fix));
    }
}
