//! What every application has: the core's own module.

use std::sync::Arc;

use crate::assembly::Assembly;
use crate::check::{Check, Finding, Findings};
use crate::clock::{Clock, SystemClock};
use crate::command;
use crate::config;
use crate::container::{Inject, Provider, Resolver};
use crate::contribution::{Contribute, Contributions};
use crate::health::{Health, Readiness};
use crate::keys::keeper::Keeper;
use crate::keys::{self, Keys, KeysConfig};
use crate::lifecycle::AppConfig;
use crate::logging::{self, LogConfig, Logging};
use crate::metrics::Metrics;
use crate::module::{CoreContributions, Module};
use crate::profile::Profile;
use crate::random::{Ids, Random, SecureRandom};
use crate::service::Overview;

/// The name of the core's module.
pub(crate) const NAME: &str = "core";

/// Clock, randomness, keys, the log, metrics, health, and the commands that need nothing else.
pub(crate) fn module() -> Module {
    Module::new(NAME)
        .global()
        .config::<AppConfig>()
        .config::<KeysConfig>()
        .config::<LogConfig>()
        .provide(Provider::singleton(SystemClock::default).bind(|clock| clock as Arc<dyn Clock>))
        .provide(Provider::singleton(SecureRandom::new).bind(|random| random as Arc<dyn Random>))
        .provide(Provider::singleton(ids))
        .provide(Provider::asynchronous(keys).on_demand())
        .provide(Provider::singleton(log).on_demand())
        .provide(metrics)
        .provide(Readiness::default)
        .provide(Overview::default)
        .provide(Health::of_application)
        .export::<dyn Clock>()
        .export::<dyn Random>()
        .export::<Ids>()
        .export::<Keys>()
        .export::<Logging>()
        .export::<Metrics>()
        .export::<Readiness>()
        .export::<Overview>()
        .export::<Health>()
        .check(Check::at_start(check_keys))
        .check(Check::at_deploy(before_deployment))
        .service(logging::reload::service())
        .contribute(keys::file::driver())
        .service(keys::keeper::service())
        .command(command::check())
        .command(command::config())
        .command(keys::command::command())
        .command(config::credentials::edit::command())
}

fn ids(clock: Inject<dyn Clock>, random: Inject<dyn Random>) -> Ids {
    Ids::new(clock.into_arc(), random.into_arc())
}

fn metrics() -> Metrics {
    let metrics = Metrics::new();
    metrics.watch_process();
    metrics
}

/// The log that runs; where the program is a test, it starts when someone asks for it.
fn log(config: Inject<LogConfig>, profile: Inject<Profile>) -> Logging {
    logging::init(&config, &profile)
}

async fn keys(
    config: Inject<KeysConfig>,
    profile: Inject<Profile>,
    clock: Inject<dyn Clock>,
    random: Inject<dyn Random>,
    resolver: Resolver,
) -> crate::Result<Keys> {
    let keys = Keys::new(&config, &profile, clock.into_arc(), random.into_arc())?;
    let contributions = resolver.get::<Contributions>().await?;
    if let Some(keeper) = Keeper::open(&keys, &config, &contributions, resolver).await? {
        keeper.keep_up().await?;
    }
    Ok(keys)
}

/// | id | what |
/// |---|---|
/// | `core.W001` | the profile is that of development or of tests |
/// | `log.W001` | the log tells more than it needs to |
fn before_deployment(assembly: &Assembly, findings: &mut Findings) {
    let profile = &assembly.profile;
    if profile.is_development() || *profile == Profile::Test {
        let told = format!(
            "the profile is `{profile}`: errors show the inside of the application, and defaults are for one's own machine"
        );
        let fix = "set MAINSTAY_PROFILE=production, here and where it is deployed";
        findings.add(Finding::warning("core.W001", told).fix(fix));
    }
    if let Ok(config) = assembly.config.section::<LogConfig>() {
        logging::before_deployment(&config, findings);
    }
}

/// A secret is asked for only where something signs or seals.
fn check_keys(assembly: &Assembly, findings: &mut Findings) {
    if assembly.needs::<Keys>() {
        keys::check_needed(assembly, findings);
    }
}
