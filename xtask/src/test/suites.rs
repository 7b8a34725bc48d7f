//! Steps that build and run: test suites, documentation examples, the example applications.
//!
//! A package under `tests/` whose tests need other programs lists them in its manifest,
//!
//! ```toml
//! [package.metadata.mainstay]
//! needs = ["chromium"]
//! ```
//!
//! and gets the path of each in the environment (see [`services`]). Such suites are left out of the plain step, so
//! that everything else runs where a program is missing.
//!
//! A package whose tests start an application on the database that `MAINSTAY_TEST_DATABASE` names lists the engines on
//! which they run once more: `databases = ["postgres", "mysql"]` (see [`databases`]).

mod databases;

use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use crate::{
    http,
    outcome::{Outcome, Result},
    process::Background,
    services,
    test::{Context, cargo},
    workspace::Package,
};

/// `cargo test`, not nextest: it is there on every machine that has Rust, and one command covers libraries, programs
/// and integration tests.
pub(crate) fn tests(context: &Context) -> Result<Outcome> {
    let mut outcome = with_services(context, command_of_tests(context))?;
    outcome.absorb(databases::on_each(context, command_of_tests(context))?);
    Ok(outcome)
}

fn command_of_tests(context: &Context) -> Command {
    let mut command = context.workspace.cargo();
    command.args(["test", "--workspace", "--all-features", "--no-fail-fast", "--lib", "--bins", "--tests"]);
    for package in needy(context) {
        command.args(["--exclude", &package.name]);
    }
    // A changed snapshot is a failure to look at, never a file that appears in the checkout.
    command.env("INSTA_UPDATE", "no");
    command
}

pub(crate) fn doctests(context: &Context) -> Result<Outcome> {
    let mut command = context.workspace.cargo();
    command.args(["test", "--workspace", "--all-features", "--no-fail-fast", "--doc"]);
    with_services(context, command)
}

/// Runs suites that may ask for database servers.
fn with_services(context: &Context, mut command: Command) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    command.envs(context.services(&mut outcome).variables());
    outcome.absorb(cargo::test(command)?);
    Ok(outcome)
}

pub(crate) fn end_to_end(context: &Context) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    for package in needy(context) {
        let mut command = context.workspace.cargo();
        command.args(["test", "--package", &package.name, "--all-features", "--no-fail-fast"]);
        match provide(package, &mut command) {
            Ok(()) => outcome.absorb(with_services(context, command)?),
            Err(why) => outcome.skipped.push(format!("{}: {why}", package.name)),
        }
    }
    Ok(outcome)
}

fn needy(context: &Context) -> impl Iterator<Item = &Package> {
    context.workspace.packages.iter().filter(|package| !package.needs.is_empty())
}

fn provide(package: &Package, command: &mut Command) -> Result<()> {
    for need in &package.needs {
        let program = services::find(need).ok_or_else(|| format!("nothing is known about `{need}`"))?;
        command.env(program.place.variable, program.provide()?);
    }
    Ok(())
}

/// How long an example may take to answer for the first time: it may create and fill its database before.
const FIRST_ANSWER: Duration = Duration::from_secs(30);
/// How long it may take to end after SIGTERM.
const LAST_BREATH: Duration = Duration::from_secs(15);

/// Builds each example the way that `cargo run` does, alone and with its own features, and drives it once.
pub(crate) fn examples(context: &Context) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    for package in context.workspace.below("examples") {
        let mut command = context.workspace.cargo();
        command.args(["build", "--package", &package.name]);
        let built = cargo::build(command, context.quietly())?;
        let usable = built.failures.is_empty();
        outcome.absorb(built);
        if usable {
            let program = context.workspace.target.join("debug").join(&package.name);
            let folder = context.workspace.target.join("xtask").join(&package.name);
            let driven = drive(&program, &folder).map_err(|why| format!("{}: {why}", package.name));
            outcome.absorb(Outcome::check(driven.err().into_iter().collect()));
        }
    }
    Ok(outcome)
}

/// Starts a server in an empty folder, waits until `/` answers, tells it to stop, and expects it to leave quietly.
fn drive(program: &Path, folder: &Path) -> Result<()> {
    let _none_yet = std::fs::remove_dir_all(folder);
    std::fs::create_dir_all(folder)?;
    let log = folder.join("output.log");
    let writer = std::fs::File::create(&log)?;
    let port = http::free_port()?;
    let mut command = Command::new(program);
    command.current_dir(folder).env("PORT", port.to_string()).env("DATABASE_URL", "sqlite:app.db");
    command.stdout(writer.try_clone()?).stderr(writer);
    let mut server = Background::start(command)?;

    let start = Instant::now();
    let answer = loop {
        match http::get(port, "/", Duration::from_secs(5)) {
            Ok(answer) => break answer,
            Err(_) if server.is_alive() && start.elapsed() < FIRST_ANSWER => {
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(error) => {
                let said = std::fs::read_to_string(&log)?;
                return Err(format!("did not answer on port {port}: {error}\n{said}").into());
            }
        }
    };
    if answer.status != 200 {
        return Err(format!("`GET /` answered {}", answer.status).into());
    }
    match server.stop("TERM", LAST_BREATH)? {
        Some(status) if status.success() => Ok(()),
        Some(status) => Err(format!("ended with {status} after SIGTERM").into()),
        None => Err(format!("still ran {} s after SIGTERM", LAST_BREATH.as_secs()).into()),
    }
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn says_that_a_program_ended_before_it_answered() {
        let folder = std::env::temp_dir().join(format!("mainstay-drive-{}", std::process::id()));
        let error = drive(Path::new("/bin/false"), &folder).unwrap_err().to_string();
        assert!(error.contains("did not answer"), "{error}");
        std::fs::remove_dir_all(folder).unwrap();
    }
}
