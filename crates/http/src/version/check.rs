//! What makes no sense in the versions of an API.
//!
//! | id | what |
//! |---|---|
//! | `http.E007` | a route is in no version that there is, or nobody says which there are |
//! | `http.E008` | a version that no route serves; one that is meant or deprecated, and is none; versions said twice |
//! | `http.E009` | a deprecation with dates or addresses that make no sense |

use std::collections::BTreeSet;

use mainstay_core::{Contributions, Finding, Findings};

use super::{ApiVersions, Deprecation, in_words};
use crate::route::RouteInfo;

/// Reports it.
pub(crate) fn check<'r>(
    contributions: &Contributions,
    routes: impl Iterator<Item = &'r RouteInfo>,
    findings: &mut Findings,
) {
    let said: Vec<_> = contributions.of::<ApiVersions>().collect();
    if let [first, second, ..] = &said[..] {
        let places = format!("modules `{}` and `{}`", first.module.name, second.module.name);
        let found = Finding::error("http.E008", "`.api_versions(..)` is called more than once").at(places);
        findings.add(found.fix("Say once, on the application, which versions there are."));
    }
    let api = said.first().map(|said| said.value);
    let mut served: BTreeSet<u32> = BTreeSet::new();
    let mut deprecations: Vec<(&Deprecation, String)> = Vec::new();
    let routes: Vec<&RouteInfo> = routes.collect();
    for route in &routes {
        let place = place(route);
        if let Some(deprecation) = &route.deprecation {
            deprecations.push((deprecation, place.clone()));
        }
        let Some(range) = route.versions else { continue };
        let name = format!("{} {}", route.method_name(), route.pattern());
        match api {
            None => {
                let message = format!("{name} is for the versions {range}, and nobody says which there are");
                let fix = "Say it on the application: `.api_versions(ApiVersions::new([1, 2]))`.";
                findings.add(Finding::error("http.E007", message).at(place).fix(fix));
            }
            Some(api) => {
                served.extend(api.within(range));
                if api.within(range).next().is_none() {
                    let message =
                        format!("{name} is for the versions {range}: there {}", in_words(api.all()));
                    let fix = "Correct its versions, or add one to `ApiVersions`.";
                    findings.add(Finding::error("http.E007", message).at(place).fix(fix));
                }
            }
        }
    }
    if let Some(api) = api {
        check_api(api, &served, findings);
        deprecations.extend(
            api.deprecated.iter().map(|(version, deprecation)| (deprecation, format!("version {version}"))),
        );
    }
    let mut reported = Vec::new();
    for (deprecation, place) in deprecations {
        // One around a group is that of each of its routes.
        if !reported.contains(&deprecation)
            && let Some(problem) = deprecation.problem()
        {
            findings.add(
                Finding::error("http.E009", format!("a deprecation makes no sense: {problem}"))
                    .at(place)
                    .fix("Write `Deprecation::since(\"2026-01-01\").sunset(\"2026-12-31\")`."),
            );
            reported.push(deprecation);
        }
    }
}

fn check_api(api: &ApiVersions, served: &BTreeSet<u32>, findings: &mut Findings) {
    let mut wrong = |message: String, fix: &str| {
        findings.add(Finding::error("http.E008", message).at("`.api_versions(..)`").fix(fix));
    };
    for version in api.all().iter().filter(|version| !served.contains(version)) {
        let fix =
            "Remove it, or give a route its version: `.versions(2..)`, `#[get(\"/…\", versions = \"2..\")]`.";
        wrong(format!("no route serves version {version}"), fix);
    }
    let named = api.unless_said.iter().map(|version| (version, "meant by requests that say none"));
    let deprecated = api.deprecated.iter().map(|(version, _)| (version, "deprecated"));
    for (version, what) in named.chain(deprecated).filter(|(version, _)| !api.all().contains(version)) {
        let message = format!("version {version} is {what}, and is none: there {}", in_words(api.all()));
        wrong(message, "Correct it, or add it to `ApiVersions::new([…])`.");
    }
}

fn place(route: &RouteInfo) -> String {
    let source = route.operation.source;
    format!("{}:{} ({})", source.file, source.line, route.operation.name)
}
