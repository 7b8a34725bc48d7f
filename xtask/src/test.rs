//! `cargo xtask test`: everything that must hold before a commit lands.
//!
//! The [`STEPS`] run in an order that fails fast and reuses what is already built: first what reads files only, then
//! what needs type-checked crates ([`compile`]), then what needs built ones ([`suites`]). All of them run even when one
//! fails; the summary has one line for each failure, and the last line is `N passed, N failed`.
//!
//! What cannot run on this machine says so aloud; with `CI=true` that is a failure.

mod cargo;
mod compile;
mod dependencies;
mod house;
mod links;
mod suites;

use std::{cell::OnceCell, process::ExitCode, time::Instant};

use crate::{
    arguments::Arguments,
    layers,
    outcome::{self, Finished, Outcome, Result},
    process::Show,
    services::Running,
    workspace::Workspace,
};

/// What every step may look at.
pub(crate) struct Context {
    pub(crate) workspace: Workspace,
    /// Runs under continuous integration: what cannot run is a failure, the lock file must be up to date.
    pub(crate) ci: bool,
    /// Show the output of every program while it runs, not only that of test suites.
    pub(crate) verbose: bool,
    /// Started by the first step that needs them, and ended with this.
    services: OnceCell<Running>,
}

impl Context {
    /// The servers that suites need. What does not run is entered as skipped, once.
    pub(crate) fn services(&self, outcome: &mut Outcome) -> &Running {
        self.services.get_or_init(|| {
            let running = Running::start();
            outcome.skipped.extend(running.missing().iter().cloned());
            running
        })
    }

    /// How to show programs whose output matters only when they fail.
    pub(crate) fn quietly(&self) -> Show {
        if self.verbose { Show::Live } else { Show::Captured }
    }
}

struct Step {
    name: &'static str,
    about: &'static str,
    run: fn(&Context) -> Result<Outcome>,
}

const STEPS: &[Step] = &[
    Step { name: "fmt", about: "rustfmt has nothing to change", run: compile::formatting },
    Step { name: "house", about: "the rules of the house on files hold", run: house::check },
    Step { name: "links", about: "links between files of the repository lead somewhere", run: links::check },
    Step {
        name: "layers",
        about: "crates depend on each other only as the layer table allows",
        run: layer_table,
    },
    Step {
        name: "dependencies",
        about: "nothing banned, no unexplained duplicate",
        run: dependencies::check,
    },
    Step {
        name: "clippy",
        about: "clippy has nothing to say: all targets, all features",
        run: compile::clippy,
    },
    Step {
        name: "features",
        about: "every feature of every crate builds alone, and none",
        run: compile::features,
    },
    Step { name: "rustdoc", about: "API documentation builds without a warning", run: compile::rustdoc },
    Step { name: "tests", about: "unit, integration and compile-fail tests", run: suites::tests },
    Step { name: "doctests", about: "examples in the documentation and the book run", run: suites::doctests },
    Step {
        name: "examples",
        about: "every example builds alone, answers, and stops when told",
        run: suites::examples,
    },
    Step {
        name: "end-to-end",
        about: "suites that need other programs, such as a browser",
        run: suites::end_to_end,
    },
];

/// The command line of `cargo xtask test`.
pub(crate) fn main(mut arguments: Arguments) -> Result<ExitCode> {
    let (list, verbose) = (arguments.flag("--list"), arguments.flag("--verbose"));
    let (only, skip) = (arguments.values("--only")?, arguments.values("--skip")?);
    arguments.end()?;
    if list {
        STEPS.iter().for_each(|step| println!("{:<14} {}", step.name, step.about));
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(unknown) = only.iter().chain(&skip).find(|name| STEPS.iter().all(|step| step.name != **name))
    {
        return Err(format!("there is no step `{unknown}`; `cargo xtask test --list` has them").into());
    }
    let chosen = STEPS.iter().filter(|step| only.is_empty() || only.iter().any(|name| name == step.name));
    let chosen = chosen.filter(|step| skip.iter().all(|name| name != step.name));

    let ci = std::env::var("CI").is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false"));
    let context = Context { workspace: Workspace::load()?, ci, verbose, services: OnceCell::new() };
    let finished: Vec<_> = chosen.map(|step| run(step, &context)).collect();
    print!("{}", outcome::summary(&finished));
    let failed = finished.iter().any(|step| !step.outcome.failures.is_empty());
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn run(step: &Step, context: &Context) -> Finished {
    println!("==> {}: {}", step.name, step.about);
    let start = Instant::now();
    let outcome = (step.run)(context).unwrap_or_else(|error| Outcome::failed(error.to_string()));
    let outcome = if context.ci { outcome.forbid_skips() } else { outcome };
    outcome.failures.iter().for_each(|failure| println!("    FAILED {failure}"));
    Finished { name: step.name, took: start.elapsed(), outcome }
}

fn layer_table(context: &Context) -> Result<Outcome> {
    Ok(Outcome::check(layers::check(&context.workspace.packages)))
}
