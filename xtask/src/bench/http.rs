//! `cargo xtask bench http`: the default stack against raw hyper, bare axum, and axum with ordinary tower layers.

use crate::{
    bench::{
        compare::{Comparison, Contender, Options, Samples},
        report::Budget,
    },
    outcome::Result,
};

const AXUM: &str = "axum, bare";
const TOWER: &str = "axum, tower layers";
const FULL: &str = "Mainstay, full stack";

const COMPARISON: Comparison = Comparison::new(
    &[
        Contender { name: "hyper, raw", binary: "hyper_raw", variables: &[] },
        Contender { name: AXUM, binary: "axum_bare", variables: &[] },
        Contender { name: TOWER, binary: "axum_tower", variables: &[] },
        Contender { name: "Mainstay, bare stack", binary: "techempower", variables: &[("STACK", "bare")] },
        Contender { name: FULL, binary: "techempower", variables: &[("STACK", "full")] },
    ],
    &["/plaintext", "/json"],
    AXUM,
);

pub(crate) fn run(options: &Options) -> Result<Vec<Budget>> {
    let samples = COMPARISON.measure(options)?;
    print!("{}", samples.table());
    Ok(budgets(&samples))
}

fn budgets(samples: &Samples) -> Vec<Budget> {
    let json = |name| samples.cost(name, "/json");
    let full = |what: &str, measured, limit, unit| Budget {
        what: format!("full stack: {what}"),
        measured,
        limit,
        unit,
    };
    vec![
        full("/json, CPU in that of bare axum", json(FULL) / json(AXUM), 1.4, "x"),
        full("/json, CPU in that of axum with tower layers", json(FULL) / json(TOWER), 0.5, "x"),
        full("idle memory", samples.median(FULL, |sample| sample.idle_megabytes), 15.0, " MB"),
        full("start to first answer", samples.median(FULL, |sample| sample.start_milliseconds), 50.0, " ms"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::compare::tests::samples;

    #[test]
    fn budgets_are_those_of_the_full_stack() {
        let budgets = budgets(&samples(COMPARISON, &[(AXUM, 5.0), (TOWER, 20.0), (FULL, 7.5)]));
        assert!((budgets[0].measured - 1.5).abs() < 1e-9 && !budgets[0].is_kept());
        assert!((budgets[1].measured - 0.375).abs() < 1e-9 && budgets[1].is_kept());
    }
}
