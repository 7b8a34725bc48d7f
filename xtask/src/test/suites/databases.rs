//! Tests of applications once more, on other engines: the same binaries, told by `MAINSTAY_TEST_DATABASE`.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::{
    outcome::{Outcome, Result},
    process,
    test::{Context, cargo},
    workspace::Package,
};

/// Runs the tests of each package on each engine that it names. `command` is that which has just built and run them: with
/// other arguments cargo would build half of the workspace again, for the sake of other features.
pub(super) fn on_each(context: &Context, mut command: Command) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    let packages: Vec<&Package> =
        context.workspace.packages.iter().filter(|package| !package.databases.is_empty()).collect();
    if packages.is_empty() {
        return Ok(outcome);
    }
    command.args(["--no-run", "--message-format", "json"]);
    let messages = process::output(command)?;
    for package in packages {
        let folder = context.workspace.root.join(&package.folder);
        let binaries = binaries(&messages, &folder.join("Cargo.toml"));
        if binaries.is_empty() {
            outcome.absorb(Outcome::failed(format!("{} has no tests to run on other engines", package.name)));
        }
        for database in &package.databases {
            println!("--- {} on {database}", package.name);
            for binary in &binaries {
                let mut test = Command::new(binary);
                // What cargo sets when it runs them.
                test.current_dir(&folder).env("CARGO_MANIFEST_DIR", &folder);
                test.env("MAINSTAY_TEST_DATABASE", database).env("INSTA_UPDATE", "no");
                test.envs(context.services(&mut outcome).variables());
                let mut ran = cargo::test(test)?;
                for failure in &mut ran.failures {
                    *failure = format!("{} on {database}{failure}", package.name);
                }
                outcome.absorb(ran);
            }
        }
    }
    Ok(outcome)
}

/// The integration tests of the package with this manifest, out of cargo's messages.
fn binaries(messages: &str, manifest: &Path) -> Vec<PathBuf> {
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    messages
        .filter(|message| message["manifest_path"].as_str().is_some_and(|path| Path::new(path) == manifest))
        .filter(|message| message["target"]["kind"][0] == "test")
        .filter_map(|message| message["executable"].as_str().map(PathBuf::from))
        .collect()
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn takes_only_integration_tests_of_the_package() {
        let message = |package: &str, kind: &str, executable: Option<&str>| {
            serde_json::json!({
                "reason": "compiler-artifact", "manifest_path": format!("/w/{package}/Cargo.toml"),
                "target": {"kind": [kind]}, "executable": executable,
            })
            .to_string()
        };
        let messages = [
            message("a", "lib", Some("/w/target/a-lib")),
            message("a", "test", Some("/w/target/a-it")),
            message("b", "test", Some("/w/target/b-it")),
            message("a", "lib", None),
            "no message".to_owned(),
        ];
        let found = binaries(&messages.join("\n"), Path::new("/w/a/Cargo.toml"));
        assert_eq!(found, [Path::new("/w/target/a-it")]);
    }
}
