//! `cargo xtask bench db`: the model layer against code by hand and against other model layers, on PostgreSQL and SQLite.
//!
//! The contenders of one engine share one database, which Mainstay's own server makes and fills; it is also started before
//! each contender, to throw away what the one before has written. On PostgreSQL the server's own work is not counted: what
//! is measured is the processor time of the contender.

use std::path::Path;

use servers::{Durability, Engine, Server};

use crate::{
    bench::{
        compare::{Comparison, Contender, Options, Samples},
        report::Budget,
    },
    outcome::Result,
    services,
    workspace::Workspace,
};

const PATHS: &[&str] = &[
    "/db",
    "/queries?queries=20",
    "/updates?queries=20",
    "/fortunes",
    "/insert",
    "/bulk",
    "/posts",
    "/page",
];
/// The paths that the design has a budget for: what TechEmpower asks for.
const BUDGETED: &[&str] = &["/db", "/queries?queries=20", "/updates?queries=20", "/fortunes"];

const POOL: &str = "tokio-postgres + deadpool";
const PIPELINE: &str = "tokio-postgres, pipelined";
const RUSQLITE: &str = "rusqlite by hand";
const BARE: &str = "Mainstay, bare stack";
const FULL: &str = "Mainstay, full stack";

const BARE_STACK: Contender =
    Contender { name: BARE, binary: "techempower", variables: &[("STACK", "bare")] };
const FULL_STACK: Contender =
    Contender { name: FULL, binary: "techempower", variables: &[("STACK", "full")] };
const SEA_ORM: Contender = Contender { name: "sea-orm", binary: "orms/release/sea_orm", variables: &[] };

const ON_POSTGRES: &[Contender] = &[
    Contender { name: POOL, binary: "postgres_raw", variables: &[("ACCESS", "pool")] },
    Contender { name: PIPELINE, binary: "postgres_raw", variables: &[("ACCESS", "pipeline")] },
    BARE_STACK,
    FULL_STACK,
    SEA_ORM,
    Contender { name: "diesel-async", binary: "orms/release/diesel_pg", variables: &[] },
];

const ON_SQLITE: &[Contender] = &[
    Contender { name: RUSQLITE, binary: "sqlite_raw", variables: &[] },
    Contender { name: "one visit a request", binary: "sqlite_raw", variables: &[("VISITS", "request")] },
    BARE_STACK,
    FULL_STACK,
    SEA_ORM,
];

/// Which engines are measured.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engines {
    Both,
    Postgres,
    Sqlite,
}

impl Engines {
    /// Both, or the one that is named.
    pub(crate) fn named(names: &[String]) -> Result<Self> {
        match names {
            [] => Ok(Self::Both),
            [name] if name == "postgres" => Ok(Self::Postgres),
            [name] if name == "sqlite" => Ok(Self::Sqlite),
            _ => Err("name one engine, `postgres` or `sqlite`, or none for both".into()),
        }
    }
}

pub(crate) fn run(engines: Engines, options: &Options) -> Result<Vec<Budget>> {
    let mut budgets = Vec::new();
    if engines != Engines::Sqlite {
        budgets.extend(on_postgres(options)?);
    }
    if engines != Engines::Postgres {
        budgets.extend(on_sqlite(options)?);
    }
    Ok(budgets)
}

fn on_postgres(options: &Options) -> Result<Vec<Budget>> {
    if let Some(program) = services::find("postgres") {
        program.provide()?;
    }
    // Whether a commit waits for the disk costs the server time, not the contender.
    let server = Server::start(Engine::Postgres, Durability::Durable)?;
    let samples = comparison(ON_POSTGRES, POOL, server.url()).measure(options)?;
    print!("\nPostgreSQL\n{}", samples.table());
    let mut budgets = model_layer(&samples, POOL, 1.25);
    budgets.extend(model_layer(&samples, PIPELINE, 1.5));
    Ok(budgets)
}

fn on_sqlite(options: &Options) -> Result<Vec<Budget>> {
    let folder = Workspace::load()?.target.join("xtask/bench");
    std::fs::create_dir_all(&folder)?;
    let file = folder.join("bench.db");
    remove(&file)?;
    let samples = comparison(ON_SQLITE, RUSQLITE, format!("sqlite://{}", file.display())).measure(options)?;
    print!("\nSQLite\n{}", samples.table());
    Ok(model_layer(&samples, RUSQLITE, 1.5))
}

fn comparison(contenders: &'static [Contender], baseline: &'static str, url: String) -> Comparison {
    let mut comparison = Comparison::new(contenders, PATHS, baseline);
    comparison.long_paths = &["/bulk"];
    comparison.variables = vec![("DATABASE_URL", url)];
    comparison.groundskeeper = Some(&BARE_STACK);
    comparison
}

fn model_layer(samples: &Samples, peer: &'static str, limit: f64) -> Vec<Budget> {
    let budget = |path: &&str| Budget {
        what: format!("model layer: {path}, CPU in that of {peer}"),
        measured: samples.cost(BARE, path) / samples.cost(peer, path),
        limit,
        unit: "x",
    };
    BUDGETED.iter().map(budget).collect()
}

/// Removes a database of an earlier run.
pub(crate) fn remove(file: &Path) -> Result<()> {
    for ending in ["", "-shm", "-wal"] {
        match std::fs::remove_file(format!("{}{ending}", file.display())) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::compare::tests::samples;

    #[test]
    fn there_is_a_budget_for_every_path_that_the_design_names() {
        let comparison = comparison(ON_SQLITE, RUSQLITE, "sqlite::memory:".to_owned());
        let budgets = model_layer(&samples(comparison, &[(RUSQLITE, 10.0), (BARE, 14.0)]), RUSQLITE, 1.5);
        assert_eq!(budgets.len(), BUDGETED.len());
        assert!(budgets.iter().all(Budget::is_kept));
        assert!(BUDGETED.iter().all(|path| PATHS.contains(path)));
    }

    #[test]
    fn every_contender_of_an_engine_has_a_name_of_its_own() {
        for contenders in [ON_POSTGRES, ON_SQLITE] {
            let mut names: Vec<_> = contenders.iter().map(|contender| contender.name).collect();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), contenders.len());
        }
    }
}
