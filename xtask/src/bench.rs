//! `cargo xtask bench`: what the budgets of the design promise, measured on this machine in one run.
//!
//! Absolute numbers say little about another machine; ratios between programs that were measured side by side do. So
//! [`http`] starts all contenders in turn, several times over, and compares medians; [`build`] times cargo itself.
//! [`server`] is a contender that runs, with its memory and processor time from `/proc`; [`load`] keeps it busy;
//! [`report`] lays out the table and the budgets.

mod build;
mod http;
mod load;
mod report;
mod server;

use std::process::ExitCode;

use crate::{arguments::Arguments, outcome::Result};

pub(crate) fn main(mut arguments: Arguments) -> Result<ExitCode> {
    let enforce = arguments.flag("--enforce");
    let rounds = arguments.number("--rounds")?;
    let options = http::Options {
        rounds: rounds.unwrap_or(5),
        seconds: arguments.number("--seconds")?.unwrap_or(4),
        connections: arguments.number("--connections")?.unwrap_or(64),
        load: arguments.values("--load")?.pop(),
        only: arguments.values("--only")?,
    };
    let budgets = match arguments.rest()?.as_slice() {
        [what] if what == "http" => http::run(options)?,
        [what] if what == "build" => build::run(rounds.unwrap_or(3))?,
        _ => return Err("say what to measure: `cargo xtask bench http` or `cargo xtask bench build`".into()),
    };
    if !budgets.is_empty() {
        print!("{}", report::budgets(&budgets));
    }
    let over = budgets.iter().any(|budget| !budget.is_kept());
    Ok(if enforce && over { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
