//! Steps that need crates to be read and type-checked, not built.

use crate::{
    outcome::{Outcome, Result},
    test::{Context, cargo},
};

pub(crate) fn formatting(context: &Context) -> Result<Outcome> {
    let mut command = context.workspace.cargo();
    command.args(["fmt", "--all", "--check", "--", "--files-with-diff", "--color=never"]);
    let ended = crate::process::run(command, context.quietly(), std::time::Duration::from_secs(300))?;
    if ended.success() {
        return Ok(Outcome::check(vec![]));
    }
    let root = format!("{}/", context.workspace.root.display());
    let files = ended.output.lines().map(|line| line.replace(&root, "")).collect::<Vec<_>>();
    Ok(Outcome::failed(format!("`cargo fmt` would change: {}", files.join(" "))))
}

pub(crate) fn clippy(context: &Context) -> Result<Outcome> {
    let mut command = context.workspace.cargo();
    command.args(["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"]);
    cargo::build(command, context.quietly())
}

/// Checks every crate without features and with each feature alone. `check`, not `build`: what could be missing shows
/// in the types, and dependencies whose features differ are only type-checked again.
pub(crate) fn features(context: &Context) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    for package in context.workspace.below("crates") {
        let none = std::iter::once(None);
        for feature in none.chain(package.features.iter().map(Some)) {
            let mut command = context.workspace.cargo();
            command.args(["check", "--package", &package.name, "--no-default-features"]);
            if let Some(feature) = feature {
                command.args(["--features", feature]);
            }
            let checked = cargo::build_without_warnings(command, context.quietly())?;
            let with =
                feature.map_or("without features".to_owned(), |feature| format!("with only `{feature}`"));
            outcome.passed += checked.passed;
            outcome
                .failures
                .extend(checked.failures.iter().map(|line| format!("{} {with}: {line}", package.name)));
        }
    }
    Ok(outcome)
}

pub(crate) fn rustdoc(context: &Context) -> Result<Outcome> {
    let mut command = context.workspace.cargo();
    // A folder's front page leads its readers through private modules too, and rustdoc shall check that map.
    command.env("RUSTDOCFLAGS", "-D warnings -A rustdoc::private-intra-doc-links");
    command.args(["doc", "--workspace", "--all-features", "--no-deps", "--document-private-items"]);
    cargo::build(command, context.quietly())
}
