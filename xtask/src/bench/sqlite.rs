//! `cargo xtask bench sqlite`: the model layer against rusqlite by hand, on the same threads, with the same durability.

use crate::{
    bench::{
        compare::{Comparison, Contender, Options, Samples},
        report::Budget,
    },
    outcome::Result,
};

const RAW: &str = "rusqlite by hand";
const MODEL: &str = "Mainstay, bare stack";

const COMPARISON: Comparison = Comparison {
    contenders: &[
        Contender { name: RAW, binary: "sqlite_raw", variables: &[("DATABASE_URL", "sqlite:bench.db")] },
        Contender {
            name: "one visit a request",
            binary: "sqlite_raw",
            variables: &[("DATABASE_URL", "sqlite:bench.db"), ("VISITS", "request")],
        },
        Contender {
            name: MODEL,
            binary: "techempower",
            variables: &[("DATABASE_URL", "sqlite:bench.db"), ("STACK", "bare")],
        },
    ],
    paths: &["/db", "/queries?queries=20", "/updates?queries=20", "/fortunes"],
    baseline: RAW,
};

pub(crate) fn run(options: &Options) -> Result<Vec<Budget>> {
    let samples = COMPARISON.measure(options)?;
    print!("{}", samples.table());
    Ok(budgets(&samples))
}

fn budgets(samples: &Samples) -> Vec<Budget> {
    let budget = |path: &&str| Budget {
        what: format!("model layer on SQLite: {path}, CPU in that of rusqlite by hand"),
        measured: samples.cost(MODEL, path) / samples.cost(RAW, path),
        limit: 1.5,
        unit: "x",
    };
    COMPARISON.paths.iter().map(budget).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::compare::tests::samples;

    #[test]
    fn there_is_a_budget_for_every_path() {
        let budgets = budgets(&samples(COMPARISON, &[(RAW, 10.0), (MODEL, 14.0)]));
        assert_eq!(budgets.len(), COMPARISON.paths.len());
        assert!(budgets.iter().all(Budget::is_kept));
    }
}
