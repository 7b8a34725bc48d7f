//! The built-in module `output-cache`.
//!
//! | id | what |
//! |---|---|
//! | `api.E013` | a handler reads what an output cache around it takes away |
//! | `api.E014` | an output cache tells requests apart by something that is no header |

use std::collections::BTreeSet;

use http::HeaderName;
use mainstay_core::check::Check;
use mainstay_core::config::{Problems, Section};
use mainstay_core::{Assembly, CoreContributions, Finding, Findings, Module};
use mainstay_http::describe::{CacheSpec, Parameter, Place};
use mainstay_http::version::ApiVersions;
use serde::{Deserialize, Serialize};

use super::answers::Answers;
use super::key::is_of;

/// `[output_cache]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct OutputCacheConfig {
    /// Whether answers are kept at all.
    pub enabled: bool,
}

impl Default for OutputCacheConfig {
    fn default() -> Self {
        Self { enabled: true }
    }
}

impl Section for OutputCacheConfig {
    const NAME: &'static str = "output_cache";

    fn validate(&self, _: &mut Problems) {}
}

/// The module: the section `output_cache`, and what all output caches share. It is brought by the first of them.
pub(super) fn module() -> Module {
    Module::new("output-cache")
        .global()
        .import(mainstay_store::module::module())
        .config::<OutputCacheConfig>()
        .provide(Answers::new)
        .export::<Answers>()
        .check(Check::at_start(check))
}

fn check(assembly: &Assembly, findings: &mut Findings) {
    // Which version is asked for is found out before, and is in the key.
    let versions = assembly.contributions.of::<ApiVersions>().map(|versions| versions.value.header_name());
    let versions: Vec<_> = versions.map(HeaderName::as_str).collect();
    let mut wrong = BTreeSet::new();
    for route in mainstay_http::routes_of(assembly) {
        for cache in &route.operation.caches {
            let place = format!("{}:{}", cache.source.file, cache.source.line);
            for name in cache.headers.iter().filter(|name| HeaderName::try_from(name.as_str()).is_err()) {
                if wrong.insert((name.clone(), place.clone())) {
                    let message = format!("`{name}` is not the name of a header");
                    let fix = "write one, such as `.vary_by_header(\"accept-language\")`";
                    findings.add(Finding::error("api.E014", message).at(&place).fix(fix));
                }
            }
            for parameter in
                route.operation.parameters.iter().filter(|one| is_taken_away(one, cache, &versions))
            {
                let (kind, name) = (parameter.place.name(), &parameter.name);
                let message = format!(
                    "`{} {}` reads the {kind} `{name}`, which the output cache around it takes away: its answers go to everybody",
                    route.method_name(),
                    route.pattern()
                );
                let fix = match parameter.place {
                    Place::Query => format!("add it: `.vary_by_query([\"{name}\"])`"),
                    Place::Cookie => {
                        "let the handler do without, or keep an answer for each: `.vary_by_header(\"cookie\")`".to_owned()
                    }
                    _ => format!("add it: `.vary_by_header(\"{}\")`", name.to_ascii_lowercase()),
                };
                findings.add(Finding::error("api.E013", message).at(&place).fix(fix));
            }
        }
    }
}

/// What the cache answers by itself, or what passes by it: these a handler may read.
const OF_THE_CACHE: [&str; 8] = [
    "authorization",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "range",
];

fn is_taken_away(parameter: &Parameter, cache: &CacheSpec, known: &[&str]) -> bool {
    let has_header = |name: &str| cache.headers.iter().any(|known| known.eq_ignore_ascii_case(name));
    let known = || OF_THE_CACHE.iter().chain(known);
    match parameter.place {
        Place::Path => false,
        Place::Query => match &cache.query {
            Some(names) => !names.iter().any(|name| is_of(&parameter.name, name)),
            None => false,
        },
        Place::Header => {
            !has_header(&parameter.name) && !known().any(|name| parameter.name.eq_ignore_ascii_case(name))
        }
        Place::Cookie => !has_header("cookie"),
    }
}
