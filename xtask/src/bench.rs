//! `cargo xtask bench`: what the budgets of the design promise, measured on this machine in one run.
//!
//! Absolute numbers say little about another machine; ratios between programs that were measured side by side do.
//! [`http`], [`db`], [`api`], [`auth`] and [`jobs`] say what is compared with what; [`foreign`] brings contenders in other languages; [`agree`] sees that contenders do the same; [`compare`] measures;
//! [`server`] is a contender that runs, watched through `/proc`; [`load`] keeps it busy; [`report`] lays out tables and budgets.
//! [`build`] times cargo.

mod agree;
mod api;
mod auth;
mod build;
mod compare;
mod db;
mod foreign;
mod http;
mod jobs;
mod load;
mod report;
mod server;

use std::process::ExitCode;

use crate::{arguments::Arguments, bench::compare::Programs, outcome::Result};

pub(crate) fn main(mut arguments: Arguments) -> Result<ExitCode> {
    let enforce = arguments.flag("--enforce");
    let rounds = arguments.number("--rounds")?;
    let options = compare::Options {
        rounds: rounds.unwrap_or(5),
        seconds: arguments.number("--seconds")?.unwrap_or(4),
        connections: arguments.number("--connections")?.unwrap_or(64),
        load: arguments.values("--load")?.pop(),
        only: arguments.values("--only")?,
        programs: if arguments.flag("--no-build") { Programs::AsTheyAre } else { Programs::Build },
    };
    let budgets = match arguments.rest()?.as_slice() {
        [what] if what == "http" => http::run(&options)?,
        [what, engines @ ..] if what == "db" => db::run(db::Engines::named(engines)?, &options)?,
        [what, engines @ ..] if what == "api" => api::run(db::Engines::named(engines)?, &options)?,
        [what] if what == "auth" => auth::run(&options)?,
        [what] if what == "jobs" => jobs::run(&options)?,
        [what] if what == "build" => build::run(rounds.unwrap_or(3), &options.only)?,
        _ => {
            return Err(
                "say what to measure: `cargo xtask bench http`, `db [postgres|sqlite]`, `api [postgres|sqlite]`, `auth`, `jobs` or `build`"
                    .into()
            );
        }
    };
    // What was left out on request has no number, and no verdict.
    let budgets: Vec<_> = budgets.into_iter().filter(|budget| !budget.measured.is_nan()).collect();
    if !budgets.is_empty() {
        print!("{}", report::budgets(&budgets));
    }
    let over = budgets.iter().any(|budget| !budget.is_kept());
    Ok(if enforce && over { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
