//! What is wrong with a set of routes. Every finding names the place of each route that takes part, and the fix.
//!
//! | id | what |
//! |---|---|
//! | `http.E001` | a pattern that cannot be read |
//! | `http.E002` | two routes for one method and the same paths |
//! | `http.E003` | a route that no request can reach |
//! | `http.E004` | two routes of one name |
//! | `http.E005` | a handler takes a path parameter that its pattern does not have |
//! | `http.E006` | of two routes for one method and the same paths, one has versions and the other has none |

use std::collections::HashMap;

use http::Method;
use mainstay_core::{Finding, Findings};

use super::group::Placed;

/// Reports what is wrong, and leaves out what cannot be in a table. Routes that yield make room for those that do not.
pub(crate) fn settle(placed: Vec<Placed>, findings: &mut Findings) -> Vec<Placed> {
    let mut settled: Vec<Placed> = Vec::with_capacity(placed.len());
    let mut seen: HashMap<(String, Option<Method>), Vec<usize>> = HashMap::new();
    for route in placed {
        let pattern = match &route.pattern {
            Ok(pattern) => pattern,
            Err(fault) => {
                let Placed { route: written, .. } = &route;
                let message = format!("{} `{}`: {fault}", route.method(), written.operation.path);
                findings.add(Finding::error("http.E001", message).at(route.place()).fix(fault.fix()));
                continue;
            }
        };
        if route.route.method == Some(Method::CONNECT) {
            let message =
                format!("CONNECT {}: such a request names a host, not a path", route.route.operation.path);
            let fix = "Use another method; HTTP/2's extended CONNECT is not routed.";
            findings.add(Finding::error("http.E003", message).at(route.place()).fix(fix));
            continue;
        }
        let names: Vec<&str> = pattern.names.iter().map(String::as_str).collect();
        for misses in route.route.operation.path_checks.iter().filter_map(|check| check(&names)) {
            let message = format!("{} {}: {misses}", route.method(), route.route.operation.path);
            let has = if names.is_empty() { "none".to_owned() } else { format!("`{}`", names.join("`, `")) };
            let fix = format!("Write it into the pattern, in braces, or take what the pattern has: {has}.");
            findings.add(Finding::error("http.E005", message).at(route.place()).fix(fix));
        }
        let key = (pattern.shape.clone(), route.route.method.clone());
        let same = seen.entry(key).or_default();
        let yields = |placed: &Placed| placed.route.settings.yields;
        let clash = same.iter().find_map(|other| Some((*other, against(&settled[*other], &route)?)));
        match clash {
            None => {
                same.push(settled.len());
                settled.push(route);
            }
            Some((other, _)) if yields(&settled[other]) && !yields(&route) => settled[other] = route,
            Some((other, _)) if yields(&route) && !yields(&settled[other]) => {}
            Some((_, finding)) => findings.add(finding),
        }
    }
    names(&settled, findings);
    settled
}

/// Why two routes for one method and the same paths cannot stand together, unless it is in different versions.
fn against(first: &Placed, second: &Placed) -> Option<Finding> {
    let versions = |placed: &Placed| placed.route.settings.versions;
    match (versions(first), versions(second)) {
        (Some(one), Some(two)) if !one.overlaps(two) => None,
        (Some(one), Some(two)) => {
            let (method, path) = (second.method(), &second.route.operation.path);
            let message = format!("{method} {path} has two handlers in one version: {one} and {two} overlap");
            let fix = "Let one end before the other begins: `..=1` and `2..`.";
            let places = format!("{} and {}", first.place(), second.place());
            Some(Finding::error("http.E002", message).at(places).fix(fix))
        }
        (None, None) => Some(twice(first, second)),
        _ => {
            let (method, path) = (second.method(), &second.route.operation.path);
            let message = format!("{method} {path} has a handler for some versions and one for all");
            let fix = "Say of both in which versions they are: `..=1` and `2..`.";
            let places = format!("{} and {}", first.place(), second.place());
            Some(Finding::error("http.E006", message).at(places).fix(fix))
        }
    }
}

fn twice(first: &Placed, second: &Placed) -> Finding {
    let written = |placed: &Placed| placed.route.operation.path.clone();
    let (method, one, two) = (second.method(), written(first), written(second));
    let message = if one == two {
        format!("{method} {two} has two handlers")
    } else {
        format!("{method} {two} takes the same paths as {method} {one}")
    };
    let fix = "Remove one of them, or give one another method or another path.";
    Finding::error("http.E002", message).at(format!("{} and {}", first.place(), second.place())).fix(fix)
}

fn names(settled: &[Placed], findings: &mut Findings) {
    let mut seen: HashMap<&str, &Placed> = HashMap::new();
    for route in settled {
        let Some(name) = &route.route.settings.name else { continue };
        if let Some(first) = seen.insert(name, route) {
            let message = format!("two routes are named `{name}`");
            let at = format!("{} and {}", first.place(), route.place());
            findings.add(Finding::error("http.E004", message).at(at).fix("Give one of them another name."));
        }
    }
}
