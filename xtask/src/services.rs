//! What suites and benches need from outside: programs, found or installed when run as root, and database servers.
//!
//! - [`programs`]: browsers, load generators, servers, as Debian packages.
//! - [`pypi`] and [`npm`]: packages of other languages, in folders below `target/`.
//! - [`running`]: servers that run for the while, and the variables by which suites find them.
//!
//! Nothing here is needed to build, to run the examples, or for suites that are content with SQLite. What is missing is
//! said aloud by whoever needs it, and fails under continuous integration.

pub(crate) mod npm;
mod programs;
pub(crate) mod pypi;
mod running;

use std::process::{Command, ExitCode};

use crate::{arguments::Arguments, outcome::Result, workspace::unpackaged};

pub(crate) use programs::find;
pub(crate) use running::Running;

/// `cargo xtask services`: all programs, or those named; or `run`, a command with servers.
pub(crate) fn main(mut arguments: Arguments) -> Result<ExitCode> {
    let command = arguments.after_dashes();
    let names = arguments.rest()?;
    match (names.first().map(String::as_str), command) {
        (Some("run"), command) if names.len() == 1 => run(&command.unwrap_or_default()),
        (_, Some(_)) => Err("only `services run` takes a command after `--`".into()),
        (_, None) => list(&names),
    }
}

fn list(names: &[String]) -> Result<ExitCode> {
    if let Some(unknown) = names.iter().find(|name| find(name).is_none()) {
        return Err(format!("nothing is known about `{unknown}`").into());
    }
    let mut complete = true;
    for program in
        programs::all().filter(|program| names.is_empty() || names.iter().any(|name| name == program.name))
    {
        let place = program.provide();
        complete &= place.is_ok();
        match place {
            Ok(path) => println!("{:<10} {} ({})", program.name, path.display(), program.purpose),
            Err(why) => println!("{:<10} MISSING for {}: {why}", program.name, program.purpose),
        }
    }
    Ok(if complete { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs a command, or a shell, while the servers run, and ends as it does.
fn run(command: &[String]) -> Result<ExitCode> {
    let running = Running::start();
    for (name, value) in running.variables() {
        eprintln!("{name}={value}");
    }
    for why in running.missing() {
        eprintln!("MISSING {why}");
    }
    let shell = [std::env::var("SHELL").unwrap_or_else(|_| "sh".to_owned())];
    let words = if command.is_empty() { &shell[..] } else { command };
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).envs(running.variables());
    unpackaged(&mut command);
    let status = command.status().map_err(|error| format!("cannot start {}: {error}", words[0]))?;
    Ok(match status.code() {
        Some(code) => ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX)),
        None => ExitCode::FAILURE,
    })
}
