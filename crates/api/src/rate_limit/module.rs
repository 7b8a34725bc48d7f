//! The built-in module `rate-limits`.
//!
//! | id | what |
//! |---|---|
//! | `api.E010` | the name of a limit has characters that no field can have |
//! | `api.E011` | two limits of one name have different quotas |
//! | `api.E012` | quotas are set for a limit that there is not |
//! | `api.W010` | clients come over a Unix socket, and nobody is believed who they are: they count as one |
//! | `api.W011` | before deploying: those behind a proxy count as one, since none is believed |

use std::collections::{BTreeMap, BTreeSet};

use mainstay_core::check::Check;
use mainstay_core::config::did_you_mean;
use mainstay_core::{Assembly, CoreContributions, Finding, Findings, Module};
use mainstay_http::HttpConfig;
use mainstay_http::describe::LimitSpec;

use super::config::RateLimitsConfig;
use super::limits::Limits;

/// The module: the section `rate_limits`, and what all limits share. It is brought by the first limit.
pub(super) fn module() -> Module {
    Module::new("rate-limits")
        .global()
        .import(mainstay_store::module::module())
        .config::<RateLimitsConfig>()
        .provide(Limits::new)
        .export::<Limits>()
        .check(Check::at_start(check))
        .check(Check::at_deploy(behind_a_proxy))
}

fn check(assembly: &Assembly, findings: &mut Findings) {
    over_a_socket(assembly, findings);
    let mut named: BTreeMap<String, LimitSpec> = BTreeMap::new();
    let mut reported = BTreeSet::new();
    for route in mainstay_http::routes_of(assembly) {
        for limit in &route.operation.limits {
            let Some(name) = &limit.name else { continue };
            if let Some(finding) = against(limit, name, named.get(name))
                && reported.insert((finding.id, finding.place.clone()))
            {
                findings.add(finding);
            }
            named.entry(name.clone()).or_insert_with(|| limit.clone());
        }
    }
    let Ok(config) = assembly.config.section::<RateLimitsConfig>() else { return };
    for name in config.quotas.keys().filter(|name| !named.contains_key(*name)) {
        let near = did_you_mean(name, named.keys().map(String::as_str));
        findings.add(
            Finding::error("api.E012", format!("no rate limit is named `{name}`{near}"))
                .at(format!("rate_limits.quotas.{name}"))
                .fix("remove it, or name the limit: `RateLimit::per_minute(10).named(\"…\")`"),
        );
    }
}

/// Whoever comes over a Unix socket has no address, unless the proxy that has the socket says one.
fn over_a_socket(assembly: &Assembly, findings: &mut Findings) {
    let Ok(http) = assembly.config.section::<HttpConfig>() else { return };
    if http.unix.is_some() && !http.trusted_proxies.iter().any(|proxy| proxy.trim() == "unix") {
        let message = "clients that come over the Unix socket have no address: rate limits count them as one";
        let fix = "Believe the proxy that has the socket: trusted_proxies = [\"unix\"]";
        findings.add(Finding::warning("api.W010", message).at("http.trusted_proxies").fix(fix));
    }
}

/// Without TLS of its own a deployed application is behind a proxy.
fn behind_a_proxy(assembly: &Assembly, findings: &mut Findings) {
    let Ok(http) = assembly.config.section::<HttpConfig>() else { return };
    if http.unix.is_none() && http.tls.is_none() && http.trusted_proxies.is_empty() {
        let message = "no proxy is believed: rate limits count all clients behind one as one";
        let fix = "Name the proxies: trusted_proxies = [\"10.0.0.0/8\"]. Where there is none, this is as it should be.";
        findings.add(Finding::warning("api.W011", message).at("http.trusted_proxies").fix(fix));
    }
}

fn against(limit: &LimitSpec, name: &str, first: Option<&LimitSpec>) -> Option<Finding> {
    let place = |limit: &LimitSpec| format!("{}:{}", limit.source.file, limit.source.line);
    let plain = |character: char| {
        character.is_ascii_lowercase() || character.is_ascii_digit() || "-_".contains(character)
    };
    if name.is_empty() || !name.chars().all(plain) {
        let message = format!("`{name}` cannot be the name of a rate limit");
        let fix = "use lower case letters, digits, `-` and `_`";
        return Some(Finding::error("api.E010", message).at(place(limit)).fix(fix));
    }
    let first = first.filter(|first| first.quotas != limit.quotas)?;
    let message =
        format!("two rate limits are named `{name}` and allow {} and {}", first.quotas, limit.quotas);
    let places = format!("{} and {}", place(first), place(limit));
    let fix = "give one of them another name, or both the same quotas: those of one name count together";
    Some(Finding::error("api.E011", message).at(places).fix(fix))
}
