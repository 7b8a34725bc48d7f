//! Which crate may depend on which: the layers as data, and the check against `cargo metadata`.
//!
//! Dependencies only point down, and only where the table has them. Everyone may use the bottom layer. Development
//! dependencies are exempt: a test may look upwards. A new arrow is a design change: it goes into `ARCHITECTURE.md`
//! with its reason first, then in here.

use std::process::ExitCode;

use crate::{
    arguments::Arguments,
    outcome::Result,
    workspace::{Kind, Package, Workspace},
};

/// What a crate may use besides the bottom layer.
#[derive(Clone, Copy)]
pub(crate) enum Uses {
    /// Exactly these.
    Only(&'static [&'static str]),
    /// Everything in the layers below its own.
    EverythingBelow,
}

/// A crate, its layer, and what it may use. Names are without the `mainstay-`; the facade is `mainstay`.
pub(crate) struct Layer {
    pub(crate) level: u8,
    pub(crate) name: &'static str,
    pub(crate) uses: Uses,
}

const fn layer(level: u8, name: &'static str, uses: &'static [&'static str]) -> Layer {
    Layer { level, name, uses: Uses::Only(uses) }
}

const fn top(level: u8, name: &'static str) -> Layer {
    Layer { level, name, uses: Uses::EverythingBelow }
}

/// The table, top to bottom.
pub(crate) const LAYERS: &[Layer] = &[
    top(7, "mainstay"),
    top(7, "cli"),
    top(7, "test"),
    top(6, "admin"),
    layer(6, "serverless", &["http", "jobs", "bus"]),
    layer(5, "auth", &["http", "db", "store", "bus", "view", "mail", "resource", "outbound"]),
    layer(5, "notifications", &["db", "bus", "jobs", "mail"]),
    layer(4, "images", &["db", "store", "jobs"]),
    layer(4, "mail", &["http", "view", "jobs"]),
    layer(4, "realtime", &["http", "db", "bus", "resource"]),
    layer(4, "graphql", &["http", "db", "bus", "resource"]),
    layer(3, "api", &["http", "db", "store", "resource"]),
    layer(3, "jobs", &["db", "bus"]),
    layer(2, "resource", &["db"]),
    layer(2, "store", &["db", "outbound"]),
    layer(2, "bus", &["db", "outbound"]),
    layer(2, "view", &["http"]),
    layer(1, "http", &[]),
    layer(1, "db", &[]),
    layer(1, "outbound", &[]),
    // Inside the bottom layer, core re-exports what macros make; macros know nobody.
    layer(0, "core", &["macros"]),
    layer(0, "macros", &[]),
];

/// `cargo xtask layers`.
pub(crate) fn main(arguments: Arguments) -> Result<ExitCode> {
    arguments.end()?;
    print!("{}", table());
    let findings = check(&Workspace::load()?.packages);
    for finding in &findings {
        println!("\n{finding}");
    }
    Ok(if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The table as text.
pub(crate) fn table() -> String {
    LAYERS
        .iter()
        .map(|layer| {
            let uses = match layer.uses {
                Uses::EverythingBelow => "everything below".to_owned(),
                Uses::Only([]) => "-".to_owned(),
                Uses::Only(uses) => uses.join(", "),
            };
            format!("L{} {:<11} -> {uses}\n", layer.level, layer.name)
        })
        .collect()
}

/// One line for every dependency that the table does not allow, and for every crate that it does not know.
pub(crate) fn check(packages: &[Package]) -> Vec<String> {
    packages.iter().filter_map(|package| Some((package, short(&package.name)?))).flat_map(check_one).collect()
}

fn check_one((package, name): (&Package, &str)) -> Vec<String> {
    let Some(layer) = find(name) else {
        return vec![format!(
            "{} has no layer: add it to ARCHITECTURE.md and to xtask/src/layers.rs",
            package.name
        )];
    };
    let used = package.dependencies.iter().filter(|dependency| dependency.kind != Kind::Dev);
    let mut used: Vec<_> = used.filter_map(|dependency| short(&dependency.name)).collect();
    used.sort_unstable();
    used.dedup();
    used.into_iter().filter(|used| !allows(layer, used)).map(|used| refusal(layer, used)).collect()
}

fn refusal(layer: &Layer, used: &str) -> String {
    let allowed = match layer.uses {
        Uses::EverythingBelow => format!("everything below L{}", layer.level),
        Uses::Only([]) => "only L0".to_owned(),
        Uses::Only(uses) => format!("{} and L0", uses.join(", ")),
    };
    format!(
        "{} (L{}) -> {used}: the table in xtask/src/layers.rs allows {} {allowed}; put the contract lower, or argue \
         the new arrow in ARCHITECTURE.md",
        layer.name, layer.level, layer.name
    )
}

fn allows(layer: &Layer, used: &str) -> bool {
    let Some(other) = find(used) else { return true }; // reported once, where that crate itself is checked
    match layer.uses {
        Uses::Only(uses) if uses.contains(&used) => true,
        Uses::Only(_) => other.level == 0 && layer.level > 0,
        Uses::EverythingBelow => other.level < layer.level,
    }
}

fn find(name: &str) -> Option<&'static Layer> {
    LAYERS.iter().find(|layer| layer.name == name)
}

fn short(package: &str) -> Option<&str> {
    if package == "mainstay" { Some(package) } else { package.strip_prefix("mainstay-") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Dependency;

    fn package(name: &str, dependencies: &[(&str, Kind)]) -> Package {
        let dependency = |&(name, kind): &(&str, Kind)| Dependency { name: format!("mainstay-{name}"), kind };
        Package {
            name: format!("mainstay-{name}"),
            folder: name.into(),
            features: vec![],
            dependencies: dependencies.iter().map(dependency).collect(),
            needs: vec![],
            databases: vec![],
        }
    }

    #[test]
    fn accepts_arrows_that_the_table_has() {
        let packages = [
            package("core", &[("macros", Kind::Normal)]),
            package("api", &[("http", Kind::Normal), ("resource", Kind::Normal), ("core", Kind::Normal)]),
            package("admin", &[("graphql", Kind::Normal), ("core", Kind::Normal)]),
        ];
        assert_eq!(check(&packages), Vec::<String>::new());
    }

    #[test]
    fn names_the_arrow_and_the_table_for_an_arrow_that_points_up_or_sideways() {
        let findings = check(&[package("http", &[("db", Kind::Normal), ("api", Kind::Build)])]);
        assert_eq!(findings.len(), 2);
        assert!(
            findings[0].starts_with("http (L1) -> api: the table in xtask/src/layers.rs"),
            "{}",
            findings[0]
        );
        assert!(findings[1].starts_with("http (L1) -> db:"), "{}", findings[1]);
        assert_eq!(check(&[package("macros", &[("core", Kind::Normal)])]).len(), 1);
        assert_eq!(check(&[package("admin", &[("cli", Kind::Normal)])]).len(), 1);
    }

    #[test]
    fn lets_tests_look_anywhere() {
        assert!(check(&[package("core", &[("test", Kind::Dev)])]).is_empty());
    }

    #[test]
    fn asks_for_a_layer_for_a_crate_that_it_does_not_know() {
        assert!(check(&[package("surprise", &[])])[0].contains("has no layer"));
    }

    #[test]
    fn the_table_itself_only_points_down() {
        for layer in LAYERS {
            let Uses::Only(uses) = layer.uses else { continue };
            for used in uses {
                let other = find(used).unwrap();
                assert!(other.level < layer.level || layer.level == 0, "{} -> {used}", layer.name);
            }
        }
    }
}
