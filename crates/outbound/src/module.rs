//! The built-in module `outbound`: the section, the checks, and what clients are made of.
//!
//! | id | what |
//! |---|---|
//! | `outbound.E001` | an upstream has no base, or one that is no URL to begin paths at |
//! | `outbound.E002` | two upstreams have one name |
//! | `outbound.E003` | a table of the configuration names no upstream |
//! | `outbound.E004` | the name of an upstream cannot be that of a table |
//! | `outbound.E005` | a setting does not belong to this kind of upstream, or cannot be used |

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use mainstay_core::check::Check;
use mainstay_core::clock::Clock;
use mainstay_core::config::{Config, did_you_mean};
use mainstay_core::error::Context as _;
use mainstay_core::metrics::Metrics;
use mainstay_core::random::Random;
use mainstay_core::{
    AppInfo, Assembly, CoreContributions, Error, Finding, Findings, Inject, Module, Provider, Result,
};

use crate::client::{Client, Surroundings};
use crate::config::{OutboundConfig, UpstreamConfig};
use crate::settings::{Reach, Target};
use crate::transport::{Transport, tls};
use crate::upstream::Declared;

/// The module. The first [`Upstream`](crate::Upstream) brings it along.
///
/// | metric | |
/// |---|---|
/// | `outbound_calls_total` | calls by `upstream` and `outcome`: `2xx`, `4xx`, `5xx`, `timeout`, `connect`, `broken`, `open`, `busy`, … |
/// | `outbound_seconds` | how long they took, with retries, by `upstream` |
/// | `outbound_running` | calls that are under way, by `upstream` |
/// | `outbound_retries_total` | attempts beyond the first, by `upstream` |
/// | `outbound_breaker_open` | 1 while nothing is called, by `upstream` |
pub fn module() -> Module {
    Module::new("outbound")
        .global()
        .config::<OutboundConfig>()
        .provide(Provider::singleton(outbound).on_demand())
        .export::<Outbound>()
        .check(Check::at_start(check))
}

/// What clients are made of.
pub struct Outbound {
    upstreams: Inject<OutboundConfig>,
    config: Inject<Config>,
    surroundings: Surroundings,
}

fn outbound(
    upstreams: Inject<OutboundConfig>,
    config: Inject<Config>,
    info: Inject<AppInfo>,
    (clock, random, metrics): (Inject<dyn Clock>, Inject<dyn Random>, Inject<Metrics>),
) -> Outbound {
    let surroundings = Surroundings {
        agent: format!("{}/{}", info.name, info.version),
        clock: clock.into_arc(),
        random: random.into_arc(),
        metrics: Metrics::clone(&metrics),
    };
    Outbound { upstreams, config, surroundings }
}

impl Outbound {
    pub(crate) async fn client(&self, declared: Declared) -> Result<Client> {
        let Declared { name, settings, .. } = declared;
        let fault = |what: String| Error::internal(format!("upstream `{name}`: {what}"));
        let settings = match self.upstreams.0.get(&name) {
            Some(config) => settings.with(config).map_err(fault)?,
            None => settings,
        };
        let target = settings.target().map_err(fault)?;
        let filter = match &target {
            Target::Anywhere(filter) => Some(Arc::clone(filter)),
            Target::Base(_) => None,
        };
        let ca = settings.ca.as_ref().map(|path| self.config.home().join(path));
        let tls = tls::config(ca.as_deref()).await.context(format!("upstream `{name}`"))?;
        let transport = Transport::network(tls, settings.connect_timeout, filter);
        Ok(Client::new(name, settings, (target, transport), &self.surroundings))
    }
}

fn check(assembly: &Assembly, findings: &mut Findings) {
    let declared: Vec<_> = assembly.contributions.of::<Declared>().map(|declared| declared.value).collect();
    let mut seen = HashSet::new();
    for upstream in &declared {
        let name = upstream.name.as_str();
        if !seen.insert(name) {
            findings.add(
                Finding::error("outbound.E002", format!("two upstreams are called `{name}`"))
                    .fix("give one of them another name: settings, metrics and log lines go by it"),
            );
        }
        let sound = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if name.is_empty() || !name.bytes().all(sound) {
            findings.add(
                Finding::error("outbound.E004", format!("`{name}` cannot be the name of an upstream"))
                    .fix("use lower-case letters, digits and `_`: it is the name of a table and part of a variable"),
            );
        }
    }
    let Ok(config) = assembly.config.section::<OutboundConfig>() else { return };
    let unset = UpstreamConfig::default();
    for upstream in &declared {
        check_settings(upstream, config.0.get(&upstream.name).unwrap_or(&unset), findings);
    }
    check_names(&config.0, &seen, findings);
}

fn check_settings(upstream: &Declared, config: &UpstreamConfig, findings: &mut Findings) {
    let name = &upstream.name;
    let table = format!("[outbound.{name}]");
    let (kind, strangers) = match &upstream.settings.reach {
        Reach::Base(_) => (
            "an upstream at one place",
            vec![("ports", config.ports.is_some()), ("allow", config.allow.is_some())],
        ),
        // A token for one service would be sent to whoever has a URL.
        Reach::Anywhere { .. } => (
            "URLs from anywhere",
            vec![
                ("base", config.base.is_some()),
                ("token", config.token.is_some()),
                ("breaker", config.breaker.is_some()),
            ],
        ),
    };
    let configured = strangers.iter().filter(|(_, is_set)| *is_set);
    let places = configured.map(|(key, _)| (*key, format!("`{key}` under `{table}`")));
    let in_code = upstream.misplaced.iter().map(|key| (*key, format!("`.{key}(..)` of upstream `{name}`")));
    for (key, place) in places.chain(in_code) {
        findings.add(
            Finding::error("outbound.E005", format!("`{key}` means nothing for {kind}"))
                .at(place)
                .fix("take it out"),
        );
    }
    for (key, what) in upstream.settings.as_config().faults() {
        findings.add(
            Finding::error("outbound.E005", format!("`{key}` {what}"))
                .at(format!("upstream `{name}`, in the code")),
        );
    }
    match upstream.settings.clone().with(config) {
        Err(what) => {
            findings.add(Finding::error("outbound.E005", format!("upstream `{name}`: {what}")).at(table))
        }
        Ok(settings) => {
            if let Err(what) = settings.target() {
                let variable = format!("MAINSTAY__OUTBOUND__{}__BASE", name.to_ascii_uppercase());
                findings.add(
                    Finding::error("outbound.E001", format!("upstream `{name}` cannot be called: {what}"))
                        .at(table)
                        .fix(format!(
                            "set `base = \"https://…\"` there, or {variable}, or `.base(..)` in the code"
                        )),
                );
            }
        }
    }
}

fn check_names(config: &BTreeMap<String, UpstreamConfig>, known: &HashSet<&str>, findings: &mut Findings) {
    let mut names: Vec<_> = known.iter().copied().collect();
    names.sort_unstable();
    for name in config.keys().filter(|name| !known.contains(name.as_str())) {
        let meant = did_you_mean(name, names.iter().copied());
        findings.add(
            Finding::error("outbound.E003", format!("no upstream is called `{name}`{meant}"))
                .at(format!("[outbound.{name}]"))
                .fix(format!("the upstreams are: {}", names.join(", "))),
        );
    }
}
