//! Running cargo and reading out of its output what failed.

use std::{process::Command, time::Duration};

use crate::{
    outcome::{Outcome, Result},
    process::{self, Ended, Show},
};

/// No single cargo command of the test run may take longer. The whole run has 90 minutes on two cores, and is meant to
/// stay below 30.
const DEADLINE: Duration = Duration::from_secs(45 * 60);

/// How many failures of one command are listed; the rest is in its output.
const LISTED: usize = 50;

/// Runs a cargo command that builds something. One check; every compiler error is a failure of its own.
pub(crate) fn build(command: Command, show: Show) -> Result<Outcome> {
    let ended = process::run(command, show, DEADLINE)?;
    Ok(Outcome::check(failures(&ended, show, diagnostics(&ended.output))))
}

/// The same, where a warning is as bad as an error but the command has no way to say so.
pub(crate) fn build_without_warnings(command: Command, show: Show) -> Result<Outcome> {
    let ended = process::run(command, show, DEADLINE)?;
    if ended.success() {
        return Ok(Outcome::check(warnings(&ended.output)));
    }
    Ok(Outcome::check(failures(&ended, show, diagnostics(&ended.output))))
}

/// Runs `cargo test`. Every test counts.
pub(crate) fn test(command: Command) -> Result<Outcome> {
    let ended = process::run(command, Show::Live, DEADLINE)?;
    let tests = tests(&ended.output);
    let found = if tests.failures.is_empty() { diagnostics(&ended.output) } else { tests.failures };
    Ok(Outcome { passed: tests.passed, failures: failures(&ended, Show::Live, found), ..Outcome::default() })
}

fn failures(ended: &Ended, show: Show, mut found: Vec<String>) -> Vec<String> {
    if ended.success() {
        return Vec::new();
    }
    if show == Show::Captured {
        println!("{}", ended.tail(300));
    }
    if ended.timed_out {
        found.insert(0, format!("killed after {} minutes", DEADLINE.as_secs() / 60));
    }
    if found.is_empty() {
        found.push(format!("{}:\n{}", ended.status, ended.tail(20)));
    }
    if found.len() > LISTED {
        let more = found.split_off(LISTED).len();
        found.push(format!("… and {more} more, see the output above"));
    }
    found
}

/// The compiler's errors as `message (file:line:column)`.
fn diagnostics(output: &str) -> Vec<String> {
    with_place(output, |line| line.starts_with("error[") || line.starts_with("error: "))
}

fn warnings(output: &str) -> Vec<String> {
    with_place(output, |line| line.starts_with("warning: "))
}

fn with_place(output: &str, is_one: impl Fn(&str) -> bool) -> Vec<String> {
    let lines: Vec<&str> = output.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        // What cargo says after the compiler's own messages repeats them.
        let summary = [
            "could not compile",
            "could not document",
            "aborting due to",
            "generated",
            "process didn't exit",
        ];
        if !is_one(line) || summary.iter().any(|phrase| line.contains(phrase)) {
            continue;
        }
        let place = lines[at + 1..]
            .iter()
            .take(4)
            .take_while(|next| !is_one(next))
            .find_map(|line| line.trim_start().strip_prefix("--> "));
        found.push(match place {
            Some(place) => format!("{line} ({place})"),
            None => (*line).to_owned(),
        });
    }
    found.dedup();
    found
}

struct Tests {
    passed: u64,
    failures: Vec<String>,
}

/// Counts `test result:` lines and names every failed test by its binary.
fn tests(output: &str) -> Tests {
    let mut tests = Tests { passed: 0, failures: Vec::new() };
    let mut binary = "";
    for line in output.lines() {
        let line = line.trim_start();
        if let Some(running) = line.strip_prefix("Running ") {
            binary = running.rsplit(['/', '(']).next().unwrap_or(running).trim_end_matches(')');
            binary = binary.rsplit_once('-').map_or(binary, |(name, _hash)| name);
        } else if let Some(name) = line.strip_prefix("Doc-tests ") {
            binary = name;
        } else if let Some(result) = line.strip_prefix("test result: ") {
            tests.passed += count(result, "passed");
        } else if let Some(name) =
            line.strip_prefix("test ").and_then(|line| line.strip_suffix(" ... FAILED"))
        {
            tests.failures.push(format!("{binary}: {name}"));
        } else if line.contains("(signal: ") && line.contains("process didn't exit successfully") {
            tests.failures.push(format!("{binary}: {line}"));
        }
    }
    tests
}

fn count(result: &str, what: &str) -> u64 {
    let words = result.split([';', '.']).map(str::trim);
    words
        .filter_map(|part| part.strip_suffix(what))
        .filter_map(|number| number.trim().parse::<u64>().ok())
        .sum()
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn counts_tests_and_names_the_binary_of_a_failed_one() {
        let output = "
     Running unittests src/lib.rs (target/debug/deps/mainstay_core-0123456789abcdef)
running 2 tests
test keys::seals ... ok
test keys::opens ... FAILED
test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
   Doc-tests mainstay_http
test result: ok. 11 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.00s
";
        let tests = tests(output);
        assert_eq!(tests.passed, 12);
        assert_eq!(tests.failures, ["mainstay_core: keys::opens"]);
    }

    #[test]
    fn names_a_test_binary_that_crashed() {
        let output = "
     Running tests/it/main.rs (target/debug/deps/it-0123456789abcdef)
error: test failed
Caused by:
  process didn't exit successfully: `…/it-0123456789abcdef` (signal: 6, SIGABRT: process abort signal)
";
        assert_eq!(tests(output).failures.len(), 1);
        assert!(tests(output).failures[0].starts_with("it: process"));
    }

    #[test]
    fn gives_compiler_errors_their_place_and_leaves_out_the_summary() {
        let output = "
error[E0425]: cannot find value `x` in this scope
 --> crates/core/src/lib.rs:3:5
  |
error: could not compile `mainstay-core` (lib) due to 1 previous error
";
        assert_eq!(
            diagnostics(output),
            ["error[E0425]: cannot find value `x` in this scope (crates/core/src/lib.rs:3:5)"]
        );
    }
}
